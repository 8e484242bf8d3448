"""The options that commands share, each spelt once.

`shared(function)` gives a command the options of its groups and hands them over as one frozen
`Shared`: a new shared option is one line here and one field below.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

import typer

from crmkit.errors import UsageError
from crmkit.language.catalogue import LANGUAGES, speaking
from crmkit.parse import choice, outputs

FORMATS = ("table", "csv", "tsv", "json", "ndjson", "parquet", "markdown")
_COLUMNS, _READING, _ROWS, _OUTPUT, _ENGINE = "Columns", "Reading", "Rows", "Output", "Engine"
# Who has no Spark need not read about it.
_NO_SPARK = importlib.util.find_spec("pyspark") is None


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the user said about input, rows and output; the fields are described in `_OPTIONS`."""

    files: tuple[str, ...] = ()
    customer: str | None = None
    date: str | None = None
    amount: str | None = None
    order: str | None = None
    orders: str | None = None
    product: str | None = None
    cost: str | None = None
    store: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: str | None = None
    layout: str | None = None
    date_format: str | None = None
    decimal: str | None = None
    tz: str = "UTC"
    source_tz: str | None = None
    as_of: str | None = None
    since: str | None = None
    currency: str | None = None
    status: str | None = None
    exclude_status: str | None = None
    refund_status: str | None = None
    refunded: str | None = None
    amount_per: str | None = None
    orders_restart: str | None = None
    keep: str | None = None
    count: bool = False
    refunds: str = "net"
    no_customer: str = "drop"
    no_customer_id: str | None = None
    exclude: str | None = None
    rejects: str | None = None
    strict: bool = False
    max_rejects: str | None = None
    max_age: str | None = None
    min_rows: int | None = None
    previous: str | None = None
    expect_customers: str | None = None
    max_drift: str | None = None
    sheet: str | None = None
    query: str | None = None
    endpoint: str | None = None
    version: str | None = None
    format: str = "table"
    table: str | None = None
    output: str | None = None
    limit: int | None = None
    excel_safe: bool = False
    bom: bool = False
    plot: str | None = None
    no_headline: bool = False
    lang: str | None = None
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False
    no_progress: bool = False
    log_format: str = "text"
    summary: str | None = None
    debug: bool = False
    engine: str = "polars"
    master: str | None = None
    conf: tuple[str, ...] = ()
    further: tuple[tuple[str, str | None], ...] = ()  # more files, each with its table
    own: Mapping[str, Any] = field(default_factory=dict)  # what the command alone has, as it was typed


def _option(
    kind: Any, panel: str, help_: str, *flags: str, metavar: str | None = None, hidden: bool = False
) -> Any:
    return Annotated[
        kind,
        typer.Option(
            *flags, help=help_, rich_help_panel=panel, metavar=metavar, show_default=False, hidden=hidden
        ),
    ]


FILES = Annotated[
    list[str],
    typer.Argument(
        help="CSV or Parquet files, globs, folders, or - for standard input.",
        metavar="FILE...",
        show_default=False,
    ),
]
PERIOD = Annotated[
    str, typer.Option("--period", help="month, quarter, week (ISO), sunday-week or year.", metavar="NAME")
]
_TEXT = str | None
_OPTIONS: dict[str, tuple[str, Any]] = {
    "files": ("files", FILES),
    "customer": ("input", _option(_TEXT, _COLUMNS, "Column with the customer's id.", "--customer", metavar="COLUMN")),
    "date": ("input", _option(_TEXT, _COLUMNS, "Column with the date of the transaction.", "--date", metavar="COLUMN")),
    "amount": ("input", _option(_TEXT, _COLUMNS, "Column with the amount, or a formula: 'quantity * price'.", "--amount", metavar="COLUMN|FORMULA")),
    "order": ("input", _option(_TEXT, _COLUMNS, "Column with the order id.", "--order", metavar="COLUMN")),
    "orders": ("input", _option(_TEXT, _COLUMNS, "Column with the number of orders, where a row is a customer.", "--orders", metavar="COLUMN")),
    "product": ("input", _option(_TEXT, _COLUMNS, "Column with the product.", "--product", metavar="COLUMN")),
    "cost": ("input", _option(_TEXT, _COLUMNS, "Column with the cost of the row, or a formula.", "--cost", metavar="COLUMN|FORMULA")),
    "encoding": ("input", _option(_TEXT, _READING, "Text encoding, such as gb18030 or cp1252, or auto; default UTF-8.", "--encoding", metavar="NAME")),
    "delimiter": ("input", _option(_TEXT, _READING, "Field delimiter; default: found among , ; tab |.", "--delimiter", metavar="SIGN")),
    "header": ("input", _option(_TEXT, _READING, "The file has no header line; these are its columns.", "--header", metavar="NAME,...")),
    "layout": ("input", _option(_TEXT, _READING, "Which export the file is: a name of crmkit layouts, a .toml file, or none. Default: known by its header.", "--layout", metavar="NAME|FILE|none")),
    "date_format": ("input", _option(_TEXT, _READING, "Date layout, such as %d/%m/%Y or d/m/y.", "--date-format", metavar="LAYOUT")),
    "decimal": ("input", _option(_TEXT, _READING, "Decimal mark of amounts: . or ,", "--decimal", metavar="MARK")),
    "sheet": ("input", _option(_TEXT, _READING, "Sheet of a workbook, file in an archive or table of a database; a pattern takes all that fit.", "--sheet", metavar="NAME")),
    "query": ("input", _option(_TEXT, _READING, "SQL for a database: a file with it, or the text.", "--query", metavar="FILE")),
    "version": ("input", _option(_TEXT, _READING, "Version of a Delta or Iceberg table: its number, or a day.", "--version", metavar="N|DATE")),
    "endpoint": ("input", _option(_TEXT, _READING, "Address of an object store elsewhere, such as http://minio:9000.", "--endpoint", metavar="URL")),
    "tz": ("input", _option(str, _READING, "Time zone in which a moment becomes a day; default UTC.", "--tz", metavar="ZONE")),
    "source_tz": ("input", _option(_TEXT, _READING, "Time zone of moments that are written without an offset.", "--source-tz", metavar="ZONE")),
    "as_of": ("input", _option(_TEXT, _ROWS, "Look from this day; later rows are skipped. Default: the latest date.", "--as-of", metavar="DATE")),
    "since": ("input", _option(_TEXT, _ROWS, "Skip rows before this day.", "--since", metavar="DATE")),
    "currency": ("input", _option(_TEXT, _ROWS, "Keep rows of this currency only.", "--currency", metavar="CODE")),
    "status": ("input", _option(_TEXT, _COLUMNS, "Column with the status of the order.", "--status", metavar="COLUMN")),
    "exclude_status": ("input", _option(_TEXT, _ROWS, "Skip rows with these statuses, such as cancelled,unpaid.", "--exclude-status", metavar="LIST")),
    "refund_status": ("input", _option(_TEXT, _ROWS, "Count rows with these statuses as money back, whichever sign they have.", "--refund-status", metavar="LIST")),
    "refunded": ("input", _option(_TEXT, _COLUMNS, "Column with the money that went back of the row's amount.", "--refunded", metavar="COLUMN")),
    "amount_per": ("input", _option(_TEXT, _ROWS, "What an amount is of where orders have lines: order (repeated on each line, counted once) or line.", "--amount-per", metavar="WHAT")),
    "keep": ("input", _option(_TEXT, _COLUMNS, "Columns to carry along into tables of customers: name,email (the latest value).", "--keep", metavar="COLUMN,...")),
    "count": ("input", _option(bool, _COLUMNS, "There are no amounts: count purchases, and leave money out.", "--count")),
    "orders_restart": ("input", _option(_TEXT, _ROWS, "Order numbers begin again: daily, or never.", "--orders-restart", metavar="WHEN")),
    "refunds": ("input", _option(str, _ROWS, "net: refunds lower revenue (default); ignore: skip them.", "--refunds", metavar="RULE")),
    "no_customer": ("input", _option(str, _ROWS, "Rows without customer id: drop (default, counted) or fail (status 3).", "--no-customer", metavar="RULE")),
    "no_customer_id": ("input", _option(_TEXT, _ROWS, "Ids that stand for no customer, such as 0,guest.", "--no-customer-id", metavar="LIST")),
    "exclude": ("input", _option(_TEXT, _ROWS, "Leave out the customers of this list: opt-outs, open complaints.", "--exclude", metavar="FILE[:COLUMN]")),
    "rejects": ("input", _option(_TEXT, _ROWS, "Write the rows that were set aside to this file.", "--rejects", metavar="FILE")),
    "strict": ("input", _option(bool, _ROWS, "Refuse if any row must be set aside (status 3).", "--strict")),
    "max_rejects": ("input", _option(_TEXT, _ROWS, "Refuse beyond so many rows set aside (status 3).", "--max-rejects", metavar="N|P%")),
    "max_age": ("input", _option(_TEXT, _ROWS, "Refuse if the latest row is older, such as 2d (status 3).", "--max-age", metavar="TIME")),
    "min_rows": ("input", _option(int | None, _ROWS, "Refuse if fewer rows can be used (status 3).", "--min-rows", metavar="N")),
    "previous": ("files", _option(_TEXT, _ROWS, "An export or --summary of the run before, for the two gates below.", "--previous", metavar="FILE")),
    "expect_customers": ("files", _option(_TEXT, _ROWS, "Refuse another number of customers: 90%..110% of --previous, or 1000..2000 (status 3).", "--expect-customers", metavar="A..B")),
    "max_drift": ("files", _option(_TEXT, _ROWS, "Refuse if scores, tiers or segments have moved more since --previous or --cuts, such as 0.25 (PSI; status 3).", "--max-drift", metavar="PSI")),
    "format": ("output", _option(str, _OUTPUT, f"One of {', '.join(FORMATS)}.", "--format", "-f", metavar="FORMAT")),
    "table": ("output", _option(list[str] | None, _OUTPUT, "Print this table alone; with -o, write it instead of the long one. NAME=FILE writes it beside all else.", "--table", metavar="NAME[=FILE]")),
    "output": ("output", _option(list[str] | None, _OUTPUT, "Write the long table to FILE, all or nothing; format by its extension.", "--output", "-o", metavar="FILE")),
    "limit": ("output", _option(int | None, _OUTPUT, "Most rows of a printed table; default 50, 0 for all.", "--limit", "-n", metavar="N")),
    "no_headline": ("output", _option(bool, _OUTPUT, "Tables only: no headline, and nothing to type next.", "--no-headline")),
    "lang": ("output", _option(_TEXT, _OUTPUT, "Language of screens: en or zh; default: the locale's, else en.", "--lang", metavar="NAME")),
    "plot": ("output", _option(_TEXT, _OUTPUT, "Draw the answer into FILE.svg, or FILE.png with crmkit[png].", "--plot", metavar="FILE")),
    "excel_safe": ("output", _option(bool, _OUTPUT, "Disarm spreadsheet formulas in CSV.", "--excel-safe")),
    "bom": ("output", _option(bool, _OUTPUT, "Mark CSV files as UTF-8, so that Excel shows every name.", "--bom")),
    "color": ("output", _option(str, _OUTPUT, "auto, always or never.", "--color", metavar="WHEN")),
    "quiet": ("output", _option(bool, _OUTPUT, "No notes, no progress, and with -o no screen either; errors still show.", "--quiet", "-q")),
    "verbose": ("output", _option(bool, _OUTPUT, "Say how columns were read, what became of the rows, and what each step took.", "--verbose", "-v")),
    "no_progress": ("output", _option(bool, _OUTPUT, "No line that tells how far the work is, on a terminal.", "--no-progress")),
    "log_format": ("output", _option(str, _OUTPUT, "Messages on standard error as text or json.", "--log-format", metavar="FORMAT")),
    "summary": ("output", _option(_TEXT, _OUTPUT, "Write an account of the run (inputs, options, audit, outputs) as JSON.", "--summary", metavar="FILE")),
    "engine": ("engine", _option(str, _ENGINE, "polars (default) or spark.", "--engine", metavar="NAME", hidden=_NO_SPARK)),
    "master": ("engine", _option(_TEXT, _ENGINE, "Where Spark runs: local[4], spark://HOST:7077 or sc://HOST:15002.", "--master", metavar="URL", hidden=_NO_SPARK)),
    "conf": ("engine", _option(list[str] | None, _ENGINE, "A setting of Spark (may be repeated).", "--conf", metavar="KEY=VALUE", hidden=_NO_SPARK)),
    "debug": ("output", _option(bool, _OUTPUT, "Show the traceback of an error.", "--debug")),
}  # fmt: skip

# Options that say how the input is to be read.
READING = frozenset(name for name, (group, _) in _OPTIONS.items() if group == "input")


def shared(function: Callable[..., None], groups: str = "files input output") -> Callable[..., None]:
    """Give a command the options of these groups; it takes them as its first argument, a `Shared`."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    taken = {item.name for item in own}  # a command's own option of that name
    wanted = {
        name: kind
        for name, (group, kind) in _OPTIONS.items()
        if group in groups.split() and name not in taken
    }
    defaults = {spec.name: spec.default for spec in fields(Shared) if spec.name not in ("own", "further")}

    @functools.wraps(function)
    def command(**given: Any) -> None:
        common = {name: given.pop(name) for name in wanted}
        if "files" in common:
            common["files"] = tuple(common["files"])
        if "conf" in common:
            common["conf"] = tuple(common["conf"] or ())
        if "output" in common and "table" in common:
            common |= outputs(common["output"], common["table"])
        chosen = _checked(Shared(**common, own=dict(given)))
        with speaking(chosen.lang):
            function(chosen, **given)

    first = [_parameter("files", wanted.pop("files"), inspect.Parameter.empty)] if "files" in wanted else []
    rest = [_parameter(name, kind, defaults[name]) for name, kind in wanted.items()]
    wanted |= {"files": FILES} if first else {}
    parameters = [*first, *(item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own), *rest]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {item.name: item.annotation for item in parameters}
    return command


def _parameter(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _checked(given: Shared) -> Shared:
    for name, value in vars(given).items():
        if value == "":  # in a script, a variable that was not set
            raise UsageError(f"--{name.replace('_', '-')} is empty; give it a value, or leave it away.")
    choice("--format", given.format, FORMATS)
    choice("--color", given.color, ("auto", "always", "never"))
    choice("--log-format", given.log_format, ("text", "json"))
    choice("--refunds", given.refunds, ("net", "ignore"))
    choice("--engine", given.engine, ("polars", "spark"))
    if given.engine != "spark" and (given.master or given.conf):
        raise UsageError("--master and --conf belong to --engine spark. Add that, or leave them out.")
    if given.lang is not None:
        choice("--lang", given.lang, LANGUAGES)
    choice("--no-customer", given.no_customer, ("drop", "fail"))
    if given.amount_per is not None:
        choice("--amount-per", given.amount_per, ("order", "line"))
    if given.orders_restart is not None:
        choice("--orders-restart", given.orders_restart, ("daily", "never"))
    if given.decimal is not None:
        choice("--decimal", given.decimal, (".", ","))
    if given.limit is not None and given.limit < 0:
        raise UsageError(f"--limit {given.limit} is negative; 0 shows all rows.")
    return given


def reading_of(common: Shared) -> Any:
    """What the user said about the input; UsageError for what cannot be."""
    from crmkit.load.reading import NAMES, Reading

    return Reading(**{name: getattr(common, name) for name in NAMES})
