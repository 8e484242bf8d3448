"""Tiers as one writes them in a notebook: pandas_pareto.py INPUT OUTPUT."""

import sys

import numpy as np
import pandas as pd
from pandas_read import orders, read, write

source, output = sys.argv[1:]
rows = read(source, ["customer_id", "order_id", "order_date", "amount"])
bought = rows[rows["amount"] > 0]
placed = pd.DataFrame({"cents": rows.groupby("customer_id")["amount"].sum(), "orders": orders(bought)})
placed = placed.sort_values("cents", ascending=False)
total = placed["cents"].clip(lower=0).sum()
reached = placed["cents"].cumsum().groupby(placed["cents"]).transform("last")
floor_a, floor_b = (placed["cents"][reached * 100 >= total * cut].max() for cut in (80, 95))
placed["revenue"] = placed["cents"] / 100
placed["share"] = placed["cents"] / total
placed["cumulative_share"] = reached / total
placed["rank"] = placed["cents"].rank(method="min", ascending=False).astype("int64")
cents = placed["cents"]
placed["tier"] = np.select([cents < 0, cents >= floor_a, cents >= floor_b], ["below zero", "A", "B"], "C")
write(placed[["revenue", "share", "cumulative_share", "rank", "tier"]], "revenue", output)
print(placed.groupby("tier").agg({"revenue": ["size", "sum", "mean", "min"], "orders": "sum"}))
