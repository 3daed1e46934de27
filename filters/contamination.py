"""Passages of benchmarks in documents: n-grams of `filters.units`, so case, punctuation and spacing do not matter.

An n-gram is as many units as make `ngram` words. A benchmark text shorter than that is looked for whole, if it has at
least WHOLE_WORDS words. N-grams of hardly any distinct units ("0 0 0 0 ...", "la la la ...") are no evidence and are
left out. Hashes have 64 bits: with ten million n-grams one window in 10^12 matches by chance.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from filters import characters as ch
from filters import units
from filters.hashing import ONE, ORDER_BASE, kernel, mix
from filters.segment import Segments, segment

WHOLE_WORDS = 8  # fewer and a text is a phrase that anybody may write
RECORDS_PER_NGRAM = 8  # that are named when an n-gram is found; a prompt's template stands in all of them
_SIEVE_BITS = 16  # for each key: one in sixteen windows that match nothing is looked up
_INVERSE_ORDER_BASE = np.uint64(pow(int(ORDER_BASE), -1, 1 << 64))
_LOW_6 = np.uint64(63)
_S6 = np.uint64(6)

WINDOW = np.dtype([("key", np.uint64), ("first", np.int32), ("last", np.int32)], align=True)


class Passage(NamedTuple):
    """What one document holds of the benchmarks."""

    spans: list[tuple[int, int]]  # code points, in order, apart
    records: Counter[int]  # n-grams found, by record


@dataclass(frozen=True, slots=True)
class Ngrams:
    """What to look for. Keys and records are parallel, sorted by key; a key in several records stands there for each."""

    keys: np.ndarray  # uint64
    records: np.ndarray  # int32
    lengths: tuple[int, ...]  # of windows, in quarters of a word, the n-grams' last
    prefixes: np.ndarray  # uint64, sorted: the first WHOLE_WORDS words of the texts that are looked for whole


class _Sieved(NamedTuple):
    """Sorted keys behind a bit map by their first bits, 2 to 4 bytes a key, that spares most windows the search."""

    keys: np.ndarray
    bits: np.ndarray  # uint64
    shift: int


def _sieved(keys: np.ndarray) -> _Sieved:
    width = max(10, int(_SIEVE_BITS * len(keys)).bit_length())
    bits = np.zeros(1 << (width - 6), np.uint64)
    _fill(bits, 64 - width, keys)
    return _Sieved(keys, bits, 64 - width)


@kernel
def _fill(bits, shift, keys):  # type: ignore[no-untyped-def]
    for key in keys:
        bit = key >> np.uint64(shift)
        bits[bit >> _S6] |= ONE << (bit & _LOW_6)


@kernel
def _windows(mine, length, windows):  # type: ignore[no-untyped-def]
    """From each unit on the shortest window of at least `length`, where the text is long enough; their number."""
    count, end, held = 0, 0, 0
    hashed, leading = np.uint64(0), _INVERSE_ORDER_BASE  # ORDER_BASE ** (units in the window - 1)
    for first in range(len(mine)):
        while held < length and end < len(mine):
            hashed = hashed * ORDER_BASE + mine[end].hash
            leading *= ORDER_BASE
            held += mine[end].length
            end += 1
        if held < length:
            break
        window = windows[count]
        window.key, window.first, window.last = mix(hashed), first, end - 1
        count += 1
        hashed -= mine[first].hash * leading
        leading *= _INVERSE_ORDER_BASE
        held -= mine[first].length
    return count


@kernel
def _is_in(key, sieved):  # type: ignore[no-untyped-def]
    keys, bit = sieved.keys, key >> np.uint64(sieved.shift)
    if not (sieved.bits[bit >> _S6] >> (bit & _LOW_6)) & ONE:
        return False
    low, high = np.int64(0), np.int64(len(keys))
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low < len(keys) and keys[low] == key


@kernel
def _any_in(mine, length, sieved, windows):  # type: ignore[no-untyped-def]
    found, i, count = False, 0, _windows(mine, length, windows)
    while i < count and not found:
        found = _is_in(windows[i].key, sieved)
        i += 1
    return found


@kernel
def _holds_any(mine, lengths, least, sieved, prefixes, windows):  # type: ignore[no-untyped-def]
    """Two passes; the lengths in between, of texts that are looked for whole, only where one of them begins."""
    if _any_in(mine, lengths[-1], sieved, windows):
        return True
    found, i = False, 0
    if len(prefixes.keys) and _any_in(mine, least, prefixes, windows):
        while i < len(lengths) - 1 and not found:
            found = _any_in(mine, lengths[i], sieved, windows)
            i += 1
    return found


@kernel
def _which_hold_any(data, first, tokens, tables, lengths, least, sieved, prefixes, scratch, windows, found):  # type: ignore[no-untyped-def]
    for document in range(len(found)):
        mine = tokens[first[document] : first[document + 1]]
        count = units.split(data, mine, tables.flags, tables.folded, tables.sequences, scratch)
        found[document] = _holds_any(scratch[:count], lengths, least, sieved, prefixes, windows)


@kernel
def _distinct(mine, first, last, enough):  # type: ignore[no-untyped-def]
    """Whether units `first` to `last` have `enough` distinct ones."""
    count = 0
    for i in range(first, last + 1):
        seen = False
        for j in range(first, i):
            seen |= mine[j].hash == mine[i].hash
        count += not seen
        if count >= enough:
            return True
    return False


@kernel
def _collect(data, first, tokens, tables, ngram, least, enough, scratch, windows, keys, texts, lengths, prefixes):  # type: ignore[no-untyped-def]
    """The n-grams of every text into `keys`, with the text and the length of each; how many, and how many `prefixes`."""
    found, begun = 0, 0
    for text in range(len(first) - 1):
        mine = tokens[first[text] : first[text + 1]]
        count = units.split(data, mine, tables.flags, tables.folded, tables.sequences, scratch)
        whole = 0
        for i in range(count):
            whole += scratch[i].length
        length = min(ngram, whole)
        if length < least:
            continue
        for i in range(_windows(scratch[:count], length, windows)):
            if _distinct(scratch, windows[i].first, windows[i].last, enough):
                keys[found], texts[found], lengths[found] = windows[i].key, text, length
                found += 1
        if length < ngram and _windows(scratch[:count], least, windows):
            prefixes[begun] = windows[0].key
            begun += 1
    return found, begun


def _prepared(segments: Segments) -> tuple[np.ndarray, np.ndarray]:
    """(units, windows) of the longest document."""
    scratch = units.scratch(segments)
    return scratch, np.empty(len(scratch), WINDOW)


class Collected(NamedTuple):
    """The n-grams of some benchmark texts; the first three are parallel."""

    keys: np.ndarray  # uint64
    texts: np.ndarray  # int32: which text, later which record
    lengths: np.ndarray  # int32: quarters of a word
    prefixes: np.ndarray  # uint64


def _least(ngram: int) -> int:
    return min(WHOLE_WORDS, ngram) * units.WORD


def ngrams_of(texts: pa.StringArray, ngram: int) -> Collected:
    """What `index` makes n-grams to look for from."""
    segments = segment(texts, dictionary=False)
    scratch, windows = _prepared(segments)
    most = 2 * len(segments.codes)
    keys, rows, lengths = np.empty(most, np.uint64), np.empty(most, np.int32), np.empty(most, np.int32)
    prefixes = np.empty(len(texts), np.uint64)
    given = segments.data, segments.first, segments.tokens, ch.characters()
    sizes = ngram * units.WORD, _least(ngram), ngram // 3 + 1
    found, begun = _collect(*given, *sizes, scratch, windows, keys, rows, lengths, prefixes)
    return Collected(keys[:found].copy(), rows[:found].copy(), lengths[:found].copy(), prefixes[:begun].copy())


def index(collected: Sequence[Collected], ngram: int) -> Ngrams:
    """To look for n-grams of these records: sorted, each record once a key, and at most RECORDS_PER_NGRAM."""
    keys, records, lengths, prefixes = (np.concatenate(part) for part in zip(*collected, strict=True))
    order = np.lexsort((records, keys))
    keys, records = keys[order], records[order]
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]) | (records[1:] != records[:-1])
    keys, records = keys[new], records[new]
    starts = np.searchsorted(keys, keys)
    few = np.arange(len(keys)) - starts < RECORDS_PER_NGRAM
    sizes = sorted({*np.unique(lengths).tolist(), ngram * units.WORD})
    return Ngrams(keys[few], records[few], tuple(sizes), np.unique(prefixes))


class Finder:
    """Looks for n-grams in batches of documents; making one takes a moment, so make it once a task."""

    def __init__(self, ngrams: Ngrams) -> None:
        self._ngrams, self._lengths = ngrams, np.array(ngrams.lengths, np.int64)
        self._keys, self._prefixes = _sieved(ngrams.keys), _sieved(ngrams.prefixes)

    def find(self, segments: Segments) -> list[Passage | None]:
        """What each document holds of the benchmarks; None: nothing."""
        found, (scratch, windows) = np.zeros(len(segments.valid), np.bool_), _prepared(segments)
        given = segments.data, segments.first, segments.tokens, ch.characters(), self._lengths
        least = _least(int(self._lengths[-1]) // units.WORD)
        _which_hold_any(*given, least, self._keys, self._prefixes, scratch, windows, found)
        return [_passage(segments, row, self._ngrams) if found[row] else None for row in range(len(found))]


def _passage(segments: Segments, document: int, ngrams: Ngrams) -> Passage:
    tables, scratch = ch.characters(), units.scratch(segments)
    mine = segments.tokens[segments.first[document] : segments.first[document + 1]]
    scratch = scratch[: units.split(segments.data, mine, tables.flags, tables.folded, tables.sequences, scratch)]
    windows, covered, records = np.empty(len(scratch), WINDOW), np.zeros(len(scratch) + 1, np.int64), Counter[int]()
    for length in ngrams.lengths:
        mine = windows[: _windows(scratch, length, windows)]
        places = np.searchsorted(ngrams.keys, mine["key"])
        ends = np.searchsorted(ngrams.keys, mine["key"], side="right")
        hits = np.flatnonzero(ends > places)
        np.add.at(covered, mine["first"][hits], 1)
        np.add.at(covered, mine["last"][hits] + 1, -1)
        records.update(chain.from_iterable(ngrams.records[places[hit] : ends[hit]].tolist() for hit in hits))
    return Passage(_spans(segments, document, scratch, np.cumsum(covered)[:-1] > 0), records)


def _spans(segments: Segments, document: int, mine: np.ndarray, covered: np.ndarray) -> list[tuple[int, int]]:
    """The covered runs of units, in code points of the document."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], covered, [False]]).astype(np.int8)))
    begin, stop = segments.offsets[document], segments.offsets[document + 1]
    data = segments.data[begin:stop]
    starts_of = np.cumsum(data & 0xC0 != 0x80)  # code points up to and with this byte
    spans = []
    for first, end in edges.reshape(-1, 2).tolist():
        start, last = int(mine["start"][first] - begin), int(mine["end"][end - 1] - begin)
        spans.append((int(starts_of[start]) - 1, int(starts_of[last - 1])))
    return spans
