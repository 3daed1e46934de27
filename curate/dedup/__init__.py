"""Near-duplicate clusters, in the JVM but for the comparisons of `verify`, deterministic whatever the partitions."""

from curate.dedup.clustering import Clusters, clusters
from curate.dedup.connected import Checkpoint, components
from curate.dedup.verify import Figures, Verification, by_estimate, by_jaccard

__all__ = [
    "Checkpoint",
    "Clusters",
    "Figures",
    "Verification",
    "by_estimate",
    "by_jaccard",
    "clusters",
    "components",
]
