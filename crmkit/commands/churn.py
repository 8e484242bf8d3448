"""`crmkit churn`: who is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from crmkit.commands.options import Shared, choice, day
from crmkit.commands.run import Session
from crmkit.errors import CrmkitError, UsageError

if TYPE_CHECKING:
    import polars as pl

    from crmkit.engine.rows import Rows
    from crmkit.models import Fit
    from crmkit.scoring.cutpoints import Cuts

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
    from crmkit.engine import reducers
    from crmkit.history import customer_days

    if overdue is not None and lapse_days is not None:
        raise UsageError("--overdue and --lapse-days are two rules. Give one of them.")
    rule = analysis.Rule(2.0 if overdue is None else overdue, lapse_days)
    rule.check()
    if model is not None:
        choice("--model", model, _MODELS)
    at = day("--evaluate", evaluate)
    with Session("churn", common) as session:
        sales = session.read()
        shrink = reducers.shrink("customer", frozenset(), by_rows=False)
        past = customer_days.past(
            sales.by_key(customer_days.by_customer, shrink=shrink), sales.first, sales.as_of
        )
        people = analysis.people(past, sales.scale)
        fit, kinds = _fit(people, model) if model is not None else (None, None)
        people = _labelled(people)
        if fit is not None and kinds is not None:
            people = people.by_row(partial(_alive, fit=fit, ends=_ends(fit, kinds)))
        result = analysis.analyse(
            past, rule, customers=people, scale=sales.scale, evaluate_at=at, everyone=everyone
        )
        if fit is not None:
            facts = {**result.facts, "model": {"name": fit.name, "params": fit.params}}
            result = replace(result, facts=facts, notes=(*result.notes, *fit.notes))
        session.finish(result)


def _labelled(people: Rows) -> Rows:
    """Tier and segment of every customer, each where the file allows it."""
    from crmkit import pareto, rfm
    from crmkit.scoring import segments

    labelled = people
    try:
        tiers = pareto.ranking(people, pareto.SCHEMES["abc"])
        labelled = people.by_row(partial(_tier, lowest=tiers.lowest, names=tiers.names))
        cuts = rfm.cuts(people)
        names = segments.cells(segments.load("rf10"), cuts.bins)
        labelled = labelled.by_row(partial(_segment, cut=cuts, names=names))
    except CrmkitError:
        pass  # too few customers to score: the call list does without
    return labelled


def _tier(people: pl.DataFrame, lowest: Sequence[int], names: Sequence[str]) -> pl.DataFrame:
    from crmkit import pareto
    from crmkit.engine.counts import whole

    return people.with_columns(tier=pareto.label(whole("revenue"), lowest, names))


def _segment(people: pl.DataFrame, cut: Cuts, names: dict[int, str]) -> pl.DataFrame:
    from crmkit import rfm

    return people.with_columns(rfm.place(people, cut, names)["segment"])


_HISTORY = ["x", "t_x", "T"]


def _fit(people: Rows, model: str) -> tuple[Fit, pl.DataFrame]:
    """The model of these customers, in days, and their different histories."""
    from crmkit.engine.rows import Counted
    from crmkit.models import PURCHASE_MODELS

    kinds = people.counts(Counted(by=_HISTORY)).drop_nulls()
    return PURCHASE_MODELS[model].fit(*(column.to_numpy() for column in kinds)), kinds


def _ends(fit: Fit, kinds: pl.DataFrame) -> pl.DataFrame:
    from crmkit.forecast.selection import extremes

    return kinds[extremes(fit.model, kinds["x"].to_numpy(), kinds["T"].to_numpy())].select(_HISTORY)


def _alive(people: pl.DataFrame, fit: Fit, ends: pl.DataFrame) -> pl.DataFrame:
    """By row: P(alive) of every customer with an order, in any company the same."""
    import polars as pl

    kinds = pl.concat([ends, people.select(_HISTORY)]).unique().drop_nulls().sort(_HISTORY)
    alive = pl.Series(fit.model.p_alive(*(column.to_numpy() for column in kinds)))
    known = kinds.with_columns(alive=alive)
    return people.join(known, on=_HISTORY, how="left", maintain_order="left")
