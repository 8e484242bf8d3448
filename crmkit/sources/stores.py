"""Object stores → bytes, by PyArrow's file systems; each store finds its credentials as its own tools do."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast

from crmkit.errors import DataError, UsageError
from crmkit.sources.addresses import scheme, shown

_SECONDS = 30
_TIMES = 5
_ONCE = 16 << 20


@dataclass(frozen=True)
class Object:
    """An object as it was found: `stamp` changes when it is replaced, and `which` is as much of it as a store tells by name."""

    name: str
    size: int
    stamp: str
    which: Mapping[str, str]
    _system: Any
    _path: str

    def open(self) -> IO[bytes]:
        """Its bytes from the start; DataError if it is no longer the one that was found."""
        with _in_words(self.name):
            file = self._system.open_input_file(self._path)
        self._compare(_stamp(file))
        return cast(IO[bytes], file)

    def refuse_changed(self) -> None:
        """DataError if it is no longer the one that was found."""
        with _in_words(self.name), self._system.open_input_file(self._path) as file:
            self._compare(_stamp(file))

    def _compare(self, stamp: str) -> None:
        if stamp != self.stamp:
            raise DataError(f"{self.name}: the object has changed while it was being read; run again.")


@dataclass(frozen=True)
class Store:
    """A store, and the path in it that an address names."""

    name: str
    path: str
    _system: Any

    def is_object(self) -> bool:
        """Whether there is an object of exactly this name."""
        with _in_words(self.name):
            return bool(self._system.get_file_info(self.path).is_file)

    def keys(self, folder: str) -> list[str]:
        """All objects below a folder, by their paths; none where there is no such folder."""
        import pyarrow.fs as fs

        with _in_words(self.name):
            found = self._system.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
        return sorted(one.path for one in found if one.is_file)

    def object(self, path: str) -> Object:
        """An object that is there."""
        name = f"{self.name.partition('://')[0]}://{path}"
        with _in_words(name), self._system.open_input_file(path) as file:
            return Object(name, file.size(), _stamp(file), _which(file), self._system, path)

    def put(self, file: Path) -> None:
        """Make an object of a file: whole, or not at all."""
        with _in_words(self.name):
            stream = self._system.open_output_stream(self.path, compression=None)
            try:
                with file.open("rb") as content:
                    while chunk := content.read(_ONCE):
                        stream.write(chunk)
            except BaseException:
                _abandon(stream)
                raise
            stream.close()


def store(word: str, endpoint: str | None = None) -> Store:
    """The store of an address such as s3://bucket/folder/file.csv; UsageError for one with a secret in it."""
    kind, rest = scheme(word), word.partition("://")[2]
    bucket = rest.partition("/")[0]
    if "@" in bucket:
        raise UsageError(
            f"The address of {shown(word)} holds a key, which others can read as long as the command runs. Leave it out: "
            "keys are looked for where the store's own tools look."
        )
    if not bucket:
        raise UsageError(f"{word} names no bucket. Say {kind}://BUCKET/PATH.")
    with _in_words(shown(word)):
        return Store(shown(word), re.sub(r"/+$", "", rest), _system(kind, bucket, endpoint))


@lru_cache
def _system(kind: str, bucket: str, endpoint: str | None) -> Any:
    import pyarrow.fs as fs

    way, _, place = (endpoint or "").rpartition("://")
    if kind == "s3":
        here = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return fs.S3FileSystem(
            endpoint_override=here,
            region=_region(bucket, here),
            connect_timeout=_SECONDS,
            request_timeout=_SECONDS,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_TIMES),
            allow_delayed_open=True,  # what fits into one request is sent by one
        )
    if kind == "gs":
        from datetime import timedelta

        return fs.GcsFileSystem(
            endpoint_override=place or None,
            scheme=way or None,
            anonymous=bool(endpoint),
            retry_time_limit=timedelta(seconds=_SECONDS),
        )
    account = os.environ.get("AZURE_STORAGE_ACCOUNT")
    if not account:
        raise UsageError(
            "az:// needs the name of the storage account: export AZURE_STORAGE_ACCOUNT=NAME, and run again."
        )
    return fs.AzureFileSystem(
        account,
        account_key=os.environ.get("AZURE_STORAGE_KEY"),
        sas_token=os.environ.get("AZURE_STORAGE_SAS_TOKEN"),
        **{f"{what}_storage_authority": place for what in ("blob", "dfs") if place},
        **{f"{what}_storage_scheme": way for what in ("blob", "dfs") if way},
    )


def _region(bucket: str, endpoint: str | None) -> str | None:
    import pyarrow.fs as fs

    said = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if said or endpoint:
        return said or "us-east-1"
    return str(fs.resolve_s3_region(bucket))


def _abandon(stream: Any) -> None:
    """Never close it, not even at the end of the process: closing would make an object of its half."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(stream))


def _told(file: Any) -> dict[str, str]:
    """What the store says of an object that is open."""
    return {name: value.decode() for name, value in (file.metadata() or {}).items()}


def _which(file: Any) -> dict[str, str]:
    told = _told(file)
    names = {"etag": ("ETag", "etag"), "version": ("VersionId", "generation"), "modified": ("Last-Modified",)}
    found = {name: next(filter(None, map(told.get, theirs)), None) for name, theirs in names.items()}
    return {name: value.strip('"') for name, value in found.items() if value}


def _stamp(file: Any) -> str:
    return repr([sorted(_which(file).items()), file.size()])


_FROM_AFAR = re.compile(r"AWS Error|google::cloud::Status|Azure Error|curlCode")


def lost(name: str, error: Exception) -> str | None:
    """What to say where a read failed on the way from a store; None where it is the file that is bad."""
    return f"{_said(name, error)} Run again." if _FROM_AFAR.search(str(error)) else None


def _said(name: str, error: Exception) -> str:
    why = re.sub(r" \(Request ID: .*?\)", "", " ".join(str(error).split()))[:300].rstrip(".")
    return f"{name}: the store says: {why}."


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    """What a store says, in a sentence."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{name}: there is no such object.") from None
    except (OSError, ValueError) as error:
        raise DataError(_said(name, error)) from None
