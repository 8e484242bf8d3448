"""What goes together: baskets, their pairs, and what chance alone would have put together."""
