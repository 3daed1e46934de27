"""Page rules on real PDFs: what each shipped table drops, and what the signals cost.

`python -m tests.benchmarks.page_boxes` prints one JSON line. The first 12 pages of each file with a text layer, in the
language that is found; `long` pages have at least 300 characters. Setu's table is for the recognised pages of books.
`cost_of_dict` is the CPU time of the signals as a share of that of PyMuPDF's own get_text("dict").
"""

import json
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pymupdf

from filters import clean, language
from filters.columns import label
from filters.pdf import text_layer
from filters.pdf.boxes import clipped, highest_overlap, suppressed
from filters.pdf.layout.running import mark_running
from filters.pdf.page import Page
from filters.pdf.page_columns import PAGE_SIGNALS, page_signals
from tests.benchmarks.corpora import DATA
from thresholds.page_rules import SHIPPED_PAGES, PageRules

FIRST = 12  # pages of a file
LONG = 300  # characters
BOXES = 100_000


def _documents() -> Iterator[list[pymupdf.Page]]:
    pymupdf.TOOLS.mupdf_display_errors(False)
    for path in sorted((DATA / "pdf").glob("*.pdf")):
        try:
            document = pymupdf.open(path)
            if not document.needs_pass:
                yield [document[number] for number in range(min(FIRST, len(document)))]
        except RuntimeError:
            continue


def _identified(page: Page) -> tuple[list[str], float]:
    """The page's language is set; those of its blocks, and its score."""
    texts = ["\n".join(line.text for line in block.lines) for block in page.blocks]
    whole, *parts = language.identify(clean.strings(["\n".join(texts), *texts])).to_pylist()
    page.language = label(whole["language"], whole["language_script"])
    return [label(part["language"], part["language_script"]) for part in parts], whole["language_score"]


def _rules(signals: list[dict[str, float | None]], languages: list[str]) -> dict[str, object]:
    columns, long = pa.array(signals, PAGE_SIGNALS), [(each["characters"] or 0) >= LONG for each in signals]
    figures: dict[str, object] = {"pages": len(signals), "long_pages": sum(long)}
    for name in SHIPPED_PAGES:
        reasons = PageRules.load(name).reasons(columns, languages, ["prose"] * len(signals))
        dropped = [each for each, is_long in zip(reasons, long, strict=True) if is_long and each]
        figures[f"{name}_dropped"] = round(sum(map(bool, reasons)) / len(reasons), 3)
        figures[f"{name}_long_dropped"] = round(len(dropped) / sum(long), 3)
        figures[f"{name}_long_by_rule"] = dict(Counter(reason for each in dropped for reason in each).most_common())
    return figures


def _seconds(work: object) -> float:
    start = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - start


def _many() -> dict[str, float]:
    """A page of single glyphs, and one of boxes around one point, few of which cover another."""
    x, y = np.divmod(np.arange(BOXES), 300)
    glyphs = np.stack([x * 2.0, y * 3.0, x * 2 + 1.5, y * 3 + 2.5], axis=1)
    random = np.random.default_rng(1)
    shape = np.exp(random.uniform(-7, 7, BOXES))
    sides = np.stack([shape, 1 / shape], 1) * 100
    middle = 5e5 + random.uniform(-0.5, 0.5, (BOXES, 2)) * sides
    piled = np.concatenate([middle - sides / 2, middle + sides / 2], 1)
    figures = {}
    for name, boxes in (("glyphs", glyphs), ("piled", piled)):
        page = clipped(boxes, 1e6, 1e6)
        figures[f"{name}_{BOXES}_seconds"] = round(
            _seconds(lambda page=page: highest_overlap(page[~suppressed(page)])), 3
        )
    return figures


def main() -> None:
    signals, languages, cost = [], [], Counter[str]()
    for document in _documents():
        pages = [text_layer.read_page(each) for each in document]
        mark_running(pages)
        for raw, page in zip(document, pages, strict=True):
            if not page.blocks:
                continue
            inside, score = _identified(page)
            turn = lambda page=page, inside=inside, score=score: page_signals(  # noqa: E731
                page, paragraph_languages=inside, language_score=score, expected_scripts=None, image_ratio=None
            )
            signals.append(turn())
            languages.append(page.language)
            cost["signals"] += min(_seconds(turn) for _ in range(3))
            cost["dict"] += min(_seconds(lambda raw=raw: raw.get_text("dict")) for _ in range(3))
    figures = _rules(signals, languages) | {"cost_of_dict": round(cost["signals"] / cost["dict"], 3)} | _many()
    print(json.dumps({"benchmark": "page_boxes", **figures}))


if __name__ == "__main__":
    main()
