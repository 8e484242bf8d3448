"""Simulated customers whose calendar is known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

Array = np.ndarray

DAYS, CUSTOMERS = 1000, 1500
BEGIN = date(2022, 1, 1)


def paces() -> dict[str, Array]:
    """How many average days each day counts as, by world."""
    day = np.arange(DAYS)
    season = np.exp(0.5 * np.sin(2 * np.pi * day / 365.25))
    return {
        "steady": np.ones(DAYS),
        "season": season,
        "season-growth": season * 2 ** (day / 1095.75),
        "jump": np.where(day < 600, 1.0, 2 / 3),
    }


def world(name: str, seed: int) -> pl.DataFrame:
    """Transactions of MBG/NBD customers on that clock, with Gamma-Gamma amounts in cents."""
    rng = np.random.default_rng([seed, sorted(paces()).index(name)])
    since = np.r_[0.0, np.cumsum(paces()[name])]
    rows: list[tuple[int, int, int]] = []
    for customer in range(CUSTOMERS):
        first = int(rng.integers(0, DAYS))
        rate, leaves = rng.gamma(0.8, 1 / 30), rng.beta(0.6, 2.5)
        scale = 600.0 / rng.gamma(3.7)
        days, time = {first}, since[first + 1]
        while rng.random() >= leaves:
            time += rng.exponential(1 / rate)
            if time >= since[-1]:
                break
            days.add(int(np.searchsorted(since, time, side="right")) - 1)
        rows += [(customer, day, int(100 * scale * rng.gamma(6.0) / 6) + 1) for day in sorted(days)]
    frame = pl.DataFrame(rows, schema=["customer", "day", "amount"], orient="row")
    dates = [BEGIN + timedelta(days=i) for i in range(DAYS)]
    return frame.select(
        pl.col("customer").cast(pl.String),
        date=pl.Series([dates[i] for i in frame["day"]], dtype=pl.Date),
        amount=pl.col("amount"),
    )
