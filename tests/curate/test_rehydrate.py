"""Rehydration weights against FineWeb-2's formula computed by hand, and from decisions."""

import pyarrow as pa
import pytest

from curate import decide
from curate.dedup.rehydrate import of_decisions, weights


def plainly(figures: dict[int, tuple[int, int]], most: int) -> dict[int, int]:
    """The same with lists and loops; the tail first."""
    clusters = {size: documents / size for size, (documents, _) in figures.items()}
    total = sum(clusters.values())
    tail = [s for s in figures if sum(n for other, n in clusters.items() if other >= s) <= 0.001 * total]
    groups = [[size] for size in sorted(figures) if size not in tail] + ([sorted(tail)] if tail else [])
    removed = [sum(clusters[s] * figures[s][1] / figures[s][0] for s in group) for group in groups]
    counted = [sum(clusters[s] for s in group) for group in groups]
    rates = [gone / n for gone, n in zip(removed, counted, strict=True)]
    smooth = [sum(rates[i - 2 : i + 3]) / 5 if 2 <= i < len(rates) - 2 else rate for i, rate in enumerate(rates)]
    g = sum(removed) / total
    weight = [1 if r >= g else round(1 + (most - 1) * (g - r) / (g - min(smooth))) for r in smooth]
    return {size: w for group, w in zip(groups, weight, strict=True) for size in group}


U_SHAPE = {  # documents, removed by filters: the singletons and the huge clusters are worst
    1: (60_000, 39_000),
    2: (20_000, 9_000),
    3: (9_000, 3_600),
    4: (6_000, 2_000),
    5: (4_000, 1_300),
    6: (3_000, 1_200),
    8: (1_600, 800),
    12: (1_200, 900),
    40: (400, 380),
    900: (900, 890),
    5_000: (5_000, 4_999),
}


@pytest.mark.parametrize("most", [1, 3, 10])
def test_weights_equal_a_plain_computation(most: int) -> None:
    found = weights(U_SHAPE, most)
    assert found == plainly(U_SHAPE, most)
    assert max(found.values()) == most and min(found.values()) == 1
    assert found[1] == found[40] == found[900] == found[5_000] == 1


def test_the_largest_clusters_share_one_rate() -> None:
    figures = {1: (10_000, 5_000), 2: (2_000, 0), 3: (3, 0), 4: (4, 4), 5: (5, 0)}
    assert weights(figures, 5) == plainly(figures, 5)
    assert len({weights(figures, 5)[size] for size in (3, 4, 5)}) == 1


def test_one_size_or_no_removal_repeats_nothing() -> None:
    assert weights({1: (100, 40)}, 10) == {1: 1}
    assert weights({1: (100, 0), 2: (50, 0)}, 10) == {1: 1, 2: 1}


@pytest.mark.spark
def test_of_decisions_counts_filters_alone(spark) -> None:
    rows = [  # label, size, reasons, bytes
        *[("hin_Deva", 1, ["words_low"], 9)] * 8,
        *[("hin_Deva", 1, [], 9)] * 2,
        *[("hin_Deva", 2, [], 9), ("hin_Deva", 2, ["duplicate_near"], 9)] * 5,
        *[("hin_Deva", 1, ["http_status"], 0)] * 50,
        *[("hin_Deva", 1, ["language_unwanted", "words_low"], 9)] * 50,
        *[("tha_Thai", 1, [], 9)] * 3,
    ]
    names = ("label", "cluster_size", "drop_reasons", "bytes")
    frame = spark.createDataFrame(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))))
    found = of_decisions(frame, 4, copies=decide.COPIES, no_filters=decide.OTHER_LANGUAGE)
    assert found == {"hin_Deva": {1: 1, 2: 4}, "tha_Thai": {1: 1}}
    assert weights({1: (10, 8), 2: (10, 0)}, 4) == found["hin_Deva"]
