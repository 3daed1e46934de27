"""The choice of bands and rows, and what they find."""

import numpy as np
import pytest

from filters.bands import CURVE, choose, found_share


def test_fineweb_2s_curve() -> None:
    """P(match) with its 14 buckets of 8 (it is cited as 0.57, 0.77, 0.92)."""
    assert [round(found_share(s, 14, 8), 2) for s in (0.7, 0.75, 0.8)] == [0.56, 0.77, 0.92]
    assert CURVE[0] == 0.5 and CURVE[-1] == 0.95


@pytest.mark.parametrize("similarity", [0.6, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("budget", [0.3, 0.1, 0.02])
def test_the_choice_keeps_to_the_budget(similarity: float, budget: float) -> None:
    bands, rows = choose(similarity, budget)
    above = np.linspace(similarity, 1, 2001)
    assert bands * rows <= 112
    assert np.mean([1 - found_share(s, bands, rows) for s in above]) <= budget + 1e-3


def test_a_looser_budget_asks_for_fewer_unwanted_pairs() -> None:
    assert choose(0.7, 0.1) == (14, 8)  # FineWeb-2's own choice
    unwanted = [found_share(0.4, *choose(0.7, budget)) for budget in (0.02, 0.05, 0.1, 0.3)]
    assert unwanted == sorted(unwanted, reverse=True) and len(set(unwanted)) == 4


def test_a_budget_that_nothing_keeps_to() -> None:
    with pytest.raises(ValueError, match="no bands of 112 permutations miss so few pairs"):
        choose(0.7, 1e-9)
