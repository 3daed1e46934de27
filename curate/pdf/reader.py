"""One PDF to rows of the pages table: text layer, OCR where that is no use, running heads, language, signals."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from curate.page import failure_of, stable_id
from curate.pdf.bodies import Body
from curate.recipe import Recipe
from filters import clean, language
from filters.columns import label
from filters.guard import Guard, Outcome
from filters.pdf import wire
from filters.pdf.layout.join import block_text, page_text
from filters.pdf.layout.running import mark_running
from filters.pdf.page import Page
from filters.pdf.page_columns import page_signals
from filters.pdf.page_table import PAGES

CHUNK_PAGES = 256  # held at a time; running heads are looked for in so many pages together
SCREENED = "screened"


@dataclass
class PageTally:
    """Counts of one task, for its commit record."""

    files: int = 0
    failed_files: Counter[str] = field(default_factory=Counter)  # by reason
    pages: int = 0  # rows
    failed_pages: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    recognised: int = 0  # pages that an OCR engine read
    cpu_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass
class _Read:
    """A page with what is known beside its boxes."""

    page: Page
    image_ratio: float | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None  # found while reading: why it is dropped whatever the rules say


class Reader:
    """PDFs in, tables of pages out. `pdf` and `ocr` are the processes that parse and recognise, started when needed."""

    def __init__(self, recipe: Recipe, tally: PageTally, *, pdf: Guard, ocr: Guard) -> None:
        self._recipe, self._settings, self._tally = recipe, recipe.pdf, tally
        self._pdf, self._ocr = pdf, ocr
        self._expected = sorted({name.partition("_")[2] for name in recipe.pdf_languages})

    def read(self, body: Body, file: str, failures: list[dict[str, Any]]) -> Iterator[pa.Table]:
        """The file's pages in order, some hundreds at a time; what could not be read goes to `failures`."""
        self._tally.files += 1
        opened = self._opened(body)
        if opened.get("problem"):
            self._tally.failed_files[opened["problem"]] += 1
            failures.append(_failure(file, body, opened["problem"], opened["error"]))
            return
        for start in range(0, opened["pages"], CHUNK_PAGES):
            numbers = range(start, min(start + CHUNK_PAGES, opened["pages"]))
            found = [read for number in numbers if (read := self._page(body, file, number, failures))]
            mark_running([read.page for read in found])
            rows = self._rows(found, body, file, opened["pages"])
            self._tally.pages += len(rows)
            yield rows

    def _opened(self, body: Body) -> dict[str, Any]:
        outcome = self._pdf.call("open", path=body.path)
        if outcome.body is None:
            return {"problem": outcome.reason, "error": outcome.error}
        opened: dict[str, Any] = json.loads(outcome.body)
        if opened["pages"] > self._settings.pages:
            error = f"{opened['pages']} pages; pdf.pages is {self._settings.pages}"
            return {"problem": "too_many_pages", "error": error}
        return opened

    def _page(self, body: Body, file: str, number: int, failures: list[dict[str, Any]]) -> _Read | None:
        outcome = self._pdf.call("read", path=body.path, number=number, expected=self._expected)
        if outcome.body is None:
            return self._failed_page(body, file, number, outcome, failures)
        head, _, data = outcome.body.partition(b"\n")
        found, page = json.loads(head), wire.load(data)
        self._tally.routes[page.route] += 1
        read = _Read(page, found["image_ratio"], found["evidence"])
        if page.route == "blank":
            read.reason = "blank"
        elif page.route in ("scan", "broken") or (page.route == "legacy" and not found["table"]):
            return self._recognised(read, body, file, failures)
        return read

    def _failed_page(
        self, body: Body, file: str, number: int, outcome: Outcome, failures: list[dict[str, Any]]
    ) -> _Read | None:
        reason = outcome.reason or "pdf_error"
        self._tally.failed_pages[reason] += 1
        failures.append(_failure(file, body, reason, f"page {number + 1}: {outcome.error}"))
        return None

    def _recognised(self, read: _Read, body: Body, file: str, failures: list[dict[str, Any]]) -> _Read | None:
        """The page as an OCR engine reads it; without an engine it is dropped, its text layer kept for those who look."""
        if not self._settings.ocr:
            read.reason = "needs_ocr"
            return read
        number = read.page.number
        image = self._pdf.call("render", path=body.path, number=number, dpi=self._settings.dpi)
        if image.body is None:
            return self._failed_page(body, file, number, image, failures)
        outcome = self._ocr.call(
            "recognise",
            image.body,
            engines=list(self._settings.ocr),
            languages=list(self._recipe.pdf_languages),
            models=self._settings.paddle_models,
        )
        if outcome.body is None:
            return self._failed_page(body, file, number, outcome, failures)
        recognised = wire.load(outcome.body)
        recognised.number, recognised.route = number, read.page.route
        self._tally.recognised += 1
        return _Read(recognised, read.image_ratio, read.evidence, None if recognised.blocks else "blank")

    # --- rows ------------------------------------------------------------------------------------------------------

    def _rows(self, found: list[_Read], body: Body, file: str, pages: int) -> pa.Table:
        identities = self._identified([page_text(read.page.blocks) for read in found])
        paragraphs = iter(self._identified([block_text(block) for read in found for block in read.page.blocks]))
        rows = []
        for read, identity in zip(found, identities, strict=True):
            page = read.page
            page.language = label(identity["language"], identity["language_script"])
            inside = [next(paragraphs) for _ in page.blocks]
            languages = [label(one["language"], one["language_script"]) for one in inside]
            if read.reason is None and self._recipe.screened and page.language not in self._recipe.languages:
                read.reason = SCREENED
            rows.append(self._row(read, body, file, pages) | {"signals": self._signals(read, languages, identity)})
        return pa.Table.from_pylist(rows, PAGES)

    def _identified(self, texts: list[str]) -> list[dict[str, Any]]:
        found = language.identify(clean.strings(texts), model=self._recipe.language.model)
        identities: list[dict[str, Any]] = found.to_pylist()
        return identities

    def _signals(self, read: _Read, languages: list[str], identity: dict[str, Any]) -> dict[str, float | None]:
        return page_signals(
            read.page,
            paragraph_languages=languages,
            language_score=identity["language_score"],
            expected_scripts=frozenset(self._expected) or None,
            image_ratio=read.image_ratio,
        )

    def _row(self, read: _Read, body: Body, file: str, pages: int) -> dict[str, Any]:
        page = read.page
        origin = {name: getattr(body, name) for name in ("url", "date", "dump", "file_path", "license", "opt_out")}
        return origin | {
            "id": body.id or stable_id(file, body.offset),
            "page": page.number + 1,
            "pages": pages,
            "name": body.name,
            "width": page.width,
            "height": page.height,
            "route": page.route,
            "engine": page.engine,
            "language": page.language,
            "reason": read.reason,
            "evidence": [(name, float(value)) for name, value in sorted(read.evidence.items())],
            "blocks": [{**block.box._asdict(), "role": block.role, "text": block_text(block)} for block in page.blocks],
            "source": {"file": file, "offset": body.offset},
        }


def _failure(file: str, body: Body, reason: str, error: str) -> dict[str, Any]:
    named = error if body.name in (file, body.url) else f"{body.name[-200:]}: {error}"
    return failure_of(file, body.offset, body.url, reason, " ".join(named.split()))
