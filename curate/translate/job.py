"""The job: every span of the input once, the new ones to the engine, then each document with its translations.

    spans       one Spark task a share of the input: documents parsed, their distinct spans written
    ask         spans that the memory does not hold, a chunk at a time; then what failed, to a second engine
    rebuild     answers joined to the spans' places; documents written, kept untranslated in part, dropped or failed

in = written + dropped + failed; a rerun does only what is missing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from curate.plan import UNIT_BYTES, absolute, continued
from curate.runfolder import RunFolder, join, read_all_json, remove, walk, write_json
from curate.session import read_parquet
from curate.translate.ask import Asker, Question
from curate.translate.asking import cutoffs
from curate.translate.documents import list_documents
from curate.translate.engines import EngineSource
from curate.translate.memory import Memory
from curate.translate.models import NO_MODELS, CheckModels
from curate.translate.work import UNANSWERED, Naming, Pair, Share, rebuild_unit, spans_unit
from curate.work import Unit
from translate.checks.check import Cutoff, Reason
from translate.engine import Identity

CHUNK = 512  # spans between two writes
_UNIT = pa.schema([("unit", pa.int64()), ("documents", pa.int64())])


@dataclass(frozen=True)
class Translation:
    """A corpus, a pair of languages and an engine, brought together."""

    inputs: tuple[str, ...]
    output: str
    pair: Pair
    engine: EngineSource
    memory: Memory
    accepted: tuple[str, ...] = ()  # checks that are not made
    fallback: EngineSource | None = None  # for spans that the engine has no usable translation of
    models: CheckModels = NO_MODELS
    workers: int = 0  # Spark tasks with an engine each; 0: one engine, in this process
    chunk: int = CHUNK

    @cached_property
    def cutoffs(self) -> dict[Reason, Cutoff]:
        """Raises ValueError for an unknown check."""
        made = dict(cutoffs(self.accepted))
        return made | {reason: cutoff for reason, cutoff in self.models.cutoffs.items() if reason in made}

    @cached_property
    def naming(self) -> Naming:
        """Raises EngineError for an engine that can't be opened."""
        fallback = _identity(self.fallback) if self.fallback else None
        return Naming(self.pair.prompt, _identity(self.engine), fallback, (*self.accepted, *self.models.names))

    def question(self, source: EngineSource) -> Question:
        languages = (self.pair.source, self.pair.target)
        return Question(source, self.pair.prompt, languages, self.cutoffs, self.models, self.memory, self.chunk)


def _identity(source: EngineSource) -> Identity:
    engine = source.open()
    try:
        return engine.identity
    finally:
        engine.close()


def run(job: Translation, spark: SparkSession, console: Console) -> dict[str, Any]:
    """Translate; returns the account, which lies in the output folder as manifest.json too."""
    folder = RunFolder(absolute(job.output))
    splits, reading = list_documents(job.inputs, job.pair.format)
    key = job.pair.key | job.naming.key
    stored = join(folder.root, "_plan.json")
    units = continued(folder, stored, key, splits, UNIT_BYTES)
    write_json(stored, {"measure": key, "units": [[asdict(split) for split in unit.splits] for unit in units]})
    share = Share(job.pair, job.naming, reading, folder.root)
    _find_spans(spark, units, share, console)
    asker = Asker(spark, console, folder.root, job.workers)
    asked = {"asked": dict(asker.ask(job.question(job.engine)))}
    if job.fallback:
        asked["asked_fallback"] = dict(asker.ask(job.question(job.fallback), fallback=True))
    _rebuild(spark, units, job.memory, share, folder, console)
    account = _account(folder, key) | asked
    write_json(folder.manifest, account, indent=1)
    return account


# --- spans -----------------------------------------------------------------------------------------------------------


def _find_spans(spark: SparkSession, units: tuple[Unit, ...], share: Share, console: Console) -> None:
    done = {commit["unit"] for commit in read_all_json(join(share.root, "spans", "_commits"))}
    pending = [unit for unit in units if unit.index not in done]
    if not pending:
        return

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield pa.record_batch([[number], [spans_unit(pending[number], share)]], schema=_UNIT)

    job = spark.range(0, len(pending), 1, len(pending)).mapInArrow(work, "unit long, documents long")
    with console.status("spans: documents parsed"):
        job.collect()


# --- documents -------------------------------------------------------------------------------------------------------


def _rebuild(
    spark: SparkSession, units: tuple[Unit, ...], memory: Memory, share: Share, folder: RunFolder, console: Console
) -> None:
    commits = join(folder.root, "_commits")
    done = {commit["unit"] for commit in read_all_json(commits) if not _unanswered(commit)}
    pending = {unit.index: unit for unit in units if unit.index not in done}
    if pending:

        def work(table: pa.Table) -> pa.Table:
            index = table["unit"][0].as_py()
            commit = rebuild_unit(pending[index], table, share)
            return pa.table({"unit": [index], "documents": [commit["in"]]}, schema=_UNIT)

        with console.status("rebuild: documents with their translations"):
            answers = _answers(spark, memory, folder, sorted(pending))
            answers.groupBy("unit").applyInArrow(work, "unit long, documents long").collect()
    published = {name for commit in read_all_json(commits) for name in commit["files"]}
    for path in walk(folder.root, ".parquet"):
        name = folder.relative(path)
        kept = name.startswith("spans/") or path.startswith(f"{memory.root}/")
        if not kept and name not in published:
            remove(path)


def _unanswered(commit: dict[str, Any]) -> bool:
    """Whether its documents may come out better, now that the engine was asked again."""
    return UNANSWERED in commit["untranslated"] or UNANSWERED in commit["dropped"]


def _answers(spark: SparkSession, memory: Memory, folder: RunFolder, pending: list[int]) -> DataFrame:
    """Columns unit, key, translation, reason, by_fallback; a unit without spans has one row of nulls."""
    spans = read_parquet(spark, join(folder.root, "spans")).select("unit", "key", "fallback")
    places = spark.createDataFrame([(index,) for index in pending], "unit long").join(spans, "unit", "left")
    if not memory.files:
        none = F.lit(None).cast("string")
        return places.select("unit", "key", none.alias("translation"), none.alias("reason"), F.lit(False).alias("by_fallback"))  # fmt: skip
    # A span that was asked twice, the second time after a kill: a translation comes before a reason
    known = read_parquet(spark, memory.root).groupBy("key")
    known = known.agg(F.max("translation").alias("translation"), F.max("reason").alias("reason"))
    second = known.select(F.col("key").alias("fallback"), F.col("translation").alias("other"), F.col("reason").alias("why"))  # fmt: skip
    found = places.join(known, "key", "left").join(second, "fallback", "left")
    by_fallback = F.col("translation").isNull() & F.col("other").isNotNull()
    reason = F.when(F.col("fallback").isNull(), F.col("reason")).otherwise(F.col("why"))
    return found.select(
        "unit", "key", by_fallback.alias("by_fallback"),
        F.coalesce("translation", "other").alias("translation"), reason.alias("reason"),
    )  # fmt: skip


def _account(folder: RunFolder, key: dict[str, Any]) -> dict[str, Any]:
    names = ("dropped", "failed", "untranslated")
    sums = {name: Counter[str]() for name in names}
    found = Counter[str]()
    for commit in read_all_json(join(folder.root, "_commits")):
        found.update({name: commit[name] for name in ("in", "written", "spans", "whole", "by_fallback")})
        for name in names:
            sums[name].update(commit[name])
    out = found["written"] + sum(sums["dropped"].values()) + sum(sums["failed"].values())
    if found["in"] != out:
        raise AssertionError(f"{found['in']} documents in, {out} written, dropped or failed")
    distinct = sum(commit["spans"] for commit in read_all_json(join(folder.root, "spans", "_commits")))
    counts = {"in": found["in"], "written": found["written"], "spans": found["spans"], "distinct_in_units": distinct}
    counts |= {"by_fallback": found["by_fallback"], "wholly_translated": found["whole"]}
    return key | counts | {name: dict(count) for name, count in sums.items()}
