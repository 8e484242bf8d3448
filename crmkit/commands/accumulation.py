"""`crmkit accumulation`: what losing customers to a rival costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from crmkit.errors import UsageError
from crmkit.session.options import Shared
from crmkit.session.run import Session

_STORES, _TIME, _DATA = "Stores", "Over time", "From data"


def _option(panel: str, help_: str, metavar: str | None = None, *flags: str) -> Any:
    return typer.Option(*flags, help=help_, metavar=metavar, rich_help_panel=panel, show_default=False)


def accumulation(
    common: Shared,
    stores: Annotated[str | None, _option(_STORES, "Their names; default A,B.", "NAME,NAME")] = None,
    customers: Annotated[str | None, _option(_STORES, "Customers of each; default 100 each.", "N,N")] = None,
    profit: Annotated[str | None, _option(_STORES, "Profit per customer and period; default 10.", "AMOUNT")] = None,
    lost: Annotated[str | None, _option(_STORES, "Customers lost to the rival; default 0,1,2,10,25,50.", "N,N,...")] = None,
    break_even: Annotated[bool, _option(_STORES, "Show what keeping a customer may cost.", None, "--break-even")] = False,
    cac_ratio: Annotated[str | None, _option(_STORES, "Cost of winning a customer over that of keeping one; default 5..10.", "N..N")] = None,
    periods: Annotated[int | None, _option(_TIME, "Follow the stores for so many periods; default 12.", "N")] = None,
    switch: Annotated[list[str] | None, _option(_TIME, "Moves per period: A:B=2%, A:elsewhere=1%; elsewhere:A=5 join.", "FROM:TO=RATE")] = None,
    matrix: Annotated[str | None, _option(_TIME, "All moves, from a CSV file with a row of rates per store.", "FILE")] = None,
    referral: Annotated[str | None, _option(_TIME, "New customers per one who stays; each lost one takes as many.", "K")] = None,
    discount: Annotated[str | None, _option(_TIME, "Discount rate per period.", "RATE")] = None,
    below: Annotated[str | None, _option(_TIME, "Tell when a store falls below a share.", "STORE=SHARE")] = None,
    what_if: Annotated[list[str] | None, _option(_TIME, "Compare with a world of other rates.", "FROM:TO=RATE")] = None,
    runs: Annotated[int, _option(_TIME, "Move whole customers at random so many times.", "N")] = 0,
    seed: Annotated[int, _option(_TIME, "Where the random numbers start; default 1.", "N")] = 1,
    from_: Annotated[list[str] | None, _option(_DATA, "Estimate the moves from transactions.", "FILE", "--from")] = None,
    store: Annotated[str | None, _option(_DATA, "Column with the store; default: one store.", "COLUMN")] = None,
    period: Annotated[str, _option(_DATA, "week, month, quarter or year; default month.", "NAME")] = "month",
) -> None:  # fmt: skip
    """Show what losing customers to a rival costs: at once, over time, by chance, or as the data have it.

    Example: crmkit accumulation --periods 24 --switch A:B=2% --switch B:A=1%
    """
    from crmkit.whatif import accumulation as analysis

    if not from_ and (store is not None or common.rejects is not None):
        option = "--rejects" if store is None else "--store"
        raise UsageError(f"{option} is about the rows of a file, and none was given with --from.")
    options: dict[str, Any] = {
        name: value for name, value in common.own.items() if name not in ("from_", "data")
    }
    with Session("accumulation", replace(common, files=tuple(from_ or ()))) as session:
        session.finish(analysis.analyse(session.data() if from_ else None, **options))
