"""Texts and numbers as they are written to dates, money and ids."""
