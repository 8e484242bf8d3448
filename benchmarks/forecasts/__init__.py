"""Forecasts of the past, by a protocol that was written before the results."""
