"""Lengths of translations: which ratios to the source are usual for a pair of languages.

What has to be kept to learn that is a histogram a pair, so a job that counts in parts adds the parts up:
`LengthCounts` is a table (source, target, bin, translations), and two of them merge by a sum.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from filters.columns import label
from filters.labels import canonical
from translate.mask import PLACEHOLDER

Pair = tuple[str, str]  # labels of the source's and the target's language, in any spelling of filters.labels

SMOOTHING = 10  # characters added to both sides, so that "Yes" and its translation do not count as much as a paragraph
BINS_PER_DOUBLING = 20
_FARTHEST = 10 * BINS_PER_DOUBLING  # bins on either side of 1: a thousandfold
ENOUGH = 300  # pairs of texts from which percentiles are taken
TAILS = (1.0, 99.0)  # percentiles
# Limits lie this many times as far from the median as the percentiles: these stay what they are when a little bad data is
# in the sample, while 0.1 % and 99.9 % would be a handful of texts
STRETCH = 1.6
# Until then: the letters that say as much as 100 in an alphabet do, and threefold either way
_DENSITY = {"Hani": 0.33, "Jpan": 0.45, "Hang": 0.5, "Tibt": 1.1}
_WIDE = math.log2(3)


def log_ratio(source: str, answer: str) -> float:
    """log2 of the characters of the answer over those of the source, placeholders as one, both smoothed."""
    return math.log2((_length(answer) + SMOOTHING) / (_length(source) + SMOOTHING))


def _length(text: str) -> int:
    return len(PLACEHOLDER.sub("0", text)) if "<" in text or "＜" in text else len(text)


class Count(NamedTuple):
    """How many translations of a pair have a ratio in this bin: a row to group by the first three and sum."""

    source_language: str
    target_language: str
    bin: int
    translations: int


@dataclass(slots=True)
class LengthCounts:
    """Ratios of accepted translations by pair."""

    bins: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    @classmethod
    def merged(cls, rows: Iterable[Count]) -> "LengthCounts":
        """Of any number of parts' rows, in any order."""
        counts = cls()
        for source, target, place, translations in rows:
            counts.bins[source, target, place] += translations
        return counts

    def add(self, pair: Pair, sources: Sequence[str], answers: Sequence[str]) -> None:
        """Count translations, a source and an answer each."""
        for source, answer in zip(sources, answers, strict=True):
            place = round(log_ratio(source, answer) * BINS_PER_DOUBLING)
            self.bins[(*_named(pair), max(-_FARTHEST, min(_FARTHEST, place)))] += 1

    def rows(self) -> Iterator[Count]:
        """All of it, to be stored."""
        for key, count in sorted(self.bins.items()):
            yield Count(*key, count)


@dataclass(frozen=True, slots=True)
class Limits:
    """log2 ratios: the usual one and the farthest. `sample`: translations they were learned from, 0: none were."""

    low: float
    median: float
    high: float
    sample: int = 0

    def distance(self, ratio: float) -> float:
        """0 at the median, 1 at a limit, negative below the median."""
        side = self.high - self.median if ratio >= self.median else self.median - self.low
        return (ratio - self.median) / side


@dataclass(frozen=True, slots=True)
class LengthLimits:
    """Limits by pair; pairs without `ENOUGH` translations have wide ones."""

    learned: Mapping[Pair, Limits] = field(default_factory=dict)

    @classmethod
    def fit(cls, counts: LengthCounts) -> "LengthLimits":
        """From accepted translations; human ones, or ones that passed the other checks."""
        by_pair: dict[Pair, list[tuple[int, int]]] = {}
        for (source, target, place), count in sorted(counts.bins.items()):
            by_pair.setdefault((source, target), []).append((place, count))
        fitted = {pair: _limits(*map(np.array, zip(*bins, strict=True))) for pair, bins in by_pair.items()}
        return cls({pair: limits for pair, limits in fitted.items() if limits.sample >= ENOUGH})

    def of(self, pair: Pair) -> Limits:
        """Those of one pair."""
        return self.learned.get(_named(pair)) or _default(pair)


def _named(pair: Pair) -> Pair:
    source, target = (label(*canonical(language)) for language in pair)
    return source, target


def _limits(places: np.ndarray, counts: np.ndarray) -> Limits:
    below = np.cumsum(counts)
    low, median, high = (
        float(places[np.searchsorted(below, below[-1] * share / 100)]) / BINS_PER_DOUBLING
        for share in (TAILS[0], 50, TAILS[1])
    )
    least = 2 / BINS_PER_DOUBLING
    low, high = median - STRETCH * max(median - low, least), median + STRETCH * max(high - median, least)
    return Limits(low, median, high, int(below[-1]))


def _default(pair: Pair) -> Limits:
    source, target = (_DENSITY.get(canonical(language)[1], 1.0) for language in pair)
    median = math.log2(target / source)
    return Limits(median - _WIDE, median, median + _WIDE)
