"""Bands and rows of the band join: what they find, and the choice of them for a wanted similarity."""

from functools import cache

from filters.columns import PERMUTATIONS

CURVE = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
_WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def found_share(similarity: float, bands: int, rows: int) -> float:
    """The probability that two documents this similar share a band: 1 - (1 - s^rows)^bands."""
    return float(1 - (1 - similarity**rows) ** bands)


@cache
def choose(similarity: float, false_negatives: float, permutations: int = PERMUTATIONS) -> tuple[int, int]:
    """(bands, rows) of datasketch's optimum that misses at most `false_negatives` of the pairs at `similarity` or above.

    datasketch weighs missed pairs against unwanted ones; the smallest weight of missed pairs that keeps to the budget
    is taken, so that no more unwanted pairs come than it asks for. Every similarity from the wanted one to 1 counts the
    same. Raises ValueError where no choice keeps to it.
    """
    from datasketch.lsh import _false_negative_probability, _optimal_param  # loads SciPy

    for weight in _WEIGHTS:
        bands, rows = _optimal_param(similarity, permutations, 1 - weight, weight)
        if _false_negative_probability(similarity, bands, rows) <= false_negatives * (1 - similarity):
            return bands, rows
    raise ValueError(
        f"no bands of {permutations} permutations miss so few pairs at similarity {similarity:g}; allow more"
    )
