"""Candidate pairs looked at again: no edge below the similarity, none above it lost with a hub that fails."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate import dedup
from curate.dedup import verify
from curate.runfolder import RunFolder, write_json
from filters.columns import KEY_BITS
from filters.minhash import jaccard, pack, shingle_sets, signatures

pytestmark = pytest.mark.spark
BANDS = {"bands": 14, "rows": 8}


def documents(spark, rows: list[np.ndarray], partitions: int = 2):
    packed = pa.array([row.astype("<u2").tobytes() for row in rows], pa.binary())
    table = pa.table({"key": range(len(rows)), "exact_hash": range(len(rows)), "minhash": packed})
    return spark.createDataFrame(table).repartition(partitions, "key")


def like(one: np.ndarray, equal: int, rng: np.random.Generator) -> np.ndarray:
    """A signature whose first `equal` values are those of `one`."""
    return np.concatenate([one[:equal], rng.integers(0, 2**16, len(one) - equal)])


def members(found: dedup.Clusters) -> dict[int, int]:
    return {row.key: row.cluster_id for row in found.members.collect()}


def by_estimate(frame, checkpoint, similarity: float = 0.7) -> dedup.Clusters:
    return dedup.clusters(frame, **BANDS, checkpoint=checkpoint, verification=dedup.by_estimate(frame, similarity))


@pytest.mark.parametrize("partitions", [1, 7])
def test_a_hub_that_fails_does_not_keep_the_others_apart(spark, checkpoint, partitions: int) -> None:
    """All three share the first band; 1 and 2 are alike, 0, the hub, is like neither."""
    rng = np.random.default_rng(1)
    hub = rng.integers(0, 2**16, 112)
    b = like(hub, 8, rng)
    frame = documents(spark, [hub, b, like(b, 100, rng)], partitions)
    assert members(dedup.clusters(frame, **BANDS, checkpoint=checkpoint)) == {0: 0, 1: 0, 2: 0}
    found = by_estimate(frame, checkpoint)
    assert members(found) == {1: 1, 2: 1}
    assert found.figures == dedup.Figures(pairs=4, similar=2, hubs=2, left_over=0)  # (1, 2) in either round


def test_the_similarity_is_the_limit(spark, checkpoint) -> None:
    rng = np.random.default_rng(2)
    one = rng.integers(0, 2**16, 112)
    frame = documents(spark, [one, like(one, 79, rng), like(one, 78, rng)])  # 0.7 * 112 = 78.4
    assert members(by_estimate(frame, checkpoint)) == {0: 0, 1: 0}


def test_a_bucket_is_given_up_after_a_number_of_hubs(spark, checkpoint, monkeypatch) -> None:
    """Forty documents alike in one band alone: each hub costs one comparison a document, and the rest is counted."""
    monkeypatch.setattr(verify, "HUBS", 3)
    rng = np.random.default_rng(3)
    one = rng.integers(0, 2**16, 112)
    rows = [like(one, 8, rng) for _ in range(40)]
    rows.append(like(rows[-1], 112, rng))  # a copy that no hub is tried for
    found = by_estimate(documents(spark, rows), checkpoint)
    assert found.figures is not None and found.figures.hubs == 3 and found.figures.left_over == 38
    assert members(found) == {39: 39, 40: 39}, "its other bands join it"


def test_random_graphs_have_no_edge_below_the_similarity(spark, checkpoint) -> None:
    """Every cluster is held together by pairs that are similar enough, by hand; and no partition changes it."""
    rng = np.random.default_rng(4)
    rows = [rng.integers(0, 2**16, 112)]
    for _ in range(300):
        parent = rows[rng.integers(len(rows))] if rng.random() < 0.7 else rng.integers(0, 2**16, 112)
        rows.append(np.where(rng.random(112) < rng.choice([0.5, 0.7, 0.8, 0.95]), parent, rng.integers(0, 2**16, 112)))
    found = [members(by_estimate(documents(spark, rows, partitions), checkpoint)) for partitions in (1, 5)]
    assert found[0] == found[1]
    values = np.array(rows)
    similar = ((values[:, None] == values[None]).mean(axis=2) - 2**-16) / (1 - 2**-16) >= 0.7
    for cluster in set(found[0].values()):
        inside = [key for key, own in found[0].items() if own == cluster]
        reached, queue = {inside[0]}, [inside[0]]
        while queue:
            here = queue.pop()
            near = {key for key in inside if similar[here, key]} - reached
            reached |= near
            queue += near
        assert reached == set(inside)
    joined = members(dedup.clusters(documents(spark, rows), **BANDS, checkpoint=checkpoint))
    assert len(set(found[0].values())) > 20 and len(joined) > len(found[0]), "vacuous"


def test_exact_jaccard_reads_the_candidates_text(spark, checkpoint, tmp_path: Path) -> None:
    words = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(400)]
    texts = [" ".join(words), " ".join(words[:310] + words[:310][::-1]), " ".join(words[:-20]), "only four words here"]
    folder = RunFolder(str(tmp_path / "run"))
    labels = pa.array(["eng_Latn"] * 4)
    first = 1 << KEY_BITS
    Path(folder.documents).mkdir(parents=True)
    columns = {"text": texts, "language": ["eng"] * 4, "language_script": ["Latn"] * 4}
    pq.write_table(pa.table(columns), f"{folder.documents}/one.parquet")
    write_json(f"{folder.measured_commits}/000001.json", {"unit": 1, "file": "one.parquet"})
    hashes = pack(signatures(pa.array(texts), labels))
    frame = spark.createDataFrame(pa.table({"key": range(first, first + 4), "exact_hash": range(4), "minhash": hashes}))
    sets = shingle_sets(pa.array(texts), labels)
    low, high = (float(jaccard(sets.slice(0, 1), sets.slice(n, 1))[0]) for n in (1, 2))
    assert 0.4 < low < 0.6 and high > 0.9
    for similarity, expected in ((low, {0, 1, 2}), (low + 1e-6, {0, 2}), (high + 1e-6, set())):
        how = dedup.by_jaccard(folder, 5, similarity)
        found = dedup.clusters(frame, bands=28, rows=4, checkpoint=checkpoint, verification=how)
        assert {key - first for key in members(found)} == expected
