"""What is usual in native text: signals of held-out sentences, and the rank of a text among them.

A short sentence varies more than a long one, and begins without a context, so a signal is first set against sentences of
similar length. What is left is ranked among all of them: a hundredth of a few sentences would be none.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_GROUP = 50  # sentences of similar length, at least, of which the median and the ninth decile are taken
_MOST_GROUPS = 16
_LEAST_SPREAD = 0.01  # bits a character, or share


@dataclass(frozen=True)
class Native:
    """Of held-out sentences, by ascending length: characters (int64), and float64 (signals, sentences), higher is stranger."""

    lengths: np.ndarray
    signals: np.ndarray

    @classmethod
    def of(cls, lengths: np.ndarray, signals: np.ndarray) -> "Native":
        """In any order."""
        by_length = np.lexsort((*signals, lengths))
        return cls(lengths[by_length].astype(np.int64), signals[:, by_length])

    def rank(self, lengths: np.ndarray, signals: np.ndarray) -> np.ndarray:
        """The share of native sentences that are less strange than each text, by the signal that says most.

        Of native text at most one in a hundred reaches 0.99: what any of the signals finds is held against all of them
        (Bonferroni), so among fewer than a hundred sentences a signal none does. A signal that is nan is the strangest.
        """
        distances = self._distances(lengths, signals)
        # Of many that are alike none stands out: only those below are counted
        below = [np.searchsorted(native, mine, "left") for native, mine in zip(self._native, distances, strict=True)]
        above = 1 - np.max(below, axis=0) / (len(self.lengths) + 1)
        return np.maximum(0, 1 - len(signals) * above)

    @cached_property
    def _native(self) -> list[np.ndarray]:
        return [np.sort(each) for each in self._distances(self.lengths, self.signals)]

    def _distances(self, lengths: np.ndarray, signals: np.ndarray) -> list[np.ndarray]:
        """How far each signal is above the median of its length, the ninth decile being 1."""
        centres, usual = self._usual
        place = np.log(np.maximum(lengths, 1))
        distances = []
        for signal, quantiles in zip(signals, usual, strict=True):
            median, high = (np.interp(place, centres, each) for each in quantiles)
            distances.append((signal - median) / np.maximum(high - median, _LEAST_SPREAD))
        return distances

    @cached_property
    def _usual(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """The logarithmic lengths of groups; median and ninth decile (2, groups) of each signal there."""
        number = max(1, min(_MOST_GROUPS, len(self.lengths) // _GROUP))
        groups = np.array_split(np.arange(len(self.lengths)), number)
        centres = np.array([np.log(self.lengths[group]).mean() for group in groups])
        quantiles = [
            np.array([np.quantile(signal[group], (0.5, 0.9)) for group in groups]).T for signal in self.signals
        ]
        return centres, quantiles
