"""Campaigns as experiments: who is left out, and whether it paid."""
