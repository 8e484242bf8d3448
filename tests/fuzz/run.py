"""Runs a stretch of cases and prints what broke: `python -m tests.fuzz.run csv 0 1000`.

A case that hangs ends the process with its number on standard error; one that takes much memory breaks it.
"""

from __future__ import annotations

import faulthandler
import json
import resource
import sys
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random

from crmkit.load import Options
from crmkit.system import memory
from tests.fuzz import csv_cases, parquet_cases
from tests.fuzz.judge import BrokenError, Judged, judge
from tests.load import naive

SECONDS = 20
MOST_MEMORY = 4 << 30


def csv_case(seed: int) -> str:
    """Load a generated CSV file; how it ended."""
    made = csv_cases.case(seed)
    judged = judge(made.data, options=Options(**made.options))
    if made.rows is not None:
        _is_exact(judged, made.rows)
    return "refused" if judged.refusal else "loaded"


def _is_exact(judged: Judged, rows: list[tuple[str, object, Decimal]]) -> None:
    """A file without any fault is loaded, to the cent."""
    if judged.refusal:
        raise BrokenError(f"a good file was refused: {judged.refusal}")
    told = naive.read(
        "\n".join(["customer\tdate\tamount", *("\t".join(map(_quoted, row)) for row in rows)]), "\t"
    )
    days = (min(told.days), max(told.days))
    if judged.account != (told.read, {}, told.revenue, dict(told.customers), *days):
        raise BrokenError(f"a good file was read wrongly: {judged.account} against {told}")


def _quoted(value: object) -> str:
    return '"' + str(value).replace('"', '""') + '"'


def parquet_case(seed: int) -> str:
    """Load a damaged Parquet file whose pages have checksums: refused, or as it was before."""
    whole = parquet_cases.clean(seed // 20)
    data = parquet_cases.damaged(whole.data, Random(seed)) if seed % 20 else whole.data
    judged = judge(data, "case.parquet")
    if seed % 20 == 0 and judged.refusal:
        raise BrokenError(f"a good file was refused: {judged.refusal}")
    if judged.refusal:
        return "refused"
    told = (judged.audit.rows_used, judged.audit.money(judged.audit.revenue), judged.customers)
    if told != (whole.rows, whole.revenue, whole.customers):
        raise BrokenError(f"altered: {told} against {whole.rows, whole.revenue, whole.customers}")
    return "loaded"


def bare_case(seed: int) -> str:
    """The same without checksums, where only the account can be asked to add up."""
    whole = parquet_cases.clean(seed // 20, checksums=False)
    judged = judge(parquet_cases.damaged(whole.data, Random(seed)), "case.parquet")
    return "refused" if judged.refusal else "loaded"


KINDS: dict[str, Callable[[int], str]] = {"csv": csv_case, "parquet": parquet_case, "bare": bare_case}


def stretch(kind: str, start: int, count: int) -> tuple[Counter[str], list[str]]:
    """How the cases ended, and what broke."""
    ends: Counter[str] = Counter()
    broken = []
    for seed in range(start, start + count):
        print(seed, end=" ", file=sys.stderr, flush=True)
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        try:
            ends[KINDS[kind](seed)] += 1
        except BrokenError as found:
            ends["broken"] += 1
            broken.append(f"{kind} {seed}: {found}")
    faulthandler.cancel_dump_traceback_later()
    return ends, broken


def main() -> None:
    """Print the counts and the findings as one JSON object."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    kind, start, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    ends, broken = stretch(kind, start, count)
    print(json.dumps({"ends": ends, "broken": broken, "megabytes": (memory.peak() or 0) >> 20}))


if __name__ == "__main__":
    main()
