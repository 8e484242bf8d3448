"""A Spark session, begun and ended: where it runs, what travels to it, and its complaints in one sentence."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from crmkit.errors import DataError, UsageError
from crmkit.spark.errors import in_words

OLDEST = (4, 0)
_PATIENCE = 5.0
# An answer must not depend on where the cluster is, nor on how it happens to be set up.
_SQL = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "200000",
}
_QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}


def installed() -> bool:
    """Whether PySpark is there; it is not imported for that."""
    return importlib.util.find_spec("pyspark") is not None


@contextmanager
def session(master: str | None, conf: Sequence[str] = ()) -> Iterator[Any]:
    """A Spark session that knows crmkit's own code.

    `master` is local[N], spark://HOST:PORT, sc://HOST:PORT (Spark Connect) or what else Spark takes;
    None leaves it to spark-submit or the environment. `conf` are KEY=VALUE. UsageError for what is
    not installed, DataError for what cannot be reached.
    """
    _check(master)
    settings = dict(_pair(word) for word in conf)
    with tempfile.TemporaryDirectory(prefix="crmkit-spark-") as folder:
        log = Path(folder) / "spark.log"
        with in_words():
            with _speaking_to(log):
                spark = _begin(master, settings)
            try:
                _ship(spark, Path(folder))
                yield spark
            finally:
                with suppress(Exception):
                    spark.stop()


def _check(master: str | None) -> None:
    if not installed():
        raise UsageError("--engine spark needs PySpark, which is not installed: pip install 'crmkit[spark]'")
    warnings.filterwarnings("ignore", module="pyspark")  # what it thinks of pandas, which is not used
    import pyspark

    version = tuple(int(part) for part in pyspark.__version__.split(".")[:2])
    if version < OLDEST:
        raise UsageError(
            f"--engine spark needs PySpark 4.0 or later, and {pyspark.__version__} is installed."
        )
    if master is not None and master.startswith(("spark://", "sc://")):
        _reach(master)
    if not (master or "").startswith("sc://") and not _java():
        raise UsageError(
            "--engine spark needs Java 17 or later, and none was found in JAVA_HOME or on the path. "
            "On Debian: apt-get install default-jre-headless. (Spark Connect, --master sc://HOST, needs none here.)"
        )


def _java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return (Path(home) / "bin" / "java").exists() if home else shutil.which("java") is not None


def _reach(master: str) -> None:
    """A master that does not answer is known at once; Spark itself would try for a minute."""
    places = [urlparse(f"//{place}") for place in urlparse(master).netloc.split(",")]
    usual = 15002 if master.startswith("sc://") else 7077
    for place in places:
        with suppress(OSError), socket.create_connection((place.hostname, place.port or usual), _PATIENCE):
            return
    raise DataError(
        f"--master {master}: nothing answers there. Is the cluster running, and is the port right?"
    )


def _pair(word: str) -> tuple[str, str]:
    key, sign, value = word.partition("=")
    if not sign or not key:
        raise UsageError(f"--conf {word!r} is not a setting; write it as KEY=VALUE.")
    return key.strip(), value.strip()


def _begin(master: str | None, settings: dict[str, str]) -> Any:
    from pyspark.sql import SparkSession

    if "spark.pyspark.python" in settings:
        os.environ["PYSPARK_PYTHON"] = settings["spark.pyspark.python"]
    builder: Any = SparkSession.builder.appName("crmkit")
    if master is not None and master.startswith("sc://"):
        spark = builder.remote(master).create()
        given = settings
    else:
        builder = builder if master is None else builder.master(master)
        for key, value in {**_QUIET, **_on_this_machine(master), **settings}.items():
            builder = builder.config(key, value)
        interrupted = signal.getsignal(signal.SIGINT)
        spark, given = builder.getOrCreate(), {}
        with suppress(
            ValueError
        ):  # PySpark has a handler of its own, which may never come back from asking Java
            signal.signal(signal.SIGINT, interrupted)
    for key, value in {**_SQL, **given}.items():
        spark.conf.set(key, value)
    return spark


def _on_this_machine(master: str | None) -> dict[str, str]:
    """Where everything is on one machine, nothing need leave it, and tasks run the Python that runs this."""
    if master is None or not (master.startswith("local") or "127.0.0.1" in master):
        return {}
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def _ship(spark: Any, folder: Path) -> None:
    """Send crmkit's own code along; the libraries that it stands on must be there."""
    package, shipped = Path(__file__).parent.parent, folder / "crmkit.zip"
    with zipfile.ZipFile(shipped, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(package.rglob("*")):
            if path.suffix in (".pyc", "") or path.is_dir():
                continue
            file.write(path, path.relative_to(package.parent))
    spark.addArtifacts(str(shipped), pyfile=True)


@contextmanager
def _speaking_to(log: Path) -> Iterator[None]:
    """The Java process talks to whatever its streams are when it begins: a log, and not the user."""
    kept = {number: os.dup(number) for number in (1, 2) if _is_open(number)}
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for number in kept:
            os.dup2(file, number)
        yield
    finally:
        os.close(file)
        for number, before in kept.items():
            os.dup2(before, number)
            os.close(before)


def _is_open(descriptor: int) -> bool:
    with suppress(OSError):
        os.fstat(descriptor)
        return True
    return False
