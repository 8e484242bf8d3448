"""Reading for the pandas scripts, with dates as numbers: Python date objects would cost it minutes."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq


def read(source: str, columns: list[str]) -> pd.DataFrame:
    """Some columns of a Parquet or CSV file, the amount as whole cents."""
    if Path(source).suffix == ".parquet":
        frame = pq.read_table(source, columns=columns).to_pandas(date_as_object=False)
    else:
        frame = pd.read_csv(source, usecols=columns, parse_dates=["order_date"], engine="pyarrow")
    for money in {"amount", "cost"} & set(columns):
        frame[money] = (frame[money].astype("float64") * 100).round().astype("int64")
    return frame


def orders(bought: pd.DataFrame) -> pd.Series:
    """Distinct orders of each customer."""
    return bought.drop_duplicates(["customer_id", "order_id"]).groupby("customer_id").size()


def write(frame: pd.DataFrame, by: str, output: str) -> None:
    """The export, largest first and equal ones by id."""
    frame = frame.rename_axis("customer").reset_index().sort_values([by, "customer"], ascending=[False, True])
    frame.to_parquet(output, index=False)
