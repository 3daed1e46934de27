"""Read and measure: one task reads its share of the input once and writes one Parquet file with all metrics.

Text never crosses into the JVM. A task's file lies under an attempt's own name until its commit record publishes it.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from curate.benchmarks import Benchmarks
from curate.documents import DocumentWriter
from curate.forgotten import REASON as FORGOTTEN
from curate.forgotten import Forgotten, blank_id
from curate.recipe import MIB, Recipe
from curate.runfolder import RunFolder, join, publishing, unique, write_json
from curate.sources import read
from curate.sources.record import Failure, Record, Skipped, Split
from curate.steps import Draft, blocks
from filters import clean, language, line_rules, minhash, rights, segment, signals, site_lines
from filters.columns import (
    EDITS,
    FAILED,
    LANGUAGE,
    MEASURED,
    SAMPLE_CHARACTERS,
    SIGNALS,
    SITE_LINES,
    UNKNOWN_LANGUAGE,
    UNKNOWN_SCRIPT,
    label,
)
from filters.contamination import Finder, Passage
from filters.edits import cut, tidied, with_cuts
from filters.guard import Guard
from filters.url import Blocklist

BATCH_RECORDS = 512
BATCH_BYTES = 8 * 1024 * 1024
# A page passes the screen when a wanted language is among its alternatives with this score. On the test crawl 0.1 lost
# 0.95 % of the Hindi pages, 0.03 lost 0.54 % and let 2 % more pages through to the extractor.
SCREEN_SCORE = 0.03
UNIDENTIFIED = {
    "language": UNKNOWN_LANGUAGE,
    "language_script": UNKNOWN_SCRIPT,
    "language_score": 0.0,
    "top_langs": "{}",
}


@dataclass(frozen=True, slots=True)
class Unit:
    """What one task reads: one split, or several small files together."""

    index: int
    splits: tuple[Split, ...]

    @property
    def bytes(self) -> int:
        return sum(split.bytes for split in self.splits)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that measuring depends on; its hash is the measure fingerprint."""

    recipe: Recipe
    stopwords: dict[str, tuple[str, ...]]
    flagged_words: dict[str, tuple[str, ...]]
    blocklist: Blocklist  # loaded on the driver: an executor need not see its files
    benchmarks: Benchmarks | None = None
    # Not in the fingerprint: what is forgotten is blanked in what was measured before
    forgotten: Forgotten = field(default_factory=Forgotten)


@dataclass
class Tally:
    """Counts of one task, for its commit record."""

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    lines_removed: Counter[str] = field(default_factory=Counter)  # by line rule
    contaminated: int = 0  # documents
    benchmark_documents: Counter[int] = field(default_factory=Counter)  # that hold a benchmark's record
    benchmark_ngrams: Counter[int] = field(default_factory=Counter)  # of it, in all of them
    text_bytes: int = 0
    cpu_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def contamination(self) -> dict[str, Any]:
        records = {str(n): [self.benchmark_documents[n], count] for n, count in sorted(self.benchmark_ngrams.items())}
        return {"documents": self.contaminated, "records": records}

    @contextmanager
    def cpu(self, phase: str) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            self.cpu_seconds[phase] += time.process_time() - start


@dataclass
class Page:
    """A record on its way to a row: its text, or why it has none."""

    record: Record
    file: str
    text: str | None = None
    reason: str | None = None  # why it is dropped unmeasured
    objection: str | None = None  # of a line rule, a step or a benchmark: it is dropped, but measured all the same
    cuts: Sequence[tuple[int, int]] = ()  # code points of the text that are not written
    screened_as: dict[str, Any] | None = None


def measure_unit(
    unit: Unit, settings: Settings, root: str, *, progress: Callable[[int, int], None] = lambda records, bytes_: None
) -> dict[str, Any]:
    """Measure one unit into the run folder `root` and publish it; returns the commit record."""
    folder, tally, start = RunFolder(root), Tally(), time.perf_counter()
    name = f"{unit.index:06d}-{unique()}.parquet"
    failures: list[dict[str, Any]] = []
    guard = _guard(settings.recipe.extract.timeout_seconds, settings.recipe.extract.memory_mb * MIB)
    measurer, before = Measurer(settings, tally, guard), guard.cpu_seconds
    with publishing(join(folder.documents, name)) as file:
        writer = DocumentWriter(
            file, unit.index, settings.recipe.limits.buffer_bytes, settings.recipe.write.row_group_bytes
        )
        for split in unit.splits:
            for batch in _batches(split, settings.recipe.limits.record_bytes, tally, failures):
                writer.add(measurer.rows(batch, failures))
                progress(len(batch), 0)
            progress(0, split.bytes)
        writer.close()
    tally.cpu_seconds["extract"] += guard.cpu_seconds - before
    failures = [settings.forgotten.cleaned(failure) for failure in failures]
    tally.failed.update(failure["reason"] for failure in failures)
    if failures:
        _write_failures(join(folder.failed, name), failures)
    commit = {
        "unit": unit.index,
        "file": name,
        "inputs": [[split.file, split.start, split.end] for split in unit.splits],
        "bytes": unit.bytes,
        "rows": tally.rows,
        "failed": dict(tally.failed),
        "dropped": dict(tally.dropped),
        "skipped": dict(tally.skipped),
        "lines_removed": dict(tally.lines_removed),
        "contamination": tally.contamination if settings.benchmarks else None,
        "text_bytes": tally.text_bytes,
        "cpu_seconds": {phase: round(seconds, 3) for phase, seconds in tally.cpu_seconds.items()},
        "seconds": round(time.perf_counter() - start, 3),
    }
    write_json(join(folder.measured_commits, f"{unit.index:06d}.json"), commit)
    return commit


@lru_cache(maxsize=1)
def _guard(timeout: float, memory: int) -> Guard:
    """The extracting process of this worker, kept from task to task; it ends with the worker."""
    return Guard(timeout=timeout, memory=memory)


def _batches(split: Split, limit: int, tally: Tally, failures: list[dict[str, Any]]) -> Iterator[list[Page]]:
    """The split's records, a few hundred at a time; what could not be read goes to `failures`."""
    batch: list[Page] = []
    size = 0
    items = read(split, limit_bytes=limit)
    while True:
        with tally.cpu("read"):
            item = next(items, None)
        match item:
            case None:
                break
            case Failure():
                failures.append(_failed(split.file, item.offset, item.url, item.reason, item.error))
            case Skipped():
                tally.skipped[item.kind] += 1
            case Record():
                batch.append(Page(item, split.file, reason=item.drop_reason))
                size += len(item.payload)
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _failed(file: str, offset: int, url: str | None, reason: str, error: str) -> dict[str, Any]:
    return {"file": file, "offset": offset, "url": url, "reason": reason, "error": error}


def _write_failures(path: str, failures: list[dict[str, Any]]) -> None:
    with publishing(path) as file:
        pq.write_table(pa.Table.from_pylist(failures, FAILED), file, compression="zstd")


class Measurer:
    """Pages in, rows of the documents table out. `guard` runs the extractor; its CPU time is the caller's to count."""

    def __init__(self, settings: Settings, tally: Tally, guard: Guard) -> None:
        self._settings, self._tally, self._guard = settings, tally, guard
        self._recipe, self._blocklist = settings.recipe, settings.blocklist
        self._wanted = frozenset(settings.recipe.languages)
        self._finder = Finder(settings.benchmarks.ngrams) if settings.benchmarks else None

    def rows(self, pages: list[Page], failures: list[dict[str, Any]]) -> pa.Table:
        """One row a page. A page that breaks a step is one failure, not the end of the task."""
        lost: list[dict[str, Any]] = []  # not `failures` at once: a batch that breaks is tried again in halves
        try:
            self._forget(pages)
            self._block(pages)
            rows = self._measured(self._extract(self._screen(pages, lost), lost), lost)
        except (pa.ArrowException, ValueError, ArithmeticError, LookupError, TypeError, RecursionError) as error:
            if len(pages) > 1:
                middle = len(pages) // 2
                return pa.concat_tables([self.rows(half, failures) for half in (pages[:middle], pages[middle:])])
            page, message = pages[0], f"{type(error).__name__}: {str(error)[:300]}".replace("\n", " ")
            failures.append(_failed(page.file, page.record.offset, page.record.url, "measure_error", message))
            return MEASURED.empty_table()
        failures += lost
        return rows

    def _forget(self, pages: list[Page]) -> None:
        """Blank the records that are never to be read."""
        for page in pages:
            record = page.record
            if self._settings.forgotten.holds(_id(page), record.url):
                name = blank_id(_id(page))
                page.record = Record(
                    offset=record.offset, payload="", id=name, dump=record.dump, file_path=record.file_path
                )
                page.reason = FORGOTTEN

    def _block(self, pages: list[Page]) -> None:
        with self._tally.cpu("url"):
            blocked = self._blocklist.blocked(clean.strings(page.record.url for page in pages))
        for page, by in zip(pages, blocked.to_pylist(), strict=True):
            if by is not None and page.reason is None:
                page.reason = "url_blocked"

    def _screen(self, pages: list[Page], failures: list[dict[str, Any]]) -> list[Page]:
        """Turn away pages whose cheap text is in none of the wanted languages, before the slow extractor runs."""
        crawled = [page for page in pages if page.reason is None and isinstance(page.record.payload, bytes)]
        if not (self._recipe.screened and crawled):
            return pages
        texts, lost = [], []
        for page in crawled:
            payload = page.record.payload
            assert isinstance(payload, bytes)
            with self._tally.cpu("extract"):
                outcome = self._guard.call("screen", payload, content_type=page.record.content_type)
            if outcome.reason:
                failures.append(
                    _failed(page.file, page.record.offset, page.record.url, outcome.reason, outcome.error or "")
                )
                lost.append(id(page))
            texts.append(outcome.text)
        with self._tally.cpu("language"):
            scripts = {name.partition("_")[2] for name in self._wanted}
            found = language.identify(clean.strings(texts), model=self._recipe.language.model, scripts=scripts)
        for page, text, identity in zip(crawled, texts, found.to_pylist(), strict=True):
            if text and not _may_be(identity, self._wanted):
                page.reason, page.text, page.screened_as = "screened", text[:SAMPLE_CHARACTERS], identity
        return [page for page in pages if id(page) not in set(lost)]

    def _extract(self, pages: list[Page], failures: list[dict[str, Any]]) -> list[Page]:
        going_on = []
        for page in pages:
            payload = page.record.payload
            if page.reason is None and isinstance(payload, bytes):
                with self._tally.cpu("extract"):
                    outcome = self._guard.call(
                        "extract",
                        payload,
                        content_type=page.record.content_type,
                        url=page.record.url,
                        extractor=self._recipe.extract.extractor,
                    )
                if outcome.reason:
                    error = outcome.error or ""
                    failures.append(_failed(page.file, page.record.offset, page.record.url, outcome.reason, error))
                    continue
                page.text = outcome.text
            elif page.reason is None:
                page.text = str(payload)
            going_on.append(page)
        return going_on

    def _measured(self, pages: list[Page], failures: list[dict[str, Any]]) -> pa.Table:
        tally, recipe = self._tally, self._recipe
        pages, texts, found = self._stepped(pages, self._without_lines(pages, self._repaired(pages)), failures)
        measured = _alive(pages, texts)
        found = _with_screened(found, pages)
        with tally.cpu("segment"):
            segments = segment.segment(measured)
        passages = self._decontaminated(pages, measured, segments)
        with tally.cpu("pii"):
            edits = clean.pii(measured) if recipe.clean.pii else pa.nulls(len(pages), EDITS)
            edits = with_cuts(edits, [page.cuts for page in pages])
        reasons = [[why] if (why := page.reason or page.objection) else [] for page in pages]
        columns = {
            "text": texts,
            "quality": pa.nulls(len(pages), pa.float64()),
            "drop_reasons": pa.array(reasons, pa.list_(pa.string())),
            "edits": edits,
            "site_lines": self._site_lines(segments),
            "key": pa.nulls(len(pages), pa.int64()),  # set when the rows are in their final order
            **{field.name: pc.struct_field(found, field.name) for field in LANGUAGE},
            **self._metrics(measured, found, segments),
            **_origin(pages),
        }
        rows = pa.table([columns[field.name].cast(field.type) for field in MEASURED], schema=MEASURED)
        tally.rows += len(rows)
        tally.text_bytes += measured.nbytes
        tally.dropped.update(reason for page_reasons in reasons for reason in page_reasons)
        for passage in passages:
            tally.contaminated += 1
            tally.benchmark_documents.update(passage.records.keys())
            tally.benchmark_ngrams.update(passage.records)
        return rows

    def _decontaminated(self, pages: list[Page], texts: pa.StringArray, segments: segment.Segments) -> list[Passage]:
        """What the pages hold of the benchmarks; those pages are dropped, or given cuts where something else is left."""
        if self._finder is None:
            return []
        with self._tally.cpu("benchmarks"):
            passages = self._finder.find(segments)
        for page, passage, text in zip(pages, passages, texts, strict=True):
            page.cuts = ()
            if passage and self._recipe.decontaminate.action == "cut":
                page.cuts = tidied(text.as_py(), passage.spans)
            if passage and not (page.cuts and any(map(str.isalnum, cut(text.as_py(), page.cuts)))):
                page.objection = page.objection or "contaminated"
        return [passage for passage in passages if passage]

    def _repaired(self, pages: list[Page]) -> pa.StringArray:
        """The pages' text as it is measured; a page without any is dropped as empty."""
        with self._tally.cpu("clean"):
            texts = clean.repair(clean.strings(page.text for page in pages))
        for page, characters in zip(pages, pc.utf8_length(texts).to_pylist(), strict=True):
            if page.reason is None and not characters:
                page.reason = "empty"
        return texts

    def _without_lines(self, pages: list[Page], texts: pa.StringArray) -> pa.StringArray:
        """The texts after the line rules; a page that one of them objects to keeps its text and says so."""
        for page in pages:
            page.objection = None  # a batch that is tried again starts anew
        rules = self._recipe.clean.line_rules
        if not rules:
            return texts
        with self._tally.cpu("clean"):
            cleaned = line_rules.apply(_alive(pages, texts), rules)
        for page, reason in zip(pages, cleaned.reasons.to_pylist(), strict=True):
            page.objection = reason
        self._tally.lines_removed.update(cleaned.removed)
        return pc.coalesce(cleaned.text, texts)

    def _stepped(
        self, pages: list[Page], texts: pa.StringArray, failures: list[dict[str, Any]]
    ) -> tuple[list[Page], pa.StringArray, pa.StructArray]:
        """What the steps make of the pages: those that no step failed on, their texts, and the languages of these."""
        if not self._recipe.steps:
            return pages, texts, self._identified(_alive(pages, texts))
        drafts = [_draft(page, text) for page, text in zip(pages, texts.to_pylist(), strict=True)]
        for block in blocks(self._recipe.steps):
            going = [draft for draft in drafts if draft.goes_on]
            if block.is_filter:
                self._identify(going)
            with self._tally.cpu("steps"):
                block.run(going)
        self._identify(drafts)
        for page, draft in zip(pages, drafts, strict=True):
            page.objection = draft.reason
            if draft.error:
                failures.append(_failed(page.file, page.record.offset, page.record.url, "step_error", draft.error))
        left = [row for row, draft in enumerate(drafts) if not draft.error]
        after = clean.strings(None if page.reason else drafts[row].text for row, page in enumerate(pages))
        found = pa.array([drafts[row].identity for row in left], LANGUAGE)
        return [pages[row] for row in left], pc.coalesce(after, texts).take(pa.array(left, pa.int64())), found

    def _identify(self, drafts: list[Draft]) -> None:
        """Find the language where it is not known of the text as it is now."""
        unknown = [draft for draft in drafts if draft.identity is None]
        found = self._identified(clean.strings(draft.text for draft in unknown))
        for draft, identity in zip(unknown, found.to_pylist(), strict=True):
            draft.identity = identity

    def _identified(self, texts: pa.StringArray) -> pa.StructArray:
        with self._tally.cpu("language"):
            return language.identify(texts, model=self._recipe.language.model)

    def _site_lines(self, segments: segment.Segments) -> pa.Array:
        if not self._recipe.boilerplate.lines:
            return pa.nulls(len(segments.valid), SITE_LINES)
        with self._tally.cpu("boilerplate"):
            return site_lines.site_lines(segments, words=self._recipe.boilerplate.words)

    def _metrics(self, text: pa.StringArray, found: pa.StructArray, segments: segment.Segments) -> dict[str, pa.Array]:
        """Signals and hashes, from one segmentation."""
        tally, dedup, lists = self._tally, self._recipe.dedup, self._settings
        parts = [pc.struct_field(found, name) for name in ("language", "language_script")]
        labels = pc.binary_join_element_wise(*parts, "_")
        with tally.cpu("signals"):
            words = {"stopwords": lists.stopwords, "flagged_words": lists.flagged_words}
            metrics = signals.measure(text, labels, **words, segments=segments)
        with tally.cpu("minhash"):
            size = {"permutations": dedup.permutations, "ngram": dedup.ngram, "seed": dedup.seed}
            hashes = minhash.pack(minhash.signatures(text, labels, **size, segments=segments))
            exact = minhash.exact_hash(text)
        return {"signals": metrics.cast(SIGNALS), "minhash": hashes, "exact_hash": exact}


def _may_be(identity: dict[str, Any], wanted: frozenset[str]) -> bool:
    if label(identity["language"], identity["language_script"]) in wanted:
        return True
    scores: dict[str, float] = json.loads(identity["top_langs"] or "{}")
    return any(scores.get(f"{name}_score", 0.0) >= SCREEN_SCORE for name in wanted)


def _alive(pages: list[Page], texts: pa.StringArray) -> pa.StringArray:
    """The texts that are measured, null in place of the others.

    Taken, not masked: a masked text keeps its bytes under the null, and the kernels would read them.
    """
    rows = [row if page.reason is None else None for row, page in enumerate(pages)]
    return texts.take(pa.array(rows, pa.int64()))


def _draft(page: Page, text: str | None) -> Draft:
    """`text` on its way through the steps; one that is dropped already only passes by."""
    record = page.record
    metadata = {name: getattr(record, name) for name in ("dump", "url", "date")}
    draft = Draft(_id(page), text or "", metadata | {"file_path": record.file_path or page.file})
    draft.reason = page.reason or page.objection
    if page.reason is not None:
        draft.identity = UNIDENTIFIED
    return draft


def _with_screened(found: pa.StructArray, pages: list[Page]) -> pa.StructArray:
    """What the screen found for the pages it turned away; unknown for those dropped unread."""
    if all(page.reason is None for page in pages):
        return found
    identities = found.to_pylist()
    rows = [
        identity if page.reason is None else (page.screened_as or UNIDENTIFIED)
        for page, identity in zip(pages, identities, strict=True)
    ]
    return pa.array(rows, found.type)


def _rights(record: Record) -> tuple[str | None, str | None]:
    """(license, opt_out) that the record's source states, and the page itself where there is one."""
    if not isinstance(record.payload, bytes):
        return record.license, record.opt_out
    return rights.of_page(record.payload, record.url, license_=record.license, opt_out=record.opt_out)


def _origin(pages: list[Page]) -> dict[str, pa.Array]:
    records = [page.record for page in pages]
    strings = {name: clean.strings(getattr(record, name) for record in records) for name in ("dump", "url", "date")}
    stated = [_rights(record) for record in records]
    return {
        "license": clean.strings(license_ for license_, _ in stated),
        "opt_out": clean.strings(opt_out for _, opt_out in stated),
        **strings,
        "id": clean.strings(map(_id, pages)),
        "file_path": clean.strings(page.record.file_path or page.file for page in pages),
        "source": pa.array(
            [{"file": page.file, "offset": page.record.offset} for page in pages],
            MEASURED.field("source").type,
        ),
    }


def _id(page: Page) -> str:
    """The record's own, else one that is stable wherever the input is mounted: folder, file name and offset."""
    if page.record.id:
        return page.record.id
    relative = "/".join(page.file.rsplit("/", 2)[-2:])
    return xxhash.xxh3_128_hexdigest(f"{relative}#{page.record.offset}".encode())
