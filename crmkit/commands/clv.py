"""`crmkit clv`: what each customer is still worth."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from crmkit.commands.options import Shared
from crmkit.commands.run import Session, load_options
from crmkit.errors import DataError, UsageError
from crmkit.output.progress import Stages

if TYPE_CHECKING:
    import polars as pl

    from crmkit.engine.rows import ByRow, Rows
    from crmkit.forecast.saved_model import Saved
    from crmkit.forecast.terms import Terms
    from crmkit.history.purchase_histories import Days
    from crmkit.load.transactions import Transactions
    from crmkit.scoring.cutpoints import Cuts

_GROUPS = ("segment", "tier", "cohort")
_REGULAR = ("bgcnbd", "mbgcnbd")


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
    from crmkit.forecast.selection import check_model

    terms, saved = _terms(horizon, discount, margin, unit, cac, interval), _saved(use_model, model, k, unit)
    if saved is not None:
        terms = replace(terms, unit=saved.unit)
    check_model(model or "auto", k)
    with Session("clv", common, also=[save_model]) as session:
        rows, days, gaps, sales = _input(session, by, "saved" if saved else model, keep_zero=keep_zero)
        rows, order = (rows, None) if by is None else _labelled(rows, by)
        with Stages(common.quiet) as tell:
            found = analysis.value(
                rows,
                model=model or "auto",
                k=k,
                saved=saved,
                days=days,
                gaps=gaps,
                money=sales is None or sales.has_amount,
                terms=terms,
                by=None if by is None else analysis.By(by, order),
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
    from crmkit.forecast.selection import unit_days
    from crmkit.forecast.terms import Terms

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
    from crmkit.forecast import saved_model

    if path is None:
        return None
    for option, given in (("--model", model), ("--k", k), ("--unit", unit)):
        if given is not None:
            raise UsageError(
                f"{option} does not go with --use-model, because the file settles it. Leave one of them out."
            )
    return saved_model.read(path)


class _Input(NamedTuple):
    """The customers, and what is known of the transactions behind them, where the file holds these."""

    rows: Rows
    days: Days | None = None
    gaps: float | None = None
    sales: Transactions | None = None


def _input(session: Session, by: str | None, model: str | None, *, keep_zero: bool) -> _Input:
    from crmkit.engine import rows
    from crmkit.history import customers_table, purchase_histories

    column = None if by is None or by in _GROUPS else by
    label, orders = "store" if column else None, by == "segment"
    if session.is_spread:
        return _spread(session, column, model, keep_zero=keep_zero, orders=orders)
    ready = customers_table.read(session.sources(), load_options(session.common))
    if ready is not None:
        if column:
            raise UsageError(
                f"--by {column!r} is a column of transactions, and this is a customers table. "
                f"Choose {', '.join(_GROUPS)}."
            )
        return _Input(rows.of(ready))
    sales = _read(session, column)
    build = partial(
        purchase_histories.by_day, keep_zero=keep_zero, label=label, orders=orders and sales.has("order")
    )
    days = purchase_histories.days(sales.collect(build), sales.scale)
    people = purchase_histories.known(days, sales.as_of)
    if label is not None:
        people = people.join(days.ids.select("customer", "label"), on="customer", maintain_order="left")
    return _Input(rows.of(people), days, None, sales)


def _spread(
    session: Session, column: str | None, model: str | None, *, keep_zero: bool, orders: bool
) -> _Input:
    """Where rows are spread, the days stay there."""
    from crmkit.history import purchase_histories

    if model in (None, "auto"):
        raise UsageError(
            "--model auto tests each model on every n-th customer in the order of their ids, and with --engine spark "
            "these are not here. Name a model, such as --model mbgnbd, or use a fitted one: --use-model FILE."
        )
    sales, regular = _read(session, column), model in _REGULAR
    build = partial(
        purchase_histories.by_customer,
        keep_zero=keep_zero,
        label="store" if column else None,
        orders=orders and sales.has("order"),
        gaps=regular,
    )
    found = sales.by_key(build)
    people = found.by_row(partial(purchase_histories.finished, scale=sales.scale, as_of=sales.as_of))
    return _Input(people, None, purchase_histories.log_gaps_of(found) if regular else None, sales)


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


def _labelled(rows: Rows, by: str) -> tuple[Rows, list[str] | None]:
    """Each customer's group in the column `label`, and the order of the groups."""
    if by in _GROUPS:
        label, order = {"tier": _tiers, "segment": _segments, "cohort": _cohorts}[by](rows)
        return rows.by_row(label), order
    return rows.by_row(partial(_column, name=by)), None


def _column(customers: pl.DataFrame, name: str) -> pl.DataFrame:
    import polars as pl

    return customers.with_columns(pl.col("label").fill_null(f"(no {name})"))


Labels = tuple["ByRow", list[str] | None]


def _tiers(rows: Rows) -> Labels:
    from crmkit import pareto

    scheme = pareto.SCHEMES["abc"]
    return partial(_tier, place=pareto.ranking(rows, scheme).place), [*scheme.names, pareto.BELOW_ZERO]


def _tier(customers: pl.DataFrame, place: ByRow) -> pl.DataFrame:
    return customers.with_columns(place(customers)["tier"].alias("label"))


def _segments(rows: Rows) -> Labels:
    from crmkit import rfm
    from crmkit.scoring import segments

    chosen, cuts = segments.load("rf10"), rfm.cuts(rows)
    names = segments.cells(chosen, cuts.bins)
    return partial(_segment, cut=cuts, names=names), [*chosen.segments]


def _segment(customers: pl.DataFrame, cut: Cuts, names: dict[int, str]) -> pl.DataFrame:
    from crmkit import rfm

    return customers.with_columns(rfm.place(customers, cut, names)["segment"].alias("label"))


def _cohorts(rows: Rows) -> Labels:
    return _cohort, None


def _cohort(customers: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    from crmkit.history import periods

    month = periods.label(periods.index(pl.col("first"), "month"), "month")
    return customers.with_columns(month.alias("label"))


def _zeros(sales: Transactions, keep_zero: bool) -> list[str]:
    rows = sales.audit.zero_rows if keep_zero and sales.has_amount else 0
    if not rows:
        return []
    return [
        f"{rows:,} rows with the amount 0 count as purchases, being a sign of life; --drop-zero leaves them out."
    ]
