"""Derivatives, maxima, integrals and special functions."""
