"""Peers in virtual environments of their own, so that none decides another's versions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "envs"


@dataclass(frozen=True)
class Env:
    """What to install, and the Pythons that will do, the best first."""

    packages: tuple[str, ...]
    pythons: tuple[str, ...] = ()


ENVS = {
    "duckdb": Env(("duckdb>=2.0", "pandas>=3.0", "pyarrow>=26")),
    # Archived in 2020; it runs on the pandas and numpy of its time.
    "lifetimes": Env(
        ("lifetimes==0.11.3", "pandas==1.5.3", "numpy<2", "pyarrow<22"), ("3.9", "3.10", "3.11")
    ),
    "pymc": Env(("pymc-marketing>=1.3", "pyarrow"), ("3.12", "3.13")),
}


def _found(version: str) -> Iterator[Path]:
    """Interpreters of one version: on the path, or kept by pyenv or uv."""
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)
    yield from sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    yield from sorted(Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/python3"))


def _works(python: Path, version: str) -> bool:
    said = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
    return said.returncode == 0 and f" {version}." in said.stdout


def _interpreter(env: Env) -> Path | None:
    if not env.pythons:
        return Path(sys.executable)
    candidates = ((path, version) for version in env.pythons for path in _found(version))
    return next((path for path, version in candidates if _works(path, version)), None)


def python_of(name: str) -> Path | None:
    """The Python of an environment, built on first use; None where it cannot be built here."""
    python, log = FOLDER / name / "bin" / "python", FOLDER / f"{name}.log"
    if (FOLDER / name / "ready").exists():
        return python
    base = _interpreter(ENVS[name])
    if base is None:
        print(f"{name} left out: it needs Python {' or '.join(ENVS[name].pythons)}", file=sys.stderr)
        return None
    print(f"installing {name} with {base}", file=sys.stderr, flush=True)
    FOLDER.mkdir(exist_ok=True)
    steps = [
        [base, "-m", "venv", "--clear", FOLDER / name],
        [python, "-m", "pip", "install", "--quiet", *ENVS[name].packages],
    ]
    with log.open("w") as out:
        done = all(
            subprocess.run(step, stdout=out, stderr=out, check=False).returncode == 0 for step in steps
        )
    if not done:
        print(f"{name} left out: it could not be installed, see {log}", file=sys.stderr)
        return None
    (FOLDER / name / "ready").touch()
    return python


def versions(name: str) -> str:
    """What is installed there, for the record under the table."""
    python = FOLDER / name / "bin" / "python"
    listed = subprocess.run([python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True)
    wanted = {package.split("=")[0].split(">")[0].split("<")[0] for package in ENVS[name].packages}
    found = [line for line in listed.stdout.splitlines() if line.split("==")[0].lower() in wanted]
    says = subprocess.run([python, "--version"], capture_output=True, text=True).stdout.strip()
    return f"{says}: {', '.join(found)}"
