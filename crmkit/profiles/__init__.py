"""What marks a group of customers: traits, numbers, and how far both are from everybody else's."""
