"""Extraction in a child process that can be killed: a hostile page costs itself, never the job.

The child is a fresh interpreter (no fork: the parent may hold threads and a JVM socket) that reads frames from its
stdin and answers on its stdout: lengths, a small JSON header, bytes. Nothing is unpickled.
"""

import contextlib
import fcntl
import json
import logging
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filters.extract import DEFAULT_EXTRACTOR, check_extractor, page_text, screen_text

TASKS = ("screen", "extract")
TIMEOUT_SECONDS = 10.0  # wall clock, a page
MEMORY_BYTES = 1 << 30  # address space of the child
RECYCLE_PAGES = 5000  # 95 MB resident after 200 pages and after 1,200: this bounds leaks that are yet to come

_START_SECONDS = 120.0  # a cold import on a loaded machine
_ORPHAN_SECONDS = 2.0
_ERROR_CHARACTERS = 300
_LENGTHS = struct.Struct(">IQ")  # bytes of the header, bytes of the body
_CHUNK = 1 << 20
_LARGEST = 1 << 32
_MEMORY_HINTS = (b"memory allocation", b"MemoryError", b"bad_alloc", b"out of memory")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Text, or why there is none: a reason of the kind counted in `failed/`, and one line."""

    text: str | None
    reason: str | None = None  # extractor_timeout, extractor_memory, extractor_crash, extractor_error
    error: str | None = None


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _ChildDied(Exception):
    """The pipe closed in mid-exchange."""


def _frame(header: dict[str, Any], body: bytes) -> bytes:
    encoded = json.dumps(header).encode()
    return _LENGTHS.pack(len(encoded), len(body)) + encoded + body


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_ERROR_CHARACTERS]


# --- the parent's side


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    remaining = deadline - time.monotonic()
    if remaining <= 0 or not poll.poll(remaining * 1000):
        raise TimeoutError


def _send(descriptor: int, data: bytes, deadline: float) -> None:
    view = memoryview(data)
    while view:
        _wait(descriptor, select.POLLOUT, deadline)
        try:
            view = view[os.write(descriptor, view[:_CHUNK]) :]
        except BlockingIOError:
            continue
        except BrokenPipeError:
            raise _ChildDied from None


def _receive(descriptor: int, size: int, deadline: float) -> bytes:
    if size > _LARGEST:
        raise _ChildDied  # no extractor writes so much: the stream is broken
    parts, have = bytearray(size), 0
    while have < size:
        _wait(descriptor, select.POLLIN, deadline)
        have += (part := os.readv(descriptor, [memoryview(parts)[have:]]))
        if not part:
            raise _ChildDied
    return bytes(parts)


def _receive_frame(descriptor: int, deadline: float) -> tuple[dict[str, Any], bytes]:
    header_size, body_size = _LENGTHS.unpack(_receive(descriptor, _LENGTHS.size, deadline))
    header = json.loads(_receive(descriptor, header_size, deadline))
    return header, _receive(descriptor, body_size, deadline)


class _Child:
    """One extractor process."""

    def __init__(self, timeout: float, memory: int) -> None:
        command = [sys.executable, "-P", "-m", "filters.guard", str(os.getpid()), str(timeout), str(memory)]
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._input, self._output, self._errors = (pipe.fileno() for pipe in self._pipes)
        for descriptor in (self._input, self._errors):
            os.set_blocking(descriptor, False)
        for descriptor in (self._input, self._output):
            with contextlib.suppress(OSError):  # the system bounds what a user's pipes may hold
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _CHUNK)  # a page in one piece: half the context switches
        self.pid = self._process.pid
        self.pages = 0
        self.cpu_seconds = 0.0

    def await_ready(self) -> None:
        try:
            header, _ = _receive_frame(self._output, time.monotonic() + _START_SECONDS)
            self.cpu_seconds = header["cpu_seconds"]
        except (_ChildDied, TimeoutError):
            last_words = self.kill().decode("utf-8", "replace")
            raise RuntimeError(
                f"the extractor process did not start: {_one_line(last_words[-_ERROR_CHARACTERS:])}"
            ) from None

    def exchange(self, request: bytes, timeout: float) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + timeout
        self.pages += 1
        _send(self._input, request, deadline)
        header, body = _receive_frame(self._output, deadline)
        self.cpu_seconds = header["cpu_seconds"]
        return header, body

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> bytes:
        """Ends the process; returns the last thing it wrote to stderr. Its CPU time is exact from here on."""
        before = _children_cpu()
        self._process.kill()
        self._process.wait()
        self.cpu_seconds = max(self.cpu_seconds, _children_cpu() - before)
        last_words = b""
        with contextlib.suppress(BlockingIOError):
            last_words = os.read(self._errors, 1 << 16)
        for pipe in self._pipes:
            pipe.close()
        return last_words

    def post_mortem(self) -> Outcome:
        """Why it died on its own."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)  # the pipe closes a little before the exit status is known
        status = self._process.poll()
        last_words = self.kill()
        if any(hint in last_words for hint in _MEMORY_HINTS):
            return Outcome(None, "extractor_memory", _one_line(last_words.decode("utf-8", "replace")))
        cause = signal.Signals(-status).name if status and status < 0 else f"exit status {status}"
        return Outcome(None, "extractor_crash", f"the extractor process died: {cause}")


class Guard:
    """Runs extraction in a child process, started at the first call and reused for `recycle` pages.

    timeout: seconds of wall clock a page. memory: bytes of address space of the child. A page that breaks the child in
    any way gets an `Outcome` with a reason; the next page gets a new child. Not to be shared between threads.
    """

    def __init__(
        self, *, timeout: float = TIMEOUT_SECONDS, memory: int = MEMORY_BYTES, recycle: int = RECYCLE_PAGES
    ) -> None:
        self._timeout, self._memory, self._recycle = timeout, memory, recycle
        self._child: _Child | None = None
        self._past_cpu_seconds = 0.0

    def __enter__(self) -> "Guard":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the child; None while there is none."""
        return self._child.pid if self._child else None

    @property
    def cpu_seconds(self) -> float:
        """What all children of this guard have used so far, the start of each included."""
        return self._past_cpu_seconds + (self._child.cpu_seconds if self._child else 0.0)

    def close(self) -> None:
        """Ends the child. A later call starts another."""
        if self._child:
            self._child.kill()
            self._past_cpu_seconds += self._child.cpu_seconds
            self._child = None

    def call(
        self,
        task: str,
        body: bytes,
        *,
        content_type: str | None = None,
        url: str | None = None,
        extractor: str = DEFAULT_EXTRACTOR,
    ) -> Outcome:
        """`screen` (cheap text, for the language) or `extract` (main text) of a page as crawled.

        Raises ValueError for an unknown task or extractor and RuntimeError where no child can be started: those are
        the caller's mistakes, never the page's. A page that crashes a child which served others before, or fills its
        memory, is tried once more in a fresh one, so that the outcome does not depend on the pages before it.
        """
        if task not in TASKS:
            raise ValueError(f"unknown task {task!r}: one of {', '.join(TASKS)}")
        check_extractor(extractor)
        request = _frame({"task": task, "content_type": content_type, "url": url, "extractor": extractor}, body)
        child = self._ready_child()
        outcome = self._attempt(child, request)
        if outcome.reason in ("extractor_crash", "extractor_memory") and child.pages > 1:
            outcome = self._attempt(self._ready_child(), request)
        return outcome

    def _ready_child(self) -> _Child:
        if self._child and (self._child.pages >= self._recycle or not self._child.alive()):
            self.close()
        if self._child is None:
            child = _Child(self._timeout, self._memory)
            child.await_ready()
            self._child = child
        return self._child

    def _attempt(self, child: _Child, request: bytes) -> Outcome:
        try:
            header, body = child.exchange(request, self._timeout)
        except TimeoutError:
            self.close()
            return Outcome(None, "extractor_timeout", f"no text after {self._timeout:g} s")
        except _ChildDied:
            self._child = None
            outcome = child.post_mortem()
            self._past_cpu_seconds += child.cpu_seconds
            return outcome
        except BaseException:
            self.close()  # interrupted in mid-frame: the pipe is of no more use
            raise
        if header["spent"]:
            self.close()
        if header["reason"]:
            return Outcome(None, header["reason"], header["error"])
        return Outcome(body.decode("utf-8"))


# --- the child's side


def _limit(memory: int) -> None:
    """Bounds memory and keeps every library quiet. A blocked stderr must not block the child, either."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    os.set_blocking(2, False)


def _private_stdout() -> int:
    """A descriptor of the answer pipe; descriptor 1 now leads nowhere, for whatever prints."""
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return answers


def _read_exactly(size: int) -> bytes:
    parts, have = bytearray(size), 0
    while have < size:
        have += (part := os.readv(0, [memoryview(parts)[have:]]))
        if not part:
            os._exit(0)
    return bytes(parts)


def _next_request(parent: int) -> tuple[dict[str, Any], bytes]:
    """Waits for a page, and leaves when the parent is gone.

    A closed pipe says so at once, unless another process inherited the pipe's other end.
    """
    while not select.select([0], [], [], _ORPHAN_SECONDS)[0]:
        if os.getppid() != parent:
            os._exit(0)
    header_size, body_size = _LENGTHS.unpack(_read_exactly(_LENGTHS.size))
    return json.loads(_read_exactly(header_size)), _read_exactly(body_size)


def _peak_memory() -> int:
    """Peak resident bytes; 0 where the system does not tell. (getrusage would count the parent's, from before exec.)"""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


def _run(request: dict[str, Any], body: bytes) -> str:
    if request["task"] == "screen":
        return screen_text(body, request["content_type"])
    return page_text(body, request["content_type"], request["extractor"], url=request["url"])


def _answer(request: dict[str, Any], body: bytes, memory: int) -> bytes:
    """Parsers hide failed allocations behind other errors, or find nothing: close to the limit, both mean memory."""
    text, failure = "", None
    try:
        text = _run(request, body)
    except Exception as error:
        failure = error
    spent = isinstance(failure, MemoryError) or (len(body) > _CHUNK and _peak_memory() > memory // 2)
    reason = detail = None
    if spent and not text:
        reason, detail = "extractor_memory", f"out of memory at {memory >> 20} MiB: {failure!r}"
    elif failure:
        reason, detail = "extractor_error", f"{type(failure).__name__}: {failure}"
    header = {
        "reason": reason,
        "error": detail and _one_line(detail),
        "spent": spent,
        "cpu_seconds": time.process_time(),
    }
    return _frame(header, text.encode("utf-8", "replace"))


def _write(answers: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(answers, view[:_CHUNK]) :]


def _serve(parent: int, timeout: float, memory: int) -> None:
    answers = _private_stdout()
    _limit(memory)
    for extractor in ("trafilatura", "resiliparse"):  # load them before the first page's clock runs
        page_text(b"<html><body><p>ready</p></body></html>", None, extractor)
    _write(answers, _frame({"cpu_seconds": time.process_time()}, b""))
    while True:
        request, body = _next_request(parent)
        # The kernel ends a child that hangs in C after its parent was killed, when nobody is left to do it
        signal.setitimer(signal.ITIMER_REAL, timeout + _ORPHAN_SECONDS)
        _write(answers, _answer(request, body, memory))
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        _serve(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
