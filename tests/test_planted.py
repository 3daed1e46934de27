"""A smaller run of tests/benchmarks/planted.py: pairs of known similarity are found as often as the formula says."""

from pathlib import Path

import pytest

from filters.bands import found_share
from tests.benchmarks import planted

pytestmark = pytest.mark.shared
LABELS = ("eng_Latn", "hin_Deva", "tha_Thai", "kor_Hang")


@pytest.mark.parametrize("wanted", [0.6, 0.7, 0.8, 0.9])
def test_as_many_pairs_are_found_as_the_formula_says(shared: Path, wanted: float) -> None:
    tallies = [planted.tally(shared, label, wanted, 60) for label in LABELS]
    total = sum(tallies, planted.Tally())
    assert total.pairs >= 200 and abs(total.errors) <= planted.ERRORS
    assert abs(total.expected / total.pairs - found_share(wanted, 14, 8)) < 0.05
    assert wanted == 0.9 or 0 < total.found < total.pairs, "vacuous"


def test_planted_pairs_have_the_wanted_similarity(shared: Path) -> None:
    """Against sets of n-grams in plain Python, folded as the definition says."""
    originals, copies, similarities = planted.pairs(shared, "hin_Deva", 0.8, 10)
    for original, copy, similarity in zip(originals, copies, similarities, strict=True):
        one, other = (_grams(text) for text in (original, copy))
        assert abs(len(one & other) / len(one | other) - similarity) < 1e-9
        assert abs(similarity - 0.8) <= planted.WITHIN


def _grams(text: str) -> set[tuple[str, ...]]:
    from tests.filters.test_minhash import reference_units

    units = reference_units(text, by_character=False)
    return {tuple(units[i : i + 5]) for i in range(len(units) - 4)}
