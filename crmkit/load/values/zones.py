"""Moments that are written without an offset, where the user says in which zone they were written."""

from __future__ import annotations

import polars as pl

from crmkit.load.values.dates import DateLayout

_CLOCK = r"([0-9]{1,2}):([0-5][0-9])(?::([0-6][0-9]))?(?:[.,][0-9]+)?\s*(?:([AaPp])\.?[Mm])?"
_DIGITS = r"^\s*[0-9]{8}[ T]?([0-9]{2})([0-9]{2})([0-9]{2})?"


def local_day(moment: pl.Expr, source: str, tz: str) -> pl.Expr:
    """The day in `tz` of a moment of the clocks in `source`; one that their change leaves out keeps its day."""
    known = moment.dt.replace_time_zone(source, ambiguous="earliest", non_existent="null")
    return pl.coalesce(known.dt.convert_time_zone(tz).dt.date(), moment.dt.date())


def has_own_zone(layout: DateLayout) -> bool:
    """Whether texts of this layout say themselves which moment they are."""
    return layout.kind in ("zoned", "epoch") or "%z" in layout.format.replace("%:z", "%z").replace(
        "%#z", "%z"
    )


def moved(days: pl.Series, text: pl.Series, layout: DateLayout, source: str, tz: str) -> pl.Series:
    """Days as they are written → days in `tz`, by the clock that stands beside them; without a clock they stay."""
    frame = pl.DataFrame({"day": days, "text": text})
    if layout.kind == "given":
        moment = pl.col("text").str.strip_chars().str.to_datetime(layout.format, strict=False)
        return frame.select(local_day(moment, source, tz).alias(days.name)).to_series()
    parts = pl.col("text").str.extract_groups(_DIGITS if "HH" in layout.name else _CLOCK).struct
    hour, minute, second = (parts.field(str(place)).cast(pl.Int64, strict=False) for place in (1, 2, 3))
    if "HH" not in layout.name:
        late = parts.field("4").str.to_lowercase()
        hour = pl.when(late.is_null()).then(hour).otherwise(hour % 12 + 12 * (late == "p").cast(pl.Int64))
    clock = pl.duration(hours=hour, minutes=minute, seconds=second.fill_null(0))
    moment = pl.col("day").cast(pl.Datetime("us")) + clock
    day = pl.when(hour.is_null()).then("day").otherwise(local_day(moment, source, tz))
    return frame.select(day.alias(days.name)).to_series()


def notes(layout: DateLayout, dtype: pl.DataType, source: str | None, tz: str, *, clocks: bool) -> list[str]:
    """What to say of zones that were given and change nothing."""
    own = has_own_zone(layout) if dtype == pl.String else bool(getattr(dtype, "time_zone", None))
    own = own or (dtype.is_numeric() and layout.kind == "epoch")
    if own:
        return [] if source is None else ["--source-tz changes nothing: the moments say their own offset"]
    if not clocks:
        asked = [
            option for option, given in (("--tz", tz != "UTC"), ("--source-tz", source is not None)) if given
        ]
        return [f"{' and '.join(asked)} changes nothing: there are days and no times"] if asked else []
    if tz != "UTC" and source is None:
        return [
            "--tz changes nothing: the times say no offset; name the zone in which they are written with --source-tz"
        ]
    return []


def has_clocks(values: pl.Series) -> bool:
    """Whether days come with times of the day."""
    if values.dtype == pl.String:
        return bool(values.str.contains(rf"{_CLOCK}|{_DIGITS}").any())
    return isinstance(values.dtype, pl.Datetime)
