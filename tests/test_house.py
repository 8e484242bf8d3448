"""The shape of the house: imports point one way, and what starts fast stays so."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from crmkit.cli import COMMANDS

PACKAGE = Path(__file__).parent.parent / "crmkit"
SALES = PACKAGE.parent / "sample_data" / "sales.csv"
# Each room, or file of the hall, may import from itself and from what is on a lower floor.
FLOORS = (
    {"_version", "errors", "columns", "vocabulary", "parse", "language", "engine", "system", "config"},
    {"result", "models", "headlines"},
    {"sources"},
    {"load"},
    {"output"},
    {"customers", "sample", "page"},
    {"history"},
    {"spark", "scoring"},
    {"forecast", "whatif", "baskets", "profiles", "nightly"},
    # the questions: none imports another
    {"check", "pareto", "rfm", "clv", "backtest", "migration", "cohort", "lifecycle", "churn", "trend"}
    | {"deviation", "basket", "profile", "returns", "campaigns", "accounts"},
    # one page of all answers
    {"report"},
    {"session"},
    {"commands"},
    {"cli"},
    {"process"},
    {"__main__", "__init__"},
)
QUESTIONS = 9


def _floor(top: str) -> int:
    return next(floor for floor, names in enumerate(FLOORS) if top in names)


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "crmkit":
            parts = (node.module or "").split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("crmkit.")}
    return found


def _modules() -> list[tuple[str, Path]]:
    return [
        (path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path)
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


@pytest.mark.parametrize(
    ("top", "path"), _modules(), ids=lambda value: value.name if isinstance(value, Path) else value
)
def test_imports_point_one_way(top: str, path: Path) -> None:
    here = _floor(top)
    for other in _imports(path) - {top}:
        assert _floor(other) < here or (_floor(other) == here != QUESTIONS), f"{path} looks up to {other}"


def test_the_hall_is_small_and_every_room_has_a_floor() -> None:
    hall = list(PACKAGE.glob("*.py"))
    assert len(hall) <= 24
    named = set().union(*FLOORS)
    assert {top for top, _ in _modules()} == named


def test_a_command_is_its_options_and_one_call() -> None:
    for path in (PACKAGE / "commands").glob("*.py"):
        assert path.stem in {*COMMANDS, "__init__"}, (
            f"{path} is no command: what several share is in session/"
        )
        assert len(path.read_text().splitlines()) <= 60, path


HEAVY = ("polars", "numpy", "scipy", "pyarrow", "duckdb", "hashlib", "json", "fractions")
# What has no part in reading a Parquet file and writing one.
OF_OTHERS = (
    *("fractions", "pyarrow.csv", "pyarrow.compute", "crmkit.load.csv.dialect", "crmkit.load.csv.careful"),
    *(
        "crmkit.load.ledger.manifest",
        "crmkit.sources.json_rows",
        "crmkit.sources.databases",
        "crmkit.session.jobs",
    ),
    *("crmkit.nightly.gates", "crmkit.output.screen"),
)


def _imported(arguments: list[str], modules: tuple[str, ...], folder: Path) -> str:
    """Those of the modules that a command imports; in one process, since what its worker imports nobody sees."""
    code = (
        "import sys\nsys.argv = ['crmkit', *%r]\nfrom crmkit.process.exit_status import guarded\n"
        "guarded(sys.argv[1:])\nprint([m for m in %r if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code % (arguments, modules)],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,  # where there are no settings to be read
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["rfm", "--help"]])
def test_help_waits_for_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert _imported(arguments, HEAVY, tmp_path) == "[]"


def test_a_parquet_file_waits_for_no_other_kind_of_file(tmp_path: Path) -> None:
    sales, found = tmp_path / "sales.parquet", tmp_path / "rfm.parquet"
    pl.read_csv(SALES).write_parquet(sales)
    assert _imported(["rfm", str(sales), "-o", str(found), "-q"], OF_OTHERS, tmp_path) == "[]"
    assert found.exists()


def test_the_package_names_no_registry() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert "pypi" not in path.read_text().lower(), path
