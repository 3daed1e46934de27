"""Duplicate clusters: exact copies, then documents that share a band, then connected components."""

from typing import NamedTuple

from pyspark.sql import DataFrame

from curate.dedup import join
from curate.dedup.connected import Checkpoint, components
from curate.dedup.verify import Figures, Verification, verified


class Clusters(NamedTuple):
    """(key, cluster_id) of every document that shares a cluster with another; cluster_id is its smallest key."""

    members: DataFrame
    figures: Figures | None = None  # of the verification, if there was one


def clusters(
    documents: DataFrame,
    *,
    bands: int,
    rows: int,
    checkpoint: Checkpoint,
    verification: Verification | None = None,
    exact: tuple[str, ...] = ("exact_hash",),
) -> Clusters:
    """`documents` has key (long), exact_hash (long, null: no text) and minhash (binary of 16-bit values, null: no
    shingles). Documents that agree in a column of `exact` are copies unseen.

    `checkpoint(frame, name)` stores a frame in the run folder and reads it back, so that a lost executor costs one
    round.
    """
    buckets = join.banded(join.representatives(documents), bands=bands, rows=rows)
    if verification is None:
        near, figures = join.stars(buckets).select("a", "b"), None
    else:
        near, figures = verified(buckets, verification, checkpoint)
    for column in exact:
        near = near.unionByName(join.equal_edges(documents, column))
    edges = checkpoint(near.distinct(), "edges")
    return Clusters(components(edges, checkpoint=checkpoint), figures)
