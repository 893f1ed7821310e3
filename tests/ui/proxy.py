"""A proxy in front of a page that says who is asking: a header in the first request of every connection."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit


@contextmanager
def proxied(url: str, header: str) -> Iterator[str]:
    """The address of a proxy to `url`; a WebSocket has a connection of its own, so its handshake has the header."""
    behind = urlsplit(url)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        target = (str(behind.hostname), int(behind.port or 80))
        threading.Thread(target=_accept, args=(listening, target, header), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{behind.path}"


def _accept(listening: socket.socket, target: tuple[str, int], header: str) -> None:
    with suppress(OSError):  # the listening socket is closed at the end
        while True:
            asking, _ = listening.accept()
            threading.Thread(target=_forward, args=(asking, target, header), daemon=True).start()


def _forward(asking: socket.socket, target: tuple[str, int], header: str) -> None:
    first, _, rest = asking.recv(65536).partition(b"\r\n")
    if not first:  # a browser opens connections that it may never use
        return asking.close()
    answering = socket.create_connection(target)
    answering.sendall(first + b"\r\n" + header.encode() + b"\r\n" + rest)
    threading.Thread(target=_copy, args=(answering, asking), daemon=True).start()
    _copy(asking, answering)


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while some := one.recv(65536):
            other.sendall(some)
        other.shutdown(socket.SHUT_WR)
