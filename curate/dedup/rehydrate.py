"""How often to repeat a kept document, from how its cluster's size goes with being filtered (FineWeb-2, rehydration).

Documents of some cluster sizes pass the filters more often than others, which says that their texts are better. With r(c)
the removal rate at cluster size c and g that of all clusters, a document's weight is 1 where r(c) >= g, else
1 + (R - 1) * (g - r(c)) / (g - min r), rounded. r is smoothed by a 5-point moving mean, whose edges stay raw; the largest
0.1 % of the clusters share one rate.

FineWeb-2 filters one arbitrary copy of each cluster. Here all copies have been filtered: the rate at a size is that of
its documents, which is what an arbitrary copy would give on average, and each cluster counts once in g.
"""

from collections.abc import Mapping
from itertools import accumulate

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from curate.runfolder import RunFolder, exists, read_json, write_json

TAIL = 0.001  # share of the clusters
POINTS = 5

Weights = dict[str, dict[int, int]]  # by language and cluster size


def weights(figures: Mapping[int, tuple[int, int]], most: int) -> dict[int, int]:
    """Weight by cluster size from (documents, removed by filters) by cluster size, of one language."""
    sizes = sorted(figures)
    documents, removed = (np.array([figures[size][part] for size in sizes], float) for part in (0, 1))
    clusters = documents / np.array(sizes)
    bins = _bins(clusters)
    own = np.bincount(bins, clusters)
    rates = np.bincount(bins, clusters * removed / documents) / own
    smooth, overall = _moving_mean(rates), float(np.average(rates, weights=own))
    gain = (overall - smooth) / max(overall - smooth.min(), 1e-12)
    by_bin = np.where(smooth >= overall, 1, np.rint(1 + (most - 1) * gain)).astype(int)
    return {size: int(by_bin[at]) for size, at in zip(sizes, bins, strict=True)}


def _bins(clusters: np.ndarray) -> np.ndarray:
    """The bin of each size, in order: its own, but one for the sizes that the largest clusters have."""
    from_here = np.array(list(accumulate(clusters[::-1])))[::-1]
    alone = int((from_here > TAIL * clusters.sum()).sum())
    return np.minimum(np.arange(len(clusters)), alone)


def _moving_mean(rates: np.ndarray) -> np.ndarray:
    smooth, reach = rates.copy(), POINTS // 2
    for at in range(reach, len(rates) - reach):
        smooth[at] = rates[at - reach : at + reach + 1].mean()
    return smooth


def of_decisions(decisions: DataFrame, most: int, *, copies: tuple[str, ...], no_filters: tuple[str, ...]) -> Weights:
    """The weights of each language. `copies`: reasons of the dedup; `no_filters`: documents with one of these reasons,
    and those that were not measured, are no evidence."""
    filters = F.array_except("drop_reasons", F.array(*map(F.lit, copies)))
    seen = decisions.where("bytes > 0").where(~F.arrays_overlap("drop_reasons", F.array(*map(F.lit, no_filters))))
    rows = seen.groupBy("label", "cluster_size").agg(
        F.count("*").alias("documents"), F.count_if(F.size(filters) > 0).alias("removed")
    )
    figures: dict[str, dict[int, tuple[int, int]]] = {}
    for row in rows.collect():
        figures.setdefault(row.label, {})[row.cluster_size] = (row.documents, row.removed)
    return {label: weights(own, most) for label, own in sorted(figures.items())}


def store(folder: RunFolder, fingerprint: str, found: Weights) -> None:
    write_json(folder.rehydration(fingerprint), found)


def stored(folder: RunFolder, fingerprint: str) -> Weights:
    """What `store` stored; empty where nothing was: every weight is 1."""
    path = folder.rehydration(fingerprint)
    found = read_json(path) if exists(path) else {}
    return {label: {int(size): weight for size, weight in own.items()} for label, own in found.items()}
