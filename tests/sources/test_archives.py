"""Zip and tar: one table is read, several are named; what is damaged, encrypted or a bomb is said."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.load.running import refused, run
from tests.load.sales import SALES, account, text
from tests.sources.places import answers, csv_file, ndjson
from tests.thinned import thinned


def zipped(path: Path, members: Mapping[str, bytes | str], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: Mapping[str, bytes | str], mode: str) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def parquet() -> bytes:
    made = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(text().encode())), made)
    return made.getvalue()


@pytest.mark.parametrize("name", ["sales.csv", "odd", "sales.ndjson", "sales.parquet"])
@pytest.mark.parametrize("kind", thinned(["zip", "tar.gz", "stored.zip", "tar"], 2))
def test_one_table_is_read(tmp_path: Path, kind: str, name: str) -> None:
    content: bytes | str = (
        parquet() if name.endswith("parquet") else ndjson() if name.endswith("json") else text()
    )
    members = {name: content, "__MACOSX/._sales.csv": "x"}
    if name != "odd":
        members["about.md"] = "# About"
    path = tmp_path / f"sales.{kind}"
    if kind.endswith("zip"):
        zipped(path, members, zipfile.ZIP_STORED if "stored" in kind else zipfile.ZIP_DEFLATED)
    else:
        tarred(path, members, "w:gz" if kind.endswith("gz") else "w")
    assert answers(path) == answers(csv_file(tmp_path))


def test_an_archive_through_a_pipe(tmp_path: Path) -> None:
    data = zipped(tmp_path / "sales.zip", {"sales.csv": text()}).read_bytes()
    assert run("check", "-", "--format", "json", stdin=data).account == account()


def test_rows_set_aside_are_shown_with_their_line(tmp_path: Path) -> None:
    path = zipped(tmp_path / "sales.zip", {"sales.csv": text() + "K17,B-1,soon,5.00\n"})
    done = run("check", path)
    assert "sales.zip (sales.csv): line 32" in done.err


def test_of_several_the_one_that_fits_or_that_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "shop.zip", {"products.csv": "sku,price\n1,2\n", "orders.csv": text()})
    assert run("check", path, "--format", "json").account == account()
    assert run("check", path, "--sheet", "orders.csv", "--format", "json").account == account()
    halves = {"1.csv": text(SALES[:10]), "2.csv": text(SALES[10:])}
    path = zipped(tmp_path / "months.zip", halves)
    refused(run("check", path), "2 tables, '1.csv', '2.csv'", "several of them fit", "--sheet 1.csv")
    assert run("check", path, "--sheet", "*.csv", "--format", "json").account == account()
    refused(run("check", path, "--sheet", "3.csv"), "holds no '3.csv'", "'1.csv', '2.csv'")
    path = zipped(tmp_path / "odd.zip", {"a.csv": "x,y\n1,2\n", "b.csv": "x,y\n1,2\n"})
    refused(run("check", path), "none of them names its columns")


def test_the_account_of_a_run_names_the_archive(tmp_path: Path) -> None:
    import hashlib
    import json

    path = zipped(tmp_path / "sales.zip", {"sales.csv": text()})
    run("check", path, "--summary", tmp_path / "run.json")
    told = json.loads((tmp_path / "run.json").read_text())["inputs"]
    assert told == [
        {
            "file": f"{path} (sales.csv)",
            "member": "sales.csv",
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    ]


def test_what_cannot_be_unpacked_is_said(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", {"sales.csv": text()}).read_bytes()
    for cut in (len(whole) // 2, len(whole) - 5):
        (tmp_path / "cut.zip").write_bytes(whole[:cut])
        refused(run("check", tmp_path / "cut.zip"), "corrupt or truncated")
    damaged = bytearray(whole)
    damaged[60] ^= 0x55
    (tmp_path / "damaged.zip").write_bytes(bytes(damaged))
    refused(run("check", tmp_path / "damaged.zip"), "damaged.zip", "corrupt")
    refused(run("check", zipped(tmp_path / "empty.zip", {})), "the archive is empty")
    twice = zipped(tmp_path / "twice.zip", {"whole.zip": whole, "other.csv": text()}).read_bytes()
    assert twice
    locked = bytearray(whole)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[whole.index(mark) + place] |= 1
    (tmp_path / "locked.zip").write_bytes(bytes(locked))
    refused(run("check", tmp_path / "locked.zip"), "is encrypted", "password")
    tar = tarred(tmp_path / "sales.tar.gz", {"sales.csv": text()}, "w:gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(tar[: len(tar) // 2])
    refused(run("check", tmp_path / "cut.tar.gz"), "corrupt or truncated")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("sales.csv", "w", force_zip64=True) as file,
    ):
        for _ in range(300):
            file.write(bytes(1 << 20))
    refused(run("check", path), "as a zip bomb does", "unpack it first")
