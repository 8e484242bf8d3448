"""Who was assigned to which arm: the file that `split` wrote, or another with the columns customer and group.

It alone says who is in the test. Customers of whom the transactions know nothing are in it with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from crmkit.campaigns.statistics import sample_ratio
from crmkit.campaigns.window import Window
from crmkit.errors import DataError, GateError, UsageError
from crmkit.forecast.people import GROUPS
from crmkit.load import lists
from crmkit.load.columns import finding, roles
from crmkit.load.inputs import Input
from crmkit.load.transactions import Transactions

PLANNED, LABEL, SCORE = "planned_share", "label", "score"
MISMATCH = 0.001  # p of the sample ratio below which arms are not what was planned
FEWEST = 10
_STEP = 20  # shares that people plan are multiples of one twentieth


@dataclass(frozen=True)
class Plan:
    """The share of each arm that was planned, and whether anybody said so."""

    shares: Mapping[str, float]
    is_known: bool


@dataclass(frozen=True)
class Groups:
    """`frame`: customer, group, and what else was asked for; `control` is the arm that the others are compared with."""

    frame: pl.DataFrame
    control: str
    sizes: Mapping[str, int]
    plan: Plan
    without: int = 0  # rows without a group

    @property
    def arms(self) -> list[str]:
        """The arms that are compared with the control, by name."""
        return [arm for arm in self.sizes if arm != self.control]

    @property
    def ratio(self) -> tuple[float, float]:
        """Chi² and p of the sizes against the plan."""
        return sample_ratio(list(self.sizes.values()), [self.plan.shares[arm] for arm in self.sizes])

    def check_ratio(self, accepted: bool) -> None:
        """GateError where the sizes are not what chance makes of the plan."""
        square, p = self.ratio
        if p >= MISMATCH or accepted:
            return
        found = ", ".join(f"{arm} {size:,}" for arm, size in self.sizes.items())
        wanted = ", ".join(f"{arm}={share * 100:.4g}%" for arm, share in self.plan.shares.items())
        said = "planned were" if self.plan.is_known else "the nearest plan is"
        raise GateError(
            f"Sample ratio mismatch: {found}, while {said} {wanted} (chi² {square:.1f}, p {p:.1g}). Somebody got lost on "
            "the way, and those left cannot be compared. If another split was planned, say --planned "
            f"{','.join(f'{arm}={share * 100:.0f}%' for arm, share in self._observed().items())}; --accept-srm goes on regardless."
        )

    def _observed(self) -> dict[str, float]:
        whole = sum(self.sizes.values())
        return {arm: size / whole for arm, size in self.sizes.items()}


def read(path: str, *, by: str | None = None, score: str | None = None) -> pl.DataFrame:
    """Customer, group, the planned share if it is there, and the columns named as `label` and `score`, as text.

    DataError where one of them is not in the file.
    """

    def names(opened: Input) -> dict[str, str]:
        needs = frozenset({"customer", "group"})
        found = finding.assign(opened.columns, {}, needs=needs, wants=frozenset(), file=opened.name)
        own = {role: found[role].formula.columns[0] for role in ("customer", "group")}
        own |= {PLANNED: PLANNED} if PLANNED in opened.columns else {}
        for option, key, word in (("--by", LABEL, by), ("--score", SCORE, score)):
            if word is None:
                continue
            column = roles.match(word, opened.columns)
            if column is None and option == "--by" and word in GROUPS:
                continue  # made of what customers did before
            if column is None:
                raise roles.unknown(word, opened.columns, opened.name, option)
            own[key] = column
        return own

    return lists.table(path, names)


def named(frame: pl.DataFrame, by: str | None, score: str | None) -> pl.DataFrame:
    """The same from a frame; DataError where a column is not there."""
    wanted = {"customer": "customer", "group": "group"}
    wanted |= {PLANNED: PLANNED} if PLANNED in frame.columns else {}
    wanted |= {LABEL: by} if by is not None and (by not in GROUPS or by in frame.columns) else {}
    wanted |= {SCORE: score} if score is not None else {}
    for name in wanted.values():
        if name not in frame.columns:
            raise DataError(f"The groups have no column {name!r}; there are {', '.join(frame.columns)}.")
    return frame.select(pl.col(name).cast(pl.String).alias(key) for key, name in wanted.items())


def assigned(
    frame: pl.DataFrame, *, control: str, planned: Mapping[str, float] | None, exclude: lists.Excluded | None
) -> Groups:
    """The groups of a table, checked.

    DataError for a customer in two groups, an arm too small to compare, and a control that is not there.
    """
    known = frame.filter(pl.col("group").is_not_null()).unique(maintain_order=True)
    if exclude is not None:
        known = known.filter(~exclude.holds(known["customer"]))
    _refuse_two_groups(known)
    known = known.unique("customer", keep="first", maintain_order=True).sort("customer")
    sizes = dict(known.group_by("group").len().sort("group").iter_rows())
    if control not in sizes:
        names = ", ".join(map(repr, list(sizes)[:10])) or "none"
        raise DataError(
            f"No customer is in the control arm {control!r}; the groups are {names}. Say which it is: --control-arm NAME."
        )
    sizes = {control: sizes.pop(control), **sizes}
    if not sizes.keys() - {control}:
        raise DataError(
            f"All customers are in {control!r}, so there is nobody to compare with. Give both arms."
        )
    for arm, size in sizes.items():
        if size < FEWEST:
            raise DataError(
                f"The arm {arm!r} has {size} customers, and with fewer than {FEWEST} nothing can be told. "
                "crmkit split --plan says how many are needed."
            )
    return Groups(known, control, sizes, _plan(known, sizes, planned), frame["group"].null_count())


def _refuse_two_groups(known: pl.DataFrame) -> None:
    several = (
        known.group_by("customer").agg(pl.col("group").unique().sort()).filter(pl.col("group").list.len() > 1)
    )
    if several.height:
        customer, groups = several.sort("customer").row(0)
        raise DataError(
            f"{several.height:,} customers are in more than one group, such as {customer!r} in {' and '.join(groups)}. "
            "Each belongs to one arm: mend the file of groups."
        )


def _plan(known: pl.DataFrame, sizes: Mapping[str, int], planned: Mapping[str, float] | None) -> Plan:
    if planned is not None:
        if set(planned) != set(sizes):
            raise UsageError(
                f"--planned names {', '.join(planned)}, and the groups are {', '.join(sizes)}. Give each of them a share."
            )
        whole = sum(planned.values())
        if abs(whole - 1) > 1e-6:
            raise UsageError(f"The shares of --planned come to {whole:.1%} and must come to 100%.")
        return Plan({arm: planned[arm] for arm in sizes}, True)
    if PLANNED in known.columns:
        stated = known.group_by("group").agg(pl.col(PLANNED).cast(pl.Float64, strict=False).unique())
        shares = {arm: values[0] for arm, values in stated.iter_rows() if len(values) == 1 and values[0]}
        if set(shares) == set(sizes) and abs(sum(shares.values()) - 1) < 1e-6:
            return Plan({arm: shares[arm] for arm in sizes}, True)
    return Plan(_nearest(sizes), False)


def _nearest(sizes: Mapping[str, int]) -> dict[str, float]:
    """Equal shares, or those in steps of 5 %, whichever is closer to what is there."""
    whole = sum(sizes.values())
    equal = {arm: 1 / len(sizes) for arm in sizes}
    ends = [0, *(round(_STEP * sum(list(sizes.values())[: i + 1]) / whole) for i in range(len(sizes)))]
    steps = {arm: (b - a) / _STEP for arm, (a, b) in zip(sizes, pairwise(ends), strict=True)}
    if min(steps.values()) <= 0:
        return equal
    return min(
        (equal, steps), key=lambda plan: sample_ratio(list(sizes.values()), [plan[arm] for arm in sizes])[0]
    )


def planned_shares(text: str | Mapping[str, float] | None) -> Mapping[str, float] | None:
    """`control=10%,treated=90%` of the command line."""
    from crmkit.campaigns.arms import named

    if not isinstance(text, str):
        return text
    found = {arm: None if share is None else float(share) for arm, share in named(text).items()}
    missing = [arm for arm, share in found.items() if share is None]
    if missing:
        raise UsageError(f"--planned gives {missing[0]!r} no share. Write it like control=10%,treated=90%.")
    return {arm: share for arm, share in found.items() if share is not None}


def buyers(sales: Transactions, window: Window) -> pl.DataFrame:
    """Who bought during the campaign, and the groups that their rows name."""

    def named(rows: pl.LazyFrame) -> pl.LazyFrame:
        bought = rows.filter(pl.col("amount") > 0, pl.col("date").is_between(window.begin, window.end))
        return bought.group_by("customer").agg(pl.col("group").cast(pl.String).drop_nulls().unique().sort())

    found = sales.collect(named).explode("group")
    return found.select(pl.col("customer").cast(pl.String), "group").filter(pl.col("group").is_not_null())


def joined(rows: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """By row: those of the rows whose customers are in a group, with it."""
    return rows.join(groups, on="customer", how="inner", maintain_order="left")


def sizes_by(groups: pl.DataFrame, by: Sequence[str]) -> dict[tuple[object, ...], int]:
    """How many are assigned, for each combination of columns."""
    counted = groups.group_by(by).len()
    return {tuple(row[:-1]): row[-1] for row in counted.iter_rows()}
