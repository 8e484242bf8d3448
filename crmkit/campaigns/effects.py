"""The effects of each arm on what customers bought, plain, adjusted and without the tail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from crmkit.campaigns import adjust
from crmkit.campaigns.adjust import Arms
from crmkit.campaigns.moments import Moments
from crmkit.campaigns.statistics import Estimate, Pair, Sample, difference, relative, shares

PLAIN, ADJUSTED, WINSORISED = "plain", "adjusted", "winsorised"
TOP = 10  # the largest customers, without whom the effect is looked at again
_KEPT = 0.99  # part of the buyers whose revenue stays as it is in the winsorised row
# What each metric is adjusted by, the most telling first.
COVARIATES = {
    "bought": ("p_purchase", "expected_purchases", "pre_revenue"),
    "orders": ("expected_purchases", "p_purchase", "pre_revenue"),
    "revenue": ("expected_revenue", "pre_revenue", "p_purchase"),
    "profit": ("expected_revenue", "pre_revenue", "p_purchase"),
}
SCHEMA = {
    "group": pl.String, "metric": pl.String, "method": pl.String, "control_mean": pl.Float64, "mean": pl.Float64,
    "effect": pl.Float64, "effect_low": pl.Float64, "effect_high": pl.Float64, "relative": pl.Float64,
    "relative_low": pl.Float64, "relative_high": pl.Float64, "statistic": pl.Float64, "df": pl.Float64, "p": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """One arm against the control in one metric."""

    group: str
    metric: str
    method: str
    treated: Sample
    control: Sample
    found: Estimate

    def row(self) -> tuple[Any, ...]:
        """As it stands in the table."""
        part = relative(self.treated, self.control)
        means = self.control.mean, self.treated.mean
        return (self.group, self.metric, self.method, *means, *self.found[:3], *part[:3], *self.found[3:])


def of_arm(
    arm: str, arms: Arms, units: Mapping[str, float], tail: Tail, metrics: Sequence[str]
) -> list[Effect]:
    """All effects of an arm; `arms` are its sums and the control's."""
    made = []
    for metric in metrics:
        made.append(plain(arm, arms, metric, units[metric]))
        by = adjust.usable(arms, [name for name in COVARIATES[metric] if name in arms[0].variables])
        if by:
            theta = adjust.slopes(arms, metric, by, adjust.weights(arms))
            pair = adjust.samples(arms, metric, by, theta, units[metric])
            made.append(Effect(arm, metric, ADJUSTED, *pair, difference(*pair)))
        if metric == "revenue":
            pair = tail.winsorised(arm)
            made.append(Effect(arm, metric, WINSORISED, *pair, difference(*pair)))
    return [*made, order_value(arm, arms, units["revenue"])]


def plain(arm: str, arms: Arms, metric: str, unit: float) -> Effect:
    """Without a covariate: of the share who bought by Newcombe and the score test, else by Welch."""
    pair = arms[0].sample(metric, unit), arms[1].sample(metric, unit)
    treated, control = ((one.sums["bought"], one.n) for one in arms)
    found = shares(treated, control) if metric == "bought" else difference(*pair)
    return Effect(arm, metric, PLAIN, *pair, found)


def order_value(arm: str, arms: Arms, unit: float) -> Effect:
    """Revenue per order: a ratio of means over customers, by the delta method."""
    pair = _ratio(arms[0], unit), _ratio(arms[1], unit)
    return Effect(
        arm, "order_value", PLAIN, *pair, difference(*pair) if pair[0].n and pair[1].n else Estimate()
    )


def _ratio(one: Moments, unit: float) -> Sample:
    return Pair(
        one.n,
        one.mean("revenue") * unit,
        one.mean("orders"),
        one.covariance("revenue", "revenue") * unit * unit,
        one.covariance("orders", "orders"),
        one.covariance("revenue", "orders") * unit,
    ).sample()


def table(effects: Sequence[Effect]) -> pl.DataFrame:
    """A row for each effect."""
    return pl.DataFrame([one.row() for one in effects], schema=SCHEMA, orient="row")


@dataclass(frozen=True)
class Tail:
    """How often each revenue occurs in each arm (group, value in minor units, n), and the customers of each arm."""

    counts: pl.DataFrame
    sizes: Mapping[str, int]
    control: str
    unit: float

    @property
    def cap(self) -> int:
        """The revenue that 99 % of the customers with any do not exceed, over all arms."""
        spent = self.counts.filter(pl.col("value") > 0).group_by("value").agg(pl.col("n").sum()).sort("value")
        if not spent.height:
            return 0
        enough = -(-int(spent["n"].sum()) * round(_KEPT * 100) // 100)
        return int(spent.filter(pl.col("n").cum_sum() >= enough)["value"][0])

    def _sample(self, arm: str, counts: pl.DataFrame) -> Sample:
        n, values = self.sizes[arm], counts.filter(pl.col("group") == arm)
        pairs = [(int(value), int(times)) for value, times in values.select("value", "n").iter_rows()]
        sums = {"value": sum(v * k for v, k in pairs), "value*value": sum(v * v * k for v, k in pairs)}
        return Moments(n, ("value",), sums).sample("value", self.unit)

    def winsorised(self, arm: str) -> tuple[Sample, Sample]:
        """Both arms with revenue above the cap set to it."""
        capped = self.counts.with_columns(
            pl.min_horizontal("value", pl.lit(self.cap, pl.Int128)).alias("value")
        )
        return self._sample(arm, capped), self._sample(self.control, capped)

    def top_share(self, arm: str) -> float | None:
        """The part of the effect that is due to the ten customers with the most revenue, of both arms together."""
        both = self.counts.filter(pl.col("group").is_in([arm, self.control]))
        both = both.sort("value", "group", descending=[True, False])
        before = pl.col("n").cum_sum() - pl.col("n")
        left = both.with_columns(n=pl.col("n") - (TOP - before).clip(0, pl.col("n")))
        whole, rest = (
            self._sample(arm, one).mean - self._sample(self.control, one).mean for one in (both, left)
        )
        return (whole - rest) / whole if whole else None

    def skewness(self, arm: str) -> float:
        """Of the difference of means where there is no effect: 0 for arms of one size, however uneven revenue is."""
        sizes = self.sizes[arm], self.sizes[self.control]
        counts = self.counts.filter(pl.col("group").is_in([arm, self.control]))
        values, times = counts["value"].cast(pl.Float64).to_numpy() * self.unit, counts["n"].to_numpy()
        n = sum(sizes)
        mean, absent = float((values * times).sum()) / n, n - times.sum()
        square = (float((times * (values - mean) ** 2).sum()) + absent * mean**2) / n
        third = (float((times * (values - mean) ** 3).sum()) - absent * mean**3) / n
        if square <= 0:
            return 0.0
        a, b = (1 / size for size in sizes)
        return float(third / square**1.5 * (a * a - b * b) / (a + b) ** 1.5)
