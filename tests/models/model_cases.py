"""Models, histories and development data that the tests of the model layer share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from crmkit.models import BGCNBD, BGNBD, MBGCNBD, MBGNBD, NBD, ParetoNBD
from tests.tool import DEV_DATA as DATA

ROOT = Path(__file__).resolve().parents[2]

# Near the fits of the CDNOW sample, in weeks.
MODELS = [
    NBD(0.385, 12.072),
    BGNBD(0.243, 4.414, 0.793, 2.426),
    MBGNBD(0.525, 6.183, 0.891, 1.614),
    ParetoNBD(0.553, 10.578, 0.606, 11.669),
    BGCNBD(0.8, 4.0, 0.793, 2.426, k=2),
    MBGCNBD(1.329, 2.813, 0.425, 0.790, k=3),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)

# x, t_x, T: ordinary ones, bought on the last day, first seen on the last day, frequent buyers.
HISTORIES = np.array(
    [(0, 0, 38.86), (2, 30.43, 38.86), (26, 30.86, 31), (5, 31, 31), (0, 0, 0), (7, 1, 39), (300, 38, 39)],
    float,
)


def development(name: str) -> Path:
    """A file of development data; the test is skipped where it is not to be had."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no development data {name}; CRMKIT_DEV_DATA names their folder")
    return path


def customers(dataset: str, *columns: str) -> list[np.ndarray]:
    """Columns of a development set's customers, as numbers."""
    import polars as pl

    frame = pl.read_parquet(development(f"reference/{dataset}/cbs.parquet"))
    return [frame[column].to_numpy().astype(float) for column in columns]


def best_known() -> dict:
    return json.loads(development("reference/best_known.json").read_text())
