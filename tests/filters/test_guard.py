"""The extractor process: each way a page can break it, and that it costs that page only."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filters import html_tasks
from filters.guard import Guard
from filters.guarded import LENGTHS, answer

SENTENCE = "बाढ़ का पानी उतरने के बाद लोग अपने घर लौट आए। "
PAGE = f"<html><body><article><p>{SENTENCE * 5}</p></article></body></html>".encode()
# The parser of resiliparse takes quadratic time for the attributes of an element, and holds on to the GIL meanwhile
HANGS = ("<p " + " ".join(f"a{i}=1" for i in range(200_000)) + ">text</p>").encode()
MANY_ELEMENTS = b"<html><body>" + b"<p>a</p>" * 1_000_000


@pytest.fixture
def guard() -> Iterator[Guard]:
    with Guard(timeout=20, memory=512 << 20) as guard:
        yield guard


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_text_comes_back(guard: Guard) -> None:
    for outcome in (
        guard.call("extract", PAGE),
        guard.call("screen", PAGE),
        guard.call("extract", PAGE, extractor="plain"),
    ):
        assert outcome.text is not None and SENTENCE.strip() in outcome.text
        assert outcome.reason is None and outcome.error is None


def test_content_type_reaches_the_decoder(guard: Guard) -> None:
    assert (
        guard.call("extract", "<p>текст".encode("koi8-r"), content_type="text/plain; charset=koi8-r").text == "<p>текст"
    )


def test_a_hanging_page_is_killed_and_the_next_one_served() -> None:
    with Guard(timeout=1) as guard:
        assert guard.call("screen", PAGE).text
        first = guard.pid
        start = time.monotonic()
        outcome = guard.call("screen", HANGS)
        assert (outcome.text, outcome.reason) == (None, "extractor_timeout")
        assert outcome.error == "no answer after 1 s"
        assert time.monotonic() - start < 8
        assert guard.call("screen", PAGE).text
        assert guard.pid != first


@pytest.mark.parametrize("extractor", ["trafilatura", "plain"])
def test_a_memory_eater_is_stopped(extractor: str) -> None:
    with Guard(timeout=60, memory=256 << 20) as guard:
        outcome = guard.call("extract", MANY_ELEMENTS, extractor=extractor)
        assert (outcome.text, outcome.reason) == (None, "extractor_memory"), outcome
        assert outcome.error and "\n" not in outcome.error
        assert guard.call("extract", PAGE).text


def test_a_child_killed_while_idle_is_replaced(guard: Guard) -> None:
    guard.call("screen", PAGE)
    assert guard.pid is not None
    os.kill(guard.pid, signal.SIGKILL)
    assert guard.call("screen", PAGE).text


def test_a_child_killed_at_work_costs_that_page() -> None:
    with Guard(timeout=30) as guard:
        guard._ready_child()
        assert guard.pid is not None
        killer = threading.Timer(0.3, os.kill, (guard.pid, signal.SIGKILL))
        killer.start()
        outcome = guard.call("screen", HANGS)
        killer.join()
        assert (outcome.text, outcome.reason) == (None, "extractor_crash")
        assert outcome.error == "the extractor process died: SIGKILL"
        assert guard.call("screen", PAGE).text


def test_a_crash_in_a_used_child_is_tried_again_in_a_fresh_one(guard: Guard) -> None:
    guard.call("screen", PAGE)
    assert guard.pid is not None
    os.kill(guard.pid, signal.SIGSTOP)  # it must die in mid-exchange
    killer = threading.Timer(0.3, os.kill, (guard.pid, signal.SIGKILL))
    killer.start()
    assert guard.call("screen", PAGE).text
    killer.join()


def test_an_exception_becomes_one_line() -> None:
    request = {"task": "extract", "arguments": {"extractor": "no\nsuch" * 99}}
    frame = answer(html_tasks, request, PAGE, 1 << 30)
    header_size, body_size = LENGTHS.unpack(frame[: LENGTHS.size])
    header = json.loads(frame[LENGTHS.size :])
    assert header["reason"] == "error" and not header["spent"] and body_size == 0 < header_size
    assert header["error"].startswith("ValueError: unknown extractor") and len(header["error"]) == 300


def test_mistakes_of_the_caller_raise(guard: Guard) -> None:
    with pytest.raises(ValueError, match="unknown task 'parse': one of screen, extract"):
        guard.call("parse", PAGE)
    with pytest.raises(ValueError, match="unknown extractor 'x'"):
        guard.call("extract", PAGE, extractor="x")
    with Guard(memory=1 << 20) as tiny, pytest.raises(RuntimeError, match="did not start"):
        tiny.call("screen", PAGE)


def test_a_thousand_pages_in_a_row_and_recycling() -> None:
    with Guard(recycle=400) as guard:
        pids = set()
        for number in range(1000):
            body = PAGE.replace(b"</p>", f" page {number} ends</p>".encode())
            outcome = guard.call("screen", body)
            assert outcome.text and outcome.text.rstrip().endswith(f"page {number} ends")
            pids.add(guard.pid)
        assert len(pids) == 3
        assert sum(is_running(pid) for pid in pids if pid) == 1
    assert not any(is_running(pid) for pid in pids if pid)


def test_a_large_page_crosses_the_pipe_both_ways(guard: Guard) -> None:
    body = ("ሰላም ለዓለም " * 400_000).encode()
    outcome = guard.call("extract", body, content_type="text/plain")
    assert outcome.text == body.decode()


PARENT = """
import sys
from filters.guard import Guard
guard = Guard(timeout=1)
guard.call("screen", b"<p>x</p>")
print(guard.pid, flush=True)
if sys.argv[1] == "busy":
    guard._timeout = 60
    guard.call("screen", ("<p " + " ".join(f"a{i}=1" for i in range(900_000)) + ">").encode())
sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_the_child_does_not_outlive_its_parent(state: str) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, state], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        if state == "busy":
            time.sleep(1)
        assert is_running(child)
        parent.kill()
    assert wait_until(lambda: not is_running(child), 15)


def test_cpu_time_is_counted_across_children() -> None:
    with Guard() as guard:
        guard.call("extract", PAGE)
        first = guard.cpu_seconds
        assert first > 0.1, "the imports alone take longer"
        os.kill(guard.pid, signal.SIGKILL)
        guard.call("extract", PAGE)
        assert guard.cpu_seconds > 1.5 * first, "the second child's start is missing"
    assert guard.cpu_seconds > 1.5 * first
