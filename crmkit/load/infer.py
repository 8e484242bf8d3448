"""Decides a plan from a sample, and again where the pass met what the sample did not show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from crmkit.errors import DataError
from crmkit.load import batches, evidence
from crmkit.load.columns import roles
from crmkit.load.columns.roles import Role
from crmkit.load.inputs import ROW, Input, StreamFlags
from crmkit.load.plan import MAX_SCALE, Options, ReadingPlan
from crmkit.load.values import dates, numbers
from crmkit.load.values.dates import ISO, DateLayout
from crmkit.load.values.numbers import NumberStyle

SAMPLE_ROWS = 20_000
_MOST_SHARES = 40  # each of many files still gives so much of the sample
# Columns that every raw batch has: of nulls, where no column of the file plays the role and none needs to.
_ALWAYS = {"customer": pl.String(), "date": pl.Date()}
DIGITS = r"^\s*[0-9]+(?:\.0+)?\s*$"


# All distinct values of a raw column, with their numbers.
Tally = Callable[[str], pl.DataFrame]


@dataclass
class Unexpected:
    """Values that the plan could not read, kept to be surveyed again; empty when the plan held."""

    dates: pl.Series | None = None
    numbers: dict[str, pl.Series] = field(default_factory=dict)
    lost_digits: pl.Series | None = None
    float_ids: bool = False
    not_float_ids: bool = False


def role_columns(found: Sequence[Role]) -> dict[str, str]:
    """Raw column name (`customer`, `amount:0`, …) → column of the file."""
    names: dict[str, str] = {}
    for role in found:
        if role.name in roles.NUMERIC:
            names |= {f"{role.name}:{i}": column for i, column in enumerate(role.formula.columns)}
        else:
            names[role.name] = role.formula.columns[0]
    return names


def raw_batches(
    opened: Input, names: dict[str, str], watch: StreamFlags, rows: int | None = None
) -> Iterator[pl.DataFrame]:
    """Batches under their raw names (one column of the file may serve several roles)."""
    columns = list(dict.fromkeys(names.values()))
    for frame in batches.read(opened, columns, watch, rows):
        yield renamed(frame, names, watch)


def renamed(frame: pl.DataFrame, names: Mapping[str, str], watch: StreamFlags) -> pl.DataFrame:
    """A batch under its raw names, and so what `watch` says of its columns."""
    seen = watch.visible
    watch.visible = None if seen is None else {raw for raw, column in names.items() if column in seen}
    absent = [pl.lit(None, dtype=kind).alias(raw) for raw, kind in _ALWAYS.items() if raw not in names]
    return frame.select(pl.col(ROW), *(pl.col(column).alias(raw) for raw, column in names.items()), *absent)


@dataclass
class Sample:
    """The first rows of every input, and whether they are all the rows there are."""

    frame: pl.DataFrame
    complete: bool
    pointed: frozenset[str] = (
        frozenset()
    )  # raw columns of text whose numbers have a decimal point for certain


def sample(inputs: Sequence[Input], names: Sequence[dict[str, str]]) -> Sample:
    """Read the first rows of each input."""
    each = max(SAMPLE_ROWS // _MOST_SHARES, SAMPLE_ROWS // max(1, len(inputs)))
    frames, complete = [], True
    for opened, columns in zip(inputs, names, strict=True):
        taken = list(raw_batches(opened, columns, StreamFlags(), each))
        complete = complete and sum(frame.height for frame in taken) < each
        frames += [frame.head(each) if i == 0 else frame for i, frame in enumerate(taken)]
    refuse_mixed_types(inputs, names)
    frame = pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()
    return Sample(frame, complete, _pointed(inputs, names))


def _pointed(inputs: Sequence[Input], names: Sequence[dict[str, str]]) -> frozenset[str]:
    """Raw columns in which every input says that its numbers have a decimal point, however they look."""
    of_each = [
        {
            raw
            for raw, column in columns.items()
            if opened.source.table and column in opened.source.table.pointed
        }
        for opened, columns in zip(inputs, names, strict=True)
    ]
    return frozenset(set.intersection(*of_each)) if of_each else frozenset()


def refuse_mixed_types(inputs: Sequence[Input], names: Sequence[dict[str, str]]) -> None:
    """A column that is a number in one file and text in another is two columns: DataError."""
    typed = [(opened, columns) for opened, columns in zip(inputs, names, strict=True) if opened.types]
    for opened, columns in typed[1:]:
        first, first_columns = typed[0]
        for raw in columns:
            here, there = opened.types[columns[raw]], first.types[first_columns[raw]]
            if _family(here) != _family(there):
                raise DataError(
                    f"{opened.name}: the column {columns[raw]!r} has type {here}, and in {first.name} it has type {there}; "
                    "the schemas differ, so the files cannot be read together."
                )


def _family(dtype: object) -> str:
    name = str(dtype)
    families = {
        "int": "integer",
        "uint": "integer",
        "float": "number",
        "double": "number",
        "decimal": "number",
        "halffloat": "number",
    }
    return next(
        (family for start, family in families.items() if name.startswith(start)),
        name.split("[")[0].replace("large_", ""),
    )


def make(
    sampled: Sample,
    found: dict[str, Role],
    options: Options,
    file: str,
    tally: Tally,
    *,
    needs: frozenset[str],
    wide: evidence.Wide = pl.DataFrame,
) -> ReadingPlan:
    """The plan for these roles; `tally` counts all values of a column where the sample leaves a question open,
    `wide` gives the first rows with all their columns."""
    frame = sampled.frame
    plan = ReadingPlan(
        roles=found, options=options, anonymous="customer" not in needs, priced="cost" in needs
    )
    if frame.width == 0:
        return plan
    plan = plan.but(layout=_layout(sampled, plan, file, tally))
    plan = plan.but(numbers=_styles(sampled, plan, file, tally))
    told = evidence.lines(frame, plan, wide, file)
    plan = plan.but(lines=told.lines, said=tuple(told.notes))
    if frame.schema["customer"] == pl.String:
        plan = plan.but(float_ids=_float_ids(frame["customer"]))
    return plan


def _layout(sampled: Sample, plan: ReadingPlan, file: str, tally: Tally) -> DateLayout:
    if plan.options.date_format:
        return dates.given(plan.options.date_format)
    values = text_of(sampled.frame["date"])
    if values is None:
        return ISO
    name = plan.roles["date"].formula.text
    counts = tallied(values)
    layout = dates.survey(counts, name, file, complete=sampled.complete)
    if layout is None and not sampled.complete:
        counts = tally("date")
        layout = dates.survey(counts, name, file)
    export = plan.options.read_as
    if layout is None and export is not None and export.first:
        layout = dates.layout_of(counts, export.first)
    if layout is None:
        raise dates.ambiguous(counts, name, file, values)
    return layout


def text_of(series: pl.Series) -> pl.Series | None:
    """The values as text if they need reading, None if they are typed already."""
    if series.dtype.is_temporal():
        return None
    return series.to_frame().select(dates.as_text(pl.col(series.name), series.dtype)).to_series().drop_nulls()


def _styles(sampled: Sample, plan: ReadingPlan, file: str, tally: Tally) -> dict[str, NumberStyle]:
    styles = {}
    for raw, dtype in sampled.frame.schema.items():
        if ":" in raw and dtype == pl.String:
            role, _, place = raw.partition(":")
            name = plan.roles[role].formula.columns[int(place)]
            decimal = "." if raw in sampled.pointed else plan.options.decimal
            styles[raw] = _style(sampled, raw, name, decimal, file, tally)
    return styles


def _style(
    sampled: Sample,
    raw: str,
    name: str,
    decimal: str | None,
    file: str,
    tally: Tally,
) -> NumberStyle:
    values = sampled.frame[raw].drop_nulls()
    style = numbers.survey(values, decimal=decimal, name=name, file=file)
    if style is None and not sampled.complete:
        values = tally(raw)["value"]
        style = numbers.survey(values, decimal=decimal, name=name, file=file)
    if style is None:
        raise numbers.ambiguous(values, name, file)
    return style


def tallied(values: pl.Series) -> pl.DataFrame:
    """Each distinct value and how often it comes: `value`, `count`."""
    counts = values.rename("value").drop_nulls().value_counts(sort=False, name="count")
    return counts.with_columns(pl.col("count").cast(pl.Int64))


def tally_of_all(full: Sequence[Iterator[pl.DataFrame]], raw: str) -> pl.DataFrame:
    """The tally of a raw column's text, by a pass of its own."""
    tally = tallied(pl.Series([], dtype=pl.String))
    for stream in full:
        for frame in stream:
            values = text_of(frame[raw])
            if values is not None:
                both = pl.concat([tally, tallied(values)])
                tally = both.group_by("value").agg(pl.col("count").sum())
    return tally


def has_text_ids(sampled: Sample) -> bool:
    """Whether some customer id is text that is no whole number."""
    ids = sampled.frame["customer"] if sampled.frame.width else pl.Series([], dtype=pl.Null)
    return ids.dtype == pl.String and not _present(ids).str.contains(DIGITS).all()


def _present(ids: pl.Series) -> pl.Series:
    text = pl.col("text")
    is_there = text.is_not_null() & ~text.str.strip_chars().is_in(numbers.BLANKS)
    return pl.DataFrame({"text": ids}).select(text.filter(is_there)).to_series()


def _float_ids(values: pl.Series) -> bool:
    floats = values.str.contains(r"\.0+\s*$").any()
    return bool(floats and _present(values).str.contains(DIGITS).all())


def scale_for(values: pl.Series, least: int) -> int:
    """The fewest decimals, from `least` up to MAX_SCALE, that keep every digit of these values."""
    for scale in range(least, MAX_SCALE):
        scaled = values * 10.0**scale
        lost = (scaled - scaled.round()).abs() > 1e-7 + 4e-15 * scaled.abs()
        if not lost.any():
            return scale
    return MAX_SCALE
