"""Spans that no answer is known for, to an engine: in this process, or one engine a Spark task.

Chunks are of like lengths, the longest first, so that the end does not wait for one of them. A chunk is a file of the
memory as soon as it is answered. What the first engine has no translation for goes to the second, after it: both might
not fit on one GPU.
"""

import os
import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from curate.progress import watch
from curate.runfolder import join, list_files, open_parquet, remove, unique, walk
from curate.session import jvm_path, read_parquet
from curate.translate.asking import Asking
from curate.translate.desk import Address, Desk, Visitor
from curate.translate.engines import EngineSource
from curate.translate.memory import Memory
from curate.translate.models import CheckModels
from curate.translate.work import UNANSWERED
from translate.checks.check import Cutoff, Reason
from translate.engine import PASSING, EngineError
from translate.request import TranslationPrompt

FILE_ROWS = 1 << 14  # spans of a file that chunks are read from


@dataclass(frozen=True)
class Question:
    """All that asking takes, by description."""

    source: EngineSource
    prompt: TranslationPrompt
    languages: tuple[str, str]  # eng_Latn, hin_Deva
    cutoffs: Mapping[Reason, Cutoff]
    models: CheckModels
    memory: Memory
    chunk: int  # spans


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a file of spans."""

    file: str
    start: int
    rows: int


@dataclass(frozen=True)
class Asker:
    """Where a job's spans and answers lie, and who asks: no workers: this process; else so many tasks."""

    spark: SparkSession
    console: Console
    root: str  # of the run folder
    workers: int

    def ask(self, question: Question, *, fallback: bool = False) -> Counter[str]:
        """Ask what is open; returns spans asked, their tokens, and how many were asked twice or not answered.

        EngineError where the engine can't be used, or answers nothing at all.
        """
        for old in _folders(self.root):
            remove(old)
        todo = join(self.root, f"_todo-{unique()}")
        spans = self._open(question.memory, fallback)
        spans.write.option("maxRecordsPerFile", FILE_ROWS).parquet(jvm_path(todo))
        chunks = list(_chunks(todo, question.chunk))
        counts = self._watched(question, chunks, "fallback" if fallback else "ask") if chunks else Counter[str]()
        remove(todo)
        if counts["spans"] and counts["spans"] == counts[UNANSWERED] and not question.memory.files:
            raise EngineError(_none(counts["spans"], counts))
        return counts

    def _open(self, memory: Memory, fallback: bool) -> DataFrame:
        """Columns key, text: each distinct span that the memory lacks, the longest first."""
        spans = read_parquet(self.spark, join(self.root, "spans"))
        found = spans.select("key", "fallback", "text").dropDuplicates(["key"])
        if memory.files:
            known = read_parquet(self.spark, memory.root).select("key", "translation")
            if fallback:
                asked = found.join(known.select("key").distinct(), "key", "left_semi")
                found = asked.join(known.where("translation is not null").select("key"), "key", "left_anti")
                found = found.select(F.col("fallback").alias("key"), "text")
            found = found.join(known.select("key"), "key", "left_anti")
        elif fallback:
            found = found.limit(0)
        return found.select("key", "text").orderBy(F.length("text").desc(), "key")

    def _watched(self, question: Question, chunks: Sequence[Chunk], title: str) -> Counter[str]:
        desk, work = Desk(len(chunks)), self._in_tasks if self.workers else self._here

        def note(seconds: float) -> str:
            return f"{desk.counts['spans']:,} spans, {desk.counts['spans'] / max(seconds, 1e-9):,.1f}/s"

        total = sum(chunk.rows for chunk in chunks)
        watch(
            title, self.console, lambda: work(question, chunks, desk),
            total=total, done=lambda: desk.counts["spans"], note=note,
        )  # fmt: skip
        return desk.counts

    def _here(self, question: Question, chunks: Sequence[Chunk], desk: Desk) -> None:
        def next_(counts: dict[str, int]) -> int | None:
            desk.report(counts, None)
            return desk.take()

        _work(question, chunks, next_)

    def _in_tasks(self, question: Question, chunks: Sequence[Chunk], desk: Desk) -> None:
        context = self.spark.sparkContext
        conf, workers = context.getConf(), min(self.workers, len(chunks))
        host = conf.get("spark.driver.host") or "127.0.0.1"
        local = context.master.startswith("local[") or context.master == "local"
        with desk.opened(host, conf.get("spark.driver.bindAddress") or host) as address:

            def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
                for batch in batches:
                    for number in batch.column(0).to_pylist():
                        _choose_gpus(number, workers if local else 0)
                        _visit(question, chunks, address)
                        yield pa.record_batch([[number]], names=["worker"])

            self.spark.range(0, workers, 1, workers).mapInArrow(work, "worker long").collect()
        if desk.error is not None:
            raise EngineError(desk.error)


def _folders(root: str) -> list[str]:
    """Left behind by runs that were killed."""
    return [path for path in list_files(root) if posixpath.basename(path).startswith("_todo-")]


def _chunks(folder: str, rows: int) -> Iterator[Chunk]:
    for path in walk(folder, ".parquet"):
        with open_parquet(path) as file:
            total = file.metadata.num_rows
        for start in range(0, total, rows):
            yield Chunk(path, start, min(rows, total - start))


@lru_cache(1)
def _read(path: str) -> pa.Table:
    with open_parquet(path) as file:
        return file.read(["key", "text"])


# --- in a process that asks ------------------------------------------------------------------------------------------


def _visit(question: Question, chunks: Sequence[Chunk], address: Address) -> None:
    """Work for the desk until nothing is left. What makes an engine unusable goes there as words."""
    with closing(Visitor(address)) as visitor:
        try:
            _work(question, chunks, visitor.next)
        except EngineError as error:
            visitor.fail(str(error))


def _work(question: Question, chunks: Sequence[Chunk], next_: Callable[[dict[str, int]], int | None]) -> None:
    engine = question.source.open()
    asking = Asking(engine, question.prompt, *question.languages, question.cutoffs, question.models.open())
    try:
        counts: dict[str, int] = {}
        while (number := next_(counts)) is not None:
            counts = _ask(asking, question, chunks[number])
    finally:
        engine.close()


def _ask(asking: Asking, question: Question, chunk: Chunk) -> dict[str, int]:
    spans = _read(chunk.file).slice(chunk.start, chunk.rows)
    rows = asking.asked(spans["key"].to_pylist(), spans["text"].to_pylist())
    found = [row for row in rows if row["reason"] not in PASSING]
    question.memory.add(found)
    passing = Counter[str](row["reason"] for row in rows if row["reason"] in PASSING)
    if not found and len(rows) >= question.chunk:  # no use in trying the rest
        raise EngineError(_none(len(rows), passing, str(rows[0]["detail"])))
    counts = Counter[str]({"spans": len(rows), UNANSWERED: passing.total(), **passing})
    for name in ("prompt_tokens", "completion_tokens"):
        counts[name] = sum(row[name] for row in rows)
    counts["again"] = sum(row["asked"] > 1 for row in rows)
    return dict(counts)


def _none(spans: int, counts: Mapping[str, int], detail: str = "") -> str:
    why = ", ".join(f"{reason} {counts[reason]:,}" for reason in sorted(PASSING) if counts.get(reason))
    return f"the engine answered none of {spans:,} requests ({why}{': ' if detail else ''}{detail}); run again to go on"


def _choose_gpus(worker: int, local_workers: int) -> None:
    """The GPUs that Spark gave to this task; on one machine, where it gives none, a part of those that are visible.

    Before anything in this process has looked for one.
    """
    context = TaskContext.get()
    given = context.resources().get("gpu") if context else None
    if given is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(given.addresses)
        return
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if local_workers and len(visible) > 1:
        each = max(1, len(visible) // local_workers)
        first = worker % (len(visible) // each) * each
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(visible[first : first + each])
