"""The answer in a sentence or two, what it is about, and what to type next, for every question."""
