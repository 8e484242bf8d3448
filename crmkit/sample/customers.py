"""When people come, how often they buy and when they leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

import numpy as np

from crmkit.sample.hashing import (
    GAPS,
    GOLDEN,
    PERSON,
    RATE,
    STAY,
    Flags,
    Floats,
    Hashes,
    Integers,
    bits,
    hash_of,
    mix,
    uniform,
)

RATE_SHAPE = 0.5
STAY_SHAPE, STAY_SCALE_DAYS = 0.7, 90.0
EARLINESS = 1.5
TEST_SHARE, UPLIFT, CAMPAIGN_AT = 0.7, 0.15, 0.75

TICKS_PER_DAY = 600
MONTH_WEIGHTS = (0.85, 0.8, 0.9, 0.95, 1.0, 0.95, 0.9, 0.85, 1.0, 1.05, 1.3, 1.9)
WEEKDAY_WEIGHTS = (0.9, 0.85, 0.9, 1.0, 1.2, 1.35, 0.8)
# By these shares of a day's business, so many minutes of the day have passed.
BUSINESS, MINUTES = (0.0, 0.05, 0.35, 0.55, 0.9, 1.0), (0, 480, 780, 1020, 1320, 1439)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """What is the same for the whole file; `rate` is the mean number of orders per person and tick."""

    seed: int
    start: date
    end: date
    rate: float = 0.0
    ids: str = "short"
    times: bool = False

    @cached_property
    def minutes(self) -> Integers:
        """The minute since the start for every tick of the shop's clock."""
        days = [self.start + timedelta(n) for n in range((self.end - self.start).days + 1)]
        busy = [MONTH_WEIGHTS[day.month - 1] * WEEKDAY_WEIGHTS[day.weekday()] for day in days]
        ticks = np.rint(np.array(busy) * TICKS_PER_DAY).astype(np.int64)
        day = np.repeat(np.arange(len(days)), ticks)
        within = np.arange(len(day)) - np.repeat(np.cumsum(ticks) - ticks, ticks)
        return day * 1440 + np.interp((within + 0.5) / ticks[day], BUSINESS, MINUTES).astype(np.int64)

    @property
    def ticks(self) -> int:
        """Length of the window on the shop's clock."""
        return len(self.minutes)

    @property
    def campaign(self) -> int:
        """The tick at which the campaign begins."""
        return int(self.ticks * CAMPAIGN_AT)


class People(NamedTuple):
    """The hidden truth about some people; moments in ticks, rates in orders per tick."""

    number: Integers
    first: Floats
    left: Floats
    rate: Floats
    test: Flags


def people(shop: Shop, numbers: Integers) -> People:
    """Draw first purchase, stay and rate; Exp(1) cos²(2πu) is gamma distributed with shape 1/2."""
    pace = hash_of(shop.seed, RATE, numbers)
    angle = bits(pace, 0, 20) * 2.0**-20
    gamma = -np.log(uniform(pace)) * np.cos(2 * np.pi * angle) ** 2
    first = uniform(hash_of(shop.seed, PERSON, numbers)) ** EARLINESS * shop.ticks
    odds = uniform(hash_of(shop.seed, STAY, numbers)) ** (-1 / STAY_SHAPE) - 1
    left = first + odds * STAY_SCALE_DAYS * TICKS_PER_DAY
    return People(numbers, first, left, gamma * shop.rate / RATE_SHAPE, in_test(shop, numbers))


def in_test(shop: Shop, numbers: Integers) -> Flags:
    """Which people belong to the campaign's test group."""
    return bits(hash_of(shop.seed, PERSON, numbers), 0, 11) < TEST_SHARE * 2**11


def mean_exposure(shop: Shop) -> float:
    """Mean ticks in which a person may buy again, those under the campaign's uplift counted higher.

    A pilot draw of 65,536 people says it.
    """
    pilot = people(shop, np.arange(1 << 16))
    stop = np.minimum(pilot.left, shop.ticks)
    treated = pilot.test * np.maximum(stop - np.maximum(pilot.first, shop.campaign), 0)
    return float((stop - pilot.first + UPLIFT * treated).mean())


def purchases(shop: Shop, buyers: People) -> Hashes:
    """All orders of some people as `tick << 32 | person`; one person in one tick makes one order.

    Test members are drawn at the higher rate throughout and thinned before the campaign.
    """
    number, when = buyers.number, buyers.first
    step = 1 / (buyers.rate * np.where(buyers.test, 1 + UPLIFT, 1.0))
    stop = np.minimum(buyers.left, shop.ticks)
    thinned = buyers.test
    gaps = hash_of(shop.seed, GAPS, number)
    found = [_keys(when, number)]
    while len(number):
        gaps = gaps + np.uint64(GOLDEN)
        draws = mix(gaps.copy())
        later = when - np.log(uniform(draws)) * step
        wanted = ~thinned | (later >= shop.campaign) | (bits(draws, 0, 11) < 2**11 / (1 + UPLIFT))
        inside = later < stop
        kept = inside & wanted & (np.floor(later) != np.floor(when))
        found.append(_keys(later[kept], number[kept]))
        number, when, step = number[inside], later[inside], step[inside]
        stop, thinned, gaps = stop[inside], thinned[inside], gaps[inside]
    return np.concatenate(found)


def _keys(when: Floats, number: Integers) -> Hashes:
    return (when.astype(np.uint64) << np.uint64(32)) | number.astype(np.uint64)
