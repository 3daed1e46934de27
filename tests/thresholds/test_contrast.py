"""Contrast keeps its budget, spends it where the crawl differs, and says where each cutoff is from."""

import numpy as np
import pytest

from thresholds import contrast
from thresholds.calibrate import CONTRAST, calibrate, removed_together
from thresholds.derive import CalibrationError, Evidence
from thresholds.rule import KNOWN_METRICS
from thresholds.summary import METRIC_INDEX, Summary, summarise
from thresholds.table import CutoffTable

LANGUAGES = ("eng_Latn", "hin_Deva", "tha_Thai", "arb_Arab", "yor_Latn", "sat_Olck")


def documents(rng: np.random.Generator, count: int, *, junk: bool, level: float) -> np.ndarray:
    """Metrics of made-up documents: junk repeats itself and lacks full stops; all other metrics are alike."""
    values = rng.gamma(2.0, 0.02, (count, len(KNOWN_METRICS)))
    put = {
        "language_score": rng.uniform(0.98, 1, count),
        "non_symbol_words": rng.integers(60, 900, count),
        "mean_word_length": rng.normal(4 + level, 0.3, count),
        "hash_word_ratio": np.zeros(count),
        "ellipsis_word_ratio": np.zeros(count),
        "duplicate_nonblank_line_character_ratio": np.zeros(count),
        "terminal_punctuation_line_ratio": rng.beta(2, 8, count) if junk else rng.beta(8, 2, count),
        "top_2gram_character_ratio": rng.beta(6, 20, count) if junk else rng.beta(1, 30, count),
    }
    for name, column in put.items():
        values[:, METRIC_INDEX[name]] = column
    return values


def summary(label: str, values: np.ndarray) -> Summary:
    numbers = np.arange(len(values))
    return summarise([label] * len(values), numbers, numbers, values)[0]


def evidence(seed: int, sizes: dict[str, int]) -> Evidence:
    rng = np.random.default_rng(seed)
    crawl, reference = {}, {}
    for level, (label, size) in enumerate(sizes.items()):
        clean = documents(rng, 400, junk=False, level=level)
        crawl[label] = summary(label, np.concatenate([clean, documents(rng, 400, junk=True, level=level)]))
        if size:
            reference[label] = summary(label, documents(rng, size, junk=False, level=level))
    return Evidence(crawl, reference, "crawl", "wikipedia")


SIZES = dict(zip(LANGUAGES, (300, 300, 40, 40, 12, 0), strict=True))


def test_unseen_documents_cost_about_the_budget_and_junk_goes() -> None:
    table = calibrate(evidence(1, SIZES), methods=CONTRAST, budget=0.05)
    rng = np.random.default_rng(2)
    for level, label in enumerate(LANGUAGES[:4]):
        unseen = summary(label, documents(rng, 2000, junk=False, level=level))
        junk = summary(label, documents(rng, 2000, junk=True, level=level))
        # more than the budget: of many steps those are taken that look cheap on the documents at hand
        most = 0.12 if SIZES[label] > 100 else 0.25
        assert removed_together(table.of(label), unseen) <= most, label
        assert removed_together(table.of(label), junk) > 0.85, label


def test_a_larger_budget_removes_more_and_costs_more() -> None:
    known, removed, lost = evidence(1, SIZES), [], []
    for budget in (0.005, 0.05, 0.3):
        entry = contrast.derive(known, budget=budget).of("hin_Deva")
        removed.append(removed_together(entry, known.crawl["hin_Deva"]))
        lost.append(removed_together(entry, known.reference["hin_Deva"]))
    assert removed == sorted(removed) and lost == sorted(lost) and lost[0] < lost[2] <= 0.33


def test_levels_go_to_the_metrics_that_tell_crawl_from_reference() -> None:
    rules = contrast.derive(evidence(1, SIZES)).of("hin_Deva").rules
    chosen = {rule.metric for rule in rules if rule.group == contrast.GROUP}
    assert {"terminal_punctuation_line_ratio", "top_2gram_character_ratio"} & chosen


def test_each_cutoff_says_where_it_is_from_and_survives_toml() -> None:
    table = contrast.derive(evidence(1, SIZES))
    for label in LANGUAGES[:5]:
        rules = [rule for rule in table.of(label).rules if rule.group == contrast.GROUP]
        assert rules, label
        for rule in rules:
            origin = rule.provenance
            assert origin.method.startswith("contrast at ") and origin.reference == "wikipedia"
            assert origin.documents and "own weight" in origin.fallback and origin.removed_crawl is not None
            assert min(origin.interval) >= 0  # a share below nothing is no share
            assert origin.interval[0] <= rule.cutoff + 1e-4 and rule.cutoff - 1e-4 <= origin.interval[1]
    assert CutoffTable.parse(table.dump()).languages == table.languages


def test_a_language_without_a_reference_has_the_fixed_rules_alone() -> None:
    entry = contrast.derive(evidence(1, SIZES)).of("sat_Olck")
    assert entry.rules and {rule.group for rule in entry.rules} == {"language", "fineweb_quality", "gopher_quality"}


def test_one_language_alone_and_the_same_table_every_time() -> None:
    known = evidence(3, {"hin_Deva": 200})
    first, again = (contrast.derive(known).dump() for _ in range(2))
    assert first == again and "contrast at" in first


def test_contrast_is_for_all_rules_or_none() -> None:
    with pytest.raises(CalibrationError, match="give it alone"):
        calibrate(evidence(1, SIZES), methods={"gopher_quality": "contrast"})
    with pytest.raises(CalibrationError, match="unknown method 'mean'"):
        calibrate(evidence(1, SIZES), methods={"all": "mean:crawl"})
