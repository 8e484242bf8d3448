"""What each customer is still worth: chance of being active, expected orders, spend and value.

    value = margin × Σ over the expected orders in the horizon of expected spend, discounted to today

Orders come from a buy-till-you-die model of (x, t_x, T), the amount of an order from a spend model
of the customer's mean so far, which is drawn towards everybody's mean the fewer amounts there are.
Without a horizon the same sum is the residual value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crmkit.candidates import (
    REGULAR,
    Choice,
    Tell,
    check_histories,
    choose,
    fit_model,
    held_back,
    nothing,
    only,
    unit_days,
)
from crmkit.clv_notes import look, notes
from crmkit.clv_totals import Customers, Forecast, Groups, Total, forecast
from crmkit.counts import largest_first, scale
from crmkit.customers import as_of
from crmkit.errors import DataError, UsageError
from crmkit.histories import Days, Histories, histories, log_gaps
from crmkit.modelfile import Saved
from crmkit.models import Fit, fit_spend
from crmkit.money import amounts
from crmkit.parse import Duration
from crmkit.result import Result

Array = np.ndarray

YEAR = Duration(52, "w")
CENTS = 2
EXACT_UP_TO = 1e15


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How far to look, and what an order is worth: shares of one; the discount is per year."""

    horizon: Duration = YEAR
    discount: float = 0.10
    margin: float = 1.0
    level: float = 0.80
    unit: str = "week"
    cac: Decimal | None = None

    @property
    def time(self) -> float:
        """The horizon in units."""
        return self.horizon.days / unit_days(self.unit)

    @property
    def rate(self) -> float:
        """Continuous discount per unit, such that a year of the horizon's kind costs the discount."""
        return float(np.log1p(self.discount)) * float(self.horizon.years) / self.time


class By(NamedTuple):
    """Groups to add up: the column's name, each customer's group, and the order of the groups."""

    name: str
    labels: pl.DataFrame  # customer, label
    order: Sequence[str] | None = None


class Valued(NamedTuple):
    """Everything that the tables are made of."""

    customers: pl.DataFrame
    people: pl.DataFrame  # those who bought, sorted by id, with their `label` where there are groups
    past: Histories
    choice: Choice
    spend: Fit | None
    forecast: Forecast
    terms: Terms
    by: By | None
    learnt: date | None  # the day up to which the models have learnt

    def saved(self) -> Saved:
        """The fits, for a model file."""
        return Saved(self.choice.fit, self.spend, self.terms.unit, self.learnt)


def analyse(customers: pl.DataFrame, **options: Any) -> Result:
    """Fit, forecast and add up; the options are those of `value`."""
    return result(value(customers, **options))


def value(
    customers: pl.DataFrame,
    *,
    model: str = "auto",
    k: int | None = None,
    saved: Saved | None = None,
    days: Days | None = None,
    money: bool = True,
    terms: Terms | None = None,
    by: By | None = None,
    tell: Tell = nothing,
) -> Valued:
    """Fit (or use what was saved) and forecast.

    `days` are the customer-days behind `customers`, if they are at hand: with them the choice of a
    model is tested, and regular gaps are seen. Without `money` there are orders and no value.
    Raises DataError where nobody repeats, and UsageError for terms that cannot be.
    """
    terms = terms or Terms()
    people = _buyers(customers, by)
    looked = as_of(people)
    assert looked is not None
    gaps = None if days is None or model not in ("auto", *REGULAR) else log_gaps(days, looked)
    past = histories(people, money=money, gaps=gaps)
    check_histories(past)
    look(past, terms.horizon, money=money)
    if saved is None:
        choice = _choice(past, model, k, terms, None if days is None else (days, looked), tell)
        spend = fit_spend(past.amounts, past.mean) if past.mean is not None else None
    else:
        choice, spend = only(saved.fit, "the saved model"), saved.spend if money else None
    if money and spend is None:
        raise DataError("The saved model knows nothing of spend: it was fitted to a file without amounts.")
    tell("forecasting")
    return Valued(
        customers,
        people,
        past,
        choice,
        spend,
        _forecast(past, choice.fit, spend, terms),
        terms,
        by,
        looked if saved is None else saved.as_of,
    )


def _buyers(customers: pl.DataFrame, by: By | None) -> pl.DataFrame:
    """Those who bought at least once, with their group."""
    missing = [name for name in ("x", "t_x", "T") if name not in customers.columns]
    if missing:
        raise DataError(
            "The customers table lacks first and days, from which repeat purchases are counted. "
            "Make it with `crmkit customers`, or start from the transactions."
        )
    people = customers.filter(pl.col("x").is_not_null())
    if not people.height:
        raise DataError("No customer has an order, so there is nothing to project. See `crmkit check`.")
    if by is None:
        return people
    named = people.join(by.labels, on="customer", how="left", maintain_order="left")
    return named.with_columns(pl.col("label").fill_null(f"(no {by.name})"))


def _choice(
    past: Histories, model: str, k: int | None, terms: Terms, days: tuple[Days, date] | None, tell: Tell
) -> Choice:
    unit = unit_days(terms.unit)
    if model != "auto":
        tell("fitting the model")
        return only(fit_model(model, past, unit, k), "as asked")
    held = None if days is None else held_back(*days, terms.horizon.days)
    return choose(past, unit, held, tell)


def _forecast(past: Histories, fit: Fit, spend: Fit | None, terms: Terms) -> Forecast:
    unit = unit_days(terms.unit)
    mean = None if past.mean is None else shown_mean(past)
    people = Customers.of(past.x, past.t_x / unit, past.T / unit, past.amounts, mean)
    return forecast(fit, spend, terms.time, terms.rate, people)


def shown_mean(past: Histories) -> Array:
    """Means for the spend model: where refunds have eaten up all repeat purchases, next to nothing.

    Such a customer does not enter the fit, which needs means above zero; to treat the mean as
    unknown would value somebody who returns everything like everybody else.
    """
    assert past.mean is not None
    return np.where((past.amounts > 0) & (past.mean <= 0), 10.0**-CENTS, past.mean)


def result(found: Valued) -> Result:
    """The tables, totals and warnings."""
    facts, by = _facts(found), found.by
    said = notes(found.choice, found.spend, found.past, found.terms, facts)
    tables = {"summary": summary(found, by)}
    if by is not None:
        tables["total"] = summary(found, None)
    if found.terms.cac is not None:
        tables["new_customers"] = new_customers(found, found.terms.cac)
    tables |= {"models": models(found.choice), "parameters": parameters(found.choice)}
    tables["customers"] = customers_table(found)
    horizon = f"in {found.terms.horizon}, {found.terms.level:.0%} intervals"
    return Result(
        command="clv",
        tables=tables,
        facts=facts | {"warnings": list(said)},
        detail="customers",
        notes=said,
        titles={
            "summary": f"What customers are worth {horizon}",
            "total": "All of them",
            "new_customers": "A new customer",
            "models": "Models, the chosen one first",
        },
        pictures={"parameters": "none"},
    )


# ---- tables


def money_column(name: str, values: Array) -> pl.Series:
    """Amounts to the nearest hundredth."""
    if np.abs(values).max(initial=0.0) > EXACT_UP_TO:
        return amounts(name, values.tolist())
    cents = pl.Series(name, np.round(values * 100).astype(np.int64))
    return pl.DataFrame([cents]).select(pl.col(name).cast(pl.Decimal(38, CENTS)) / 100)[name]


def summary(found: Valued, by: By | None) -> pl.DataFrame:
    """One row for each group, or one for all: what is expected of it, with intervals."""
    names, codes = _groups(found.people, by)
    groups = Groups(codes, len(names), found.terms.level)
    head = {} if by is None else {by.name: pl.Series(names, dtype=pl.String)}
    columns: dict[str, Any] = {**head, "customers": np.bincount(codes, minlength=len(names))}
    view = found.forecast
    margin, priced = found.terms.margin, found.spend is not None
    active = _spread("expected_active", "active", view.active(groups))
    orders = _spread("expected_orders", "orders", view.orders(groups))
    # What matters most comes first: a narrow window hides columns from the right.
    columns |= {name: spread.pop(name) for spread in (active, orders) for name in list(spread)[:1]}
    if priced:
        columns |= _priced(_spread("clv", "clv", view.value(groups)), margin)
    if priced and found.terms.rate > 0:
        columns |= _priced(_spread("residual_clv", "residual", view.residual(groups)), margin)
    if priced:
        columns |= _priced(_spread("expected_revenue", "revenue", view.revenue(groups)), 1.0)
    columns |= orders | active
    return pl.DataFrame(columns)


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


def _spread(name: str, short: str, total: Total) -> dict[str, Array]:
    return {name: total.expected, f"{short}_low": total.low, f"{short}_high": total.high}


def _priced(spread: dict[str, Array], margin: float) -> dict[str, pl.Series]:
    return {name: money_column(name, margin * values) for name, values in spread.items()}


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


def customers_table(found: Valued) -> pl.DataFrame:
    """Everybody, the most valuable first and equal ones by id; refund-only customers have no forecast."""
    view = found.forecast.outlook
    columns: dict[str, Any] = {name: found.people[name] for name in ("customer", "x", "t_x", "T")}
    columns |= {"alive": view.alive, "expected_orders": view.orders}
    if view.spend is not None and view.value is not None:
        interval, margin = view.value_interval(found.terms.level), found.terms.margin
        columns["expected_spend"] = money_column("expected_spend", view.spend)
        columns |= {
            name: money_column(name, margin * values)
            for name, values in (("clv", view.value), ("clv_low", interval.low), ("clv_high", interval.high))
        }
        order = "clv"
    else:
        whole = view.orders_interval(found.terms.level)
        columns |= {"orders_low": whole.low, "orders_high": whole.high}
        order = "expected_orders"
    columns["p_purchase"] = view.p_purchase
    if found.by is not None:
        columns[found.by.name] = found.people["label"]
    frame = largest_first(pl.DataFrame(columns), order, "customer")
    without = found.customers.filter(pl.col("x").is_null()).select("customer")
    return pl.concat([frame, without], how="diagonal") if without.height else frame


def new_customers(found: Valued, cac: Decimal) -> pl.DataFrame:
    """What a customer is worth who buys for the first time today, against the cost of winning one."""
    people, terms, spend = found.people, found.terms, found.spend
    if spend is None or "first_revenue" not in people.columns:
        raise UsageError("--cac needs the revenue of first orders, which this file does not tell.")
    first = float(people["first_revenue"].sum()) / people.height * terms.margin
    model = found.choice.fit.model
    days = np.arange(terms.horizon.days + 1)
    repeats = model.dect(days / unit_days(terms.unit), terms.rate, 0.0, 0.0, 0.0)
    worth = first + repeats * float(spend.model.expected(0.0, 0.0)[0]) * terms.margin
    paid = np.flatnonzero(worth >= float(cac))
    money = {"first_value": first, "clv": worth[-1], "cac": float(cac), "net_clv": worth[-1] - float(cac)}
    return pl.DataFrame(
        [
            pl.Series("expected_orders", [float(model.expected(terms.time)[0])]),
            *(money_column(name, np.array([value])) for name, value in money.items()),
            pl.Series("clv_to_cac", [worth[-1] / float(cac) if cac else None], dtype=pl.Float64),
            pl.Series("payback_days", [int(paid[0]) if len(paid) else None], dtype=pl.Int64),
        ]
    )


# ---- facts


def _facts(found: Valued) -> dict[str, Any]:
    terms, fit = found.terms, found.choice.fit
    facts: dict[str, Any] = {
        "as_of": as_of(found.people),
        "customers": found.people.height,
        "repeat_customers": int((found.past.x > 0).sum()),
        "refund_only": found.customers.height - found.people.height,
        "history_days": int(found.past.T.max()),
        "horizon": str(terms.horizon),
        "horizon_days": terms.horizon.days,
        "discount": terms.discount,
        "margin": terms.margin,
        "interval": terms.level,
        "model": _model_facts(fit, terms.unit) | {"why": found.choice.reason, "learnt": found.learnt},
    }
    if found.choice.holdout is not None:
        facts["holdout"] = {"origin": found.choice.holdout.origin, "days": found.choice.holdout.days}
    if found.spend is not None:
        facts["spend"] = _spend_facts(found.spend, found.past, scale(found.people, "revenue"))
    return facts


def _model_facts(fit: Fit, unit: str) -> dict[str, Any]:
    own = {"k": fit.model.stages} if fit.name in REGULAR else {}
    limit = {} if fit.model.name == fit.name else {"limit": fit.model.name}
    return {
        "name": fit.name,
        **own,
        **limit,
        "unit": unit,
        "params": fit.params,
        "standard_errors": fit.standard_errors,
        "log_likelihood": fit.log_likelihood,
        "aic": fit.aic,
        "bic": fit.bic,
        "customers": int(fit.customers),
    }


def _spend_facts(spend: Fit, past: Histories, places: int) -> dict[str, Any]:
    assert past.mean is not None
    repeaters = past.amounts > 0
    positive = repeaters & (past.mean > 0)
    x, mean = past.amounts[positive], past.mean[positive]
    apart = len(x) > 2 and x.std() > 0 and mean.std() > 0
    return {
        "name": spend.model.name,
        "params": spend.params,
        "standard_errors": spend.standard_errors,
        "log_likelihood": spend.log_likelihood,
        "customers": int(spend.customers),
        "not_positive": int(repeaters.sum() - positive.sum()),
        "correlation": float(np.corrcoef(x, mean)[0, 1]) if apart else None,
        "decimals": places,
    }
