"""All models by name, and models and fits from the plain dictionaries that `to_dict` makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from crmkit.errors import ModelError
from crmkit.models.bdw import BdW
from crmkit.models.bgbb import BGBB
from crmkit.models.bgnbd import BGNBD
from crmkit.models.cnbd import BGCNBD, MBGCNBD
from crmkit.models.early import Early
from crmkit.models.fitting import Fit
from crmkit.models.gammagamma import GammaGamma, GammaGammaFrequency
from crmkit.models.mbgnbd import MBGNBD
from crmkit.models.model import Model
from crmkit.models.nbd import NBD
from crmkit.models.paretonbd import ParetoNBD
from crmkit.models.purchase import PurchaseModel
from crmkit.models.sbg import SBG
from crmkit.models.spend import LognormalSpend

_PURCHASE: tuple[type[PurchaseModel], ...] = (NBD, BGNBD, MBGNBD, ParetoNBD, BGCNBD, MBGCNBD)
PURCHASE_MODELS = {kind.name: kind for kind in _PURCHASE}
_OTHERS: tuple[type[Model], ...] = (BGBB, SBG, BdW, GammaGamma, GammaGammaFrequency, LognormalSpend)
BY_NAME: dict[str, type[Model]] = {**PURCHASE_MODELS, **{kind.name: kind for kind in _OTHERS}}


def model_from_dict(saved: Mapping[str, Any]) -> Any:
    """The model that `Model.to_dict` or `Fit.to_dict` described; ModelError if it is none of ours."""
    kind = BY_NAME.get(str(saved.get("model")))
    if kind is None:
        raise ModelError(f"There is no model named {saved.get('model')!r}; there are {', '.join(BY_NAME)}.")
    try:
        extra = {"k": int(saved["k"])} if "k" in saved else {}
        params = {name: float(saved["params"][name]) for name in kind.names}
        model = kind(**params, **extra)
        if "early" in saved and isinstance(model, PurchaseModel):
            own = saved["early"]
            return Early(model, float(own["factor"]), float(own["tau"]), (), ())
        return model
    except (KeyError, TypeError, ValueError) as problem:
        raise ModelError(
            f"The saved {kind.title} model lacks or garbles a parameter: {problem}."
        ) from problem


def fit_from_dict(saved: Mapping[str, Any]) -> Fit:
    """The fit that `Fit.to_dict` described; ModelError if something is missing or does not match."""
    model = model_from_dict(saved)
    p = len(model.names)
    try:
        fit = Fit(
            name=str(saved["asked"]),
            model=model,
            log_likelihood=float(saved["log_likelihood"]),
            customers=float(saved["customers"]),
            free=int(saved["free"]),
            log_covariance=np.array(saved["log_covariance"], float),
            identified=tuple(bool(one) for one in saved["identified"]),
            notes=tuple(str(note) for note in saved["notes"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise ModelError(f"The saved fit is incomplete or garbled: {problem}.") from problem
    if (
        fit.log_covariance.shape != (p, p)
        or not np.isfinite(fit.log_covariance).all()
        or len(fit.identified) != p
    ):
        raise ModelError(
            f"The saved fit's covariance does not belong to the {p} parameters of {model.title}."
        )
    return fit
