"""One row per customer in pandas: pandas_customers.py INPUT OUTPUT."""

import sys

import pandas as pd
from pandas_read import orders, read

source, output = sys.argv[1:]
rows = read(source, ["customer_id", "order_id", "order_date", "amount", "cost"])
rows["order_date"] = rows["order_date"].dt.normalize()
as_of = rows["order_date"].max()
bought = rows[rows["amount"] > 0]
purchases = bought.groupby("customer_id")
daily = rows.groupby(["customer_id", "order_date"])["amount"].sum()
table = pd.DataFrame(
    {
        "first": purchases["order_date"].min(),
        "last": purchases["order_date"].max(),
        "orders": orders(bought),
        "days": bought.drop_duplicates(["customer_id", "order_date"]).groupby("customer_id").size(),
        "rows": purchases.size(),
    }
)
sums = rows.groupby("customer_id")[["amount", "cost"]].sum()
table["revenue"] = sums["amount"] / 100
table["refunds"] = -rows["amount"].clip(upper=0).groupby(rows["customer_id"]).sum() / 100
table["first_revenue"] = (
    daily.reindex(pd.MultiIndex.from_arrays([table.index, table["first"]])).to_numpy() / 100
)
table["profit"] = (sums["amount"] - sums["cost"]) / 100
table["recency"] = (as_of - table["last"]).dt.days
table["x"] = table["days"] - 1
table["t_x"] = (table["last"] - table["first"]).dt.days
table["T"] = (as_of - table["first"]).dt.days
table.rename_axis("customer").reset_index().to_parquet(output, index=False)
