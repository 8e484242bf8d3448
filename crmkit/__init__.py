"""Customer analytics: Pareto tiers, RFM, lifetime value and what belongs beside them.

    import crmkit

    sales = crmkit.read("sales.csv")              # a path, a list of them, an open file, or a frame
    print(crmkit.rfm.analyse(sales).tables["segments"])
    print(crmkit.pareto.analyse("sales.csv").headline)

Each question is a module (`crmkit.rfm`, `crmkit.pareto`, …) with `analyse(data, *, options) -> Result`,
where the options are those of `crmkit rfm --help`, and `data` is what `read` returns, or takes, or
customers (`crmkit.customers.build`). Modules are imported when they are first used, so that the
command line starts at once. See docs/python.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date as _date
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit import _version
from crmkit.errors import CrmkitError, DataError, GateError, ModelError, UsageError

if TYPE_CHECKING:
    from crmkit import backtest as backtest
    from crmkit import basket as basket
    from crmkit import check as check
    from crmkit import churn as churn
    from crmkit import clv as clv
    from crmkit import cohort as cohort
    from crmkit import customers as customers
    from crmkit import deviation as deviation
    from crmkit import lifecycle as lifecycle
    from crmkit import migration as migration
    from crmkit import models as models
    from crmkit import pareto as pareto
    from crmkit import profile as profile
    from crmkit import report as report
    from crmkit import returns as returns
    from crmkit import rfm as rfm
    from crmkit import sample as sample
    from crmkit import trend as trend
    from crmkit.accounts import difference_matrix as difference_matrix
    from crmkit.accounts import most_valuable as most_valuable
    from crmkit.accounts import score as score
    from crmkit.campaigns import lift as lift
    from crmkit.campaigns import split as split
    from crmkit.load.dataset import Dataset as Dataset
    from crmkit.nightly import diff as diff
    from crmkit.result import Result as Result
    from crmkit.whatif import accumulation as accumulation
    from crmkit.whatif import value as value

__version__ = _version.VERSION
# Questions that live in a room of their own, and names that stand for something in a module.
_HOMES = {
    "accumulation": "whatif.accumulation",
    "diff": "nightly.diff",
    "difference_matrix": "accounts.difference_matrix",
    "lift": "campaigns.lift",
    "most_valuable": "accounts.most_valuable",
    "score": "accounts.score",
    "split": "campaigns.split",
    "value": "whatif.value",
}
_OBJECTS = {"Dataset": "load.dataset", "Result": "result"}
__all__ = [
    "CrmkitError",
    "DataError",
    "Dataset",
    "GateError",
    "ModelError",
    "Result",
    "UsageError",
    "__version__",
    "accumulation",
    "backtest",
    "basket",
    "check",
    "churn",
    "clv",
    "cohort",
    "customers",
    "deviation",
    "diff",
    "difference_matrix",
    "lifecycle",
    "lift",
    "migration",
    "models",
    "most_valuable",
    "pareto",
    "profile",
    "read",
    "report",
    "returns",
    "rfm",
    "sample",
    "score",
    "split",
    "trend",
    "value",
]


def read(
    data: Any,
    *,
    customer: str | None = None,
    date: str | None = None,
    amount: str | None = None,
    order: str | None = None,
    orders: str | None = None,
    product: str | None = None,
    cost: str | None = None,
    store: str | None = None,
    status: str | None = None,
    refunded: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: str | Sequence[str] | None = None,
    layout: str | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    tz: str = "UTC",
    source_tz: str | None = None,
    as_of: str | _date | None = None,
    since: str | _date | None = None,
    currency: str | None = None,
    exclude_status: str | Sequence[str] | None = None,
    refund_status: str | Sequence[str] | None = None,
    amount_per: str | None = None,
    orders_restart: str | None = None,
    count: bool = False,
    exclude: str | Path | None = None,
    refunds: str = "net",
    no_customer: str = "drop",
    no_customer_id: str | Sequence[str] | None = None,
    strict: bool = False,
    max_rejects: str | float | None = None,
    max_age: str | None = None,
    min_rows: int | None = None,
    sheet: str | None = None,
    query: str | None = None,
    endpoint: str | None = None,
    version: str | None = None,
) -> Dataset:
    """The transactions, or the customers, of files, a frame or an open file.

    Nothing but the header and a sample is read yet; each question reads the columns that it needs.

    Args:
        data: a path, glob or folder; a list of them; an open file; or a frame of Polars, pandas, PyArrow or
            whatever speaks Arrow.
        customer, date, amount, order, orders, product, cost, store, status, refunded: the columns that play these roles, where
            their names do not tell; amount and cost may be formulas, such as "quantity * price".
        encoding, delimiter, header, date_format, decimal, tz, source_tz: how the file is written, where it does not tell.
        layout: the export that the file is (a name or a .toml file), or "none".
        refund_status: words of the status column that mean money back.
        count: the rows have no amounts; purchases are counted, and answers leave money out.
        amount_per, orders_restart: "order" or "line", "daily" or "never": what amounts and order numbers are of.
        as_of, since: the last and the first day that count, as "2024-06-30" or a date.
        currency, exclude_status, exclude, refunds: which rows count ("net" or "ignore" for refunds).
        no_customer_id: further words that stand for no customer.
        sheet: which sheet of a workbook, file in an archive or table of a database, where several could be meant; a pattern
            takes all that fit.
        query: SQL for a database, or a file with it.
        version: of a lake table: its number (of Iceberg, of a snapshot), or the day or moment whose rows are meant.
        endpoint: the address of an object store that is not in the usual place.
        no_customer, strict, max_rejects, max_age, min_rows: when to refuse rows, a file whose latest day is old, or a short one.

    Raises UsageError for options that cannot be, DataError for columns and files that are not there.
    """
    from crmkit.load.dataset import read as read_data
    from crmkit.load.door import pythonic
    from crmkit.load.reading import Reading

    named = {name: value for name, value in locals().items() if name in Reading.__dataclass_fields__}
    with pythonic():
        return read_data(data, Reading(**named))


def __getattr__(name: str) -> Any:
    if name in _OBJECTS:
        return getattr(import_module(f"crmkit.{_OBJECTS[name]}"), name)
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return import_module(f"crmkit.{_HOMES.get(name, name)}")
    except ModuleNotFoundError as error:
        if error.name != f"crmkit.{name}":
            raise
        raise AttributeError(f"module 'crmkit' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted(__all__)
