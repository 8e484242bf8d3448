"""What is in a file: the role of each column, the account of every row, and what looks odd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from crmkit.customers import Data
from crmkit.engine.rows import Counted, Rows
from crmkit.errors import UsageError
from crmkit.headlines import answered, checks
from crmkit.load import batches
from crmkit.load import statuses as words
from crmkit.load.columns.look import Column
from crmkit.load.dataset import transactions_of
from crmkit.load.door import question
from crmkit.load.files import Files
from crmkit.load.inputs import ROW, Input, StreamFlags
from crmkit.load.values.dates import spelt
from crmkit.load.values.numbers import BLANKS
from crmkit.result import Result

if TYPE_CHECKING:
    from crmkit.load.transactions import Transactions

_MERGE_FROM = 1 << 22
_FIRST = 1_000  # rows that tell what a column seems to hold
WANTS = frozenset({"order", "product", "quantity", "price", "cost", "channel", "group", "store"})
_CURRENCIES = (
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR NOK NZD PHP PLN RMB RUB SEK SGD THB "
    "TRY TWD UAH USD VND ZAR"
)
# Letters of other scripts that look like Latin ones, lower case after folding.
_LOOKALIKES = dict(zip("аеорсхуіѕкмтнвοανικρτυχ", "aeopcxyiskmthboavikptux", strict=True))
# Words for nothing that could be names after all, unlike those that the loader takes for blank.
_PLACEHOLDERS = {
    "(null)", "(NULL)", "(blank)", "(empty)", "undefined", "nil", "NIL", "#NULL!", "#REF!", "#VALUE!", "#NAME?", "unknown", "Unknown",
    "UNKNOWN", "guest", "Guest", "GUEST", "anonymous", "Anonymous", "0", "-1", "?", "total", "Total", "TOTAL", "合计", "总计",
}  # fmt: skip
_INVISIBLE = (
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)


@question
@answered(checks.check)
def analyse(data: Data) -> Result:
    """Roles, the account of rows and money, and what a careful reader would look at twice.

    Where the rows are on a cluster there are no examples, no types and no columns of currencies, as
    there are no first rows.
    """
    transactions = transactions_of(data, wants=WANTS)
    found = transactions.query(_ids)
    people = found.rows
    facts = found.account.facts() | {"customers": int(people.counts(Counted())["n"][0])}
    unused = list[str]()
    if isinstance(transactions, Files):
        columns = _Columns(transactions)
        roles, currencies = columns.table(), columns.currencies()
        facts |= {"duplicate_rows": columns.duplicates, "currency_columns": currencies}
        facts |= {"files": len(transactions.inputs)}
        unused = currencies if "currency" not in transactions.plan.roles else []
    else:
        roles, repeated = _spread_columns(transactions)
        facts["duplicate_rows"] = repeated
    notes = _notes(people, facts["duplicate_rows"], unused)
    return Result(
        command="check",
        tables={"columns": roles, "rows": account(transactions), **statuses(transactions)},
        facts=facts,
        notes=tuple(notes),
        titles={
            "columns": "Which column plays which role",
            "rows": "Every row, by what became of it",
            "statuses": "Rows and money by status",
        },
    )


def _roles(transactions: Transactions) -> pl.DataFrame:
    """One row per column that plays a role, in the order of the roles."""
    rows = [
        {"role": role.name, "column": column, "why": role.why}
        for role in transactions.plan.roles.values()
        for column in role.formula.columns
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(("role", "column", "why"), pl.String))


def _ids(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select(pl.col("customer").unique())


def account(transactions: Transactions) -> pl.DataFrame:
    """Rows and money by outcome; the last row is the whole file and the sum of the others."""
    audit = transactions.audit
    other = audit.rows_rejected - audit.rejected.get("no customer id", 0)
    rows = [("used", audit.rows_used, audit.revenue)]
    rows += (
        [("no customer id", audit.rejected["no customer id"], audit.revenue_without_customer)]
        if "no customer id" in audit.rejected
        else []
    )
    rows += [("set aside", other, audit.revenue_set_aside)] if other else []
    rows += [("skipped", audit.rows_skipped, audit.revenue_skipped)] if audit.rows_skipped else []
    rows.append(("read", audit.rows_read, sum(money for _, _, money in rows)))
    data = {
        "outcome": [row[0] for row in rows],
        "rows": [row[1] for row in rows],
        "revenue": [audit.money(row[2]) for row in rows],
    }
    return pl.DataFrame(
        data, schema={"outcome": pl.String, "rows": pl.Int64, "revenue": pl.Decimal(38, audit.scale)}
    )


def statuses(transactions: Transactions) -> dict[str, pl.DataFrame]:
    """Rows and money by the words of status columns, and what they count as; no table where there is none."""
    audit, plan = transactions.audit, transactions.plan
    rules = dict(zip(words.roles(len(plan.options.rules)), plan.options.rules, strict=True))
    found = [
        (role, word, rows, minor) for (role, word), (rows, minor) in audit.statuses.items() if role in rules
    ]
    found.sort(key=lambda one: (one[0], -one[2], one[1]))
    if not found or len(found) > words.MANY:
        return {}
    return {
        "statuses": pl.DataFrame(
            {
                "column": [plan.roles[role].formula.text for role, *_ in found],
                "status": [word or "(blank)" for _, word, *_ in found],
                "rows": [rows for _, _, rows, _ in found],
                "revenue": pl.Series(
                    [audit.money(minor) for *_, minor in found], dtype=pl.Decimal(38, audit.scale)
                ),
                "counts_as": [rules[role].kind(word) if word else "sale" for role, word, *_ in found],
            },
            schema_overrides={"rows": pl.Int64},
        )
    }


def layout(transactions: Transactions, path: str) -> str:
    """The text of a layout by which these files would be read as they were."""
    from crmkit.load.layouts import saving

    if not isinstance(transactions, Files):
        raise UsageError(
            "--save-layout keeps what was found in files on this machine; leave --engine spark out."
        )
    opened = transactions.inputs[0]
    sign = opened.dialect.delimiter if opened.dialect else None
    return saving.text(Path(path).stem, transactions.plan, opened.columns, sign)


def _spread_columns(transactions: Transactions) -> tuple[pl.DataFrame, int]:
    """The roles with the blanks in their columns, and how many rows equal another one, from one pass."""
    roles = _roles(transactions)
    names = roles["column"].unique(maintain_order=True).to_list()
    rows = transactions.everything(partial(_hashed, names=names), {"hash": pl.Int64(), "blank": pl.Int64()})
    blanks = [f"blank {place}" for place in range(len(names))]
    found = rows.by_key("hash", partial(_met_again, blanks=blanks)).counts(Counted(sums=["again", *blanks]))
    by_name = {name: int(found[blank][0]) for name, blank in zip(names, blanks, strict=True)}
    return roles.with_columns(blank=pl.col("column").replace_strict(by_name, return_dtype=pl.Int64)), int(
        found["again"][0]
    )


def _hashed(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """By row: a hash of all columns, and a bit for each of some that is blank."""
    bits = [
        _blank(frame[name]).cast(pl.Int64) * (1 << place) for place, name in enumerate(names) if name in frame
    ]
    return frame.select(hash=_row_hash(frame.columns).reinterpret(signed=True), blank=pl.sum_horizontal(bits))


def _met_again(rows: pl.DataFrame, blanks: Sequence[str]) -> pl.DataFrame:
    """By key: how many rows equal an earlier one, and how many have each bit."""
    bits = [((pl.col("blank") // (1 << place)) % 2).sum().alias(name) for place, name in enumerate(blanks)]
    return rows.select((pl.len() - pl.col("hash").n_unique()).cast(pl.Int64).alias("again"), *bits)


def _row_hash(names: Iterable[str]) -> pl.Expr:
    return pl.struct(sorted(names)).hash(seed=0)


def _blank(values: pl.Series) -> pl.Series:
    blank = values.is_null()
    return blank | values.is_in(BLANKS).fill_null(False) if values.dtype == pl.String else blank


class _Columns:
    """A second look at the files, at every column: types, blanks, examples, equal rows."""

    def __init__(self, transactions: Files) -> None:
        self.transactions = transactions
        self.blanks: dict[str, int] = {}
        self.types: dict[str, str] = {}
        self.examples: dict[str, list[str]] = {}
        self._first = pl.DataFrame()
        self._cast = {column for role in transactions.plan.roles.values() for column in role.formula.columns}
        self.duplicates = _repeats(part for opened in transactions.inputs for part in self._pass(opened))

    def _pass(self, opened: Input) -> Iterator[pl.Series]:
        for frame in batches.read(opened, opened.plain, StreamFlags(lenient=True)):
            plain = frame.drop(ROW)
            self._count(plain)
            yield plain.select(_row_hash(opened.plain).alias("hash"))["hash"]

    def _count(self, frame: pl.DataFrame) -> None:
        for name in self._cast & set(frame.columns):
            values = frame[name]
            self.blanks[name] = self.blanks.get(name, 0) + int(_blank(values).sum())
            if name not in self.examples:
                self.types[name] = "text" if values.dtype == pl.String else str(values.dtype).lower()
                self.examples[name] = list(dict.fromkeys(spelt(values.drop_nulls().head(200))))[:3]
        if self._first.height < _FIRST and (not self._first.width or self._first.schema == frame.schema):
            self._first = pl.concat([self._first, frame.head(_FIRST - self._first.height)], how="diagonal")

    @cached_property
    def seems(self) -> dict[str, Column]:
        """The first rows of each column, however few come at a time."""
        return {values.name: Column(values) for values in self._first.iter_columns()}

    def _seems(self, name: str) -> str:
        return self.seems[name].seems if name in self.seems else ""

    def currencies(self) -> list[str]:
        """Columns whose values are currency codes."""
        return [
            name
            for name, column in self.seems.items()
            if column.is_text and _are_currencies(column.values.drop_nulls())
        ]

    def table(self) -> pl.DataFrame:
        """All columns, those with a role first, and what stands in them."""
        roles = _roles(self.transactions)
        unused = [name for name in self.seems if name not in self._cast]
        others = pl.DataFrame({"column": unused}, schema={"column": pl.String})
        roles = pl.concat(
            [roles, others.with_columns(role=pl.lit(""), why=pl.lit("not used"))], how="diagonal"
        )
        columns = roles["column"].to_list()
        self.examples |= {name: self.seems[name].examples() for name in unused}
        return roles.with_columns(
            pl.Series("seems", [self._seems(column) for column in columns], dtype=pl.String),
            pl.Series("type", [self.types.get(column, "") for column in columns], dtype=pl.String),
            pl.Series("blank", [self.blanks.get(column) for column in columns], dtype=pl.Int64),
            pl.Series(
                "examples", [", ".join(self.examples.get(column, [])) for column in columns], dtype=pl.String
            ),
        )


def _are_currencies(values: pl.Series) -> bool:
    known = frozenset(_CURRENCIES.split())
    return values.len() > 0 and all(value.strip().upper() in known for value in values.to_list())


def _repeats(parts: Iterable[pl.Series]) -> int:
    """How many rows equal an earlier one, by 64-bit hashes of whole rows (a false pair in 10**8 rows: 1 in 4,000)."""
    seen = pl.Series([], dtype=pl.UInt64)
    waiting: list[pl.Series] = []
    rows = pending = 0
    for part in parts:
        waiting.append(part)
        rows += part.len()
        pending += part.len()
        if pending > max(_MERGE_FROM, seen.len() // 2):
            seen, waiting, pending = pl.concat([seen, *waiting]).unique(), [], 0
    return rows - pl.concat([seen, *waiting]).n_unique()


def _notes(people: Rows, duplicates: int, unused: Sequence[str]) -> list[str]:
    """What to look at twice; `unused` are columns of currencies that play no role."""
    notes = []
    if duplicates:
        notes.append(f"{duplicates:,} exact duplicate rows (kept: two equal items are legal)")
    if unused:
        notes.append(f"{', '.join(unused)} looks like a currency column")
    return notes if people.schema["customer"] != pl.String else [*notes, *_notes_of_names(people)]


def _notes_of_names(people: Rows) -> Iterator[str]:
    alike = lookalikes(people)
    if alike:
        pairs = "; ".join(" and ".join(repr(one) for one in group) for group in alike[:3])
        yield (
            f"{len(alike):,} groups of customer ids look alike: they differ in case, invisible or look-alike Unicode characters only "
            f"({pairs}); they are kept apart"
        )
    odd = people.by_row(_placeholders).frame()["customer"].sort().to_list()
    if odd:
        yield f"customers called {', '.join(map(repr, odd))} are probably nobody; they were kept as customers (--no-customer-id)"
    if people.by_row(_formulas).counts(Counted())["n"][0]:
        yield "some customer ids begin like a spreadsheet formula; --excel-safe disarms them in CSV"


def _placeholders(people: pl.DataFrame) -> pl.DataFrame:
    return people.filter(pl.col("customer").is_in(sorted(_PLACEHOLDERS)))


def _formulas(people: pl.DataFrame) -> pl.DataFrame:
    return people.filter(pl.col("customer").str.contains(r"^[=+\-@\t\r]"))


def lookalikes(people: Rows) -> list[list[str]]:
    """Groups of different ids that a person would take for one."""
    groups = people.by_row(_folded).by_key("folded", _alike).frame()
    return groups.sort("folded")["customer"].to_list()


def _folded(people: pl.DataFrame) -> pl.DataFrame:
    folded = (
        pl.col("customer")
        .str.normalize("NFKC")
        .str.to_lowercase()
        .str.replace_all(_INVISIBLE, "")
        .str.replace_many(_LOOKALIKES)
    )
    return people.select("customer", folded=folded)


def _alike(people: pl.DataFrame) -> pl.DataFrame:
    groups = people.group_by("folded").agg(pl.col("customer").sort())
    return groups.filter(pl.col("customer").list.len() > 1)
