"""The text of a file on its way to a parser: made or found to be UTF-8, searched for what is odd, counted."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator

import numpy as np

from crmkit.engine.prefetch import ahead
from crmkit.load.csv.dialect import BLOCK
from crmkit.load.inputs import Input, StreamFlags

PIECE = (
    1 << 21
)  # bytes: larger ones are taken from the system anew each time, at a third of the cost of reading
_LF, _CR = 10, 13


class Utf8(io.RawIOBase):
    """Pieces of text, which a thread unpacks ahead of whoever parses them."""

    def __init__(self, opened: Input, watch: StreamFlags) -> None:
        assert opened.dialect is not None
        self._file = opened.source.open()
        self._watch = watch
        self._encoding = opened.dialect.encoding
        self._decoder = codecs.getincrementaldecoder(self._encoding)()
        # A blank between a delimiter and a quote would make the quote a part of the field.
        sign = re.escape(opened.dialect.delimiter.encode())
        self._blanks = (
            re.compile(sign + rb' +(?="(?:[^"]|""' + sign + rb"))") if opened.dialect.blanks else None
        )
        self._sign = opened.dialect.delimiter.encode()
        self._held = b""
        self._pending = False  # a character is cut by the end of the last chunk
        self._pieces = ahead(self._read()) if opened.source.compression else self._read()
        self._back = b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, or all there are until the end, whose lines are counted."""
        wanted = BLOCK if size is None or size < 0 else size
        while len(self._back) < wanted and (piece := next(self._pieces, b"")):
            self._back += piece
        taken, self._back = self._back[:wanted], self._back[wanted:]
        # Lines are short, so comparing all bytes at once is faster than looking for the next one.
        codes = np.frombuffer(taken, np.uint8)
        self._watch.line_ends += int(np.count_nonzero(codes == _LF) or np.count_nonzero(codes == _CR))
        return taken

    @property
    def is_odd(self) -> bool:
        """Whether a quote or a NUL was met so far."""
        return self._watch.quotes or self._watch.nul

    def take(self) -> bytes:
        """The next piece, of whatever size; nothing at the end."""
        taken, self._back = self._back or next(self._pieces, b""), b""
        return taken

    def give_back(self, data: bytes) -> None:
        """Have these bytes come again."""
        self._back = data + self._back

    def has_more(self) -> bool:
        """Whether anything is left."""
        self._back = self.take()
        return bool(self._back)

    def _read(self) -> Iterator[bytes]:
        raw = b" "
        while raw:
            raw = self._file.read(PIECE)
            if piece := self._unblanked(self._as_utf8(raw), last=not raw):
                self._inspect(piece)
                yield piece

    def _as_utf8(self, chunk: bytes) -> bytes:
        if self._encoding != "utf-8":
            return self._decoder.decode(chunk, final=not chunk).encode()
        if not chunk or self._pending or not chunk.isascii():
            self._decoder.decode(chunk, final=not chunk)
            self._pending = bool(self._decoder.getstate()[0])
        return chunk

    def _unblanked(self, piece: bytes, *, last: bool) -> bytes:
        """The text without blanks before quotes; the end of a line is kept back until the rest of it is there."""
        if self._blanks is None:
            return piece
        text = self._held + piece
        end = len(text) if last else text.rfind(b"\n") + 1
        self._held = text[end:]
        sign = self._sign
        return self._blanks.sub(lambda _: sign, text[:end])

    def _inspect(self, chunk: bytes) -> None:
        watch = self._watch
        watch.bytes_read += len(chunk)
        watch.quotes = watch.quotes or b'"' in chunk
        watch.nul = watch.nul or b"\x00" in chunk
        if end := chunk.rstrip(b"\x1a"):
            watch.ends_in_newline = end.endswith((b"\n", b"\r"))
