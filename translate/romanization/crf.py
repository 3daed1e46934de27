"""Learning the weights of `learned`: gradient of the likelihood, AdaGrad steps (Duchi et al. 2011), L1 towards sparsity."""

from typing import NamedTuple

import numba
import numpy as np

from translate.romanization.learned import FEATURES, MOST, Model, features, pair_features, score, slot


class Chains(NamedTuple):
    """Spelled words one after another."""

    sounds: np.ndarray  # int32 (N,)
    ends: np.ndarray  # int64 (words,): word i ends before ends[i]
    gold: np.ndarray  # int32 (N,): which candidate of its sound, -1 for none of them: such a word is passed over

    @property
    def longest(self) -> int:
        return int(np.diff(self.ends, prepend=0).max())


@numba.njit(inline="always", cache=True)
def _log_sum(values: np.ndarray) -> float:
    top = values.max()
    return top + np.log(np.exp(values - top).sum())


@numba.njit(cache=True)
def _forward(word: np.ndarray, counts: np.ndarray, single: np.ndarray, pair: np.ndarray, ahead: np.ndarray) -> float:
    """Fill `ahead` (n, MOST): log of the sum over what comes before; return that of the whole word."""
    n = len(word)
    for at in range(n):
        for here in range(counts[word[at]]):
            ahead[at, here] = single[at, here]
            if at:
                before = counts[word[at - 1]]
                ahead[at, here] += _log_sum(ahead[at - 1, :before] + pair[at, :before, here])
    return _log_sum(ahead[n - 1, : counts[word[n - 1]]])


@numba.njit(cache=True)
def _backward(word: np.ndarray, counts: np.ndarray, single: np.ndarray, pair: np.ndarray, behind: np.ndarray) -> None:
    n = len(word)
    behind[n - 1, :] = 0
    for at in range(n - 2, -1, -1):
        after = counts[word[at + 1]]
        for here in range(counts[word[at]]):
            behind[at, here] = _log_sum(behind[at + 1, :after] + single[at + 1, :after] + pair[at + 1, here, :after])


@numba.njit(inline="always", cache=True)
def _step(weights: np.ndarray, squares: np.ndarray, where: int, slope: float, rate: float, sparsity: float) -> None:
    squares[where] += slope * slope
    length = rate / np.sqrt(squares[where] + 1e-8)
    moved, shrink = weights[where] + length * slope, length * sparsity
    weights[where] = max(0.0, moved - shrink) if moved > 0 else min(0.0, moved + shrink)


@numba.njit(cache=True)
def _learn(
    sounds: np.ndarray,
    ends: np.ndarray,
    gold: np.ndarray,
    longest: int,
    shares: np.ndarray,
    order: np.ndarray,
    kinds: np.ndarray,
    candidates: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    squares: np.ndarray,
    rate: float,
    sparsity: float,
) -> None:
    size = len(weights)
    found = np.zeros((longest, FEATURES), np.uint64)
    single, pair = np.zeros((longest, MOST), np.float32), np.zeros((longest, MOST, MOST), np.float32)
    ahead, behind = np.zeros((longest, MOST)), np.zeros((longest, MOST))
    for which in order:
        start = ends[which - 1] if which else 0
        word, true = sounds[start : ends[which]], gold[start : ends[which]]
        if len(word) == 0 or true.min() < 0:
            continue
        features(word, kinds, found)
        score(word, found, candidates, counts, weights, single, pair)
        total = _forward(word, counts, single, pair, ahead)
        _backward(word, counts, single, pair, behind)
        for at in range(len(word)):
            sound = word[at]
            for here in range(counts[sound]):
                slope = (true[at] == here) - np.exp(ahead[at, here] + behind[at, here] - total)
                if abs(slope) < 1e-3:
                    continue
                for feature in range(FEATURES):
                    where = slot(found[at, feature], candidates[sound, here], size)
                    _step(weights, squares, where, slope * shares[which], rate, sparsity)
            if at == 0:
                continue
            before, after = word[at - 1], word[at + 1] if at + 1 < len(word) else -1
            for there in range(counts[before]):
                hashes = pair_features(candidates[before, there], before, sound, after)
                for here in range(counts[sound]):
                    odds = ahead[at - 1, there] + pair[at, there, here] + single[at, here] + behind[at, here] - total
                    slope = (true[at] == here and true[at - 1] == there) - np.exp(odds)
                    if abs(slope) < 1e-3:
                        continue
                    for state in hashes:
                        where = slot(state, candidates[sound, here], size)
                        _step(weights, squares, where, slope * shares[which], rate, sparsity)


def learn(
    chains: Chains,
    model: Model,
    shares: np.ndarray,
    order: np.ndarray,
    squares: np.ndarray,
    rate: float,
    sparsity: float,
) -> None:
    """One pass over the words in `order`, changing `model.weights` and AdaGrad's `squares`; a word weighs its share."""
    known = (model.kinds, model.candidates, model.counts, model.weights)
    _learn(*chains, chains.longest, shares, order, *known, squares, rate, sparsity)


@numba.njit(cache=True)
def _log_likelihood(
    sounds: np.ndarray,
    ends: np.ndarray,
    gold: np.ndarray,
    longest: int,
    kinds: np.ndarray,
    candidates: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
) -> np.ndarray:
    result = np.full(len(ends), -1e9)
    found = np.zeros((longest, FEATURES), np.uint64)
    single, pair = np.zeros((longest, MOST), np.float32), np.zeros((longest, MOST, MOST), np.float32)
    ahead = np.zeros((longest, MOST))
    for which in range(len(ends)):
        start = ends[which - 1] if which else 0
        word, true = sounds[start : ends[which]], gold[start : ends[which]]
        if len(word) == 0 or true.min() < 0:
            continue
        features(word, kinds, found)
        score(word, found, candidates, counts, weights, single, pair)
        result[which] = -_forward(word, counts, single, pair, ahead)
        for at in range(len(word)):
            result[which] += single[at, true[at]] + (pair[at, true[at - 1], true[at]] if at else 0)
    return result


def log_likelihood(chains: Chains, model: Model) -> np.ndarray:
    """Of each word's spelling, float64; -1e9 for a word that the model can't spell so."""
    return _log_likelihood(*chains, chains.longest, model.kinds, model.candidates, model.counts, model.weights)
