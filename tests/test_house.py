"""The shape of the house: imports point one way, and what starts fast stays so."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "crmkit"
# Lower rooms know nothing of those above them; a module may import from its own room and from below,
# except that analyses and commands never import each other.
ROOMS = {
    0: {"_version", "errors", "ahead", "rows", "result", "text", "columns", "parse", "money", "endings"},
    1: {"models", "cells", "periods", "days", "counts", "short", "cutpoints", "segments", "panel"},
    2: {
        "load",
        "customers",
        "shortcuts",
        "sample",
        "streams",
        "temps",
        "formats",
        "output",
        "pictures",
        "screen",
        "progress",
        "histories",
        "candidates",
        "modelfile",
        "options",
    },
    4: {"report", "rejects"},
    5: {"session"},
    6: {"commands"},
    7: {"cli"},
    8: {"guard", "supervise"},
    9: {"__main__", "__init__"},
}
ANALYSES = 3  # whatever is not named above


def _room(top: str) -> int:
    return next((level for level, names in ROOMS.items() if top in names), ANALYSES)


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
    here = _room(top)
    for other in _imports(path) - {top}:
        level = _room(other)
        assert level <= here, f"{path.name} looks up to {other}"
        if here == ANALYSES:
            # The modules of one analysis begin with its name.
            assert level < here or other.split("_")[0] == top.split("_")[0], (
                f"{path.name}: {other} is an analysis too"
            )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["rfm", "--help"]])
def test_help_waits_for_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nsys.argv = ['crmkit', *%r]\nfrom crmkit.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('polars', 'numpy', 'scipy', 'pyarrow', 'duckdb') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code % arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("[]"), done.stdout[-200:]


def test_the_package_names_no_registry() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert "pypi" not in path.read_text().lower(), path
