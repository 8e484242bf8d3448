"""What a run of several jobs has found and written: its own answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from crmkit.language.catalogue import counted, phrase
from crmkit.result import Result


@dataclass(frozen=True)
class Done:
    """A job that is done: its answer, the receipts of its files, and the day that it looks from."""

    name: str
    result: Result
    written: Sequence[Mapping[str, Any]]
    as_of: date | None


def result(done: Sequence[Done], reads: int) -> Result:
    """The answer of each job in a sentence, and the files that were written; `reads` are passes over the input."""
    jobs = pl.DataFrame(
        {"job": [one.name for one in done], "answer": [one.result.headline for one in done]},
        schema={"job": pl.String, "answer": pl.String},
    )
    files = pl.DataFrame(
        [(one.name, receipt["file"], receipt.get("rows")) for one in done for receipt in one.written],
        schema={"job": pl.String, "file": pl.String, "rows": pl.Int64},
        orient="row",
    )
    days = {one.as_of for one in done}
    return Result(
        command="run",
        tables={"jobs": jobs, "files": files},
        facts={
            **({"as_of": days.pop()} if len(days) == 1 else {}),
            "jobs": len(done),
            "files": files.height,
            "reads": reads,
            "answers": {one.name: dict(one.result.facts) for one in done},
        },
        titles={"jobs": "Each job", "files": "Files written"},
        headline=phrase(
            "{jobs} wrote {files} from {reads} of the input.",
            jobs=counted(len(done), "jobs"),
            files=counted(files.height, "files"),
            reads=counted(reads, "readings"),
        ),
    )
