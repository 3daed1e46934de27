"""The child's side of `filters.guard`: reads a request, does the task, answers; leaves when its parent is gone."""

import contextlib
import importlib
import json
import logging
import os
import resource
import select
import signal
import struct
import sys
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

LENGTHS = struct.Struct(">IQ")  # bytes of the header, bytes of the body
CHUNK = 1 << 20
ORPHAN_SECONDS = 2.0
ERROR_CHARACTERS = 300


def frame(header: dict[str, Any], body: bytes) -> bytes:
    encoded = json.dumps(header).encode()
    return LENGTHS.pack(len(encoded), len(body)) + encoded + body


def one_line(text: str) -> str:
    return " ".join(text.split())[:ERROR_CHARACTERS]


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
    while not select.select([0], [], [], ORPHAN_SECONDS)[0]:
        if os.getppid() != parent:
            os._exit(0)
    header_size, body_size = LENGTHS.unpack(_read_exactly(LENGTHS.size))
    return json.loads(_read_exactly(header_size)), _read_exactly(body_size)


def _peak_memory() -> int:
    """Peak resident bytes; 0 where the system does not tell. (getrusage would count the parent's, from before exec.)"""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


def answer(work: ModuleType, request: dict[str, Any], body: bytes, memory: int) -> bytes:
    """Parsers hide failed allocations behind other errors, or find nothing: close to the limit, both mean memory."""
    result, failure = b"", None
    try:
        result = work.TASKS[request["task"]](body, **request["arguments"])
    except Exception as error:
        failure = error
    spent = isinstance(failure, MemoryError) or (len(body) > CHUNK and _peak_memory() > memory // 2)
    reason = detail = None
    if spent and not result:
        reason, detail = "memory", f"out of memory at {memory >> 20} MiB: {failure!r}"
    elif failure:
        reason, detail = "error", f"{type(failure).__name__}: {failure}"
    header = {
        "reason": reason,
        "error": detail and one_line(detail),
        "spent": spent,
        "cpu_seconds": _cpu_seconds(),
    }
    return frame(header, result)


def _cpu_seconds() -> float:
    """With that of the programs that a task ran."""
    programs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + programs.ru_utime + programs.ru_stime


def _write(answers: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(answers, view[:CHUNK]) :]


def serve(work: ModuleType, parent: int, timeout: float, memory: int) -> None:
    """Answers requests for the tasks of `work` for as long as `parent` lives."""
    answers = _private_stdout()
    _limit(memory)
    work.warm()
    _write(answers, frame({"cpu_seconds": _cpu_seconds()}, b""))
    while True:
        request, body = _next_request(parent)
        # The kernel ends a child that hangs in C after its parent was killed, when nobody is left to do it
        signal.setitimer(signal.ITIMER_REAL, timeout + ORPHAN_SECONDS)
        _write(answers, answer(work, request, body, memory))
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        serve(importlib.import_module(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
