"""Read and measure: one task reads its share of the input once and writes one Parquet file with all metrics.

Text never crosses into the JVM. A task's file lies under an attempt's own name until its commit record publishes it.
"""

import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.documents import DocumentWriter
from curate.measurer import Measurer
from curate.page import Page, failure_of
from curate.pdf.documents import documents
from curate.recipe import MIB
from curate.runfolder import RunFolder, join, publishing, unique, write_json
from curate.sources import read
from curate.sources.record import Failure, Item, Record, Skipped, Split
from curate.work import Settings, Tally, Unit
from filters.columns import FAILED
from filters.guard import Guard

BATCH_RECORDS = 512
BATCH_BYTES = 8 * 1024 * 1024


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
            for batch in _batches(split, settings, tally, failures):
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
        "parts": tally.parts,
        "failed": dict(tally.failed),
        "dropped": dict(tally.dropped),
        "skipped": dict(tally.skipped),
        "pages": {"kept": tally.pages.kept, "dropped": dict(tally.pages.dropped)},
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


def _items(split: Split, settings: Settings, tally: Tally) -> Iterator[Item]:
    if split.format == "pages":
        return documents(split, settings.pages, tally.pages)
    items = read(split, limit_bytes=settings.recipe.limits.record_bytes)
    return map(_read_already, items) if settings.recipe.pdf.archives else items


def _read_already(item: Item) -> Item:
    """A PDF in a web archive is in pages/ by now."""
    is_pdf = isinstance(item, Record) and item.drop_reason == "pdf"
    return Skipped(offset=item.offset, kind="pdf") if is_pdf else item


def _batches(split: Split, settings: Settings, tally: Tally, failures: list[dict[str, Any]]) -> Iterator[list[Page]]:
    """The split's records, a few hundred at a time; what could not be read goes to `failures`."""
    batch: list[Page] = []
    size = 0
    items = _items(split, settings, tally)
    while True:
        with tally.cpu("read"):
            item = next(items, None)
        match item:
            case None:
                break
            case Failure():
                failures.append(failure_of(split.file, item.offset, item.url, item.reason, item.error))
            case Skipped():
                tally.skipped[item.kind] += 1
            case Record():
                batch.append(Page(item, item.file or split.file, reason=item.drop_reason))
                size += len(item.payload)
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _write_failures(path: str, failures: list[dict[str, Any]]) -> None:
    with publishing(path) as file:
        pq.write_table(pa.Table.from_pylist(failures, FAILED), file, compression="zstd")
