"""What a careful reader should know before believing a forecast, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from crmkit.errors import DataError
from crmkit.forecast.calendar import in_words
from crmkit.forecast.learning import Learnt
from crmkit.forecast.selection import EVERYBODY_ALIVE, Choice
from crmkit.history.purchase_histories import Histories
from crmkit.models import Early, Fit
from crmkit.parse import Duration

if TYPE_CHECKING:
    from crmkit.forecast.terms import Terms

FEWEST = 10  # repeat customers, below which four parameters are an invention
TOO_FAR = 10  # histories
RELATED = 0.3
SILENT = 30  # days
ENDLESS = 8  # years of revenue in the residual value, where next to nobody has been seen to leave
STAY = 0.95


def look(past: Histories, horizon: Duration, *, money: bool) -> None:
    """DataError where no forecast would be worth anything."""
    seen, repeaters = int(past.T.max()), int((past.x > 0).sum())
    if repeaters < FEWEST:
        raise DataError(
            f"Only {repeaters} of {len(past.x):,} customers bought on a second day, too few to fit a model to: "
            f"{FEWEST} are the least, and 50 are a beginning. Give a longer history."
        )
    if horizon.days > TOO_FAR * seen:
        raise DataError(
            f"The horizon of {horizon} is more than {TOO_FAR} times the {seen} days of history, "
            f"from which nothing can be said of it. Ask for less: --horizon {max(seen, 1)}d."
        )
    if money and past.mean is not None and not (past.mean > 0).any():
        raise DataError(
            "No customer has a repeat purchase with a positive amount, so there is no spend to learn from. "
            "Look at the choice and the signs of the amount column with `crmkit check`."
        )


def notes(learnt: Learnt, past: Histories, terms: Terms, facts: dict[str, Any]) -> tuple[str, ...]:
    """Everything worth saying, the choice of the model first."""
    choice, spend, horizon = learnt.choice, learnt.spend, terms.horizon
    return (
        *_on_choice(choice),
        *in_words(learnt.calendar, facts["as_of"], str(horizon), horizon.days, terms.level),
        *_on_early(choice.fit),
        *choice.fit.notes,
        *_on_alive(choice.fit, past),
        *_on_time(past, terms, facts["as_of"]),
        *_on_customers(facts["refund_only"]),
        *(_on_spend(spend, facts["spend"], terms) if spend is not None else [_NO_VALUE]),
    )


def on_residual(total: Mapping[str, Any], past: Histories, terms: Terms) -> tuple[str, ...]:
    """Where a model knows of no end: everybody active, and a residual value of many years."""
    if "residual_clv" not in total or past.mean is None:
        return ()
    days, active, everybody = max(float(past.T.max()), 1.0), total["expected_active"], total["customers"]
    years = float(total["residual_clv"]) / max(float((past.mean * past.amounts).sum()) * 364 / days, 1e-9)
    if active < STAY * everybody or years < ENDLESS * terms.margin:
        return ()
    return (
        f"{active:,.0f} of {everybody:,} customers are taken for active, and the residual CLV is {years:.0f} times what they brought in a "
        f"year: next to nobody was seen to leave in {days:,.0f} days, so the model knows of no end. Build on the next {terms.horizon}, and "
        "not on the residual.",
    )


def on_chances(learnt: Learnt, past: Histories) -> tuple[str, ...]:
    """What is worth saying where only the chances of being alive are shown."""
    fit = learnt.fit
    return (*_on_choice(learnt.choice), *_on_early(fit), *fit.notes, *_on_alive(fit, past))


_NO_VALUE = "The file has no amounts, so orders are projected and their value is missing. Name the column with --amount."


def _on_choice(choice: Choice) -> list[str]:
    if len(choice.candidates) == 1:
        return []
    said = [f"{choice.fit.model.title} was chosen out of {len(choice.candidates)} models: {choice.reason}."]
    if choice.holdout is None:
        said.append(
            "The choice rests on the likelihood alone: there was not enough history, or no purchase dates, "
            "to test forecasts on."
        )
    return said


def _on_early(fit: Fit) -> list[str]:
    """Who was there when the file began."""
    if not isinstance(fit.model, Early) or not fit.model.z:
        return []
    times = fit.model.factor ** fit.model.z[-1]
    return [
        f"Customers first seen in the first four weeks of the file bought {times:.2g} times as often as the history of later "
        "ones would suggest: many were customers before, and those who came late are not taken for one of them."
    ]


def _on_alive(fit: Fit, past: Histories) -> list[str]:
    once = int((past.x == 0).sum())
    if fit.model.name in EVERYBODY_ALIVE and once:
        return [
            f"{fit.model.title} holds every customer who bought once for alive, however long ago: here {once:,} of "
            f"{len(past.x):,}. MBG/NBD and Pareto/NBD do not."
        ]
    if fit.model.name == "nbd":
        return ["In the NBD nobody ever leaves: everybody is alive, and lost customers are not recognised."]
    return []


def _on_time(past: Histories, terms: Terms, as_of: date) -> list[str]:
    said, seen, quiet = [], int(past.T.max()), int((past.T - past.t_x).min())
    if terms.horizon.days > seen:
        said.append(
            f"The horizon of {terms.horizon} is longer than the {seen} days of history; what lies beyond rests "
            "on the model alone."
        )
    if quiet > SILENT:
        said.append(
            f"Nobody bought in the {quiet} days before {as_of}. If the file just ends earlier, customers look lost who "
            "are not: give the last day of the data with --as-of."
        )
    return said


def _on_customers(refund_only: int) -> list[str]:
    if not refund_only:
        return []
    return [f"{refund_only:,} customers only ever returned things; they are listed without a forecast."]


def _on_spend(spend: Fit, facts: dict[str, Any], terms: Terms) -> list[str]:
    said = list(spend.notes)
    if facts["not_positive"]:
        said.append(
            f"{facts['not_positive']:,} customers paid nothing for purchases that count here, or got back as much: "
            "they are left out of the spend model and expected to spend next to nothing."
        )
    if facts["correlation"] is not None and abs(facts["correlation"]) > RELATED:
        more = "more" if facts["correlation"] > 0 else "less"
        said.append(
            f"Those who buy often spend {more} each time (correlation {facts['correlation']:.2f}); the spend model "
            "takes the two to be independent."
        )
    if terms.margin == 1:
        said.append("Value is revenue, because no margin was given: --margin 30% makes it profit.")
    return said
