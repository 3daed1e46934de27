"""What a command costs: wall and CPU time of it and all its descendants, and the most memory they held at once."""

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

_PR_SET_CHILD_SUBREAPER = 36


class Cost(NamedTuple):
    seconds: float
    cpu_seconds: float  # a JVM that outlives its parent is waited for, so none is missed
    peak_bytes: int  # PSS, sampled twice a second

    def dump(self) -> dict[str, float]:
        return {
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "peak_gb": round(self.peak_bytes / 1e9, 2),
        }


def cost(command: list[str], *, env: dict[str, str] | None = None, timeout: float | None = None) -> Cost:
    """Run `command`, its output thrown away; ends this process if it fails. One at a time: CPU is this process's children's.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphaned grandchildren become ours to wait for
    before, start = _children_cpu(), time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}
    )
    with _Watch(process.pid) as watch:
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            for member in reversed(family(process.pid)):
                os.kill(member, 9)
            process.wait()
            raise
        finally:
            _reap()
    if status:
        sys.exit(f"{' '.join(command)} ended with status {status}")
    return Cost(time.perf_counter() - start, _children_cpu() - before, watch.peak)


class _Watch:
    """Samples a process tree's memory until it is left."""

    def __init__(self, root: int) -> None:
        self.peak, self._root, self._ended = 0, root, threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def _sample(self) -> None:
        while not self._ended.wait(0.5):
            self.peak = max(self.peak, sum(map(pss, family(self._root))))

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap() -> None:
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def family(root: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    members = [root]
    for member in members:
        members.extend(children.get(member, []))
    return members


def pss(pid: int) -> int:
    """Bytes of memory, what processes share divided among them; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
