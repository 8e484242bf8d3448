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
from crmkit.clv_tables import customers_table, models, new_customers, parameters, summary
from crmkit.clv_totals import Customers, Forecast, forecast
from crmkit.counts import scale
from crmkit.customers import as_of
from crmkit.errors import DataError
from crmkit.histories import Days, Histories, histories, log_gaps
from crmkit.modelfile import Saved
from crmkit.models import Fit, fit_spend
from crmkit.parse import Duration
from crmkit.result import Result

Array = np.ndarray

YEAR = Duration(52, "w")
SMALLEST = 0.01


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
    return np.where((past.amounts > 0) & (past.mean <= 0), SMALLEST, past.mean)


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
    return {
        "name": spend.model.name,
        "params": spend.params,
        "standard_errors": spend.standard_errors,
        "log_likelihood": spend.log_likelihood,
        "customers": int(spend.customers),
        "not_positive": int(repeaters.sum() - positive.sum()),
        "correlation": _correlation(x, mean),
        "decimals": places,
    }


def _correlation(x: Array, y: Array) -> float | None:
    """Pearson's, None where one of the two does not vary."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(((x - x.mean()) * (y - y.mean())).mean() / (x.std() * y.std()))
