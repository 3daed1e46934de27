"""Where the driver of a job hands out numbered pieces of work, one at a time, to whoever has done the last.

Spark's own tasks are no such pieces: an engine is loaded once and must outlive many of them, and where more Python
workers are idle than engines are wanted, Spark takes each in turn. So a task asks here for its next piece over TCP, with
a secret that it was sent. A piece whose holder vanishes is handed out again.
"""

import json
import secrets
import socket
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hmac import compare_digest
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from typing import Any

LINE_BYTES = 1 << 16
CONNECT_SECONDS = 60.0


@dataclass(frozen=True)
class Address:
    """Where a desk is, and the secret."""

    host: str
    port: int
    secret: str


class Desk:
    """The driver's side. `counts`: what the visitors have reported, summed; `error`: what stopped one of them."""

    def __init__(self, pieces: int) -> None:
        self.counts: Counter[str] = Counter()
        self.error: str | None = None
        self._free, self._lock = deque(range(pieces)), Lock()

    @contextmanager
    def opened(self, host: str, bind: str) -> Iterator[Address]:
        """`host`: by which tasks find this machine; `bind`: the address to listen at."""
        secret = secrets.token_hex(32)
        with _Server((bind, 0), _Visit) as server:
            server.desk, server.secret = self, secret
            Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield Address(host, server.server_address[1], secret)
            finally:
                server.shutdown()

    def take(self) -> int | None:
        """None: nothing is left, or an error has stopped the work."""
        with self._lock:
            return self._free.popleft() if self._free and self.error is None else None

    def give_back(self, piece: int) -> None:
        with self._lock:
            self._free.appendleft(piece)

    def report(self, counts: dict[str, int], error: str | None) -> None:
        with self._lock:
            self.counts.update(counts)
            self.error = self.error or error


class _Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 1024
    desk: Desk
    secret: str


class _Visit(StreamRequestHandler):
    """One task: a line says what it did, the answer what to do next."""

    server: _Server

    def handle(self) -> None:
        holds: int | None = None
        try:
            while said := self._said():
                holds = None
                self.server.desk.report(said["counts"], said["error"])
                if said["error"] is not None:
                    return
                holds = self.server.desk.take()
                self.wfile.write(json.dumps(holds).encode() + b"\n")
        except (OSError, ValueError, KeyError, TypeError):
            pass  # gone, or no task of ours
        finally:
            if holds is not None:
                self.server.desk.give_back(holds)

    def _said(self) -> Any:
        line = self.rfile.readline(LINE_BYTES)
        said = json.loads(line) if line else None
        return said if said and compare_digest(str(said["secret"]), self.server.secret) else None


class Visitor:
    """A task's side. OSError where the desk is gone."""

    def __init__(self, address: Address) -> None:
        self._secret = address.secret
        self._socket = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        self._socket.settimeout(None)
        self._replies = self._socket.makefile("rb")

    def next(self, counts: dict[str, int]) -> int | None:
        """Reports what the piece before came to, and gets another; None: none is left."""
        self._say(counts, None)
        reply = self._replies.readline(LINE_BYTES)
        if not reply.endswith(b"\n"):
            raise ConnectionError("the driver of the job is gone")
        piece = json.loads(reply)
        return int(piece) if piece is not None else None

    def fail(self, error: str) -> None:
        """Nobody is given another piece."""
        self._say({}, error)

    def close(self) -> None:
        self._replies.close()
        self._socket.close()

    def _say(self, counts: dict[str, int], error: str | None) -> None:
        said = {"secret": self._secret, "counts": counts, "error": error}
        self._socket.sendall(json.dumps(said).encode() + b"\n")
