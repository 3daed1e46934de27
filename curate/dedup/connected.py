"""Connected components of a graph of edges (a, b), in the JVM.

Found by alternating large-star and small-star (Kiveris et al. 2014, "Connected Components in MapReduce and Beyond"),
which needs no shared state; below a size limit a union-find on the driver is quicker and gives the same answer.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.window import Window

Checkpoint = Callable[[DataFrame, str], DataFrame]  # store a frame in the run folder under a name, read it back
DRIVER_EDGES = 2_000_000  # 16 bytes an edge on the driver


def components(edges: DataFrame, *, checkpoint: Checkpoint) -> DataFrame:
    """(key, cluster_id) of every node of the undirected graph `edges` (a, b)."""
    if edges.count() <= DRIVER_EDGES:
        return _on_driver(edges)
    round_ = 0
    while True:
        stars = checkpoint(small_star(large_star(edges)), f"round-{round_:02d}")
        if _same(edges, stars):
            return _with_hubs(stars)
        edges, round_ = stars, round_ + 1


def large_star(edges: DataFrame) -> DataFrame:
    """Each node joins its larger neighbours to the smallest of its neighbours and itself."""
    both = edges.unionByName(edges.select(F.col("b").alias("a"), F.col("a").alias("b")))
    low = F.least(F.col("a"), F.min("b").over(Window.partitionBy("a")))
    return both.withColumn("low", low).where("b > a").select(F.col("b").alias("a"), F.col("low").alias("b")).distinct()


def small_star(edges: DataFrame) -> DataFrame:
    """Each node joins its smaller neighbours and itself to the smallest of them."""
    down = edges.select(F.greatest("a", "b").alias("a"), F.least("a", "b").alias("b"))
    low = F.min("b").over(Window.partitionBy("a"))
    stars = down.withColumn("low", low)
    own = stars.select("a", F.col("low").alias("b"))
    return own.unionByName(stars.select(F.col("b").alias("a"), F.col("low").alias("b"))).where("a != b").distinct()


def _same(before: DataFrame, after: DataFrame) -> bool:
    def fingerprint(edges: DataFrame) -> tuple[int, int]:
        row = edges.agg(F.count("*"), F.sum(F.xxhash64("a", "b").cast("decimal(38,0)"))).first()
        assert row is not None
        return row[0], row[1]

    return fingerprint(before) == fingerprint(after)


def _with_hubs(stars: DataFrame) -> DataFrame:
    members = stars.select(F.col("a").alias("key"), F.col("b").alias("cluster_id"))
    hubs = stars.select(F.col("b").alias("key"), F.col("b").alias("cluster_id"))
    return members.unionByName(hubs).distinct()


def _on_driver(edges: DataFrame) -> DataFrame:
    table = edges.toArrow()
    a, b = (table[name].to_numpy() for name in ("a", "b"))
    nodes, flat = np.unique(np.concatenate([a, b]), return_inverse=True)
    roots = union_find(flat[: len(a)], flat[len(a) :], len(nodes))
    spark: SparkSession = edges.sparkSession
    return spark.createDataFrame(pa.table({"key": nodes, "cluster_id": nodes[roots]}), "key long, cluster_id long")


def union_find(a: np.ndarray, b: np.ndarray, nodes: int) -> np.ndarray:
    """The smallest node of each node's component; nodes are 0..nodes-1."""
    parent = list(range(nodes))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right in zip(a.tolist(), b.tolist(), strict=True):
        left, right = root(left), root(right)
        parent[max(left, right)] = min(left, right)
    return np.array([root(node) for node in range(nodes)], dtype=np.int64)
