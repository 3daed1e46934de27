"""Decide on columns: cutoffs, duplicates and the copy to keep. Nothing here touches text; all of it runs in the JVM."""

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from curate import boilerplate, dedup
from curate.dedup import rehydrate
from curate.dedup.index import Index, matches
from curate.recipe import Dedup, Recipe
from curate.runfolder import RunFolder, exists, join, remove, write_json
from curate.session import jvm_path, read_parquet
from filters.columns import KEY_BITS, METRIC_NAMES
from thresholds.table import ANY_LANGUAGE, CutoffTable, slots_of

# A row of decisions/, in the row order of its unit's measured file
DECISIONS = (
    "key long, label string, host string, drop_reasons array<string>,"
    f" cluster_id long, cluster_size long, bytes long, cuts {boilerplate.CUTS}, unit int"
)
EXACT, NEAR, SAME_URL, INDEXED = "duplicate_exact", "duplicate_near", "duplicate_url", "duplicate_indexed"
COPIES = (EXACT, NEAR, SAME_URL, INDEXED)
UNWANTED = "language_unwanted"
OTHER_LANGUAGE = (UNWANTED, "language_score_low")


def measured(spark: SparkSession, folder: RunFolder) -> DataFrame:
    """The narrow columns of documents/, one row a record."""
    documents = read_parquet(spark, folder.documents)
    label = F.concat_ws("_", "language", "language_script").alias("label")
    unit = F.shiftright("key", KEY_BITS).alias("unit")
    return documents.select(
        "key",
        unit,
        label,
        "id",
        "language_score",
        "quality",
        "exact_hash",
        "minhash",
        "drop_reasons",
        "signals",
        host(),
        _of_part(url_hash()),
    )


def host() -> Column:
    """The URL's host in lower case, without port or user; null where there is none."""
    found = F.lower(F.regexp_extract("url", r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:\s]+)", 1))
    return F.nullif(found, F.lit("")).alias("host")


def url_hash() -> Column:
    """Of the crawl and the URL without user, default port and fragment, its host in lower case; null for no http URL."""
    parts = r"^(?i:https?)://(?:[^/?#@]*@)?([^/?#\s]+?)(?::(?:80|443))?(/[^#]*|\?[^#]*|)(?:#.*)?$"
    site, path = (F.regexp_extract("url", parts, group) for group in (1, 2))
    path = F.when(F.startswith(path, F.lit("/")), path).otherwise(F.concat(F.lit("/"), path))
    found = F.xxhash64(F.coalesce("dump", F.lit("")), F.lower(site), path)
    return F.when(F.length(site) > 0, found).alias("url_hash")


def _of_part(hashed: Column) -> Column:
    """The parts of a page that was split by language are no copies of one another."""
    apart = hashed.isNotNull() & (F.coalesce("part", F.lit(0)) > 0)
    return F.when(apart, F.xxhash64(hashed, "part")).otherwise(hashed).alias("url_hash")


def clusters(spark: SparkSession, settings: Dedup, folder: RunFolder, fingerprint: str) -> DataFrame:
    """(key, cluster_id) of the documents that have copies, found once and kept: no cutoff changes them."""
    path = folder.clusters(fingerprint)
    if not exists(join(path, "_SUCCESS")):
        remove(path)  # what a killed attempt left
        checkpoint = _checkpoint(spark, join(path, "_rounds"))
        candidates = measured(spark, folder).where("exact_hash is not null")
        found = dedup.clusters(
            candidates.select("key", "exact_hash", "minhash", "url_hash"),
            bands=settings.bands,
            rows=settings.rows,
            checkpoint=checkpoint,
            verification=_verification(settings, candidates, folder),
            exact=("exact_hash", "url_hash") if settings.url else ("exact_hash",),
        )
        if found.figures:
            write_json(folder.verification(fingerprint), found.figures.dump())
        found.members.write.mode("append").parquet(jvm_path(path))
        remove(join(path, "_rounds"))
    return read_parquet(spark, path, "key long, cluster_id long")


def _verification(settings: Dedup, candidates: DataFrame, folder: RunFolder) -> dedup.Verification | None:
    if settings.verify == "estimate":
        return dedup.by_estimate(candidates, settings.similarity)
    if settings.verify == "jaccard":
        return dedup.by_jaccard(folder, settings.ngram, settings.similarity)
    return None


def _checkpoint(spark: SparkSession, scratch: str) -> dedup.Checkpoint:
    def checkpoint(frame: DataFrame, name: str) -> DataFrame:
        path = join(scratch, name)
        frame.write.mode("overwrite").parquet(jvm_path(path))
        return read_parquet(spark, path)

    return checkpoint


def decide(
    spark: SparkSession,
    recipe: Recipe,
    table: CutoffTable,
    folder: RunFolder,
    fingerprint: str,
    cluster_fingerprint: str,
    index: Index | None = None,
) -> DataFrame:
    """Write decisions/<fingerprint>/: beside each measured file its rows' fate, in row order. Returns them."""
    scratch = join(folder.decisions(fingerprint), "_rounds")
    documents = with_filter_reasons(measured(spark, folder), table, recipe.languages)
    if recipe.dedup.enabled:
        members = clusters(spark, recipe.dedup, folder, cluster_fingerprint)
        documents = _checkpoint(spark, scratch)(documents, "filtered")
        decided = with_duplicates(documents, members, url=recipe.dedup.url)
        if index and index.older:
            candidates = documents.where("exact_hash is not null").select("key", "exact_hash", "minhash")
            indexed = _checkpoint(spark, scratch)(matches(candidates, index), "indexed")
            decided = without_indexed(decided, indexed)
    else:
        decided = _without_duplicates(documents)
    if recipe.boilerplate.lines:
        decided = _without_boilerplate(_checkpoint(spark, scratch)(decided, "clustered"), recipe, folder, scratch)
    else:
        decided = boilerplate.without_cuts(decided)
    out = folder.decisions(fingerprint)
    (
        decided.select("key", "unit", "label", "host", "drop_reasons", "cluster_id", "cluster_size", "bytes", "cuts")
        .repartition("unit")
        .sortWithinPartitions("unit", "key")
        .write.mode("overwrite")
        .option("compression", "zstd")
        .partitionBy("unit")
        .parquet(jvm_path(out))
    )
    remove(scratch)
    decided = read(spark, folder, fingerprint)
    if recipe.dedup.rehydrate:
        most = recipe.dedup.rehydrate
        found = rehydrate.of_decisions(decided, most, copies=COPIES, no_filters=OTHER_LANGUAGE)
        rehydrate.store(folder, fingerprint, found)
    return decided


def _without_boilerplate(decided: DataFrame, recipe: Recipe, folder: RunFolder, scratch: str) -> DataFrame:
    spark = decided.sparkSession
    lines = read_parquet(spark, folder.documents).select(
        "key", "exact_hash", "site_lines", F.col("signals.lines").alias("nonblank_lines")
    )
    copies = "cluster_id" if recipe.dedup.enabled else "exact_hash"
    store = _checkpoint(spark, scratch)
    return boilerplate.with_cuts(decided, lines, recipe.boilerplate, copies=copies, store=store)


def read(spark: SparkSession, folder: RunFolder, fingerprint: str) -> DataFrame:
    """The decisions of a run."""
    return read_parquet(spark, folder.decisions(fingerprint), DECISIONS)


def kept(spark: SparkSession, folder: RunFolder, decisions: DataFrame) -> DataFrame:
    """(key, exact_hash, minhash) of what was kept."""
    keys = decisions.where("size(drop_reasons) = 0").select("key")
    return measured(spark, folder).select("key", "exact_hash", "minhash").join(keys, "key", "left_semi")


def with_filter_reasons(documents: DataFrame, table: CutoffTable, languages: Sequence[str]) -> DataFrame:
    """`drop_reasons` grown by those of the cutoffs, in the order of each language's rules; what was dropped while
    reading has no signals, and keeps its reason alone."""
    cells = F.broadcast(_cells(documents.sparkSession, table))
    own = documents.join(cells, documents.label == cells.table_label, "left")
    default = table.languages.get(ANY_LANGUAGE)
    if default is not None:
        fallback = F.broadcast(_cells(documents.sparkSession, CutoffTable({ANY_LANGUAGE: default}), table.slots))
        fallback = fallback.select(F.col("cells").alias("default_cells"))
        own = own.crossJoin(fallback).withColumn("cells", F.coalesce("cells", "default_cells"))
    fired = F.transform(F.array_sort(F.array_compact(F.array(*_fired(table)))), lambda cell: cell["reason"])
    wanted = F.col("label").isin(*languages) if languages else F.lit(True)
    unwanted = F.when(wanted, F.array().cast("array<string>")).otherwise(F.array(F.lit(UNWANTED)))
    filtered = F.concat(unwanted, fired if table.slots else F.array().cast("array<string>"))
    reasons = F.when(F.size("drop_reasons") > 0, F.col("drop_reasons")).otherwise(filtered)
    return own.select(
        *("key", "unit", "label", "host", "id", "quality", "exact_hash", "minhash", "url_hash"),
        F.col("signals.characters").alias("characters"),
        F.coalesce("signals.bytes", F.lit(0)).cast("long").alias("bytes"),
        reasons.alias("drop_reasons"),
    )


def _cell_name(slot: int) -> str:
    return f"s{slot}"


_CELL = pa.struct([pa.field("cutoff", pa.float64()), pa.field("position", pa.int32())])


def _cells(spark: SparkSession, table: CutoffTable, slots: Sequence[tuple[str, str, int]] | None = None) -> DataFrame:
    """One row a language: a struct with the cutoff and the position of each slot, null where it has no such rule."""
    slots = table.slots if slots is None else slots
    names = [_cell_name(n) for n in range(len(slots))] or ["none"]
    rows = []
    for label, entry in table.languages.items():
        cells = {
            slot: {"cutoff": float(rule.cutoff), "position": position}
            for position, (slot, rule) in enumerate(zip(slots_of(entry.rules), entry.rules, strict=True))
        }
        rows.append(
            {"table_label": label, "cells": dict(zip(names, (cells.get(slot) for slot in slots), strict=False))}
        )
    schema = pa.schema([("table_label", pa.string()), ("cells", pa.struct([pa.field(name, _CELL) for name in names]))])
    return spark.createDataFrame(pa.Table.from_pylist(rows, schema))


def _fired(table: CutoffTable) -> list[Column]:
    """Of each slot (position, reason) if its rule drops the document, else null. A null metric never fires."""
    compare = {"<": Column.__lt__, "<=": Column.__le__, ">": Column.__gt__, ">=": Column.__ge__}
    fired = []
    reasons = {
        slot: rule.reason
        for e in table.languages.values()
        for slot, rule in zip(slots_of(e.rules), e.rules, strict=True)
    }
    for n, slot in enumerate(table.slots):
        metric, operator, _ = slot
        value = F.col(f"signals.{metric}") if metric in METRIC_NAMES else F.col(metric)
        cell = F.col(f"cells.{_cell_name(n)}")
        reason = F.struct(cell["position"].alias("position"), F.lit(reasons[slot]).alias("reason"))
        fired.append(F.when(compare[operator](value, cell["cutoff"]), reason))
    return fired


def with_duplicates(documents: DataFrame, members: DataFrame, *, url: bool = False) -> DataFrame:
    """cluster_id, cluster_size, and a duplicate reason on every copy but the one to keep; `members`: from `clusters`.

    The keeper: one that passes the filters, then the highest quality, then the longest, then the smallest id.
    """
    cluster = Window.partitionBy("cluster_id")
    best = cluster.orderBy(
        (F.size("drop_reasons") > 0).asc(),
        F.col("quality").desc_nulls_last(),
        F.col("characters").desc(),
        F.col("id"),
        F.col("key"),
    )
    judged = (
        documents.join(members, "key")
        .withColumn("cluster_size", F.count("*").over(cluster))
        .withColumn("rank", F.row_number().over(best))
        .withColumn("keeper_hash", F.first("exact_hash").over(best))
        .withColumn("keeper_url", F.first("url_hash").over(best))
    )
    same_url = (F.col("url_hash") == F.col("keeper_url")) if url else F.lit(False)
    reason = F.when(F.col("exact_hash") == F.col("keeper_hash"), EXACT).when(same_url, SAME_URL).otherwise(NEAR)
    copies = judged.select(
        "key",
        "cluster_id",
        "cluster_size",
        F.when(F.col("rank") > 1, F.array(reason)).otherwise(F.array().cast("array<string>")).alias("copy_reasons"),
    )
    none = F.array().cast("array<string>")
    return documents.join(copies, "key", "left").select(
        *("key", "unit", "label", "host", "bytes"),
        F.concat("drop_reasons", F.coalesce("copy_reasons", none)).alias("drop_reasons"),
        F.coalesce("cluster_id", "key").alias("cluster_id"),
        F.coalesce("cluster_size", F.lit(1)).alias("cluster_size"),
    )


def without_indexed(decided: DataFrame, indexed: DataFrame) -> DataFrame:
    """The same, where `indexed` (key) matches what an older run kept: its whole cluster is that run's."""
    taken = decided.join(indexed, "key", "left_semi").select("cluster_id").distinct().withColumn("taken", F.lit(True))
    filters = F.array_except("drop_reasons", F.array(*map(F.lit, COPIES)))
    reasons = F.when(F.col("taken"), F.concat(filters, F.array(F.lit(INDEXED)))).otherwise(F.col("drop_reasons"))
    return decided.join(taken, "cluster_id", "left").withColumn("drop_reasons", reasons).drop("taken")


def _without_duplicates(documents: DataFrame) -> DataFrame:
    return documents.withColumn("cluster_id", F.col("key")).withColumn("cluster_size", F.lit(1).cast("long"))
