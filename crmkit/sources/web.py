"""What an address of the web gives, fetched once: whole, or not at all."""

from __future__ import annotations

import base64
import http.client
import netrc
import os
import shlex
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from crmkit._version import VERSION
from crmkit.errors import DataError, UsageError
from crmkit.sources.addresses import shown
from crmkit.sources.spools import Spool

_SECONDS = 60
_WAITS = (0.5, 2.0)  # before the second and the third time
_MOST = 64 << 30
_CHUNK = 1 << 20
_PASSING = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Fetched:
    """What came, `which` state of it that was, and what should be said of it."""

    spool: Spool
    which: Mapping[str, str]
    notes: tuple[str, ...] = ()


class _Redirects(HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise DataError(
                f"{shown(req.full_url)}: it sends on to {shown(newurl)}, which has no encryption; "
                "if you trust that one, name it yourself."
            )
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            made.remove_header("Authorization")
        return made


def fetched(word: str) -> Fetched:
    """The bytes; tried three times where the fault may pass. DataError says what the server said."""
    name = shown(word)
    if "@" in urlsplit(word).netloc:
        raise UsageError(
            f"The address of {name} holds a password, which others can read as long as the command runs. Put it into ~/.netrc."
        )
    for wait in (*_WAITS, None):
        try:
            return _once(word, name)
        except HTTPError as error:
            if wait is None or error.code not in _PASSING:
                raise _answered(name, error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise _untrusted(name, reason) from None
            if wait is None:
                raise DataError(
                    f"{name}: it could not be fetched ({str(reason)[:200]}); three times."
                ) from None
        time.sleep(wait or 0)
    raise AssertionError("the last time ends in an answer or an error")


def _answered(name: str, error: HTTPError) -> DataError:
    said = " ".join(str(error.reason).split())[:200].rstrip(".")
    remedy = " If it wants a login, put that into ~/.netrc." if error.code in (401, 403) else ""
    return DataError(f"{name}: the server answers {error.code} {said}.{remedy}")


def _untrusted(name: str, error: ssl.SSLCertVerificationError) -> DataError:
    return DataError(
        f"{name}: its certificate is not trusted ({error.verify_message}). With an authority of your own, name its file: "
        f"SSL_CERT_FILE=authority.pem crmkit check {shlex.quote(name)}"
    )


def _once(word: str, name: str) -> Fetched:
    spool, count = Spool(name), 0
    asked = Request(
        word, headers={"User-Agent": f"crmkit/{VERSION}", "Accept-Encoding": "identity", **_login(word)}
    )
    with build_opener(_Redirects).open(asked, timeout=_SECONDS) as answer:
        said = answer.headers.get("Content-Length")
        while chunk := answer.read(_CHUNK):
            count += len(chunk)
            if count > _MOST:
                raise DataError(
                    f"{name}: the answer goes on for more than {_MOST >> 30} GB; fetch it to a file first."
                )
            spool.write(chunk)
    if said is not None and count != int(said):
        raise OSError(f"{count:,} bytes came, and {int(said):,} were announced")
    told = {"etag": answer.headers.get("ETag"), "modified": answer.headers.get("Last-Modified")}
    unsure = said is None and "chunked" not in str(answer.headers.get("Transfer-Encoding")).lower()
    return Fetched(
        spool,
        {name: value.strip('"') for name, value in told.items() if value},
        (f"{name}: the server does not say how much there is; {count:,} bytes came",) if unsure else (),
    )


def _login(word: str) -> dict[str, str]:
    """What ~/.netrc has for the host."""
    with suppress(OSError, netrc.NetrcParseError):
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(urlsplit(word).hostname or "")
        if found:
            return {"Authorization": "Basic " + base64.b64encode(f"{found[0]}:{found[2]}".encode()).decode()}
    return {}
