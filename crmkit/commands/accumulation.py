"""`crmkit accumulation`: what losing customers to a rival costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmkit import parse
from crmkit.commands.options import Shared
from crmkit.commands.run import Session
from crmkit.errors import UsageError
from crmkit.whatif import inputs

if TYPE_CHECKING:
    from crmkit.result import Result
    from crmkit.whatif.switching import Switching

_PERIODS = 12
_CAC_RATIO = "5..10"
_STORES, _TIME, _DATA = "Stores", "Over time", "From data"


def _option(panel: str, help_: str, metavar: str | None = None, *flags: str) -> Any:
    return typer.Option(*flags, help=help_, metavar=metavar, rich_help_panel=panel, show_default=False)


Text = str | None
Texts = list[str] | None
Stores = Annotated[Text, _option(_STORES, "Their names; default A,B.", "NAME,NAME")]
Customers = Annotated[Text, _option(_STORES, "Customers of each; default 100 each.", "N,N")]
Profit = Annotated[Text, _option(_STORES, "Profit per customer and period; default 10.", "AMOUNT")]
Lost = Annotated[Text, _option(_STORES, "Customers lost to the rival; default 0,1,2,10,25,50.", "N,N,...")]
BreakEven = Annotated[bool, _option(_STORES, "Show what keeping a customer may cost.", None, "--break-even")]
CacRatio = Annotated[
    Text, _option(_STORES, "Cost of winning a customer over that of keeping one; default 5..10.", "N..N")
]
Periods = Annotated[int | None, _option(_TIME, "Follow the stores for so many periods; default 12.", "N")]
Switch = Annotated[
    Texts, _option(_TIME, "Moves per period: A:B=2%, A:elsewhere=1%; elsewhere:A=5 join.", "FROM:TO=RATE")
]
Matrix = Annotated[Text, _option(_TIME, "All moves, from a CSV file with a row of rates per store.", "FILE")]
Referral = Annotated[
    Text, _option(_TIME, "New customers per one who stays; each lost one takes as many.", "K")
]
Discount = Annotated[Text, _option(_TIME, "Discount rate per period.", "RATE")]
Below = Annotated[Text, _option(_TIME, "Tell when a store falls below a share.", "STORE=SHARE")]
WhatIf = Annotated[Texts, _option(_TIME, "Compare with a world of other rates.", "FROM:TO=RATE")]
Runs = Annotated[int, _option(_TIME, "Move whole customers at random so many times.", "N")]
Seed = Annotated[int, _option(_TIME, "Where the random numbers start; default 1.", "N")]
From = Annotated[Texts, _option(_DATA, "Estimate the moves from transactions.", "FILE", "--from")]
Store = Annotated[Text, _option(_DATA, "Column with the store; default: one store.", "COLUMN")]
Period = Annotated[str, _option(_DATA, "week, month, quarter or year; default month.", "NAME")]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of the command, as typed."""

    stores: Text
    customers: Text
    profit: Text
    lost: Text
    periods: int | None
    switch: list[str] | None
    matrix: Text
    referral: Text
    discount: Text
    below: Text
    what_if: list[str] | None
    runs: int
    seed: int
    break_even: bool
    cac_ratio: Text
    files: list[str] | None
    period: str

    @property
    def over_time(self) -> bool:
        """Whether anything was asked for that the table of lost customers cannot tell."""
        texts = (self.matrix, self.referral, self.discount, self.below)
        lists = (self.switch, self.what_if, self.files)
        counted = self.periods is not None or self.runs != 0
        return counted or any(text is not None for text in texts) or any(lists)


def accumulation(
    common: Shared,
    stores: Stores = None,
    customers: Customers = None,
    profit: Profit = None,
    lost: Lost = None,
    break_even: BreakEven = False,
    cac_ratio: CacRatio = None,
    periods: Periods = None,
    switch: Switch = None,
    matrix: Matrix = None,
    referral: Referral = None,
    discount: Discount = None,
    below: Below = None,
    what_if: WhatIf = None,
    runs: Runs = 0,
    seed: Seed = 1,
    from_: From = None,
    store: Store = None,
    period: Period = "month",
) -> None:
    """Show what losing customers to a rival costs: at once, over time, by chance, or as the data have it.

    Example: crmkit accumulation --periods 24 --switch A:B=2% --switch B:A=1%
    """
    asked = Asked(
        stores=stores,
        customers=customers,
        profit=profit,
        lost=lost,
        periods=periods,
        switch=switch,
        matrix=matrix,
        referral=referral,
        discount=discount,
        below=below,
        what_if=what_if,
        runs=runs,
        seed=seed,
        break_even=break_even,
        cac_ratio=cac_ratio,
        files=from_,
        period=period,
    )
    if not from_ and (store is not None or common.rejects is not None):
        option = "--rejects" if store is None else "--store"
        raise UsageError(f"{option} is about the rows of a file, and none was given with --from.")
    with Session("accumulation", replace(common, files=tuple(from_ or ()), store=store)) as session:
        session.finish(_over_time(asked, session) if asked.over_time else _classic(asked))


def _classic(asked: Asked) -> Result:
    from crmkit.whatif import accumulation as analysis

    customers, names = _start(asked)
    return analysis.classic(
        customers,
        parse.money(asked.profit, "--profit") if asked.profit is not None else analysis.CLASSIC_PROFIT,
        parse.wholes(asked.lost, "--lost") if asked.lost is not None else analysis.CLASSIC_LOST,
        names,
        cac_ratio=_ratios(asked),
    )


def _start(asked: Asked) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Customers and names of the stores, where either may be given without the other."""
    customers = parse.wholes(asked.customers, "--customers") if asked.customers is not None else None
    names = parse.names(asked.stores, "--stores") if asked.stores is not None else None
    names = names or inputs.store_names(len(customers) if customers else 2)
    return customers or (100,) * len(names), names


def _ratios(asked: Asked) -> tuple[int, ...]:
    if asked.cac_ratio is None and not asked.break_even:
        return ()
    return parse.wholes(asked.cac_ratio or _CAC_RATIO, "--cac-ratio")


def _over_time(asked: Asked, session: Session) -> Result:
    from crmkit.whatif import accumulation as analysis

    _refuse_contradictions(asked)
    estimate = _estimate(asked, session) if asked.files else None
    market, start = (estimate.market, estimate.start) if estimate else _assumed(asked)
    market = _with_options(market, asked)
    if asked.customers is not None:
        start = parse.wholes(asked.customers, "--customers")
    profit = parse.money(asked.profit, "--profit") if asked.profit is not None else None
    plan = analysis.Horizon(
        periods=_PERIODS if asked.periods is None else asked.periods,
        # What a customer of the data brings is not known unless it is said.
        profit=analysis.CLASSIC_PROFIT if profit is None and not estimate else profit,
        discount=parse.percent(asked.discount or "0", "--discount"),
    )
    result = analysis.over_time(
        market,
        start,
        plan,
        what_if=market.with_flows(inputs.flows(asked.what_if, "--what-if")) if asked.what_if else None,
        runs=asked.runs,
        seed=asked.seed,
        below=inputs.store_share(asked.below, "--below") if asked.below else None,
        cac_ratio=_ratios(asked),
    )
    return estimate.beside(result) if estimate else result


def _refuse_contradictions(asked: Asked) -> None:
    if asked.lost is not None:
        raise UsageError(
            "--lost is for the table of customers lost at once; over time --switch says who moves."
        )
    if asked.files and asked.matrix:
        raise UsageError("--from and --matrix both say who moves; give one of them.")
    if asked.stores is not None and (asked.files or asked.matrix):
        raise UsageError("--stores does not go with a file: its stores have their names there.")


def _assumed(asked: Asked) -> tuple[Switching, tuple[int, ...]]:
    from crmkit.whatif.switching import Switching

    if asked.matrix is not None:
        market = inputs.matrix(asked.matrix)
        return market, (100,) * len(market.stores)
    customers, names = _start(asked)
    return Switching.of(names, {}), customers


def _with_options(market: Switching, asked: Asked) -> Switching:
    referral = float(parse.money(asked.referral, "--referral")) if asked.referral is not None else None
    return market.with_flows(inputs.flows(asked.switch or (), "--switch"), referral=referral)


def _estimate(asked: Asked, session: Session) -> Any:
    from crmkit.history import periods
    from crmkit.whatif import moves

    period = periods.check(asked.period)
    needs = ("customer", "date", "amount", *(["store"] if session.common.store else []))
    transactions = session.data().transactions(needs, ())
    moved = transactions.counts(partial(moves.counted, period=period), by=moves.MOVE)
    return moves.estimate(moved, period, as_of=transactions.as_of)
