"""The same with crmkit's models, which need numpy alone: crmkit_clv.py MODEL INPUT OUTPUT. Time is in weeks, as for the peers."""

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq

from crmkit import models

CLASSES = {"paretonbd": "ParetoNBD", "bgnbd": "BGNBD"}
name, source, output = sys.argv[1:]
customers = pq.ParquetFile(source).read(["customer", "x", "t_x", "T"])
x, t_x, T = (customers[column].to_numpy() for column in ("x", "t_x", "T"))
fitted = getattr(models, CLASSES[name]).fit(x, t_x / 7, T / 7)
alive = fitted.model.p_alive(x, t_x / 7, T / 7)
expected = fitted.model.conditional_expected(52, x, t_x / 7, T / 7)
table = customers.append_column("alive", [alive]).append_column("expected", [expected])
pq.write_table(table, output)
Path(output).with_suffix(".json").write_text(json.dumps(fitted.params))
