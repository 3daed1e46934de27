"""Clusters against a plain union-find, on graphs that break naive implementations."""

import random

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from curate import dedup
from curate.dedup import connected

pytestmark = pytest.mark.spark


def expected(edges: list[tuple[int, int]]) -> dict[int, int]:
    """Breadth-first search: nothing in common with either implementation."""
    neighbours: dict[int, set[int]] = {}
    for a, b in edges:
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
    smallest: dict[int, int] = {}
    for node in sorted(neighbours):
        queue = [node] if node not in smallest else []
        while queue:
            other = queue.pop()
            if other not in smallest:
                smallest[other] = node
                queue.extend(neighbours[other])
    return smallest


def found(frame) -> dict[int, int]:
    table = frame.toArrow()
    result = dict(zip(table["key"].to_pylist(), table["cluster_id"].to_pylist(), strict=True))
    assert len(result) == len(table), "a node came out twice"
    return result


def graphs() -> dict[str, list[tuple[int, int]]]:
    rng = random.Random(3)
    return {
        "random": [(rng.randrange(2000), rng.randrange(2000)) for _ in range(1500)],
        "chain": [(n, n + 1) for n in range(300)],
        "shuffled chain": list(zip(*(lambda p: (p, p[1:]))(rng.sample(range(10**12), 200)), strict=False)),
        "star": [(0, n) for n in range(1, 5000)],
        "two hubs": [(n, hub) for n in range(10, 500) for hub in (1, 2)],
    }


@pytest.mark.parametrize("name", graphs())
@pytest.mark.parametrize("driver_edges", [0, 10**6], ids=["large-star small-star", "driver"])
def test_components_equal_a_search(spark, checkpoint, monkeypatch, name: str, driver_edges: int) -> None:
    edges = [(a, b) for a, b in graphs()[name] if a != b]
    monkeypatch.setattr(connected, "DRIVER_EDGES", driver_edges)
    frame = spark.createDataFrame(pa.table({"a": [a for a, _ in edges], "b": [b for _, b in edges]}))
    result = found(dedup.components(frame, checkpoint=checkpoint))
    assert result == expected(edges)
    assert len(set(result.values())) < len(result), "vacuous: no cluster"


@pytest.mark.parametrize("driver_edges", [0, 10**7], ids=["large-star small-star", "driver"])
def test_a_long_chain(spark, checkpoint, monkeypatch, driver_edges: int) -> None:
    monkeypatch.setattr(connected, "DRIVER_EDGES", driver_edges)
    names = np.random.default_rng(7).permutation(10_000).astype(np.int64)
    frame = spark.createDataFrame(pa.table({"a": names[1:], "b": names[:-1]}))
    table = dedup.components(frame, checkpoint=checkpoint).toArrow()
    assert len(table) == 10_000 and set(table["cluster_id"].to_pylist()) == {0}


@pytest.mark.parametrize("driver_edges", [0, 10**7], ids=["large-star small-star", "driver"])
def test_a_large_star(spark, checkpoint, monkeypatch, driver_edges: int) -> None:
    """A million leaves around a hub of a middling name."""
    monkeypatch.setattr(connected, "DRIVER_EDGES", driver_edges)
    hub = F.lit(500_000).cast("long")
    frame = spark.range(1_000_001).where("id != 500000").select(F.col("id").alias("a"), hub.alias("b"))
    found = dedup.components(frame, checkpoint=checkpoint)
    row = found.agg(F.count("*"), F.count_distinct("key"), F.max("cluster_id")).first()
    assert tuple(row) == (1_000_001, 1_000_001, 0)


def documents(spark, signatures: np.ndarray, exact: list[int]):
    packed = [None if row is None else row.astype("<u2").tobytes() for row in signatures]
    table = pa.table({"key": list(range(len(exact))), "exact_hash": exact, "minhash": pa.array(packed, pa.binary())})
    return spark.createDataFrame(table)


def test_documents_cluster_by_one_shared_band_and_by_exact_text(spark, checkpoint) -> None:
    rng = np.random.default_rng(5)
    rows = list(rng.integers(0, 2**16, (6, 112)))
    rows[3] = rows[3].copy()
    rows[3][8:16] = rows[0][8:16]  # the second band of document 0
    rows[5] = None  # too short for a shingle
    frame = documents(spark, rows, exact=[10, 11, 12, 13, 11, 12])
    assert found(dedup.clusters(frame, bands=14, rows=8, checkpoint=checkpoint).members) == {
        0: 0,
        3: 0,
        1: 1,
        4: 1,
        2: 2,
        5: 2,
    }


def test_documents_without_shingles_are_no_cluster(spark, checkpoint) -> None:
    frame = documents(spark, [None] * 5, exact=[1, 2, 3, 4, 5])
    assert found(dedup.clusters(frame, bands=14, rows=8, checkpoint=checkpoint).members) == {}


def test_seven_of_eight_rows_in_a_band_are_not_enough(spark, checkpoint) -> None:
    rows = np.random.default_rng(6).integers(0, 2**16, (2, 112))
    rows[1][:7] = rows[0][:7]
    assert found(dedup.clusters(documents(spark, rows, [1, 2]), bands=14, rows=8, checkpoint=checkpoint).members) == {}
