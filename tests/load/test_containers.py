"""What a file is packed in and where it lies: gzip, zstd, strangers, folders, globs, pipes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import runpy
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from crmkit.errors import DataError
from crmkit.load import load
from crmkit.load.find import gunzip, sources
from tests.load.running import check, refused, run
from tests.load.sales import SALES, account, put, text
from tests.tool import ROOT

PLAIN = text().encode()
HALVES = text(SALES[:15]).encode(), text(SALES[15:], header=None).encode()


def squeeze(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def zstd(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "content",
    [
        squeeze(PLAIN),
        squeeze(HALVES[0]) + squeeze(HALVES[1]),
        squeeze(PLAIN) + b"\0" * 512,
        squeeze(b"") + squeeze(PLAIN),
        zstd(PLAIN),
        zstd(HALVES[0]) + zstd(HALVES[1]),
        b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd(PLAIN),
    ],
)
@pytest.mark.parametrize("name", ["sales.csv.gz", "sales.csv", "SALES.CSV.ZST"])
def test_compressed_text_by_its_content(tmp_path: Path, content: bytes, name: str) -> None:
    assert check(put(tmp_path / name, content)).account == account()
    assert check("-", stdin=content).account == account()


def test_plain_text_under_other_names(tmp_path: Path) -> None:
    for name in (
        "sales.csv.gz",
        "sales.parquet",
        "sales.TXT",
        "sales",
        "-rf.csv",
        "a[1].csv",
        "spa ce ünï-客户.csv",
    ):
        assert check("--", put(tmp_path / name, PLAIN)).account == account()


SQUEEZED = squeeze(text(SALES * 300).encode())


@pytest.mark.parametrize(
    "content",
    [
        SQUEEZED[: len(SQUEEZED) * 2 // 3],
        SQUEEZED[:-4],
        SQUEEZED[:6],
        SQUEEZED[:-8] + bytes([SQUEEZED[-8] ^ 255]) + SQUEEZED[-7:],
        SQUEEZED[:-4] + b"\1\1\1\1",
        SQUEEZED[:60] + bytes([SQUEEZED[60] ^ 0x55]) + SQUEEZED[61:],
        SQUEEZED + b"garbage",
        squeeze(HALVES[0]) + squeeze(HALVES[1])[:-9],
        zstd(PLAIN)[:-5],
        zstd(PLAIN) + b"garbage",
    ],
)
def test_broken_compression_yields_no_partial_numbers(tmp_path: Path, content: bytes) -> None:
    refused(check(put(tmp_path / "sales.csv.gz", content)), "sales.csv.gz", "corrupt or truncated")


def test_gzip_where_only_python_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the executors of a cluster."""
    monkeypatch.setitem(sys.modules, "isal.igzip", None)
    assert runpy.run_path(gunzip.__file__)["GzipFile"] is gzip.GzipFile
    assert gunzip.GzipFile is not gzip.GzipFile


def packed(kind: str) -> bytes:
    made = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("sales.csv", PLAIN)
    else:
        with tarfile.open(fileobj=made, mode="w") as archive:
            member = tarfile.TarInfo("sales.csv")
            member.size = len(PLAIN)
            archive.addfile(member, io.BytesIO(PLAIN))
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x05\x06" + bytes(18), "archive is empty"),
        (squeeze(packed("zip")), "zip"),
        (squeeze(squeeze(PLAIN)), "compressed twice"),
        (zstd(b"PAR1" + bytes(100)), "Parquet file that was compressed"),
        (bz2.compress(PLAIN), "bzip2"),
        (lzma.compress(PLAIN), "xz"),
        (b"\x04\x22\x4d\x18" + PLAIN, "lz4"),
        (zlib.compress(PLAIN), "binary"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "workbook"),
        (b"SQLite format 3\0" + bytes(99), "not a database"),
        (b"%PDF-1.4\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "picture"),
        (b"ARROW1\0\0" + bytes(99), "Arrow"),
        (b"ORC\0" + bytes(99), "ORC"),
        (b"Obj\x01" + bytes(99), "Avro"),
        (b"PARE" + bytes(99), "encrypted"),
        (random.Random(3).randbytes(5000), "binary"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, content: bytes, word: str) -> None:
    refused(check(put(tmp_path / "sales.csv", content)), "sales.csv", word)


def test_a_header_that_begins_like_a_stranger(tmp_path: Path) -> None:
    for name in ("ORCID", "BZhenjiang", "FEA1"):
        path = put(
            tmp_path / "sales.csv", text().replace("customer", name + ",customer", 1).replace("\nK", "\nx,K")
        )
        assert check(path).account == account()


class TestFolders:
    """A folder is read as a whole, or not at all."""

    def test_members_in_any_order(self, tmp_path: Path) -> None:
        for name, sales in (("b/2.csv", SALES[20:]), ("a.csv", SALES[:10]), ("b/1.csv.gz", SALES[10:20])):
            content = text(sales).encode()
            put(tmp_path / name, squeeze(content) if name.endswith("gz") else content)
        for name in (
            "_SUCCESS",
            ".part.crc",
            "_tmp/x.csv",
            ".git/x.csv",
            "readme.txt",
            "notes.md",
            "old.csv.bak",
        ):
            put(tmp_path / name, b"x")
        assert check(tmp_path).account == account()
        assert check(tmp_path / "**" / "*.csv").account == account([*SALES[:10], *SALES[20:]])

    def test_columns_by_name_dialect_by_file(self, tmp_path: Path) -> None:
        put(tmp_path / "a.csv", text(SALES[:10]))
        put(tmp_path / "b.csv", text(SALES[10:20], delimiter=";", ends="\r\n").encode("utf-16"))
        rows = "".join(f"{sale.amount},{sale.day},{sale.customer},{sale.order}\n" for sale in SALES[20:])
        put(tmp_path / "c.csv", "amount,date,customer,order_id\n" + rows)
        assert check(tmp_path).account == account()

    def test_header_only_members_add_nothing(self, tmp_path: Path) -> None:
        put(tmp_path / "a.csv", text())
        put(tmp_path / "b.csv", text([]))
        assert check(tmp_path).account == account()

    @pytest.mark.parametrize(
        ("odd", "words"),
        [
            (b"", ["empty"]),
            (b"customer,date,amount\na,2024-01-01,1\n", ["columns differ", "order"]),
            (b"x,y\n1,2\n", ["no customer column"]),
            (b"PAR1" + bytes(99), ["parquet"]),
            (SQUEEZED[:-4], ["corrupt or truncated"]),
            (text().encode()[:-1] + b"\xff\n", ["line 31"]),
        ],
    )
    def test_one_odd_member_is_named(self, tmp_path: Path, odd: bytes, words: list[str]) -> None:
        put(tmp_path / "a.csv", text())
        put(tmp_path / "b.csv", odd)
        refused(check(tmp_path), "b.csv", *words)

    def test_partitions_are_columns(self, tmp_path: Path) -> None:
        for name in ("A", "B%20C", "__HIVE_DEFAULT_PARTITION__"):
            put(tmp_path / f"customer={name}" / "part.csv", "date,amount\n2024-01-01,1.00\n")
        done = run("customers", tmp_path, "--table", "customers", "--format", "csv")
        assert [line.partition(",")[0] for line in done.out.splitlines()] == ["customer", "A", "B C"]
        assert "1 no customer id" in done.err

    def test_nothing_is_passed_over(self, tmp_path: Path) -> None:
        refused(check(tmp_path), "folder", "none was found")
        put(tmp_path / "a.csv", text())
        (tmp_path / "gone.csv").symlink_to("nowhere.csv")
        refused(check(tmp_path), "gone.csv", "no such file")
        refused(check(tmp_path / "*.csv"), "gone.csv")
        (tmp_path / "gone.csv").unlink()
        os.mkfifo(tmp_path / "pipe.csv")
        refused(check(tmp_path), "pipe.csv", "no regular file")

    def test_links_are_followed_once(self, tmp_path: Path) -> None:
        put(tmp_path / "real" / "a.csv", text())
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "linked").symlink_to("../real")
        (tmp_path / "data" / "again").symlink_to("../real")
        (tmp_path / "data" / "self").symlink_to(".")
        (tmp_path / "real" / "up").symlink_to("../data")
        assert check(tmp_path / "data").account == account()
        (tmp_path / "loop").symlink_to("loop")
        refused(check(tmp_path / "loop"), "loop", "symbolic links")

    def test_a_deep_folder(self, tmp_path: Path) -> None:
        put(tmp_path.joinpath(*["d"] * 300) / "a.csv", text())
        assert check(tmp_path).account == account()


class TestNames:
    """Arguments that mean no file, several, or one twice."""

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("nope.csv", "no such file"),
            ("nodir/nope.csv", "no such file"),
            ("*.csv", "matches this pattern"),
            ("**/*.csv", "matches this pattern"),
            ("[a-z].csv", "matches this pattern"),
            ("x" * 5000 + ".csv", "name too long"),
            ("http://127.0.0.1:9/x.csv", "could not be fetched"),
            ("ftp://127.0.0.1:9/x.csv", "an address that crmkit does not know"),
            ("new\nline[red].csv", "new\\x0aline"),
            ("/dev/null", "empty"),
            ("/dev/zero", "device"),
            ("/dev/full", "device"),
            ("/dev/urandom", "device"),
        ],
    )
    def test_no_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, word: str) -> None:
        monkeypatch.chdir(tmp_path)
        refused(check(name), word)

    def test_twice(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        put(tmp_path / "a.csv", text())
        (tmp_path / "b.csv").symlink_to("a.csv")
        for names in (["a.csv", "a.csv"], ["a.csv", "./a.csv"], ["*.csv"], ["a.csv", "*a.csv"]):
            done = run("check", *names)
            assert (done.status, done.out) == (2, "")
            assert "given twice" in done.err

    def test_an_existing_file_wins_over_a_pattern(self, tmp_path: Path) -> None:
        put(tmp_path / "a[1].csv", text())
        put(tmp_path / "a1.csv", "broken")
        assert check(tmp_path / "a[1].csv").account == account()

    def test_a_pattern_leaves_markers_out(self, tmp_path: Path) -> None:
        put(tmp_path / "a.csv", text())
        put(tmp_path / "_SUCCESS", b"")
        assert check(tmp_path / "*").account == account()

    def test_a_name_that_is_no_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / os.fsdecode(b"bad\xff\xfename.csv")
        put(path, text())
        done = check(path)
        assert done.account == account()
        refused(check(os.fsdecode(b"gone\xff.csv")), "gone\\udcff.csv")

    @pytest.mark.parametrize("pattern", ["", "*/*.csv", "**/*.csv", "**"])
    def test_no_permission(self, tmp_path: Path, pattern: str) -> None:
        put(tmp_path / "open" / "a.csv", text())
        shut = put(tmp_path / "shut" / "a.csv", text())
        shut.parent.chmod(0)
        try:
            done = without_privileges("check", tmp_path / pattern)
        finally:
            shut.parent.chmod(0o700)
        assert (done.returncode, done.stdout) == (1, "")
        assert "shut: permission denied" in done.stderr
        shut.chmod(0)
        done = without_privileges("check", shut)
        assert (done.returncode, done.stdout) == (1, "")
        assert "shut/a.csv: permission denied" in done.stderr


def without_privileges(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """A run for which permissions hold even if we are root."""
    command = [sys.executable, "-m", "crmkit", *map(str, words)]
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may read everything")
        caps = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--inh-caps={caps}", f"--bounding-set={caps}", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


class TestPipes:
    """Standard input and named pipes are read once and kept."""

    @pytest.mark.parametrize("pack", [bytes, squeeze, zstd])
    def test_rows_set_aside_are_placed(self, pack: Callable[[bytes], bytes]) -> None:
        done = check("-", stdin=pack(PLAIN + b"K17,B,2023-02-30,1.00\n"))
        assert done.account == account(rejected=1)
        assert "standard input: line 32, column date" in done.err

    def test_standard_input(self) -> None:
        assert check("-", stdin=PLAIN).account == account()
        refused(check("-", stdin=b""), "standard input", "empty")
        refused(check("-"), "Standard input is closed")
        refused(check("-", stdin=SQUEEZED[:-4]), "standard input", "corrupt")

    def test_a_named_pipe(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe.csv"
        os.mkfifo(pipe)
        feeder = threading.Thread(target=pipe.write_bytes, args=(PLAIN,))
        feeder.start()
        assert check(pipe).account == account()
        feeder.join()

    def test_a_temporary_folder_that_is_full(self, tmp_path: Path) -> None:
        big = put(tmp_path / "big.csv", PLAIN * 80_000)
        line = f"ulimit -f 1024; cat {big} | {sys.executable} -m crmkit check -"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, env=environment, check=False
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert "temporary folder" in done.stderr

    def test_a_file_that_changes_while_it_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = put(tmp_path / "sales.csv", text())
        opened = load(str(path))
        path.write_text(text(SALES[:20]))
        with pytest.raises(Exception, match="has changed while it was being read"):
            opened.scan()


def test_a_file_that_grows_during_the_pass(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", text())
    opened = load(str(path))
    opened.on_progress = lambda rows: put(path, text() + "K1,B-1,2024-01-05,1.00\n")
    with pytest.raises(DataError, match="has changed while it was being read"):
        opened.scan()


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("c.csv", "a/z.csv", "b.csv", "a.csv"):
        put(tmp_path / "all" / name, text())
    found = [source.name.removeprefix(f"{tmp_path}/all/") for source in sources.find([str(tmp_path / "all")])]
    assert found == ["a/z.csv", "a.csv", "b.csv", "c.csv"]
