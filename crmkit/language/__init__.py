"""Words for people: text made safe for a screen."""
