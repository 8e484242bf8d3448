"""RFM as one writes it in a notebook: pandas_rfm.py INPUT OUTPUT."""

import sys

import numpy as np
import pandas as pd
from pandas_read import orders, read, write

SEGMENTS = {
    "Champions": "54 55",
    "Loyal": "34 35 44 45",
    "Potential Loyalist": "42 43 52 53",
    "New": "51",
    "Promising": "41",
    "Need Attention": "33",
    "About To Sleep": "31 32",
    "At Risk": "13 14 23 24",
    "Can't Lose": "15 25",
    "Hibernating": "11 12 21 22",
}
NAMES = {int(cell): name for name, cells in SEGMENTS.items() for cell in cells.split()}


def score(values: pd.Series) -> pd.Series:
    """Five bins by rank; equal values share one."""
    return np.ceil(values.rank(method="min") * 5 / len(values)).astype("int64")


source, output = sys.argv[1:]
rows = read(source, ["customer_id", "order_id", "order_date", "amount"])
as_of = rows["order_date"].max()
bought = rows[rows["amount"] > 0]
rfm = pd.DataFrame(
    {
        "last": bought.groupby("customer_id")["order_date"].max(),
        "frequency": orders(bought),
        "monetary": rows.groupby("customer_id")["amount"].sum(),
    }
).dropna()
rfm["recency"] = (as_of.normalize() - rfm["last"].dt.normalize()).dt.days
rfm["frequency"] = rfm["frequency"].astype("int64")
rfm["r"], rfm["f"], rfm["m"] = 6 - score(rfm["recency"]), score(rfm["frequency"]), score(rfm["monetary"])
rfm["rfm"] = rfm["r"] * 100 + rfm["f"] * 10 + rfm["m"]
rfm["segment"] = (rfm["r"] * 10 + rfm["f"]).map(NAMES)
rfm["monetary"] = rfm["monetary"] / 100
write(rfm, "monetary", output)
sums = rfm.groupby("segment").agg(
    customers=("r", "size"),
    revenue=("monetary", "sum"),
    mean_recency=("recency", "mean"),
    mean_orders=("frequency", "mean"),
    orders=("frequency", "sum"),
)
print(sums.assign(share=sums["customers"] / len(rfm), mean_order_value=sums["revenue"] / sums["orders"]))
