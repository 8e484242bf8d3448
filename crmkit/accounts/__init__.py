"""Which accounts to spend time on: how different customers are, who is most valuable, who could be, and one score."""
