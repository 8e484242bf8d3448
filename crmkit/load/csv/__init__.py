"""Bytes of text to batches of columns."""
