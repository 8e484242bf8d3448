"""`crmkit churn`: who is late."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from crmkit.errors import CrmkitError, UsageError
from crmkit.options import Shared, choice, day
from crmkit.session import Session

if TYPE_CHECKING:
    import polars as pl

    from crmkit.models import Fit

_MODELS = ("paretonbd", "mbgnbd", "bgnbd", "mbgcnbd", "bgcnbd")


def churn(
    common: Shared,
    overdue: Annotated[float | None, typer.Option(help="Late after so many of the customer's own median gaps; default 2.", metavar="K", show_default=False)] = None,
    lapse_days: Annotated[int | None, typer.Option(help="Late after so many days, the same for everybody.", metavar="N", show_default=False)] = None,
    evaluate: Annotated[str | None, typer.Option(help="Judge the rule: apply it as of this day and see who came back.", metavar="DATE", show_default=False)] = None,
    model: Annotated[str | None, typer.Option(help="Show P(alive) of this model beside: paretonbd, mbgnbd, bgnbd, mbgcnbd or bgcnbd.", metavar="NAME", show_default=False)] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="List all customers with their status, not only the late ones.")] = False,
) -> None:  # fmt: skip
    """List the customers who are late by their own rhythm, the most revenue at risk first.

    Example: crmkit churn sales.parquet -o call_list.csv
    """
    from crmkit import churn as analysis
    from crmkit import customers, days

    if overdue is not None and lapse_days is not None:
        raise UsageError("--overdue and --lapse-days are two rules. Give one of them.")
    rule = analysis.Rule(2.0 if overdue is None else overdue, lapse_days)
    rule.check()
    if model is not None:
        choice("--model", model, _MODELS)
    at = day("--evaluate", evaluate)
    with Session("churn", common) as session:
        sales = session.read()
        past = days.history(sales.collect(days.by_customer), sales.as_of)
        people = customers.finish(days.totals(past), sales.scale, past.as_of)
        labels = _labels(people)
        fit = _fit(people, model) if model is not None else None
        if fit is not None:
            labels = labels.with_columns(_alive(people, fit))
        result = analysis.analyse(
            past, rule, scale=sales.scale, evaluate_at=at, labels=labels, everyone=everyone
        )
        if fit is not None:
            facts = {**result.facts, "model": {"name": fit.name, "params": fit.params}}
            result = replace(result, facts=facts, notes=(*result.notes, *fit.notes))
        session.finish(result)


def _labels(people: pl.DataFrame) -> pl.DataFrame:
    """Tier and segment of every customer, each where the file allows it."""
    from crmkit import pareto, rfm, segments

    labels = people.select("customer")
    try:
        labels = labels.with_columns(pareto.assign(people)["tier"])
        cuts = rfm.cuts(people)
        names = segments.cells(segments.load("rf10"), cuts.bins)
        labels = labels.with_columns(rfm.segment(rfm.score(people, cuts), names)["segment"])
    except CrmkitError:
        pass  # too few customers to score: the call list does without
    return labels


_HISTORY = ["x", "t_x", "T"]


def _fit(people: pl.DataFrame, model: str) -> Fit:
    """The model of these customers, in days."""
    from crmkit.models import PURCHASE_MODELS

    kinds = people.group_by(_HISTORY).len("weight").drop_nulls().sort(_HISTORY)
    return PURCHASE_MODELS[model].fit(*(column.to_numpy() for column in kinds))


def _alive(people: pl.DataFrame, fit: Fit) -> pl.Series:
    """P(alive) of every customer with an order."""
    import polars as pl

    kinds = people.select(_HISTORY).unique().drop_nulls().sort(_HISTORY)
    alive = pl.Series(fit.model.p_alive(*(column.to_numpy() for column in kinds)))
    known = kinds.with_columns(alive=alive)
    return people.join(known, on=_HISTORY, how="left", maintain_order="left")["alive"]
