"""Models of who buys again, when, and for how much: numpy in, numpy out, nothing printed.

Importing a model costs numpy; scipy comes in with the first quantile or chance of a count.
So each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.models.bdw import BdW
    from crmkit.models.bgbb import BGBB
    from crmkit.models.bgnbd import BGNBD
    from crmkit.models.clock import Clock, fit_clock
    from crmkit.models.cnbd import BGCNBD, MBGCNBD
    from crmkit.models.covariates import CovariateFit, fit_covariates
    from crmkit.models.early import Early, fit_early
    from crmkit.models.fitting import Fit
    from crmkit.models.gammagamma import GammaGamma, GammaGammaFrequency
    from crmkit.models.intervals import Outlook, outlook
    from crmkit.models.mbgnbd import MBGNBD
    from crmkit.models.nbd import NBD
    from crmkit.models.paretonbd import ParetoNBD
    from crmkit.models.purchase import Draw, PurchaseModel
    from crmkit.models.registry import PURCHASE_MODELS, fit_from_dict, model_from_dict
    from crmkit.models.sbg import SBG
    from crmkit.models.spend import LognormalSpend, SpendModel, Spread, fit_spend

_HOMES = {
    "purchase": ("Draw", "PurchaseModel"),
    "bdw": ("BdW",),
    "bgbb": ("BGBB",),
    "bgnbd": ("BGNBD",),
    "cnbd": ("BGCNBD", "MBGCNBD"),
    "covariates": ("CovariateFit", "fit_covariates"),
    "clock": ("Clock", "fit_clock"),
    "early": ("Early", "fit_early"),
    "fitting": ("Fit",),
    "gammagamma": ("GammaGamma", "GammaGammaFrequency"),
    "mbgnbd": ("MBGNBD",),
    "nbd": ("NBD",),
    "paretonbd": ("ParetoNBD",),
    "sbg": ("SBG",),
    "registry": ("PURCHASE_MODELS", "fit_from_dict", "model_from_dict"),
    "spend": ("LognormalSpend", "SpendModel", "Spread", "fit_spend"),
    "intervals": ("Outlook", "outlook"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

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
    "Clock",
    "CovariateFit",
    "Draw",
    "Early",
    "Fit",
    "GammaGamma",
    "GammaGammaFrequency",
    "LognormalSpend",
    "Outlook",
    "ParetoNBD",
    "PurchaseModel",
    "SpendModel",
    "Spread",
    "fit_clock",
    "fit_covariates",
    "fit_early",
    "fit_from_dict",
    "fit_spend",
    "model_from_dict",
    "outlook",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
