"""The process around a command: a supervisor, and one exit status for each kind of end."""
