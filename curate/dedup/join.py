"""Which documents are copies of one another: edges (a, b) from a document to the smallest key it shares something with.

A bucket of n documents makes n - 1 edges to its smallest key, its hub, so that the work is linear in the bucket.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window


def equal_edges(documents: DataFrame, column: str) -> DataFrame:
    """An edge from each document to the first with the same value of `column`; null is equal to nothing."""
    hub = F.min("key").over(Window.partitionBy(column))
    return documents.where(F.col(column).isNotNull()).select(F.col("key").alias("a"), hub.alias("b")).where("a != b")


def representatives(documents: DataFrame) -> DataFrame:
    """One document of each exact copy: the others need not be compared again."""
    return (
        documents.where("minhash is not null")
        .groupBy("exact_hash")
        .agg(F.min("key").alias("key"), F.min_by("minhash", "key").alias("minhash"))
    )


def band_keys(*, bands: int, rows: int) -> Column:
    """Of `minhash`, a hash of each band's number and values."""
    width = 2 * rows  # bytes of one band
    keys = (
        F.xxhash64(F.lit(band), F.expr(f"substring(minhash, {band * width + 1}, {width})")) for band in range(bands)
    )
    return F.array(*keys)


def banded(documents: DataFrame, *, bands: int, rows: int) -> DataFrame:
    """(band, key): a document once a band."""
    return documents.select(F.explode(band_keys(bands=bands, rows=rows)).alias("band"), "key")


def stars(buckets: DataFrame) -> DataFrame:
    """(band, a, b): each document of a bucket (band, key) to the bucket's hub b; a bucket of one makes none."""
    hub = F.min("key").over(Window.partitionBy("band"))
    return buckets.select("band", F.col("key").alias("a"), hub.alias("b")).where("a != b")
