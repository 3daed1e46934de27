"""Read and measure: one task reads its share of the input once and writes one Parquet file with all metrics.

Text never crosses into the JVM. A task's file lies under an attempt's own name until its commit record publishes it.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from curate.recipe import MIB, Recipe
from curate.runfolder import RunFolder, join, publishing, unique, write_json
from curate.sources import read
from curate.sources.record import Failure, Record, Skipped, Split
from filters import clean, language, minhash, segment, signals
from filters.columns import (
    EDITS,
    FAILED,
    KEY_BITS,
    MEASURED,
    SAMPLE_CHARACTERS,
    SIGNALS,
    UNKNOWN_LANGUAGE,
    UNKNOWN_SCRIPT,
    label,
)
from filters.guard import Guard
from filters.url import Blocklist

BATCH_RECORDS = 512
BATCH_BYTES = 8 * 1024 * 1024
# A page passes the screen when a wanted language is among its alternatives with this score. On the test crawl 0.1 lost
# 0.95 % of the Hindi pages, 0.03 lost 0.54 % and let 2 % more pages through to the extractor.
SCREEN_SCORE = 0.03
GROUP_BYTES = 4 * 1024 * 1024  # a row group ends at a change of language once it holds this much


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


@dataclass
class Tally:
    """Counts of one task, for its commit record."""

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    text_bytes: int = 0
    cpu_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

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
    reason: str | None = None
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
        writer = _Writer(file, unit.index, settings.recipe.limits.buffer_bytes, settings.recipe.write.row_group_bytes)
        for split in unit.splits:
            for batch in _batches(split, settings.recipe.limits.record_bytes, tally, failures):
                writer.add(measurer.rows(batch, failures))
                progress(len(batch), 0)
            progress(0, split.bytes)
        writer.close()
    tally.cpu_seconds["extract"] += guard.cpu_seconds - before
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

    def rows(self, pages: list[Page], failures: list[dict[str, Any]]) -> pa.Table:
        """One row a page. A page that breaks a step is one failure, not the end of the task."""
        try:
            self._block(pages)
            pages = self._extract(self._screen(pages, failures), failures)
            return self._measured(pages)
        except (pa.ArrowException, ValueError, ArithmeticError, LookupError, TypeError, RecursionError) as error:
            if len(pages) > 1:
                middle = len(pages) // 2
                return pa.concat_tables([self.rows(half, failures) for half in (pages[:middle], pages[middle:])])
            page = pages[0]
            message = f"{type(error).__name__}: {str(error)[:300]}".replace("\n", " ")
            failures.append(_failed(page.file, page.record.offset, page.record.url, "measure_error", message))
            return MEASURED.empty_table()

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

    def _measured(self, pages: list[Page]) -> pa.Table:
        tally, recipe = self._tally, self._recipe
        texts = clean.strings(page.text for page in pages)
        with tally.cpu("clean"):
            texts = clean.repair(texts)
        for page, characters in zip(pages, pc.utf8_length(texts).to_pylist(), strict=True):
            if page.reason is None and not characters:
                page.reason = "empty"
        reasons = [page.reason for page in pages]
        # Taken, not masked: a masked text keeps its bytes under the null, and the kernels would read them
        alive = pa.array([row if reason is None else None for row, reason in enumerate(reasons)], pa.int64())
        measured = texts.take(alive)
        with tally.cpu("language"):
            found = language.identify(measured, model=recipe.language.model)
        found = _with_screened(found, pages)
        languages, scripts = pc.struct_field(found, "language"), pc.struct_field(found, "language_script")
        labels = pc.binary_join_element_wise(languages, scripts, "_")
        with tally.cpu("segment"):
            segments = segment.segment(measured)
        with tally.cpu("signals"):
            metrics = signals.measure(
                measured,
                labels,
                stopwords=self._settings.stopwords,
                flagged_words=self._settings.flagged_words,
                segments=segments,
            )
        with tally.cpu("minhash"):
            dedup = recipe.dedup
            hashes = minhash.signatures(
                measured,
                labels,
                permutations=dedup.bands * dedup.rows,
                ngram=dedup.ngram,
                seed=dedup.seed,
                segments=segments,
            )
            exact = minhash.exact_hash(measured)
        with tally.cpu("pii"):
            edits = clean.pii(measured) if recipe.clean.pii else pa.nulls(len(pages), EDITS)
        columns = {
            "text": texts,
            "signals": metrics.cast(SIGNALS),
            "minhash": minhash.pack(hashes),
            "exact_hash": exact,
            "quality": pa.nulls(len(pages), pa.float64()),
            "drop_reasons": pa.array([[reason] if reason else [] for reason in reasons], pa.list_(pa.string())),
            "edits": edits,
            "key": pa.nulls(len(pages), pa.int64()),  # set when the rows are in their final order
            **{name: pc.struct_field(found, name) for name in language_fields()},
            **_origin(pages),
        }
        rows = pa.table([columns[field.name].cast(field.type) for field in MEASURED], schema=MEASURED)
        tally.rows += len(rows)
        tally.text_bytes += measured.nbytes
        tally.dropped.update(reason for reason in reasons if reason is not None)
        return rows


def language_fields() -> tuple[str, ...]:
    return ("language", "language_score", "language_script", "top_langs")


def _may_be(identity: dict[str, Any], wanted: frozenset[str]) -> bool:
    if label(identity["language"], identity["language_script"]) in wanted:
        return True
    scores: dict[str, float] = json.loads(identity["top_langs"] or "{}")
    return any(scores.get(f"{name}_score", 0.0) >= SCREEN_SCORE for name in wanted)


def _with_screened(found: pa.StructArray, pages: list[Page]) -> pa.StructArray:
    """What the screen found for the pages it turned away; unknown for those dropped unread."""
    if all(page.reason is None for page in pages):
        return found
    unknown = {
        "language": UNKNOWN_LANGUAGE,
        "language_script": UNKNOWN_SCRIPT,
        "language_score": 0.0,
        "top_langs": "{}",
    }
    identities = found.to_pylist()
    rows = [
        identity if page.reason is None else (page.screened_as or unknown)
        for page, identity in zip(pages, identities, strict=True)
    ]
    return pa.array(rows, found.type)


def _origin(pages: list[Page]) -> dict[str, pa.Array]:
    records = [page.record for page in pages]
    strings = {name: clean.strings(getattr(record, name) for record in records) for name in ("dump", "url", "date")}
    return {
        **strings,
        "id": clean.strings(page.record.id or _own_id(page) for page in pages),
        "file_path": clean.strings(page.record.file_path or page.file for page in pages),
        "source": pa.array(
            [{"file": page.file, "offset": page.record.offset} for page in pages],
            MEASURED.field("source").type,
        ),
    }


def _own_id(page: Page) -> str:
    """Stable wherever the input is mounted: folder and file name, and the offset."""
    relative = "/".join(page.file.rsplit("/", 2)[-2:])
    return xxhash.xxh3_128_hexdigest(f"{relative}#{page.record.offset}".encode())


class _Writer:
    """Rows grouped by language, so that writing a shard reads little more than its own language's row groups.

    Memory is bounded: beyond `buffer_bytes` the rows at hand are sorted and written, and a new run of rows begins.
    """

    def __init__(self, file: Any, unit: int, buffer_bytes: int, row_group_bytes: int) -> None:
        self._parquet = pq.ParquetWriter(file, MEASURED, compression="zstd", compression_level=1)
        self._key = unit << KEY_BITS
        self._buffer: list[pa.Table] = []
        self._bytes, self._buffer_bytes, self._group_bytes = 0, buffer_bytes, row_group_bytes

    def add(self, rows: pa.Table) -> None:
        self._buffer.append(rows)
        self._bytes += rows.nbytes
        if self._bytes >= self._buffer_bytes:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._parquet.close()

    def _flush(self) -> None:
        if not self._buffer:
            return
        rows = pa.concat_tables(self._buffer)
        self._buffer, self._bytes = [], 0
        labels = pc.binary_join_element_wise(rows["language"], rows["language_script"], "_").to_pylist()
        codes = (
            np.unique(np.array(labels, dtype=object).astype(str), return_inverse=True)[1]
            if labels
            else np.array([], int)
        )
        rows = rows.take(pa.array(np.argsort(codes, kind="stable")))
        keys = pa.array(np.arange(self._key, self._key + len(rows), dtype=np.int64))
        self._key += len(rows)
        rows = rows.set_column(rows.schema.get_field_index("key"), "key", keys)
        for group in _groups(rows, np.sort(codes), self._group_bytes):
            self._parquet.write_table(group, row_group_size=max(1, len(group)))


def _groups(rows: pa.Table, codes: np.ndarray, most_bytes: int) -> Iterator[pa.Table]:
    """Cut sorted rows into row groups: small languages share one, large ones have their own."""
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(rows)]
    start = 0
    for begin, end in pairwise(edges):
        if rows.slice(start, begin - start).nbytes >= GROUP_BYTES:
            yield rows.slice(start, begin - start)
            start = begin
        while rows.slice(start, end - start).nbytes > most_bytes and end - start > 1:
            share = most_bytes / rows.slice(start, end - start).nbytes
            cut = start + max(1, int((end - start) * share))
            yield rows.slice(start, cut - start)
            start = cut
    if start < len(rows):
        yield rows.slice(start)
