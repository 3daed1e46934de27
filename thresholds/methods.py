"""How a cutoff is derived for a language: the four methods that FineWeb-2 compared (Penedo et al. 2025, arXiv
2506.20920, sections 4.4.2 and A.7.2; the computing code was never published, these are its formulas from the prose).

Each method is one formula over `Bootstrapped` populations. Its result is an array: first the estimate, then what the
estimate was in each bootstrap replicate, so that every cutoff has an interval without a second implementation.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from thresholds.summary import METRIC_INDEX, Moments, Summary

REPLICATES = 200
TAIL = 0.1  # CulturaX's share of the reference, cut by each rule
_TAIL_VALUES = 10
_BLOCKS = 1024  # of the sample, resampled for moments: the sample is in random order, so blocks are as good as rows


class Bootstrapped:
    """One metric of one population: its sampled values, its exact moments, and `REPLICATES` resamples of both.

    Every statistic is an array (1 + REPLICATES,): the estimate, then the replicates. Order statistics of a resample
    follow a Beta law (the k-th of n uniforms), so that replicates of quantiles cost no resampling.
    """

    def __init__(self, values: np.ndarray, moments: Moments, seed: int, shuffled: np.ndarray | None = None) -> None:
        """`values`: sorted, without NaN; `shuffled`: the same in random order, for the moments' replicates."""
        self.values, self.exact, self._shuffled = values, moments, values if shuffled is None else shuffled
        self._seed = seed
        self._moments: tuple[np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def quantile(self, p: float | np.ndarray) -> np.ndarray:
        """Linear between order statistics, as numpy's default. `p`: one for all, or one a replicate."""
        n, values = len(self.values), self.values
        p = np.broadcast_to(np.clip(p, 0.0, 1.0), (1 + REPLICATES,))
        place = (n - 1) * p
        k = np.minimum(np.floor(place).astype(np.int64), n - 1)
        below, above = self._resampled_pairs(k[1:] + 1, self._random(p))
        below = np.concatenate([values[k[:1]], below])
        above = np.concatenate([values[np.minimum(k[:1] + 1, n - 1)], above])
        return below + (place - k) * (above - below)

    def _random(self, question: float | np.ndarray) -> np.random.Generator:
        """The same for the same question, whatever was asked before: no language's interval depends on another's."""
        return np.random.default_rng((self._seed, zlib.crc32(np.asarray(question, np.float64).tobytes())))

    def _resampled_pairs(self, k: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """The k-th smallest of a resample and the next; (2, len(k))."""
        n = len(self.values)
        uniform = random.beta(k, n + 1 - k)
        above = uniform + (1.0 - uniform) * np.where(k < n, random.beta(1.0, np.maximum(n - k, 1)), 0.0)
        return self._at(np.stack([uniform, above]))

    def _at(self, u: np.ndarray) -> np.ndarray:
        """The population's value at u, of which the sample's values share (0, 1) alike. Beyond half of the outermost
        value's part the tail goes on exponentially, as its last `_TAIL_VALUES` suggest: a resample of the values alone
        would have it that nothing can lie beyond the sample's extremes."""
        values, n = self.values, len(self.values)
        m = min(_TAIL_VALUES, n - 1)
        excess = (values[:m].mean() - values[m], values[n - m :].mean() - values[n - 1 - m]) if m else (0.0, 0.0)
        low, high = (np.log(np.minimum(2 * n * np.maximum(part, 1e-300), 1.0)) for part in (u, 1.0 - u))
        return values[np.minimum((u * n).astype(np.int64), n - 1)] - excess[0] * low - excess[1] * high

    def removed(self, operator: str, cutoff: float) -> np.ndarray:
        """Share that `metric operator cutoff` drops; replicates by Jeffreys' prior: none of 100 is no proof of none."""
        n = len(self.values)
        share = removed_share(self.values, operator, cutoff)
        dropped = share * n
        return np.concatenate([[share], self._random(cutoff).beta(dropped + 0.5, n - dropped + 0.5, REPLICATES)])

    @property
    def median(self) -> np.ndarray:
        return self.quantile(0.5)

    @property
    def mean(self) -> np.ndarray:
        return self._both()[0]

    @property
    def std(self) -> np.ndarray:
        return self._both()[1]

    def _both(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and deviations; replicates are moved from the sample's to the exact value."""
        if self._moments is None:
            values, blocks = self._shuffled, min(len(self._shuffled), _BLOCKS)
            edges = np.arange(blocks + 1) * len(values) // blocks
            sums = [np.diff(edges), np.add.reduceat(values, edges[:-1]), np.add.reduceat(values * values, edges[:-1])]
            count, total, squares = (_resamples(blocks) @ np.stack(sums, axis=1)).T
            mean = total / count
            std = np.sqrt(np.maximum(squares / count - mean * mean, 0.0))
            exact_mean, exact_std = self.exact.mean, self.exact.std
            self._moments = (
                np.concatenate([[exact_mean], mean + (exact_mean - self._shuffled.mean())]),
                np.concatenate([[exact_std], std + (exact_std - self._shuffled.std())]),
            )
        return self._moments


@lru_cache(maxsize=4)
def _resamples(blocks: int) -> np.ndarray:
    """How often each block is in each resample, the same for every population; (REPLICATES, blocks).

    Balanced (Davison, Hinkley and Schechtman 1986): over all resamples each block is drawn equally often.
    """
    all_ = np.random.default_rng(blocks).permutation(np.tile(np.arange(blocks), REPLICATES))
    cells = all_ + np.repeat(np.arange(REPLICATES), blocks) * blocks
    return np.bincount(cells, minlength=REPLICATES * blocks).reshape(REPLICATES, blocks).astype(float)


def bootstrapped(summary: Summary, metric: str, *, seed: str = "") -> Bootstrapped:
    """A metric of a language's summary; the same replicates for the same language, metric and `seed`."""
    column = summary.values[:, METRIC_INDEX[metric]]
    number = zlib.crc32(f"{summary.label} {metric} {seed}".encode())
    return Bootstrapped(summary.of(metric), summary.moments[metric], number, column[~np.isnan(column)])


def removed_share(values: np.ndarray, operator: str, cutoff: float) -> float:
    """Share of sorted `values` that `value operator cutoff` drops."""
    side: Literal["left", "right"] = "left" if operator in ("<", ">=") else "right"
    below = np.searchsorted(values, cutoff, side) / len(values)
    return float(below if operator.startswith("<") else 1.0 - below)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A rule in English: what a method carries over to another language."""

    operator: str
    cutoff: float
    english: Bootstrapped


def mean_std(language: Bootstrapped, anchor: Anchor) -> np.ndarray:
    """As many standard deviations from the mean as in English. Not finite where all of English has one value."""
    english = anchor.english
    deviations = np.full(len(english.std), np.nan)
    np.divide(anchor.cutoff - english.mean, english.std, out=deviations, where=english.std > 0)
    return language.mean + language.std * deviations


def quantile(language: Bootstrapped, anchor: Anchor) -> np.ndarray:
    """Removes the share that the rule removes in English."""
    share = anchor.english.removed(anchor.operator, anchor.cutoff)
    return language.quantile(share if anchor.operator.startswith("<") else 1.0 - share)


def tail(language: Bootstrapped, anchor: Anchor) -> np.ndarray:
    """10Tail: removes `TAIL` of the population, whatever English says (CulturaX)."""
    return language.quantile(TAIL if anchor.operator.startswith("<") else 1.0 - TAIL)


def median_ratio(language: Bootstrapped, anchor: Anchor) -> np.ndarray:
    """English's cutoff in proportion to the medians (HPLT 2). Not finite where English's median is 0."""
    english = anchor.english.median
    return np.divide(anchor.cutoff * language.median, english, out=np.full(len(english), np.nan), where=english != 0)


Method = Callable[[Bootstrapped, Anchor], np.ndarray]
METHODS: dict[str, Method] = {
    "tail": tail,
    "mean_std": mean_std,
    "median_ratio": median_ratio,
    "quantile": quantile,
}


def language_score_cut(scores: np.ndarray) -> float:
    """`max(0.3, min(0.9, median - std))` of a language's confidence scores, to 3 decimals (FineWeb-2, section 4.2)."""
    return bounded_score_cut(float(np.median(scores)), float(np.std(scores)))


def bounded_score_cut(median: float, std: float) -> float:
    """The same from the median and deviation."""
    return np.floor(max(0.3, min(0.9, median - std)) * 1000 + 1e-6).item() / 1000
