"""What each customer is still worth: chance of being active, expected orders, spend and value.

    value = margin × Σ over the expected orders in the horizon of expected spend, discounted to today

Orders come from a buy-till-you-die model of (x, t_x, T), the amount of an order from a spend model
of the customer's mean so far, which is drawn towards everybody's mean the fewer amounts there are.
Without a horizon the same sum is the residual value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crmkit.customers import Data, with_as_of
from crmkit.engine.counts import largest_first
from crmkit.engine.money import scale
from crmkit.engine.rows import ByRow, Counted, Rows, as_rows
from crmkit.errors import DataError, UsageError
from crmkit.forecast import saved_model
from crmkit.forecast.calendar import EVEN, bins
from crmkit.forecast.learning import Learnt, learn, on_day
from crmkit.forecast.notes import look, notes, on_residual
from crmkit.forecast.people import People, found_day, people_of
from crmkit.forecast.selection import (
    REGULAR,
    Tell,
    check_histories,
    check_model,
    extremes,
    nothing,
)
from crmkit.forecast.tables import customers_table, models, new_customers, parameters, summary
from crmkit.forecast.terms import YEAR, Terms, Valued, terms_of
from crmkit.forecast.totals import Customers, forecast, look_at
from crmkit.headlines import value as headlines
from crmkit.history.purchase_histories import Histories, histories, repeats
from crmkit.load.door import question
from crmkit.models import Fit
from crmkit.parse import Duration
from crmkit.result import Result

Array = np.ndarray

_KNOWN = ("x", "T", "t_x", "revenue", "first_revenue", "label")


@question
def analyse(
    data: Data,
    *,
    model: str | None = None,
    k: int | None = None,
    horizon: str | int | Duration = YEAR,
    discount: str | float = "10%",
    margin: str | float = "100%",
    unit: str | None = None,
    by: str | None = None,
    cac: str | Decimal | float | None = None,
    interval: str | float = "80%",
    keep_zero: bool = False,
    calendar: str | None = None,
    classic: bool = False,
    use_model: Learnt | str | Path | None = None,
    tell: Tell = nothing,
) -> Result:
    """How likely each customer still is one, how often they will buy, and what that is worth.

    Args:
        model: auto (the default), nbd, bgnbd, mbgnbd, paretonbd, bgcnbd or mbgcnbd.
        k: the regularity of bgcnbd and mbgcnbd; found unless given.
        horizon: how far to look: days, or text such as 52w.
        discount, margin: what money loses in worth per year, and what is left of revenue.
        unit: the unit of the parameters: day, week or month; forecasts do not depend on it.
        by: add up by segment, tier, cohort, or a column of the transactions.
        cac: the cost of winning a customer.
        interval: the probability of the intervals.
        keep_zero: whether an order with the amount 0 is a purchase.
        calendar: whether days count by a clock that all customers share: auto (the default: from 455 days of
            history on), on or off.
        classic: the models of the literature as they are: no calendar, every customer new at the first
            purchase, and the spend of repeat purchases only.
        use_model: the model of an earlier run (`Result.saved["model"]`, in a file) instead of fitting.
        tell: is told what is being done.

    Raises DataError where nobody repeats, and UsageError for terms that cannot be.
    """
    settled = {
        "--model": model,
        "--k": k,
        "--unit": unit,
        "--calendar": calendar,
        "--classic": classic or None,
    }
    saved, unit = _saved(use_model, settled), unit or "week"
    unit, by_clock = (unit, calendar or "auto") if saved is None else (saved.unit, "off")
    terms = terms_of(horizon, discount, margin, unit, cac, interval, by_clock, classic)
    check_model(model or "auto", k)
    kind = "saved" if saved else model or "auto"
    dated = terms.dated or kind in ("auto", *REGULAR)
    people = people_of(data, by, kind, keep_zero=keep_zero, dated=dated)
    found = value(people, model=model or "auto", k=k, saved=saved, terms=terms, tell=tell)
    return result(found._replace(zero_rows=0 if keep_zero else people.zero_rows))


def _saved(given: Learnt | str | Path | None, settled: Mapping[str, Any]) -> Learnt | None:
    """The model of an earlier run, which settles these options."""
    for option, value in settled.items():
        if given is not None and value is not None:
            raise UsageError(
                f"{option} does not go with --use-model, because the file settles it. Leave one of them out."
            )
    return saved_model.read(str(given)) if isinstance(given, str | Path) else given


def value(
    found: People, *, model: str, k: int | None, saved: Learnt | None, terms: Terms, tell: Tell = nothing
) -> Valued:
    """Fit (or use what was saved) and forecast.

    Where the customer-days are at hand the choice of a model is tested, and regular gaps are seen;
    for the latter the sum of their logarithms will do. Without money there are orders and no value.
    """
    everybody, looked = _seen(found.rows)
    people, first = _buyers(found.rows), not terms.classic if saved is None else saved.first
    dates = repeats(found.days, looked) if found.days is not None and found.dated else found.repeats
    past = histories(people, money=found.has_money, repeats=dates, first=first)
    check_histories(past)
    look(past, terms.horizon, money=found.has_money)
    if saved is None:
        learnt = learn(past, terms.asked(model, k), looked, found.days, tell)
    else:
        learnt = on_day(saved, looked)._replace(spend=saved.spend if found.has_money else None)
    if found.has_money and learnt.spend is None:
        raise DataError("The saved model knows nothing of spend: it was fitted to a file without amounts.")
    tell("forecasting")
    projected = forecast(
        learnt.fit, learnt.spend, terms.reach(learnt.calendar), _customers(past, learnt, people)
    )
    refund_only = everybody - people.height
    return Valued(found.rows, people, past, refund_only, looked, learnt, projected, terms, found.by)


def _seen(rows: Rows) -> tuple[int, date]:
    """How many customers there are, and the day from which they are looked at."""
    missing = [name for name in ("x", "t_x", "T") if name not in rows.schema]
    if missing:
        raise DataError(
            "The customers table lacks first and days, from which repeat purchases are counted. "
            "Make it with `crmkit customers`, or start from the transactions."
        )
    found = rows.by_row(with_as_of).counts(Counted(least=["as_of"]))
    return found["n"][0], found_day(found["as_of"][0])


def _buyers(rows: Rows) -> pl.DataFrame:
    """What is known of those who bought at least once, in the order of what is known.

    So sums over them are the same to the last bit, however customers are called and wherever they
    are; from elsewhere they come without their names.
    """
    known = [name for name in _KNOWN if name in rows.schema]
    bought = rows.by_row(partial(_bought, columns=[*known, *(["customer"] if rows.is_here else [])]))
    if rows.is_here:
        return bought.frame().sort(known)
    return bought.counts(Counted(by=known)).select(pl.col(known).repeat_by("n")).explode(known)


def _bought(customers: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    return customers.filter(pl.col("x").is_not_null()).select(columns)


def _customers(past: Histories, learnt: Learnt, people: pl.DataFrame) -> Customers:
    if past.mean is None:
        return Customers.of(*learnt.history(past), past.amounts, None)
    return Customers.of(*learnt.history(past), past.amounts, past.shown_mean(scale(people, "revenue")))


def result(found: Valued) -> Result:
    """The tables, totals and warnings."""
    facts, by = _facts(found), found.by
    said = notes(found.learnt, found.past, found.terms, facts)
    tables = {"summary": summary(found, by)}
    if by is not None:
        tables["total"] = summary(found, None)
    said += on_residual(tables.get("total", tables["summary"]).row(0, named=True), found.past, found.terms)
    if found.terms.cac is not None:
        tables["new_customers"] = new_customers(found, found.terms.cac)
    tables |= {"models": models(found.choice), "parameters": parameters(found.choice)}
    if (clock := found.learnt.calendar.clock) is not None:
        tables["calendar"] = bins(clock, found.as_of)
    horizon = f"in {found.terms.horizon}, {found.terms.level:.0%} intervals"
    shown = Result(
        command="clv",
        tables=tables,
        facts=facts | {"warnings": list(said)},
        notes=(*said, *_on_zeros(found.zero_rows)),
        saved={"model": saved_model.to_json(found.learnt)},
        titles={
            "summary": f"What customers are worth {horizon}",
            "total": "All of them",
            "new_customers": "A new customer",
            "models": "Models, the chosen one first",
            "calendar": "How the days of the calendar count",
        },
        pictures={"models": "none", "parameters": "none", "calendar": "none"},
    )
    return headlines.clv(shown).with_detail("customers", _listed(found))


def _on_zeros(rows: int) -> list[str]:
    if not rows:
        return []
    return [f"{rows:,} rows with the amount 0 are no purchases; --keep-zero counts them as a sign of life."]


def _listed(found: Valued) -> Rows:
    """Everybody's forecast, the most valuable first; those who only ever returned things have none."""
    by = None if found.by is None else found.by.name
    if found.rows.is_here:
        listed = customers_table(found.people, found.forecast.outlook, found.terms, by)
        without = _without(found.rows.frame())
        rows = as_rows(pl.concat([listed, without], how="diagonal") if without.height else listed)
    else:
        each = partial(_forecasts, learnt=found.learnt, terms=found.terms, by=by)
        rows = found.rows.by_row(partial(_each, forecasts=each, extremes=_extremes(found)))
    order = "clv" if found.spend is not None else "expected_purchases"
    return rows.ordered_by(partial(largest_first, value=order, key="customer"))


def _each(customers: pl.DataFrame, forecasts: ByRow, extremes: pl.DataFrame) -> pl.DataFrame:
    """By row: the forecast of each customer with an order."""
    people = customers.filter(pl.col("x").is_not_null()).select(extremes.columns)
    listed = forecasts(pl.concat([extremes, people]))[extremes.height :]
    return pl.concat([listed, _without(customers)], how="diagonal")


def _extremes(found: Valued) -> pl.DataFrame:
    """Customers for the top of every batch, so that a forecast is the same to the last bit in any company."""
    x, _, T = found.learnt.history(found.past)
    places = extremes(found.choice.fit.model, x, T)
    return found.people[places].with_columns(customer=pl.lit(""))


def _forecasts(people: pl.DataFrame, learnt: Learnt, terms: Terms, by: str | None) -> pl.DataFrame:
    past = histories(people, money=learnt.spend is not None, first=learnt.first)
    reach = terms.reach(learnt.calendar)
    view = look_at(learnt.fit, learnt.spend, reach, _customers(past, learnt, people))
    return customers_table(people, view, terms, by)


def _without(customers: pl.DataFrame) -> pl.DataFrame:
    return customers.filter(pl.col("x").is_null()).select("customer")


def _facts(found: Valued) -> dict[str, Any]:
    terms, fit = found.terms, found.choice.fit
    facts: dict[str, Any] = {
        "as_of": found.as_of,
        "customers": found.people.height,
        "repeat_customers": int((found.past.x > 0).sum()),
        "refund_only": found.refund_only,
        "history_days": int(found.past.T.max()),
        "horizon": str(terms.horizon),
        "horizon_days": terms.horizon.days,
        "discount": terms.discount,
        "margin": terms.margin,
        "interval": terms.level,
        "model": _model_facts(fit, terms.unit) | {"why": found.choice.reason, "learnt": found.learnt.until},
    }
    calendar = found.learnt.calendar
    if calendar != EVEN:
        days = terms.horizon.days
        facts["calendar"] = {
            "used": calendar.used,
            "counts_as_days": float(calendar.ahead(days)),
            "shock": calendar.shock(days) ** 0.5,
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
