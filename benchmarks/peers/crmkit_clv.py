"""The same with crmkit's models: crmkit_clv.py MODEL INPUT OUTPUT. Time is in weeks, as for the peers."""

import json
import sys
from pathlib import Path

import polars as pl

from crmkit.models.bgnbd import BGNBD
from crmkit.models.paretonbd import ParetoNBD

MODELS = {"paretonbd": ParetoNBD, "bgnbd": BGNBD}
name, source, output = sys.argv[1:]
customers = pl.read_parquet(source, columns=["customer", "x", "t_x", "T"])
x, t_x, T = (customers[column].to_numpy() for column in ("x", "t_x", "T"))
fitted = MODELS[name].fit(x, t_x / 7, T / 7)
alive = fitted.model.p_alive(x, t_x / 7, T / 7)
expected = fitted.model.conditional_expected(52, x, t_x / 7, T / 7)
customers.with_columns(alive=pl.Series(alive), expected=pl.Series(expected)).write_parquet(output)
Path(output).with_suffix(".json").write_text(json.dumps(fitted.params))
