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


def test_redirects(pages: Pages) -> None:
    pages.answers = {
        "/sales.csv": [Whole],
        "/once": [(301, {"Location": "/twice"}, b"")],
        "/twice": [(307, {"Location": "/sales.csv"}, b"")],
        "/round": [(302, {"Location": "/round"}, b"")],
        "/out": [(302, {"Location": "file:///etc/passwd"}, b"")],
    }
    assert run("check", pages.address + "/once", "--format", "json").account == account()
    refused(run("check", pages.address + "/round"), "the server answers 302", "infinite loop")
    refused(run("check", pages.address + "/out"), "the server answers 302", "not allowed")


def test_how_much_there_is_may_not_be_said(pages: Pages) -> None:
    pages.answers["/sales.csv"] = [(200, {"Content-Length": ""}, text().encode())]
    done = run("check", pages.address + "/sales.csv", "--format", "json")
    assert done.account == account() and "does not say how much there is" in done.err
    pages.answers["/s.gz"] = [(200, {"Content-Length": ""}, gzip.compress(text().encode())[:-20])]
    refused(run("check", pages.address + "/s.gz"), "corrupt or truncated")


def test_a_login_does_not_go_along_to_another_host(
    tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Pages() as other:
        other.answers["/sales.csv"] = [Whole]
        pages.answers["/sales.csv"] = [(302, {"Location": other.address + "/sales.csv"}, b"")]
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
        (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        assert run("check", pages.address + "/sales.csv").status == 0
        assert "Authorization" in pages.asked[0][1] and "Authorization" not in other.asked[0][1]


@pytest.mark.slow
class TestEncrypted:
    """A server with a certificate of an authority of the test's own."""

    def test_same_bytes_as_from_a_file(self, tmp_path: Path, secure: Pages) -> None:
        secure.answers = {
            "/sales.csv": [Whole],
            "/sales.csv.gz": [(200, {}, gzip.compress(text().encode()))],
            "/moved": [(302, {"Location": "/sales.csv"}, b"")],
        }
        wanted = answers(csv_file(tmp_path))
        for path in secure.answers:
            assert answers(secure.address + path) == wanted

    def test_what_goes_wrong_is_said_and_nothing_is_written(self, tmp_path: Path, secure: Pages) -> None:
        out = tmp_path / "tiers.csv"
        out.write_text("old")
        short = {"Content-Length": str(len(text()))}
        secure.answers = {
            "/cut.csv": [(200, short, text().encode()[:-300])],
            "/cut.csv.gz": [(200, {"Content-Length": ""}, gzip.compress(text().encode())[:-20])],
            "/no.csv": [(403, {}, b"")],
            "/busy.csv": [(503, {}, b"")],
            "/plain.csv": [(302, {"Location": "http://127.0.0.1:1/sales.csv"}, b"")],
        }
        for path, *words in (
            ("/cut.csv", "were announced", "three times"),
            ("/cut.csv.gz", "corrupt or truncated"),
            ("/no.csv", "403", "netrc"),
            ("/none.csv", "404"),
            ("/busy.csv", "503"),
            ("/plain.csv", "which has no encryption"),
        ):
            secure.asked.clear()
            refused(run("rfm", secure.address + path, "-o", out, "-q"), *words)
            assert len(secure.asked) == (3 if path in ("/cut.csv", "/busy.csv") else 1)
        assert out.read_text() == "old" and list(tmp_path.iterdir()) == [out]

    def test_a_certificate_of_nobody(self, secure: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        secure.answers["/sales.csv"] = [Whole]
        refused(run("check", secure.address + "/sales.csv"), "is not trusted", "SSL_CERT_FILE=")
        assert secure.asked == []

    def test_what_is_replaced_meanwhile_is_not_mixed(self, secure: Pages) -> None:
        """It is fetched once, whole: what comes later is not asked for."""
        secure.answers["/sales.csv"] = [(200, {"ETag": '"1"'}, text().encode()), (200, {"ETag": '"2"'}, b"x")]
        assert run("rfm", secure.address + "/sales.csv").status == 0
        assert len(secure.asked) == 1
