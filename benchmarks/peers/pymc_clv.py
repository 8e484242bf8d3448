"""Fit a purchase model by maximum a posteriori and predict a year: pymc_clv.py MODEL INPUT OUTPUT.

The input is a customers table. Time is in weeks.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from pymc_marketing import clv

MODELS = {"paretonbd": clv.ParetoNBDModel, "bgnbd": clv.BetaGeoModel}
NAMES = {"paretonbd": ("r", "alpha", "s", "beta"), "bgnbd": ("r", "alpha", "a", "b")}
name, source, output = sys.argv[1:]
customers = pd.read_parquet(source, columns=["customer", "x", "t_x", "T"])
data = pd.DataFrame(
    {
        "customer_id": range(len(customers)),
        "frequency": customers["x"].astype(float),
        "recency": customers["t_x"] / 7,
        "T": customers["T"] / 7,
    }
)
model = MODELS[name]()
model.fit(data, method="map", progressbar=False)
posterior = model.posterior
customers["alive"] = model.expected_probability_alive(data=data).mean(("chain", "draw")).to_numpy()
expected = model.expected_purchases(data=data, future_t=52)
customers["expected"] = expected.mean(("chain", "draw")).to_numpy()
customers.to_parquet(output, index=False)
params = {name: float(posterior[name].mean()) for name in NAMES[name]}
Path(output).with_suffix(".json").write_text(json.dumps(params))
