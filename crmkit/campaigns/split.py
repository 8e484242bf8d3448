"""Who is treated and who is left out: arms that can be compared, made by a hash and shown to be alike.

Without strata a customer's arm depends on the campaign's name and the customer's id alone, whatever else is in the
file: see `arms.py`. Balance is shown as the standardised mean difference of what was known of customers
beforehand; above a tenth the arms are called unlike.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmkit import parse
from crmkit.campaigns import balance, expectations, moments
from crmkit.campaigns import plan as plans
from crmkit.campaigns.arms import CONTROL, Share, Shares, dealt, planned_arms
from crmkit.customers import Data
from crmkit.engine.counts import by_id
from crmkit.engine.money import scale, whole
from crmkit.engine.rows import Counted, Rows, as_rows
from crmkit.errors import DataError, UsageError
from crmkit.forecast.people import People, as_of_all, people_of
from crmkit.history.purchase_histories import repeats
from crmkit.language.catalogue import counted, phrase, sentences
from crmkit.language.figures import percent
from crmkit.load.dataset import Dataset, data_of
from crmkit.load.door import pythonic
from crmkit.load.transactions import Transactions
from crmkit.parse import Duration
from crmkit.result import Result

MEASURES = ("recency", "orders", "revenue", *expectations.EXPECTED[:2])
AHEAD = 90  # days of the forecast that arms are compared by
FEWEST = 30


@pythonic()
def analyse(
    data: Data,
    *,
    name: str | None,
    control: Share = "10%",
    arms: str | Mapping[str, Share | None] | None = None,
    by: str | None = None,
) -> Result:
    """Divide customers into arms.

    Args:
        data: transactions, or customers.
        name: the campaign's name; another name divides anew.
        control: the part that is left out.
        arms: the other arms and their shares; None for what is left. Default: one arm, `treated`.
        by: segment, tier, cohort, or a column of the transactions or of a frame of customers; each of its values is
            divided exactly.

    Raises UsageError for shares that do not come to one, DataError where an arm gets nobody.
    """
    if name is None or not name.strip():
        raise UsageError(
            "--name is missing: the campaign's name decides who is in which arm. Say --name spring24.",
            options={"name": "spring24"},
        )
    planned = planned_arms(control, arms)
    given = data if isinstance(data, pl.DataFrame) else data_of(data)
    people = _people(given, by)
    divided = dealt(people.rows, name, planned, by).cached()
    foreseen, notes = _foreseen(people._replace(rows=divided))
    sizes = _sizes(foreseen, planned)
    sums = _moments(foreseen)
    found = balance.table({arm: sums[arm] for arm in planned}, CONTROL, _measures(foreseen), _units(foreseen))
    result = Result(
        command="split",
        tables={"arms": sizes, "balance": found, **({} if by is None else {"strata": _strata(divided, planned, by)})},
        facts={
            "name": name,
            "by": by,
            "customers": int(sizes["customers"].sum()),
            "planned": {arm: float(share) for arm, share in planned.items()},
            "largest_difference": _largest(found),
        },
        notes=(*notes, *_warnings(sizes, found)),
        headline=_headline(sizes, _largest(found)),
        next=("crmkit split FILE --plan",),
        titles={
            "arms": f"{name}: {len(planned)} arms",
            "balance": "How alike the arms are: standardised differences from the control",
            "strata": f"Customers by {by} and arm",
        },
    )  # fmt: skip
    columns = ["customer", "group", *([] if by is None else [by]), "planned_share"]
    return result.with_detail(
        "groups", divided.by_row(lambda frame: frame.select(columns)).ordered_by(by_id())
    )


@pythonic()
def plan(
    data: Data,
    *,
    control: Share = "10%",
    arms: str | Mapping[str, Share | None] | None = None,
    effect: float | str = "5%",
    for_: Duration | int | str = "60d",
) -> Result:
    """Whether an effect on revenue (a part of it) would be seen in a campaign of such a length; see `plan.py`."""
    part = parse.percent(effect, "--effect", low=-1.0, high=10.0)
    days = parse.duration(for_, "--for").days
    return plans.analyse(data_of(data), planned=planned_arms(control, arms), effect=part, days=days)


def _people(data: Data, by: str | None) -> People:
    """Everybody, with their stratum in the column `by`."""
    if not isinstance(data, Dataset | Transactions) and by in data.schema:
        return People(as_rows(data))
    found = people_of(data, by, expectations.MODEL, keep_zero=False)
    if by is None:
        return found
    return found._replace(rows=found.rows.by_row(lambda frame: frame.rename({"label": by})))


def _foreseen(found: People) -> tuple[Rows, list[str]]:
    """With what is expected of each, where that can be told."""
    people = found.rows
    if not {"x", "T", "t_x", "first_revenue", "last", "recency"} <= set(people.schema):
        return people, ["Without first days the arms are compared without a forecast."]
    try:
        day = as_of_all(people)
        dates = found.repeats if found.days is None else repeats(found.days, day)
        ahead = expectations.learn(people, day, AHEAD, dates)
    except DataError:
        return people, ["Too few customers repeat for a forecast, so the arms are compared without one."]
    return people.by_row(ahead.add).cached(), []


def _measures(people: Rows) -> list[str]:
    return [name for name in MEASURES if name in people.schema]


def _moments(people: Rows) -> dict[str, moments.Moments]:
    """By arm; customers without an order have no recency and are as late as can be."""
    names = _measures(people)

    def numbers(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select("group", *(whole(name).fill_null(0).alias(name) for name in names))

    return {arm: found for (arm,), found in moments.of(people.by_row(numbers), names, ["group"]).items()}


def _sizes(people: Rows, planned: Shares) -> pl.DataFrame:
    revenue = people.counts(Counted(by=["group"], sums=["revenue"]))
    table = pl.DataFrame(
        {"group": list(planned), "planned_share": [float(share) for share in planned.values()]}
    ).join(revenue, on="group", how="left", maintain_order="left")
    customers = pl.col("n").fill_null(0)
    table = table.with_columns(pl.col("revenue").fill_null(0))
    found = table.select(
        "group", "planned_share", customers.alias("customers"),
        (customers / customers.sum()).alias("share"), "revenue",
    )  # fmt: skip
    for arm, number in found.select("group", "customers").iter_rows():
        if not number:
            raise DataError(
                f"The arm {arm!r} gets none of the {found['customers'].sum():,} customers. Give it a larger share."
            )
    return found


def _units(people: Rows) -> dict[str, float]:
    places = scale(people.schema.to_frame(), "revenue")
    return {"recency": 1.0, "orders": 1.0, "revenue": 10.0**-places, **expectations.UNITS}


def _strata(people: Rows, planned: Shares, by: str) -> pl.DataFrame:
    wide = people.counts(Counted(by=[by, "group"])).pivot("group", index=by, values="n", maintain_order=True)
    arms = [
        pl.col(arm).fill_null(0) if arm in wide.columns else pl.lit(0, pl.Int64).alias(arm) for arm in planned
    ]
    table = wide.select(by, *arms)
    whole_row = pl.sum_horizontal(pl.exclude(by))
    return table.select(by, whole_row.alias("customers"), pl.exclude(by)).sort(
        "customers", by, descending=[True, False]
    )


def _headline(sizes: pl.DataFrame, largest: float | None) -> str:
    rows = sizes.select("group", "customers", "share").iter_rows()
    parts = [f"{arm} {number:,} ({percent(part)})" for arm, number, part in rows]
    people = counted(int(sizes["customers"].sum()), "customers")
    told = [phrase("{customers} in {n} arms: {arms}.", customers=people, n=len(parts), arms=", ".join(parts))]
    if largest is not None:
        told.append(
            phrase("Beforehand they differ by {smd} standard deviations at most.", smd=f"{largest:.2f}")
        )
    return sentences(*told)


def _largest(found: pl.DataFrame) -> float | None:
    values = found["smd"].abs().drop_nulls()
    return float(values.max()) if values.len() else None  # type: ignore[arg-type]


def _warnings(sizes: pl.DataFrame, found: pl.DataFrame) -> list[str]:
    said = []
    least = sizes.sort("customers", "group").row(0, named=True)
    if least["customers"] < FEWEST:
        said.append(
            f"{least['group']} has {least['customers']} customers, too few to tell an effect from chance. "
            "crmkit split --plan says how many are needed."
        )
    worst = found.filter("unlike").sort(pl.col("smd").abs(), descending=True).head(1)
    for row in worst.iter_rows(named=True):
        counts = dict(sizes.select("group", "customers").iter_rows())
        chance = 2 * (1 / counts[row["group"]] + 1 / counts[CONTROL]) ** 0.5
        said.append(
            f"{row['group']} and control differ in {row['measure']} by {row['smd']:+.2f} standard deviations; arms of these "
            f"sizes differ by up to {chance:.2f} by chance. --by segment makes them more alike."
        )
    return said
