"""A ledger: batches of customer-days that were read once, and are what their files would be.

A folder with one Parquet file for each batch and a manifest, which alone says what is in it.
"""
