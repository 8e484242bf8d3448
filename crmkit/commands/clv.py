"""`crmkit clv`: what each customer is still worth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from crmkit.errors import DataError, UsageError
from crmkit.options import Shared
from crmkit.progress import Stages
from crmkit.session import Session, load_options

if TYPE_CHECKING:
    import polars as pl

    from crmkit.clv import By, Terms
    from crmkit.histories import Days
    from crmkit.load.transactions import Transactions
    from crmkit.modelfile import Saved

_GROUPS = ("segment", "tier", "cohort")


def clv(
    common: Shared,
    model: Annotated[str | None, typer.Option(help="auto, nbd, bgnbd, mbgnbd, paretonbd, bgcnbd or mbgcnbd; default auto.", metavar="NAME", show_default=False)] = None,
    k: Annotated[int | None, typer.Option("--k", help="Regularity of bgcnbd and mbgcnbd; default: found.", metavar="K", show_default=False)] = None,
    horizon: Annotated[str, typer.Option(help="How far to look: 52w, 90d, 12m, 1y.", metavar="TIME")] = "52w",
    discount: Annotated[str, typer.Option(help="What money loses in worth per year.", metavar="P%")] = "10%",
    margin: Annotated[str, typer.Option(help="What is left of revenue.", metavar="P%")] = "100%",
    unit: Annotated[str | None, typer.Option(help="Unit of the parameters: day, week (default) or month; forecasts do not depend on it.", metavar="UNIT", show_default=False)] = None,
    by: Annotated[str | None, typer.Option(help="Add up by segment, tier, cohort, or a column of the file.", metavar="NAME", show_default=False)] = None,
    cac: Annotated[str | None, typer.Option(help="Cost of winning a customer: when is it paid back?", metavar="AMOUNT", show_default=False)] = None,
    interval: Annotated[str, typer.Option(help="Probability of the intervals.", metavar="P%")] = "80%",
    keep_zero: Annotated[bool, typer.Option("--keep-zero/--drop-zero", help="Whether an order with the amount 0 is a purchase.")] = True,
    save_model: Annotated[str | None, typer.Option(help="Keep the fitted model in FILE.", metavar="FILE", show_default=False)] = None,
    use_model: Annotated[str | None, typer.Option(help="Use the model of an earlier run instead of fitting.", metavar="FILE", show_default=False)] = None,
) -> None:  # fmt: skip
    """Say how likely each customer still is one, how often they will buy, and what that is worth.

    Example: crmkit clv sales.parquet --horizon 52w --margin 30% --by segment -o value.csv
    """
    from crmkit import clv as analysis
    from crmkit.candidates import check_model

    terms, saved = _terms(horizon, discount, margin, unit, cac, interval), _saved(use_model, model, k, unit)
    if saved is not None:
        terms = replace(terms, unit=saved.unit)
    check_model(model or "auto", k)
    with Session("clv", common, also=[save_model]) as session:
        frame, days, sales = _input(session, by, keep_zero=keep_zero)
        with Stages(common.quiet) as tell:
            found = analysis.value(
                frame,
                model=model or "auto",
                k=k,
                saved=saved,
                days=days,
                money=sales is None or sales.has_amount,
                terms=terms,
                by=None if by is None else _by(by, frame, days),
                tell=tell,
            )
            result = analysis.result(found)
        if save_model:
            session.also_write(save_model, lambda stream: stream.write(found.saved().to_json().encode()))
        session.finish(
            result if sales is None else replace(result, notes=(*result.notes, *_zeros(sales, keep_zero)))
        )


def _terms(
    horizon: str, discount: str, margin: str, unit: str | None, cac: str | None, interval: str
) -> Terms:
    from crmkit import parse
    from crmkit.candidates import unit_days
    from crmkit.clv import Terms

    unit_days(unit or "week")
    return Terms(
        horizon=parse.duration(horizon, "--horizon"),
        discount=parse.percent(discount, "--discount"),
        margin=parse.percent(margin, "--margin"),
        level=parse.percent(interval, "--interval", low=0.01, high=0.99),
        unit=unit or "week",
        cac=None if cac is None else parse.money(cac, "--cac"),
    )


def _saved(path: str | None, model: str | None, k: int | None, unit: str | None) -> Saved | None:
    from crmkit import modelfile

    if path is None:
        return None
    for option, given in (("--model", model), ("--k", k), ("--unit", unit)):
        if given is not None:
            raise UsageError(
                f"{option} does not go with --use-model, because the file settles it. Leave one of them out."
            )
    return modelfile.read(path)


def _input(
    session: Session, by: str | None, *, keep_zero: bool
) -> tuple[pl.DataFrame, Days | None, Transactions | None]:
    """The customers, the days behind them and the transactions; the latter two only where the file holds these."""
    from crmkit import histories
    from crmkit.load import waist

    ready = waist.read(session.sources(), load_options(session.common))
    if ready is not None:
        return ready, None, None
    column = None if by is None or by in _GROUPS else by
    sales = _read(session, column)
    label, orders = "store" if column else None, by == "segment" and sales.has("order")
    found = sales.collect(
        lambda rows: histories.by_day(rows, keep_zero=keep_zero, label=label, orders=orders)
    )
    days = histories.days(found, sales.scale)
    return histories.known(days, sales.as_of), days, sales


def _read(session: Session, column: str | None) -> Transactions:
    """The transactions; the loader finds columns by role, so one to group by travels as the store."""
    needs, wants = ("customer", "date"), ("amount", "order")
    if column is None:
        return session.read(needs=needs, wants=wants)
    session.common = replace(session.common, store=column)
    try:
        return session.read(needs=needs, wants=(*wants, "store"))
    except DataError as error:
        raise DataError(str(error).replace("--store", "--by")) from None


def _by(name: str, frame: pl.DataFrame, days: Days | None) -> By:
    """Each customer's group."""
    from crmkit.clv import By

    if name in _GROUPS:
        labels, order = {"tier": _tiers, "segment": _segments, "cohort": _cohorts}[name](frame)
        return By(name, labels, order)
    if days is None:
        raise UsageError(
            f"--by {name!r} is a column of transactions, and this is a customers table. Choose {', '.join(_GROUPS)}."
        )
    return By(name, days.ids.select("customer", "label"))


Labelled = tuple["pl.DataFrame", list[str] | None]


def _tiers(frame: pl.DataFrame) -> Labelled:
    import polars as pl

    from crmkit import pareto

    placed = pareto.assign(frame)
    return placed.select("customer", pl.col("tier").alias("label")), [
        *pareto.SCHEMES["abc"].names,
        pareto.BELOW_ZERO,
    ]


def _segments(frame: pl.DataFrame) -> Labelled:
    import polars as pl

    from crmkit import rfm, segments

    chosen, cuts = segments.load("rf10"), rfm.cuts(frame)
    scored = rfm.segment(rfm.score(frame, cuts), segments.cells(chosen, cuts.bins))
    return scored.select("customer", pl.col("segment").alias("label")), [*chosen.segments]


def _cohorts(frame: pl.DataFrame) -> Labelled:
    import polars as pl

    from crmkit import periods

    month = periods.label(periods.index(pl.col("first"), "month"), "month")
    return frame.select("customer", month.alias("label")), None


def _zeros(sales: Transactions, keep_zero: bool) -> list[str]:
    rows = sales.audit.zero_rows if keep_zero and sales.has_amount else 0
    if not rows:
        return []
    return [
        f"{rows:,} rows with the amount 0 count as purchases, being a sign of life; --drop-zero leaves them out."
    ]
