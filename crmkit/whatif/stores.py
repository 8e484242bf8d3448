"""What losing customers to a rival costs: once, over time, by chance, and what keeping them may cost.

`classic` is the table of the lectures on customer accumulation: every customer that one store loses
is one that the other gains, so the difference grows by two. `over_time` lets customers move in
every period (see `models/switching.py`), and compares with a second world where one is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate, chain
from typing import Any

import numpy as np
import polars as pl

from crmkit.engine.money import amounts
from crmkit.errors import UsageError
from crmkit.result import Result
from crmkit.whatif.switching import MOST_CUSTOMERS, Counts, Floats, Switching

CLASSIC_LOST = (0, 1, 2, 10, 25, 50)
CLASSIC_PROFIT = Decimal(10)
BANDS = {"p10": 10, "p50": 50, "p90": 90}
BREAK_EVEN = "What keeping a customer may cost"
_POINT = 0.01


def classic(
    customers: Sequence[int] = (100, 100),
    profit: Decimal = CLASSIC_PROFIT,
    lost: Sequence[int] = CLASSIC_LOST,
    stores: Sequence[str] = ("A", "B"),
    *,
    cac_ratio: Sequence[int] = (),
) -> Result:
    """Two stores, where the first loses customers to the second: a row for each number lost."""
    _check_start(stores, customers)
    if len(stores) != 2:
        raise UsageError(
            f"The table of lost customers compares two stores, and there are {len(stores)}: "
            f"{', '.join(stores)}. Add --periods to follow any number of stores over time."
        )
    for number in lost:
        if not 0 <= number <= customers[0]:
            raise UsageError(f"{stores[0]} has {customers[0]} customers and cannot lose {number}.")
    tables = {"lost": _lost_table(customers, profit, lost)}
    titles = {"lost": f"{stores[0]} (a) loses customers to {stores[1]} (b)"}
    facts: dict[str, object] = {"a": stores[0], "b": stores[1], "profit_per_customer": profit}
    if cac_ratio:
        tables["break_even"] = _break_even_table([stores[0]], [float(profit)], cac_ratio)
        titles["break_even"] = BREAK_EVEN
    return Result(command="accumulation", tables=tables, facts=facts, titles=titles)


def _lost_table(customers: Sequence[int], profit: Decimal, lost: Sequence[int]) -> pl.DataFrame:
    moved = pl.Series("lost", list(lost), dtype=pl.Int64)
    a, b = customers[0] - moved, customers[1] + moved
    total = customers[0] + customers[1]
    a_profit, b_profit = ([profit * n for n in store] for store in (a, b))
    return pl.DataFrame(
        {
            "lost": moved,
            "a_customers": a,
            "a_share": a / total if total else pl.repeat(None, len(moved), dtype=pl.Float64, eager=True),
            "b_customers": b,
            "b_share": b / total if total else pl.repeat(None, len(moved), dtype=pl.Float64, eager=True),
            "difference": b - a,
            "relative_size": [y / x if x else None for x, y in zip(a, b, strict=True)],
            "a_profit": amounts("a_profit", a_profit),
            "b_profit": amounts("b_profit", b_profit),
            "profit_difference": amounts(
                "profit_difference", [y - x for x, y in zip(a_profit, b_profit, strict=True)]
            ),
        },
        schema_overrides={"relative_size": pl.Float64},
    )


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """How far to look and what a customer brings: per period, in money (None: no money at all)."""

    periods: int = 12
    profit: Decimal | None = CLASSIC_PROFIT
    discount: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.periods <= 10_000:
            raise UsageError(f"{self.periods} periods were asked for; choose from 1 to 10000.")
        if not 0 <= self.discount <= 1:
            raise UsageError(
                f"The discount rate per period is {self.discount:g}; it must be between 0 and 1."
            )

    @property
    def today(self) -> Floats:
        """What money of each period from 1 on is worth in period 0."""
        return (1 + self.discount) ** -np.arange(1.0, self.periods + 1)

    def worth(self, path: Floats) -> Floats:
        """Each store's profit in all periods, in money of period 0; period 0 itself earns nothing."""
        return float(self.profit or 0) * (self.today @ path[1:])


def over_time(
    market: Switching,
    start: Sequence[int],
    plan: Horizon,
    *,
    what_if: Switching | None = None,
    runs: int = 0,
    seed: int = 1,
    below: tuple[str, float] | None = None,
    cac_ratio: Sequence[int] = (),
) -> Result:
    """Customers and profit per period and store, what becomes of them, and what a change would bring.

    `runs` moves whole customers at random that often and adds the band within which 10, 50 and 90 %
    of the runs end. `below` is a store and a share: the fact tells the first period under it.
    """
    _check_start(market.stores, start)
    path = market.expected(start, plan.periods)
    periods, stores = _periods_table(market, path, plan), _stores_table(market, path, plan)
    facts = _facts(market, start, plan)
    notes = (
        [] if what_if or market.loss.any() or market.join.any() else ["No customer moves: no rate was given."]
    )
    if runs:
        bands, leads = _simulated(market, start, plan.periods, runs=runs, seed=seed)
        periods, stores = periods.hstack(bands), stores.with_columns(leads=leads)
        facts |= {"runs": runs, "seed": seed}
    if below:
        facts["below"] = _first_below(market, path, *below)
    tables = {"periods": periods, "stores": stores}
    if what_if:
        tables = {"what_if": _what_if_table(market, path, what_if, plan), **tables}
    if cac_ratio:
        tables["break_even"] = _break_even_table(market.stores, at_stake(market, plan), cac_ratio)
    return Result(
        command="accumulation",
        tables=tables,
        facts=facts,
        notes=tuple(notes),
        titles=_titles(facts) | {"break_even": BREAK_EVEN},
        # Two worlds side by side hold the first one already.
        detail="periods" if what_if else None,
    )


def _titles(facts: Mapping[str, Any]) -> dict[str, str]:
    """What only a fact says, as a sentence over the table that it belongs to."""
    half_life, below = facts["half_life"], facts.get("below")
    stores = f"After {facts['periods']} period{'' if facts['periods'] == 1 else 's'}"
    if half_life is not None:
        stores += f"; half of the way to the steady state takes {half_life:.1f} periods"
    if below and below["period"] is None:
        stores += f"; {below['store']} does not fall below {below['share']:.1%}"
    elif below:
        stores += f"; {below['store']} falls below {below['share']:.1%} in period {below['period']}"
    return {"periods": "Period by period", "stores": stores, "what_if": "As it is, and what if"}


def _check_start(stores: Sequence[str], customers: Sequence[int]) -> None:
    if len(customers) != len(stores):
        raise UsageError(
            f"There are {len(stores)} stores ({', '.join(stores)}) and {len(customers)} numbers "
            "of customers. Give one number for each store."
        )
    for store, number in zip(stores, customers, strict=True):
        if not 0 <= number <= MOST_CUSTOMERS:
            raise UsageError(
                f"{store} has {number} customers; it must be between 0 and {MOST_CUSTOMERS:,.0f}."
            )


def _periods_table(market: Switching, path: Floats, plan: Horizon) -> pl.DataFrame:
    steps, size = path.shape
    total = path.sum(axis=1, keepdims=True)
    table = pl.DataFrame(
        {
            "period": np.repeat(np.arange(steps), size),
            "store": list(market.stores) * steps,
            "customers": path.ravel(),
            "share": np.divide(path, total, out=np.full_like(path, np.nan), where=total > 0).ravel(),
            "gap": (path.max(axis=1, keepdims=True) - path).ravel(),
        }
    ).with_columns(pl.col("share").fill_nan(None))
    return table if plan.profit is None else table.with_columns(_profit_columns(path, plan))


def _profit_columns(path: Floats, plan: Horizon) -> list[pl.Series]:
    earned = path * float(plan.profit or 0)
    earned[0] = 0
    profit = amounts("profit", earned.ravel().tolist())
    size = path.shape[1]
    # Summed after rounding, so that the column adds up as it is printed.
    so_far = [list(accumulate(profit[i::size])) for i in range(size)]
    columns = [profit, amounts("cumulative_profit", chain.from_iterable(zip(*so_far, strict=True)))]
    if plan.discount:
        today = np.cumsum(earned * np.append(1, plan.today)[:, None], axis=0)
        columns.append(amounts("present_profit", today.ravel().tolist()))
    return columns


def _stores_table(market: Switching, path: Floats, plan: Horizon) -> pl.DataFrame:
    """One row per store from start to end: start + won - lost + joined - left is what is there at the end."""
    steady = market.steady_shares(path[0])
    total = path[-1].sum()
    table = pl.DataFrame(
        {
            "store": list(market.stores),
            "start": path[0],
            **{name: flow.sum(axis=0) for name, flow in market.flows(path).items()},
            "customers": path[-1],
            "share": path[-1] / total if total > 0 else [None] * len(market.stores),
            "steady_share": [None] * len(market.stores) if steady is None else steady,
        },
        schema_overrides={"share": pl.Float64, "steady_share": pl.Float64},
    )
    if plan.profit is None:
        return table
    last = _profit_columns(path, plan)[1:]
    return table.with_columns(
        *(column.tail(len(market.stores)) for column in last),
        amounts(
            "retention_point", [point_of_retention(market, path, plan, store) for store in market.stores]
        ),
    )


def point_of_retention(market: Switching, path: Floats, plan: Horizon, store: str) -> float | None:
    """What the store gains over the plan when it loses one percentage point less of its customers per period.

    Its losses shrink in proportion. None where it loses less than a point.
    """
    i = market.index(store)
    loss = market.loss[i]
    if loss < _POINT - 1e-12:
        return None
    rates = market.rates.copy()
    rates[i] *= max(0.0, loss - _POINT) / loss
    rates[i, i] = 1 - rates[i].sum() + rates[i, i]
    kept = replace(market, rates=rates)
    return float(plan.worth(kept.expected(path[0], plan.periods))[i] - plan.worth(path)[i])


def _facts(market: Switching, start: Sequence[int], plan: Horizon) -> dict[str, object]:
    steady = market.steady_shares(start)
    return {
        "periods": plan.periods,
        "stores": list(market.stores),
        "steady_share": None if steady is None else dict(zip(market.stores, steady.tolist(), strict=True)),
        "half_life": market.half_life(),
        "profit_per_customer": plan.profit,
        "discount": plan.discount,
    }


def _first_below(market: Switching, path: Floats, store: str, share: float) -> dict[str, object]:
    mine, total = path[:, market.index(store)], path.sum(axis=1)
    # A share that the exact sum would reach but not pass must not count because of rounding.
    under = np.flatnonzero(mine < share * total - 1e-9 * total)
    return {"store": store, "share": share, "period": int(under[0]) if len(under) else None}


def _simulated(
    market: Switching, start: Sequence[int], periods: int, *, runs: int, seed: int
) -> tuple[pl.DataFrame, pl.Series]:
    """The bands of every period and store, and in which part of the runs each store ends as the largest."""
    if not 1 <= runs <= 10**7:
        raise UsageError(f"{runs} runs were asked for; choose from 1 to 10000000.")
    if seed < 0:
        raise UsageError(f"The seed is {seed}; it must be 0 or more.")
    bands: list[Counts] = []
    for now in market.simulate(start, periods, runs=runs, seed=seed):
        ordered = np.sort(now, axis=0)
        bands.append(ordered[[-(-runs * percent // 100) - 1 for percent in BANDS.values()]])
    columns = {name: np.concatenate([band[i] for band in bands]) for i, name in enumerate(BANDS)}
    return pl.DataFrame(columns), _leads(now)


def _leads(last: Counts) -> pl.Series:
    largest = last == last.max(axis=1, keepdims=True)
    alone = largest & (largest.sum(axis=1, keepdims=True) == 1)
    return pl.Series("leads", alone.sum(axis=0) / len(last))


def _what_if_table(market: Switching, path: Floats, what_if: Switching, plan: Horizon) -> pl.DataFrame:
    """Both worlds side by side, per period and store."""
    asis = _periods_table(market, path, plan)
    other = _periods_table(what_if, what_if.expected(path[0], plan.periods), plan)
    table = asis.select("period", "store", "customers").with_columns(
        what_if_customers=other["customers"], difference=other["customers"] - asis["customers"]
    )
    if plan.profit is None:
        return table
    return table.with_columns(
        asis["cumulative_profit"],
        other["cumulative_profit"].alias("what_if_profit"),
        (other["cumulative_profit"] - asis["cumulative_profit"]).alias("profit_difference"),
    )


def at_stake(market: Switching, plan: Horizon) -> list[float]:
    """The profit that each store misses over the plan when one of its customers moves away today.

    The customer goes where the store's losses go, and may come back from there.
    """
    if plan.profit is None:
        raise UsageError("The break-even needs the profit per customer and period. Add --profit 10.")
    worth = np.array([plan.worth(_offspring(market, i, plan.periods)) for i in range(len(market.stores))])
    loss = market.rates[:, :-1] - np.diag(np.diagonal(market.rates))
    total = market.loss
    went = np.divide(loss, total[:, None], out=np.zeros_like(loss), where=total[:, None] > 0)
    return (np.diagonal(worth) - np.diagonal(went @ worth)).tolist()


def _offspring(market: Switching, store: int, periods: int) -> Floats:
    """The expected path of one customer of a store, and of those who come by referral."""
    alone = replace(market, join=np.zeros(len(market.stores)))
    return alone.expected(np.eye(len(market.stores))[store], periods)


def _break_even_table(stores: Sequence[str], stakes: Sequence[float], ratios: Sequence[int]) -> pl.DataFrame:
    """What keeping a customer may cost where winning one costs `ratio` times as much."""
    for ratio in ratios:
        if ratio < 1:
            raise UsageError(f"The ratio of acquisition to retention cost is {ratio}; it must be 1 or more.")
    rows = [(store, ratio, stake) for store, stake in zip(stores, stakes, strict=True) for ratio in ratios]
    return pl.DataFrame(
        [
            pl.Series("store", [store for store, _, _ in rows]),
            pl.Series("cac_ratio", [ratio for _, ratio, _ in rows], dtype=pl.Int64),
            amounts("at_stake", [stake for _, _, stake in rows]),
            amounts("keep_budget", [stake / ratio for _, ratio, stake in rows]),
            amounts("saved", [stake - stake / ratio for _, ratio, stake in rows]),
            pl.Series("break_even_lift", [1 / ratio for _, ratio, _ in rows]),
            amounts("point_budget", [stake * _POINT for _, _, stake in rows]),
        ]
    )
