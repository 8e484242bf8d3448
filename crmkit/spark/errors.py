"""What Spark or a task of it raises, in one sentence; what crmkit itself raised there, as it was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from crmkit import errors
from crmkit.errors import CrmkitError, DataError

_OURS = re.compile(r"crmkit\.errors\.(\w+): (.*)")
_THEIRS = ("py4j", "grpc", "pyspark")
# (what Spark's words look like, ours)
_KNOWN = (
    (
        r"No module named '([\w.]+)'",
        "The Python of the executors has no {0}. What crmkit stands on must be there "
        "(crmkit itself travels along): pip install polars pyarrow numpy scipy.",
    ),
    (
        r"PYTHON_VERSION_MISMATCH\D*(\d+[\d.]+)\D+(\d+[\d.]+)",
        "The executors run Python {0}, and this machine {1}; they must be the same. "
        "Name the one to use there: --conf spark.pyspark.python=PATH.",
    ),
    (
        r"PATH_NOT_FOUND\] Path does not exist: (.+?)\.? SQLSTATE",
        "{0}: there is no such file or folder where Spark looks. "
        "A path of a machine's own disk must be there on all machines of a cluster.",
    ),
    (r"TABLE_OR_VIEW_NOT_FOUND\] The table or view (\S+)", "There is no table {0}."),
    (
        r"(?:PATH|TABLE_OR_VIEW)_ALREADY_EXISTS\] (?:Path|Cannot create table or view) (\S+)",
        "The output {0} is there already. With --engine spark, name a new one.",
    ),
    (
        r"fs\.(s3a|azurebfs|gcs)\.\w+ not found|No FileSystem for scheme \"?(\w+)",
        "This Spark has no module for such addresses ({0}); add the one that belongs to it: --conf spark.jars.packages=…",
    ),
    (
        r"maxResultSize \(([^)]+)\)",
        "More would have to come to this machine than it takes ({0}). Have the rows written where they are "
        "(-o FOLDER), or raise the limit: --conf spark.driver.maxResultSize=8g.",
    ),
    (
        r"Python worker exited unexpectedly",
        "A task's Python was ended on the cluster, most likely for want of memory. Deal the rows into more parts "
        "(--conf spark.sql.shuffle.partitions=N), or give executors more (--conf spark.executor.memoryOverhead=4g).",
    ),
    (
        r"Java gateway process exited|JAVA_GATEWAY_EXITED",
        "Java could not be started for Spark, or ended at once. Is it version 17 or later? java -version tells.",
    ),
)  # fmt: skip


@contextmanager
def in_words() -> Iterator[None]:
    """Let through what is crmkit's own, and put into words what comes from Spark."""
    try:
        yield
    except Exception as error:
        if isinstance(error, CrmkitError) or not type(error).__module__.startswith(_THEIRS):
            raise
        raise sentence(str(error)) from error


def sentence(text: str) -> CrmkitError:
    """The error that a long message of Spark is about."""
    ours = _OURS.findall(text)
    if ours:
        kind, message = ours[-1]
        return getattr(errors, kind, DataError)(message)
    for pattern, words in _KNOWN:
        found = re.search(pattern, text)
        if found:
            return DataError(words.format(*(group for group in found.groups() if group)))
    return DataError(f"Spark: {_gist(text)} (--debug shows all of it)")


def _gist(text: str) -> str:
    """The first sentence of the innermost cause, as far as that can be told."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = re.search(r"\[[A-Z][A-Z0-9_.]+\] [^\n]+", text)
    causes = [line for line in lines if re.match(r"(Caused by: )?[\w.]+(Error|Exception): ", line)]
    found = named[0] if named else (causes or lines or ["no reason given"])[-1 if causes else 0]
    return re.sub(r"\s*SQLSTATE: \w+", "", found)[:300]
