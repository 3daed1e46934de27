"""The JVM's decisions equal the cutoff table's own, row by row; the best copy of a cluster is kept."""

import random
from pathlib import Path

import pyarrow as pa
import pytest

from curate import decide, dedup
from filters.columns import METRIC_NAMES, SIGNALS
from thresholds.rule import Rule
from thresholds.table import CutoffTable, LanguageCutoffs

pytestmark = pytest.mark.spark
LABELS = ["eng_Latn", "hin_Deva", "tha_Thai", "hin_Latn", "und_Zzzz", "zzz_Zzzz"]


def documents(rows: int, seed: int = 1) -> pa.Table:
    rng = random.Random(seed)

    def value() -> float | None:
        return rng.choice([None, 0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 10.0, 49.0, 50.0, 100_001.0, rng.random()])

    metrics = pa.array(
        [{name: value() for name in METRIC_NAMES} if rng.random() < 0.95 else None for _ in range(rows)], SIGNALS
    )
    return pa.table(
        {
            "key": list(range(rows)),
            "unit": [0] * rows,
            "label": [rng.choice(LABELS) for _ in range(rows)],
            "host": ["h.example"] * rows,
            "id": [f"id{n}" for n in range(rows)],
            "language_score": pa.array([value() for _ in range(rows)], pa.float64()),
            "quality": pa.array([None] * rows, pa.float64()),
            "exact_hash": list(range(rows)),
            "url_hash": pa.array([None] * rows, pa.int64()),
            "minhash": pa.array([None] * rows, pa.binary()),
            "drop_reasons": pa.array(
                [["http_status"] if rng.random() < 0.1 else [] for _ in range(rows)], pa.list_(pa.string())
            ),
            "signals": metrics,
        }
    )


@pytest.mark.parametrize("table", ["universal", "english", "setu", "several"])
def test_the_jvm_decides_as_the_table_does(spark, table: str) -> None:
    data = documents(800)
    cutoffs = several() if table == "several" else CutoffTable.load(table)
    found = decide.with_filter_reasons(spark.createDataFrame(data), cutoffs, ()).orderBy("key").toArrow()
    own = cutoffs.apply(
        data["signals"].combine_chunks(),
        data["label"].combine_chunks(),
        columns={name: data[name].combine_chunks() for name in ("language_score", "quality")},
    )
    expected = [early or late for early, late in zip(data["drop_reasons"].to_pylist(), own.to_pylist(), strict=True)]
    assert found["drop_reasons"].to_pylist() == expected
    assert 0 < sum(not reasons for reasons in expected) < len(expected), "vacuous"


def several() -> CutoffTable:
    """Languages that order the same rules differently, use one pair twice, and no fallback for the rest."""
    a = Rule(metric="words", operator="<", cutoff=50)
    b = Rule(metric="words", operator="<", cutoff=0.2)
    c = Rule(metric="script_ratio", operator=">=", cutoff=0.3)
    return CutoffTable(
        {"hin_Deva": LanguageCutoffs((c, a)), "tha_Thai": LanguageCutoffs((a, c, b)), "eng_Latn": LanguageCutoffs()}
    )


def test_unwanted_languages_come_first(spark) -> None:
    table = CutoffTable({"*": LanguageCutoffs((Rule(metric="words", operator="<", cutoff=1e9),))})
    found = decide.with_filter_reasons(spark.createDataFrame(documents(60)), table, ["tha_Thai"]).toArrow().to_pylist()
    first = {
        (row["label"], row["drop_reasons"][0])
        for row in found
        if row["drop_reasons"] and row["drop_reasons"] != ["http_status"]
    }
    assert ("hin_Deva", "language_unwanted") in first
    assert not any(label == "tha_Thai" and reason == "language_unwanted" for label, reason in first)


def test_the_keeper_passes_then_is_longest_then_has_the_smallest_id(spark, checkpoint) -> None:
    rows = [  # key, exact_hash, characters, drop_reasons, id
        (0, 7, 500, ["words_low"], "a"),  # the longest, but fails
        (1, 8, 300, [], "c"),
        (2, 8, 300, [], "b"),  # same text and length: smaller id
        (3, 9, 100, [], "d"),
        (4, 5, 100, [], "e"),  # another cluster
    ]
    columns = list(zip(*rows, strict=True))
    signature = b"".join(n.to_bytes(2, "little") for n in range(112))
    other = b"".join((n + 999).to_bytes(2, "little") for n in range(112))
    frame = spark.createDataFrame(
        pa.table(
            {
                "key": columns[0],
                "exact_hash": columns[1],
                "url_hash": pa.array([None] * 5, pa.int64()),
                "characters": [float(n) for n in columns[2]],
                "drop_reasons": pa.array(columns[3], pa.list_(pa.string())),
                "id": columns[4],
                "minhash": [signature] * 4 + [other],
                "quality": pa.array([None] * 5, pa.float64()),
                "unit": [0] * 5,
                "label": ["tam_Taml"] * 5,
                "host": ["h"] * 5,
                "bytes": [1] * 5,
            }
        )
    )

    members = dedup.clusters(frame.select("key", "exact_hash", "minhash"), bands=14, rows=8, checkpoint=checkpoint)
    found = {row.key: row for row in decide.with_duplicates(frame, members.members).collect()}
    assert found[2].drop_reasons == []
    assert found[1].drop_reasons == ["duplicate_exact"]
    assert found[3].drop_reasons == ["duplicate_near"]
    assert found[0].drop_reasons == ["words_low", "duplicate_near"]
    assert {found[n].cluster_size for n in range(4)} == {4} and found[4].cluster_size == 1
    assert {found[n].cluster_id for n in range(4)} == {0} and found[4].cluster_id == 4


def test_urls_of_one_crawl_that_are_the_same(spark) -> None:
    same = [
        "http://Example.org/a?b=1#top",
        "https://user@example.org:443/a?b=1",
        "HTTP://EXAMPLE.ORG:80/a?b=1#",
    ]
    other = [
        "https://example.org/A?b=1",
        "https://example.org/a",
        "https://example.org:8080/a?b=1",
        "ftp://x/a",
        None,
        "",
    ]
    rows = [
        *(("one", url) for url in (*same, *other)),
        ("two", same[0]),
        ("one", "http://x.org"),
        ("one", "http://x.org/"),
    ]
    frame = spark.createDataFrame(pa.table({"dump": [d for d, _ in rows], "url": pa.array([u for _, u in rows])}))
    found = [row.url_hash for row in frame.select(decide.url_hash()).collect()]
    assert len(set(found[:3])) == 1 and found[0] is not None
    assert found[6:9] == [None] * 3
    assert len({found[0], *found[3:6], found[9]}) == 5 and found[10] == found[11]


def test_a_copy_by_url_is_dropped_for_that_where_the_recipe_says_so(spark, tmp_path: Path) -> None:
    table = pa.table(
        {
            "key": [0, 1, 2],
            "exact_hash": [1, 2, 3],
            "url_hash": [7, 7, None],
            "minhash": pa.array([None] * 3, pa.binary()),
            "characters": [10.0, 20.0, 5.0],
            "drop_reasons": pa.array([[], [], []], pa.list_(pa.string())),
            "id": ["a", "b", "c"],
            "quality": pa.array([None] * 3, pa.float64()),
            "unit": [0] * 3,
            "label": ["tam_Taml"] * 3,
            "host": ["h"] * 3,
            "bytes": [1] * 3,
        }
    )
    frame = spark.createDataFrame(table)

    def members(exact: tuple[str, ...]):
        return dedup.clusters(frame, bands=14, rows=8, checkpoint=lambda part, name: part, exact=exact).members

    assert members(("exact_hash",)).count() == 0
    decided = decide.with_duplicates(frame, members(("exact_hash", "url_hash")), url=True).collect()
    assert {row.key: row.drop_reasons for row in decided} == {0: ["duplicate_url"], 1: [], 2: []}


def test_a_cluster_that_an_older_run_holds_goes_whole(spark) -> None:
    rows = {
        "key": [0, 1, 2, 3],
        "cluster_id": [0, 0, 2, 3],
        "drop_reasons": pa.array([["words_low", "duplicate_near"], [], [], []], pa.list_(pa.string())),
    }
    found = decide.without_indexed(
        spark.createDataFrame(pa.table(rows)), spark.createDataFrame(pa.table({"key": [0, 2]}))
    )
    assert {row.key: row.drop_reasons for row in found.collect()} == {
        0: ["words_low", "duplicate_indexed"],
        1: ["duplicate_indexed"],
        2: ["duplicate_indexed"],
        3: [],
    }
