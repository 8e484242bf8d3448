"""What a row is worth: which column holds it, or which quantity and price make it.

An amount is what the customer paid. Columns that differ by tax, freight, fees or discounts explain each other, and
what was paid is taken; an order's total that is repeated on its lines is left for the lines' own amounts, if these
add up to it; small whole numbers beside a price are quantities. What is not explained is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial

import polars as pl

from crmkit.load.columns import names, words
from crmkit.load.columns.candidates import Candidate, merged, proposed
from crmkit.load.columns.choice import Choice, Doubt
from crmkit.load.columns.guesses import only_money
from crmkit.load.columns.look import Column, Look, equal_numbers, share
from crmkit.load.columns.relations import adds_up, is_per_order, is_what_was_paid

_LEAD = 12
_CERTAIN = 97  # a name that says outright that this is the amount
_MOSTLY = 0.98
_LARGER = 5  # times: what a price is, compared with a quantity
_MONEY = frozenset({"amount", "revenue", "total", "price", "subtotal", "grand"})
_ADDED = ("tax", "shipping", "fee")
_MOST_EXTRAS = 5


# To which order each row belongs, if that is known.
Orders = Callable[[], pl.Series | None]


@dataclass(frozen=True, eq=False)
class Worth:
    """A candidate for the amount: a column, or a formula over several, as for --amount.

    Its numbers are read where names leave a doubt only.
    """

    text: str
    why: str
    rank: int
    read: Callable[[], pl.Series]
    orders: Orders = lambda: None

    @cached_property
    def numbers(self) -> pl.Series:
        """What it says of each row."""
        return self.read()

    @cached_property
    def per_order(self) -> bool:
        """Whether it is repeated on all lines of each order."""
        orders = self.orders()
        return orders is not None and is_per_order(self.numbers, orders)


def choose(columns: Sequence[str], look: Look, orders: Orders) -> Choice | Doubt:
    """The amount's column or formula; `orders` tells of each row to which order it belongs, if that is known."""
    return _Finder(columns, look, orders).choice()


class _Finder:
    def __init__(self, columns: Sequence[str], look: Look, orders: Orders) -> None:
        self.columns = columns
        self.look = look
        self.orders = cache(orders)

    def choice(self) -> Choice | Doubt:
        found = [one for one in proposed("amount", self.columns, self.look) if not _is_number_of_pieces(one)]
        single = [self._worth(one) for one in merged(found, "amount")]
        product = self._product
        if isinstance(product, Worth):
            single = [one for one in single if self.look[one.text].is_number or not self.look.has_rows]
        if not single:
            return self._without_amount(product)
        formula = product if isinstance(product, Worth) else None
        return self._doubt_of_kind(single, formula) or self._settled(single, formula)

    def _worth(self, one: Candidate) -> Worth:
        why = f"found by its name, {one.name!r}"
        return Worth(one.name, why, one.rank, lambda: one.column.numbers, self.orders)

    @cached_property
    def _prices(self) -> list[Candidate]:
        return merged(proposed("price", self.columns, self.look, names.SURE), "price")

    @cached_property
    def _quantities(self) -> list[Candidate]:
        return merged(proposed("quantity", self.columns, self.look, names.SURE), "quantity")

    @cached_property
    def _product(self) -> Worth | Doubt | None:
        """Quantity times price, less a discount that is a part of 1."""
        if not self._quantities or not self._prices:
            return None
        for role, found in (("quantity", self._quantities), ("price", self._prices)):
            if len(found) > 1 and found[0].rank - found[1].rank < _LEAD:
                options = tuple(
                    f"{_quoted(self._quantities[0].name)} * {_quoted(one.name)}" for one in self._prices
                )
                return Doubt(
                    "amount", tuple(one.name for one in found), options[0], f"several could be the {role}"
                )
        quantity, price = self._quantities[0], self._prices[0]
        text = f"{_quoted(quantity.name)} * {_quoted(price.name)}"
        discount = self._discount()
        numbers = partial(_multiplied, quantity.column, price.column, discount)
        if discount is None:
            return Worth(text, "no amount column: quantity times price", names.SURE, numbers)
        if not _is_part(discount):
            because = f"{discount.name} is not a part of 1, and may be for the piece or for the line"
            return Doubt("amount", (text,), f"{text} - {_quoted(discount.name)}", because)
        why = f"no amount column: quantity times price, less {discount.name}"
        return Worth(f"{text} * (1 - {_quoted(discount.name)})", why, names.SURE, numbers)

    def _discount(self) -> Column | None:
        found = [
            self.look[name]
            for name in self.columns
            if any("discount" in reading for reading in words.read(name).readings)
            and self.look[name].is_number
        ]
        found = [column for column in found if (column.numbers.fill_null(0) != 0).any()]
        return found[0] if len(found) == 1 else None

    def _without_amount(self, product: Worth | Doubt | None) -> Choice | Doubt:
        if isinstance(product, Worth):
            return Choice(product.text, product.why)
        if isinstance(product, Doubt):
            return product
        if self._prices:
            named = tuple(one.name for one in self._prices)
            return Doubt("amount", named, named[0], "a price is the amount only where each row is one piece")
        return Doubt("amount")

    def _doubt_of_kind(self, single: list[Worth], product: Worth | None) -> Doubt | None:
        """An amount that looks like a quantity, or like the price of one piece."""
        first, column = single[0], self.look[single[0].text]
        if not self._quantities and self._prices and column.is_small:
            prices = [one for one in self._prices if not equal_numbers(one.column.numbers, first.numbers)]
            larger = [one for one in prices if _middle(one.column) >= _LARGER * _middle(column)]
            if larger:
                because = f"{first.text} holds small whole numbers, and {larger[0].name} looks like money"
                return Doubt("amount", (larger[0].name, first.text), larger[0].name, because)
        is_price = product is not None and any(
            equal_numbers(one.column.numbers, first.numbers) for one in self._prices
        )
        if product is not None and is_price and not equal_numbers(product.numbers, first.numbers):
            because = f"{first.text} equals the price of one piece"
            return Doubt("amount", (first.text, product.text), product.text, because)
        return None

    def _settled(self, single: list[Worth], product: Worth | None) -> Choice | Doubt:
        if product is not None and any(equal_numbers(one.numbers, product.numbers) for one in single):
            product = None
        first = single[0]
        is_alone = len(single) == 1 and product is None
        if not is_alone and first.per_order:
            lines = [one for one in single if not one.per_order and one.rank >= names.SURE]
            lines += [product] if product is not None else []
            if lines:
                return self._by_line(first, lines)
        if not is_alone:
            single = [one for one in single if one.per_order == first.per_order]
            single = self._explained(single)
        first = single[0]
        close = [one for one in single if first.rank - one.rank < _LEAD]
        if len(close) > 1:
            return Doubt("amount", tuple(one.text for one in close), first.text)
        if product is not None and first.rank < _CERTAIN and not self._follows(first, product):
            because = f"{first.text} is not {product.text}"
            return Doubt("amount", (first.text, product.text), first.text, because)
        if first.rank < names.SURE and only_money(self.columns, self.look) != first.text:
            return Doubt("amount", (first.text,), first.text, f"{first.text} is not a sure name for it")
        return Choice(first.text, first.why)

    def _by_line(self, first: Worth, lines: list[Worth]) -> Choice | Doubt:
        """The lines' own amounts, where the order's total is repeated on each of its lines."""
        orders = self.orders()
        assert orders is not None
        because = f"{first.text} is the same on all lines of an order"
        for line in lines:
            if adds_up(line.numbers, first.numbers, orders):
                return Choice(
                    line.text, f"adds up to {first.text}, which is the same on all lines of an order"
                )
        extras = [(extra, 1) for extra in self._extras(_ADDED)] + [
            (extra, -1) for extra in self._extras(("discount",))
        ]
        if any(adds_up(line.numbers, first.numbers, orders, extras) for line in lines):
            return Choice(first.text, f"{because}: what they add up to, with freight, tax and discounts")
        texts = tuple(one.text for one in (first, *lines))
        return Doubt("amount", texts, first.text, because)

    def _follows(self, total: Worth, product: Worth) -> bool:
        """Whether the total is the product with tax, freight, fees or discounts, if there is anything to compare."""
        if not (total.numbers - product.numbers).drop_nulls().len():
            return True
        added, taken = self._extras(_ADDED), self._extras(("discount",))
        return is_what_was_paid(total.numbers, product.numbers, added, taken)

    def _explained(self, single: list[Worth]) -> list[Worth]:
        """Without those from which another follows by tax, freight, fees and discounts: that one was paid."""
        single = _without_net(single)
        added, taken = self._extras(_ADDED), self._extras(("discount",))
        kept = list(single)
        for one in single:
            for other in kept:
                if other is not one and is_what_was_paid(other.numbers, one.numbers, added, taken):
                    kept.remove(one)
                    break
        return kept

    def _extras(self, meanings: Sequence[str]) -> list[pl.Series]:
        found = [
            self.look[name].numbers
            for name in dict.fromkeys(self.columns)
            if any(set(meanings) & reading for reading in words.read(name).readings)
            and self.look[name].is_number
        ]
        return found[:_MOST_EXTRAS]


def _without_net(single: list[Worth]) -> list[Worth]:
    """Without net amounts, where the same is there with tax or fees: net and gross *sales* differ by discounts."""
    said = {one.text: set().union(*words.read(one.text).readings) for one in single}
    gross = [one for one in single if "gross" in said[one.text] and "sale" not in said[one.text]]
    return [
        one
        for one in single
        if "net" not in said[one.text]
        or not any(
            said[other.text] - {"gross"} == said[one.text] - {"net"}
            and share(other.numbers >= one.numbers) >= _MOSTLY
            for other in gross
        )
    ]


def _is_number_of_pieces(one: Candidate) -> bool:
    """`Sold` may be money or pieces: small whole numbers are pieces, unless the name speaks of money."""
    readings = words.read(one.name).readings
    return not any(reading & _MONEY for reading in readings) and one.column.is_small


def _middle(column: Column) -> float:
    return float(column.numbers.abs().median() or 0)  # type: ignore[arg-type]


def _multiplied(quantity: Column, price: Column, discount: Column | None) -> pl.Series:
    product = quantity.numbers * price.numbers
    return product if discount is None else product * (1 - discount.numbers).fill_null(1.0)


def _is_part(discount: Column) -> bool:
    return bool(discount.numbers.drop_nulls().is_between(0, 1).all())


def _quoted(name: str) -> str:
    """A column's name as a formula takes it."""
    if re.fullmatch(r"[^\W\d][\w.]*", name):
        return name
    return f'"{name}"' if '"' not in name else f"`{name}`"
