"""One module for each command: its own options, and the call of its analysis."""
