"""Lines that a site repeats, found in the columns of hashes and cut from its documents; all of it runs in the JVM."""

from collections.abc import Callable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from curate.recipe import Boilerplate

CUTS = "array<struct<start:int,end:int>>"
REASON = "boilerplate"

Store = Callable[[DataFrame, str], DataFrame]


def without_cuts(decided: DataFrame) -> DataFrame:
    return decided.withColumn("cuts", F.lit(None).cast(CUTS))


def with_cuts(
    decided: DataFrame, documents: DataFrame, settings: Boilerplate, *, copies: str, store: Store
) -> DataFrame:
    """`cuts`: the spans of repeated lines of each document; a document that is nothing else gets the reason.

    `documents` has key, exact_hash, site_lines and nonblank_lines. Documents with the same `copies` (cluster_id or
    exact_hash) count once: otherwise a page captured often would be its own boilerplate. `store(frame, name)` writes a
    frame below the decisions and reads it back.
    """
    lines = documents.where("site_lines is not null").join(decided.select("key", "host", "cluster_id"), "key")
    lines = lines.where("host is not null").select(
        "key", "host", "nonblank_lines", F.col(copies).alias("copy"), "site_lines"
    )
    repeated = store(repeated_lines(lines, settings), "_boilerplate")
    each = lines.select("key", "host", "nonblank_lines", F.explode("site_lines").alias("line"))
    each = each.select("key", "host", "nonblank_lines", "line.hash", "line.start", "line.end")
    cuts = (
        each.join(repeated.select("host", "hash"), ["host", "hash"])
        .groupBy("key")
        .agg(
            F.array_sort(F.collect_list(F.struct("start", "end"))).alias("cuts"),
            (F.count("*") >= F.first("nonblank_lines")).alias("emptied"),
        )
    )
    reason = F.when(F.col("emptied"), F.array(F.lit(REASON))).otherwise(F.array().cast("array<string>"))
    return (
        decided.join(cuts, "key", "left")
        .withColumn("drop_reasons", F.concat("drop_reasons", reason))
        .withColumn("cuts", F.col("cuts").cast(CUTS))
        .drop("emptied")
    )


def repeated_lines(lines: DataFrame, settings: Boilerplate) -> DataFrame:
    """(host, hash, documents) of the lines in enough documents of their host, and in a large enough share of them."""
    sizes = lines.groupBy("host").agg(F.count_distinct("copy").alias("host_documents"))
    found = lines.select("host", "copy", F.explode(F.array_distinct("site_lines.hash")).alias("hash"))
    counts = found.groupBy("host", "hash").agg(F.count_distinct("copy").alias("documents"))
    enough = (F.col("documents") >= settings.lines) & (
        F.col("documents") >= F.lit(settings.share) * F.col("host_documents")
    )
    return counts.where(F.col("documents") >= settings.lines).join(sizes, "host").where(enough)
