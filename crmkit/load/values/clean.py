"""Raw values → canonical values, row by row: the same function for a batch on any engine.

The raw frame has the columns `customer`, `date`, `amount:0`, `amount:1`, … (the operands of each
formula) and `order`, `product`, … as they stand in the file; the clean one has canonical columns
and says of each row whether it is used, set aside or skipped. Nothing here looks at another row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import polars as pl

from crmkit.load.account.audit import REASON, REASONS, SKIP, SKIPS
from crmkit.load.inputs import ROW
from crmkit.load.plan import ReadingPlan
from crmkit.load.statuses import ROLE, roles
from crmkit.load.values import arrow_types, dates, fast_dates, numbers, zones

LARGEST = 1e15  # in whole units; beyond it an amount is a mistake, not a sale
_NEAR = 1e-7  # of a minor unit: what a double of few digits may be off
_DIGITS = 12  # decimals that are looked at where an amount is too large for a double
EXACT_IN_FLOAT = 2.0**43  # minor units up to here are exact in a double with room for a product
_LONGEST_BLANK = max(map(len, numbers.BLANKS))
_TEXT = ("order", "product", "channel", "group", "store")
BAD_DATE, NO_DATE = REASONS.index("bad date"), REASONS.index("no date")
BAD_AMOUNT, NO_AMOUNT = REASONS.index("bad amount"), REASONS.index("no amount")


def clean(
    raw: pl.DataFrame, plan: ReadingPlan, *, suspicious: bool = False, visible: Collection[str] | None = None
) -> pl.DataFrame:
    """The canonical columns of these rows, with REASON and SKIP codes (0: used).

    `suspicious` asks for a look at every text for NUL characters; in the columns that are `visible`
    there is nothing but visible ASCII, and so nothing to trim. Where nobody has looked for it, it is done here.
    """
    statuses = [name for name in raw.columns if name.startswith(ROLE)]
    labels = [name for name in ("customer", *_TEXT, *statuses) if name in raw.columns]
    trimmed = {name for name in labels if _is_visible(raw[name], visible)}
    values = raw.select(
        pl.col(ROW),
        _date(raw, plan).alias("date"),
        *_money("amount", raw, plan),
        *(_money("cost", raw, plan) if "cost" in plan.roles else ()),
        *(_text(raw[name], trimmed=name in trimmed) for name in labels[1:]),
        *(_refunded(raw, plan) if "refunded" in plan.roles else ()),
        *(_currency() for _ in {"currency"} & set(raw.columns)),
        __nul=_has_nul(raw) if suspicious else pl.lit(False),
    )
    values = _exactly(
        values.with_columns(_customer(raw, plan, trimmed="customer" in trimmed), __bad_id=_bad_id(raw)),
        raw,
        plan,
    )
    values = _counted_back(_told_order(values, plan), plan)
    values = values.with_columns(_reason(values, plan).alias(REASON), _skip(plan, values).alias(SKIP))
    return _told_apart(values, raw) if values[REASON].is_in([BAD_DATE, BAD_AMOUNT]).any() else values


def _is_visible(column: pl.Series, known: Collection[str] | None) -> bool:
    if known is not None:
        return column.name in known
    return column.dtype == pl.String and arrow_types.is_visible(column.to_arrow())


def _told_apart(values: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    """A blank is no bad value: say so, where a batch has any."""
    operands = [name for name in raw.columns if name.startswith("amount:")]
    blanks = raw.select(
        _blank(raw, "date", numbers.BLANKS).alias("__no_date"),
        pl.any_horizontal(_blank(raw, name, numbers.NUMBER_BLANKS) for name in operands or ["date"]).alias(
            "__no_amount"
        ),
    )
    reason = pl.col(REASON)
    told = (
        pl.when((reason == BAD_DATE) & pl.col("__no_date")).then(pl.lit(NO_DATE, dtype=pl.UInt8))
        .when((reason == BAD_AMOUNT) & pl.col("__no_amount")).then(pl.lit(NO_AMOUNT, dtype=pl.UInt8))
        .otherwise(reason)
    )  # fmt: skip
    return values.hstack(blanks).with_columns(told.alias(REASON)).drop("__no_date", "__no_amount")


def customer_id(column: pl.Expr, dtype: pl.DataType, plan: ReadingPlan) -> pl.Expr:
    """Ids as text (or whole numbers, which become text once they are few); null where there is none."""
    if dtype.is_integer():
        return column if dtype == pl.Int64 else column.cast(pl.Int64, strict=False)
    if dtype.is_float():  # past 2**53 the neighbours of an id are it, too
        return (
            pl.when((column == column.round()) & (column.abs() < 2.0**53))
            .then(column)
            .cast(pl.Int64, strict=False)
        )
    text = column.cast(pl.String, strict=False).str.strip_chars()
    if dtype.is_decimal():
        return text.str.replace(r"\.0+$", "")
    if plan.float_ids:
        text = text.str.replace(r"\.0+$", "")
    return text


def _bad_id(raw: pl.DataFrame) -> pl.Series:
    """Numbers that are no ids: fractions, infinities, and floats too large to tell two of them apart."""
    ids = raw["customer"]
    if not ids.dtype.is_float():
        return pl.repeat(False, raw.height, eager=True)
    return ids.is_not_null() & ids.is_not_nan()


def _customer(raw: pl.DataFrame, plan: ReadingPlan, *, trimmed: bool) -> list[pl.Series]:
    """Ids, and which of them were trimmed; the rarer questions are asked of a batch that needs them."""
    ids = raw["customer"]
    if not trimmed or plan.float_ids:
        ids = raw.select(customer_id(pl.col("customer"), ids.dtype, plan)).to_series()
    if plan.options.nobody:
        ids = _without(ids, pl.col("customer").cast(pl.String).str.to_lowercase().is_in(plan.options.nobody))
    untouched = pl.repeat(False, raw.height, eager=True).alias("__trimmed")
    if ids.dtype != pl.String:
        return [ids, untouched]
    sizes = ids.str.len_bytes()
    if (sizes <= _LONGEST_BLANK).any():
        ids = _without(ids, pl.col("customer").is_in(numbers.BLANKS))
    if trimmed or raw.schema["customer"] != pl.String:
        return [ids, untouched]
    before = raw["customer"].str.len_bytes()
    touched = before.sum() != sizes.sum() and not plan.float_ids
    return [ids, (before != sizes).fill_null(False).alias("__trimmed") if touched else untouched]


def _without(ids: pl.Series, nobody: pl.Expr) -> pl.Series:
    """The ids, null where they stand for nobody."""
    return ids.to_frame("customer").select(pl.when(~nobody).then("customer")).to_series()


def _date(raw: pl.DataFrame, plan: ReadingPlan) -> pl.Expr | pl.Series:
    column, dtype = pl.col("date"), raw.schema["date"]
    tz, source = plan.options.tz, plan.options.source_tz
    if dtype == pl.Date:
        return column
    if isinstance(dtype, pl.Datetime):
        moment = dates.believable(column, dtype)
        if dtype.time_zone:
            return dates.local_day(moment, tz)
        return moment.dt.date() if source is None else zones.local_day(moment, source, tz)
    text = raw["date"] if dtype == pl.String else raw.select(dates.as_text(column, dtype)).to_series()
    days = fast_dates.days(text, plan.layout, tz)
    if source is None or zones.has_own_zone(plan.layout):
        return days
    return zones.moved(days, text, plan.layout, source, tz)


def _money(role: str, raw: pl.DataFrame, plan: ReadingPlan) -> list[pl.Series]:
    """The amount in minor units, its value as a double, and whether digits were lost."""
    if role not in plan.roles:
        one = pl.repeat(1, raw.height, dtype=pl.Int64, eager=True).alias(role)
        return [
            one,
            one.cast(pl.Float64).alias(f"__{role}"),
            pl.repeat(False, raw.height, eager=True).alias("__rounded"),
        ]
    formula = plan.roles[role].formula
    dtype = raw.schema[f"{role}:0"]
    if formula.tree == ("column", 0) and (dtype.is_integer() or _fits_exactly(dtype, plan.scale)):
        return _whole_money(role, raw[f"{role}:0"], plan.scale)
    value = raw.select(formula.build(lambda i: number(f"{role}:{i}", raw, plan), pl.lit)).to_series()
    scaled = value * 10.0**plan.scale
    whole = scaled.round()
    off = (scaled - whole).abs()
    lost = pl.repeat(False, raw.height, eager=True)
    on_grid = (off <= _NEAR).all()  # which NaN and infinity are not
    if not on_grid:
        lost = (off > _NEAR + 4e-15 * scaled.abs()).fill_null(False)
    exact = role == "amount" and formula.tree == ("column", 0)  # `_exactly` sees to the large ones
    limit = LARGEST if exact else min(LARGEST, 2.0**52 / 10.0**plan.scale)
    if not (on_grid and _within(value, limit)):
        whole = whole.to_frame("w").select(pl.when(pl.lit(value.abs() < limit)).then("w")).to_series()
    columns = [whole.cast(pl.Int64).alias(role), value.alias(f"__{role}"), lost.alias("__rounded")]
    return columns[: 3 if role == "amount" else 2]


def _within(values: pl.Series, limit: float) -> bool:
    """Whether all of them, none of which is NaN, are smaller than that, whatever their sign."""
    least: Any = values.min()
    most: Any = values.max()
    return least is None or -limit < least <= most < limit


def _fits_exactly(dtype: pl.DataType, scale: int) -> bool:
    return isinstance(dtype, pl.Decimal) and dtype.scale <= scale


def _whole_money(role: str, stored: pl.Series, scale: int) -> list[pl.Series]:
    """Integers and decimals are in minor units already, but for a power of ten."""
    units, decimals = stored, 0
    if isinstance(stored.dtype, pl.Decimal):
        units, decimals = stored.to_physical(), stored.dtype.scale
    factor = 10 ** (scale - decimals)
    limit = int(LARGEST) * 10**decimals
    near = units.is_between(-limit, limit, closed="none")
    bounded = units if near.all() else units.to_frame("u").select(pl.when(pl.lit(near)).then("u")).to_series()
    minor = bounded.cast(pl.Int64, strict=False) * factor
    columns = [minor.alias(role), units.alias(f"__{role}")]
    return (
        columns
        if role != "amount"
        else [*columns, pl.repeat(False, stored.len(), eager=True).alias("__rounded")]
    )


def number(name: str, raw: pl.DataFrame, plan: ReadingPlan) -> pl.Expr:
    """An operand as a double; null where it is missing, unreadable or not finite."""
    column = raw[name]
    if column.dtype == pl.String and not plan.numbers[name].plain:
        return numbers.read(pl.col(name), plan.numbers[name])
    if column.dtype == pl.Float32:  # the shortest text of 12.34f is 12.34; its double is 12.340000153
        column = column.cast(pl.String)
    # Of text the cast reads just what a plain style describes, and names for what is not finite.
    value = column.cast(pl.Float64, strict=False)
    finite = value.is_finite()
    return pl.lit(value) if finite.all() else pl.when(pl.lit(finite)).then(pl.lit(value))


def _exactly(values: pl.DataFrame, raw: pl.DataFrame, plan: ReadingPlan) -> pl.DataFrame:
    """Replace amounts too large for a double by exact ones, where the formula is a single column."""
    if plan.amount is None or plan.amount.tree != ("column", 0) or not values["__amount"].dtype.is_float():
        return values
    limit = EXACT_IN_FLOAT / 10.0**plan.scale
    if _within(values["__amount"], limit):
        return values
    far = values["__amount"].abs() >= limit
    huge = (far & values["amount"].is_not_null()).arg_true()
    if huge.len() == 0:
        return values
    digits = _digits(raw["amount:0"].gather(huge), plan)
    unit = 10 ** (_DIGITS - plan.scale)
    exact = digits.to_frame("d").select(
        amount=((pl.col("d") + unit // 2) // unit).cast(pl.Int64, strict=False),
        lost=(pl.col("d") % unit != 0).fill_null(False),
    )
    amount = exact["amount"].fill_null(values["amount"].gather(huge))
    lost = exact["lost"] | values["__rounded"].gather(huge)
    return values.with_columns(
        values["amount"].scatter(huge, amount), values["__rounded"].scatter(huge, lost)
    )


def _digits(amounts: pl.Series, plan: ReadingPlan) -> pl.Series:
    """Amounts as whole numbers of 10**-_DIGITS, null where their text has an exponent."""
    decimal = pl.Decimal(38, _DIGITS)
    if amounts.dtype.is_decimal():
        return amounts.cast(decimal, strict=False).to_physical()
    text = pl.col("text")
    if amounts.dtype == pl.String:
        text = numbers.cleaned(text, plan.numbers["amount:0"])
    plain = pl.when(text.str.contains(r"^-?\d+(\.\d+)?$")).then(text)
    read = plain.str.to_decimal(scale=_DIGITS)
    return amounts.cast(pl.String).to_frame("text").select(read.cast(decimal)).to_series().to_physical()


def _text(labels: pl.Series, *, trimmed: bool) -> pl.Series:
    """A label as text; blank is null. Whole numbers stay numbers."""
    if labels.dtype.is_integer() and not labels.name.startswith(ROLE):
        return labels.cast(pl.Int64, strict=False)
    text = labels if trimmed else labels.cast(pl.String, strict=False).str.strip_chars()
    if text.str.len_bytes().min() != 0:
        return text
    return (
        text.to_frame("t")
        .select(pl.when(pl.col("t").str.len_bytes() > 0).then("t"))
        .to_series()
        .alias(labels.name)
    )


def _currency() -> pl.Expr:
    """The code in capitals; blank is null."""
    code = pl.col("currency").cast(pl.String, strict=False).str.strip_chars().str.to_uppercase()
    return pl.when(~code.is_in(numbers.BLANKS)).then(code).alias("currency")


def _blank(raw: pl.DataFrame, name: str, words: Iterable[str]) -> pl.Expr:
    column = pl.col(name)
    if raw.schema[name] != pl.String:
        return column.is_null()
    return column.is_null() | column.str.strip_chars().is_in(list(words))


def _has_nul(raw: pl.DataFrame) -> pl.Expr:
    texts = [name for name, dtype in raw.schema.items() if dtype == pl.String]
    if not texts:
        return pl.lit(False)
    return pl.any_horizontal(
        pl.col(name).str.contains("\x00", literal=True).fill_null(False) for name in texts
    )


def _reason(values: pl.DataFrame, plan: ReadingPlan) -> pl.Expr:
    """The first reason that applies to a row; what applies to none of these rows is not asked."""
    nobody, day = pl.col("customer").is_null(), pl.col("date")
    # Money with neither a customer nor a day is the total below the rows, and no sale to a guest.
    no_customer = (
        nobody & (day.is_not_null() | pl.col("amount").is_null()) if "date" in plan.roles else nobody
    )
    lacks = {name for name in values.columns if values[name].null_count()}
    span = dates.EARLIEST, dates.latest()
    checks = [
        ("bad characters", values["__nul"].any(), pl.col("__nul")),
        ("bad customer id", "customer" in lacks, no_customer & pl.col("__bad_id")),
        ("no customer id", "customer" in lacks and not plan.anonymous, no_customer),
        ("bad date", "date" in lacks and "date" in plan.roles, day.is_null()),
        ("date out of range", not values["date"].is_between(*span).all(), ~day.is_between(*span)),
        ("bad amount", "__amount" in lacks, pl.col("__amount").is_null()),
        ("amount out of range", "amount" in lacks, pl.col("amount").is_null()),
        ("bad cost", "cost" in lacks and plan.priced, pl.col("cost").is_null()),
    ]
    found = pl.lit(0, dtype=pl.UInt8)
    for reason, is_asked, applies in reversed(checks):
        if is_asked:
            found = pl.when(applies).then(pl.lit(REASONS.index(reason), dtype=pl.UInt8)).otherwise(found)
    return found


def _refunded(raw: pl.DataFrame, plan: ReadingPlan) -> list[pl.Series]:
    """Money that went back, in minor units without a sign: nothing where the column is blank."""
    minor = _money("refunded", raw, plan)[0]
    return [minor.abs().fill_null(0)]


def _told_order(values: pl.DataFrame, plan: ReadingPlan) -> pl.DataFrame:
    """Where numbers begin again each day, an order is a number on a day (in a store)."""
    if not plan.lines.restarts or "order" not in values.columns:
        return values
    parts = [name for name in ("order", "date", "store") if name in values.columns]
    whole = pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in parts], separator=" ")
    return values.with_columns(pl.when(pl.col("order").is_not_null()).then(whole).alias("order"))


def _words(values: pl.DataFrame, plan: ReadingPlan, kind: str) -> pl.Expr | None:
    """Whether a status says that a row is of this kind, None where none does: few words, so each is looked at once."""
    said = []
    for name, rule in zip(roles(len(plan.options.rules)), plan.options.rules, strict=True):
        if name in values.columns and rule.decides:
            words = [word for word in values[name].unique().to_list() if word and rule.kind(word) == kind]
            said += [pl.col(name).is_in(words).fill_null(False)] if words else []
    return pl.any_horizontal(said) if said else None


def _counted_back(values: pl.DataFrame, plan: ReadingPlan) -> pl.DataFrame:
    """Rows whose status says that money went back lower revenue, whichever sign they have."""
    refund = _words(values, plan, "refund")
    if refund is None:
        return values
    return values.with_columns(
        pl.when(refund).then(-pl.col("amount").abs()).otherwise("amount").alias("amount")
    )


def _skip(plan: ReadingPlan, values: pl.DataFrame) -> pl.Expr:
    options, day = plan.options, pl.col("date")
    code = {skip: pl.lit(number + 1, dtype=pl.UInt8) for number, skip in enumerate(SKIPS)}
    expression = pl.lit(0, dtype=pl.UInt8)
    if options.ignore_refunds:
        expression = pl.when(pl.col("amount") < 0).then(code["ignored refund"]).otherwise(expression)
    if (unwanted := _words(values, plan, "no sale")) is not None:
        expression = pl.when(unwanted).then(code["excluded status"]).otherwise(expression)
    if options.currency and "currency" in values.columns:
        wanted = pl.col("currency") == options.currency.upper()
        expression = pl.when(wanted).then(expression).otherwise(code["other currency"])
    if options.since:
        expression = pl.when(day < options.since).then(code["before the since date"]).otherwise(expression)
    if options.as_of:
        expression = pl.when(day > options.as_of).then(code["after the as-of date"]).otherwise(expression)
    if options.exclude is not None:
        listed = pl.lit(options.exclude.holds(values["customer"]))
        expression = pl.when(listed).then(code["excluded customer"]).otherwise(expression)
    return expression
