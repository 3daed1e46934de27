"""Extraction quality and cost: our path (decode, extract, guard) beside each library called alone, on the same pages.

Quality is counted in snippets, as in trafilatura's own evaluation: wanted snippets that are in the text (true
positives) or not (false negatives), and boilerplate snippets that are (false positives). Costs are CPU time.
"""

import json
import os
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import HTMLTree

from filters.extract import page_text
from filters.guard import Guard

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "html" / "trafilatura_eval.zip"
_TICKS = os.sysconf("SC_CLK_TCK")
_SMALL_PAGE = b"<html><body><article><p>A short page about nothing much.</p></article></body></html>"
_SMALL_CALLS = 500


@dataclass
class Score:
    """Snippets found and missed, and CPU seconds spent."""

    true_positives: int = 0
    false_negatives: int = 0
    false_positives: int = 0
    seconds: float = 0.0

    def add(self, page: dict[str, Any], text: str, seconds: float) -> None:
        wanted = sum(snippet in text for snippet in page["must_contain"])
        self.true_positives += wanted
        self.false_negatives += len(page["must_contain"]) - wanted
        self.false_positives += sum(snippet in text for snippet in page["must_not_contain"])
        self.seconds += seconds

    def summary(self, pages: int) -> dict[str, float]:
        precision = self.true_positives / max(self.true_positives + self.false_positives, 1)
        recall = self.true_positives / max(self.true_positives + self.false_negatives, 1)
        figures = {
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / max(precision + recall, 1e-9),
        }
        return {name: round(value, 4) for name, value in figures.items()} | {
            "pages_per_cpu_second": round(pages / self.seconds, 1)
        }


def _trafilatura(body: bytes) -> str:
    import trafilatura

    return trafilatura.extract(body, include_comments=False, deduplicate=False) or ""


def _resiliparse(body: bytes, main_content: bool) -> str:
    return extract_plain_text(
        HTMLTree.parse_from_bytes(body, detect_encoding(body) or "utf-8"), main_content=main_content
    )


LIBRARIES: dict[str, Callable[[bytes], str]] = {
    "trafilatura": _trafilatura,
    "resiliparse": lambda body: _resiliparse(body, True),
    "plain": lambda body: _resiliparse(body, False),
}


def _child_cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _timed(function: Callable[[], str]) -> tuple[str, float]:
    start = time.process_time()
    text = function()
    return text, time.process_time() - start


def _guarded(guard: Guard, body: bytes, extractor: str) -> str:
    return guard.call("extract", body, extractor=extractor).text or ""


def _compare(guard: Guard, extractor: str, pages: list[tuple[dict[str, Any], bytes]]) -> dict[str, Any]:
    """Page by page in turns, so that both meet the same load."""
    ours, library, direct = Score(), Score(), 0.0
    _guarded(guard, _SMALL_PAGE, extractor)
    LIBRARIES[extractor](_SMALL_PAGE)
    assert guard.pid is not None
    before, pid = _child_cpu(guard.pid), guard.pid
    for page, body in pages:
        library.add(page, *_timed(lambda body=body: LIBRARIES[extractor](body)))  # type: ignore[misc]
        ours.add(page, *_timed(lambda body=body: _guarded(guard, body, extractor)))  # type: ignore[misc]
        direct += _timed(lambda body=body: page_text(body, None, extractor))[1]  # type: ignore[misc]
    assert guard.pid == pid, "a page broke the child: its CPU time is lost"
    ours.seconds += _child_cpu(pid) - before
    figures = {"ours": ours.summary(len(pages)), "library": library.summary(len(pages))}
    return figures | {"guard_cpu_ratio": round(ours.seconds / direct, 3)}


def _round_trip_milliseconds(guard: Guard) -> float:
    """Wall clock that the guard adds to a small page."""
    start = time.perf_counter()
    for _ in range(_SMALL_CALLS):
        guard.call("screen", _SMALL_PAGE)
    through = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(_SMALL_CALLS):
        page_text(_SMALL_PAGE, None, "resiliparse")
    return round((through - (time.perf_counter() - start)) / _SMALL_CALLS * 1000, 3)


def _pages() -> list[tuple[dict[str, Any], bytes]]:
    if not DATA.exists():
        sys.exit(f"no data: {DATA} is missing")
    with zipfile.ZipFile(DATA) as archive:
        index = [json.loads(line) for line in archive.read("index.jsonl").splitlines()]
        return [(page, archive.read(f"pages/{page['file']}")) for page in index]


def main() -> None:
    pages = _pages()
    with Guard(timeout=60) as guard:
        results = {extractor: _compare(guard, extractor, pages) for extractor in LIBRARIES}
        round_trip = _round_trip_milliseconds(guard)
    level = all(result["ours"]["f1"] >= result["library"]["f1"] for result in results.values())
    line = {"benchmark": "extraction", "pages": len(pages), **results, "guard_round_trip_ms": round_trip}
    print(json.dumps(line | {"none_below_library": level}))


if __name__ == "__main__":
    main()
