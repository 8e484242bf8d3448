"""What a job that runs every night asks for: gates against the run before, and what has changed since."""
