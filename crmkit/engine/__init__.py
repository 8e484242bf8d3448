"""Rows that lie somewhere, and what makes passes over them cheap; nothing here knows a customer."""
