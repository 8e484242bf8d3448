"""Simulated customers whose purchases follow a calendar that is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
