"""A ledger: batches of customer-days that were read once, and are what their files would be.

A folder with one Parquet file for each batch and a manifest, which alone says what is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
MARK = "crmkit_ledger"


def is_ledger(folder: Path) -> bool:
    """Whether a folder is a ledger: asked of every input, and so without what reads one."""
    try:
        with (folder / MANIFEST).open(encoding="utf-8") as file:
            return MARK in file.read(200)
    except (OSError, ValueError):  # a name that cannot be, or no text
        return False
