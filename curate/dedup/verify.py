"""Candidate pairs looked at again, so that no edge below the wanted similarity survives.

In each bucket of the band join every document is compared with the bucket's hub, its smallest key. Those that are
similar enough keep their edge and are done with; the others try again among themselves, with the smallest of them as the
hub, and so on for at most HUBS hubs: n documents of a bucket cost at most HUBS * n comparisons. What is left over then
has no edge from this bucket (another band may still join it) and is counted. So is nothing lost by a hub that happens
to be unlike the others; but a document similar to none of the hubs is not compared with the hubs' other members.

A pair that shares several bands is compared once a round. What is compared, the evidence, is gathered for the documents
of buckets with two members or more only. Hubs follow from the keys, never from the partitions.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from curate import lookup
from curate.dedup import join
from curate.dedup.connected import Checkpoint
from curate.runfolder import RunFolder
from filters import minhash
from filters.columns import KEY_BITS, label

HUBS = 16  # tried in a bucket
TEXTS = 500  # read at once by one worker
Compare = Callable[[pa.BinaryArray, pa.BinaryArray], np.ndarray]  # evidence of a and of b -> similarity
_EVIDENCE = pa.schema([("key", pa.int64()), ("evidence", pa.binary())])
_VERDICTS = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("similar", pa.bool_())])


@dataclass(frozen=True, slots=True)
class Verification:
    """What is compared and how."""

    similarity: float  # least; 0..1
    evidence: Callable[[DataFrame], DataFrame]  # (key) -> (key, evidence: binary)
    compare: Compare


@dataclass(frozen=True, slots=True)
class Figures:
    """What a verification did."""

    pairs: int  # compared; one in two rounds counts twice
    similar: int  # of them
    hubs: int  # tried in the bucket that needed most
    left_over: int  # places in buckets that were still without a hub after HUBS of them

    def dump(self) -> dict[str, int]:
        return asdict(self)


def by_estimate(documents: DataFrame, similarity: float) -> Verification:
    """By the signatures: the share of equal values, which the narrow columns hold already."""

    def evidence(keys: DataFrame) -> DataFrame:
        return documents.join(keys, "key", "left_semi").select("key", F.col("minhash").alias("evidence"))

    return Verification(similarity, evidence, minhash.estimate)


def by_jaccard(folder: RunFolder, ngram: int, similarity: float) -> Verification:
    """By the shingles themselves, from the text: the row groups that hold a candidate are read once more."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for start in range(0, len(batch), TEXTS):
                keys = batch.slice(start, TEXTS).column(0)
                yield pa.record_batch([keys, _shingle_sets(folder, keys.to_pylist(), ngram)], schema=_EVIDENCE)

    def evidence(keys: DataFrame) -> DataFrame:
        by_unit = keys.repartition(F.shiftright("key", KEY_BITS)).sortWithinPartitions("key")
        return by_unit.mapInArrow(work, "key long, evidence binary")

    return Verification(similarity, evidence, minhash.jaccard)


def _shingle_sets(folder: RunFolder, keys: list[int], ngram: int) -> pa.BinaryArray:
    found = lookup.rows(folder, keys, ("text", "language", "language_script"))
    rows = [found[key] for key in keys]
    labels = [label(row["language"], row["language_script"]) for row in rows]
    return minhash.shingle_sets(pa.array([row["text"] for row in rows], pa.string()), pa.array(labels), ngram=ngram)


def verified(buckets: DataFrame, how: Verification, checkpoint: Checkpoint) -> tuple[DataFrame, Figures]:
    """Edges (a, b) of documents that share a bucket (band, key) and are similar enough."""
    waiting = checkpoint(_shared(buckets), "shared")
    evidence = checkpoint(how.evidence(waiting.select("key").distinct()), "evidence")
    rounds: list[DataFrame] = []
    while len(rounds) < HUBS and not waiting.isEmpty():
        judged = checkpoint(_judged(join.stars(waiting), evidence, how), f"hub-{len(rounds):02d}")
        waiting = _shared(judged.where("not similar").select("band", F.col("a").alias("key")))
        rounds.append(judged)
    edges = _union([judged.where("similar").select("a", "b") for judged in rounds], waiting)
    return edges, _figures(rounds, waiting)


def _shared(buckets: DataFrame) -> DataFrame:
    """The buckets with two members or more."""
    return buckets.withColumn("size", F.count("*").over(Window.partitionBy("band"))).where("size > 1").drop("size")


def _judged(stars: DataFrame, evidence: DataFrame, how: Verification) -> DataFrame:
    """(band, a, b, similar) of (band, a, b)."""
    one = evidence.select(F.col("key").alias("a"), F.col("evidence").alias("evidence_a"))
    other = evidence.select(F.col("key").alias("b"), F.col("evidence").alias("evidence_b"))
    pairs = stars.select("a", "b").distinct().join(one, "a").join(other, "b")
    verdicts = pairs.select("a", "b", "evidence_a", "evidence_b").mapInArrow(
        partial(_compare, compare=how.compare, least=how.similarity), "a long, b long, similar boolean"
    )
    return stars.join(verdicts, ["a", "b"]).select("band", "a", "b", "similar")


def _compare(batches: Iterator[pa.RecordBatch], compare: Compare, least: float) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        a, b, one, other = batch.columns
        yield pa.record_batch([a, b, pa.array(compare(one, other) >= least)], schema=_VERDICTS)


def _union(edges: list[DataFrame], empty: DataFrame) -> DataFrame:
    union = empty.limit(0).select(F.col("key").alias("a"), F.col("key").alias("b"))
    for part in edges:
        union = union.unionByName(part)
    return union


def _figures(rounds: list[DataFrame], waiting: DataFrame) -> Figures:
    pairs = similar = 0
    for judged in rounds:
        row = judged.select("a", "b", "similar").distinct().agg(F.count("*"), F.count_if("similar")).first()
        assert row is not None
        pairs, similar = pairs + row[0], similar + row[1]
    return Figures(pairs=pairs, similar=similar, hubs=len(rounds), left_over=waiting.count())
