"""What is measured, on which file, against whom."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks import envs
from benchmarks.data import Data

HERE = Path(__file__).parent
SALES = HERE.parent / "sample_data" / "sales.csv"
CRMKIT = (sys.executable, "-m", "crmkit")
Command = Callable[[str, str], list[str] | None]


def crmkit(*arguments: str) -> Command:
    """crmkit itself, from this tree; IN and OUT stand for the files."""
    return lambda source, output: [
        *CRMKIT,
        *({"IN": source, "OUT": output}.get(word, word) for word in arguments),
    ]


def peer(env: str, script: str, *arguments: str) -> Command:
    """A script in peers/, run by the Python of its environment."""

    def command(source: str, output: str) -> list[str] | None:
        python = envs.python_of(env)
        return python and [str(python), str(HERE / "peers" / script), *arguments, source, output]

    return command


def library(script: str, *arguments: str) -> Command:
    """A script in peers/ that uses crmkit from Python."""
    return lambda source, output: [sys.executable, str(HERE / "peers" / script), *arguments, source, output]


def duckdb(command: str, data: Data) -> Command:
    """The script in sql/ that does what a command does, the one that is faster on such a file."""
    once = "_once" if command == "customers" and data.ending != "parquet" else ""
    customer = ["trim(customer_id)"] if data.blanks else []
    return peer("duckdb", "duckdb_script.py", str(HERE / "sql" / f"{command}{once}.sql"), *customer)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command of crmkit and its peers on one file.

    `same` are the columns in which all exports must agree before anything is measured; `model` asks
    instead that nobody's parameters are likelier than crmkit's. `many` multiplies the number of runs.
    """

    name: str
    title: str
    data: Data | None = None
    ours: Command
    peers: dict[str, Command] = field(default_factory=dict)
    same: tuple[str, ...] = ()
    model: str = ""
    many: int = 1


RFM = ("last", "recency", "frequency", "monetary", "r", "f", "m", "rfm", "segment")
PARETO = ("revenue", "share", "cumulative_share", "rank", "tier")
WAIST = (
    "first",
    "last",
    "orders",
    "days",
    "rows",
    "revenue",
    "refunds",
    "first_revenue",
    "recency",
    "x",
    "t_x",
    "T",
)
CHURN = (
    "status",
    "last",
    "orders",
    "median_gap",
    "days_since",
    "threshold",
    "overdue_ratio",
    "revenue_at_risk",
    "tier",
    "segment",
)
MIGRATION = ("from", "to", "move", "revenue_before", "revenue", "revenue_change")
# Each command that has a script in sql/: the options that the script stands for, and the columns to agree in.
ASKED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "rfm": ((), RFM),
    "pareto": ((), PARETO),
    "customers": ((), WAIST),
    "churn": ((), CHURN),
    "migration": (("--from", "2024-06-30"), MIGRATION),
}

M = 1_000_000
FILES = {
    "int": ("20 M rows Parquet, integer ids", Data(rows=20 * M)),
    "str": ("20 M rows Parquet, text ids", Data(rows=20 * M, ids="str")),
    "exact": ("20 M rows Parquet, text ids, decimal money", Data(rows=20 * M, ids="str", exact=True)),
    "csv": ("10 M rows CSV, text ids", Data(rows=10 * M, ids="str", ending="csv")),
    "csv-times": ("10 M rows CSV, date-times", Data(rows=10 * M, ids="str", ending="csv", times=True)),
    "csv-gz": ("10 M rows CSV in gzip", Data(rows=10 * M, ids="str", ending="csv.gz")),
}


def _table(command: str, same: tuple[str, ...]) -> list[Case]:
    return [
        Case(
            name=f"{command}-{file}",
            title=f"{command}, {says}",
            data=data,
            ours=crmkit(command, "IN", "-o", "OUT"),
            peers={"DuckDB": duckdb(command, data), "pandas": peer("duckdb", f"pandas_{command}.py")},
            same=same,
        )
        for file, (says, data) in FILES.items()
    ]


def _hard() -> list[Case]:
    """Files that allow none of the shortcuts that most allow, or show it at their end only."""
    files = {
        "int-shuffled": ("integer ids, rows in no order", Data(rows=20 * M, shuffled=True)),
        "str-shuffled": ("text ids, rows in no order", Data(rows=20 * M, ids="str", shuffled=True)),
        "str-late": ("text ids, an old order in the last row", Data(rows=20 * M, ids="str", late=True)),
    }
    return [
        Case(
            name=f"rfm-{file}",
            title=f"rfm, 20 M rows Parquet, {says}",
            data=data,
            ours=crmkit("rfm", "IN", "-o", "OUT"),
            peers={"DuckDB": duckdb("rfm", data), "pandas": peer("duckdb", "pandas_rfm.py")},
            same=RFM,
        )
        for file, (says, data) in files.items()
    ]


def _ids() -> list[Case]:
    """Ids as shops have them, where start-up weighs and where it does not."""
    files = (("parquet", "Parquet"), ("csv", "CSV"), ("csv.gz", "CSV in gzip"))
    return [
        *(
            _asked("rfm", f"{ids}-{ending}-{millions}", f"{says}, {ids} ids", _of_ids(millions, ids, ending))
            for ids in ("int", "str", "padded", "email", "uuid")
            for ending, says in files
            for millions in (5, 20)
        ),
        *(
            _asked(
                command, f"{command}-{ids}-parquet-{millions}", f"Parquet, {ids} ids", _of_ids(millions, ids)
            )
            for command in ASKED
            if command != "rfm"
            for ids in ("int", "email", "uuid")
            for millions in (5, 20)
        ),
    ]


def _written_otherwise() -> list[Case]:
    """The same ids in pages of other kinds, with blanks around them, and with order numbers that restart."""
    kinds = {
        "plain": "plain pages",
        "plain-checksums": "plain pages with checksums",
        "dictionary": "dictionary pages",
        "dictionary-checksums": "dictionary pages with checksums",
        "blanks": "half in upper case, blanks around",
        "restart": "order numbers that restart",
    }
    return [
        _asked("rfm", f"{ids}-{marks}-{millions}", f"Parquet, {ids} ids, {says}", data)
        for marks, says in kinds.items()
        for ids in (("str", "email") if marks == "blanks" else ("int", "email", "uuid"))
        for millions in (5, 20)
        for data in (replace(_of_ids(millions, ids), **dict.fromkeys(marks.split("-"), True)),)
    ]


def _of_ids(millions: int, ids: str, ending: str = "parquet") -> Data:
    return Data(rows=millions * M, ids=ids, ending=ending)


def _asked(command: str, name: str, says: str, data: Data) -> Case:
    """A command against its script in sql/."""
    options, same = ASKED[command]
    return Case(
        name=f"ids-{name}",
        title=f"{command}, {data.rows // M} M rows {says}",
        data=data,
        ours=crmkit(command, "IN", *options, "-o", "OUT"),
        peers={"DuckDB": duckdb(command, data)},
        same=same,
    )


def _baskets() -> list[Case]:
    """All pairs of 5,000 products, against a self-join."""
    return [
        Case(
            name=f"basket-{millions}",
            title=f"basket, {millions} M rows, 5,000 products",
            data=data,
            ours=crmkit("basket", "IN", "--min-orders", "20", "--limit", "5"),
            peers={"DuckDB": duckdb("basket", data)},
        )
        for millions in (5, 10, 20)
        for data in (Data(rows=millions * M, ids="str", baskets=True),)
    ]


def _summaries() -> list[Case]:
    return [
        Case(
            name=f"summary-{ids}",
            title=f"customers (x, t_x, T only), 5 M rows Parquet, {ids} ids",
            data=Data(rows=5 * M, ids=ids),
            ours=crmkit("customers", "IN", "-o", "OUT"),
            peers={"lifetimes": peer("lifetimes", "lifetimes_summary.py")},
            same=("x", "t_x", "T"),
        )
        for ids in ("int", "str")
    ]


def _models() -> list[Case]:
    return [
        Case(
            name=f"clv-{model}-{customers}",
            title=f"clv, {says}, {customers:,} customers",
            data=Data(customers=customers, ids="str", waist=True),
            ours=library("crmkit_clv.py", model),
            peers={
                "lifetimes": peer("lifetimes", "lifetimes_clv.py", model),
                "PyMC-Marketing": peer("pymc", "pymc_clv.py", model),
            },
            model=model,
        )
        for customers in (23_570, 100_000, M)
        for model, says in (("paretonbd", "Pareto/NBD"), ("bgnbd", "BG/NBD"))
    ]


def _together() -> list[Case]:
    """Five analyses of one read, against the five commands."""
    five = ("rfm", "pareto", "churn", "cohort", "trend")
    lines = "".join(f'"$0" -m crmkit {command} "$1" -q -o /dev/null\n' for command in five)
    return [
        Case(
            name=f"run-{ending}",
            title=f"run of five jobs, 2 M rows {ending}",
            data=Data(rows=2 * M, ids="str", ending=ending),
            ours=crmkit("run", str(HERE / "five.toml"), "IN"),
            peers={"five commands": lambda source, _: ["sh", "-ec", lines, sys.executable, source]},
        )
        for ending in ("csv", "parquet")
    ]


def _scaling() -> list[Case]:
    return [
        Case(
            name=f"scaling-{ids}-{millions}",
            title=f"rfm, {millions} M rows / {millions / 10:g} M customers, {ids} ids",
            data=Data(rows=millions * M, ids=ids),
            ours=crmkit("rfm", "IN", "-o", "OUT"),
        )
        for ids in ("int", "str")
        for millions in (1, 10, 100)
    ]


def _audit() -> list[Case]:
    return [
        Case(
            name="check-int",
            title="check, 20 M rows Parquet, integer ids",
            data=Data(rows=20 * M),
            ours=crmkit("check", "IN"),
        )
    ]


def _start() -> list[Case]:
    return [
        Case(name="start-version", title="--version", ours=crmkit("--version"), many=5),
        Case(name="start-help", title="--help", ours=crmkit("--help"), many=5),
        Case(name="start-rfm", title="rfm on 2,000 rows", ours=crmkit("rfm", str(SALES)), many=5),
    ]


def _passes() -> list[Case]:
    """Analyses that eat the rows themselves, and the simulation, which eats none."""
    rows = {
        "migration": ("--from", "2024-06-30"),
        "cohort": (),
        "lifecycle": (),
        "churn": (),
        "trend": (),
        "deviation": (),
        "basket": (),
    }
    switching = "--customers 100000,100000 --switch A:B=2% --switch B:A=1% --periods 60 --runs 1000"
    return [
        *(
            Case(
                name=f"pass-{command}",
                title=f"{command}, 20 M rows Parquet, text ids",
                data=Data(rows=20 * M, ids="str"),
                ours=crmkit(command, "IN", *more),
            )
            for command, more in rows.items()
        ),
        Case(
            name="pass-accumulation",
            title="accumulation, 200,000 customers, 60 periods, 1,000 runs",
            ours=crmkit("accumulation", *switching.split()),
        ),
    ]


CASES = [
    *_table("rfm", RFM),
    *_table("pareto", PARETO),
    *_table("customers", WAIST),
    *_hard(),
    *_ids(),
    *_written_otherwise(),
    *_baskets(),
    *_summaries(),
    *_models(),
    *_together(),
    *_scaling(),
    *_audit(),
    *_start(),
    *_passes(),
]
