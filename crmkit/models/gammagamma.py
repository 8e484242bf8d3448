"""Gamma-Gamma spend (Colombo & Jiang 1999; Fader & Hardie, note 025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, zeta

from crmkit.errors import ModelError
from crmkit.models.nbd import LARGE_SHAPE
from crmkit.models.numerics.derivatives import WithDerivatives, empty, mirror
from crmkit.models.numerics.ranks import ranked
from crmkit.models.spend import ONLY_MEANS, Moments, SpendModel
from crmkit.models.weighted import columns

Array = np.ndarray

THIN_TAIL = 0.25  # q + px − 2 is taken as at least this, lest a variance be infinite


@dataclass(frozen=True)
class GammaGamma(SpendModel):
    """Amounts ~ Gamma(p, rate ν) within a customer, ν ~ Gamma(q, rate gamma) between customers."""

    p: float
    q: float
    gamma: float

    name: ClassVar[str] = "gammagamma"
    title: ClassVar[str] = "Gamma-Gamma"
    names: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")
    powers: ClassVar[tuple[int, ...]] = (0, 0, 1)
    box: ClassVar[tuple[tuple[float, float], ...]] = ((1e-6, 1e6), (1e-6, 1e6), (1e-9, 1e9))

    @classmethod
    def start(cls) -> Self:
        return cls(2.0, 3.0, 1.0)

    def jet(self, x: Array, m: Array) -> WithDerivatives:
        """With n = px and G = mx/(gamma + mx): n log G + q log(1−G) − log m − log B(n, q)."""
        q, n, odds = self.q, self.p * x, m * x / self.gamma
        G, both = odds / (1 + odds), -np.log1p(odds)
        kinds, where = ranked(n)
        d_n, d_whole = digamma(kinds)[where], digamma(kinds + q)[where]
        t_n, t_whole = zeta(2, kinds)[where], zeta(2, kinds + q)[where]
        jet = empty(3, len(x))
        jet.value[:] = n * (np.log(odds) + both) + q * both - np.log(m) - betaln(kinds, q)[where]
        jet.gradient[0] = n * (d_whole - d_n + np.log(odds) + both)
        jet.gradient[1] = q * (d_whole - digamma(q) + both)
        jet.gradient[2] = q * G - n * (1 - G)
        jet.hessian[0, 0] = jet.gradient[0] + n**2 * (t_whole - t_n)
        jet.hessian[0, 1], jet.hessian[0, 2] = n * q * t_whole, -n * (1 - G)
        jet.hessian[1, 1] = jet.gradient[1] + q**2 * (t_whole - zeta(2, q))
        jet.hessian[1, 2] = q * G
        jet.hessian[2, 2] = -(n + q) * G * (1 - G)
        mirror(jet.hessian)
        return jet

    def limit_notes(self) -> list[str]:
        notes = []
        if self.q <= 1:
            notes.append(f"Gamma-Gamma has q = {self.q:.3g}, so its mean amount is infinite; do not use it.")
        if self.q > LARGE_SHAPE:
            notes.append(
                f"The mean amounts of customers do not differ by more than chance may explain{ONLY_MEANS}, so "
                f"everybody is expected to spend {self.p * self.gamma / self.q:.4g} (q and gamma grow without bound)."
            )
        if self.p > LARGE_SHAPE:
            notes.append("A customer always spends the same amount (p grows without bound).")
        return notes

    @property
    def mean(self) -> float:
        """The mean amount over all customers, p·gamma/(q − 1)."""
        if self.q <= 1:
            raise ModelError(f"Gamma-Gamma has no finite mean amount when q <= 1; here q = {self.q:.4g}.")
        return self.p * self.gamma / (self.q - 1)

    def moments(self, x: ArrayLike, m: ArrayLike) -> Moments:
        """Given x and m, ν is Gamma(px + q, gamma + mx); E(M) = p (gamma + mx)/(px + q − 1)."""
        x, m = columns(x, m)
        known = (x > 0) & (m > 0)
        x, m = np.where(known, x, 0.0), np.where(known, m, 0.0)
        if self.q <= 1 and not known.all():
            raise ModelError(f"Gamma-Gamma has no finite mean amount when q <= 1; here q = {self.q:.4g}.")
        shape, scale = self.p * x + self.q, self.gamma + m * x
        mean = self.p * scale / (shape - 1)
        mean_square = self.p**2 * scale**2 / ((shape - 1) * np.maximum(shape - 2, THIN_TAIL))
        return Moments(mean, mean_square * (1 + 1 / self.p), mean_square)

    def draw(self, rng: np.random.Generator, x: ArrayLike) -> Array:
        (x,) = columns(x)
        rate = rng.gamma(self.q, 1.0, len(x)) / self.gamma
        total = rng.gamma(self.p * np.maximum(x, 1)) / rate
        return np.where(x > 0, total / np.maximum(x, 1), 0.0)


@dataclass(frozen=True)
class GammaGammaFrequency(GammaGamma):
    """Gamma-Gamma whose amounts grow with the number of purchases: `doubling` is their factor at twice as many.

    m · doubling^−u is Gamma-Gamma, u = log2 x; the scale of a customer with x amounts is
    gamma · doubling^u.
    """

    doubling: float

    name: ClassVar[str] = "gammagammafrequency"
    title: ClassVar[str] = "Gamma-Gamma by frequency"
    names: ClassVar[tuple[str, ...]] = ("p", "q", "gamma", "doubling")
    powers: ClassVar[tuple[int, ...]] = (0, 0, 1, 0)
    box: ClassVar[tuple[tuple[float, float], ...]] = (*GammaGamma.box, (1e-2, 1e2))

    @classmethod
    def start(cls) -> Self:
        return cls(2.0, 3.0, 1.0, 1.0)

    def _growth(self, x: Array) -> Array:
        """The logarithm to the base 2 of the number of amounts, and the factor that it comes to."""
        u = np.log2(np.maximum(x, 1.0))
        return np.stack([u, self.doubling**u])

    def jet(self, x: Array, m: Array) -> WithDerivatives:
        """The derivative in log doubling is u times that in log gamma; log m stays as it is."""
        u, growth = self._growth(x)
        plain = super().jet(x, m / growth)
        jet = empty(4, len(x))
        jet.value[:] = plain.value - np.log(growth)
        jet.gradient[:3], jet.gradient[3] = plain.gradient, u * plain.gradient[2]
        jet.hessian[:3, :3], jet.hessian[:3, 3] = plain.hessian, u * plain.hessian[:, 2]
        jet.hessian[3, 3] = u**2 * plain.hessian[2, 2]
        mirror(jet.hessian)
        return jet

    def moments(self, x: ArrayLike, m: ArrayLike) -> Moments:
        x, m = columns(x, m)
        growth = self._growth(np.where((x > 0) & (m > 0), x, 1.0))[1]
        found = super().moments(x, m / growth)
        return Moments(found.mean * growth, found.square * growth**2, found.mean_square * growth**2)

    def draw(self, rng: np.random.Generator, x: ArrayLike) -> Array:
        (x,) = columns(x)
        return super().draw(rng, x) * self._growth(x)[1]
