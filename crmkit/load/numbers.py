"""Amounts as people write them: `£12.50`, `1.234,50`, `(12.50)`, `1,23,456.50`, `2.5e3`.

A column has one style. It is decided from all values that were seen, never value by value: a value
that does not fit the column's style is rejected, not guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from crmkit.errors import DataError

_SYMBOLS = r"[$£€¥￥₹₩₽₺₪฿₫元円원]|[A-Z]{2,3}\$|[A-Z]{3}|R\$|Fr\.?|kr\.?|zł|Kč|RMB"
_SIGN = r"[-−–+]"
_GROUPS = {
    ".": r"\d{1,3}(?:[,'’ \u00a0\u202f]\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+",
    ",": r"\d{1,3}(?:[.'’ \u00a0\u202f]\d{3})+(?:,\d+)?|\d+(?:,\d*)?|,\d+",
}
_PLAIN = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"
_WRAP = (
    r"^\s*(?P<open>\()?\s*(?P<sign1>{sign})?\s*(?P<before>{symbols})?\s*(?P<sign2>{sign})?\s*"
    r"(?P<body>{body})\s*(?P<after>{symbols})?\s*(?P<sign3>-)?\s*(?P<close>\))?\s*$"
)
# Could be thousands or decimals: one group of exactly three digits behind one mark.
_EITHER = re.compile(r"^[1-9]\d{0,2}[.,]\d{3}$")
# These are counted in thousandths; for any other currency three digits behind a mark are a thousand.
_THOUSANDTHS = frozenset({"KWD", "BHD", "OMR", "JOD", "TND", "IQD", "LYD"})
_SAME_CURRENCY = {
    "￥": "¥",
    "元": "CNY",
    "RMB": "CNY",
    "円": "JPY",
    "$": "USD",
    "£": "GBP",
    "€": "EUR",
    "₹": "INR",
}

BLANKS = ("", "NULL", "null", "Null", "N/A", "n/a", "NA", "NaN", "nan", "None", "none", "#N/A", "-", "\\N")
# NaN and #N/A in a number column are broken numbers, not blanks; both are set aside, under other names.
NUMBER_BLANKS = tuple(word for word in BLANKS if word not in ("NaN", "nan", "#N/A"))


@dataclass(frozen=True)
class NumberStyle:
    """How a text column of numbers is written."""

    decimal: str = "."
    plain: bool = True  # digits, sign, point and exponent only, which needs no cleaning
    currency: str = ""

    def says(self) -> str:
        """The style in words, empty where there is nothing to say."""
        parts = ["decimal comma"] if self.decimal == "," else []
        parts += [f"currency {self.currency}"] if self.currency else []
        return ", ".join(parts)


def blank(column: pl.Expr) -> pl.Expr:
    """Whether a text value stands for nothing."""
    return column.is_null() | column.str.strip_chars().is_in(NUMBER_BLANKS)


def read(column: pl.Expr, style: NumberStyle) -> pl.Expr:
    """Text to Float64 in this style; null where a value does not fit it or is not finite."""
    if style.plain:  # the cast reads just what _PLAIN describes, and names for what is not finite
        number = column.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number)
    number = cleaned(column, style).cast(pl.Float64, strict=False)
    fits = column.str.contains(_pattern(style.decimal)) | column.str.contains(_PLAIN)
    return pl.when(fits & number.is_finite()).then(number)


def cleaned(column: pl.Expr, style: NumberStyle) -> pl.Expr:
    """The text with nothing left but a minus, digits and a decimal point (or an exponent)."""
    if style.plain:
        return column
    pattern = _pattern(style.decimal)
    parts = column.str.extract_groups(pattern)
    field = parts.struct.field
    minus = field("open").is_not_null() ^ pl.any_horizontal(
        *(field(name).is_in(["-", "−", "–"]).fill_null(False) for name in ("sign1", "sign2", "sign3"))
    )
    grouping = ",'’ \u00a0\u202f" if style.decimal == "." else ".'’ \u00a0\u202f"
    body = field("body").str.replace_all(f"[{re.escape(grouping)}]", "").str.replace(",", ".", literal=True)
    whole = pl.when(minus).then(pl.lit("-") + body).otherwise(body)
    return pl.when(column.str.contains(_PLAIN) & (style.decimal == ".")).then(column).otherwise(whole)


def _pattern(decimal: str) -> str:
    return _WRAP.format(sign=_SIGN, symbols=_SYMBOLS, body=_GROUPS[decimal])


def survey(values: pl.Series, *, decimal: str | None, name: str, file: str) -> NumberStyle | None:
    """The style of a column, from (at best all of) its distinct values.

    None means that the values seen so far leave it open whether `1,234` is one thousand or one:
    the caller shows more values, or raises `ambiguous`. Mixed currencies raise DataError.
    """
    column = pl.col(values.name)
    frame = values.unique().to_frame().filter(~blank(column))
    odd = frame.filter(~column.str.contains(_PLAIN)).to_series().to_list()
    plain = frame.filter(column.str.contains(_PLAIN)).to_series()
    if decimal is not None:
        return NumberStyle(decimal, plain=decimal == "." and not odd, currency=_currency(odd, name, file))
    if not odd:
        return NumberStyle() if not _all_grouped(plain) else None
    return _mixed_style(odd, plain, name, file)


def _mixed_style(odd: list[str], plain: pl.Series, name: str, file: str) -> NumberStyle | None:
    bodies = [body for value in odd if (body := _body(value)) is not None]
    if not bodies:
        return NumberStyle() if not _all_grouped(plain) else None
    points = _evidence(bodies + plain.to_list(), ".")
    commas = _evidence(bodies + plain.to_list(), ",")
    currency = _currency(odd, name, file)
    either = [body for body in bodies if _EITHER.match(body)]
    if points == commas == 0 and either:
        if not currency or currency in _THOUSANDTHS:
            return None
        points = sum("," in body for body in either)
        commas = len(either) - points
    decimal = "," if commas > points else "."
    return NumberStyle(decimal, plain=False, currency=currency)


def _body(value: str) -> str | None:
    for decimal in ".,":
        match = re.match(_pattern(decimal), value)
        if match:
            return match["body"]
    return None


def _evidence(bodies: list[str], decimal: str) -> int:
    """How many values can be read with this decimal mark only."""
    mine, other = (re.compile(f"^(?:{_GROUPS[mark]})$") for mark in (decimal, "," if decimal == "." else "."))
    bare = [body.lstrip("-+") for body in bodies]
    return sum(bool(mine.match(body)) and not other.match(body) for body in bare)


def _all_grouped(plain: pl.Series) -> bool:
    """Whether plain-looking values could all be thousands with points: 1.234 and 999, but no 1234 and no 0.5."""
    if plain.len() == 0 or not plain.str.contains(".", literal=True).any():
        return False
    return bool(plain.str.contains(r"^[-+]?(?:0|[1-9]\d{0,2}(?:\.\d{3})?)$").all())


def ambiguous(values: pl.Series, name: str, file: str) -> DataError:
    """The error for a column in which every separator could be either."""
    examples = [
        value for value in values.unique().sort().to_list() if value and re.search(r"\d[.,]\d{3}\b", value)
    ]
    value = (examples or ["1,234"])[0]
    digits = re.sub(r"[^\d.,]", "", value)
    thousands, fraction = re.sub(r"[.,]", "", digits), digits.replace(",", ".")
    mark = "," if "," in digits else "."
    other = "." if mark == "," else ","
    return DataError(
        f"{file}: column {name}: {value!r} is ambiguous: it could be {thousands} or {fraction}, and no value settles it. "
        f"Say --decimal {other} for {thousands}, or --decimal {mark} for {fraction}."
    )


def _currency(odd: list[str], name: str, file: str) -> str:
    found: set[str] = set()
    for value in odd:
        match = re.match(_pattern("."), value) or re.match(_pattern(","), value)
        if match:
            found |= {_SAME_CURRENCY.get(sign, sign) for sign in (match["before"], match["after"]) if sign}
    if found & {"CNY", "JPY"}:
        found.discard("¥")
    if len(found) > 1:
        raise DataError(
            f"{file}: column {name} mixes currencies ({', '.join(sorted(found))}); their sum would mean nothing. "
            "Convert them first, or keep one of them."
        )
    return next(iter(found), "")
