"""Dates as people write them, and which day each of them is.

A column has one layout. ISO is taken where most values are ISO; any other layout is taken when it is
the only one that fits; where day/month and month/day both fit, that is an error that shows both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from crmkit.errors import DataError, UsageError
from crmkit.load.numbers import BLANKS

EARLIEST = date(1970, 1, 1)
YEARS_AHEAD = 10

_TIME = r"(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?)?"
_ZONE = r"\s*(?:Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})"
_MONTH = r"(?:[A-Za-z]{3,9})"


@dataclass(frozen=True)
class Layout:
    """One way to write a day: `pattern` captures it (and nothing but a time may follow), `format` reads it."""

    name: str
    pattern: str
    format: str
    joined: bool = False  # unpadded or wordy days are put together again before parsing
    kind: str = field(default="text")  # text, zoned, epoch

    def fits(self, column: pl.Expr) -> pl.Expr:
        """Whether values have this shape."""
        return column.str.contains(self.pattern)


def _layout(name: str, day: str, format_: str, **more: object) -> Layout:
    return Layout(name, rf"^\s*({day}){_TIME}\s*$", format_, **more)  # type: ignore[arg-type]


ISO = Layout("ISO", rf"^(\d{{4}}-\d{{2}}-\d{{2}}){_TIME}\s*$", "%Y-%m-%d")
ZONED = Layout(
    "ISO with UTC offset",
    rf"^\d{{4}}-\d{{2}}-\d{{2}}[ T]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?{_ZONE}$",
    "%Y-%m-%dT%H:%M:%S%.f%z",
    kind="zoned",
)

LAYOUTS = (
    ISO,
    ZONED,
    _layout("y-m-d", r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
    _layout("y/m/d", r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    _layout("y.m.d", r"\d{4}\.\d{1,2}\.\d{1,2}", "%Y.%m.%d"),
    _layout("y年m月d日", r"\d{4}年\d{1,2}月\d{1,2}日", "%Y年%m月%d日"),
    _layout("yyyymmdd", r"(?:19|20)\d{6}", "%Y%m%d"),
    _layout("d/m/y", r"\d{1,2}/\d{1,2}/\d{4}", "%d/%m/%Y"),
    _layout("m/d/y", r"\d{1,2}/\d{1,2}/\d{4}", "%m/%d/%Y"),
    _layout("d-m-y", r"\d{1,2}-\d{1,2}-\d{4}", "%d-%m-%Y"),
    _layout("m-d-y", r"\d{1,2}-\d{1,2}-\d{4}", "%m-%d-%Y"),
    _layout("d.m.y", r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    _layout("d/m/yy", r"\d{1,2}/\d{1,2}/\d{2}", "%d/%m/%y"),
    _layout("m/d/yy", r"\d{1,2}/\d{1,2}/\d{2}", "%m/%d/%y"),
    _layout("yy/m/d", r"\d{2}/\d{1,2}/\d{1,2}", "%y/%m/%d"),
    _layout("d.m.yy", r"\d{1,2}\.\d{1,2}\.\d{2}", "%d.%m.%y"),
    _layout("d-m-yy", r"\d{1,2}-\d{1,2}-\d{2}", "%d-%m-%y"),
    _layout("m-d-yy", r"\d{1,2}-\d{1,2}-\d{2}", "%m-%d-%y"),
    _layout("yy-m-d", r"\d{2}-\d{1,2}-\d{1,2}", "%y-%m-%d"),
    _layout("d-Mon-y", rf"\d{{1,2}}[- ]{_MONTH}[- ,]+\d{{4}}", "%d %b %Y", joined=True),
    _layout("d-Mon-yy", rf"\d{{1,2}}[- ]{_MONTH}[- ,]+\d{{2}}", "%d %b %y", joined=True),
    _layout("Mon d, y", rf"{_MONTH}[- ]\d{{1,2}}[- ,]+\d{{4}}", "%b %d %Y", joined=True),
    Layout("epoch", r"^[1-9]\d{8,9}$", "s", kind="epoch"),
    Layout("epoch_ms", r"^[1-9]\d{11,12}$", "ms", kind="epoch"),
)
_BY_NAME = {layout.name: layout for layout in LAYOUTS} | {"iso": ISO}


def latest() -> date:
    """The last day that is believed; a year 9999 would make every other customer look lost."""
    return date.today() + timedelta(days=round(365.25 * YEARS_AHEAD))


def blank(column: pl.Expr) -> pl.Expr:
    """Whether a text value stands for nothing."""
    return column.is_null() | column.str.strip_chars().is_in(BLANKS)


def given(word: str) -> Layout:
    """The layout for `--date-format`: a strptime format, or one of our names such as d/m/y."""
    if word.lower() in _BY_NAME:
        return _BY_NAME[word.lower()]
    if "%" not in word:
        names = ", ".join(layout.name for layout in LAYOUTS if layout.kind == "text")
        raise UsageError(
            f"--date-format {word!r} is not a layout; use codes such as %d/%m/%Y, or one of: {names}."
        )
    return Layout(word, "", word, kind="given")


def read(column: pl.Expr, layout: Layout, tz: str) -> pl.Expr:
    """Text to Date in this layout; null where a value does not fit it or is no day of the calendar."""
    if layout.kind == "zoned":
        return _read_zoned(column, tz)
    if layout.kind == "epoch":
        stamp = column.cast(pl.Int64, strict=False)
        moment = pl.from_epoch(stamp, time_unit="s" if layout.format == "s" else "ms")
        return pl.when(layout.fits(column)).then(local_day(moment.dt.replace_time_zone("UTC"), tz))
    if layout.kind == "given":
        return _read_given(column.str.strip_chars(), layout.format, tz)
    if layout is ISO:
        return pl.when(layout.fits(column)).then(column.str.head(10).str.to_date("%Y-%m-%d", strict=False))
    day = column.str.extract(layout.pattern, 1)
    if layout.joined:
        day = day.str.replace_all(r"[- ,]+", " ").str.replace(r"([A-Za-z]{3})[A-Za-z]*", "$1")
    return day.str.to_date(layout.format, strict=False)


def _read_zoned(column: pl.Expr, tz: str) -> pl.Expr:
    text = column.str.strip_chars().str.replace(" ", "T", literal=True)
    text = text.str.replace(r"\s*(?:Z|z|UTC|GMT)$", "+0000").str.replace(r"([+-]\d{2}):?(\d{2})?$", "$1$2")
    text = text.str.replace(r"T(\d{2}:\d{2})([+-])", "T$1:00$2").str.replace(r"([+-]\d{2})$", "${1}00")
    moment = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us", time_zone="UTC")
    return local_day(moment, tz)


def _read_given(column: pl.Expr, format_: str, tz: str) -> pl.Expr:
    if any(code in format_ for code in ("%z", "%:z", "%#z")):
        return local_day(column.str.to_datetime(format_, strict=False, time_zone="UTC"), tz)
    if any(code in format_ for code in ("%H", "%I", "%M", "%T", "%R", "%S", "%s", "%p", "%X", "%c")):
        return column.str.to_datetime(format_, strict=False).dt.date()
    return column.str.to_date(format_, strict=False)


def local_day(moment: pl.Expr, tz: str) -> pl.Expr:
    """The calendar day of a moment in the zone `tz`."""
    return moment.dt.convert_time_zone(tz).dt.replace_time_zone(None).dt.date()


def survey(values: pl.Series, name: str, file: str) -> Layout | None:
    """The layout of a column from (at best all of) its distinct values.

    None means that day/month and month/day both fit all values seen. Raises DataError where no
    layout fits most values.
    """
    column = pl.col(values.name)
    frame = values.unique().to_frame().filter(~blank(column))
    if frame.height == 0:
        return ISO
    counts = _counts(frame, column)
    best = max(counts.values())
    if best * 2 < frame.height:
        raise DataError(_unreadable(frame.to_series(), name, file))
    winners = [layout for layout in LAYOUTS if counts[layout.name] == best]
    if winners[0] in (ISO, ZONED) or len(winners) == 1:
        return winners[0]
    return None if _different_days(frame, column, winners) else winners[0]


def _counts(frame: pl.DataFrame, column: pl.Expr) -> dict[str, int]:
    """For each layout, how many values are believable days in it (in ISO: have the shape)."""
    believed = []
    for layout in LAYOUTS:
        day = read(column, layout, "UTC")
        # With two digits a year can be read almost anywhere; sales of the far future are not among them.
        last = date.today() + timedelta(days=366) if "%y" in layout.format else latest()
        count = layout.fits(column) if layout in (ISO, ZONED) else day.is_between(EARLIEST, last)
        believed.append(count.fill_null(False).sum().alias(layout.name))
    return frame.select(believed).row(0, named=True)


def _different_days(frame: pl.DataFrame, column: pl.Expr, layouts: list[Layout]) -> bool:
    days = frame.select(read(column, layout, "UTC").alias(layout.name) for layout in layouts)
    return any(not days[layouts[0].name].equals(days[layout.name]) for layout in layouts[1:])


def ambiguous(values: pl.Series, name: str, file: str) -> DataError:
    """The error for a column that two layouts fit, with two readings of one value."""
    column = pl.col(values.name)
    frame = values.unique().sort().to_frame().filter(~blank(column))
    counts = _counts(frame, column)
    first, second, *_ = [layout for layout in LAYOUTS if counts[layout.name] == max(counts.values())]
    readings = frame.select(column, a=read(column, first, "UTC"), b=read(column, second, "UTC"))
    row = readings.filter(pl.col("a") != pl.col("b")).row(0)
    return DataError(
        f"{file}: column {name}: {row[0]!r} is ambiguous: it could be {row[1]} ({first.name}) or {row[2]} "
        f"({second.name}), and every date fits both. Say --date-format {first.name} or --date-format {second.name}."
    )


def _unreadable(values: pl.Series, name: str, file: str) -> str:
    examples = ", ".join(repr(value[:40]) for value in values.sort().head(3).to_list())
    return (
        f"{file}: column {name}: most values are not dates in one layout that crmkit knows, for example {examples}. "
        "Say --date-format, such as %d/%m/%Y, or name another column with --date."
    )
