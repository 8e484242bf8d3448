"""One run of a command: its options, the files that it reads, the account, what is said, shown and written."""
