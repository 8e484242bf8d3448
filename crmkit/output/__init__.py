"""A Result on its way to the terminal, to standard output and to files."""
