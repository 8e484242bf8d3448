"""A fitted model in a file of JSON, so that tonight's customers can be scored with last month's fit."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from crmkit.errors import CrmkitError, DataError
from crmkit.forecast.calendar import Calendar
from crmkit.forecast.learning import Learnt
from crmkit.forecast.selection import UNITS, only
from crmkit.models import PURCHASE_MODELS, Clock, fit_from_dict

SCHEMA = 2


def to_json(learnt: Learnt) -> str:
    """The text of a model file."""
    calendar, spend = learnt.calendar, learnt.spend
    content = {
        "crmkit_model": SCHEMA,
        "unit": learnt.unit,
        "as_of": learnt.until.isoformat(),
        "span": learnt.span,
        "purchases": learnt.fit.to_dict(),
        "spend": None if spend is None else {**spend.to_dict(), "first": learnt.first},
        "calendar": {
            "used": calendar.used,
            "least": calendar.least,
            "clock": None if calendar.clock is None else calendar.clock.to_dict(),
        },
    }
    return json.dumps(content) + "\n"


def read(path: str) -> Learnt:
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


def _saved(content: Any) -> Learnt:
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
    return Learnt(
        choice=only(fit, "the saved model"),
        spend=spend,
        calendar=_calendar(content["calendar"]),
        unit=content["unit"],
        until=date.fromisoformat(content["as_of"]),
        span=int(content["span"]),
        first=bool(spend is None or content["spend"]["first"]),
    )


def _calendar(content: Any) -> Calendar:
    clock = None if content["clock"] is None else Clock.from_dict(content["clock"])
    return Calendar(clock, bool(content["used"]) and clock is not None, float(content["least"]))
