"""What the first rows tell of orders and their lines: which facts are the order's, and how long a number is one order's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import polars as pl

from crmkit.errors import DataError, UsageError
from crmkit.load.account.audit import REASON
from crmkit.load.lines import Carry, Lines, is_blank
from crmkit.load.plan import ReadingPlan
from crmkit.load.values.clean import clean

ROWS = 5_000
_OF_ORDERS = ("customer", "date", "currency", "channel", "store", "group")
_NEARLY_ALL = 0.98
_LITTLE = 0.01  # of the money
_CHANCE, _SMALL_CHANCE, _TINY_CHANCE = 0.3, 0.01, 1e-4
_MOST_NUMERIC = 15
_NAMES_OF_ORDERS = (
    "ordertotal", "totalorder", "grandtotal", "invoicetotal", "totalinvoice", "orderamount", "ordervalue", "orderrevenue",
    "totalpaid", "carttotal", "baskettotal", "receipttotal", "订单金额", "订单总", "訂單總", "总金额", "總金額", "合计", "合計", "注文金額",
    "総額", "gesamtbetrag", "gesamtsumme", "totalcommande", "totalpedido", "totalordine", "주문금액", "총결제",
)  # fmt: skip
Wide = Callable[[], pl.DataFrame]


@dataclass
class Evidence:
    """What was decided about lines, and what is worth saying of it."""

    lines: Lines = field(default_factory=Lines)
    notes: list[str] = field(default_factory=list)


def lines(sample: pl.DataFrame, plan: ReadingPlan, wide: Wide, file: str) -> Evidence:
    """How the lines of orders are to be read; DataError where two readings differ by more than a little money.

    `wide` gives all columns of the first file's first rows, which is asked only where amounts repeat.
    """
    if "order" not in plan.roles or not sample.height:
        if plan.options.amount_per == "order" or plan.options.orders_restart == "daily":
            raise UsageError(
                f"{file}: there is no order column, so orders cannot be told; name it with --order COLUMN."
            )
        return Evidence()
    raw = sample.head(ROWS)
    carried = _carried(raw, plan)
    cleaned = clean(Carry(carried).filled(raw), plan)
    found = Evidence()
    once = _once(cleaned, plan, wide, file, found.notes)
    restarts = _restarts(cleaned, plan, found.notes)
    found.lines = Lines(carried=tuple(carried), once=once, restarts=restarts)
    return found


def _carried(raw: pl.DataFrame, plan: ReadingPlan) -> list[str]:
    """Columns that stand on the first line of orders only, or may do so by the layout."""
    names = [name for name in raw.columns if name in _OF_ORDERS or name.startswith("status")]
    layout = plan.options.read_as
    known = set() if layout is None else {name for name in names if name.split(" ")[0] in layout.per_order}
    goes_on = (pl.col("order") == pl.col("order").shift()).fill_null(False)
    goes_on &= ~is_blank("order", raw.schema["order"])  # rows without an order are no lines of one
    counted = raw.select(
        goes_on.sum().alias("further"),
        *((goes_on & is_blank(name, raw.schema[name])).sum().alias(f"blank {name}") for name in names),
    ).row(0, named=True)
    mostly = [name for name in names if counted[f"blank {name}"] >= max(1, 0.9 * counted["further"])]
    if mostly:
        filled = Carry(mostly).filled(raw)
        blank = [(goes_on & is_blank(name, raw.schema[name])).sum().alias(name) for name in mostly]
        mended = filled.select(blank).row(0, named=True)
        known |= {name for name in mostly if counted[f"blank {name}"] > mended[name]}
    return [name for name in names if name in known]


def _once(cleaned: pl.DataFrame, plan: ReadingPlan, wide: Wide, file: str, notes: list[str]) -> bool:
    """Whether the amount is the order's: on its first line only, or repeated on each."""
    options = plan.options
    if options.amount_per is not None or plan.amount is None or plan.amount.tree != ("column", 0):
        return options.amount_per == "order"
    name, layout = plan.amount.text, options.read_as
    if layout is not None and layout.is_per_order(name):
        return True
    orders = _orders(cleaned)
    several = orders.filter(pl.col("lines") > 1)
    if not several.height:
        return False
    first_only = (several["filled"] == 1) & several["first"]
    if first_only.mean() >= _NEARLY_ALL:  # type: ignore[operator]
        notes.append(
            f"{name} stands on the first line of each order only: it is the order's, and counted once"
        )
        return True
    same = (several["filled"] == several["lines"]) & (several["amounts"] == 1)
    if same.mean() < _NEARLY_ALL:  # type: ignore[operator]
        return False
    return _repeated(orders, several, plan, wide(), file, notes)


def _orders(cleaned: pl.DataFrame) -> pl.DataFrame:
    amount = pl.col("amount")
    keys = ["order", "customer", "date"]
    known = cleaned.filter(pl.col("order").is_not_null() & pl.col("date").is_not_null())
    return known.group_by(keys, maintain_order=True).agg(
        pl.len().alias("lines"),
        amount.is_not_null().sum().alias("filled"),
        amount.drop_nulls().n_unique().alias("amounts"),
        amount.is_not_null().first().alias("first"),
        amount.first().alias("amount"),
    )


def _repeated(
    orders: pl.DataFrame,
    several: pl.DataFrame,
    plan: ReadingPlan,
    wide: pl.DataFrame,
    file: str,
    notes: list[str],
) -> bool:
    """Amounts are equal on all lines of each order: the order's total, for all we know, unless it is chance."""
    order, name = (plan.roles[role].formula.text for role in ("order", "amount"))
    if not _differ(wide, order, several.height):
        return False
    shares = orders["amount"].value_counts(normalize=True, name="share")["share"]
    further = int(several["lines"].sum() - several.height)
    chance = float((shares**2).sum()) ** min(further, 10_000)
    said = f"{name} is the same on all lines of each of {several.height:,} orders"
    plain = name.casefold().replace(" ", "").replace("_", "")
    named = any(word in plain for word in _NAMES_OF_ORDERS) and chance < _CHANCE
    if named or (plain in ("total", "totalprice", "totalamount") and chance < _TINY_CHANCE):
        notes.append(f"{said}: it is the order's total, and counted once (--amount-per line counts each)")
        return True
    if chance >= _CHANCE and several.height < 2:
        return False
    if (proof := _adds_up(wide, name)) is not None:
        notes.append(f"{said}, and {proof} adds up to it: it is the order's total, and counted once")
        return True
    if chance >= _SMALL_CHANCE:
        return False
    once, each = (float((several["amount"] * factor).sum()) for factor in (1, several["lines"]))
    if abs(each - once) <= _LITTLE * abs(float((orders["amount"] * orders["lines"]).sum())):
        notes.append(f"{said}; if it is the order's total, say --amount-per order")
        return False
    raise DataError(
        f"{file}: {said}: as the order's total it counts once for each, as the amount of a line {each / once:.3g} times as much "
        "(in the first rows of these orders). Say --amount-per order or --amount-per line."
    )


def _differ(wide: pl.DataFrame, order: str, several: int) -> bool:
    """Whether lines of an order differ in anything: rows that are simply there twice are no lines."""
    if order not in wide.columns:
        return True
    lines = wide.unique().group_by(order).len()
    return lines.filter(pl.col("len") > 1).height * 2 >= several


def _adds_up(wide: pl.DataFrame, name: str) -> str | None:
    """What adds up to this column over the lines of orders with the same rows of it: a column, or a product of two."""
    numbers = wide.select(pl.all().cast(pl.Float64, strict=False))
    usable = [one for one in numbers.columns if one != name and numbers[one].null_count() == 0][
        :_MOST_NUMERIC
    ]
    if name not in numbers.columns or not usable:
        return None
    runs = (wide[name] != wide[name].shift()).fill_null(True).cum_sum().alias("run")
    candidates: list[tuple[tuple[str, ...], pl.Expr]] = [((one,), pl.col(one)) for one in usable]
    candidates += [((one, two), pl.col(one) * pl.col(two)) for one, two in combinations(usable, 2)]
    sums = (
        numbers.with_columns(runs)
        .group_by("run")
        .agg(
            pl.len().alias("lines"),
            pl.col(name).first().alias("whole"),
            *(what.sum().alias(f"sum {place}") for place, (_, what) in enumerate(candidates)),
        )
    )
    several = sums.filter(pl.col("lines") > 1)
    for place, (names, _) in enumerate(candidates):
        off = (several[f"sum {place}"] - several["whole"]).abs() < 0.006 * several["lines"] + 1e-9
        if several.height > 1 and off.mean() >= 0.9:  # type: ignore[operator]
            return " * ".join(names)
    return None


def _restarts(cleaned: pl.DataFrame, plan: ReadingPlan, notes: list[str]) -> bool:
    """Whether order ids begin again: most of those that come on several days are different orders."""
    if plan.options.orders_restart is not None or "date" not in plan.roles:
        return plan.options.orders_restart == "daily"
    used = cleaned.filter((pl.col(REASON) == 0) & pl.col("order").is_not_null() & (pl.col("amount") > 0))
    ids = used.group_by("order").agg(
        pl.col("date").n_unique().alias("days"),
        pl.col("customer").n_unique().alias("customers"),
        (pl.col("date").max() - pl.col("date").min()).dt.total_days().alias("span"),
    )
    again = ids.filter((pl.col("days") > 1) & (pl.col("span") > 1))
    if not again.height:
        return False
    name = plan.roles["order"].formula.text
    if _begin_at_one(used):
        most = max(again["days"].to_list())
        notes.append(
            f"{name} begins again each day ({most} days have the same number): an order is a number on one day"
        )
        return True
    mine = used.group_by("order", "customer").agg(pl.col("date").n_unique().alias("days"))
    merged = mine.filter(pl.col("days") > 1)
    if merged.height and int((merged["days"] - 1).sum()) > _LITTLE * mine.height:
        notes.append(
            f"{merged.height:,} values of {name} come on several days for one customer and count as one order each; "
            "where numbers begin again each day, say --orders-restart daily"
        )
    return False


def _begin_at_one(used: pl.DataFrame) -> bool:
    """Whether numbers start from the same small one on most days."""
    numbers = used.select(
        "date", pl.col("order").cast(pl.String).str.extract(r"^0*(\d{1,6})$", 1).cast(pl.Int64)
    )
    least = numbers.drop_nulls().group_by("date").agg(pl.col("order").min())
    return least.height > 2 and float((least["order"] <= 1).mean() or 0) >= 0.6  # type: ignore[arg-type]


def wide_columns(names: Sequence[str]) -> list[str]:
    """Columns worth a look: more than a few hundred would take time, and exports of lines have fewer."""
    return list(names)[:300]
