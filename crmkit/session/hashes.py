"""Files by their size and hash, for the account of a run."""

from __future__ import annotations

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
    """What was read: a file by its bytes, however deep in it the rows lie, and rows that have none by their name, table and version."""
    read = source.taken[0] if source.taken else source
    lying, which = read, dict(read.which)
    while lying.origin is not None:
        lying = lying.origin
        which = {**lying.which, **which}
    told = {
        "file": safe(read.name),
        **{name: safe(one) if isinstance(one, str) else one for name, one in which.items()},
    }
    if lying.path is None and lying.bytes_ is None:
        return told
    return {**told, "bytes": lying.size, "sha256": sha256(lying.raw())}


def sha256(file: Any) -> str:
    """The hash of a file's bytes."""
    import hashlib  # whose library is large, and --summary alone has a use for it

    with file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
