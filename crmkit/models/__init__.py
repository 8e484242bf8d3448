"""Models of who buys again, when, and for how much: numpy in, numpy out, nothing printed.

Importing this package costs numpy and scipy, so the command line does it only where needed.
"""

from __future__ import annotations

from crmkit.models.base import Draw, PurchaseModel
from crmkit.models.bdw import BdW
from crmkit.models.bgbb import BGBB
from crmkit.models.bgnbd import BGNBD
from crmkit.models.cnbd import BGCNBD, MBGCNBD
from crmkit.models.covariates import CovariateFit, fit_covariates
from crmkit.models.fitting import Fit
from crmkit.models.gammagamma import GammaGamma
from crmkit.models.mbgnbd import MBGNBD
from crmkit.models.nbd import NBD
from crmkit.models.paretonbd import ParetoNBD
from crmkit.models.sbg import SBG
from crmkit.models.serial import fit_from_dict, model_from_dict
from crmkit.models.spend import LognormalSpend, SpendModel, fit_spend
from crmkit.models.uncertainty import Outlook, outlook

PURCHASE_MODELS: dict[str, type[PurchaseModel]] = {
    model.name: model for model in (NBD, BGNBD, MBGNBD, ParetoNBD, BGCNBD, MBGCNBD)
}

__all__ = [
    "BGBB",
    "BGCNBD",
    "BGNBD",
    "MBGCNBD",
    "MBGNBD",
    "NBD",
    "PURCHASE_MODELS",
    "SBG",
    "BdW",
    "CovariateFit",
    "Draw",
    "Fit",
    "GammaGamma",
    "LognormalSpend",
    "Outlook",
    "ParetoNBD",
    "PurchaseModel",
    "SpendModel",
    "fit_covariates",
    "fit_from_dict",
    "fit_spend",
    "model_from_dict",
    "outlook",
]
