"""Results on standard output and in files, on terminals, in pipes, and where neither works."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import unicodedata
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from crmkit.errors import UsageError
from crmkit.output import report
from crmkit.output.files import Outputs
from crmkit.output.streams import ClosedPipeError
from crmkit.result import Result
from tests.thinned import thinned

ROOT = Path(__file__).parents[2]
SEGMENTS = pl.DataFrame({"segment": ["a", "b"], "customers": [1, 2]})
CELLS = pl.DataFrame({"rfm": ["555"], "customers": [3]})
CUSTOMERS = pl.DataFrame({"customer": ["c1", "=c2"], "revenue": [Decimal("1.50"), Decimal("-2.00")]})
RESULT = Result(
    command="rfm",
    tables={"segments": SEGMENTS, "cells": CELLS, "customers": CUSTOMERS},
    facts={"customers": 3},
    detail="customers",
)


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    return {**kept, "PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "2", "LANG": "C.UTF-8", **more}


class TestWhatIsShown:
    def test_the_summary_tables_on_a_screen(self, capsys: pytest.CaptureFixture[str]) -> None:
        report.show(RESULT)
        shown = capsys.readouterr().out
        assert shown.splitlines()[0] == "segments"
        assert "cells" in shown
        assert "c1" not in shown

    def test_one_table_by_name(self, capsys: pytest.CaptureFixture[str]) -> None:
        report.show(RESULT, table="customers")
        lines = capsys.readouterr().out.splitlines()
        assert lines == ["customer  revenue", "─" * 17, "c1           1.50", "=c2         -2.00"]

    @pytest.mark.parametrize("form", ["csv", "tsv", "ndjson"])
    def test_formats_of_one_table_take_the_first(self, form: str, capsys: pytest.CaptureFixture[str]) -> None:
        report.show(RESULT, format=form)
        shown = capsys.readouterr().out
        assert "segment" in shown
        assert "rfm" not in shown

    def test_json_holds_the_summary_tables_or_the_one_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        report.show(RESULT, format="json")
        whole = json.loads(capsys.readouterr().out)
        assert {name: whole[name] for name in ("schema", "command", "facts")} == {
            "schema": 1,
            "command": "rfm",
            "facts": {"customers": 3},
        }
        assert list(whole["tables"]) == ["segments", "cells"]
        report.show(RESULT, format="json", table="customers")
        assert list(json.loads(capsys.readouterr().out)["tables"]) == ["customers"]

    def test_the_limit_is_for_the_screen_alone(self, capsys: pytest.CaptureFixture[str]) -> None:
        report.show(RESULT, table="customers", limit=1)
        assert capsys.readouterr().out.endswith("1 of 2 rows shown\n")
        report.show(RESULT, table="customers", limit=1, format="csv")
        assert len(capsys.readouterr().out.splitlines()) == 3

    def test_a_result_with_nothing_but_details_shows_them(self, capsys: pytest.CaptureFixture[str]) -> None:
        report.show(Result(command="customers", tables={"customers": CUSTOMERS}, detail="customers"))
        assert "c1" in capsys.readouterr().out

    def test_what_did_not_fit_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        report.show(RESULT, table="customers", width=10)
        assert capsys.readouterr().err == (
            "crmkit: customers: 1 column hidden (revenue): use --format csv or a wider window\n"
        )
        said: list[str] = []
        report.show(RESULT, table="customers", width=10, say=said.append)
        assert (len(said), capsys.readouterr().err) == (1, "")

    def test_unknown_names_are_answered_with_the_known_ones(self) -> None:
        with pytest.raises(
            UsageError, match=r"no table seg\\x1bments\. .* rfm are: segments, cells, customers\."
        ):
            report.show(RESULT, table="seg\x1bments")
        with pytest.raises(
            UsageError, match=r"no format xlsx\. .* table, csv, tsv, json, ndjson, parquet, markdown"
        ):
            report.show(RESULT, format="xlsx")

    def test_output_that_holds_text_only_gets_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        report.show(RESULT, table="customers", format="csv")
        assert stream.getvalue() == "customer,revenue\nc1,1.50\n=c2,-2.00\n"

    def test_what_the_encoding_lacks_is_spelt_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
        report.show(Result(command="x", tables={"t": pl.DataFrame({"customer": ["王"]})}))
        sys.stdout.flush()
        assert raw.getvalue() == b"customer\n--------\n\\u738b\n"

    def test_csv_is_utf_8_whatever_the_encoding(self, monkeypatch: pytest.MonkeyPatch) -> None:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
        report.show(Result(command="x", tables={"t": pl.DataFrame({"customer": ["王"]})}), format="csv")
        assert raw.getvalue() == "customer\n王\n".encode()


class TestExport:
    def export(self, path: Path, **options: object) -> list[str]:
        said: list[str] = []
        with Outputs() as files:
            report.export(RESULT, path, files, say=said.append, **options)  # type: ignore[arg-type]
        return said

    @pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.json", "x.jsonl", "x.md", "x.parquet", "x.csv.gz"])
    def test_the_details_in_the_format_of_the_extension(self, tmp_path: Path, name: str) -> None:
        self.export(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0
        if name == "x.csv":
            assert (tmp_path / name).read_text() == "customer,revenue\nc1,1.50\n=c2,-2.00\n"
        if name == "x.parquet":
            assert pl.read_parquet(tmp_path / name).equals(CUSTOMERS)

    def test_another_table_by_name(self, tmp_path: Path) -> None:
        self.export(tmp_path / "x.csv", table="cells")
        assert (tmp_path / "x.csv").read_text() == "rfm,customers\n555,3\n"

    def test_without_details_the_first_table(self, tmp_path: Path) -> None:
        with Outputs() as files:
            report.export(Result(command="x", tables={"cells": CELLS}), tmp_path / "x.csv", files)
        assert (tmp_path / "x.csv").read_text() == "rfm,customers\n555,3\n"

    def test_nothing_to_write_is_an_error(self, tmp_path: Path) -> None:
        with Outputs() as files, pytest.raises(UsageError, match=r"tables of check are: none"):
            report.export(Result(command="check", tables={}), tmp_path / "x.csv", files)

    def test_formulas_are_counted_and_disarmed_on_request(self, tmp_path: Path) -> None:
        assert "1 text cell of " in self.export(tmp_path / "x.csv")[0]
        assert "--excel-safe prevents it" in self.export(tmp_path / "x.csv")[0]
        assert "got a ' in front" in self.export(tmp_path / "x.csv", excel_safe=True)[0]
        assert (tmp_path / "x.csv").read_text() == "customer,revenue\nc1,1.50\n'=c2,-2.00\n"
        assert self.export(tmp_path / "x.json") == []

    def test_a_screen_that_fails_takes_the_files_with_it(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError), Outputs() as files:
            report.export(RESULT, tmp_path / "x.csv", files)
            report.show(RESULT, table="nonsense")
        assert list(tmp_path.iterdir()) == []

    def test_a_reader_that_left_does_not(self, tmp_path: Path) -> None:
        with pytest.raises(ClosedPipeError), Outputs() as files:
            report.export(RESULT, tmp_path / "x.csv", files)
            raise ClosedPipeError
        assert (tmp_path / "x.csv").exists()


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\u200b[red]x[/] \r\n\t\x00\x7f王"
SHOW = f"""
import sys, polars as pl
from crmkit.output import report
from crmkit.errors import CrmkitError
from crmkit.result import Result
from crmkit.system.signals import end_by_pipe
hostile = {HOSTILE!r}
rows = int(sys.argv[1])
frame = pl.DataFrame({{"customer": [hostile] * rows, "r" + hostile: range(rows), "f1": range(rows)}})
result = Result(
    command="rfm", tables={{hostile: frame, "t": frame}}, titles={{"t": hostile}}, pictures={{hostile: "heat"}}
)
try:
    report.show(result, format=sys.argv[2], limit=0)
except CrmkitError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_status)
except BrokenPipeError:
    end_by_pipe()
"""


def on_terminal(form: str, **variables: str) -> str:
    """What a terminal gets to see, standard error included."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", SHOW, "3", form]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment(**variables)) as run:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 65536):
                seen += part
        except OSError:  # Linux says EIO when the other end has closed
            pass
        run.wait()
    os.close(ours)
    return seen.decode()


class TestTerminal:
    @pytest.mark.parametrize("form", ["table", "csv", "tsv", "json", "ndjson", "markdown"])
    def test_no_control_reaches_it_but_our_own_colours(self, form: str) -> None:
        seen = on_terminal(form, TERM="xterm-256color", COLUMNS="200")
        assert "owned" in seen
        assert r"\x1b]0;owned\x07" in seen or r"\u001b]0;owned" in seen or form == "markdown"
        ours = re.compile(r"\x1b\[(0|1|38;5;\d+|48;5;\d+|;)+m")
        rest = ours.sub("", seen).replace("\r\n", "\n")
        allowed = "\n\t" if form in {"csv", "tsv"} else "\n"
        assert [
            c for c in rest if unicodedata.category(c) in {"Cc", "Cf", "Co", "Cn"} and c not in allowed
        ] == []
        assert ("\x1b" in seen) == (form == "table")

    def test_a_narrow_one_hides_columns_and_says_which(self) -> None:
        seen = on_terminal("table", TERM="xterm", COLUMNS="60", NO_COLOR="1")
        assert "\x1b" not in seen
        assert "2 columns hidden (r\\x1b]0;owned" in seen
        assert "…" not in seen

    def test_parquet_is_refused(self) -> None:
        assert on_terminal("parquet").startswith("Parquet is not for a terminal. Use --output FILE.parquet")


def shown(rows: int, form: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", SHOW, str(rows), form]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), **options}
    return subprocess.run(command, **options)  # type: ignore[call-overload, no-any-return]


class TestPipes:
    def test_a_pipe_gets_what_a_wide_terminal_shows(self) -> None:
        piped = shown(3, "table").stdout.decode()
        seen = on_terminal("table", TERM="dumb", COLUMNS="400").replace("\r\n", "\n")
        assert piped == seen

    @pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
    def test_data_in_a_pipe_are_faithful(self, form: str) -> None:
        out = shown(2, form).stdout.decode()
        if form == "csv":
            assert f'"{HOSTILE}",0,0\n' in out
        elif form == "json":
            assert json.loads(out)["tables"]["t"][1]["customer"] == HOSTILE
        else:
            assert json.loads(out.split("\n")[1])["customer"] == HOSTILE

    def test_parquet_in_a_pipe(self) -> None:
        assert pl.read_parquet(shown(5, "parquet").stdout).height == 5

    @pytest.mark.parametrize("form", thinned(["table", "csv", "json", "ndjson", "parquet", "markdown"], 2))
    def test_a_reader_that_leaves_ends_it_quietly(self, form: str) -> None:
        command = [sys.executable, "-c", SHOW, "30000", form]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.read(10)
        run.stdout.close()
        assert run.stderr.read() == b""
        assert run.wait() == -signal.SIGPIPE

    @pytest.mark.parametrize("form", ["table", "csv", "json", "ndjson", "parquet", "markdown"])
    @pytest.mark.parametrize("rows", thinned([30_000, 3], 2))
    def test_a_full_disk_is_one_sentence(self, form: str, rows: int) -> None:
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            run = shown(rows, form, stdout=full)
        assert run.stderr.decode() == "Standard output could not be written: No space left on device.\n"
        assert run.returncode == 1

    @pytest.mark.parametrize("form", ["table", "csv"])
    def test_a_closed_output_is_one_sentence(self, form: str) -> None:
        run = shown(3, form, stdout=None, preexec_fn=lambda: os.close(1))
        assert (
            run.stderr.decode() == "Standard output is closed. Open it, or name a file with --output FILE.\n"
        )
        assert run.returncode == 1


def test_a_hint_needs_somebody_to_hear_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    report.hint("nobody")
    gone = io.StringIO()
    monkeypatch.setattr(gone, "write", lambda text: exec("raise BrokenPipeError"))
    monkeypatch.setattr(sys, "stderr", gone)
    report.hint("nobody")


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; from crmkit.output import report\n"
        "print([name for name in ('polars', 'pyarrow', 'rich', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert run.stdout == "[]\n", run.stderr
