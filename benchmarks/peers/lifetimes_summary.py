"""Transactions to one row per customer in lifetimes: lifetimes_summary.py INPUT OUTPUT."""

import sys

import pyarrow.parquet as pq
from lifetimes.utils import summary_data_from_transaction_data

source, output = sys.argv[1:]
rows = pq.read_table(source, columns=["customer_id", "order_date", "amount"]).to_pandas(date_as_object=False)
summary = summary_data_from_transaction_data(
    rows[rows["amount"] > 0],
    "customer_id",
    "order_date",
    monetary_value_col="amount",
    observation_period_end=rows["order_date"].max(),
)
renamed = summary.rename(columns={"frequency": "x", "recency": "t_x"}).rename_axis("customer").reset_index()
renamed.to_parquet(output, index=False)
