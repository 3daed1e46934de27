"""A learned speller: for each sound of a word the letters that people wrote for it, chosen by what stands around it.

A linear-chain conditional random field (Lafferty et al. 2001). Its features are n-grams of the sounds around a position,
and pairs of neighbouring spellings; hashed into one table of int8 weights a language (Weinberger et al. 2009).
`learn` makes `learned.npz`, whose entry `about` says what it was learned from and under which licence it is.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

FILE = Path(__file__).with_name("learned.npz")
MOST = 32  # spellings that a sound may have
_BEFORE = (0, 1, 0, 1, 2, 0, 2, 1, 2, 3, 0, 3, 1, 3, 2)  # sounds before and after the position, in each n-gram
_AFTER = (0, 0, 1, 1, 0, 2, 1, 2, 2, 0, 3, 1, 3, 2, 3)
_GRAMS = len(_BEFORE)
_SHAPE = 4  # sounds on either side whose kind is looked at
FEATURES = _GRAMS + 1
_EDGE, _FIRST = 1, 2  # sound numbers: 0 is beyond the edge of a word


class Model(NamedTuple):
    """What one language has learned. S sounds, L spellings."""

    sounds: str  # S characters, sorted
    kinds: np.ndarray  # uint8 (S + 2,): of nothing, of the edge, of each sound
    spellings: tuple[str, ...]  # L
    candidates: np.ndarray  # int32 (S, MOST): indices of spellings
    counts: np.ndarray  # int32 (S,): how many candidates each sound has
    weights: np.ndarray  # (a power of two,): int8 as stored, float32 while it is learned


@numba.njit(inline="always", cache=True)
def mix(state: np.uint64, value: int | np.uint64) -> np.uint64:
    """One step of a hash of 64 bits."""
    state = np.uint64((np.uint64(state) ^ np.uint64(value)) * np.uint64(0x9E3779B97F4A7C15))
    return state ^ (state >> np.uint64(29))


@numba.njit(inline="always", cache=True)
def slot(state: np.uint64, spelling: int, size: int) -> np.int64:
    """Where the weight of a feature and a spelling is."""
    product = (state + np.uint64(spelling) * np.uint64(0xC2B2AE3D27D4EB4F)) * np.uint64(0xD6E8FEB86659FD93)
    return np.int64((product >> np.uint64(32)) & np.uint64(size - 1))


@numba.njit(cache=True)
def features(sounds: np.ndarray, kinds: np.ndarray, found: np.ndarray) -> None:
    """Fill `found` (n, FEATURES), uint64, for the n sounds of a word."""
    n, margin = len(sounds), _SHAPE + 1
    padded = np.zeros(n + 2 * margin, np.int64)
    padded[margin : margin + n] = sounds + _FIRST
    padded[margin - 1] = padded[margin + n] = _EDGE
    for at in range(n):
        center = margin + at
        for gram in range(_GRAMS):
            state = np.uint64(gram + 1)
            for place in range(center - _BEFORE[gram], center + _AFTER[gram] + 1):
                state = mix(state, padded[place])
            found[at, gram] = state
        state = np.uint64(_GRAMS + 1)
        for place in range(center - _SHAPE, center + _SHAPE + 1):
            state = mix(state, kinds[padded[place]] if place != center else padded[place] + 256)
        found[at, _GRAMS] = state


@numba.njit(inline="always", cache=True)
def pair_features(spelling: int, before: int, sound: int, after: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Of a spelling of the sound `before` and the one that follows; `after` is -1 at the end of a word."""
    both = spelling * 1024 + sound
    first = mix(mix(np.uint64(_GRAMS + 2), spelling), sound)
    second = mix(mix(np.uint64(_GRAMS + 3), both), after + 1)
    third = mix(mix(np.uint64(_GRAMS + 4), both), before)
    return first, second, third


@numba.njit(cache=True)
def score(
    sounds: np.ndarray,
    found: np.ndarray,
    candidates: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    single: np.ndarray,
    pair: np.ndarray,
) -> None:
    """Fill `single` (n, MOST) and `pair` (n, MOST, MOST): of the spelling before and the spelling here."""
    n, size = len(sounds), len(weights)
    for at in range(n):
        sound = sounds[at]
        for here in range(counts[sound]):
            total = np.float32(0)
            for feature in range(FEATURES):
                total += weights[slot(found[at, feature], candidates[sound, here], size)]
            single[at, here] = total
        if at == 0:
            continue
        before, after = sounds[at - 1], sounds[at + 1] if at + 1 < n else -1
        for there in range(counts[before]):
            first, second, third = pair_features(candidates[before, there], before, sound, after)
            for here in range(counts[sound]):
                spelling = candidates[sound, here]
                total = np.float32(weights[slot(first, spelling, size)])
                total += weights[slot(second, spelling, size)] + np.float32(weights[slot(third, spelling, size)])
                pair[at, there, here] = total


@numba.njit(nogil=True, cache=True)
def _best(
    sounds: np.ndarray,
    ends: np.ndarray,
    kinds: np.ndarray,
    candidates: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    longest: int,
) -> np.ndarray:
    """Viterbi: int32, the spelling of each sound; word i ends before ends[i]."""
    chosen = np.zeros(len(sounds), np.int32)
    found = np.zeros((longest, FEATURES), np.uint64)
    single = np.zeros((longest, MOST), np.float32)
    pair = np.zeros((longest, MOST, MOST), np.float32)
    best = np.zeros((longest, MOST), np.float32)
    back = np.zeros((longest, MOST), np.int32)
    start = 0
    for end in ends:
        word = sounds[start:end]
        n = len(word)
        features(word, kinds, found)
        score(word, found, candidates, counts, weights, single, pair)
        for at in range(n):
            for here in range(counts[word[at]]):
                top = np.float32(0)
                for there in range(counts[word[at - 1]] if at else 0):
                    value = best[at - 1, there] + pair[at, there, here]
                    if there == 0 or value > top:
                        top, back[at, here] = value, there
                best[at, here] = top + single[at, here]
        last = np.argmax(best[n - 1, : counts[word[n - 1]]]) if n else 0
        for at in range(n - 1, -1, -1):
            chosen[start + at] = candidates[word[at], last]
            last = back[at, last]
        start = end
    return chosen


def languages() -> frozenset[str]:
    """ISO 639-3 of those that have learned."""
    return frozenset(_names())


@cache
def _names() -> tuple[str, ...]:
    with np.load(FILE, allow_pickle=False) as stored:
        return tuple(str(name) for name in stored["languages"])


@cache
def load(language: str) -> Model:
    """The model of one of `languages()`."""
    with np.load(FILE, allow_pickle=False) as stored:
        part = {name: stored[f"{language}_{name}"] for name in Model._fields}
    spellings = tuple(str(spelling) for spelling in part.pop("spellings"))
    sounds = str(part.pop("sounds"))
    narrow = {name: part[name].astype(np.int32) for name in ("candidates", "counts")}
    return Model(sounds=sounds, spellings=spellings, **(part | narrow))


@cache
def _index(sounds: str) -> np.ndarray:
    """int32 (65536,): code point -> sound number, -1 where it is none."""
    table = np.full(0x10000, -1, np.int32)
    table[[ord(sound) for sound in sounds]] = np.arange(len(sounds))
    return table


def numbers(sounds: str, model: Model) -> np.ndarray:
    """int32: which of the model's sounds each character is, -1 for none."""
    points = np.frombuffer(sounds.encode("utf-32-le", "surrogatepass"), np.uint32)
    known = _index(model.sounds)
    return np.where(points < len(known), known[np.minimum(points, len(known) - 1)], np.int32(-1)).astype(np.int32)


def knows(sounds: str, model: Model) -> bool:
    """Whether the model has seen every sound of a word."""
    return not set(sounds).difference(model.sounds)


def spell(words: list[str], model: Model) -> list[str]:
    """The spelling of each word, given as sounds that the model knows."""
    if not words:
        return []
    lengths = np.array([len(word) for word in words], np.int64)
    ends = np.cumsum(lengths)
    longest = max(1, int(lengths.max()))
    sounds = numbers("".join(words), model)
    chosen = _best(sounds, ends, model.kinds, model.candidates, model.counts, model.weights, longest)
    parts = [model.spellings[which] for which in chosen.tolist()]
    return ["".join(parts[end - length : end]) for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]
