"""Customers over time: periods, days of purchase, and what models need of them."""
