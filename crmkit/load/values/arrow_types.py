"""Parquet's many types → the few that we read: text, whole numbers, floats, decimals, days, moments.

What a column of Parquet may hold depends on the role that it plays. A type that cannot play the role is
refused when the file is opened, in words, since an engine would panic, or make 19725 money of a day.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.types as is_

from crmkit.errors import DataError

_NUMBER = (is_.is_integer, is_.is_floating, is_.is_decimal)
_TEXT = (is_.is_string, is_.is_large_string, is_.is_string_view)
_BYTES = (is_.is_binary, is_.is_large_binary, is_.is_binary_view)
_ID = (*_TEXT, *_BYTES, *_NUMBER, is_.is_date, is_.is_null)
_LABEL = (*_ID, is_.is_boolean)
# What a column may hold, by the role that it plays; labels are the rest.
_FITS: dict[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    "date": (*_TEXT, *_BYTES, *_NUMBER, is_.is_date, is_.is_timestamp, is_.is_null),
    "amount": (*_TEXT, *_BYTES, *_NUMBER, is_.is_null),
    "cost": (*_TEXT, *_BYTES, *_NUMBER, is_.is_null),
    # Nobody tells customers or orders apart by yes and no, and one flipped bit of a footer makes that of their ids.
    "customer": _ID,
    "order": _ID,
}
_WHAT = {"date": "dates", "amount": "numbers", "cost": "numbers"}
_UNNAMED = frozenset(
    {"channel", "group", "store"}
)  # found by their names alone: hardly a command has an option for them
_FARTHEST = 2**62
_DELETE = 0x7F


def fits(dtype: pa.DataType, role: str) -> bool:
    """Whether a column of this type can play this role."""
    return (role not in _WHAT and is_uuid(dtype)) or any(can(_bare(dtype)) for can in _FITS.get(role, _LABEL))


def refuse_misfit(dtype: pa.DataType, *, role: str, column: str, file: str) -> None:
    """DataError where a column of this type cannot play this role."""
    if fits(dtype, role):
        return
    how = "is nested" if is_.is_nested(dtype) else "does not hold " + _WHAT.get(role, "names or numbers")
    raise DataError(
        f"{file}: the column {column!r}, the {role}, {how} (its type is {str(dtype)[:60]}); "
        + (
            "convert it first."
            if role in _UNNAMED
            else f"give another one with --{role}, or convert it first."
        )
    )


def is_uuid(dtype: pa.DataType) -> bool:
    """Whether these are the identifiers of sixteen bytes that people know as text with four hyphens."""
    return getattr(dtype, "extension_name", "") == "arrow.uuid"


def _bare(dtype: pa.DataType) -> pa.DataType:
    """The type of the values, without what a dictionary or an extension puts around it."""
    while is_.is_dictionary(dtype) or isinstance(dtype, pa.BaseExtensionType):
        dtype = dtype.value_type if is_.is_dictionary(dtype) else dtype.storage_type
    return dtype


def is_visible(array: pa.Array) -> bool:
    """Whether all of this text is visible ASCII: nothing to trim, no NUL, and no byte that UTF-8 would not have.

    One look at the bytes as a whole, which takes a hundredth of the time of looking at each text.
    """
    if not (is_.is_string(array.type) or is_.is_large_string(array.type)):
        return False
    values = array.buffers()[-1]
    if values is None or values.size == 0:
        return True
    codes = np.frombuffer(values, np.uint8)
    return bool(codes.min() > ord(" ") and codes.max() < _DELETE)


def plain(array: pa.Array, *, where: str, lenient: bool = False) -> pa.Array:
    """The array in a type that Polars reads without harm; DataError for text that is no text.

    `where` names the column in that error; `lenient` shows such bytes as hexadecimal digits instead.
    """
    dtype = array.type
    if is_uuid(dtype):
        return _uuids(array)
    if isinstance(dtype, pa.BaseExtensionType):
        return plain(array.storage, where=where, lenient=lenient)
    if is_.is_dictionary(dtype):
        return plain(array.cast(dtype.value_type), where=where, lenient=lenient)
    if any(test(dtype) for test in (*_TEXT, *_BYTES, is_.is_fixed_size_binary)):
        return _text(array, where, lenient)
    if is_.is_timestamp(dtype):
        return _moment(array)
    # Neither of these two fits where Polars would put it.
    if any(test(dtype) for test in (*_NUMBER, is_.is_boolean, is_.is_date, is_.is_null)):
        return array.cast(pa.string()) if is_.is_uint64(dtype) or is_.is_decimal256(dtype) else array
    return _anything(array)


def _text(array: pa.Array, where: str, lenient: bool) -> pa.Array:
    """Text that is text: a string column of Parquet may hold any bytes, and Polars would believe it."""
    try:
        if is_.is_large_string(array.type) or is_.is_string(array.type):
            array.validate(full=True)
            return array
        return array.cast(pa.large_string())
    except pa.ArrowInvalid:
        if lenient:
            return pa.array(
                [None if value is None else value.hex() for value in array.cast(pa.binary()).to_pylist()]
            )
        raise DataError(f"{where} holds bytes that are not UTF-8 text; convert it first.") from None


def _uuids(array: pa.Array) -> pa.Array:
    """As the databases that write them show them."""
    values = array.storage.to_pylist()
    return pa.array([None if value is None else str(UUID(bytes=value)) for value in values], pa.string())


def _anything(array: pa.Array) -> pa.Array:
    """Times, durations and whatever comes next: they play no role, and are counted and shown only."""
    try:
        return (array.cast(pa.int64()) if is_.is_duration(array.type) else array).cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(array), pa.string())


def _moment(array: pa.Array) -> pa.Array:
    """With a zone: the same moments in UTC, since Polars knows fewer names of zones than Arrow allows."""
    dtype = array.type
    if dtype.unit == "s":
        import pyarrow.compute as pc

        farthest = pa.scalar(_FARTHEST // 1000, pa.int64())
        seconds = array.cast(pa.int64())
        seconds = pc.min_element_wise(seconds, farthest, skip_nulls=False)
        seconds = pc.max_element_wise(seconds, pc.negate(farthest), skip_nulls=False)
        array = seconds.cast(pa.timestamp("s", dtype.tz)).cast(pa.timestamp("ms", dtype.tz))
    if dtype.tz is None:
        return array
    return array.cast(pa.int64()).cast(pa.timestamp(array.type.unit, "UTC"))


def has_nul(array: pa.Array) -> bool:
    """Whether the bytes under a text array hold a NUL, which is a sign of damage."""
    values = array.buffers()[-1] if any(test(array.type) for test in _TEXT) else None
    return values is not None and values.size > 0 and np.frombuffer(values, np.uint8).min() == 0
