"""What losing customers to a rival costs: at once, over time, by chance, or as the data have it.

Without anything that needs time it is the table of customers lost at once (`stores.classic`);
otherwise customers move in every period (`stores.over_time`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from crmkit import parse
from crmkit.errors import UsageError
from crmkit.history import periods as calendar
from crmkit.load.dataset import NEEDED, Dataset, transactions_of
from crmkit.load.door import question
from crmkit.result import Result
from crmkit.whatif import inputs, moves, stores
from crmkit.whatif.moves import Estimate
from crmkit.whatif.switching import Switching

PERIODS = 12
CAC_RATIO = "5..10"
Wholes = str | Sequence[int]
Amount = str | Decimal | float


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is assumed, as it was given; see `analyse`."""

    stores: str | Sequence[str] | None
    customers: Wholes | None
    profit: Amount | None
    lost: Wholes | None
    periods: int | None
    switch: Sequence[str] | None
    matrix: str | Path | None
    referral: Amount | None
    discount: str | float | None
    below: str | None
    what_if: Sequence[str] | None
    runs: int
    seed: int
    break_even: bool
    cac_ratio: Wholes | None
    period: str

    @property
    def over_time(self) -> bool:
        """Whether anything was asked for that the table of lost customers cannot tell."""
        given = (self.matrix, self.referral, self.discount, self.below)
        counted = self.periods is not None or self.runs != 0
        return counted or any(one is not None for one in given) or any((self.switch, self.what_if))

    @property
    def ratios(self) -> tuple[int, ...]:
        """Costs of winning a customer over those of keeping one."""
        if self.cac_ratio is None and not self.break_even:
            return ()
        return _wholes(self.cac_ratio or CAC_RATIO, "--cac-ratio")


@question
def analyse(
    data: Any = None,
    *,
    stores: str | Sequence[str] | None = None,
    customers: Wholes | None = None,
    profit: Amount | None = None,
    lost: Wholes | None = None,
    break_even: bool = False,
    cac_ratio: Wholes | None = None,
    periods: int | None = None,
    switch: Sequence[str] | None = None,
    matrix: str | Path | None = None,
    referral: Amount | None = None,
    discount: str | float | None = None,
    below: str | None = None,
    what_if: Sequence[str] | None = None,
    runs: int = 0,
    seed: int = 1,
    store: str | None = None,
    period: str = "month",
) -> Result:
    """What losing customers costs; with `data` the moves are estimated from transactions.

    Args:
        stores, customers: their names, and how many customers each has.
        profit: what a customer brings per period; 10 unless told otherwise or estimated from data.
        lost: customers lost to the rival at once.
        break_even, cac_ratio: what keeping a customer may cost, by the cost of winning one over that of keeping one.
        periods: follow the stores for so many periods; 12 unless told otherwise.
        switch, what_if: moves per period, such as ["A:B=2%"], here and in a world to compare with.
        matrix: all moves, from a CSV file with a row of rates per store.
        referral, discount: new customers per one who stays, and the discount rate, per period.
        below: tell when a store falls below a share, such as "A=40%".
        runs, seed: move whole customers at random so many times.
        store, period: of data, the column with the store, and month, quarter, week or year.

    Raises UsageError for assumptions that cannot be or contradict each other.
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
        period=period,
    )
    if data is None and not asked.over_time:
        return _classic(asked)
    _refuse_contradictions(asked, from_data=data is not None)
    return _over_time(asked, None if data is None else _estimate(data, store, period))


def _classic(asked: Asked) -> Result:
    customers, names = _start(asked)
    return stores.classic(
        customers,
        stores.CLASSIC_PROFIT if asked.profit is None else parse.money(asked.profit, "--profit"),
        stores.CLASSIC_LOST if asked.lost is None else _wholes(asked.lost, "--lost"),
        names,
        cac_ratio=asked.ratios,
    )


def _over_time(asked: Asked, estimate: Estimate | None) -> Result:
    market, start = (estimate.market, estimate.start) if estimate else _assumed(asked)
    referral = None if asked.referral is None else float(parse.money(asked.referral, "--referral"))
    market = market.with_flows(inputs.flows(asked.switch or (), "--switch"), referral=referral)
    if asked.customers is not None:
        start = _wholes(asked.customers, "--customers")
    # What a customer of the data brings is not known unless it is said.
    usual = None if estimate else stores.CLASSIC_PROFIT
    plan = stores.Horizon(
        periods=PERIODS if asked.periods is None else asked.periods,
        profit=usual if asked.profit is None else parse.money(asked.profit, "--profit"),
        discount=parse.percent(asked.discount or "0", "--discount"),
    )
    result = stores.over_time(
        market,
        start,
        plan,
        what_if=market.with_flows(inputs.flows(asked.what_if, "--what-if")) if asked.what_if else None,
        runs=asked.runs,
        seed=asked.seed,
        below=inputs.store_share(asked.below, "--below") if asked.below else None,
        cac_ratio=asked.ratios,
    )
    return estimate.beside(result) if estimate else result


def _refuse_contradictions(asked: Asked, *, from_data: bool) -> None:
    if asked.lost is not None:
        raise UsageError(
            "--lost is for the table of customers lost at once; over time --switch says who moves."
        )
    if from_data and asked.matrix:
        raise UsageError("--from and --matrix both say who moves; give one of them.")
    if asked.stores is not None and (from_data or asked.matrix):
        raise UsageError("--stores does not go with a file: its stores have their names there.")


def _start(asked: Asked) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Customers and names of the stores, where either may be given without the other."""
    customers = None if asked.customers is None else _wholes(asked.customers, "--customers")
    given = asked.stores
    names = parse.names(given, "--stores") if isinstance(given, str) else tuple(given or ())
    names = names or inputs.store_names(len(customers) if customers else 2)
    return customers or (100,) * len(names), names


def _assumed(asked: Asked) -> tuple[Switching, tuple[int, ...]]:
    if asked.matrix is not None:
        market = inputs.matrix(str(asked.matrix))
        return market, (100,) * len(market.stores)
    customers, names = _start(asked)
    return Switching.of(names, {}), customers


def _wholes(given: Wholes, option: str) -> tuple[int, ...]:
    return parse.wholes(given, option) if isinstance(given, str) else tuple(given)


def _estimate(data: Any, store: str | None, period: str) -> Estimate:
    """The moves that the transactions show; all of them are of one store unless a column tells it."""
    by = calendar.check(period)
    if store is not None and isinstance(data, Dataset):
        sales = data.transactions((*NEEDED, "store"), (), {"store": store})
    else:
        sales = transactions_of(data, wants=())
    moved = sales.count(partial(moves.counted, period=by), by=moves.MOVE)
    return moves.estimate(moved.rows, by, as_of=moved.as_of)
