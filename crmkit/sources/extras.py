"""Libraries that not everybody needs: one sentence says what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from crmkit.errors import DataError


def needed(module: str, extra: str, what: str) -> Any:
    """The module; DataError with the line that installs it, where it is missing."""
    try:
        return import_module(module)
    except ImportError:
        raise DataError(f"{what} needs a library that is not here: pip install 'crmkit[{extra}]'") from None
