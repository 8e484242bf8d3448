"""Who has no Spark need not hear of it; who asks for it is told what is missing."""

from __future__ import annotations

import importlib.util
import sys
import types

import pytest

from tests.load.running import run
from tests.tool import SALES, crmkit

absent = pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="PySpark is here")


@absent
@pytest.mark.parametrize("command", ["rfm", "clv", "check"])
def test_help_does_not_mention_it(command: str) -> None:
    said = crmkit(command, "--help").lower()
    assert "--output" in said
    for word in ("spark", "--engine", "--master", "--conf"):
        assert word not in said


@absent
def test_what_is_missing_is_said() -> None:
    done = run("rfm", SALES, "--engine", "spark")
    assert done.status == 2
    assert (
        done.err
        == "crmkit: --engine spark needs PySpark, which is not installed: pip install 'crmkit[spark]'\n"
    )


def test_a_version_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    old = types.ModuleType("pyspark")
    old.__spec__ = importlib.util.spec_from_loader("pyspark", None)
    old.__version__ = "3.5.6"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyspark", old)
    done = run("rfm", SALES, "--engine", "spark")
    assert done.status == 2
    assert done.err == "crmkit: --engine spark needs PySpark 4.0 or later, and 3.5.6 is installed.\n"


def test_settings_without_the_engine() -> None:
    done = run("rfm", SALES, "--master", "local[2]")
    assert done.status == 2
    assert "--engine spark" in done.err


# Words of Spark, and what ours must hold.
WORDS = {
    "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.12 than that in driver: 3.11, PySpark cannot": "run Python 3.12, and this machine 3.11",
    "ModuleNotFoundError: No module named 'polars'\n": "pip install polars",
    "Caused by: java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found": "s3a",
    "Total size of serialized results of 9 tasks (1.1 GiB) is bigger than spark.driver.maxResultSize (1024.0 MiB).": "-o FOLDER",
    "Py4JJavaError: o1\n[FAILED_READ_FILE.NO_HINT] Encountered error while reading file a. SQLSTATE: KD001\n\tat x": "while reading file a.",
    "crmkit.errors.GateError: Too many rows were set aside.\n\tat x": "Too many rows were set aside.",
}


@pytest.mark.parametrize("words", WORDS)
def test_the_sentence_in_long_words(words: str) -> None:
    from crmkit.spark.errors import sentence

    said = str(sentence(words))
    assert WORDS[words] in said
    assert "\n" not in said and "SQLSTATE" not in said
