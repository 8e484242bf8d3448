"""From what was typed to the files that are meant."""
