"""The job: every span of the input once, the new ones to the engine, then each document with its translations.

    spans       one Spark task a share of the input: documents parsed, their distinct spans written
    ask         spans that the memory does not hold, shortest first, a chunk at a time
    rebuild     answers joined to the spans' places; documents written, kept untranslated in part, dropped or failed

in = written + dropped + failed; a rerun does only what is missing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from curate.plan import UNIT_BYTES, absolute, continued
from curate.progress import watch
from curate.runfolder import RunFolder, join, read_all_json, remove, walk, write_json
from curate.session import read_parquet
from curate.sources import list_inputs, plan_splits
from curate.translate.asking import Asking, cutoffs
from curate.translate.memory import Memory
from curate.translate.work import Pair, rebuild_unit, spans_unit
from curate.work import Unit
from translate.engine import Engine, EngineError

CHUNK = 512  # spans between two writes
_UNIT = pa.schema([("unit", pa.int64()), ("documents", pa.int64())])


@dataclass(frozen=True)
class Translation:
    """A corpus, a pair of languages and an engine, brought together."""

    inputs: tuple[str, ...]
    output: str
    pair: Pair
    engine: Engine
    memory: Memory
    accepted: tuple[str, ...] = ()  # checks that are not made

    @cached_property
    def asking(self) -> Asking:
        """Raises ValueError for an unknown check."""
        pair = self.pair
        return Asking(self.engine, pair.prompt, pair.source, pair.target, cutoffs(self.accepted))


def run(job: Translation, spark: SparkSession, console: Console) -> dict[str, Any]:
    """Translate; returns the account, which lies in the output folder as manifest.json too."""
    folder = RunFolder(absolute(job.output))
    splits = plan_splits(list_inputs(job.inputs))
    key = job.pair.key | {"model": asdict(job.engine.identity)}
    stored = join(folder.root, "_plan.json")
    units = continued(folder, stored, key, splits, UNIT_BYTES)
    write_json(stored, {"measure": key, "units": [[asdict(split) for split in unit.splits] for unit in units]})
    _find_spans(spark, units, job, folder, console)
    asked = _ask(spark, job, folder, console)
    _rebuild(spark, units, job, folder, console)
    account = _account(folder, key, asked)
    write_json(folder.manifest, account, indent=1)
    return account


# --- spans -----------------------------------------------------------------------------------------------------------


def _find_spans(
    spark: SparkSession, units: tuple[Unit, ...], job: Translation, folder: RunFolder, console: Console
) -> None:
    done = {commit["unit"] for commit in read_all_json(join(folder.root, "spans", "_commits"))}
    pending = [unit for unit in units if unit.index not in done]
    if not pending:
        return
    pair, identity, root = job.pair, job.engine.identity, folder.root

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield pa.record_batch([[number], [spans_unit(pending[number], pair, identity, root)]], schema=_UNIT)

    job_ = spark.range(0, len(pending), 1, len(pending)).mapInArrow(work, "unit long, documents long")
    with console.status("spans: documents parsed"):
        job_.collect()


# --- asking ----------------------------------------------------------------------------------------------------------


def _ask(spark: SparkSession, job: Translation, folder: RunFolder, console: Console) -> dict[str, int]:
    """Spans that no answer is known for, to the engine; how many were asked, and their tokens."""
    todo = join(folder.root, "_todo")
    remove(todo)
    _open_spans(spark, job, folder).write.parquet(_uri(todo))
    asked: Counter[str] = Counter()
    paths = list(walk(todo, ".parquet"))
    total = (
        sum(fragment.count_rows() for fragment in ds.dataset(paths, format="parquet").get_fragments()) if paths else 0
    )
    if total:
        watch(
            "ask",
            console,
            lambda: _ask_chunks(job, paths, asked),
            total=total,
            done=lambda: asked["spans"],
            note=lambda seconds: f"{asked['spans']:,} spans, {asked['spans'] / max(seconds, 1e-9):,.1f}/s",
        )
    remove(todo)
    return dict(asked)


def _open_spans(spark: SparkSession, job: Translation, folder: RunFolder) -> DataFrame:
    """Columns key, text: each distinct span that the memory lacks, by length, so that a chunk's are alike."""
    found = read_parquet(spark, join(folder.root, "spans")).select("key", "text").dropDuplicates(["key"])
    if job.memory.files:
        known = read_parquet(spark, job.memory.root).select("key")
        found = found.join(known, "key", "left_anti")
    return found.orderBy(F.length("text"), "key")


def _ask_chunks(job: Translation, paths: list[str], asked: Counter[str]) -> None:
    waiting: list[dict[str, str]] = []
    for batch in ds.dataset(paths, format="parquet").to_batches(batch_size=CHUNK):
        waiting += batch.to_pylist()
        while len(waiting) >= CHUNK:
            _ask_chunk(job, waiting[:CHUNK], asked)
            waiting = waiting[CHUNK:]
    if waiting:
        _ask_chunk(job, waiting, asked)


def _ask_chunk(job: Translation, spans: list[dict[str, str]], asked: Counter[str]) -> None:
    rows = job.asking.rows([span["key"] for span in spans], [span["text"] for span in spans])
    found = [row for row in rows if row]
    job.memory.add(found)
    asked["spans"] += len(spans)
    for name in ("prompt_tokens", "completion_tokens"):
        asked[name] += sum(row[name] for row in found)
    asked["again"] += sum(row["asked"] > 1 for row in found)
    if not found:
        raise EngineError(f"the engine answered none of {len(spans)} requests; run again to go on")


# --- documents -------------------------------------------------------------------------------------------------------


def _rebuild(
    spark: SparkSession, units: tuple[Unit, ...], job: Translation, folder: RunFolder, console: Console
) -> None:
    commits = join(folder.root, "_commits")
    done = {commit["unit"] for commit in read_all_json(commits)}
    pending = {unit.index: unit for unit in units if unit.index not in done}
    if pending:
        answers = _answers(spark, job, folder, sorted(pending))
        pair, identity, root = job.pair, job.engine.identity, folder.root

        def work(table: pa.Table) -> pa.Table:
            index = table["unit"][0].as_py()
            commit = rebuild_unit(pending[index], table, pair, identity, root)
            return pa.table({"unit": [index], "documents": [commit["in"]]}, schema=_UNIT)

        with console.status("rebuild: documents with their translations"):
            answers.groupBy("unit").applyInArrow(work, "unit long, documents long").collect()
    published = {name for commit in read_all_json(commits) for name in commit["files"]}
    for path in walk(folder.root, ".parquet"):
        name = folder.relative(path)
        if name.split("/")[0] not in ("spans", "memory") and name not in published:
            remove(path)


def _answers(spark: SparkSession, job: Translation, folder: RunFolder, pending: list[int]) -> DataFrame:
    """Columns unit, key, translation, reason; a unit without spans has one row of nulls."""
    spans = read_parquet(spark, join(folder.root, "spans")).select("unit", "key")
    units = spark.createDataFrame([(index,) for index in pending], "unit long")
    places = units.join(spans, "unit", "left")
    if not job.memory.files:
        none = F.lit(None).cast("string")
        return places.select("unit", "key", none.alias("translation"), none.alias("reason"))
    memory = read_parquet(spark, job.memory.root).select("key", "translation", "reason").dropDuplicates(["key"])
    return places.join(memory, "key", "left").select("unit", "key", "translation", "reason")


def _account(folder: RunFolder, key: dict[str, Any], asked: dict[str, int]) -> dict[str, Any]:
    names = ("dropped", "failed", "untranslated")
    sums = {name: Counter[str]() for name in names}
    found = Counter[str]()
    for commit in read_all_json(join(folder.root, "_commits")):
        found.update({name: commit[name] for name in ("in", "written", "spans", "whole")})
        for name in names:
            sums[name].update(commit[name])
    out = found["written"] + sum(sums["dropped"].values()) + sum(sums["failed"].values())
    if found["in"] != out:
        raise AssertionError(f"{found['in']} documents in, {out} written, dropped or failed")
    distinct = sum(commit["spans"] for commit in read_all_json(join(folder.root, "spans", "_commits")))
    counts = {"in": found["in"], "written": found["written"], "spans": found["spans"], "distinct_in_units": distinct}
    return {
        **key,
        **counts,
        "wholly_translated": found["whole"],
        **{n: dict(c) for n, c in sums.items()},
        "asked": asked,
    }


def _uri(path: str) -> str:
    return path if "://" in path else f"file://{path}"
