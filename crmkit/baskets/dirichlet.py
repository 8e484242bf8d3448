"""The NBD-Dirichlet: what brands of these market shares would do if buyers were alike but for what chance gives them.

Purchases of the category are Poisson with rates that are gamma (NBD: mean M, shape K), and the brand of each purchase
follows chances that are Dirichlet over buyers, with the market shares for means and S for strength: near 0 everybody
keeps to one brand, large S has everybody buy all brands alike. Goodhardt, Ehrenberg & Chatfield, "The Dirichlet: a
comprehensive model of buying behaviour", JRSS A 147 (1984); Ehrenberg, Uncles & Goodhardt, "Understanding brand
performance measures", Journal of Business Research 57 (2004).

A file of sales knows nobody who bought nothing, so the NBD is fitted to the numbers above zero (truncated, by maximum
likelihood: Sampford, Biometrika 42, 1955), and everything here is a part of those who bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import gammaln, hyp2f1

Array = np.ndarray

# Beyond these bounds nothing changes that anybody could see.
SHAPES = (1e-3, 100.0)
STRENGTHS = (1e-2, 1e4)
_ODDS = (1e-12, 1e12)
# Above that the library's function has no answer for some shares, and the sum is made here.
_STRONG = 100.0
_MOST_TERMS = 100_000
_NOTHING = 1e-12


@dataclass(frozen=True)
class Norm:
    """`mean` M and `shape` K of the purchases of everybody, also those who bought nothing; `strength` S of the choice."""

    mean: float
    shape: float
    strength: float

    def none_of(self, share: Array) -> Array:
        """The chance to buy no brand of some that have this part of the market together.

        With a part p of the purchases theirs, it is (1 + p M/K)^-K; p is Beta(S share, S (1 - share)), over which
        that is Gauss's hypergeometric function, here as a sum without negative terms.
        """
        odds, others = self.mean / self.shape, self.strength * (1 - np.asarray(share, float))
        never = (1 + odds) ** -self.shape
        if self.strength > _STRONG:
            chance = self._added(others, never, odds / (1 + odds))
        else:
            chance = never * hyp2f1(self.shape, others, self.strength, odds / (1 + odds))
        return np.asarray(np.clip(chance, 0.0, 1.0))

    def _added(self, others: Array, never: float, part: float) -> Array:
        """The same sum over the number of purchases, up to where nobody buys so much."""
        term, total = np.full(others.shape, never), np.full(others.shape, never)
        chance, left, n = never, 1 - never, 0
        while left > _NOTHING and n < _MOST_TERMS:
            more = part * (self.shape + n) / (n + 1)
            term = term * more * (others + n) / (self.strength + n)
            chance *= more
            total, left, n = total + term, left - chance, n + 1
        return total

    @property
    def buyers(self) -> float:
        """The part of everybody who bought anything."""
        return float(-np.expm1(-self.shape * np.log1p(self.mean / self.shape)))

    def penetration(self, share: Array) -> Array:
        """The part of all buyers who buy the brand."""
        return np.asarray((1 - self.none_of(share)) / self.buyers)

    def per_buyer(self, share: Array) -> Array:
        """Purchases of the brand for each of its buyers."""
        return np.asarray(self.mean * share / (1 - self.none_of(share)))

    def sole(self, share: Array) -> Array:
        """The part of the brand's buyers who buy no other."""
        bought = 1 - self.none_of(share)
        return np.asarray((self.none_of(1 - share) - (1 - self.buyers)) / bought)

    def both(self, share: Array, other: Array) -> Array:
        """The part of all buyers who buy the one brand and the other; two brands are as good as one of both shares."""
        together = np.minimum(share + other, 1.0)
        none = self.none_of(share) + self.none_of(other) - self.none_of(together)
        return np.asarray((1 - none) / self.buyers)


def fit(purchases: Array, customers: Array, share: Array, penetration: Array) -> Norm:
    """The norm of a market in which so many `customers` made so many `purchases`; brands by market share.

    S is where the penetrations, weighted by market share, add up to those of the model.
    """
    shape = _shape(purchases.astype(float), customers.astype(float))
    mean = shape * _odds(shape, float(purchases @ customers / customers.sum()))
    return Norm(mean, shape, strength(mean, shape, share, penetration))


def strength(mean: float, shape: float, share: Array, penetration: Array) -> float:
    """S, from penetrations among buyers."""

    def excess(logarithm: float) -> float:
        norm = Norm(mean, shape, float(np.exp(logarithm)))
        return float(share @ (norm.penetration(share) - penetration))

    return _between(excess, STRENGTHS)


def _shape(purchases: Array, customers: Array) -> float:
    """K, at which the numbers of purchases are likeliest, their mean being what it is."""
    average = float(purchases @ customers / customers.sum())
    unlikely = partial(_unlikely, purchases=purchases, customers=customers, average=average)
    found = minimize_scalar(unlikely, bounds=tuple(np.log(SHAPES)), method="bounded")
    return float(np.exp(found.x))


def _unlikely(logarithm: float, purchases: Array, customers: Array, average: float) -> float:
    """Minus the logarithm of the likelihood, of those who bought, but for what is the same for all K."""
    shape = float(np.exp(logarithm))
    odds = _odds(shape, average)
    never = -shape * np.log1p(odds)
    chance = gammaln(shape + purchases) - gammaln(shape) + purchases * np.log(odds / (1 + odds)) + never
    return float(customers @ (np.log(-np.expm1(never)) - chance))


def _odds(shape: float, average: float) -> float:
    """M/K at which buyers make so many purchases on average."""

    def excess(logarithm: float) -> float:
        odds = float(np.exp(logarithm))
        return float(odds * shape / -np.expm1(-shape * np.log1p(odds)) - average)

    return _between(excess, _ODDS)


def _between(rising, bounds: tuple[float, float]) -> float:  # type: ignore[no-untyped-def]
    """Where a function of the logarithm is zero, or the bound that is nearest to it."""
    low, high = np.log(bounds)
    if rising(low) >= 0:
        return bounds[0]
    if rising(high) <= 0:
        return bounds[1]
    return float(np.exp(brentq(rising, low, high, xtol=1e-12)))
