"""The files that are measured on, made by crmkit's own generator: python -m benchmarks.data NAME..."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

HERE = Path(__file__).parent
FOLDER = HERE / "data"
_STYLES = {"int": "numbers", "str": "short"}
_PAGES = ("plain", "dictionary", "checksums")
_REARRANGED = ("shuffled", "late", "blanks", "restart")
# What the generator does not make: another file is written again.
_REWRITTEN = (*_REARRANGED, *_PAGES)


@dataclass(frozen=True, kw_only=True)
class Data:
    """A file by what is in it. `waist` is a customers table, `baskets` are orders of some of 5,000 products.

    Money is doubles in Parquet unless `exact`.
    Rows come as shops have them, `shuffled`, or with the first purchase once more at the end (`late`).
    With `blanks` most ids of customers (text) have some around them, and half of the customers are in upper case.
    Order numbers `restart` twice, so that most of them are those of three customers.
    Pages of Parquet are as PyArrow makes them, all `plain` or all of a `dictionary`, and may have `checksums`.
    """

    rows: int = 0
    customers: int = 0
    ids: str = "int"
    ending: str = "parquet"
    exact: bool = False
    times: bool = False
    waist: bool = False
    baskets: bool = False
    shuffled: bool = False
    late: bool = False
    blanks: bool = False
    restart: bool = False
    plain: bool = False
    dictionary: bool = False
    checksums: bool = False

    def scaled(self, scale: float) -> Data:
        """The same with fewer or more rows and customers."""
        values = vars(self) | {"rows": int(self.rows * scale), "customers": int(self.customers * scale)}
        return Data(**values)

    @property
    def original(self) -> Data:
        """The file as the generator makes it."""
        return replace(self, **dict.fromkeys(_REWRITTEN, False))

    @property
    def name(self) -> str:
        """A file name that says all of it."""
        size = f"{self.customers}c" if self.waist else f"{self.rows}r"
        marks = [mark for mark in ("exact", "times", *_REWRITTEN) if getattr(self, mark)]
        kind = "customers" if self.waist else "baskets" if self.baskets else "sales"
        return "-".join([kind, self.ids, size, *marks]) + f".{self.ending}"

    @classmethod
    def named(cls, name: str) -> Data:
        """The inverse of `name`."""
        stem, ending = name.split(".", 1)
        kind, ids, size, *marks = stem.split("-")
        waist, number = kind == "customers", int(size[:-1])
        sizes = {"customers" if waist else "rows": number}
        kinds = {"waist": waist, "baskets": kind == "baskets"}
        return cls(ids=ids, ending=ending, **kinds, **sizes, **dict.fromkeys(marks, True))

    @property
    def path(self) -> Path:
        """Where the file is, once it is made."""
        return FOLDER / self.name


def make(data: Data) -> Path:
    """Make the file unless it is there, in a process of its own: what measures must stay small."""
    if not data.path.exists():
        print(f"making {data.name}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "benchmarks.data", data.name], check=True, cwd=HERE.parent)
    return data.path


def _write(data: Data) -> None:
    import polars as pl
    import polars.selectors as cs

    from crmkit import sample

    FOLDER.mkdir(exist_ok=True)
    if data.original != data:
        _rewrite(data)
        return
    if data.baskets:
        sample.write(_baskets(data.rows), data.path)
        return
    size = {"customers": data.customers} if data.waist else {"rows": data.rows}
    book = sample.draw(**size, seed=1, ids=_STYLES.get(data.ids, data.ids), times=data.times)
    frames = sample.generate(book)
    if data.ending == "parquet" and not data.exact:
        frames = (frame.with_columns(cs.decimal().cast(pl.Float64)) for frame in frames)
    if not data.waist:
        sample.write(frames, data.path)
        return
    source = data.path.with_suffix(".rows.parquet")
    sample.write(frames, source)
    _customers(source, data.path)
    source.unlink()


def _baskets(rows: int) -> Iterator[pl.DataFrame]:
    """Orders of five lines in the mean, of 5,000 products of very different popularity."""
    import numpy as np
    import polars as pl

    draw = np.random.default_rng(7)
    popularity = np.cumsum(1 / np.arange(1, 5_001) ** 0.8)
    names = pl.Series([f"Product {place:05d}" for place in draw.permutation(5_000)])
    done, orders = 0, 0
    while done < rows:
        many = min(200_000, (rows - done) // 5 + 1)
        sizes = np.minimum(draw.geometric(0.2, many), 60)
        order = np.repeat(np.arange(many), sizes)
        lines = len(order)
        product = np.searchsorted(popularity, draw.random(lines) * popularity[-1])
        day = 19_000 + done * 600 // rows + np.sort(draw.integers(0, 30, many))
        yield pl.DataFrame(
            {
                "customer_id": draw.integers(0, rows // 10, many)[order],
                "order_id": order + orders,
                "order_date": day[order].astype(np.int32),
                "amount": np.round(draw.gamma(2, 8, lines) + 0.01, 2),
            }
        ).select(
            ("C" + pl.col("customer_id").cast(pl.String).str.zfill(7)).alias("customer_id"),
            ("O" + pl.col("order_id").cast(pl.String).str.zfill(8)).alias("order_id"),
            pl.col("order_date").cast(pl.Date),
            names.gather(product).alias("product"),
            "amount",
        )
        done, orders = done + lines, orders + many


def _rewrite(data: Data) -> None:
    """The rows of another file once more: with other ids, in an order that is hard, or in other pages."""
    import polars as pl
    import pyarrow.parquet as pq

    source = pq.ParquetFile(make(data.original))
    if any(getattr(data, mark) for mark in _REARRANGED):
        rows = rearranged(pl.read_parquet(data.original.path), data)
        oldest = pl.CompatLevel.oldest()
        tables = (part.to_arrow(compat_level=oldest) for part in rows.iter_slices(600_000))
    else:
        tables = (source.read_row_group(place) for place in range(source.num_row_groups))
    pages = {"use_dictionary": not data.plain, "write_page_checksum": data.checksums}
    # Else columns with many different values go over to plain pages after the first megabyte.
    pages |= {"dictionary_pagesize_limit": 2**30} if data.dictionary else {}
    with pq.ParquetWriter(data.path, source.schema_arrow, compression="zstd", **pages) as writer:
        for table in tables:
            writer.write_table(table)


def rearranged(rows: pl.DataFrame, data: Data) -> pl.DataFrame:
    """All rows with what `_REARRANGED` says of the file."""
    import polars as pl

    if data.shuffled:
        rows = rows.sample(fraction=1, shuffle=True, seed=1)
    if data.late:
        first = rows.filter(pl.col("amount") > 0, pl.col("customer_id").is_not_null()).head(1)
        rows = pl.concat([rows, first])
    if data.blanks:
        ids, row = pl.col("customer_id"), pl.int_range(pl.len())
        # By the last digit, so that a customer has one text.
        even = ids.str.contains(r"[02468]\D*$")
        ids = pl.when(even).then(ids.str.to_uppercase()).otherwise(ids.str.to_lowercase())
        before, after = (
            pl.when(row // part % 2 == 1).then(pl.lit(" ")).otherwise(pl.lit("")) for part in (1, 2)
        )
        rows = rows.with_columns(customer_id=before + ids + after)
    if data.restart:
        numbers = rows["order_id"].unique(maintain_order=True)
        place = pl.Series(range(len(numbers))) % (len(numbers) // 3 + 1)
        rows = rows.with_columns(pl.col("order_id").replace_strict(numbers, numbers.gather(place)))
    return rows


def _customers(source: Path, target: Path) -> None:
    """A customers table as a warehouse would make it."""
    import polars as pl

    rows = pl.scan_parquet(source).drop_nulls("customer_id")
    as_of = rows.select(pl.col("order_date").max()).collect().item()
    cents = (pl.col("amount") * 100).round().cast(pl.Int64)
    daily = (
        rows.with_columns(cents=cents)
        .group_by("customer_id", "order_date")
        .agg(
            pl.col("cents").sum(),
            refunds=-pl.col("cents").filter(pl.col("cents") < 0).sum(),
            orders=pl.col("order_id").filter(pl.col("cents") > 0).n_unique(),
            rows=(pl.col("cents") > 0).sum(),
        )
    )
    bought = pl.col("rows") > 0
    first = pl.col("order_date").filter(bought).min()
    table = daily.group_by(pl.col("customer_id").cast(pl.String).alias("customer")).agg(
        first=first,
        last=pl.col("order_date").filter(bought).max(),
        orders=pl.col("orders").cast(pl.Int64).sum(),
        days=bought.sum().cast(pl.Int64),
        rows=pl.col("rows").cast(pl.Int64).sum(),
        revenue=pl.col("cents").sum(),
        refunds=pl.col("refunds").sum(),
        first_revenue=pl.col("cents").filter(pl.col("order_date") == first).sum(),
    )
    money = pl.col("revenue", "refunds", "first_revenue").cast(pl.Decimal(38, 2)) / 100
    table.with_columns(
        money,
        recency=(as_of - pl.col("last")).dt.total_days(),
        x=pl.col("days") - 1,
        t_x=(pl.col("last") - pl.col("first")).dt.total_days(),
        T=(as_of - pl.col("first")).dt.total_days(),
    ).sort("customer").sink_parquet(target)


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        _write(Data.named(wanted))
