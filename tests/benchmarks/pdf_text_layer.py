"""The text layer: CPU time against PyMuPDF's own, and memory.

`python -m tests.benchmarks.pdf_text_layer` prints one JSON line. All files of the shared set that open without a
password, all pages, in one process: each page is loaded and run once beforehand, so that fonts are cached for every
way alike; then the ways take turns, page by page, and the lowest of three rounds counts. `ratio`: of `read_page`
(layout included) to `get_text("dict")`, which also encodes the page's images; `ratio_without_images`: to the same
without images. `kilometre` and `million_glyphs` are pages made here. Memory: peak growth over reading the set again
and again, MB.
"""

import json
import resource
import time
from collections.abc import Callable, Iterator

import pymupdf

from filters.pdf.layout.reading_order import layout
from filters.pdf.text_layer import lines_of, read_page
from tests.benchmarks.corpora import DATA

ROUNDS = 3
AGAIN = 5  # times through the set, for memory
FILES_AT_LEAST = 100


def _pages() -> Iterator[pymupdf.Page]:
    files = sorted((DATA / "pdf").glob("*.pdf"))
    if len(files) < FILES_AT_LEAST:
        raise SystemExit(f"{DATA / 'pdf'} is missing or incomplete: the benchmark needs the shared data folder")
    for path in files:
        with pymupdf.open(path) as document:
            if not document.needs_pass:
                yield from document


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _ways(page: pymupdf.Page) -> dict[str, Callable[[], object]]:
    return {
        "dict": lambda: page.get_text("dict"),
        "dict_without_images": lambda: page.get_text(
            "dict", flags=pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES
        ),
        "read_page": lambda: read_page(page),
        "lines_of": lambda: lines_of(page),
    }


def _measured(page: pymupdf.Page) -> dict[str, float]:
    ways = _ways(page)
    page.get_text("dict")
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            best[name] = min(best[name], _seconds(way))
    lines = lines_of(page)
    best["layout"] = min(_seconds(lambda: layout(lines, page.rect.width, page.rect.height)) for _ in range(ROUNDS))
    return best


def _set() -> dict[str, object]:
    total: dict[str, float] = {}
    pages = worse = 0
    for page in _pages():
        found = _measured(page)
        pages += 1
        worse += found["read_page"] > 2 * found["dict"]
        for name, seconds in found.items():
            total[name] = total.get(name, 0.0) + seconds
    return {
        "pages": pages,
        "seconds": {name: round(seconds, 3) for name, seconds in total.items()},
        "ratio": round(total["read_page"] / total["dict"], 3),
        "ratio_without_images": round(total["read_page"] / total["dict_without_images"], 3),
        "pages_over_twice": round(worse / pages, 3),
        "ms_a_page": round(1000 * total["read_page"] / pages, 3),
    }


def _made(width: float, rows: int, text: str) -> dict[str, float]:
    """One page of `rows` lines of `text`."""
    document = pymupdf.open()
    page = document.new_page(width=width, height=800)
    content = "".join(f"1 0 0 1 5 {790 - row * 780 / rows:.3f} Tm ({row} {text}) Tj\n" for row in range(rows))
    page.insert_font(fontname="helv")
    document.update_object(page.xref, document.xref_object(page.xref))
    xref = document.get_new_xref()
    document.update_object(xref, "<<>>")
    document.update_stream(xref, f"BT /helv {780 / rows:.4f} Tf\n{content}ET".encode())
    page.set_contents(xref)
    found = _measured(pymupdf.open(stream=document.tobytes(), filetype="pdf")[0])
    return {"seconds": round(found["read_page"], 2), "ratio": round(found["read_page"] / found["dict"], 2)}


def _growth() -> list[float]:
    """Peak memory after each time through the set, over that after the first."""
    peaks = []
    for _ in range(AGAIN):
        for page in _pages():
            read_page(page)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return [round(peak - peaks[0], 1) for peak in peaks]


def main() -> None:
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    figures = {
        **_set(),
        "peak_growth_mb": _growth(),
        "kilometre": _made(1e5 / 2.54 * 72, 50, "words " * 20),
        "million_glyphs": _made(600, 8000, "twenty words of text " * 6),
    }
    print(json.dumps({"benchmark": "pdf_text_layer", **figures}))


if __name__ == "__main__":
    main()
