"""Fuzzing that looks where new code is reached: `python tests/fuzz/guided.py --seconds 3600` (needs `pip install atheris`).

What breaks is kept in the folder `--found`, one file for each kind of break, and the search goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import tempfile
from pathlib import Path
from random import Random

os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("ARROW_NUM_THREADS", "1")
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import atheris  # noqa: E402

with atheris.instrument_imports(include=["crmkit.load"]):
    import crmkit.load.transactions  # noqa: F401

from tests.fuzz import csv_cases, parquet_cases  # noqa: E402
from tests.fuzz.judge import BrokenError, judge  # noqa: E402

SECONDS_A_CASE = 20
MEGABYTES = 4000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="kept from run to run; a temporary folder if not given")
    parser.add_argument("--found", type=Path, default=Path("found"))
    return parser.parse_args()


def seeds(folder: Path) -> None:
    """Files of every kind to begin with."""
    for seed in range(400):
        (folder / f"csv-{seed}").write_bytes(csv_cases.case(seed).data)
    for seed in range(40):
        (folder / f"parquet-{seed}").write_bytes(parquet_cases.clean(seed).data)
    sales = (ROOT / "sample_data" / "sales.csv").read_bytes().splitlines(keepends=True)
    (folder / "sales").write_bytes(b"".join(sales[:40]))


def words(path: Path) -> None:
    """A dictionary, in the form that libFuzzer wants."""
    tokens = {word.encode() for word in (*csv_cases.ODD, *sum(csv_cases.NAMES, ()))} | set(csv_cases.BITS)
    lines = ("".join(f"\\x{byte:02x}" for byte in token) for token in sorted(tokens) if 0 < len(token) < 60)
    path.write_text("".join(f'"{line}"\n' for line in lines))


def main() -> None:
    """Search for so many seconds."""
    given = arguments()
    given.found.mkdir(parents=True, exist_ok=True)
    folder = given.corpus or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        seeds(folder)
    dictionary = given.found / "words.dict"
    words(dictionary)

    def one(data: bytes) -> None:
        try:
            judge(data)
        except BrokenError as broken:
            kind = hashlib.sha256(re.sub(r"[\d'\"]+", "", str(broken)[:60]).encode()).hexdigest()[:12]
            if not (path := given.found / kind).exists():
                path.write_bytes(data)
                print(f"\nFOUND {path}: {str(broken)[:300]}", file=sys.stderr, flush=True)

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        """Our own ways to break a file take turns with the library's."""
        chance = Random(seed)
        made = atheris.Mutate(data, most) if chance.random() < 0.5 else csv_cases.spoil_bytes(data, chance, 2)
        return made[:most]

    limits = [f"-max_total_time={given.seconds}", f"-timeout={SECONDS_A_CASE}", f"-rss_limit_mb={MEGABYTES}"]
    sizes = [
        "-max_len=6000",
        f"-dict={dictionary}",
        f"-artifact_prefix={given.found}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *limits, *sizes, str(folder)], one, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
