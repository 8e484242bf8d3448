"""Questions about assumptions instead of a file: `accumulation` and `value`, and their inner rooms."""
