"""A real cluster on the loopback: a master and two workers, each a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 90.0


@dataclass
class Farm:
    """The addresses of a running cluster, and its processes."""

    master: str
    connect: str = ""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill_a_worker(self) -> None:
        """Kill one worker and the executors that it runs, without a word to anybody."""
        worker = self.workers.pop()
        for child in _children(worker.pid):
            os.kill(child, signal.SIGKILL)
        worker.kill()


def _children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


def can_run() -> bool:
    """Whether PySpark and Java are here."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        return False
    return shutil.which("java") is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def farm(folder: Path, *, connect: bool = False) -> Iterator[Farm]:
    """A master, two workers of one core each and, if wanted, a Spark Connect server before them."""
    import pyspark

    home = Path(pyspark.__file__).parent
    port, web = free_port(), free_port()
    env = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_WORKER_DIR": str(folder),
        "SPARK_NO_DAEMONIZE": "1",
    }
    env.pop("PYTHONPATH", None)  # crmkit has to travel by itself
    master = f"spark://127.0.0.1:{port}"
    classes = "org.apache.spark.deploy"
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        log = (folder / f"{len(started)}.log").open("wb")
        started.append(subprocess.Popen(words, env=env, cwd=folder, stdout=log, stderr=log))
        return started[-1]

    spark_class = str(home / "bin" / "spark-class")
    try:
        start(
            spark_class,
            f"{classes}.master.Master",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--webui-port",
            str(web),
        )
        _wait(port)
        made = Farm(master)
        for _ in range(2):
            made.workers.append(
                start(spark_class, f"{classes}.worker.Worker", "--host", "127.0.0.1", "--webui-port", str(free_port()),
                      "--cores", "1", "--memory", "3g", master)
            )  # fmt: skip
        if connect:
            door = free_port()
            start(str(home / "sbin" / "start-connect-server.sh"), "--master", master,
                  "--conf", "spark.connect.grpc.binding.address=127.0.0.1",
                  "--conf", f"spark.connect.grpc.binding.port={door}",
                  "--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1",
                  "--conf", "spark.ui.enabled=false")  # fmt: skip
            _wait(door)
            made.connect = f"sc://127.0.0.1:{door}"
        yield made
    finally:
        for process in reversed(started):
            for child in _children(process.pid):
                _end(child)
            process.kill()
            process.wait()


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait(port: int) -> None:
    """Until somebody listens."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"nothing listens on port {port}")
