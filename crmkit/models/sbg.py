"""Shifted beta-geometric: contracts that end with a constant, personal probability (Fader & Hardie 2007)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from crmkit.models.bdw import Contract


@dataclass(frozen=True)
class SBG(Contract):
    """`Contract` with c = 1; Fader & Hardie's (alpha, beta) are (gamma, delta) here."""

    gamma: float
    delta: float

    name: ClassVar[str] = "sbg"
    title: ClassVar[str] = "shifted beta-geometric"
    names: ClassVar[tuple[str, ...]] = ("gamma", "delta")
    box: ClassVar[tuple[tuple[float, float], ...]] = ((1e-6, 1e6), (1e-6, 1e6))

    @classmethod
    def start(cls) -> Self:
        return cls(0.7, 1.5)
