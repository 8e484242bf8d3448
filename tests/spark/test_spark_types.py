"""Every type of Parquet in every role on a cluster: what one machine says, or a refusal in one sentence; never another number."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.load.running import run
from tests.load.test_type_matrix import BASE, EVERY
from tests.spark.runner import Runner

ROLES = ("amount", "customer", "date", "order", "cost")
CASES = list(product(ROLES, EVERY))
# All of them take minutes; each run of the suite takes every eleventh, and so some of each kind and role.
ASKED = CASES if os.environ.get("CRMKIT_EVERY_TYPE") else CASES[::11]
WORDS = (
    "--customer",
    "customer",
    "--order",
    "order",
    "--date",
    "date",
    "--amount",
    "amount",
    "--cost",
    "cost",
)


@pytest.mark.parametrize(("role", "kind"), ASKED)
def test_a_type_is_read_as_on_one_machine_or_refused(
    role: str, kind: str, classic: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "sales.parquet"
    pq.write_table(pa.table({**BASE, role: EVERY[kind]}), path)
    asked = ("customers", path, *WORDS, "--table", "customers", "--format", "csv", "--quiet")
    there, here = classic.run(*asked), run(*asked)
    if there.status == 0:
        assert (here.status, there.out) == (0, here.out), here.err
    else:
        assert there.status == 1
        assert "Traceback" not in there.err and len(there.err.strip().splitlines()) <= 2, there.err
