"""Files that people mistake for CSV, known by their first bytes."""

from __future__ import annotations

from crmkit.errors import DataError

_UNPACK, _AS_CSV, _REPACK, _AS_PARQUET = (
    "unpack it first",
    "export the data as CSV",
    "recompress it with gzip or zstd",
    "convert it to Parquet",
)
# First bytes, what they are, what to do.
_STRANGERS = (
    (b"PARE", "an encrypted Parquet file", "decrypt it first"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook that was compressed once more", _UNPACK),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (binary)", "save the sheet as CSV"),
    (b"SQLite format 3\x00", "an SQLite database (binary)", "give the file itself, not a pipe of it"),
    (b"%PDF", "a PDF", _AS_CSV),
    (b"{\\rtf", "an RTF document", _AS_CSV),
    (b"\x89PNG", "a picture", _AS_CSV),
    (b"\xff\xd8\xff", "a picture", _AS_CSV),
    (b"\x7fELF", "a program (binary)", _AS_CSV),
    (b"\x93NUMPY", "a NumPy array (binary)", _AS_CSV),
    (b"BZh", "compressed with bzip2", _REPACK),
    (b"\xfd7zXZ", "compressed with xz", _REPACK),
    (b"\x04\x22\x4d\x18", "compressed with lz4", _REPACK),
    (b"\x1f\x9d", "compressed with compress", _REPACK),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with snappy", _REPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"ORC", "an ORC file", _AS_PARQUET),
    (b"Obj\x01", "an Avro file", _AS_PARQUET),
    (b"ARROW1", "an Arrow file", _AS_PARQUET),
    (b"FEA1", "a Feather file", _AS_PARQUET),
)
# What is known outside of a compression is strange inside.
_PACKED = (
    (b"PAR1", "a Parquet file that was compressed once more", _UNPACK),
    (b"\x1f\x8b", "compressed twice", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed twice", _UNPACK),
)


def refuse_strangers(head: bytes, name: str, *, unpacked: bool = False) -> None:
    """DataError for what is no CSV by its first bytes; `unpacked` are those under a compression."""
    is_text = head.isascii() and b"\x00" not in head
    for magic, what, remedy in (*_STRANGERS, *(_PACKED if unpacked else ())):
        if head.startswith(magic) and not (is_text and magic.isalnum()):  # a header may begin with ORCID
            raise DataError(f"{name}: this is {what}, not CSV or Parquet; {remedy}.")
    if head[257:262] == b"ustar":
        raise DataError(f"{name}: this is a tar archive, not CSV or Parquet; {_UNPACK}.")
