"""The clean and junk text that thresholds are judged on: reproducible, its halves apart, each language its own."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from filters.scripts import script
from filters.segment import WORD_LIKE, segment
from tests.benchmarks import junk as junk_module
from tests.benchmarks.clean import SPLITS, Clean, clean, halves
from tests.benchmarks.junk import KINDS, Junk, junk

pytestmark = pytest.mark.shared
LANGUAGES = ("ell_Grek", "hau_Latn", "jpn_Jpan", "tha_Thai", "bod_Tibt")
PER_LANGUAGE = 72


@pytest.fixture(scope="module")
def every(shared: Path) -> list[Clean]:
    return clean(shared)


@pytest.fixture(scope="module")
def documents(every: list[Clean]) -> list[Clean]:
    return [each for each in every if each.label in LANGUAGES]


@pytest.fixture(scope="module")
def made(shared: Path, documents: list[Clean]) -> list[Junk]:
    return junk(shared, documents, per_language=PER_LANGUAGE)


def _word_counts(texts: list[str]) -> np.ndarray:
    segments = segment(pa.array(texts, pa.string()))
    return np.add.reduceat((segments.tokens["flags"] & WORD_LIKE) > 0, segments.first[:-1], dtype=np.int64)


def test_groups_are_halved_by_turns_and_within_their_prefix() -> None:
    split = halves([f"{prefix}:{number}" for prefix in "ab" for number in range(40)])
    counts = Counter((group[0], side) for group, side in split.items())
    assert counts == {(prefix, side): 20 for prefix in "ab" for side in SPLITS}


def test_clean_text_is_in_one_half_once(every: list[Clean]) -> None:
    assert len({each.text for each in every}) == len(every) > 20_000
    by_label = Counter((each.label, each.split) for each in every)
    labels = {label for label, _ in by_label}
    assert len(labels) > 110
    assert all(abs(by_label[label, "calibrate"] - by_label[label, "test"]) <= 12 for label in labels)


def test_translations_share_a_half(every: list[Clean]) -> None:
    """NTREX has the same documents in every language: as many of them in each half, for all."""
    counts = Counter((each.split, each.label) for each in every if each.source == "ntrex")
    found = {split: {count for (half, _), count in counts.items() if half == split} for split in SPLITS}
    assert found == {"calibrate": {37}, "test": {36}}


def test_same_arguments_same_junk(shared: Path, documents: list[Clean], made: list[Junk]) -> None:
    alone = junk(shared, [each for each in documents if each.label == "hau_Latn"], per_language=PER_LANGUAGE)
    assert alone == [each for each in made if each.label == "hau_Latn"]
    other = junk(shared, [each for each in documents if each.label == "hau_Latn"], per_language=PER_LANGUAGE, seed=2)
    assert not {each.text for each in alone} & {each.text for each in other}


def test_every_language_has_every_kind_in_both_halves(made: list[Junk]) -> None:
    counts = Counter((each.label, each.split, each.kind) for each in made)
    assert {label for label, _, _ in counts} == set(LANGUAGES)
    assert Counter(each.label for each in made) == dict.fromkeys(LANGUAGES, PER_LANGUAGE)
    for label in LANGUAGES:
        for split in SPLITS:
            shares = [counts[label, split, kind] for kind in KINDS if kind != "natural"]
            assert min(shares) >= 3 and max(shares) - min(shares) <= 1
    assert counts["jpn_Jpan", "test", "natural"] == PER_LANGUAGE // 2 // len(KINDS)


def test_words_come_from_clean_text_of_the_same_half(documents: list[Clean], made: list[Junk]) -> None:
    text = {split: "\n".join(each.text for each in documents if each.split == split) for split in SPLITS}
    other = dict(zip(SPLITS, reversed(SPLITS), strict=True))
    truncated = [each for each in made if each.kind == "truncated"]
    lines = [(each.split, line.strip("…. []»•*-")) for each in truncated for line in each.text.split("\n")]
    long = [(split, line) for split, line in lines if len(line) > 25]
    assert len(long) > 300
    assert np.mean([line in text[split] for split, line in long]) > 0.95
    assert np.mean([line in text[other[split]] for split, line in long]) < 0.01


def test_page_structures_are_in_one_half(shared: Path, made: list[Junk]) -> None:
    pages = junk_module._pages(shared)
    blocks = {split: {page.blocks for page in pages if page.split == split} for split in SPLITS}
    assert min(map(len, blocks.values())) > 250
    assert not blocks["calibrate"] & blocks["test"]
    texts = {split: {each.text for each in made if each.split == split} for split in SPLITS}
    assert not texts["calibrate"] & texts["test"]


def test_junk_is_in_the_script_of_its_language(made: list[Junk]) -> None:
    written = script(pa.array([each.text for each in made], pa.string())).to_pylist()
    own = [each.label.endswith(found) for each, found in zip(made, written, strict=True) if each.kind != "natural"]
    assert np.mean(own) > 0.97


def test_length_alone_does_not_tell_junk(made: list[Junk]) -> None:
    words = _word_counts([each.text for each in made])
    assert np.mean(words >= 60) > 0.85
    assert np.mean(words < 60) > 0.01
    assert 200 < np.median(words) < 600
    assert np.mean(words <= 2500) > 0.97
