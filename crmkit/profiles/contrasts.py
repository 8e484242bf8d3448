"""A group against everybody else: from counts, so that ties are exact and parts add up.

The effect of a label and of a number is the same thing: the chance that a customer of the group has
more of it than one of the others, ties half (AUC). For a label that is (1 + share - share elsewhere) / 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from crmkit.scoring import discoveries

Array = np.ndarray


def labels(levels: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """Every level against every group: index, interval, AUC, p and q over all of them.

    `levels` counts customers with a level (`trait, level, label, having`), `sizes` the customers of each `label`.
    """
    everybody = int(sizes["n"].sum())
    whole = levels.group_by("trait", "level").agg(pl.col("having").sum().alias("all"))
    grid = whole.join(sizes, how="cross").join(levels, on=["trait", "level", "label"], how="left")
    grid = grid.with_columns(pl.col("having").fill_null(0)).sort("trait", "level", "label")
    k, n, m = (grid[name].to_numpy() for name in ("having", "n", "all"))
    rest = everybody - n
    with np.errstate(divide="ignore", invalid="ignore"):
        share, elsewhere = k / n, (m - k) / rest
        index = 100 * share / (m / everybody)
        odds = np.log((k + 0.5) / (n - k + 0.5)) - np.log((m - k + 0.5) / (rest - m + k + 0.5))
    low, high = discoveries.wilson(k, n)
    p = hypergeometric(k, n, m, everybody)
    return grid.select("label", "trait", "level", pl.col("having").alias("customers")).with_columns(
        share=share,
        share_low=low,
        share_high=high,
        share_elsewhere=elsewhere,
        index=index,
        log_odds=odds,
        auc=(1 + share - elsewhere) / 2,
        p=p,
        q=discoveries.q_values(p, len(p)),
    )


def hypergeometric(k: Array, n: Array, m: Array, everybody: int) -> Array:
    """Two-sided: twice the smaller tail of drawing k of the m marked in a sample of n, at most 1."""
    from scipy.stats import hypergeom

    kinds, inverse = np.unique(np.stack([k, n, m]), axis=1, return_inverse=True)
    below = hypergeom.cdf(kinds[0], everybody, kinds[2], kinds[1])
    above = hypergeom.sf(kinds[0] - 1, everybody, kinds[2], kinds[1])
    return np.asarray(np.minimum(1.0, 2 * np.minimum(below, above)))[np.ravel(inverse)]


def numbers(name: str, counts: pl.DataFrame) -> list[dict[str, object]]:
    """One number of each group against everybody else's; `counts` has `value`, `label`, `n`, without nulls."""
    values = counts.sort("value")
    wide = values.pivot(on="label", index="value", values="n", aggregate_function="sum", sort_columns=True)
    level = wide["value"].cast(pl.Float64).to_numpy()
    table = wide.drop("value").fill_null(0)
    everybody = table.sum_horizontal().to_numpy()
    return [
        {"label": label, "measure": name} | _against(level, table[label].to_numpy(), everybody)
        for label in table.columns
    ]


def _against(value: Array, own: Array, everybody: Array) -> dict[str, object]:
    rest = everybody - own
    n, others = int(own.sum()), int(rest.sum())
    if not (n and others):
        return {
            "customers": n,
            "median": None,
            "median_elsewhere": None,
            "auc": None,
            "v_test": None,
            "p": None,
        }
    below = np.cumsum(rest) - rest
    # Twice the number of pairs that the group wins, ties half: a whole number.
    won = int((own * (2 * below + rest)).sum())
    return {
        "customers": n,
        "median": _median(value, own),
        "median_elsewhere": _median(value, rest),
        "auc": won / (2 * n * others),
        "v_test": _v_test(value, own, everybody),
        "p": _mann_whitney(won / 2, n, others, everybody),
    }


def _median(value: Array, counts: Array) -> float:
    reached, total = np.cumsum(counts), int(counts.sum())
    middle = [value[np.searchsorted(reached, place)] for place in ((total + 1) // 2, total // 2 + 1)]
    return float(sum(middle) / 2)


def _mann_whitney(u: float, n: int, others: int, everybody: Array) -> float:
    """Two-sided, by the normal distribution, with corrections for ties and continuity."""
    from math import erfc, sqrt

    total = n + others
    ties = float((everybody.astype(float) ** 3 - everybody).sum())
    variance = n * others / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = (abs(u - n * others / 2) - 0.5) / sqrt(variance)
    return min(1.0, erfc(z / sqrt(2)))


def _v_test(value: Array, own: Array, everybody: Array) -> float | None:
    """The distance of the group's mean from everybody's, in its standard error when drawn without replacement."""
    total, n = everybody.sum(), own.sum()
    mean = np.einsum("i,i", value, everybody) / total
    variance = np.einsum("i,i", (value - mean) ** 2, everybody) / total
    error = variance / n * (total - n) / (total - 1)
    return float((np.einsum("i,i", value, own) / n - mean) / np.sqrt(error)) if error > 0 else None


NUMBERS_SCHEMA = {
    "label": pl.String, "measure": pl.String, "customers": pl.Int64, "median": pl.Float64, "median_elsewhere": pl.Float64,
    "auc": pl.Float64, "v_test": pl.Float64, "p": pl.Float64,
}  # fmt: skip


def numbers_table(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """The contrasts of all numbers, with q over all of them that could be compared."""
    table = pl.DataFrame(rows, schema=NUMBERS_SCHEMA, orient="row").drop_nulls("p")
    q = discoveries.q_values(table["p"].to_numpy(), table.height)
    return table.with_columns(q=pl.Series(q, dtype=pl.Float64))
