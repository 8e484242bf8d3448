"""Files by their size and hash, for the account of a run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit.language.safe_text import safe
from crmkit.sources.addresses import shown

if TYPE_CHECKING:
    from crmkit.load.find.source import Source


def file_account(path: str, written: Path) -> dict[str, Any]:
    """A file that was written, under the name that it gets."""
    return {"file": safe(shown(path)), "bytes": written.stat().st_size, "sha256": sha256(written.open("rb"))}


def source_account(source: Source) -> dict[str, Any]:
    """What was read: a file by its bytes, however deep in it the rows lie, and rows that have none by their name."""
    lying = source
    while lying.origin is not None:
        lying = lying.origin
    if lying.path is None and lying.bytes_ is None:
        return {"file": safe(source.name)}
    return {"file": safe(source.name), "bytes": lying.size, "sha256": sha256(lying.raw())}


def sha256(file: Any) -> str:
    """The hash of a file's bytes."""
    with file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
