"""Corpora in Latin letters: one Spark task a share of the input, which resumes; in = written + dropped + failed."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from rich.console import Console

from curate.page import failure_of, stable_id
from curate.plan import UNIT_BYTES, absolute, continued
from curate.progress import Counters, watch
from curate.runfolder import RunFolder, join, read_all_json, remove, unique, walk, write_json
from curate.sheets import Sheets
from curate.sources import list_inputs, plan_splits, read
from curate.sources.record import Failure, InputError, Record, Split
from curate.work import Unit
from filters import clean
from filters import language as lid
from filters.columns import FAILED, SOURCE, UNKNOWN_LANGUAGE, label
from filters.labels import canonical
from translate.romanize import leftover, romanize

FORMATS = ("jsonl", "parquet", "wet", "mediawiki")  # that hold text
BATCH_RECORDS = 512
_STRINGS = ("id", "url", "date", "dump", "file_path", "license", "opt_out")

WRITTEN = pa.schema(
    [
        pa.field("text", pa.string()),
        *(pa.field(name, pa.string()) for name in _STRINGS),
        pa.field("language", pa.string()),  # ISO 639-3
        pa.field("language_script", pa.string()),  # Latn
        pa.field("romanized_from", pa.string()),  # hin_Deva
        pa.field("romanization", pa.string()),  # natural, iso ...
        pa.field("source", SOURCE),
    ]
)
DROPPED = pa.schema(
    [*(pa.field(name, pa.string()) for name in ("id", "url", "language", "reason")), pa.field("source", SOURCE)]
)


@dataclass(frozen=True)
class Task:
    """What every unit is read with."""

    language: str | None  # of all documents; None: as each row says, else as the text shows
    scheme: str
    limit_bytes: int = 16 << 20  # of a record


@dataclass
class _Tally:
    written: Counter[str] = field(default_factory=Counter)  # documents by label
    bytes_in: Counter[str] = field(default_factory=Counter)
    bytes_out: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


def run(spark: SparkSession, inputs: list[str], output: str, task: Task, console: Console) -> dict[str, Any]:
    """Romanize the inputs into the folder `output`; returns the account, which lies there as manifest.json too."""
    folder = RunFolder(absolute(output))
    splits = plan_splits(list_inputs(inputs))
    if other := next((split for split in splits if split.format not in FORMATS), None):
        raise InputError(f"{other.file}: of format {other.format}; romanize reads {', '.join(FORMATS)}")
    key = {"language": task.language, "scheme": task.scheme}
    stored, commits = join(folder.root, "_plan.json"), join(folder.root, "_commits")
    units = continued(folder, stored, key, splits, UNIT_BYTES)
    rows = [[asdict(split) for split in unit.splits] for unit in units]
    write_json(stored, {"measure": key, "units": rows})
    done = {commit["unit"] for commit in read_all_json(commits)}
    pending = [unit for unit in units if unit.index not in done]
    if pending:
        _run(spark, pending, task, folder.root, console)
    found = read_all_json(commits)
    _remove_unpublished(folder, {name for commit in found for name in commit["files"]})
    account = _account(found, key)
    write_json(folder.manifest, account, indent=1)
    return account


def _run(spark: SparkSession, units: list[Unit], task: Task, root: str, console: Console) -> None:
    counters = Counters(spark.sparkContext)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                commit = romanize_unit(units[number], task, root, progress=counters.add)
                yield pa.record_batch([[commit["unit"]], [sum(commit["written"].values())]], names=["unit", "rows"])

    job = spark.range(0, len(units), 1, len(units)).mapInArrow(work, "unit long, rows long")
    watch(
        "romanize",
        console,
        job.collect,
        total=sum(unit.bytes for unit in units),
        done=lambda: counters.bytes.value,
        note=lambda seconds: (
            f"{counters.records.value:,} documents, {counters.records.value / max(seconds, 1e-9):,.0f}/s"
        ),
    )


def romanize_unit(
    unit: Unit, task: Task, root: str, *, progress: Callable[[int, int], None] = lambda records, bytes_: None
) -> dict[str, Any]:
    """One unit's documents, a file a language; returns the commit record that publishes them."""
    tally, start, name = _Tally(), time.process_time(), f"{unit.index:06d}-{unique()}.parquet"
    with Sheets(root, name) as sheets:
        for split in unit.splits:
            for records, failures in _batches(split, task.limit_bytes):
                tally.failed.update(failure["reason"] for failure in failures)
                sheets.add("failed", failures, FAILED)
                for from_, group in _by_language(records, task).items():
                    written, dropped = _romanized(group, from_, split.file, task.scheme, tally)
                    sheets.add(f"{from_.partition('_')[0]}_Latn", written, WRITTEN)
                    sheets.add("dropped", dropped, DROPPED)
                progress(len(records), 0)
            progress(0, split.bytes)
    counts = {name: dict(getattr(tally, name)) for name in ("written", "bytes_in", "bytes_out", "dropped", "failed")}
    seconds = round(time.process_time() - start, 3)
    commit = {"unit": unit.index, "files": sheets.files, "bytes": unit.bytes, **counts, "cpu_seconds": seconds}
    write_json(join(root, "_commits", f"{unit.index:06d}.json"), commit)
    return commit


def _batches(split: Split, limit: int) -> Iterator[tuple[list[Record], list[dict[str, Any]]]]:
    records: list[Record] = []
    failures: list[dict[str, Any]] = []
    for item in read(split, limit_bytes=limit):
        if isinstance(item, Record):
            records.append(item)
        elif isinstance(item, Failure):
            failures.append(failure_of(split.file, item.offset, item.url, item.reason, item.error))
        if len(records) + len(failures) >= BATCH_RECORDS:
            yield records, failures
            records, failures = [], []
    if records or failures:
        yield records, failures


def _by_language(records: list[Record], task: Task) -> dict[str, list[Record]]:
    """Records by label: the task's, else as the row says, else as the text shows."""
    labels = [task.language or _stated(record) for record in records]
    unknown = [record for record, name in zip(records, labels, strict=True) if name is None]
    found = iter(lid.identify(clean.strings(str(record.payload) for record in unknown)).to_pylist())
    groups: dict[str, list[Record]] = {}
    for record, name in zip(records, labels, strict=True):
        if name is None:
            one = next(found)
            name = label(one["language"], one["language_script"])
        groups.setdefault(name, []).append(record)
    return groups


def _stated(record: Record) -> str | None:
    if not record.language:
        return None
    code, script = canonical(record.language)
    return None if code == UNKNOWN_LANGUAGE else label(code, record.language_script or script)


def _romanized(
    records: list[Record], from_: str, file: str, scheme: str, tally: _Tally
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(rows written, rows dropped) of documents in one language."""
    if problem := _problem(from_, scheme):
        tally.dropped[problem] += len(records)
        return [], [_place(record, file, from_, problem) for record in records]
    texts = [str(record.payload) for record in records]
    written, dropped = [], []
    for record, text, latin in zip(records, texts, romanize(texts, language=from_, scheme=scheme), strict=True):
        reason = record.drop_reason or ("leftover" if leftover(latin, from_) else None)
        if reason:
            tally.dropped[reason] += 1
            dropped.append(_place(record, file, from_, reason))
            continue
        tally.written[from_] += 1
        tally.bytes_in[from_] += len(text.encode())
        tally.bytes_out[from_] += len(latin.encode())
        written.append(
            {name: getattr(record, name) for name in _STRINGS}
            | _place(record, file, from_.partition("_")[0], None)
            | {"text": latin, "language_script": "Latn", "romanized_from": from_, "romanization": scheme}
        )
    return written, dropped


def _problem(from_: str, scheme: str) -> str | None:
    """Why documents with this label cannot be romanized; None: they can."""
    if from_.endswith("_Latn"):
        return "latin_already"
    try:
        romanize([], language=from_, scheme=scheme)
    except ValueError:
        return "language"
    return None


def _place(record: Record, file: str, language: str, reason: str | None) -> dict[str, Any]:
    id_ = record.id or stable_id(file, record.offset)
    place = {"file": file, "offset": record.offset}
    return {"id": id_, "url": record.url, "language": language, "source": place} | (
        {"reason": reason} if reason else {}
    )


def _remove_unpublished(folder: RunFolder, published: set[str]) -> None:
    """What killed or repeated attempts left behind."""
    for path in walk(folder.root, ".parquet"):
        if folder.relative(path) not in published:
            remove(path)


def _account(commits: list[dict[str, Any]], key: dict[str, Any]) -> dict[str, Any]:
    sums = {name: Counter[str]() for name in ("written", "bytes_in", "bytes_out", "dropped", "failed")}
    for commit in commits:
        for name, counts in sums.items():
            counts.update(commit[name])
    total = sum(sum(sums[name].values()) for name in ("written", "dropped", "failed"))
    cpu = round(sum(commit["cpu_seconds"] for commit in commits), 1)
    return {**key, "in": total, **{name: dict(counts) for name, counts in sums.items()}, "cpu_seconds": cpu}
