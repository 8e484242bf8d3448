"""gzip by ISA-L, which is installed with crmkit. Executors of a cluster, where it may not be, have Python's own."""

from __future__ import annotations

try:
    from isal.igzip import IGzipFile as GzipFile
    from isal.igzip_lib import IsalError as BrokenError
except ImportError:
    from gzip import GzipFile  # type: ignore[assignment]
    from zlib import error as BrokenError  # type: ignore[assignment]

__all__ = ["BrokenError", "GzipFile"]
