"""Addresses of the web: fetched whole, again where a fault may pass, and never with a secret in a message."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from crmkit.sources import web
from tests.load.running import refused, run
from tests.load.sales import account, text
from tests.sources.places import answers, csv_file, ndjson
from tests.sources.web_server import Pages

Whole = (200, {}, text().encode())


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_WAITS", (0.0, 0.0))


def test_same_bytes_as_from_a_file(tmp_path: Path, pages: Pages) -> None:
    pages.answers = {
        "/sales.csv": [Whole],
        "/sales.csv.gz": [(200, {}, gzip.compress(text().encode()))],
        "/api/orders": [(200, {"Content-Type": "application/json"}, ndjson().encode())],
        "/moved": [(302, {"Location": "/sales.csv"}, b"")],
    }
    wanted = answers(csv_file(tmp_path))
    for path in pages.answers:
        assert answers(pages.address + path) == wanted


def test_faults_that_pass(pages: Pages) -> None:
    pages.answers["/sales.csv"] = [(503, {}, b""), (200, {"Content-Length": "99999"}, text().encode()), Whole]
    assert run("check", pages.address + "/sales.csv", "--format", "json").account == account()
    pages.answers["/sales.csv"] = [(200, {"Content-Length": "99999"}, text().encode())]
    refused(run("check", pages.address + "/sales.csv"), "99,999 were announced", "three times")


def test_faults_that_stay(pages: Pages) -> None:
    pages.answers["/no"] = [(403, {}, b"")]
    refused(run("check", pages.address + "/no?token=hush"), "the server answers 403")
    refused(run("check", pages.address + "/none"), "404")
    refused(run("check", "http://127.0.0.1:1/a.csv"), "could not be fetched")
    pages.answers["/login"] = [(200, {}, b"<html><body>Please log in</body></html>")]
    refused(run("check", pages.address + "/login"), "HTML")


def test_secrets_are_not_shown(tmp_path: Path, pages: Pages) -> None:
    pages.answers["/sales.csv"] = [Whole]
    address = pages.address + "/sales.csv?signature=hush"
    done = run("rfm", address, "--summary", tmp_path / "run.json", "--rejects", tmp_path / "r.csv")
    assert done.status == 0
    assert "hush" not in done.err + done.out + (tmp_path / "run.json").read_text()
    assert json.loads((tmp_path / "run.json").read_text())["inputs"][0]["bytes"] == len(text())
    assert "hush" not in run("check", pages.address + "/none?x=hush").err
    refused_ = run("check", "http://me:hush@127.0.0.1:1/a.csv")
    assert refused_.status == 2 and "hush" not in refused_.err and "netrc" in refused_.err


def test_a_login_from_netrc(tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.answers["/sales.csv"] = [Whole]
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert run("check", pages.address + "/sales.csv").status == 0
    assert pages.asked[-1][1]["Authorization"].startswith("Basic ")


def test_the_same_address_twice(pages: Pages) -> None:
    pages.answers["/sales.csv"] = [Whole]
    assert run("check", pages.address + "/sales.csv", pages.address + "/sales.csv").status == 2
