"""Continued byte-pair encoding (Sennrich et al. 2016, section 3.2): new pieces over sequences of old ones.

A piece merges wherever two neighbours spell it, whichever they are, as SentencePiece does. Neighbours that spell a piece
made before merge at once, for it comes first in the tokenizer too. So what is trained is what is then encoded.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numba import njit, types
from numba.typed import Dict

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it is a permutation of the 64-bit words


def learn(
    words: Sequence[tuple[Sequence[int], int]],
    spellings: Mapping[int, str],
    *,
    pieces: int,
    least: int,
    admitted: Callable[[str], bool],
    mergeable: Iterable[int] = (),
) -> list[str]:
    """The spellings of up to `pieces` new pieces, in the order in which they are made: the most frequent one each time.

    words: symbols (ids; -1 is a border that nothing crosses) and how often each occurs, `least` times or more to count.
    spellings: of every id in `words` and `mergeable`; ids may have gaps.
    mergeable: ids of old pieces, in their order, that neighbours may come to spell (SentencePiece's; none of byte-level
    BPE's, which follow their own merges). A tie goes to the spelling that sorts first; the order of words never matters.
    """
    state = _State(words, spellings, list(mergeable), pieces)
    queue = [(-int(state.count[at]), state.spelling(at), at) for at in range(state.made) if state.count[at] >= least]
    heapq.heapify(queue)
    found: list[str] = []
    closed: set[int] = set()
    while queue and len(found) < pieces:
        negative, spelling, at = heapq.heappop(queue)
        count = int(state.count[at])
        if at in closed or count > -negative:  # it grew: a newer entry is in the queue
            continue
        if count < -negative:
            if count >= least:
                heapq.heappush(queue, (-count, spelling, at))
            continue
        closed.add(at)
        if not admitted(spelling):
            continue
        found.append(spelling)
        for other in state.merge(at, spelling):
            if other not in closed and state.count[other] >= least:
                heapq.heappush(queue, (-int(state.count[other]), state.spelling(other), other))
    return found


class _State:
    """Symbols as linked lists; of each candidate (a spelling of two neighbours): its count, and where it has been seen.

    Places are never removed, only found out of date: each is appended once, by the merge that made its neighbours.
    """

    def __init__(
        self,
        words: Sequence[tuple[Sequence[int], int]],
        spellings: Mapping[int, str],
        mergeable: list[int],
        pieces: int,
    ) -> None:
        lengths = np.array([len(symbols) for symbols, _ in words], np.int64)
        self.symbols = np.fromiter((symbol for symbols, _ in words for symbol in symbols), np.int32, lengths.sum())
        self.weights = np.repeat(np.array([count for _, count in words], np.int64), lengths)
        self.previous, self.next = _linked(lengths)
        self.contents = dict(spellings)
        self.top = max(self.contents, default=-1) + 1
        self.hashes = np.zeros(self.top + pieces, np.uint64)
        self.powers = np.zeros(self.top + pieces, np.uint64)
        self.ranks = np.zeros(self.top + pieces, np.int64)
        for symbol, spelling in self.contents.items():
            self._name(symbol, spelling)
        self.known = Dict.empty(types.uint64, types.int64)  # hash -> piece that neighbours may merge into
        for rank, symbol in enumerate(mergeable):
            self.known[self.hashes[symbol]] = symbol
            self.ranks[symbol] = rank - len(mergeable)
        room = 3 * len(self.symbols) + 1  # the pairs there are, and at most two by each merge, of which each takes one
        self.index = Dict.empty(types.uint64, types.int64)  # hash -> candidate
        self.count, self.head = np.zeros(room, np.int64), np.full(room, -1, np.int32)
        self.left, self.right = np.zeros(room, np.int32), np.zeros(room, np.int32)
        self.place, self.link = np.zeros(room, np.int32), np.zeros(room, np.int32)
        self.sizes = np.zeros(2, np.int64)  # candidates, places
        _collect(*self._arrays())

    @property
    def made(self) -> int:
        return int(self.sizes[0])

    def spelling(self, candidate: int) -> str:
        return self.contents[int(self.left[candidate])] + self.contents[int(self.right[candidate])]

    def merge(self, candidate: int, spelling: str) -> list[int]:
        """Make a piece of a candidate, everywhere; the candidates that became more frequent by it."""
        symbol, self.top = self.top, self.top + 1
        self.contents[symbol] = spelling
        self._name(symbol, spelling)
        self.ranks[symbol] = symbol
        self.known[self.hashes[symbol]] = symbol
        return list(set(_merge(candidate, symbol, self.known, self.ranks, *self._arrays()).tolist()))

    def _name(self, symbol: int, spelling: str) -> None:
        self.hashes[symbol], self.powers[symbol] = _hash(spelling)

    def _arrays(self) -> tuple[Any, ...]:
        lists = (self.symbols, self.previous, self.next, self.weights, self.hashes, self.powers)
        return *lists, self.index, self.count, self.head, self.left, self.right, self.place, self.link, self.sizes


def _hash(spelling: str) -> tuple[np.uint64, np.uint64]:
    """A polynomial hash, so that that of two spellings joined follows from theirs; and the base to their length."""
    value, power, base, whole = 0, 1, int(_BASE), (1 << 64) - 1
    for character in spelling:
        value = (value * base + ord(character) + 1) & whole
        power = power * base & whole
    return np.uint64(value), np.uint64(power)


def _linked(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places before and after each one in its word; -1: none."""
    total, ends = int(lengths.sum()), np.cumsum(lengths)
    previous, following = np.arange(-1, total - 1, dtype=np.int32), np.arange(1, total + 1, dtype=np.int32)
    filled = lengths > 0
    previous[(ends - lengths)[filled]] = -1
    following[ends[filled] - 1] = -1
    return previous, following


@njit(cache=True)
def _key(left: int, right: int, symbols: np.ndarray, hashes: np.ndarray, powers: np.ndarray) -> np.uint64:
    """The hash of what two neighbours spell; 0: they are none."""
    if left < 0 or right < 0 or symbols[left] < 0 or symbols[right] < 0:
        return np.uint64(0)
    return hashes[symbols[left]] * powers[symbols[right]] + hashes[symbols[right]]


@njit(cache=True)
def _add(
    key: np.uint64,
    at: int,
    after: int,
    symbols: np.ndarray,
    weights: np.ndarray,
    index: Any,
    count: np.ndarray,
    head: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    place: np.ndarray,
    link: np.ndarray,
    sizes: np.ndarray,
) -> int:
    """Count a place of a candidate; the candidate."""
    if key in index:
        which = index[key]
    else:
        which = sizes[0]
        sizes[0] += 1
        index[key] = which
        left[which], right[which] = symbols[at], symbols[after]
    count[which] += weights[at]
    place[sizes[1]], link[sizes[1]] = at, head[which]
    head[which] = sizes[1]
    sizes[1] += 1
    return which


@njit(cache=True)
def _collect(
    symbols: np.ndarray,
    previous: np.ndarray,
    following: np.ndarray,
    weights: np.ndarray,
    hashes: np.ndarray,
    powers: np.ndarray,
    index: Any,
    count: np.ndarray,
    head: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    place: np.ndarray,
    link: np.ndarray,
    sizes: np.ndarray,
) -> None:
    for at in range(len(symbols)):
        key = _key(at, following[at], symbols, hashes, powers)
        if key != 0:
            _add(key, at, following[at], symbols, weights, index, count, head, left, right, place, link, sizes)


@njit(cache=True)
def _forget(key: np.uint64, weight: int, index: Any, count: np.ndarray) -> None:
    if key != 0:
        count[index[key]] -= weight


@njit(cache=True)
def _merge(
    candidate: int,
    symbol: int,
    known: Any,
    ranks: np.ndarray,
    symbols: np.ndarray,
    previous: np.ndarray,
    following: np.ndarray,
    weights: np.ndarray,
    hashes: np.ndarray,
    powers: np.ndarray,
    index: Any,
    count: np.ndarray,
    head: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    place: np.ndarray,
    link: np.ndarray,
    sizes: np.ndarray,
) -> np.ndarray:
    """Merge a candidate's neighbours into `symbol`, from left to right; candidates counted more (some twice)."""
    wanted, total, node = hashes[symbol], 0, int(head[candidate])
    while node >= 0:
        total += 1
        node = link[node]
    places = np.empty(total, np.int64)
    node = head[candidate]
    for taken in range(total):
        places[taken] = place[node]
        node = link[node]
    places.sort()
    more = np.empty(2 * total, np.int64)
    written = 0
    for at in places:
        if _key(at, following[at], symbols, hashes, powers) != wanted:
            continue  # merged by another piece since
        current, absorbed, piece = at, following[at], symbol
        _forget(wanted, weights[at], index, count)
        _forget(_key(previous[at], at, symbols, hashes, powers), weights[at], index, count)
        _forget(_key(absorbed, following[absorbed], symbols, hashes, powers), weights[at], index, count)
        while True:
            symbols[current], symbols[absorbed] = piece, -1
            following[current] = following[absorbed]
            if following[absorbed] >= 0:
                previous[following[absorbed]] = current
            before, after = previous[current], following[current]
            one = _key(before, current, symbols, hashes, powers)
            two = _key(current, after, symbols, hashes, powers)
            backward = known[one] if one != 0 and one in known else -1
            forward = known[two] if two != 0 and two in known else -1
            if backward < 0 and forward < 0:
                break
            if backward >= 0 and (forward < 0 or ranks[backward] <= ranks[forward]):
                _forget(_key(previous[before], before, symbols, hashes, powers), weights[at], index, count)
                current, absorbed, piece = before, current, backward
            else:
                _forget(_key(after, following[after], symbols, hashes, powers), weights[at], index, count)
                absorbed, piece = after, forward
        if one != 0:
            more[written] = _add(
                one, before, current, symbols, weights, index, count, head, left, right, place, link, sizes
            )
            written += 1
        if two != 0:
            more[written] = _add(
                two, current, after, symbols, weights, index, count, head, left, right, place, link, sizes
            )
            written += 1
    return more[:written]
