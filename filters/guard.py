"""Parsing in a child process that can be killed: a hostile page costs itself, never the job.

The child is a fresh interpreter (no fork: the parent may hold threads and a JVM socket) that reads frames from its
stdin and answers on its stdout: lengths, a small JSON header, bytes. Nothing is unpickled. What it can do is a module
with TASKS (functions of a body and keyword arguments, bytes back), KIND, `check` and `warm`: filters.html_tasks.
"""

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from filters import html_tasks
from filters.guarded import CHUNK, ERROR_CHARACTERS, LENGTHS, frame, one_line

TIMEOUT_SECONDS = 10.0  # wall clock, a page
MEMORY_BYTES = 1 << 30  # address space of the child
RECYCLE_PAGES = 5000  # 95 MB resident after 200 pages and after 1,200: this bounds leaks that are yet to come

_START_SECONDS = 120.0  # a cold import on a loaded machine
_LARGEST = 1 << 32
_MEMORY_HINTS = (b"memory allocation", b"MemoryError", b"bad_alloc", b"out of memory")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the task made, or why there is nothing: a reason of the kind counted in `failed/`, and one line."""

    body: bytes | None
    reason: str | None = None  # extractor_timeout, extractor_memory, extractor_crash, extractor_error
    error: str | None = None

    @property
    def text(self) -> str | None:
        return None if self.body is None else self.body.decode("utf-8")


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _ChildDied(Exception):
    """The pipe closed in mid-exchange."""


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
            view = view[os.write(descriptor, view[:CHUNK]) :]
        except BlockingIOError:
            continue
        except BrokenPipeError:
            raise _ChildDied from None


def _receive(descriptor: int, size: int, deadline: float) -> bytes:
    if size > _LARGEST:
        raise _ChildDied  # no task answers so much: the stream is broken
    parts, have = bytearray(size), 0
    while have < size:
        _wait(descriptor, select.POLLIN, deadline)
        have += (part := os.readv(descriptor, [memoryview(parts)[have:]]))
        if not part:
            raise _ChildDied
    return bytes(parts)


def _receive_frame(descriptor: int, deadline: float) -> tuple[dict[str, Any], bytes]:
    header_size, body_size = LENGTHS.unpack(_receive(descriptor, LENGTHS.size, deadline))
    header = json.loads(_receive(descriptor, header_size, deadline))
    return header, _receive(descriptor, body_size, deadline)


class _Child:
    """One process at work on the tasks of a module."""

    def __init__(self, work: ModuleType, timeout: float, memory: int) -> None:
        given = [work.__name__, str(os.getpid()), str(timeout), str(memory)]
        command = [sys.executable, "-P", "-m", "filters.guarded", *given]
        self._kind = work.KIND
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
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, CHUNK)  # a page in one piece: half the context switches
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
                f"the {self._kind} process did not start: {one_line(last_words[-ERROR_CHARACTERS:])}"
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
            return Outcome(None, f"{self._kind}_memory", one_line(last_words.decode("utf-8", "replace")))
        cause = signal.Signals(-status).name if status and status < 0 else f"exit status {status}"
        return Outcome(None, f"{self._kind}_crash", f"the {self._kind} process died: {cause}")


class Guard:
    """Runs the tasks of `work` in a child process, started at the first call and reused for `recycle` pages.

    timeout: seconds of wall clock a page. memory: bytes of address space of the child. A page that breaks the child in
    any way gets an `Outcome` with a reason; the next page gets a new child. Not to be shared between threads.
    """

    def __init__(
        self,
        work: ModuleType = html_tasks,
        *,
        timeout: float = TIMEOUT_SECONDS,
        memory: int = MEMORY_BYTES,
        recycle: int = RECYCLE_PAGES,
    ) -> None:
        self._work = work
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

    def call(self, task: str, body: bytes = b"", **arguments: Any) -> Outcome:
        """What the task makes of the body, with the arguments that it takes.

        Raises ValueError for an unknown task or a bad argument and RuntimeError where no child can be started: those
        are the caller's mistakes, never the page's. A page that crashes a child which served others before, or fills
        its memory, is tried once more in a fresh one, so that the outcome does not depend on the pages before it.
        """
        if task not in self._work.TASKS:
            raise ValueError(f"unknown task {task!r}: one of {', '.join(self._work.TASKS)}")
        self._work.check(**arguments)
        request = frame({"task": task, "arguments": arguments}, body)
        child = self._ready_child()
        outcome = self._attempt(child, request)
        if (outcome.reason or "").endswith(("_crash", "_memory")) and child.pages > 1:
            outcome = self._attempt(self._ready_child(), request)
        return outcome

    def _ready_child(self) -> _Child:
        if self._child and (self._child.pages >= self._recycle or not self._child.alive()):
            self.close()
        if self._child is None:
            child = _Child(self._work, self._timeout, self._memory)
            child.await_ready()
            self._child = child
        return self._child

    def _attempt(self, child: _Child, request: bytes) -> Outcome:
        try:
            header, body = child.exchange(request, self._timeout)
        except TimeoutError:
            self.close()
            return Outcome(None, f"{self._work.KIND}_timeout", f"no answer after {self._timeout:g} s")
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
            return Outcome(None, f"{self._work.KIND}_{header['reason']}", header["error"])
        return Outcome(body)
