"""MBG/NBD (Batislam, Denizel & Filiztekin 2007; Wagner & Hoppe 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmkit.models.betageometric import BetaGeometric


@dataclass(frozen=True)
class MBGNBD(BetaGeometric):
    """`BetaGeometric` with k = 1, leaving also right after the first purchase."""

    name: ClassVar[str] = "mbgnbd"
    title: ClassVar[str] = "MBG/NBD"
    modified: ClassVar[bool] = True
