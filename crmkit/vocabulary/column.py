"""What is said of a column."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """What a column means and its kind."""

    kind: str
    meaning: str
