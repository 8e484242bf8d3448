"""From orders to rows: goods, quantities, money, ids and refunds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from crmkit.sample import ids
from crmkit.sample.customers import TICKS_PER_DAY, Shop, in_test, people
from crmkit.sample.hashing import (
    GOLDEN,
    LINE,
    ORDER,
    PRODUCT,
    TASTE,
    Hashes,
    Integers,
    bits,
    hash_of,
    mix,
    table,
)
from crmkit.sample.orders import CHUNK_ORDERS, GUEST_EVERY, LINES, PERSON_BITS, TICK_SHIFT, Book

GROUPS = ("control", "test")
CHANNELS = ("web", "app", "store", "phone")
CHANNEL = table((110, 70, 60, 16))
QUANTITY = np.array((1, 2, 3, 4, 6, 12))[table((160, 52, 20, 12, 8, 4))]
WHIM_PLACES, PAIR_PLACES = 51, 51

THINGS = ("Tea", "Coffee", "Mug", "Candle", "Notebook", "Pen", "Lamp", "Scarf", "Bag", "Toy", "Clock", "Soap")
PRODUCTS = 32 * len(THINGS)
MEDIAN_PRICE, PRICE_SPREAD = 1200, 1.1


def generate(book: Book, *, chunk_orders: int = CHUNK_ORDERS) -> Iterator[pl.DataFrame]:
    """The rows of the book in frames of about `chunk_orders` orders; together the same whatever the size.

    >>> sum(frame.height for frame in generate(draw(rows=2000, seed=1)))
    2000
    """
    goods, left = _goods(), book.rows
    for begin in range(0, len(book.orders), chunk_orders):
        frame = _frame(book, goods, begin, min(begin + chunk_orders, len(book.orders)))
        if left is not None:
            frame = frame.head(left)
            left -= frame.height
        yield frame


def truth(book: Book) -> pl.DataFrame:
    """What no file holds: customer_id, group, rate and left, one row per customer.

    `rate` is orders per day of average business, without the campaign's uplift; `left` is the day on
    which the customer went for good, null for one who is still there.
    """
    numbers = np.arange(book.persons)
    found = people(book.shop, numbers[numbers % GUEST_EVERY != GUEST_EVERY - 1])
    last = book.shop.ticks - 1
    left = _stamps(replace(book.shop, times=False), np.minimum(found.left, last).astype(np.int64))
    columns = {
        "customer_id": _customer_ids(book, found.number),
        "group": pl.Series(GROUPS).gather(found.test.astype(np.int64)),
        "rate": found.rate * TICKS_PER_DAY,
        "left": left,
    }
    return pl.DataFrame(columns).with_columns(pl.when(pl.Series(found.left <= last)).then(pl.col("left")))


def assigned(book: Book) -> pl.DataFrame:
    """The campaign's groups, as they were made on its first day: customer and group of everybody who had come by then."""
    numbers = np.arange(book.persons)
    found = people(book.shop, numbers[numbers % GUEST_EVERY != GUEST_EVERY - 1])
    known = pl.Series(found.first < book.shop.campaign)
    columns = {
        "customer": _customer_ids(book, found.number),
        "group": pl.Series(GROUPS).gather(found.test.astype(np.int64)),
    }
    return pl.DataFrame(columns).filter(known)


class Goods(NamedTuple):
    """The catalogue, dearest product last, money in hundredths; `shelf` maps 16 bits to a product."""

    name: pl.Series
    price: Integers
    cost: Integers
    shelf: Integers


def _goods() -> Goods:
    """The same catalogue in every file: log-normal prices, some sold below cost, some more popular."""
    number = np.arange(PRODUCTS)
    draws = hash_of(0, PRODUCT, number)
    z = [NormalDist().inv_cdf((n + 0.5) / PRODUCTS) for n in number]
    price = np.rint(MEDIAN_PRICE * np.exp(PRICE_SPREAD * np.array(z))).astype(np.int64)
    cost = (price * (50 + bits(draws, 0, 8) * 55 // 256)) // 100
    popularity = 1 / (1 + np.argsort(np.argsort(draws))) ** 0.6
    edges = np.cumsum(popularity) / popularity.sum()
    shelf = np.minimum(np.searchsorted(edges, (np.arange(2**16) + 0.5) / 2**16), PRODUCTS - 1)
    name = pl.Series([f"{THINGS[n % len(THINGS)]} {n // len(THINGS) + 1:02d}" for n in number])
    return Goods(name, price, cost, shelf)


class LineOrigins(NamedTuple):
    """Where each row of a frame comes from: an order (`orders[slot]`), a line of it, a moment."""

    orders: Integers
    slot: Integers
    line: Integers
    tick: Integers
    sign: Integers


def _rows(book: Book, begin: int, end: int) -> LineOrigins:
    """The lines of the orders from `begin` to `end` and the refunds of that time, in the order of time."""
    back = slice(_refunds_before(book, begin), _refunds_before(book, end))
    bought = end - begin
    orders = np.concatenate([np.arange(begin, end), book.refunded[back]])
    draws = hash_of(book.shop.seed, ORDER, book.orders[orders])
    counts = LINES[bits(draws, 0, 8)]
    returned = bits(draws[bought:], 48, 8) % counts[bought:]
    counts[bought:] = 1
    slot = np.repeat(np.arange(len(orders)), counts)
    line = np.arange(len(slot)) - np.repeat(np.cumsum(counts) - counts, counts)
    line[len(line) - len(returned) :] = returned
    tick = np.concatenate([(book.orders[begin:end] >> TICK_SHIFT).astype(np.int64), book.refund_ticks[back]])
    by_time = np.argsort(tick[slot], kind="stable")
    slot = slot[by_time]
    return LineOrigins(orders, slot, line[by_time], tick[slot], np.where(slot < bought, 1, -1))


def _refunds_before(book: Book, at: int) -> int:
    """How many refunds come before order `at`; those of the same moment come after it."""
    if at == len(book.orders):
        return len(book.refunded)
    return int(np.searchsorted(book.refund_ticks, int(book.orders[at] >> TICK_SHIFT)))


def _frame(book: Book, goods: Goods, begin: int, end: int) -> pl.DataFrame:
    """One chunk of the file."""
    rows = _rows(book, begin, end)
    keys = book.orders[rows.orders]
    shared = _order_columns(book, keys, rows.orders).select(pl.all().gather(rows.slot))
    taste = bits(hash_of(book.shop.seed, TASTE, keys & PERSON_BITS), 0, 16)
    draws = hash_of(book.shop.seed, LINE, keys)
    return shared.select(
        "customer_id",
        "order_id",
        _stamps(book.shop, rows.tick).alias("order_date"),
        *_line_columns(goods, draws[rows.slot], rows, taste[rows.slot]),
        "channel",
        "group",
    )


def _order_columns(book: Book, keys: Hashes, number: Integers) -> pl.DataFrame:
    """What all lines of an order share; guests have neither id nor group."""
    shop = book.shop
    person = (keys & PERSON_BITS).astype(np.int64)
    habit = bits(hash_of(shop.seed, TASTE, person), 16, 8)
    draws = hash_of(shop.seed, ORDER, keys)
    channel = CHANNEL[np.where(bits(draws, 32, 8) < WHIM_PLACES, bits(draws, 40, 8), habit)]
    known = pl.Series(person % GUEST_EVERY != GUEST_EVERY - 1)
    columns = {
        "customer_id": _customer_ids(book, person),
        "order_id": ids.orders(shop.ids, number + 1, len(book.orders), shop.seed),
        "channel": pl.Series(CHANNELS).gather(channel),
        "group": pl.Series(GROUPS).gather(in_test(shop, person).astype(np.int64)),
    }
    return pl.DataFrame(columns).with_columns(pl.when(known).then(pl.col("customer_id", "group")))


def _line_columns(goods: Goods, draws: Hashes, rows: LineOrigins, taste: Integers) -> list[pl.Series]:
    """Product, quantity and money; some lines hold the companion (shelf neighbour) of the line above."""
    key = _line_hash(draws, rows.line)
    pair = (rows.line > 0) & (bits(key, 24, 8) < PAIR_PLACES)
    place = bits(key, 0, 16)
    place[pair] = bits(_line_hash(draws[pair], rows.line[pair] - 1), 0, 16)
    product = goods.shelf[(taste + place) >> 1] ^ pair
    quantity = QUANTITY[bits(key, 16, 8)] * rows.sign
    return [
        goods.name.gather(product).alias("product"),
        pl.Series("quantity", quantity),
        _money("unit_price", goods.price[product]),
        _money("amount", goods.price[product] * quantity),
        _money("cost", goods.cost[product] * quantity),
    ]


def _line_hash(draws: Hashes, line: Integers) -> Hashes:
    return mix(draws + line.astype(np.uint64) * np.uint64(GOLDEN))


def _money(name: str, cents: Integers) -> pl.Series:
    """Hundredths as Decimal(12, 2) by their bytes, which spares a division per value."""
    words = np.empty((len(cents), 2), np.int64)
    words[:, 0], words[:, 1] = cents, cents >> 63
    array = pa.Array.from_buffers(pa.decimal128(12, 2), len(cents), [None, pa.py_buffer(words)])
    return pl.Series(name, array)


def _customer_ids(book: Book, person: Integers) -> pl.Series:
    """Customers are numbered from 1; guests have no number."""
    most = book.persons - book.persons // GUEST_EVERY
    return ids.customers(book.shop.ids, person - person // GUEST_EVERY + 1, most, book.shop.seed)


def _stamps(shop: Shop, tick: Integers) -> pl.Series:
    """Ticks as dates, or as date-times to the minute."""
    minute = shop.minutes[tick] + (shop.start - date(1970, 1, 1)).days * 1440
    if shop.times:
        return pl.Series(minute * 60_000).cast(pl.Datetime("ms"))
    return pl.Series((minute // 1440).astype(np.int32)).cast(pl.Date)
