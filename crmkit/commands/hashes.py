"""Files by their size and hash, for the account of a run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from crmkit.language.safe_text import safe


def file_account(path: str, written: Path) -> dict[str, Any]:
    """A file that was written, under the name that it gets."""
    return {"file": safe(path), "bytes": written.stat().st_size, "sha256": sha256(written.open("rb"))}


def sha256(file: Any) -> str:
    """The hash of a file's bytes."""
    with file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
