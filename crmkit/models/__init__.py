"""Models of who buys again, when, and for how much: numpy in, numpy out, nothing printed.

Importing this package costs numpy and scipy, so the command line does it only where needed.
"""

from __future__ import annotations

from crmkit.models.base import Draw, PurchaseModel
from crmkit.models.bgnbd import BGNBD
from crmkit.models.cnbd import BGCNBD, MBGCNBD
from crmkit.models.fitting import Fit
from crmkit.models.mbgnbd import MBGNBD
from crmkit.models.nbd import NBD
from crmkit.models.paretonbd import ParetoNBD

PURCHASE_MODELS: dict[str, type[PurchaseModel]] = {
    model.name: model for model in (NBD, BGNBD, MBGNBD, ParetoNBD, BGCNBD, MBGCNBD)
}

__all__ = [
    "BGCNBD",
    "BGNBD",
    "MBGCNBD",
    "MBGNBD",
    "NBD",
    "PURCHASE_MODELS",
    "Draw",
    "Fit",
    "ParetoNBD",
    "PurchaseModel",
]
