"""Fit a purchase model and predict a year in lifetimes: lifetimes_clv.py MODEL INPUT OUTPUT.

The input is a customers table. Time is in weeks, in which the optimiser converges best.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from lifetimes import BetaGeoFitter, ParetoNBDFitter

MODELS = {"paretonbd": ParetoNBDFitter, "bgnbd": BetaGeoFitter}
model, source, output = sys.argv[1:]
customers = pd.read_parquet(source, columns=["customer", "x", "t_x", "T"])
x, t_x, T = customers["x"], customers["t_x"] / 7, customers["T"] / 7
fitted = MODELS[model]()
fitted.fit(x, t_x, T)
customers["alive"] = fitted.conditional_probability_alive(x, t_x, T)
customers["expected"] = fitted.conditional_expected_number_of_purchases_up_to_time(52, x, t_x, T)
customers.to_parquet(output, index=False)
Path(output).with_suffix(".json").write_text(json.dumps(dict(fitted.params_)))
