"""Amounts as people write them: `£12.50`, `1.234,50`, `(12.50)`, `1,23,456.50`, `2.5e3`.

A column has one style. It is decided from all values that were seen, never value by value: a value
that does not fit the column's style is rejected, not guessed at.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import polars as pl

from crmkit.errors import DataError

_CODES = (
    "AED", "ARS", "AUD", "BDT", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP", "HKD",
    "HUF", "IDR", "ILS", "INR", "IQD", "ISK", "JOD", "JPY", "KES", "KRW", "KWD", "KZT", "LKR", "LYD", "MAD", "MXN", "MYR", "NGN",
    "NOK", "NZD", "OMR", "PEN", "PHP", "PKR", "PLN", "QAR", "RMB", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TND", "TRY",
    "TWD", "UAH", "USD", "UYU", "VND", "ZAR",
)  # fmt: skip
# What stands for one currency; where a sign serves several, a code beside it settles which.
_SAME_CURRENCY = {
    "￥": "¥", "元": "CNY", "RMB": "CNY", "円": "JPY", "£": "GBP", "€": "EUR", "₹": "INR", "Rs": "INR", "Rs.": "INR", "₩": "KRW",
    "원": "KRW", "₽": "RUB", "₺": "TRY", "₪": "ILS", "฿": "THB", "₫": "VND", "zł": "PLN", "Kč": "CZK", "R$": "BRL", "US$": "USD",
    "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "HK$": "HKD", "NT$": "TWD", "NZ$": "NZD", "S$": "SGD", "Fr": "CHF",
    "Fr.": "CHF", "kr.": "kr", "Rp": "IDR", "Rp.": "IDR",
}  # fmt: skip
_SHARED_SIGNS = {
    "$": frozenset({"USD", "AUD", "CAD", "HKD", "MXN", "NZD", "SGD", "TWD"}),
    "¥": frozenset({"CNY", "JPY"}),
    "kr": frozenset({"SEK", "NOK", "DKK", "ISK"}),
}
# These are counted in thousandths; for any other currency three digits behind a mark are a thousand.
_THOUSANDTHS = frozenset({"KWD", "BHD", "OMR", "JOD", "TND", "IQD", "LYD"})
_SIGNS = sorted({*_SAME_CURRENCY, *_SHARED_SIGNS, *_CODES}, key=lambda sign: (-len(sign), sign))
_SIGN = r"[-−–+]"
_GROUPING = "'’ \u00a0\u2009\u202f"
_INDIAN = r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?"
_GROUPS = {
    ".": rf"[1-9][0-9]{{0,2}}(?:[,{_GROUPING}][0-9]{{3}})+(?:\.[0-9]+)?|{_INDIAN}|[0-9]+(?:\.[0-9]*)?|\.[0-9]+",
    ",": rf"[1-9][0-9]{{0,2}}(?:[.{_GROUPING}][0-9]{{3}})+(?:,[0-9]+)?|[0-9]+(?:,[0-9]*)?|,[0-9]+",
}
_PLAIN = r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"
_WRAP = (
    r"^\s*(?P<open1>\()?\s*(?P<sign1>{sign})?\s*(?P<before>{signs})?\s*(?P<open2>\()?\s*(?P<sign2>{sign})?\s*"
    r"(?P<body>{body})\s*(?P<after1>{signs})?\s*(?P<sign3>-)?\s*(?P<close>\))?\s*(?P<after2>{signs})?\s*$"
)
_NOTHING = r"[^\s\S]"
_TOGETHER = re.compile(rf"([^0-9]*)[0-9](?:[0-9.,{_GROUPING}]*[0-9])?[^0-9]*")
_AROUND = re.compile(r"[\s(+−–-]")
# Could be thousands or decimals: one group of exactly three digits behind one mark.
_EITHER = re.compile(r"^[1-9][0-9]{0,2}[.,][0-9]{3}$")
_FEW = 10  # beyond one in so many, numbers with the other decimal mark are no slips

# None is longer than four letters, so that longer ids need not be compared with them.
BLANKS = ("", "NULL", "null", "Null", "N/A", "n/a", "NA", "<NA>", "NaN", "nan", "NAN", "NaT", "None", "none", "NONE", "#N/A", "-",
          "--", "\\N")  # fmt: skip
# NaN and #N/A in a number column are broken numbers, not blanks; both are set aside, under other names.
NUMBER_BLANKS = tuple(word for word in BLANKS if word.upper() not in ("NAN", "#N/A"))


class NumberStyle(NamedTuple):
    """How a text column of numbers is written."""

    decimal: str = "."
    plain: bool = True  # digits, sign, point and exponent only, which needs no cleaning
    currency: str = ""
    proven: bool = True  # False where no value had a mark that is a point or a comma for certain

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
    number = cleaned(column, style).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def cleaned(column: pl.Expr, style: NumberStyle) -> pl.Expr:
    """The text with nothing left but a minus, digits and a decimal point (or an exponent); null if it is no number."""
    if style.plain:
        return column
    parts = column.str.extract_groups(_pattern(style.decimal, style.currency))
    field = parts.struct.field
    opened = field("open1").is_not_null() | field("open2").is_not_null()
    marks = [
        field(name).is_not_null().cast(pl.Int8) for name in ("open1", "open2", "sign1", "sign2", "sign3")
    ]
    fits = (pl.sum_horizontal(marks) <= 1) & (opened == field("close").is_not_null())
    minus = opened | pl.any_horizontal(
        *(field(name).is_in(["-", "−", "–"]).fill_null(False) for name in ("sign1", "sign2", "sign3"))
    )
    grouping = _GROUPING + ("," if style.decimal == "." else ".")
    body = field("body").str.replace_all(f"[{grouping}]", "").str.replace(",", ".", literal=True)
    whole = pl.when(fits & minus).then(pl.lit("-") + body).when(fits).then(body)
    bare = column.str.strip_chars()
    return pl.when(bare.str.contains(_PLAIN) & (style.decimal == ".")).then(bare).otherwise(whole)


@lru_cache
def _pattern(decimal: str, currency: str | None = None) -> str:
    """The shape of a number with this decimal mark; without a `currency`, of any, and with "", of none."""
    signs = [sign for sign in _SIGNS if currency is None or currency in _meanings(sign)]
    if currency and not signs:
        signs = [currency]
    alternatives = "|".join(map(re.escape, signs)) or _NOTHING
    return _WRAP.format(sign=_SIGN, signs=alternatives, body=_GROUPS[decimal])


def _matched(value: str, decimal: str) -> re.Match[str] | None:
    """The parts of a number. Python's engine tries blanks this way and that, for hours, unless it may not give back any."""
    return re.match(_pattern(decimal).replace(r"\s*", r"\s*+"), value)


def _meanings(sign: str) -> set[str]:
    meaning = _SAME_CURRENCY.get(sign, sign)
    return {meaning, *_SHARED_SIGNS.get(meaning, ())}


def is_number(value: str) -> bool:
    """Whether some style reads this text as a number."""
    if re.match(_PLAIN, value.strip()):
        return True
    return _is_digits_in_signs(value) and any(_matched(value, mark) is not None for mark in ".,")


def _is_digits_in_signs(value: str) -> bool:
    """Whether digits stand together behind nothing but signs, which is soon seen, and tells ids and dates from money."""
    found = _TOGETHER.fullmatch(value)
    if found is None:
        return False
    before = _AROUND.sub("", found[1])
    return not before or before in _SIGNS or before[:-1] in ("", *_SIGNS)


def are_plain(values: pl.Series) -> bool:
    """Whether all of these are digits with at most a point, a sign and an exponent."""
    return bool(values.str.contains(_PLAIN).all())


def finite(values: pl.Series) -> pl.Series:
    """The numbers; null where they are infinite or none."""
    return values.set(~values.is_finite(), None)


def readable(values: pl.Series) -> bool:
    """Whether some style reads one of these values."""
    shapes = (_PLAIN, _pattern("."), _pattern(","))
    return any(bool(values.str.contains(shape).any()) for shape in shapes)


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
        return _plain_style(plain)
    return _mixed_style(odd, plain, name, file)


def _mixed_style(odd: list[str], plain: pl.Series, name: str, file: str) -> NumberStyle | None:
    bodies = [body for value in odd if (body := _body(value)) is not None]
    if not bodies:
        padded = any(re.match(_PLAIN, value.strip()) for value in odd)
        style = _plain_style(plain)
        return style._replace(plain=False) if style and padded else style
    points = _evidence(bodies + plain.to_list(), ".")
    commas = _evidence(bodies + plain.to_list(), ",")
    currency = _currency(odd, name, file)
    either = [body for body in bodies if _EITHER.match(body)]
    proven = bool(points or commas or either)
    if not points and not commas and either:
        if not currency or currency in _THOUSANDTHS:
            return None
        points = [body for body in either if "," in body]
        commas = [body for body in either if "." in body]
    _refuse_two_marks(points, commas, name, file)
    decimal = "," if len(commas) > len(points) else "."
    return NumberStyle(decimal, plain=False, currency=currency, proven=proven)


def _refuse_two_marks(points: list[str], commas: list[str], name: str, file: str) -> None:
    """Where both marks are proven, `1,234` in the same column could be either, and nothing would show it."""
    if points and commas and min(len(points), len(commas)) * _FEW > max(len(points), len(commas)):
        raise DataError(
            f"{file}: column {name} mixes decimal points ({min(points)!r}) and decimal commas ({min(commas)!r}); write it in one of them, "
            "or say --decimal . (or ,) to set the others aside."
        )


def _body(value: str) -> str | None:
    for decimal in ".,":
        if match := _matched(value, decimal):
            return match["body"]
    return None


def _evidence(bodies: list[str], decimal: str) -> list[str]:
    """The values that can be read with this decimal mark only."""
    mine, other = (re.compile(f"^(?:{_GROUPS[mark]})$") for mark in (decimal, "," if decimal == "." else "."))
    bare = [body.lstrip("-+") for body in bodies]
    return [body for body in bare if mine.match(body) and not other.match(body)]


def _plain_style(plain: pl.Series) -> NumberStyle | None:
    """Plain-looking values could all be thousands with points: 1.234 and 999, but no 1234 and no 0.5."""
    grouped = bool(plain.str.contains(r"^[-+]?(?:0|[1-9][0-9]{0,2}(?:\.[0-9]{3})?)$").all())
    if grouped and plain.str.contains(".", literal=True).any():
        return None
    return NumberStyle(proven=not grouped)


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
        f"Say --decimal {other} for {thousands}, or --decimal {mark} for {fraction}.",
        options={"decimal": other},  # three digits behind a mark are thousands more often than not
    )


def _currency(odd: list[str], name: str, file: str) -> str:
    found: set[str] = set()
    for value in odd:
        if match := _matched(value, ".") or _matched(value, ","):
            signs = (match["before"], match["after1"], match["after2"])
            found |= {_SAME_CURRENCY.get(sign, sign) for sign in signs if sign}
    for sign, codes in _SHARED_SIGNS.items():
        if found & codes:
            found.discard(sign)
    if len(found) > 1:
        raise DataError(
            f"{file}: column {name} mixes currencies ({', '.join(sorted(found))}); their sum would mean nothing. "
            "Convert them first, or keep one of them."
        )
    return next(iter(found), "")
