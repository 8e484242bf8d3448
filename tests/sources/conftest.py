"""Servers that tests start themselves, and stop."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.sources.web_server import Pages

PASSWORD = "open sesame"


def _programs() -> Path | None:
    found = [
        *Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        *map(Path, filter(None, [shutil.which("initdb")])),
    ]
    return found[0].parent if found else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a database of PostgreSQL that asks for a password, which PGPASSWORD has."""
    pytest.importorskip("adbc_driver_postgresql")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not here")
    folder = Path(tempfile.mkdtemp(prefix="crmkit-pg-", dir="/tmp"))
    folder.chmod(0o755)
    ordinary = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
    if ordinary:
        shutil.chown(folder, "nobody", "nogroup")
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [programs / program, "-D", folder / "data", *words],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            **ordinary,
        )  # type: ignore[call-overload]

    run(
        "initdb",
        "-U",
        "analyst",
        "-A",
        "scram-sha-256",
        f"--pwfile={folder}/password",
        "-E",
        "UTF8",
        "--no-sync",
    )
    settings = f"-k {folder} -c listen_addresses= -c fsync=off -c unix_socket_permissions=0777"
    run("pg_ctl", "-o", settings, "-l", str(folder / "log"), "-w", "start")
    before = os.environ.get("PGPASSWORD")
    os.environ["PGPASSWORD"] = PASSWORD
    try:
        yield f"postgresql://analyst@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.pop("PGPASSWORD") if before is None else os.environ.update(PGPASSWORD=before)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an object store that speaks S3, with a bucket `shop`."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    before = {name: os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    os.environ.update(dict.fromkeys(before, "test"))
    server.start()
    host, port = server.get_host_and_port()
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/shop", method="PUT")).close()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="session")
def gs() -> Iterator[str]:
    """The address of an object store that speaks as Google's does, with a bucket `shop`."""
    pytest.importorskip("gcp_storage_emulator")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not here: it writes to standard error, which tests replace.
    command = [
        Path(sys.executable).parent / "gcp-storage-emulator",
        "start",
        "--host=127.0.0.1",
        f"--port={port}",
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([*command, "--in-memory", "--default-bucket=shop"], **quiet)  # type: ignore[call-overload]
    address = f"http://127.0.0.1:{port}"
    while server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{address}/storage/v1/b/shop"):
            break
        time.sleep(0.05)
    yield address
    server.terminate()
    server.wait()


@pytest.fixture
def secure(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    """A server of the web with encryption, whose authority this process trusts, and no other."""
    trustme = pytest.importorskip("trustme")
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    certificate = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Pages(context) as server:
        yield server


@pytest.fixture
def pages() -> Iterator[Pages]:
    """A server of the web that answers as it is told."""
    with Pages() as server:
        yield server
