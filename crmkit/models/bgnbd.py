"""BG/NBD (Fader, Hardie & Lee 2005; Hardie's notes 004, 021, 027)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crmkit.models.betageometric import BetaGeometric


@dataclass(frozen=True)
class BGNBD(BetaGeometric):
    """`BetaGeometric` with k = 1, leaving only after a repeat purchase.

    P(alive) is therefore one for everybody who bought once, however long ago.
    """

    name: ClassVar[str] = "bgnbd"
    title: ClassVar[str] = "BG/NBD"
    modified: ClassVar[bool] = False
