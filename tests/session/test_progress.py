"""What is said on a terminal while the work goes on."""

from __future__ import annotations

import gzip
import io
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from crmkit.load.expected_rows import bytes_read
from crmkit.load.find import sources
from crmkit.output import progress
from crmkit.output.progress import Stages
from crmkit.session import run
from tests.tool import SALES, process


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal as standard error; in the test itself, because pytest sets that anew after fixtures."""
    found = Terminal()
    monkeypatch.setattr("sys.stderr", found)
    monkeypatch.setattr(progress, "_PATIENCE", 0.05)
    return found


def test_a_long_stage_is_named_and_wiped_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with Stages() as tell:
        tell("fitting Pareto/NBD")
        time.sleep(0.3)
        assert "fitting Pareto/NBD" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_short_work_and_quiet_work_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with Stages() as tell:
        tell("fitting NBD")
    assert "fitting" not in terminal.getvalue()
    with Stages(quiet=True) as tell:
        tell("fitting NBD")
        time.sleep(0.2)
    assert "fitting" not in terminal.getvalue()


def test_a_pipe_gets_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    with Stages() as tell:
        tell("fitting NBD")
        time.sleep(0.1)
    assert pipe.getvalue() == ""


def test_rows_and_parts_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    monkeypatch.setattr(progress, "_PAUSE", 0.0)
    rows = SimpleNamespace(name="sales.csv", on_progress=None, on_part=None)
    run.show_progress(rows)
    time.sleep(0.1)
    rows.on_progress(1234)
    assert terminal.getvalue().endswith("sales.csv: 1,234 rows")
    rows.on_part(2, 7)
    assert terminal.getvalue().endswith("sales.csv: 1,234 rows, part 2 of 7")
    progress.clear()


def test_a_stage_tells_what_it_took_to_whoever_asks() -> None:
    said: list[str] = []
    with Stages(say=said.append) as tell:
        tell("fitting NBD")
        tell("forecasting")
    assert [line.split(":")[0] for line in said] == ["fitting NBD", "forecasting"]
    assert all(line.endswith(" s") for line in said)


def test_verbose_says_how_the_file_was_read_and_what_it_took() -> None:
    done = process("clv", SALES, "--model", "nbd", "-v")
    assert "crmkit: customer customer_id" in done.err
    assert "forecasting: " in done.err
    assert done.err.splitlines()[-1].endswith("MB of memory at most")


def test_a_compressed_file_tells_what_part_of_its_bytes_was_read(tmp_path: Path) -> None:
    packed = tmp_path / "sales.csv.gz"
    packed.write_bytes(gzip.compress(SALES.read_bytes()))
    source = sources.find([str(packed)])[0]
    opened = SimpleNamespace(source=source)
    part = bytes_read([opened])  # type: ignore[list-item]
    assert part is not None
    with source.open() as text:
        text.read(10)
        assert 0 < part() <= 1
    assert bytes_read([SimpleNamespace(source=sources.find([str(SALES)])[0])]) is None  # type: ignore[list-item]
