"""The best path through languages: what each unit says for itself, against the cost of changing from one to another."""

import numpy as np

from filters.hashing import kernel


@kernel
def _forward(evidence, cost, back, best, previous):  # type: ignore[no-untyped-def]
    """Fill `back` (units, languages): the language of the unit before; the language of the last unit."""
    units, languages = evidence.shape
    for k in range(languages):
        best[k] = evidence[0, k]
    for unit in range(1, units):
        top = 0
        for k in range(1, languages):
            if best[k] > best[top]:
                top = k
        jump = best[top] - cost
        for k in range(languages):
            previous[k] = best[k]
        for k in range(languages):
            changes = jump > previous[k]
            back[unit, k] = top if changes else k
            best[k] = (jump if changes else previous[k]) + evidence[unit, k]
    last = 0
    for k in range(1, languages):
        if best[k] > best[last]:
            last = k
    return last


@kernel
def _backward(back, last, path):  # type: ignore[no-untyped-def]
    for unit in range(len(path) - 1, -1, -1):
        path[unit] = last
        last = back[unit, last]


def best_path(evidence: np.ndarray, cost: float) -> np.ndarray:
    """The language of each unit, int64 (units,), by Viterbi's algorithm.

    evidence: log-likelihoods, float64 (units, languages), at least one language. cost: log-likelihood that a change of
    language takes away.
    """
    units, languages = evidence.shape
    path = np.zeros(units, np.int64)
    if units and languages > 1:
        back = np.zeros((units, languages), np.int64)
        last = _forward(evidence, cost, back, np.empty(languages), np.empty(languages))
        _backward(back, last, path)
    return path
