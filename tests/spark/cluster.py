"""A real cluster on the loopback: a master and two workers, each a process of its own, and Spark Connect before them."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 120.0
_PR_SET_PDEATHSIG = 1
_SERVICE = "org.apache.spark.sql.connect.service.SparkConnectServer"
# Java begins fast, at the price of speed that a test would not live to see.
_HASTE = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_NEAR = ("--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1")


def missing() -> str:
    """What is not here of what the cluster needs."""
    wanted = {
        "PySpark": importlib.util.find_spec("pyspark"),
        "grpcio": importlib.util.find_spec("grpc"),
        "Java": shutil.which("java"),
    }
    return ", ".join(name for name, found in wanted.items() if not found)


class Farm:
    """A running cluster: where it answers, and its processes."""

    def __init__(self, folder: Path, *, quick: bool = True) -> None:
        import pyspark

        java = _HASTE if quick else ""
        self._folder = folder
        self._home = Path(pyspark.__file__).parent
        self.settings = _settings(folder, java)
        self._env = os.environ | {
            "SPARK_HOME": str(self._home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            # A run gets a core of each of two workers, so that several have room beside each other.
            "SPARK_DAEMON_JAVA_OPTS": _HASTE,
            "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false -Dspark.deploy.defaultCores=2",
            "SPARK_WORKER_DIR": str(folder / "work"),
            "SPARK_LOCAL_DIRS": str(folder / "scratch"),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_CONF_DIR": str(self.settings),
        }
        self._env.pop("PYTHONPATH", None)  # crmkit has to travel by itself
        self._started: list[subprocess.Popen[bytes]] = []
        self._workers: list[subprocess.Popen[bytes]] = []
        port = free_port()
        self.master, self.connect = f"spark://127.0.0.1:{port}", ""
        self._daemon("master.Master", "--port", str(port))
        self._until_answered(port)
        for _ in range(2):
            self.hire()

    def hire(self) -> None:
        """One more worker."""
        self._workers.append(self._daemon("worker.Worker", "--cores", "4", "--memory", "4g", self.master))

    def kill_a_worker(self) -> None:
        """End a worker and its executors, without a word to anybody."""
        self._kill(self._workers.pop(0))

    def sessions(self) -> set[int]:
        """The session numbers of its processes and all that they have started."""
        return {process.pid for process in self._started}

    def shuffled(self) -> set[Path]:
        """The files that tasks have written for other tasks."""
        return set((self._folder / "scratch").rglob("shuffle_*.data"))

    def serve(self) -> None:
        """Put a Spark Connect server before the cluster."""
        port = free_port()
        server = "spark.connect.grpc.binding"
        settings = [f"{server}.address=127.0.0.1", f"{server}.port={port}", "spark.ui.enabled=false"]
        words = [word for setting in settings for word in ("--conf", setting)]
        place = (
            "--master",
            self.master,
        )
        self._start(["spark-submit", "--class", _SERVICE, *place, *_NEAR, *words])
        self._until_answered(port)
        self.connect = f"sc://127.0.0.1:{port}"

    def close(self) -> None:
        for process in reversed(self._started):
            self._kill(process)

    def words(self) -> str:
        """What the processes said last, for an error."""
        logs = sorted(self._folder.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-800:]}" for log in logs)

    def _daemon(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        place = ("--host", "127.0.0.1", "--webui-port", str(free_port()))
        return self._start(["spark-class", f"org.apache.spark.deploy.{name}", *place, *words])

    def _start(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """A process in a session of its own, by which its children are found; it ends with the tests."""
        command = [str(self._home / "bin" / words[0]), *words[1:]]
        with (self._folder / f"{len(self._started)}.log").open("wb") as log:
            self._started.append(
                subprocess.Popen(
                    command,
                    env=self._env,
                    cwd=self._folder,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=_end_with_parent,
                )
            )
        return self._started[-1]

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        members = subprocess.run(["pgrep", "-s", str(process.pid)], capture_output=True, text=True).stdout
        for number in map(int, members.split()):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        process.wait()

    def _until_answered(self, port: int) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            if self._started[-1].poll() is not None:
                break
            time.sleep(0.2)
        raise TimeoutError(f"nothing answers on port {port}\n{self.words()}")


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _settings(folder: Path, java: str) -> Path:
    """A folder of settings."""
    place = folder / "conf"
    place.mkdir(exist_ok=True)
    (place / "spark-defaults.conf").write_text(
        f"spark.driver.extraJavaOptions {java}\nspark.executor.extraJavaOptions {java}\n"
    )
    return place


def free_port() -> int:
    """A port of the loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def farm(folder: Path, *, quick: bool = True) -> Iterator[Farm]:
    """A cluster that lives as long as the block; `quick` to begin, or quick in the long run."""
    made = Farm(folder, quick=quick)
    try:
        yield made
    finally:
        made.close()
