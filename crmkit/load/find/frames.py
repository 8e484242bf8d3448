"""Tables that are in memory already, of Polars, pandas, PyArrow or whoever speaks Arrow, as sources."""

from __future__ import annotations

import io
from typing import IO, Any

import pyarrow as pa

from crmkit.errors import UsageError
from crmkit.load.find import sources
from crmkit.load.find.sources import Source
from crmkit.sources.columns import Held

KIND = "table"


def source_of(data: Any) -> Source | None:
    """The source that a frame or an open file is; None for what is neither.

    UsageError for a frame whose columns cannot be tables of Arrow, such as mixtures of numbers and text.
    """
    name = type(data).__name__
    if hasattr(data, "read"):
        return sources.spooled(_bytes_of(data), str(getattr(data, "name", None) or f"the open {name}"))
    if hasattr(data, "collect_schema") and hasattr(data, "collect"):  # a lazy frame of Polars
        data = data.collect()
    if not (hasattr(data, "__arrow_c_stream__") or hasattr(data, "to_arrow") or hasattr(data, "columns")):
        return None
    return Source(f"the {name}", KIND, table=Held(_table(data, name)))


def _bytes_of(file: Any) -> IO[bytes]:
    """An open file as bytes; text is written as UTF-8, which is then how it is read."""
    if isinstance(file, io.TextIOBase):
        return io.BytesIO(file.read().encode("utf-8"))
    found: IO[bytes] = file
    return found


def _table(data: Any, name: str) -> pa.Table:
    try:
        if isinstance(data, pa.Table):
            return data
        if type(data).__module__.startswith("pandas"):
            named = any(level is not None for level in data.index.names)
            return pa.Table.from_pandas(data.reset_index() if named else data, preserve_index=False)
        return data.to_arrow() if hasattr(data, "to_arrow") else pa.table(data)
    except (pa.ArrowException, TypeError, ValueError) as error:
        why = str(error).split("\n")[0].rstrip(".")[:200]
        raise UsageError(
            f"The {name} cannot be read as a table ({why}). Give each column one type."
        ) from None
