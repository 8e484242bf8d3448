"""Simulated customers whose purchases follow a calendar that is known."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

Array = np.ndarray


class History(NamedTuple):
    """Histories in days, the repeat purchases of each day by age, and how many customers had come by then."""

    rows: tuple[Array, Array, Array]
    by_age: Array
    present: Array
    later: Array  # purchases after the history, by customer


def season(days: int, strength: float) -> Array:
    return np.exp(strength * np.sin(2 * np.pi * np.arange(days) / 365.25))


def history(*, customers: int, days: int, pace: Array, seed: int, old: float = 0.0) -> History:
    """MBG/NBD customers on a clock; a part `old` of them were there before the first day."""
    rng, total = np.random.default_rng(seed), len(pace)
    since = np.r_[0.0, np.cumsum(pace)]
    early = rng.random(customers) < old
    start = np.where(early, 0.0, since[rng.integers(0, days, customers) + 1])
    rate, leaves = rng.gamma(0.8, 1 / 30, customers), rng.beta(0.6, 2.5, customers)
    x, t_x, T, later = (np.zeros(customers) for _ in range(4))
    by_age, seen = np.zeros(days + 1), np.zeros(customers, bool)
    for i in range(customers):
        bought = set() if early[i] else {int(np.searchsorted(since, start[i])) - 1}
        time, alive = start[i], early[i] or rng.random() >= leaves[i]
        while alive:
            time += rng.exponential(1 / rate[i])
            day = int(np.searchsorted(since, time, side="right")) - 1
            alive = day < total and rng.random() >= leaves[i]
            bought |= {day} if day < total else set()
        known = sorted(day for day in bought if day < days)
        later[i] = len(bought) - len(known)
        if known:
            seen[i] = True
            x[i], t_x[i], T[i] = len(known) - 1, known[-1] - known[0], days - 1 - known[0]
            np.add.at(by_age, [days - 1 - day for day in known[1:]], 1.0)
    present = np.array([(T[seen] >= age).sum() for age in range(days + 1)], float)
    return History((x[seen], t_x[seen], T[seen]), by_age, present, later[seen])


def shop(customers: int = 1500, days: int = 700, seed: int = 1) -> pl.DataFrame:
    """Transactions in which everything is to be learnt: a season, customers from before the file, amounts that grow with frequency."""
    rng, rows = np.random.default_rng(seed), []
    since = np.r_[0.0, np.cumsum(season(days, 0.5))]
    for customer in range(customers):
        old = customer % 2 == 0
        time, rate = (0.0 if old else since[rng.integers(0, days)]), rng.gamma(0.7, 1 / 20)
        bought, leaves = [] if old else [time], rng.beta(0.6, 6.0)
        while rng.random() >= leaves:
            time += rng.exponential(1 / rate)
            if time >= since[-1]:
                break
            bought.append(time)
        scale = 20.0 * (1 + len(bought)) ** 0.5 / rng.gamma(5.0)
        for when in bought:
            day = date(2022, 1, 1) + timedelta(days=int(np.searchsorted(since, when, side="right")) - 1)
            rows.append((f"c{customer * 7919 % 100_003}", day, round(scale * rng.gamma(6.0), 2) + 0.01))
    return pl.DataFrame(rows, schema=["customer", "date", "amount"], orient="row")
