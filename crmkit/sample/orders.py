"""The book of all orders in the order of time, 8 bytes each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from crmkit.errors import UsageError
from crmkit.sample.customers import TICKS_PER_DAY, Shop, mean_exposure, people, purchases
from crmkit.sample.hashing import ORDER, Hashes, Integers, bits, hash_of, table

START, END = date(2023, 1, 1), date(2024, 12, 31)
ROWS_PER_PERSON = 10.0
GUEST_EVERY = 32
LINES = table((110, 62, 36, 22, 12, 7, 4, 3)) + 1
REFUND_PLACES, REFUND_DAYS = 10, (3, 28)
SHORTEST_DAYS = 28

CHUNK_ORDERS = 1 << 18
CHUNK_PEOPLE = 1 << 18
PERSON_BITS = np.uint64(2**32 - 1)
TICK_SHIFT = np.uint64(32)


@dataclass(frozen=True)
class Book:
    """Every order of the file as `tick << 32 | person`, and which of them come back when."""

    shop: Shop
    orders: Hashes
    refunded: Integers
    refund_ticks: Integers
    rows: int | None

    @cached_property
    def persons(self) -> int:
        """How many people, guests included, have bought."""
        return int((self.orders & PERSON_BITS).max()) + 1


def draw(
    rows: int | None = None,
    *,
    customers: int | None = None,
    seed: int = 1,
    start: date = START,
    end: date = END,
    ids: str = "short",
    times: bool = False,
) -> Book:
    """Decide who buys when: exactly `rows` rows, or the rows of exactly `customers` customers.

    With both, exactly `customers` customers buy as often as makes about `rows` rows. `ids` is how those
    of customers and orders look: one of `ids.STYLES`, or `numbers`; with `times` the date carries the time of day.
    """
    _refuse(rows, customers, start, end)
    shop = Shop(seed=seed, start=start, end=end, ids=ids, times=times)
    persons = None if customers is None else customers + (customers - 1) // (GUEST_EVERY - 1)
    rows_each = ROWS_PER_PERSON if rows is None or persons is None else rows / persons
    shop = replace(shop, rate=_rate(shop, rows_each))
    orders = _orders_of(shop, persons) if persons else _orders_for(shop, rows or 0)
    refunded, ticks = _refunds(shop, orders)
    return Book(shop, orders, refunded, ticks, None if persons else rows)


def _refuse(rows: int | None, customers: int | None, start: date, end: date) -> None:
    sizes = [size for size in (rows, customers) if size is not None]
    if not sizes:
        raise UsageError("A sample needs a size, and none was given. Give --rows or --customers.")
    if min(sizes) < 1:
        raise UsageError(f"A sample cannot have {min(sizes)} rows or customers. Give a number from 1 on.")
    if (end - start).days < SHORTEST_DAYS:
        raise UsageError(
            f"The window from {start} to {end} is too short for customers to come back. "
            f"Give --start and --end at least {SHORTEST_DAYS} days apart."
        )


def _rate(shop: Shop, rows_each: float) -> float:
    """The mean rate at which a person makes `rows_each` rows."""
    rows_per_order = float(LINES.mean()) + 0.95 * REFUND_PLACES / 256
    if rows_each <= rows_per_order:
        raise UsageError(
            f"{rows_each:.2f} rows per customer are too few: each buys at least once, which makes "
            f"{rows_per_order:.2f} rows. Give more --rows or fewer --customers."
        )
    return (rows_each / rows_per_order - 1) / mean_exposure(shop)


def _orders_of(shop: Shop, persons: int) -> Hashes:
    """All orders of the first `persons` people, in the order of time."""
    found = [
        purchases(shop, people(shop, np.arange(begin, min(begin + CHUNK_PEOPLE, persons))))
        for begin in range(0, persons, CHUNK_PEOPLE)
    ]
    return _sorted(found)


def _orders_for(shop: Shop, rows: int) -> Hashes:
    """The orders of as many people as make `rows` rows, or part of one order more, in the order of time."""
    found, done, left = [], 0, rows
    while left > 0:
        size = min(CHUNK_PEOPLE, int(left / ROWS_PER_PERSON) + 1024)
        orders = purchases(shop, people(shop, np.arange(done, done + size)))
        counts = _row_counts(shop, orders)
        if counts.sum() > left:
            by_person = np.argsort((orders << TICK_SHIFT) | (orders >> TICK_SHIFT))
            enough = int(np.searchsorted(np.cumsum(counts[by_person]), left)) + 1
            orders = orders[by_person[:enough]]
        found.append(orders)
        done, left = done + size, left - int(counts.sum())
    return _sorted(found)


def _sorted(found: list[Hashes]) -> Hashes:
    orders = np.concatenate(found)
    orders.sort()
    return orders


def _row_counts(shop: Shop, orders: Hashes) -> Integers:
    """Rows that each order makes: its lines, and one for a refund within the window."""
    draws = hash_of(shop.seed, ORDER, orders)
    return LINES[bits(draws, 0, 8)] + (_refund_ticks(shop, orders, draws) < shop.ticks)


def _refund_ticks(shop: Shop, orders: Hashes, draws: Hashes) -> Integers:
    """The tick at which a line of each order comes back, `shop.ticks` for never."""
    soonest, latest = REFUND_DAYS
    days = soonest + bits(draws, 16, 16) * ((latest - soonest) / 2**16)
    ticks = (orders >> TICK_SHIFT).astype(np.int64) + (days * TICKS_PER_DAY).astype(np.int64)
    back = bits(draws, 8, 8) < REFUND_PLACES
    return np.where(back, np.minimum(ticks, shop.ticks), shop.ticks)


def _refunds(shop: Shop, orders: Hashes) -> tuple[Integers, Integers]:
    """Which orders come back, by place in `orders`, and when; in the order of time."""
    found = [_refunds_from(shop, orders, begin) for begin in range(0, len(orders), CHUNK_ORDERS)]
    order, tick = (np.concatenate(column) for column in zip(*found, strict=True))
    by_time = np.argsort(tick, kind="stable")
    return order[by_time], tick[by_time]


def _refunds_from(shop: Shop, orders: Hashes, begin: int) -> tuple[Integers, Integers]:
    chunk = orders[begin : begin + CHUNK_ORDERS]
    ticks = _refund_ticks(shop, chunk, hash_of(shop.seed, ORDER, chunk))
    back = np.flatnonzero(ticks < shop.ticks)
    return back + begin, ticks[back]
