"""Summaries are exact, deterministic, and the same however the documents were cut and in whatever order they came."""

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thresholds.rule import KNOWN_METRICS
from thresholds.summary import (
    FRACTION_BITS,
    METRIC_INDEX,
    SUMMARY,
    Moments,
    Summary,
    from_table,
    merge,
    summarise,
    to_table,
)

UNIT = 2**FRACTION_BITS
LARGEST = 2.0**28 - 1  # what a moment takes of larger values
EDGES = [0.0, 5e-324, 2.0**-21, 2.0**-20, 1 / 3, 1.0, 50.0, 1e5, 2.0**24 + 0.5, LARGEST, 2.0**28, 1e300, math.inf, None]


def rows(count: int, seed: int, languages: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(label, hash, key, values): skewed values, a tenth of them null; some hashes twice."""
    random = np.random.default_rng(seed)
    values = random.lognormal(0, 3, (count, len(KNOWN_METRICS)))
    values[random.random(values.shape) < 0.1] = np.nan
    label = np.array([f"l{n:02}_Latn" for n in random.integers(0, languages, count)], dtype=object)
    return label, random.integers(-count, count, count), np.arange(count), values


def one_metric(values: list[float | None]) -> Summary:
    """The summary of documents that have `words` alone."""
    column = np.full((len(values), len(KNOWN_METRICS)), np.nan)
    column[:, METRIC_INDEX["words"]] = [np.nan if value is None else value for value in values]
    numbers = np.arange(len(values))
    return summarise(["a"] * len(values), numbers, numbers, column)[0]


def exact(values: list[float | None]) -> Moments:
    """The moments by Python's own integers and fractions."""
    units = [round(Fraction(min(value, LARGEST)) * UNIT) for value in values if value is not None]
    return Moments(len(units), sum(units), sum(unit * unit for unit in units))


def assert_same(one: Summary, other: Summary) -> None:
    assert (one.label, one.documents) == (other.label, other.documents)
    assert dict(one.moments) == dict(other.moments)
    for name in ("hash", "key", "values"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))  # NaN equals NaN here


@given(st.lists(st.sampled_from(EDGES) | st.floats(0, 1e9), min_size=1, max_size=60))
@settings(max_examples=200, deadline=None)
def test_moments_are_those_of_python_integers(values: list[float | None]) -> None:
    found = one_metric(values)
    assert found.documents == len(values)
    assert found.moments["words"] == exact(values)
    assert found.moments["lines"] == Moments(0, 0, 0), "nulls were counted"


def test_many_of_the_largest_values_do_not_overflow() -> None:
    values = [LARGEST + 1, LARGEST, LARGEST - 2.0**-20] * 15_000
    assert one_metric(values).moments["words"] == exact(values)


@pytest.mark.parametrize("seed", range(5))
def test_mean_and_std_are_numpys(seed: int) -> None:
    random = np.random.default_rng(seed)
    for values in (random.random(5000), random.lognormal(6, 1, 5000), 1e6 + random.random(5000), np.full(9, 0.3)):
        moments = one_metric(values.tolist()).moments["words"]
        assert moments.mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-6)
        assert moments.std == pytest.approx(values.std(), abs=1e-5)


def test_nothing_has_no_mean() -> None:
    assert math.isnan(Moments().mean) and math.isnan(Moments().std)
    assert one_metric([None, None]).of("words").tolist() == []


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 120),
    cuts=st.lists(st.integers(0, 120), max_size=6),
    size=st.integers(1, 40),
)
@settings(max_examples=150, deadline=None)
def test_any_cut_and_any_order_merge_to_the_same(seed: int, count: int, cuts: list[int], size: int) -> None:
    label, hash_, key, values = rows(count, seed)
    whole = {summary.label: summary for summary in summarise(label, hash_, key, values, size=size)}
    random = np.random.default_rng(seed)
    order = random.permutation(count)
    parts: dict[str, list[Summary]] = {}
    for piece in np.split(order, sorted(min(cut, count) for cut in cuts)):
        for summary in summarise(label[piece], hash_[piece], key[piece], values[piece], size=size):
            parts.setdefault(summary.label, []).append(summary)
    assert set(parts) == set(whole)
    for name, found in parts.items():
        random.shuffle(found)
        together = merge(found, size=size)
        assert_same(together, whole[name])
        # and in two steps, as snapshots come
        assert_same(merge([merge(found[:1], size=size), *found[1:]], size=size), whole[name])


def test_the_sample_is_the_smallest_hashes_and_moments_are_of_all() -> None:
    label, hash_, key, values = rows(5000, 3, languages=1)
    (found,) = summarise(label, hash_, key, values, size=700)
    chosen = sorted(zip(hash_.tolist(), key.tolist(), strict=True))[:700]
    assert list(zip(found.hash.tolist(), found.key.tolist(), strict=True)) == chosen
    np.testing.assert_array_equal(found.values, values[found.key])
    column = values[:, METRIC_INDEX["bytes"]]
    assert found.documents == 5000 and found.moments["bytes"].count == (~np.isnan(column)).sum() > 700
    assert found.moments["bytes"].mean == pytest.approx(np.nanmean(column))


def test_values_of_a_metric_are_sorted_and_without_nulls() -> None:
    label, hash_, key, values = rows(300, 4, languages=1)
    (found,) = summarise(label, hash_, key, values)
    for name, column in METRIC_INDEX.items():
        expected = values[:, column]
        assert 0 < np.isnan(expected).sum() < 300
        np.testing.assert_array_equal(found.of(name), np.sort(expected[~np.isnan(expected)]))


@pytest.mark.parametrize("count", [1, 400])
def test_summaries_survive_storage(count: int) -> None:
    summaries = summarise(*rows(count, 5), size=100)
    huge = one_metric([LARGEST] * 40_000)  # its sum of squares outgrows 64 bits
    assert huge.moments["words"].squares > 2**64
    table = to_table([*summaries, huge])
    assert table.schema.equals(SUMMARY)
    for before, after in zip([*summaries, huge], from_table(table), strict=True):
        assert_same(before, after)
    for number, before in enumerate(summaries):  # a slice is read as a slice
        assert_same(before, from_table(table.slice(number, 1))[0])


def test_no_summaries_are_an_empty_table() -> None:
    assert to_table([]).num_rows == 0 and from_table(SUMMARY.empty_table()) == []
    assert pa.Table.from_batches([], SUMMARY).equals(to_table([]))
