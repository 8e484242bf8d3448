"""The headlines of `deviation` and `clv`, recomputed from the file in plain Python: medians, likelihoods, sums."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import mean, median

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

import crmkit
from tests.tool import SALES

AS_OF = date(2024, 12, 30)
WINDOW, HISTORY, LIMIT = 30, 6, 3.5
Amounts = dict[str, dict[date, list[Decimal]]]


def amounts() -> Amounts:
    """Every customer's amounts by day."""
    found: Amounts = defaultdict(lambda: defaultdict(list))
    with SALES.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["customer_id"]:
                day = date.fromisoformat(row["order_date"])
                found[row["customer_id"]][day].append(Decimal(row["amount"]))
    return found


def z(value: float, history: list[float]) -> float | None:
    """Against the median of the history, in its robust spread."""
    if len(history) < HISTORY:
        return None
    middle = median(history)
    away = [abs(one - middle) for one in history]
    spread = 1.4826 * median(away) or max(1.2533 * mean(away), abs(middle) / 10)
    return (value - middle) / spread if middle or median(away) else None


def measurable(days: dict[date, list[Decimal]], as_of: date) -> dict[str, float]:
    """The measures of one customer that can be tested, with their z."""
    net = {day: float(sum(lines)) for day, lines in days.items() if day <= as_of}
    paid = {day: float(sum(a for a in lines if a > 0)) for day, lines in days.items() if day <= as_of}
    visits = sorted(day for day in paid if paid[day] > 0)
    if not visits:
        return {}
    start = as_of - timedelta(days=WINDOW)
    found: dict[str, float | None] = {}

    first = (as_of - visits[0]).days // WINDOW
    sums = [0.0] * max(first, 0)
    for day, value in net.items():
        if (place := (as_of - day).days // WINDOW) < first:
            sums[place] += value
    if len(sums) > 1 and 2 * sum(one > 0.004 for one in sums[1:]) > first - 1:
        found["spend"] = z(sums[0], [round(one, 2) for one in sums[1:]])

    gaps = [((later - earlier).days, later) for earlier, later in pairwise(visits)]
    before = [float(gap) for gap, ended in gaps if ended <= start]
    inside = [gap for gap, ended in gaps if ended > start]
    silence = (as_of - visits[-1]).days
    if (now := z(float(max(median(inside) if inside else 0, silence)), before)) is not None:
        at_start = z(float(silence - WINDOW), before)
        assert at_start is not None
        if inside or (silence > median(before) and at_start <= LIMIT):
            found["gap"] = now

    if recent := [paid[day] for day in visits if day > start]:
        found["order size"] = z(median(recent), [paid[day] for day in visits if day <= start])
    return {name: value for name, value in found.items() if value is not None}


def test_deviation() -> None:
    everybody = amounts()
    seen = {name: measurable(days, AS_OF) for name, days in everybody.items()}
    tested = {name: own for name, own in seen.items() if own}
    odd = {name: [m for m, value in own.items() if abs(value) > LIMIT] for name, own in tested.items()}
    usual = 0.0
    for measure in ("spend", "gap", "order size"):
        then = [
            abs(own[measure]) > LIMIT
            for back in (1, 2, 3)
            for days in everybody.values()
            if measure in (own := measurable(days, AS_OF - timedelta(days=back * WINDOW)))
        ]
        usual += sum(measure in own for own in tested.values()) * sum(then) / len(then)
    assert crmkit.deviation.analyse(crmkit.read(str(SALES))).headline == (
        f"{sum(map(bool, odd.values()))} of the {len(tested)} customers with enough history did something unusual in the "
        f"last 30 days. That makes {sum(map(len, odd.values()))} alarms, where a usual window gives {usual:.1f}."
    )


def test_clv() -> None:
    """MBG/NBD and Gamma-Gamma as published, fitted here by a search that knows no derivatives."""
    rows = []
    for days in amounts().values():
        net = {day: float(sum(lines)) for day, lines in days.items()}
        visits = sorted(day for day, lines in days.items() if any(amount > 0 for amount in lines))
        if visits:
            x, repeat = len(visits) - 1, sum(net.values()) - net[visits[0]]
            weeks = ((visits[-1] - visits[0]).days / 7, (AS_OF - visits[0]).days / 7)
            rows.append((x, *weeks, repeat / x if x else 0.0))
    x, t_x, T, m = np.array(rows).T

    def purchases(logs: np.ndarray) -> float:
        r, alpha, a, b = np.exp(logs)
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        stay = betaln(a, b + x + 1) - (r + x) * np.log(alpha + T)
        left = betaln(a + 1, b + x) - (r + x) * np.log(alpha + t_x)
        return -float((common + np.logaddexp(stay, left)).sum())

    n, mean_of = x[(x > 0) & (m > 0)], m[(x > 0) & (m > 0)]

    def spending(logs: np.ndarray) -> float:
        p, q, gamma = np.exp(logs)
        shape = p * n
        told = (
            gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma) + shape * np.log(n * mean_of)
        )
        return -float((told - np.log(mean_of) - (shape + q) * np.log(gamma + n * mean_of)).sum())

    search = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 20_000, "maxfev": 20_000}
    r, alpha, a, b = np.exp(
        minimize(purchases, [0.0, 1.0, -1.0, 0.0], method="Nelder-Mead", options=search).x
    )
    p, q, gamma = np.exp(minimize(spending, [1.0, 1.0, 3.0], method="Nelder-Mead", options=search).x)
    h = 52.0
    gone = 1 - ((alpha + T) / (alpha + T + h)) ** (r + x) * hyp2f1(
        r + x, b + x + 1, a + b + x, h / (alpha + T + h)
    )
    orders = (a + b + x) / (a - 1) * gone / (1 + a / (b + x) * ((alpha + T) / (alpha + t_x)) ** (r + x))
    spend = p * (gamma + x * np.where((x > 0) & (m <= 0), 0.01, m)) / (p * x + q - 1)
    result = crmkit.clv.analyse(crmkit.read(str(SALES)), model="mbgnbd", classic=True, discount="0%")
    customers, worth = result.headline.split(" customers are worth ")
    assert int(customers) == len(rows)
    assert float(worth.split(" in the next 52 weeks")[0].replace(",", "")) == pytest.approx(
        float((orders * spend).sum()), rel=2e-4
    )
