"""A customer's place among the others, decided from counts."""
