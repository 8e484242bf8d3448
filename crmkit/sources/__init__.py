"""Where the data are: what is no plain file becomes bytes or columns, of which `load` makes the batches that all else is made of.

Nothing in here knows of customers. Each library is an optional extra, imported where it is used first.
"""
