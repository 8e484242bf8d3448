"""A fitted model in a file of JSON, so that tonight's customers can be scored with last month's fit."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from crmkit.errors import CrmkitError, DataError
from crmkit.forecast.selection import UNITS
from crmkit.models import PURCHASE_MODELS, Fit, fit_from_dict

SCHEMA = 1


class Saved(NamedTuple):
    """What a model file holds: the fits, the unit of time, and the day up to which they had learnt."""

    fit: Fit
    spend: Fit | None
    unit: str
    as_of: date | None

    def to_json(self) -> str:
        """The file's text."""
        content = {
            "crmkit_model": SCHEMA,
            "unit": self.unit,
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
            "purchases": self.fit.to_dict(),
            "spend": None if self.spend is None else self.spend.to_dict(),
        }
        return json.dumps(content) + "\n"


def read(path: str) -> Saved:
    """The model in a file; DataError if it cannot be read or is something else."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: the model cannot be read ({error}). Make one with --save-model FILE."
        ) from None
    try:
        return _saved(content)
    except (CrmkitError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: this is not a model that `crmkit clv --save-model` wrote ({error})."
        ) from None


def _saved(content: Any) -> Saved:
    if content["crmkit_model"] != SCHEMA:
        raise ValueError(
            f"its layout is number {content['crmkit_model']!r}, and {SCHEMA} is what is read here"
        )
    if content["unit"] not in UNITS:
        raise ValueError(f"its unit is {content['unit']!r}")
    fit = fit_from_dict(content["purchases"])
    if fit.model.name not in PURCHASE_MODELS:
        raise ValueError(f"{fit.model.title} is not a model of purchases in continuous time")
    spend = None if content["spend"] is None else fit_from_dict(content["spend"])
    if spend is not None and not hasattr(spend.model, "moments"):
        raise ValueError(f"{spend.model.title} is not a model of spend")
    as_of = None if content["as_of"] is None else date.fromisoformat(content["as_of"])
    return Saved(fit, spend, content["unit"], as_of)
