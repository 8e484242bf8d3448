"""Jobs whose lists go to a database and a store: all of them, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.running import run
from tests.tool import SALES


@pytest.mark.slow
@pytest.mark.parametrize("last", ["/dev/full", "b.csv"])
def test_tables_objects_and_files_come_together(tmp_path: Path, postgres: str, s3: str, last: str) -> None:
    address = postgres.replace("/postgres?", "/postgres/jobs_tiers?")
    name = f"{Path(last).stem}.csv"
    text = f"""
files = "{SALES}"
quiet = true

[[rfm]]
output = ["a.csv", "{address}"]

[[pareto]]
output = "s3://shop/{name}"
endpoint = "{s3}"

[[cohort]]
output = "{last}"
"""
    jobs = tmp_path / "jobs.toml"
    jobs.write_text(text)
    done = run("run", jobs)
    is_whole = last == "b.csv"
    assert done.status == (0 if is_whole else 1), done.err
    assert (tmp_path / "a.csv").exists() == is_whole
    there = run("check", f"s3://shop/{name}", "--endpoint", s3, "-q").err
    assert ("cumulative_share" in there) == is_whole, there
    table = run("check", f"{postgres}&table=jobs_tiers", "-q").err
    assert ("no table 'jobs_tiers'" in table) == (not is_whole), table
