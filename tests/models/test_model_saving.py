"""A fit survives JSON, and a garbled file is refused in words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crmkit.errors import ModelError
from crmkit.models import BGBB, SBG, BdW, GammaGamma, LognormalSpend, fit_from_dict, model_from_dict
from tests.models.model_cases import MODELS, each_model

OTHERS = [BGBB(1, 2, 3, 4), SBG(1, 2), BdW(1, 2, 1.5), GammaGamma(6, 4, 15), LognormalSpend(30, 0.3, 0.4)]


@pytest.mark.parametrize("model", MODELS + OTHERS, ids=lambda model: model.name)
def test_every_model_comes_back(model):
    assert model_from_dict(json.loads(json.dumps(model.to_dict()))) == model


@each_model
def test_a_fit_comes_back_with_its_covariance(model):
    drawn = model.draw(np.random.default_rng(1), np.full(800, 40.0))
    fit = type(model).fit(*drawn[:3])
    text = json.dumps(fit.to_dict())
    back = fit_from_dict(json.loads(text))
    assert len(text) < 1500
    assert back.model == fit.model and back.standard_errors == fit.standard_errors
    assert (back.log_covariance == fit.log_covariance).all()
    assert (back.aic, back.bic, back.notes) == (fit.aic, fit.bic, fit.notes)


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"model": "gompertz", "params": {}},
        {"model": "nbd", "params": {"r": 1.0}},
        {"model": "nbd", "params": {"r": 1.0, "alpha": "much"}},
        {"model": "nbd", "params": {"r": 1.0, "alpha": -2.0}},
        {"model": "nbd", "params": None},
    ],
)
def test_garbled_models_are_refused(saved):
    with pytest.raises(ModelError):
        model_from_dict(saved)


@pytest.mark.parametrize(
    "change", [{"log_covariance": [[1.0]]}, {"log_covariance": "x"}, {"identified": [True]}]
)
def test_garbled_fits_are_refused(change):
    good = MODELS[0].fit([0, 1, 2], [0, 3, 9], 10.0).to_dict()
    with pytest.raises(ModelError):
        fit_from_dict(good | change)
    with pytest.raises(ModelError, match="incomplete"):
        fit_from_dict({key: value for key, value in good.items() if key != "free"})
