"""`crmkit sample`: transactions to try things on."""

from __future__ import annotations

import gc
from typing import Annotated

from typer import Option

from crmkit.errors import UsageError
from crmkit.parse import choice, day

_ROWS = "So many rows; with --customers, about so many. Default 2000."
_CUSTOMERS = "So many customers; default: a tenth of the rows."
_GROUPS = "Write the groups of the campaign, of everybody who had come by its first day, to FILE."
_OUTPUT = "Write to FILE, all or nothing; format by its extension. Default: CSV to standard output."
_OUTPUT_OPTION = Option("--output", "-o", help=_OUTPUT, metavar="FILE", show_default=False)


def sample(
    rows: Annotated[int | None, Option(help=_ROWS, metavar="N")] = None,
    customers: Annotated[int | None, Option(help=_CUSTOMERS, metavar="N")] = None,
    seed: Annotated[int, Option(help="The same seed makes the same rows.", metavar="N")] = 1,
    start: Annotated[str | None, Option(help="First day; default 2023-01-01.", metavar="DATE")] = None,
    end: Annotated[str | None, Option(help="Last day; default 2024-12-31.", metavar="DATE")] = None,
    ids: Annotated[
        str,
        Option(
            help="How ids look: short (C000123), padded (CUST-000000123), email, or uuid.", metavar="NAME"
        ),
    ] = "short",
    int_ids: Annotated[bool, Option("--int-ids", help="Numbers as ids.")] = False,
    times: Annotated[bool, Option("--times", help="The time of day beside the date.")] = False,
    groups: Annotated[str | None, Option(help=_GROUPS, metavar="FILE", show_default=False)] = None,
    output: Annotated[str, _OUTPUT_OPTION] = "-",
    no_progress: Annotated[
        bool, Option("--no-progress", help="No line that tells how far the work is, on a terminal.")
    ] = False,
    debug: Annotated[bool, Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Make up transactions of any size: customers who come, buy and leave, with seasons and refunds.

    Example: crmkit sample --rows 100000 --seed 7 -o sales.parquet
    """
    from crmkit import sample as made
    from crmkit.sample.ids import NUMBERS, STYLES
    from crmkit.session.progress import counted, say_written

    gc.enable()  # as in `Session`, of which there is none here
    size = 2000 if rows is None and customers is None else rows
    window = {"start": day("--start", start) or made.START, "end": day("--end", end) or made.END}
    style = NUMBERS if int_ids else choice("--ids", ids, STYLES)
    if int_ids and ids != "short":
        raise UsageError(f"--int-ids makes numbers, and --ids {ids} does not. Leave one of them out.")
    book = made.draw(size, customers=customers, seed=seed, ids=style, times=times, **window)
    if groups is not None:
        say_written(groups, made.write([made.assigned(book)], groups))
    frames = made.generate(book) if no_progress else counted(made.generate(book), size or len(book.orders))
    say_written(output, made.write(frames, output))
