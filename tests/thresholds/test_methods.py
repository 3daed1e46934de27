"""The four methods are plain formulas of numpy, and their intervals are what resampling says."""

import numpy as np
import pytest

from thresholds.methods import (
    METHODS,
    REPLICATES,
    Anchor,
    Bootstrapped,
    bounded_score_cut,
    language_score_cut,
    removed_share,
)
from thresholds.summary import METRIC_INDEX, Moments, summarise


def repetition(random: np.random.Generator, size: int, scale: float = 1.0) -> np.ndarray:
    """A ratio that is 0 in half the documents."""
    return np.where(random.random(size) < 0.5, 0.0, scale * random.beta(1.5, 8, size))


def lengths(random: np.random.Generator, size: int, scale: float = 1.0) -> np.ndarray:
    return scale * (2 + random.lognormal(1.0, 0.3, size))


def shares(random: np.random.Generator, size: int, scale: float = 1.0) -> np.ndarray:
    """Near 1, as the share of alphabetic words is."""
    return 1 - 0.3 * scale * random.beta(2, 5, size)


def rounded(random: np.random.Generator, size: int, scale: float = 1.0) -> np.ndarray:
    """Few distinct values: many ties."""
    return np.round(scale * random.random(size), 1)


SHAPES = (repetition, lengths, shares, rounded)
# A cutoff in English of each shape, by operator
CUTOFFS = {
    (repetition, ">"): 0.25,
    (repetition, "<"): 0.05,
    (lengths, ">"): 6.0,
    (lengths, "<"): 4.0,
    (shares, "<"): 0.85,
    (shares, ">"): 0.97,
    (rounded, ">"): 0.8,
    (rounded, "<"): 0.2,
}
CASES = [(method, *case) for method in METHODS for case in CUTOFFS]


def defined(method: str, shape, operator: str) -> bool:
    """The ratio of medians is not, where English's is 0."""
    return not (method == "median_ratio" and shape is repetition)


def population(values: np.ndarray, seed: int = 0) -> Bootstrapped:
    table = np.full((len(values), len(METRIC_INDEX)), np.nan)
    table[:, METRIC_INDEX["words"]] = values
    numbers = np.arange(len(values))
    (summary,) = summarise(["a"] * len(values), numbers, numbers, table)
    return Bootstrapped(summary.of("words"), summary.moments["words"], seed, values)


def by_numpy(method: str, language: np.ndarray, english: np.ndarray, operator: str, cutoff: float) -> float:
    """The formulas of FineWeb-2's prose, written without looking at ours."""
    low = operator.startswith("<")
    if method == "tail":
        return float(np.percentile(language, 10 if low else 90))
    if method == "mean_std":
        deviations = (cutoff - np.mean(english)) / np.std(english)
        return float(np.mean(language) + deviations * np.std(language))
    if method == "median_ratio":
        return float(cutoff / np.median(english) * np.median(language))
    if method == "quantile":
        dropped = np.mean({"<": english < cutoff, ">": english > cutoff}[operator])
        return float(np.quantile(language, dropped if low else 1 - dropped))
    raise AssertionError(f"a method without a formula here: {method}")


@pytest.mark.parametrize(("method", "shape", "operator"), [case for case in CASES if defined(*case)])
@pytest.mark.parametrize("seed", range(4))
def test_each_method_is_the_plain_formula(method: str, shape, operator: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    english, language = shape(random, 801 + seed), shape(random, 350 + 37 * seed, 0.7)
    cutoff = CUTOFFS[shape, operator]
    found = METHODS[method](population(language), Anchor(operator, cutoff, population(english, 1)))
    assert found.shape == (1 + REPLICATES,)
    assert found[0] == pytest.approx(by_numpy(method, language, english, operator, cutoff), rel=2e-5, abs=2e-5)
    assert 0 < removed_share(np.sort(english), operator, cutoff) < 0.9, "vacuous: the cutoff drops nothing or all"


@pytest.mark.parametrize("seed", range(5))
def test_methods_agree_on_arbitrary_numbers(seed: int) -> None:
    random = np.random.default_rng(seed)
    english, language = random.gamma(2, 3, 300), random.gamma(3, 2, 200)
    for method in METHODS:
        for operator in ("<", ">"):
            cutoff = float(random.choice(english))
            found = METHODS[method](population(language), Anchor(operator, cutoff, population(english)))
            assert found[0] == pytest.approx(by_numpy(method, language, english, operator, cutoff), rel=1e-4)


@pytest.mark.parametrize(("shape", "operator"), CUTOFFS)
def test_english_gets_its_own_cutoff_back(shape, operator: str) -> None:
    english = shape(np.random.default_rng(7), 2000)
    cutoff = CUTOFFS[shape, operator]
    anchor = Anchor(operator, cutoff, population(english, 1))
    assert METHODS["mean_std"](population(english), anchor)[0] == pytest.approx(cutoff)
    if np.median(english) > 0:
        assert METHODS["median_ratio"](population(english), anchor)[0] == pytest.approx(cutoff)
    again = METHODS["quantile"](population(english), anchor)[0]
    values = np.sort(english)
    assert removed_share(values, operator, again) == removed_share(values, operator, cutoff), "up to ties"


def test_median_ratio_is_undefined_where_english_has_median_0() -> None:
    random = np.random.default_rng(1)
    english = np.concatenate([np.zeros(600), random.random(300)])
    found = METHODS["median_ratio"](population(random.random(100)), Anchor(">", 0.5, population(english)))
    assert not np.isfinite(found[0]) and not np.isfinite(found).any()


def test_removed_share_counts_what_the_rule_drops() -> None:
    values = np.array([0.0, 0.0, 1.0, 2.0, 2.0])
    found = {operator: removed_share(values, operator, 2.0) for operator in ("<", "<=", ">", ">=")}
    assert found == {"<": 0.6, "<=": 1.0, ">": 0.0, ">=": pytest.approx(0.4)}
    assert removed_share(values, ">", 0.0) == pytest.approx(0.6)


STATISTICS = {
    "mean": (lambda p: p.mean, np.mean),
    "std": (lambda p: p.std, np.std),
    "median": (lambda p: p.median, np.median),
    "0.1": (lambda p: p.quantile(0.1), lambda values: np.quantile(values, 0.1)),
    "0.9": (lambda p: p.quantile(0.9), lambda values: np.quantile(values, 0.9)),
}


@pytest.mark.parametrize("shape", [lengths, shares, lambda random, size: random.beta(1.5, 8, size)])
@pytest.mark.parametrize("size", [30, 400, 5000])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_replicates_spread_as_a_real_bootstrap(shape, size: int, statistic: str) -> None:
    random = np.random.default_rng(size)
    values = shape(random, size)
    ours, plain = STATISTICS[statistic]
    # several seeds, since 200 replicates know a spread to 5 %; the mean and std have one resampling for all of them
    found = np.concatenate([ours(population(values, seed))[1:] for seed in range(5)])
    resampled = np.array([plain(random.choice(values, size)) for _ in range(1000)])
    assert found.std() == pytest.approx(resampled.std(), rel=0.2)
    assert found.mean() == pytest.approx(resampled.mean(), abs=0.2 * resampled.std())
    assert ours(population(values))[0] == pytest.approx(plain(values), rel=1e-4)


def test_replicates_of_many_zeros_are_a_real_bootstraps_too() -> None:
    """The median lies at the edge of the zeros, where a normal interval would be wrong."""
    random = np.random.default_rng(3)
    values = np.where(random.random(500) < 0.48, 0.0, random.random(500))
    found = np.concatenate([population(values, seed).median[1:] for seed in range(5)])
    resampled = np.array([np.median(random.choice(values, 500)) for _ in range(1000)])
    assert (found == 0).mean() == pytest.approx((resampled == 0).mean(), abs=0.05)
    assert np.quantile(found, 0.975) == pytest.approx(np.quantile(resampled, 0.975), abs=0.02)
    assert 0.01 < (resampled == 0).mean() < 0.99, "vacuous"


@pytest.mark.parametrize(
    ("method", "shape", "operator"),
    [case for case in CASES if defined(*case) and case[1:] in ((lengths, ">"), (shares, "<"), (repetition, ">"))],
)
def test_the_populations_cutoff_is_in_the_samples_interval(method: str, shape, operator: str) -> None:
    random = np.random.default_rng(11)
    english, language = shape(random, 100_000), shape(random, 100_000, 0.8)
    cutoff = CUTOFFS[shape, operator]
    true = by_numpy(method, language, english, operator, cutoff)
    inside = 0
    for seed in range(200):
        samples = random.choice(language, 400), random.choice(english, 600)
        anchor = Anchor(operator, cutoff, population(samples[1], 1000 + seed))
        low, high = np.quantile(METHODS[method](population(samples[0], seed), anchor)[1:], [0.025, 0.975])
        inside += low <= true <= high
    assert 0.88 * 200 <= inside <= 0.995 * 200, inside


@pytest.mark.parametrize("operator", ["<", ">"])
def test_intervals_reach_beyond_the_samples_extremes(operator: str) -> None:
    """A rule that removes nothing in English puts the cutoff at the language's own extreme, which no two samples share:
    a plain bootstrap, which has nothing beyond it, holds the population's extreme quantile in 50 to 60 % of samples."""
    random = np.random.default_rng(11)
    language, english = lengths(random, 100_000), lengths(random, 100_000)
    cutoff = float(np.quantile(english, 0.004 if operator == "<" else 0.996))
    true = by_numpy("quantile", language, english, operator, cutoff)
    inside = beyond = 0
    for seed in range(200):
        sample, anchor = random.choice(language, 200), random.choice(english, 200)
        found = METHODS["quantile"](population(sample, seed), Anchor(operator, cutoff, population(anchor, 1000 + seed)))
        low, high = np.quantile(found[1:], [0.025, 0.975])
        inside += low <= true <= high
        beyond += low < sample.min() or high > sample.max()
    assert inside >= 0.88 * 200 and beyond > 50, (inside, beyond)


def test_no_tail_is_made_up_where_the_values_have_none() -> None:
    values = np.concatenate([np.zeros(50), np.random.default_rng(1).random(50) * 0.1 + 0.4, np.ones(50)])
    assert (population(values).quantile(0.0) == 0).all() and (population(values).quantile(1.0) == 1).all()


def test_the_moments_of_all_documents_move_the_samples() -> None:
    random = np.random.default_rng(5)
    values = lengths(random, 100)
    all_ = np.concatenate([values, values + 1.0])
    units = [round(value * 2**20) for value in all_.tolist()]
    moments = Moments(len(units), sum(units), sum(unit * unit for unit in units))
    found = Bootstrapped(np.sort(values), moments, 0, values)
    assert found.mean[0] == pytest.approx(all_.mean(), abs=1e-5)
    assert found.std[0] == pytest.approx(all_.std(), abs=1e-5)
    assert found.mean[1:].mean() == pytest.approx(all_.mean(), abs=found.mean[1:].std())


def test_the_same_seed_gives_the_same_replicates() -> None:
    values = lengths(np.random.default_rng(1), 300)
    for statistic in (lambda p: p.quantile(0.1), lambda p: p.removed(">", 5.0), lambda p: p.std):
        np.testing.assert_array_equal(statistic(population(values, 3)), statistic(population(values, 3)))
    assert not np.array_equal(population(values, 3).median, population(values, 4).median)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_handful_of_documents_is_no_error(size: int) -> None:
    values = population(np.arange(1.0, size + 1))
    for p in (0.0, 0.1, 0.5, 1.0):
        found = values.quantile(p)
        assert found[0] == np.quantile(np.arange(1.0, size + 1), p)
        assert np.isfinite(found).all() and np.abs(found - found[0]).max() < 20 * size
    assert np.isfinite(values.mean).all() and np.isfinite(values.std).all()


def test_the_language_cut_is_bounded() -> None:
    assert language_score_cut(np.full(9, 0.99)) == 0.9
    assert language_score_cut(np.array([0.1, 0.2, 0.3])) == 0.3
    scores = np.random.default_rng(1).beta(8, 3, 1000)
    expected = max(0.3, min(0.9, np.median(scores) - np.std(scores)))
    assert 0.3 < expected < 0.9
    assert 0 <= expected - language_score_cut(scores) < 0.001, "to 3 decimals, never above"
    assert bounded_score_cut(0.8, 0.1) == 0.7
