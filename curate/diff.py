"""Which documents two decisions judge differently, in Spark over narrow columns; text is read for a few samples only.

Documents are matched by key where both sides decide on the same measured documents, otherwise by id.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from curate import decide
from curate.lookup import rows as documents_of
from curate.plan import absolute
from curate.runfolder import RunFolder, exists, filesystem, join, read_json
from curate.session import read_parquet

DROPPED, KEPT, OTHER = "now dropped", "now kept", "other reason"
CHANGES = (DROPPED, KEPT, OTHER)
TEXT_CHARACTERS = 500


class DiffError(ValueError):
    """Two sides that cannot be compared: one line with what is missing and what would be right."""


@dataclass(frozen=True, slots=True)
class Side:
    """The decisions of one run."""

    folder: RunFolder
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Count:
    """Documents of one language with these first reasons; None: kept, or not on that side at all."""

    label: str
    in_a: bool
    in_b: bool
    reason_a: str | None
    reason_b: str | None
    documents: int

    @property
    def both(self) -> bool:
        return self.in_a and self.in_b

    @property
    def change(self) -> str | None:
        """One of CHANGES; None where both sides agree, or one has not the document."""
        if not self.both or self.reason_a == self.reason_b:
            return None
        return DROPPED if self.reason_a is None else KEPT if self.reason_b is None else OTHER


@dataclass(frozen=True, slots=True)
class Sample:
    """A document that changes. No reasons: kept."""

    label: str
    change: str
    reasons_a: tuple[str, ...]
    reasons_b: tuple[str, ...]
    address: str  # url, else id
    text: str  # the beginning


@dataclass(frozen=True)
class Diff:
    by_key: bool
    counts: tuple[Count, ...]
    samples: tuple[Sample, ...]


def side(path: str) -> Side:
    """A run folder's latest decisions, or those of RUN/decisions/FINGERPRINT. Raises DiffError."""
    parts = absolute(path).rstrip("/").split("/")
    if len(parts) > 2 and parts[-2] == "decisions":
        found = Side(RunFolder("/".join(parts[:-2])), parts[-1])
    else:
        folder = RunFolder("/".join(parts))
        if not exists(folder.manifest):
            raise DiffError(
                f"{path}: no finished run: it has no manifest.json; give a run folder, or RUN/decisions/FINGERPRINT"
            )
        found = Side(folder, read_json(folder.manifest)["fingerprints"]["decisions"])
    if not exists(join(found.folder.decisions(found.fingerprint), "_SUCCESS")):
        known = ", ".join(_fingerprints(found.folder)) or "none"
        raise DiffError(f"{path}: no decisions {found.fingerprint}; in {found.folder.root}/decisions: {known}")
    return found


def _fingerprints(folder: RunFolder) -> list[str]:
    fs, inner = filesystem(join(folder.root, "decisions"))
    return sorted(path.rsplit("/", 1)[-1] for path in fs.ls(inner, detail=False)) if fs.exists(inner) else []


def compare(
    spark: SparkSession,
    a: Side,
    b: Side,
    *,
    languages: Sequence[str] = (),
    reason: str | None = None,
    samples: int = 10,
) -> Diff:
    """What changes from A to B. `languages` narrows all of it, `reason` (as first one on either side) the samples."""
    by_key = _same_documents(spark, a, b)
    frames = (
        (_by_key(spark, a, "a"), _by_key(spark, b, "b")) if by_key else (_by_id(spark, a, "a"), _by_id(spark, b, "b"))
    )
    joined = frames[0].join(frames[1], "key" if by_key else ["id", "use"], "full_outer")
    if by_key:
        joined = joined.withColumn("key_a", F.col("key")).withColumn("key_b", F.col("key"))
    joined = joined.withColumn("label", F.coalesce("label_b", "label_a"))
    if languages:
        joined = joined.where(F.col("label").isin(*languages))
    return Diff(by_key, tuple(_counts(joined)), tuple(_samples(joined, a, b, reason, samples)) if samples else ())


def _same_documents(spark: SparkSession, a: Side, b: Side) -> bool:
    """Whether a key names the same document on both sides.

    Two runs over one input with one setting may still differ by a page that timed out in one of them alone, so the ids
    are compared, too; as a hash, which needs no shuffle.
    """
    if a.folder == b.folder:
        return True
    plans = [read_json(each.folder.run) for each in (a, b)]
    if any(plans[0][name] != plans[1][name] for name in ("measure", "units")):
        return False
    return _digest(spark, a) == _digest(spark, b)


def _digest(spark: SparkSession, side: Side) -> tuple[Any, ...]:
    hashed = F.xxhash64("key", "id")
    found = read_parquet(spark, side.folder.documents).agg(F.count("*"), F.bit_xor(hashed))
    return tuple(found.collect()[0])


def _by_key(spark: SparkSession, side: Side, name: str) -> DataFrame:
    return decide.read(spark, side.folder, side.fingerprint).select(
        "key", F.col("label").alias(f"label_{name}"), F.col("drop_reasons").alias(f"reasons_{name}")
    )


def _by_id(spark: SparkSession, side: Side, name: str) -> DataFrame:
    """(id, use, ...): documents that share an id are told apart by their order."""
    ids = read_parquet(spark, side.folder.documents).select("key", "id")
    use = F.row_number().over(Window.partitionBy("id").orderBy("key")).alias("use")
    found = _by_key(spark, side, name).join(ids, "key").select("id", use, "key", f"label_{name}", f"reasons_{name}")
    return found.withColumnRenamed("key", f"key_{name}")


def _first(name: str) -> Column:
    return F.get(f"reasons_{name}", F.lit(0)).alias(f"reason_{name}")


def _counts(joined: DataFrame) -> Iterable[Count]:
    present = [F.col(f"reasons_{name}").isNotNull().alias(f"in_{name}") for name in "ab"]
    grouped = joined.groupBy("label", *present, _first("a"), _first("b")).agg(F.count("*").alias("documents"))
    for row in grouped.orderBy("label", "reason_a", "reason_b").collect():
        yield Count(row.label, row.in_a, row.in_b, row.reason_a, row.reason_b, row.documents)


def _samples(joined: DataFrame, a: Side, b: Side, reason: str | None, limit: int) -> list[Sample]:
    """A few documents of each pair of first reasons, in turn, so that a common change does not hide a rare one."""
    changed = joined.where("reasons_a is not null and reasons_b is not null")
    changed = changed.select("*", _first("a"), _first("b")).where(~F.equal_null("reason_a", "reason_b"))
    if reason is not None:
        changed = changed.where(F.equal_null("reason_a", F.lit(reason)) | F.equal_null("reason_b", F.lit(reason)))
    pair = Window.partitionBy("reason_a", "reason_b").orderBy(F.xxhash64("key_b"))
    chosen = changed.withColumn("turn", F.row_number().over(pair)).where(F.col("turn") <= limit)
    other = F.col("reason_a").isNotNull() & F.col("reason_b").isNotNull()
    ordered = chosen.orderBy("turn", other, "reason_b", "reason_a").limit(limit)
    found = ordered.select("key_b", "label", "reasons_a", "reasons_b").collect()
    documents = documents_of(b.folder, [row.key_b for row in found])
    return [_sample(row, documents[row.key_b]) for row in found]


def _sample(row: Any, document: dict[str, Any]) -> Sample:
    change = DROPPED if not row.reasons_a else KEPT if not row.reasons_b else OTHER
    address, text = document["url"] or document["id"] or "", (document["text"] or "")[:TEXT_CHARACTERS]
    return Sample(row.label, change, tuple(row.reasons_a), tuple(row.reasons_b), address, text)
