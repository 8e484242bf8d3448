"""The tables of `crmkit clv`."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from crmkit.engine.money import amounts, as_money, scale, unit
from crmkit.errors import UsageError
from crmkit.forecast.selection import REGULAR, Choice, unit_days
from crmkit.forecast.totals import Groups

if TYPE_CHECKING:
    from crmkit.forecast.terms import By, Terms, Valued
    from crmkit.models import Outlook
    from crmkit.models.intervals import Totals

Array = np.ndarray

CENTS = 2
EXACT_UP_TO = 1e15


def places_of(people: pl.DataFrame) -> int:
    """Decimals of the money: those of the file, and two at least."""
    return max(CENTS, scale(people, "revenue")) if "revenue" in people.columns else CENTS


def money_column(name: str, values: Array, places: int = CENTS) -> pl.Series:
    """Amounts to the nearest hundredth, or to more places."""
    one = unit(places)
    if np.abs(values).max(initial=0.0) > EXACT_UP_TO * 10**CENTS / one:
        return amounts(name, values.tolist(), places)
    minor = pl.Series(name, np.round(values * one).astype(np.int64))
    return minor.to_frame().select(as_money(name, places))[name]


def summary(found: Valued, by: By | None) -> pl.DataFrame:
    """One row for each group, or one for all: what is expected of it, with intervals."""
    names, codes = _groups(found.people, by)
    groups = Groups(codes, len(names), found.terms.level)
    columns: dict[str, Any] = {"customers": np.bincount(codes, minlength=len(names))}
    view, priced = found.forecast, found.spend is not None
    margin, places = found.terms.margin, places_of(found.people)
    active = _spread("expected_active", "active", view.active(groups))
    orders = _spread("expected_purchases", "purchases", view.orders(groups))
    # What matters most comes first: a narrow window hides columns from the right.
    columns |= {name: spread.pop(name) for spread in (active, orders) for name in list(spread)[:1]}
    if priced:
        columns |= _priced(_spread("clv", "clv", view.value(groups)), margin, places)
    if priced and found.terms.discount > 0:
        columns |= _priced(_spread("residual_clv", "residual", view.residual(groups)), margin, places)
    if priced:
        columns |= _priced(_spread("expected_revenue", "revenue", view.revenue(groups)), 1.0, places)
    columns |= orders | active
    head = {} if by is None else {_free(by.name, columns): pl.Series(names, dtype=pl.String)}
    return pl.DataFrame(head | columns)


def _free(name: str, taken: Iterable[str]) -> str:
    """The name of the groups' column, apart from those that we have columns of."""
    return f"by_{name}" if name in taken else name


def _groups(people: pl.DataFrame, by: By | None) -> tuple[list[str], Array]:
    """The names of the groups that somebody is in, and each customer's place among them."""
    if by is None:
        return ["all"], np.zeros(people.height, int)
    present = people["label"].unique().sort().to_list()
    order = [name for name in by.order or () if name in present]
    names = [*order, *(name for name in present if name not in order)]
    place = {name: code for code, name in enumerate(names)}
    codes = people["label"].replace_strict(place, return_dtype=pl.Int64)
    return names, codes.to_numpy()


def _spread(name: str, short: str, total: Totals) -> dict[str, Array]:
    return {name: total.expected, f"{short}_low": total.low, f"{short}_high": total.high}


def _priced(spread: dict[str, Array], margin: float, places: int) -> dict[str, pl.Series]:
    return {name: money_column(name, margin * values, places) for name, values in spread.items()}


def models(choice: Choice) -> pl.DataFrame:
    """One row for each model that was fitted."""
    rows = [
        {
            "model": one.name,
            "k": one.fit.model.stages if one.name in REGULAR else None,
            "log_likelihood": one.fit.log_likelihood,
            "aic": one.fit.aic,
            "bic": one.fit.bic,
            "holdout_score": one.score,
            "chosen": one.chosen,
            "estimates": " ".join(f"{name}={value:.7g}" for name, value in one.fit.params.items()),
        }
        for one in choice.candidates
    ]
    schema = {"k": pl.Int64, "holdout_score": pl.Float64}
    return pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None)


def parameters(choice: Choice) -> pl.DataFrame:
    """One row for each parameter of each model, in the unit of time of the fit."""
    rows = [
        (one.name, name, value, one.fit.standard_errors[name])
        for one in choice.candidates
        for name, value in one.fit.params.items()
    ]
    kinds = {"model": pl.String, "parameter": pl.String, "estimate": pl.Float64, "standard_error": pl.Float64}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def customers_table(people: pl.DataFrame, view: Outlook, terms: Terms, by: str | None) -> pl.DataFrame:
    """By row: what is expected of each of these people."""
    columns: dict[str, Any] = {name: people[name] for name in ("customer", "x", "t_x", "T")}
    columns |= {"alive": view.alive, "expected_purchases": view.orders}
    if view.spend is not None and view.value is not None:
        interval, margin, places = view.value_interval(terms.level), terms.margin, places_of(people)
        columns["expected_spend"] = money_column("expected_spend", view.spend, places)
        columns |= {
            name: money_column(name, margin * values, places)
            for name, values in (("clv", view.value), ("clv_low", interval.low), ("clv_high", interval.high))
        }
    else:
        whole = view.orders_interval(terms.level)
        columns |= {"purchases_low": whole.low, "purchases_high": whole.high}
    columns["p_purchase"] = view.p_purchase
    if by is not None:
        columns[_free(by, columns)] = people["label"]
    return pl.DataFrame(columns)


def new_customers(found: Valued, cac: Decimal) -> pl.DataFrame:
    """What a customer is worth who buys for the first time today, against the cost of winning one."""
    people, terms, spend = found.people, found.terms, found.spend
    if spend is None or "first_revenue" not in people.columns:
        raise UsageError("--cac needs the revenue of first orders, which this file does not tell.")
    first = float(people["first_revenue"].sum()) / people.height * terms.margin
    model = found.learnt.choice.fit.model
    days = np.arange(terms.horizon.days + 1)
    time = found.learnt.calendar.ahead(days) / unit_days(terms.unit)
    repeats = model.dect(time, found.forecast.reach.rate, 0.0, 0.0, 0.0)
    worth = first + repeats * float(spend.model.expected(0.0, 0.0)[0]) * terms.margin
    paid = np.flatnonzero(worth >= float(cac))
    money = {"first_value": first, "clv": worth[-1], "cac": float(cac), "net_clv": worth[-1] - float(cac)}
    return pl.DataFrame(
        [
            pl.Series("expected_purchases", [float(model.expected(time[-1])[0])]),
            *(money_column(name, np.array([value]), places_of(people)) for name, value in money.items()),
            pl.Series("clv_to_cac", [worth[-1] / float(cac) if cac else None], dtype=pl.Float64),
            pl.Series("payback_days", [int(paid[0]) if len(paid) else None], dtype=pl.Int64),
        ]
    )
