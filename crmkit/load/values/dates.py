"""Dates as people write them, and which day each of them is.

A column has one layout. ISO is taken where most values are ISO; any other layout is taken when it is
the only one that fits; where day/month and month/day both fit, that is an error that shows both.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

import polars as pl

from crmkit.errors import DataError, UsageError
from crmkit.load.values.numbers import BLANKS

EARLIEST = date(1970, 1, 1)
_OF_TABLES = date(1995, 1, 1)  # days that serial numbers are believed from
YEARS_AHEAD = 10

_CLOCK = r"(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]+)?)?"
_TIME = rf"(?:[ T]+{_CLOCK}(?:\s*[AaPp]\.?[Mm]\.?)?)?"
_ZONE = r"\s*(?:Z|z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})"
_MONTH = r"(?:[A-Za-z]{3,9})"
# The day of the week, which says nothing new: Fri, before a day, 星期五 or (金) behind it.
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?"
_WEEKDAY_AFTER = r"(?:\s*(?:(?:星期|周|週|礼拜|禮拜)[一二三四五六日天]|[(（][月火水木金土日][)）]|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*))?"


class DateLayout(NamedTuple):
    """One way to write a day: `pattern` captures it (and nothing but a time may follow), `format` reads it."""

    name: str
    pattern: str
    format: str
    joined: bool = False  # unpadded or wordy days are put together again before parsing
    kind: str = "text"  # text, zoned, epoch, excel, given

    def fits(self, column: pl.Expr) -> pl.Expr:
        """Whether values have this shape."""
        return column.str.contains(self.pattern)


_HEAD, _TAIL = rf"^\s*{_WEEKDAY}(", rf"){_WEEKDAY_AFTER}{_TIME}\s*$"


def _layout(name: str, day: str, format_: str, **more: object) -> DateLayout:
    return DateLayout(name, f"{_HEAD}{day}{_TAIL}", format_, **more)  # type: ignore[arg-type]


ISO = DateLayout("ISO", rf"^\s*([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}){_TIME}\s*$", "%Y-%m-%d")
ZONED = DateLayout(
    "ISO with UTC offset",
    rf"^\s*[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]+)?)?{_ZONE}\s*$",
    "%Y-%m-%dT%H:%M:%S%.f%z",
    kind="zoned",
)

BASIC = DateLayout(
    "ISO without hyphens, with UTC offset",
    rf"^\s*(?:19|20)[0-9]{{6}}T[0-9]{{6}}(?:\.[0-9]+)?{_ZONE}\s*$",
    "%Y-%m-%dT%H:%M:%S%.f%z",
    kind="zoned",
)
# Days since the end of 1899, as spreadsheets store them: too much like other numbers to be taken without asking.
EXCEL = DateLayout("excel", r"^\s*([1-9][0-9]{4})(?:\.[0-9]+)?\s*$", "days", kind="excel")

LAYOUTS = (
    ISO,
    ZONED,
    BASIC,
    _layout("y-m-d", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", "%Y-%m-%d"),
    _layout("y/m/d", r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}", "%Y/%m/%d"),
    _layout("y.m.d", r"[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}", "%Y.%m.%d"),
    _layout("y年m月d日", r"[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日", "%Y年%m月%d日"),
    _layout("yyyymmdd", r"(?:19|20)[0-9]{6}", "%Y%m%d"),
    DateLayout(
        "yyyymmddHHMMSS",
        r"^\s*((?:19|20)[0-9]{6})[ T]?(?:[01][0-9]|2[0-4])[0-5][0-9](?:[0-6][0-9])?\s*$",
        "%Y%m%d",
    ),
    _layout("d/m/y", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", "%d/%m/%Y"),
    _layout("m/d/y", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", "%m/%d/%Y"),
    _layout("d-m-y", r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}", "%d-%m-%Y"),
    _layout("m-d-y", r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}", "%m-%d-%Y"),
    _layout("d.m.y", r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", "%d.%m.%Y"),
    _layout("d/m/yy", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}", "%d/%m/%y"),
    _layout("m/d/yy", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}", "%m/%d/%y"),
    _layout("yy/m/d", r"[0-9]{2}/[0-9]{1,2}/[0-9]{1,2}", "%y/%m/%d"),
    _layout("d.m.yy", r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2}", "%d.%m.%y"),
    _layout("d-m-yy", r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{2}", "%d-%m-%y"),
    _layout("m-d-yy", r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{2}", "%m-%d-%y"),
    _layout("yy-m-d", r"[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}", "%y-%m-%d"),
    _layout("d-Mon-y", rf"[0-9]{{1,2}}[- ]{_MONTH}[- ,]+[0-9]{{4}}", "%d %b %Y", joined=True),
    _layout("d-Mon-yy", rf"[0-9]{{1,2}}[- ]{_MONTH}[- ,]+[0-9]{{2}}", "%d %b %y", joined=True),
    _layout("Mon d, y", rf"{_MONTH}[- ][0-9]{{1,2}}[- ,]+[0-9]{{4}}", "%b %d %Y", joined=True),
    _layout("Mon d, yy", rf"{_MONTH}[- ][0-9]{{1,2}}[- ,]+[0-9]{{2}}", "%b %d %y", joined=True),
    _layout("yymmdd", r"[0-9]{6}", "%y%m%d"),
    _layout("ddmmyy", r"[0-9]{6}", "%d%m%y"),
    _layout("mmddyy", r"[0-9]{6}", "%m%d%y"),
    DateLayout("epoch", r"^\s*([1-9][0-9]{8,9})\s*$", "s", kind="epoch"),
    # 12 digits are 202401311530, or before 2001
    DateLayout("epoch_ms", r"^\s*([1-9][0-9]{12})\s*$", "ms", kind="epoch"),
    DateLayout("epoch_us", r"^\s*([1-9][0-9]{15})\s*$", "us", kind="epoch"),
    DateLayout("epoch_ns", r"^\s*([1-9][0-9]{18})\s*$", "ns", kind="epoch"),
)
_BY_NAME = {layout.name.lower(): layout for layout in (*LAYOUTS, EXCEL)}
_EXCEL_TO_UNIX = 25_569  # days from the end of 1899 to 1970
_CLEARLY = 4  # times as many steps back in time
_FEW = 10  # up to one in so many, days in another layout are slips


def any_shape() -> str:
    """The shapes of all layouts as one; what most of them share stands in it once, as each mention takes its time."""
    shapes = [layout.pattern for layout in LAYOUTS]
    days = [one[len(_HEAD) : -len(_TAIL)] for one in shapes if one.startswith(_HEAD) and one.endswith(_TAIL)]
    others = [one for one in shapes if not (one.startswith(_HEAD) and one.endswith(_TAIL))]
    return "|".join(f"(?:{shape})" for shape in (*others, f"{_HEAD}{'|'.join(dict.fromkeys(days))}{_TAIL}"))


def latest() -> date:
    """The last day that is believed; a year 9999 would make every other customer look lost."""
    return date.today() + timedelta(days=round(365.25 * YEARS_AHEAD))


def blank(column: pl.Expr) -> pl.Expr:
    """Whether a text value stands for nothing."""
    return column.is_null() | column.str.strip_chars().is_in(BLANKS)


def given(word: str) -> DateLayout:
    """The layout for `--date-format`: a strptime format, or one of our names such as d/m/y."""
    if word.lower() in _BY_NAME:
        return _BY_NAME[word.lower()]
    if "%" not in word:
        names = ", ".join(layout.name for layout in LAYOUTS if layout.kind == "text")
        raise UsageError(
            f"--date-format {word!r} is not a layout; use codes such as %d/%m/%Y, or one of: {names}."
        )
    return DateLayout(word, "", _checked(word), kind="given")


def _checked(format_: str) -> str:
    """A strptime format that Polars reads and that leads to a day; UsageError else."""
    format_ = format_.replace(".%f", "%.f")  # Python's spelling
    day = datetime(2024, 1, 1)
    try:
        text = pl.select(pl.lit(day).dt.replace_time_zone("UTC").dt.strftime(format_)).item()
        read_back = pl.select(_read_given(pl.lit(text), format_, "UTC")).item()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        read_back = None
    if read_back != day.date():
        raise UsageError(
            f"--date-format {format_!r} does not lead to a day; write it like %d/%m/%Y or %Y-%m-%d %H:%M."
        )
    return format_


def read(column: pl.Expr, layout: DateLayout, tz: str) -> pl.Expr:
    """Text to Date in this layout; null where a value does not fit it or is no day of the calendar."""
    if layout.kind == "zoned":
        if layout == BASIC:
            column = column.str.replace(
                r"^\s*(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)", "${1}-${2}-${3}T${4}:${5}:${6}"
            )
        return _read_zoned(column, tz)
    if layout.kind == "excel":
        day = column.str.extract(layout.pattern, 1).cast(pl.Int32, strict=False)
        return (day - _EXCEL_TO_UNIX).cast(pl.Date)
    if layout.kind == "epoch":
        stamp = column.str.extract(layout.pattern, 1).cast(pl.Int64, strict=False)
        moment = pl.from_epoch(stamp, time_unit=layout.format)  # type: ignore[call-overload]
        return local_day(moment.dt.replace_time_zone("UTC"), tz)
    if layout.kind == "given":
        return _read_given(column.str.strip_chars(), layout.format, tz)
    if layout == ISO:
        return pl.when(layout.fits(column)).then(
            column.str.strip_chars_start().str.head(10).str.to_date("%Y-%m-%d", strict=False)
        )
    day = column.str.extract(layout.pattern, 1)
    if layout.joined:
        day = day.str.replace_all(r"[- ,]+", " ").str.replace(r"([A-Za-z]{3})[A-Za-z]*", "$1")
    return day.str.to_date(layout.format, strict=False)


def _read_zoned(column: pl.Expr, tz: str) -> pl.Expr:
    text = column.str.strip_chars().str.replace(r"^([0-9-]{10})[ T]", "${1}T").str.replace(r"\s+", "")
    text = text.str.replace(r"(?:Z|z|UTC|GMT)$", "+0000").str.replace(r"([+-][0-9]{2}):?([0-9]{2})?$", "$1$2")
    text = text.str.replace(r"T([0-9]{2}:[0-9]{2})([+-])", "T$1:00$2")
    text = text.str.replace(r"([+-][0-9]{2})$", "${1}00")
    moment = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us", time_zone="UTC")
    return local_day(moment, tz)


def _read_given(column: pl.Expr, format_: str, tz: str) -> pl.Expr:
    if any(code in format_ for code in ("%z", "%:z", "%#z")):
        return local_day(column.str.to_datetime(format_, strict=False, time_zone="UTC"), tz)
    if any(code in format_ for code in ("%H", "%I", "%M", "%T", "%R", "%S", "%s", "%p", "%X", "%c")):
        return column.str.to_datetime(format_, strict=False).dt.date()
    return column.str.to_date(format_, strict=False)


def as_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Days that a file holds as text or as numbers, as text: 20240131, also where it is 20240131.0."""
    if dtype.is_float():
        column = pl.when(column == column.round()).then(column).cast(pl.Int64, strict=False)
    text = column.cast(pl.String, strict=False)
    return text.str.replace(r"\.0+$", "") if dtype.is_decimal() else text


def believable(moment: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    """Moments outside of the years 1 to 9999, which no calendar of ours reaches, moved to its borders."""
    per_day = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 0}[dtype.time_unit]
    if not per_day:
        return moment
    return moment.to_physical().clip(-719_000 * per_day, 2_932_000 * per_day).cast(dtype)


def spelt(values: pl.Series) -> list[str]:
    """Values as text; days beyond all calendars, on which Polars would stumble, as the number that they are."""
    if not values.dtype.is_temporal():
        return values.cast(pl.String, strict=False).fill_null("").to_list()
    unit = getattr(values.dtype, "time_unit", None) or "days"
    each = {"days": 86400 * 10**6, "ms": 1000, "us": 1, "ns": 0.001}[unit]
    return [
        "" if number is None else _moment(number, each, unit) for number in values.to_physical().to_list()
    ]


def _moment(number: int, microseconds: float, unit: str) -> str:
    try:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=number * microseconds)
    except OverflowError:
        return f"{number} {unit} since 1970"
    return str(moment.date() if unit == "days" else moment)


def local_day(moment: pl.Expr, tz: str) -> pl.Expr:
    """The calendar day of a moment in the zone `tz`."""
    return moment.dt.convert_time_zone(tz).dt.replace_time_zone(None).dt.date()


def survey(tally: pl.DataFrame, name: str, file: str, *, complete: bool = True) -> DateLayout | None:
    """The layout of a column from its values (at best all) and how often each comes: `value`, `count`.

    None means that day/month and month/day both fit all values seen, as different days or, where the
    values are not `complete`, as the same. Raises DataError where no layout fits most values, and where
    two of them fit values that the other does not.
    """
    tally = tally.filter(~blank(pl.col("value")))
    if tally.height == 0:
        return ISO
    if tally["value"].str.contains(ISO.pattern).all():  # no other layout could read more of them
        return ISO
    days = _readings(tally["value"])
    counts = _counts(tally, days)
    best = max(counts.values())
    if best * 2 <= tally["count"].sum():
        raise _unreadable(tally["value"], name, file)
    winners = [layout for layout in LAYOUTS if counts[layout] == best]
    if winners[0] not in (ISO, ZONED, BASIC):
        apart = any(_apart(days, winners[0], other) is not None for other in winners[1:])
        if apart or (len(winners) > 1 and not complete):
            _refuse_mixture(tally, days, winners[0], name, file)
            return None
    _refuse_mixture(tally, days, winners[0], name, file)
    return winners[0]


def layout_of(tally: pl.DataFrame, first: str) -> DateLayout | None:
    """Of the layouts that fit all values, the one in which the day or the month comes first."""
    tally = tally.filter(~blank(pl.col("value")))
    counts = _counts(tally, _readings(tally["value"]))
    fitting = [layout for layout in LAYOUTS if counts[layout] == max(counts.values())]
    return next((layout for layout in fitting if layout.name[0] == first[0]), None)


def readable(values: pl.Series) -> bool:
    """Whether some layout reads one of these values."""
    days = _readings(values.filter(values.to_frame("value").select(~blank(pl.col("value"))).to_series()))
    return any(day.is_not_null().any() for day in days)


def _counts(tally: pl.DataFrame, days: pl.DataFrame) -> dict[DateLayout, int]:
    """How many rows each layout reads."""
    read_by = (pl.when(pl.col(layout.name).is_not_null()).then("count").sum() for layout in LAYOUTS)
    sums = days.with_columns(tally["count"]).select(
        read.alias(layout.name) for layout, read in zip(LAYOUTS, read_by, strict=True)
    )
    return dict(zip(LAYOUTS, sums.row(0), strict=True))


def _count(tally: pl.DataFrame, chosen: pl.Series) -> int:
    return int(tally.filter(chosen)["count"].sum())


def _readings(values: pl.Series) -> pl.DataFrame:
    """For each layout the believable days that the values are in it (in ISO: all of that shape)."""
    column = pl.col("value")
    read_as = []
    for layout in LAYOUTS:
        day = read(column, layout, "UTC")
        # With two digits a year can be read almost anywhere; sales of the far future are not among them.
        last = date.today() + timedelta(days=366) if "%y" in layout.format else latest()
        believed = pl.when(day.is_between(EARLIEST, last)).then(day)
        if layout in (ISO, ZONED):
            believed = pl.when(layout.fits(column)).then(day.fill_null(EARLIEST))
        read_as.append(believed.alias(layout.name))
    return values.alias("value").to_frame().select(read_as)


def _apart(days: pl.DataFrame, one: DateLayout, other: DateLayout) -> int | None:
    """The first value that both layouts read, as different days."""
    apart = (days[one.name] != days[other.name]).fill_null(False)
    return apart.arg_max() if apart.any() else None


def _refuse_mixture(
    tally: pl.DataFrame, days: pl.DataFrame, chosen: DateLayout, name: str, file: str
) -> None:
    """Many values that are days in another layout are no slips.

    And where days over 12 stand on both sides of day/month, those up to 12 could be read wrongly, with nothing to show it.
    """
    mine = days[chosen.name]
    for other in LAYOUTS:
        theirs = days[other.name]
        only_there = mine.is_null() & theirs.is_not_null()
        if not only_there.any():
            continue
        only_here = mine.is_not_null() & theirs.is_null()
        limit = (
            _count(tally, only_here) // 100
            if _apart(days, chosen, other) is not None
            else _count(tally, only_here) // _FEW
        )
        if _count(tally, only_there) > limit:
            here, there = tally["value"].filter(only_here).sort(), tally["value"].filter(only_there).sort()
            raise DataError(
                f"{file}: column {name} mixes {chosen.name} ({here[0]!r}) and {other.name} ({there[0]!r}). "
                f"Write it in one layout, or say --date-format '{chosen.name}' to set the others aside."
            )


def ambiguous(tally: pl.DataFrame, name: str, file: str, rows: pl.Series | None = None) -> DataError:
    """The error for a column that two layouts fit, with two readings of one value.

    `rows` are values as they follow each other in the file: a reading in which time runs on is the likelier one.
    """
    tally = tally.filter(~blank(pl.col("value"))).sort("value")
    days = _readings(tally["value"])
    counts = _counts(tally, days)
    first, *others = [layout for layout in LAYOUTS if counts[layout] == max(counts.values())]
    second, place = next(
        (other, place) for other in others if (place := _apart(days, first, other)) is not None
    )
    return DataError(
        f"{file}: column {name}: {tally['value'][place]!r} is ambiguous: it could be {days[first.name][place]} ({first.name}) "
        f"or {days[second.name][place]} ({second.name}), and every date fits both. "
        f"Say --date-format {first.name} or --date-format {second.name}.",
        options=_likelier(first, second, rows),
    )


def _likelier(first: DateLayout, second: DateLayout, rows: pl.Series | None) -> dict[str, str]:
    """The option for the reading with far fewer steps back in time, if there is one."""
    if rows is None:
        return {}
    values = rows.rename("value")
    steps = {}
    for layout in (first, second):
        days = values.to_frame().select(read(pl.col("value"), layout, "UTC")).to_series().drop_nulls()
        steps[layout.name] = int((days.diff().dt.total_days() < 0).sum())
    best, worst = sorted(steps, key=lambda name: steps[name])
    return {"date_format": best} if steps[best] * _CLEARLY <= steps[worst] and steps[worst] else {}


def _unreadable(values: pl.Series, name: str, file: str) -> DataError:
    examples = ", ".join(repr(value[:40]) for value in values.sort().head(3).to_list())
    serial = (
        values.to_frame("v")
        .select(read(pl.col("v"), EXCEL, "UTC").is_between(_OF_TABLES, latest()).fill_null(False).all())
        .item()
    )
    if serial:
        return DataError(
            f"{file}: column {name}: the values look like the days of a spreadsheet, counted from 1900 ({examples}). "
            "Say --date-format excel.",
            options={"date_format": "excel"},
        )
    return DataError(
        f"{file}: column {name}: most values are not dates in one layout that crmkit knows, for example {examples}. "
        "Say --date-format, such as %d/%m/%Y, or name another column with --date."
    )
