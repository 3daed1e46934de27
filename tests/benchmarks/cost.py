"""What a command costs: wall and CPU time of it and all its processes, and the most memory they held at once.

CPU is read from /proc four times a second: the resources that the kernel adds up for waited-for children miss Spark's
Python workers, which nobody waits for. A process loses what it does in the last quarter of a second.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    seconds: float
    cpu_seconds: float
    peak_bytes: int  # PSS

    def dump(self) -> dict[str, float]:
        return {
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "peak_gb": round(self.peak_bytes / 1e9, 2),
        }


def cost(command: list[str], *, timeout: float | None = None) -> Cost:
    """Run `command`, its output thrown away; ends this process if it fails.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    start = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, start_new_session=True, **quiet)
    with _Watch(process.pid) as watch:
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            for member in family(process.pid):
                os.kill(member, signal.SIGKILL)
            raise
    if status:
        sys.exit(f"{' '.join(command)} ended with status {status}")
    return Cost(time.perf_counter() - start, sum(watch.cpu.values()), watch.peak)


class _Watch:
    """Samples a session's CPU time and memory until it is left."""

    def __init__(self, session: int) -> None:
        self.peak, self.cpu = 0, dict[tuple[int, int], float]()
        self._session, self._ended = session, threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def _sample(self) -> None:
        turn = 0
        while not self._ended.wait(0.25):
            members = family(self._session)
            self.cpu |= {(pid, started): seconds for pid, (started, seconds) in members.items()}
            turn += 1
            if turn % 4 == 0:  # a JVM's memory takes a while to add up
                self.peak = max(self.peak, sum(map(pss, members)))

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def family(session: int) -> dict[int, tuple[int, float]]:
    """The processes of a session and of sessions begun in it: (start in ticks, CPU seconds) by process."""
    parents, sessions, found = {}, {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid], sessions[pid] = int(fields[1]), int(fields[3])
        found[pid] = int(fields[19]), (int(fields[11]) + int(fields[12])) / _TICKS
    members = {pid for pid in found if sessions[pid] == session}
    while more := {pid for pid in found if parents[pid] in members} - members:
        members |= more
    return {pid: found[pid] for pid in members}


def pss(pid: int) -> int:
    """Bytes of memory, what processes share divided among them; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
