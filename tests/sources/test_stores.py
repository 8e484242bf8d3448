"""Object stores: objects, globs and folders in, one put out; an object that changes meanwhile is an error."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet
import pytest

import crmkit
from crmkit.errors import DataError
from crmkit.sources import stores
from tests.load.running import refused, run
from tests.load.sales import SALES, account, text
from tests.sources.forwarder import Forwarder
from tests.sources.places import answers, csv_file, ndjson
from tests.sources.test_archives import parquet

pytestmark = pytest.mark.slow


@pytest.fixture
def put(s3: str) -> Any:
    system = pyarrow.fs.S3FileSystem(endpoint_override=s3, region="us-east-1")

    def put(path: str, content: bytes | str) -> str:
        with system.open_output_stream(f"shop/{path}", compression=None) as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        return f"s3://shop/{path}"

    return put


def test_same_bytes_as_from_a_file(tmp_path: Path, s3: str, put: Any) -> None:
    wanted = answers(csv_file(tmp_path))
    contents = {
        "a/sales.csv": text(),
        "a/s.csv.gz": gzip.compress(text().encode()),
        "a/s.parquet": parquet(),
        "a/s.ndjson": ndjson(),
    }
    for path, content in contents.items():
        assert answers(put(path, content), "--endpoint", s3) == wanted
    with mock.patch.dict(os.environ, AWS_ENDPOINT_URL=s3):
        assert answers("s3://shop/a/sales.csv") == wanted


def test_folders_and_globs(s3: str, put: Any) -> None:
    for place, (start, end) in enumerate(((0, 10), (10, 30))):
        put(f"parts/year=202{place}/part.csv", text(SALES[start:end]))
    put("parts/_SUCCESS", "x")
    put("parts/.hidden/part.csv", text())
    for word in (
        "s3://shop/parts",
        "s3://shop/parts/",
        "s3://shop/parts/year=*/*.csv",
        "s3://shop/parts/y*/**",
    ):
        assert run("check", word, "--endpoint", s3, "--format", "json").account == account()
    done = run(
        "check",
        "s3://shop/parts",
        "--endpoint",
        s3,
        "--table",
        "columns",
        "--format",
        "csv",
        "--product",
        "year",
    )
    assert done.status == 0 and "2020" in done.out, done.err
    refused(run("check", "s3://shop/parts/*.txt", "--endpoint", s3), "no object was found")
    put("lake/_delta_log/0.json", "{}")
    put("lake/part.csv", text())
    refused(run("check", "s3://shop/lake", "--endpoint", s3), "table of Delta")


def test_what_goes_wrong_is_said(s3: str) -> None:
    refused(run("check", "s3://shop/nothing.csv", "--endpoint", s3), "there is no such object")
    refused(run("check", "s3://nobody/x.csv", "--endpoint", s3), "there is no such object")
    done = run("check", "s3://key:hush@shop/x.csv", "--endpoint", s3)
    assert done.status == 2 and "hush" not in done.err
    assert run("check", "s3:///x.csv", "--endpoint", s3).status == 2


def test_an_object_that_changes_meanwhile(s3: str, put: Any) -> None:
    word = put("moving.csv", text())
    data = crmkit.read(word, endpoint=s3)
    data.transactions()
    put("moving.csv", text(SALES[:5]))
    with pytest.raises(DataError, match="has changed while it was being read"):
        crmkit.rfm.analyse(data)


@pytest.mark.parametrize("end", ["csv.gz", "parquet"])
def test_a_store_that_is_gone_in_mid_read(tmp_path: Path, s3: str, put: Any, end: str) -> None:
    whole = "".join(f"C{i:06},2024-01-{i % 28 + 1:02},{i % 90}.50\n" for i in range(200_000))
    (tmp_path / "big.csv").write_text("customer,date,amount\n" + whole)
    content = (tmp_path / "big.csv").read_bytes()
    if end == "csv.gz":
        content = gzip.compress(content, 1)
    elif end == "parquet":
        made = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(content)), made, row_group_size=20_000)
        content = made.getvalue()
    path = put(f"big.{end}", content).removeprefix("s3://")
    (tmp_path / "tiers.csv").write_text("old")
    with Forwarder(s3, most=len(content) // 2) as forwarder:
        done = run("rfm", f"s3://{path}", "--endpoint", forwarder.address, "-o", tmp_path / "tiers.csv", "-q")
    refused(done, f"s3://{path}: the store says", "Run again.")
    assert (tmp_path / "tiers.csv").read_text() == "old"


def test_an_answer_goes_out_by_one_put(tmp_path: Path, s3: str, put: Any) -> None:
    word = put("sales.csv", text())
    for end in ("csv", "parquet"):
        run("customers", word, "-o", tmp_path / f"there.{end}")
        done = run(
            "customers",
            word,
            "--endpoint",
            s3,
            "-o",
            f"s3://shop/out/tiers.{end}",
            "--summary",
            tmp_path / "run.json",
        )
        assert done.status == 0 and f"wrote s3://shop/out/tiers.{end}: 7 rows" in done.err
        run("customers", csv_file(tmp_path), "-o", tmp_path / f"here.{end}")
        with stores.store(f"s3://shop/out/tiers.{end}", s3).object(f"shop/out/tiers.{end}").open() as file:
            assert file.read() == (tmp_path / f"here.{end}").read_bytes()
    refused(run("customers", word, "--endpoint", s3, "-o", "s3://nobody/tiers.csv", "-q"), "the store says")


def test_a_put_that_breaks_leaves_the_old_object(tmp_path: Path, s3: str, put: Any) -> None:
    word = put("kept.csv", "old")

    class Broken:
        def open(self, _: str) -> Any:
            return self

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...

        def read(self, _: int) -> bytes:
            self.times = getattr(self, "times", 0) + 1
            if self.times > 1:
                raise OSError("the disk is gone")
            return b"new" * 1000

    with pytest.raises(DataError, match="the disk is gone"):
        stores.store(word, s3).put(Broken())  # type: ignore[arg-type]
    with stores.store(word, s3).object("shop/kept.csv").open() as file:
        assert file.read() == b"old"


def test_the_store_of_google(tmp_path: Path, gs: str) -> None:
    """The same lines, another store: an object is known by its generation."""

    def put(path: str, content: bytes | str) -> str:
        (tmp_path / "put").write_bytes(content.encode() if isinstance(content, str) else content)
        stores.store(f"gs://shop/{path}", gs).put(tmp_path / "put")
        return f"gs://shop/{path}"

    word, wanted = put("sales.csv", text()), answers(csv_file(tmp_path))
    assert answers(word, "--endpoint", gs) == wanted
    assert answers(put("sales.parquet", parquet()), "--endpoint", gs) == wanted
    for place, (start, end) in enumerate(((0, 10), (10, 30))):
        put(f"parts/year=202{place}/part.csv", text(SALES[start:end]))
    for found in ("gs://shop/parts", "gs://shop/parts/year=*/*.csv"):
        assert run("check", found, "--endpoint", gs, "--format", "json").account == account()
    data = crmkit.read(word, endpoint=gs)
    data.transactions()
    put("sales.csv", text().replace("K17", "K71"))  # of the same size
    with pytest.raises(DataError, match="has changed while it was being read"):
        crmkit.rfm.analyse(data)
    done = run("customers", csv_file(tmp_path), "--endpoint", gs, "-o", "gs://shop/out.csv")
    assert done.status == 0 and "wrote gs://shop/out.csv: 7 rows" in done.err
