"""The stage before measuring: PDFs to pages/, one task an input; it resumes as measuring does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from rich.console import Console

from curate.pdf.bodies import bodies
from curate.pdf.reader import PageTally, Reader
from curate.plan import Plan
from curate.progress import Counters, watch
from curate.recipe import MIB, Recipe
from curate.runfolder import (
    RunFolder,
    join,
    publishing,
    read_all_json,
    remove,
    remove_partial,
    unique,
    walk,
    write_json,
)
from curate.sources.listing import PAGES_SUFFIX
from curate.sources.record import Failure, Skipped
from curate.work import Unit
from filters.columns import FAILED
from filters.guard import Guard
from filters.ocr import tasks as ocr_tasks
from filters.ocr.paddle import RECYCLE_PAGES
from filters.pdf import tasks as pdf_tasks
from filters.pdf.page_table import PAGES

OCR_MEMORY = 8 << 30  # address space; ONNX Runtime maps a good part of it without using it
PDF_RECYCLE = 20_000  # requests


def read_pages(spark: SparkSession, plan: Plan, console: Console) -> None:
    """Read what has no commit record yet, the largest first; then remove what no record names."""
    done = {commit["unit"] for commit in read_all_json(plan.folder.pages_commits)}
    pending = sorted((unit for unit in plan.pdf_units if unit.index not in done), key=lambda unit: -unit.bytes)
    if pending:
        remove(plan.folder.manifest)  # the run is unfinished again
        read_units(spark, pending, plan.recipe, plan.folder, console)
    published = {commit["file"] for commit in read_all_json(plan.folder.pages_commits)}
    for path in walk(plan.folder.pages, PAGES_SUFFIX):
        if path.rsplit("/", 1)[1] not in published:
            remove(path)
    remove_partial(plan.folder.pages)


def read_units(spark: SparkSession, units: list[Unit], recipe: Recipe, folder: RunFolder, console: Console) -> None:
    """One Spark task a unit."""
    counters, root = Counters(spark.sparkContext), folder.root

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                commit = read_unit(units[number], recipe, root, progress=counters.add)
                yield pa.record_batch([[commit["unit"]], [commit["pages"]]], names=["unit", "rows"])

    job = spark.range(0, len(units), 1, len(units)).mapInArrow(work, "unit long, rows long")
    watch(
        "pages",
        console,
        job.collect,
        total=sum(unit.bytes for unit in units),
        done=lambda: counters.bytes.value,
        note=lambda seconds: f"{counters.records.value:,} pages, {counters.records.value / max(seconds, 1e-9):,.1f}/s",
    )


def read_unit(
    unit: Unit, recipe: Recipe, root: str, *, progress: Callable[[int, int], None] = lambda pages, bytes_: None
) -> dict[str, Any]:
    """Read one unit's PDFs into the run folder `root` and publish their pages; returns the commit record."""
    folder, tally, start = RunFolder(root), PageTally(), time.perf_counter()
    name = f"{unit.index:06d}-{unique()}"
    failures: list[dict[str, Any]] = []
    with guards(recipe, tally) as (pdf, ocr), publishing(join(folder.pages, name + PAGES_SUFFIX)) as file:
        reader = Reader(recipe, tally, pdf=pdf, ocr=ocr)
        with pq.ParquetWriter(file, PAGES, compression="zstd") as writer:
            for split in unit.splits:
                in_archive = split.format in ("warc", "arc")
                limit = recipe.limits.record_bytes if in_archive else recipe.pdf.file_bytes
                for body in bodies(split, limit_bytes=limit):
                    if isinstance(body, Skipped):
                        tally.skipped[body.kind] += 1
                    elif isinstance(body, Failure):
                        tally.files += 1
                        tally.failed_files[body.reason] += 1
                        failures.append({"file": split.file, **_named(body)})
                    else:
                        for rows in reader.read(body, split.file, failures):
                            writer.write_table(rows)
                            progress(len(rows), 0)
                progress(0, split.bytes)
    if failures:
        with publishing(join(folder.failed, f"pages-{name}.parquet")) as file:
            pq.write_table(pa.Table.from_pylist(failures, FAILED), file, compression="zstd")
    commit = {
        "unit": unit.index,
        "file": name + PAGES_SUFFIX,
        "failures": f"pages-{name}.parquet" if failures else None,
        "inputs": [[split.file, split.start, split.end] for split in unit.splits],
        "bytes": unit.bytes,
        "files": tally.files,
        "failed_files": dict(tally.failed_files),
        "pages": tally.pages,
        "failed_pages": dict(tally.failed_pages),
        "skipped": dict(tally.skipped),
        "routes": dict(tally.routes),
        "recognised": tally.recognised,
        "cpu_seconds": {phase: round(seconds, 3) for phase, seconds in tally.cpu_seconds.items()},
        "seconds": round(time.perf_counter() - start, 3),
    }
    write_json(join(folder.pages_commits, f"{unit.index:06d}.json"), commit)
    return commit


def _named(failure: Failure) -> dict[str, Any]:
    return {"offset": failure.offset, "url": failure.url, "reason": failure.reason, "error": failure.error}


@contextmanager
def guards(recipe: Recipe, tally: PageTally) -> Iterator[tuple[Guard, Guard]]:
    """The two processes of this worker, kept from task to task; what they and this one use meanwhile is counted."""
    pdf, ocr = _kept(recipe.pdf.page_seconds, recipe.pdf.memory_mb * MIB, recipe.pdf.ocr_seconds)
    before, own = (pdf.cpu_seconds, ocr.cpu_seconds), time.process_time()
    yield pdf, ocr
    tally.cpu_seconds["parse"] += pdf.cpu_seconds - before[0]
    tally.cpu_seconds["ocr"] += ocr.cpu_seconds - before[1]
    tally.cpu_seconds["pages"] += time.process_time() - own


@lru_cache(maxsize=1)
def _kept(page_seconds: float, memory: int, ocr_seconds: float) -> tuple[Guard, Guard]:
    return (
        Guard(pdf_tasks, timeout=page_seconds, memory=memory, recycle=PDF_RECYCLE),
        Guard(ocr_tasks, timeout=ocr_seconds, memory=OCR_MEMORY, recycle=RECYCLE_PAGES),
    )
