"""What people say about their data: the words of the command line and of `crmkit.read`, checked once for both."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date as Day
from pathlib import Path
from typing import TYPE_CHECKING

from crmkit.errors import UsageError
from crmkit.load.account.freshness import Age
from crmkit.load.account.gates import Gate
from crmkit.load.find.inside import Where
from crmkit.load.plan import Options
from crmkit.parse import choice, day, duration

if TYPE_CHECKING:
    from crmkit.load.lists import Excluded

ROLES = ("customer", "date", "amount", "order", "orders", "product", "cost", "store", "status", "refunded")
_TEXT = (
    *ROLES,
    "encoding",
    "delimiter",
    "layout",
    "date_format",
    "decimal",
    "tz",
    "source_tz",
    "currency",
    "max_age",
    "sheet",
    "query",
    "endpoint",
    "version",
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Columns by the role that they play, how values are written, and which rows count; see `crmkit.read`."""

    customer: str | None = None
    date: str | None = None
    amount: str | None = None
    order: str | None = None
    orders: str | None = None
    product: str | None = None
    cost: str | None = None
    store: str | None = None
    status: str | None = None
    refunded: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: str | Sequence[str] | None = None
    layout: str | None = None
    date_format: str | None = None
    decimal: str | None = None
    tz: str = "UTC"
    source_tz: str | None = None
    as_of: str | Day | None = None
    since: str | Day | None = None
    currency: str | None = None
    exclude_status: str | Sequence[str] | None = None
    refund_status: str | Sequence[str] | None = None
    amount_per: str | None = None
    orders_restart: str | None = None
    count: bool = False
    exclude: str | Path | None = None
    refunds: str = "net"
    no_customer: str = "drop"
    no_customer_id: str | Sequence[str] | None = None
    strict: bool = False
    max_rejects: str | float | None = None
    max_age: str | None = None
    min_rows: int | None = None
    sheet: str | None = None
    query: str | None = None
    endpoint: str | None = None
    version: str | None = None

    def __post_init__(self) -> None:
        for name in _TEXT:
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise UsageError(f"{_option(name)} is {value!r}, and it must be text that is not empty.")
        if self.count and (self.amount or self.cost):
            raise UsageError(
                "--count is for files without amounts, and --amount or --cost names one. Leave one of them out."
            )
        if self.min_rows is not None and self.min_rows < 1:
            raise UsageError(f"--min-rows {self.min_rows} is below 1. Give the least number of rows.")
        choice("--refunds", self.refunds, ("net", "ignore"))
        choice("--no-customer", self.no_customer, ("drop", "fail"))
        if self.amount_per is not None:
            choice("--amount-per", self.amount_per, ("order", "line"))
        if self.orders_restart is not None:
            choice("--orders-restart", self.orders_restart, ("daily", "never"))
        if self.decimal is not None:
            choice("--decimal", self.decimal, (".", ","))
        _check_zone("--tz", self.tz)
        if self.source_tz is not None:
            _check_zone("--source-tz", self.source_tz)

    @property
    def named(self) -> frozenset[str]:
        """The roles whose columns were named."""
        return frozenset(name for name in ROLES if getattr(self, name))

    def options(self) -> Options:
        """The same as the loader wants it; UsageError or DataError for what cannot be."""
        return Options(
            columns={name: getattr(self, name) for name in ROLES},
            encoding=self.encoding,
            delimiter=self.delimiter,
            header=_header(self.header),
            layout=self.layout,
            date_format=self.date_format,
            decimal=self.decimal,
            tz=self.tz,
            source_tz=self.source_tz,
            nobody=tuple(word.lower() for word in _words(self.no_customer_id)),
            as_of=day("--as-of", self.as_of),
            since=day("--since", self.since),
            currency=self.currency,
            exclude_status=_words(self.exclude_status),
            refund_status=_words(self.refund_status),
            amount_per=self.amount_per,
            orders_restart=self.orders_restart,
            count=self.count,
            ignore_refunds=self.refunds == "ignore",
            exclude=_excluded(self.exclude),
        )

    def where(self) -> Where:
        """Where in the input the rows are."""
        return Where(sheet=self.sheet, query=_query(self.query), endpoint=self.endpoint, version=self.version)

    def gate(self) -> Gate:
        """The limits on rows set aside."""
        rows, share = _limit(self.max_rejects)
        return Gate(
            strict=self.strict,
            rows=rows,
            share=share,
            named=self.no_customer == "fail",
            age=self._age(),
            least=self.min_rows,
        )

    def _age(self) -> Age | None:
        if self.max_age is None:
            return None
        return Age(duration(self.max_age, "--max-age").days, self.max_age, day("--as-of", self.as_of))


NAMES = tuple(spec.name for spec in fields(Reading))


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _excluded(name: str | Path | None) -> Excluded | None:
    if name is None:
        return None
    from crmkit.load import lists

    return lists.excluded(str(name))


def _words(given: str | Sequence[str] | None) -> tuple[str, ...]:
    listed = given.split(",") if isinstance(given, str) else given or ()
    return tuple(word.strip() for word in listed if word.strip())


def _query(given: str | None) -> str | None:
    """SQL, or what the file of that name holds; UsageError where there is no such file."""
    if given is None or len(given.split()) > 1:
        return given
    try:
        return Path(given).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"--query {given!r} is a file that cannot be read ({why}). Name a file with SQL in it."
        ) from None


def _header(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """The columns of a file without a header line; UsageError where a name is missing or comes twice."""
    listed = given.split(",") if isinstance(given, str) else given or ()
    names = tuple(name.strip() for name in listed)
    if "" in names or len(set(names)) < len(names):
        raise UsageError(f"--header {given!r} must name each column of the file once, with commas between.")
    return names


def _check_zone(option: str, name: str) -> None:
    """UsageError for a time zone that does not exist."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"{option} {name!r} is not a time zone; names are like Europe/London or Asia/Shanghai."
        ) from None


def _limit(given: str | float | None) -> tuple[float | None, float | None]:
    """Rows, or a share of the rows read; one of the two, or neither."""
    if given is None:
        return None, None
    text = str(given).strip()
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf") or (text.endswith("%") and value > 100):
        raise UsageError(
            f"--max-rejects {given!r} is neither a number of rows (100) nor a share of them (5%)."
        )
    return (None, value / 100) if text.endswith("%") else (value, None)
