"""Tables that hold customers instead of transactions: which column is what, and what their values are."""
