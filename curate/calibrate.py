"""Calibrate: summaries of measured runs in one aggregation each, stored with the run; and stopwords from a reference.

The population of a crawl is what passes the language cut, one document a duplicate cluster. Summaries lie in
`summary/<fingerprint>/` of the run folder, a row a language; those of several snapshots merge when they are read, so
that a new snapshot never has an old one read again.
"""

import hashlib
import json
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, reduce

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.window import Window

from curate import decide
from curate.plan import Opened
from curate.runfolder import exists, join, list_files, open_parquet
from curate.session import jvm_path, read_parquet
from filters.columns import METRIC_NAMES
from thresholds.derive import LEAST_DOCUMENTS, Evidence
from thresholds.methods import bounded_score_cut, language_score_cut
from thresholds.rule import KNOWN_METRICS
from thresholds.stopwords import stopwords as stopword_list
from thresholds.summary import METRIC_INDEX, SAMPLE_SIZE, SUMMARY, Summary, from_table, merge, summarise, to_table

Start = Callable[[], SparkSession]  # a session for where there is work: what is stored is read without one

SUMMARY_VERSION = 1
STOPWORD_DOCUMENTS = 5_000
SCORE_STEPS = 1000  # the language scores are counted in steps of 0.001
_SLACK = 10  # documents sent on for the sample beyond its size, in its square roots: too few arriving would be 10 sigma
_GATHERED_ROWS = 100_000
# A row is a language and can be 20 MB: a row group is closed by its size, not after the usual 100 rows; a dictionary of
# doubles costs more memory than it saves
_STORAGE = {
    "parquet.block.size": str(16 * 1024 * 1024),
    "parquet.page.size.row.check.min": "1",
    "parquet.page.size.row.check.max": "1",
    "parquet.enable.dictionary": "false",
}


class StoredSummaries(Mapping[str, Summary]):
    """Summaries of one population in one or more stored folders; merged, and read, when a language is asked for.

    Of each folder only the row group last read is held, so read languages in order.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._files = [path for folder in folders for path in list_files(folder, ".parquet")]
        self._held: dict[str, tuple[tuple[int, int], pa.Table]] = {}  # by folder

    @cached_property
    def _places(self) -> dict[str, list[tuple[int, int, int]]]:
        """Label -> (file, row group, row) of each of its summaries."""
        places: dict[str, list[tuple[int, int, int]]] = {}
        for file, path in enumerate(self._files):
            with open_parquet(path) as parquet:
                for group in range(parquet.num_row_groups):
                    labels = parquet.read_row_group(group, columns=["label"])["label"].to_pylist()
                    for row, label in enumerate(labels):
                        places.setdefault(label, []).append((file, group, row))
        return places

    def __getitem__(self, label: str) -> Summary:
        return merge(
            from_table(self._row_group(file, group).slice(row, 1))[0] for file, group, row in self._places[label]
        )

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._places))

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, label: object) -> bool:
        return label in self._places

    def _row_group(self, file: int, group: int) -> pa.Table:
        folder = posixpath.dirname(self._files[file])
        if folder not in self._held or self._held[folder][0] != (file, group):
            with open_parquet(self._files[file]) as parquet:
                self._held[folder] = (file, group), parquet.read_row_group(group)
        return self._held[folder][1]


def evidence(start: Start, crawls: Sequence[Opened], references: Sequence[Opened]) -> Evidence:
    """The summaries of measured crawls and of measured clean text; `start` is called where a run has none stored yet."""
    clean = reference(start, references)
    names = ("+".join(posixpath.basename(run.folder.root) for run in runs) for runs in (crawls, references))
    return Evidence(crawl(start, crawls, clean), clean, *names)


def reference(start: Start, runs: Sequence[Opened]) -> StoredSummaries:
    """The summaries of clean text: all documents, one a duplicate cluster, without a language cut."""
    return StoredSummaries([_stored(start, run, None) for run in runs])


def crawl(start: Start, runs: Sequence[Opened], clean: Mapping[str, Summary]) -> StoredSummaries:
    """The summaries of what passes the language cut: the reference's where it has the language, else the crawl's own."""
    cuts = {
        label: language_score_cut(s.of("language_score"))
        for label, s in clean.items()
        if s.documents >= LEAST_DOCUMENTS
    }
    return StoredSummaries([_stored(start, run, cuts) for run in runs])


def _stored(start: Start, run: Opened, cuts: Mapping[str, float] | None) -> str:
    """The folder of this population's summaries, made now unless it lies there already."""
    parts = {"version": SUMMARY_VERSION, "clusters": run.cluster_fingerprint, "cuts": cuts, "size": SAMPLE_SIZE}
    path = join(
        run.folder.root,
        "summary",
        hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest(),
    )
    if not exists(join(path, "_SUCCESS")):
        spark = start()
        summaries = aggregate(population(spark, run), cuts)
        ordered = summaries.repartitionByRange(
            max(1, spark.sparkContext.defaultParallelism), "label"
        ).sortWithinPartitions("label")
        ordered.write.mode("overwrite").options(**_STORAGE).parquet(jvm_path(path))
    return path


def population(spark: SparkSession, run: Opened) -> DataFrame:
    """(label, hash, key, metrics) of every measured document that is not a copy of one with a smaller key."""
    documents = decide.measured(spark, run.folder).where("signals is not null and size(drop_reasons) = 0")
    if run.dedup.enabled:
        clusters = decide.clusters(spark, run.dedup, run.folder, run.cluster_fingerprint)
        documents = documents.join(clusters.where("key != cluster_id").select("key"), "key", "left_anti")
    # `exact_hash` beside the id: a crawl may give many records one id, and the sample needs hashes that spread
    signals = [F.col(f"signals.{name}").alias(name) for name in METRIC_NAMES]
    return documents.select(
        "label", F.xxhash64("id", "exact_hash").alias("hash"), "key", "language_score", "quality", *signals
    )


def aggregate(documents: DataFrame, cuts: Mapping[str, float] | None, *, size: int = SAMPLE_SIZE) -> DataFrame:
    """Rows of the SUMMARY schema from `population`. One count of labels and scores, then one pass over the metrics.

    cuts: the least language score by label; a label without one is cut by its own scores; None: no cut at all.
    """
    counted = _score_counts(documents)
    limits = {label: _limits(counts, cuts, label, size) for label, counts in counted.items()}
    schema = from_arrow_schema(SUMMARY)

    def partial(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: dict[str, Summary] = {}
        for table in _gathered(batches):
            for part in _summaries(table, limits, size):
                held[part.label] = merge([held[part.label], part], size=size) if part.label in held else part
        yield from to_table(list(held.values())).to_batches(max_chunksize=1)

    def merged(rows: pa.Table) -> pa.Table:
        return to_table([merge(from_table(rows), size=size)])

    return documents.mapInArrow(partial, schema).groupBy("label").applyInArrow(merged, schema)


def _score_counts(documents: DataFrame) -> dict[str, np.ndarray]:
    """Documents by label and step of the language score; (SCORE_STEPS + 1,)."""
    step = F.floor(F.coalesce("language_score", F.lit(0.0)) * SCORE_STEPS).cast("int").alias("step")
    rows = documents.groupBy("label", step).count().toArrow()
    found: dict[str, np.ndarray] = {}
    for label, step_, count in zip(*(rows[name].to_pylist() for name in ("label", "step", "count")), strict=True):
        found.setdefault(label, np.zeros(SCORE_STEPS + 1, np.int64))[min(max(step_, 0), SCORE_STEPS)] += count
    return found


def _limits(counts: np.ndarray, cuts: Mapping[str, float] | None, label: str, size: int) -> tuple[float, int]:
    """(least language score, largest hash that may be in the sample) of a language."""
    if cuts is None:
        cut = -np.inf
    else:
        cut = cuts[label] if label in cuts else _own_cut(counts)
    left = int(counts[max(0, int(max(cut, 0) * SCORE_STEPS)) :].sum())
    share = min(1.0, (size + _SLACK * size**0.5) / max(1, left))
    return float(cut), min(-(2**63) + int(share * 2**64), 2**63 - 1)


def _own_cut(counts: np.ndarray) -> float:
    """The cut of `thresholds.methods.language_score_cut`, of counted scores."""
    scores = np.arange(SCORE_STEPS + 1) / SCORE_STEPS
    total = counts.sum()
    median = scores[np.searchsorted(np.cumsum(counts), total / 2)]
    mean = (scores * counts).sum() / total
    std = np.sqrt((counts * (scores - mean) ** 2).sum() / total)
    return bounded_score_cut(float(median), float(std))


def _gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Larger tables: a language costs a fraction of a millisecond each time, however few its rows."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= _GATHERED_ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def _summaries(rows: pa.Table, limits: Mapping[str, tuple[float, int]], size: int) -> list[Summary]:
    """Of some rows of `population`: moments of all that pass the cut, and the sample's candidates."""
    label = np.asarray(rows["label"].to_pylist(), dtype=object).astype(str)
    cut = np.array([limits[name][0] for name in label])
    values = np.column_stack([rows[name].cast(pa.float64()).fill_null(np.nan).to_numpy() for name in KNOWN_METRICS])
    passing = np.nan_to_num(values[:, METRIC_INDEX["language_score"]]) >= cut
    hash_, key = (rows[name].to_numpy() for name in ("hash", "key"))
    found = summarise(label[passing], hash_[passing], key[passing], values[passing], size=size)
    return [_within(summary, limits[summary.label][1]) for summary in found]


def _within(summary: Summary, limit: int) -> Summary:
    """Without the sampled documents that cannot be among the smallest hashes of the whole population."""
    end = int(np.searchsorted(summary.hash, limit, "right"))
    return Summary(
        summary.label, summary.documents, summary.moments, summary.hash[:end], summary.key[:end], summary.values[:end]
    )


def stopwords(spark: SparkSession, runs: Sequence[Opened]) -> dict[str, tuple[str, ...]]:
    """Stopword lists by label, from the text of measured runs: of each language the STOPWORD_DOCUMENTS with the
    smallest hashes, one a duplicate cluster."""
    texts = [
        population(spark, run)
        .select("label", "hash", "key")
        .join(read_parquet(spark, run.folder.documents).select("key", "text"), "key")
        for run in runs
    ]
    first = Window.partitionBy("label").orderBy("hash", "key")
    sample = reduce(DataFrame.unionByName, texts).withColumn("rank", F.row_number().over(first))
    schema = pa.schema([("label", pa.string()), ("words", pa.list_(pa.string()))])

    def listed(rows: pa.Table) -> pa.Table:
        text = rows.sort_by([("hash", "ascending"), ("key", "ascending")])["text"].combine_chunks()
        return pa.table([rows["label"].slice(0, 1), [list(stopword_list(text))]], schema=schema)

    found = (
        sample.where(F.col("rank") <= STOPWORD_DOCUMENTS)
        .groupBy("label")
        .applyInArrow(listed, from_arrow_schema(schema))
    )
    rows = found.toArrow().to_pylist()
    return {row["label"]: tuple(row["words"]) for row in sorted(rows, key=lambda row: row["label"]) if row["words"]}
