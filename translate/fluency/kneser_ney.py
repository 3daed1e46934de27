"""Character n-grams with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999, section 3).

A table has one entry for each n-gram kept, whatever its order: `alpha`, its discounted share of its context's counts, and
`gamma`, the mass that it leaves to the shorter context where it is a context itself. So
p_n(w | h) = alpha(hw) + gamma(h) * p_{n-1}(w | h'), down to the uniform distribution over all code points, and one
lookup an order gives both numbers. N-grams are known by 64-bit hashes: of 10^8, about one pair collides in 4,000 models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

BEGIN, END = np.uint32(0x110000), np.uint32(0x110001)  # behind the last code point
UNIFORM = 1 / 0x110002
_ODD = np.uint64(0x9E3779B97F4A7C55)
_FACTOR = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)
_SPACE = np.uint32(32)
# Up to this order n-grams seen once are kept: longer ones take four times the memory for 1 % of the bits
_KEPT_ONCE = 4
_LEAST_CHANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Table:
    """Entries of all orders; keys uint64, the others float32, of one length."""

    order: int
    keys: np.ndarray
    alpha: np.ndarray
    gamma: np.ndarray
    rest: float  # the mass that unigrams leave to characters never seen


@njit(nogil=True, cache=True)
def _extended(key, symbol):  # type: ignore[no-untyped-def]
    """The key of an n-gram with one more symbol before it."""
    key = (key ^ np.uint64(symbol)) * _FACTOR
    return (key ^ (key >> _SHIFT)) * _ODD + np.uint64(1)


@njit(nogil=True, cache=True)
def _key(symbols, at, order):  # type: ignore[no-untyped-def]
    """Of the n-gram that ends there."""
    key = np.uint64(order)
    for back in range(order):
        key = _extended(key, symbols[at - back])
    return key


@njit(nogil=True, cache=True)
def _keys(symbols, places, order):  # type: ignore[no-untyped-def]
    """Of the n-grams that end at these places."""
    keys = np.empty(len(places), np.uint64)
    for n in range(len(places)):
        keys[n] = _key(symbols, places[n], order)
    return keys


class _Distinct(NamedTuple):
    """N-grams of an order: keys ascending, where one of each ends, occurrences."""

    keys: np.ndarray
    places: np.ndarray
    counts: np.ndarray


def count(symbols: np.ndarray, depth: np.ndarray, order: int) -> Table:
    """The table of texts in a row, each between BEGIN and END; `depth` (int32) is the place of a symbol in its text.

    Memory: some 30 bytes a symbol, and for each distinct n-gram.
    """
    found = [_distinct(symbols, depth, n) for n in range(1, order + 1)]
    gammas = [np.ones(len(each.keys), np.float32) for each in found]
    alphas, rest = [], 0.0
    for n in range(order):
        counts = _adjusted(n, symbols, found, depth)
        discounts = _discounts(counts)[np.minimum(counts, 3)]
        if n == 0:
            alphas.append(((counts - discounts) / max(1, int(counts.sum()))).astype(np.float32))
            rest = float(1 - alphas[0].sum(dtype=np.float64))
            continue
        contexts = found[n - 1].keys
        context = np.searchsorted(contexts, _keys(symbols, found[n].places - 1, n))
        totals = np.bincount(context, counts, len(contexts))
        kept = (counts > 1) | (n < _KEPT_ONCE)
        alphas.append(np.where(kept, (counts - discounts) / np.maximum(totals[context], 1), 0).astype(np.float32))
        gammas[n - 1] = np.clip(1 - np.bincount(context, alphas[n], len(contexts)), 0, 1).astype(np.float32)
    # A context may stay where it is itself too rare to be predicted
    chosen = [(alpha > 0) | (gamma < 1) | (n == 0) for n, (alpha, gamma) in enumerate(zip(alphas, gammas, strict=True))]
    parts = ([each.keys for each in found], alphas, gammas)
    keys, alpha, gamma = (np.concatenate([part[use] for part, use in zip(each, chosen, strict=True)]) for each in parts)
    return Table(order, keys, alpha, gamma, rest)


def _distinct(symbols: np.ndarray, depth: np.ndarray, order: int) -> _Distinct:
    places = np.flatnonzero(depth >= order - 1).astype(np.int32)
    keys = _keys(symbols, places, order)
    ascending = np.argsort(keys)
    keys = keys[ascending]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    counts = np.diff(first, append=len(keys)).astype(np.int32)
    return _Distinct(keys[first], places[ascending[first]], counts)


def _adjusted(n: int, symbols: np.ndarray, found: Sequence[_Distinct], depth: np.ndarray) -> np.ndarray:
    """Occurrences at the highest order and where a text begins; below, in how many contexts: what Kneser-Ney counts."""
    keys, places, counts = found[n]
    begins = depth[places] == n
    if n + 1 < len(found):
        inner = np.searchsorted(keys, _keys(symbols, found[n + 1].places, n + 1))
        counts = np.where(begins, counts, np.bincount(inner, minlength=len(keys)).astype(np.int32))
    return np.where(begins, 0, counts) if n == 0 else counts


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Of what was counted 0, 1, 2 and more times; fixed ones for texts too small to estimate them."""
    one, two, three, four = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (one and two and three):
        return np.array([0, 0.5, 1, 1.5])
    share = one / (one + 2 * two)
    estimated = [1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three]
    return np.array([0, *(np.clip(value, 0.1 * k, 0.95 * k) for k, value in enumerate(estimated, 1))])


@njit(nogil=True, cache=True)
def slots(keys):  # type: ignore[no-untyped-def]
    """An open-addressing index into the keys, at most half full; int32, -1: empty."""
    size = 16
    while size < 2 * len(keys):
        size *= 2
    index = np.full(size, np.int32(-1), np.int32)
    for at in range(len(keys)):
        slot = np.int64(keys[at] & np.uint64(size - 1))
        while index[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        index[slot] = at
    return index


@njit(nogil=True, cache=True)
def bits(symbols, depth, word, order, keys, alpha, gamma, rest, index, whole, alone):  # type: ignore[no-untyped-def]
    """-log2 of each symbol's chance: given up to order - 1 symbols before it (`whole`), or those of its word (`alone`).

    `word` marks where words begin. A word alone still has the space before it.
    """
    last = len(index) - 1
    before, now = np.ones(order + 1), np.ones(order + 1)
    start = 0
    for at in range(len(symbols)):
        if depth[at] == 0 or word[at]:
            start = at - 1 if depth[at] > 0 and symbols[at - 1] == _SPACE else at
        most = min(order, depth[at] + 1)
        own = min(most, at - start + 1)
        chance = UNIFORM
        chance_alone = UNIFORM
        now[:] = 1.0
        for n in range(1, most + 1):
            key = _key(symbols, at, n)
            slot = np.int64(key & np.uint64(last))
            while index[slot] >= 0 and keys[index[slot]] != key:
                slot = (slot + 1) & last
            weight = rest if n == 1 else before[n - 1]
            chance *= weight
            if index[slot] >= 0:
                chance += alpha[index[slot]]
                now[n] = gamma[index[slot]]
            if n == own:
                chance_alone = chance
        before[:] = now
        if depth[at] > 0:
            whole[at] = -np.log2(max(chance, _LEAST_CHANCE))
            alone[at] = -np.log2(max(chance_alone, _LEAST_CHANCE))
