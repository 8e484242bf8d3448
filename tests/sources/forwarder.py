"""A door to a server on this machine that falls shut after so many bytes, and stays shut."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Forwarder:
    """Passes connections on to `address` until `most` bytes have come back in all."""

    def __init__(self, address: str, most: int) -> None:
        parts = urlsplit(address)
        self._to, self._left = (str(parts.hostname), int(parts.port or 80)), most
        self._door = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def __enter__(self) -> Forwarder:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._shut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._door.accept()
                there = socket.create_connection(self._to)
                self._open += [here, there]
                threading.Thread(target=self._pass_on, args=(here, there, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(there, here, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 14):
                self._left -= len(data) if counted else 0
                if self._left < 0:
                    self._shut()
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _shut(self) -> None:
        for one in (self._door, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
