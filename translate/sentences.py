"""Sentences of a block of text, in any script, as offsets; those without an end are cut to a bounded length."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np
from icu4py.breakers import WordBreaker

from filters import characters as ch
from translate.mask import MARK, MARKUP

LONGEST = 1_000  # code points of a sentence; a protected part may be longer

# Terminal punctuation that is also written inside words and numbers, so that a space must follow, or a Han or kana
_SOFT = ".!?…．"
_FLAGS = ch.characters().flags
_HARD = "".join(chr(point) for point in np.flatnonzero(_FLAGS & ch.SENTENCE_END) if chr(point) not in _SOFT)
_CLOSING = rf"\"'”’»›)\]}}」』】》〉）］｝*_{MARK}"
# Begins with one class, which is searched fast
_STOP = re.compile(rf"[{_SOFT}{re.escape(_HARD)}][{_SOFT}{re.escape(_HARD)}{_CLOSING}]*+")
_ASCII_STOP = re.compile(r"[.!?][.!?\"')\]}*_]*+")
_APART = re.compile(r"[\s\u3040-\u9fff]|\Z")
_NEXT = re.compile(rf"[\s\"'“‘(\[«¿¡{MARKUP}]*+(.?)", re.DOTALL)
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘«]+\Z")
_CLAUSE = re.compile(r"[,;:—–](?=\s)|[،؛、，；：၊፣፤፥]")
_SPACE = re.compile(r"\s+")
_BEFORE = 12  # code points in which the word before a full stop is looked for
_LISTED = """
a.m al approx apr art aug av bd bzw ca cap cf ch co corp d.h dec dept dr ed e.g eg esp est etc ex fam feb fig figs
    fr gen gov hr i.e ie ill inc jan jr kap lt ltd m.a mme mr mrs ms mt nov nr oct op p.m pag pp prof ref rep resp rev
    s.a sec sen sep sept sr sra st str tel u.a u.s usw vgl vol vs z.b т.е т.д т.п г гг др стр см им डॉ श्री डा প্রো ডা
    डो प्रा पं
"""
_ABBREVIATIONS = frozenset(_LISTED.split())


def sentences(text: str, ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(start, end) of each, without the white space around. None ends inside one of `ranges`, which are in order."""
    start = 0
    for cut in _cuts(text, ranges):
        yield from _pieces(text, start, cut, ranges)
        start = cut
    yield from _pieces(text, start, len(text), ranges)


def _cuts(text: str, ranges: Sequence[tuple[int, int]]) -> Iterator[int]:
    last, at = 0, 0
    for stop in (_ASCII_STOP if text.isascii() else _STOP).finditer(text):
        while at < len(ranges) and ranges[at][1] <= stop.start():
            at += 1
        following = ranges[at][0] if at < len(ranges) else len(text)
        if stop.start() < following and (stop[0][0] not in _SOFT or _really_ends(text, last, stop)):
            last = min(stop.end(), following)
            yield last


def _really_ends(text: str, start: int, stop: re.Match[str]) -> bool:
    """Not inside 3.14, not before a small letter, and not after an initial, an abbreviation or an item's number."""
    if not _APART.match(text, stop.end()):
        return False
    following = _NEXT.match(text, stop.end())
    if following is not None and following[1].islower():
        return False
    if stop[0] != ".":
        return True
    word = _LAST_WORD.search(text[max(start, stop.start() - _BEFORE) : stop.start()])
    if word is None:
        return True
    initial = len(word[0]) == 1 and word[0].isupper()
    number = word[0].isdecimal() or len(word[0]) == 1
    item = number and not text[start : stop.start() - len(word[0])].strip()
    return not (initial or item or word[0].lower() in _ABBREVIATIONS)


def _pieces(text: str, start: int, end: int, ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """A sentence whole, or in pieces of at most LONGEST."""
    while end - start > LONGEST:
        cut = _outside(ranges, start, _best_cut(text, start, start + LONGEST), end)
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    if left < len(piece):
        yield start + left, start + len(piece.rstrip())


def _best_cut(text: str, start: int, limit: int) -> int:
    """After the last clause mark of the second half, else a space, else where ICU ends a word."""
    half = start + LONGEST // 2
    for pattern in (_CLAUSE, _SPACE):
        if found := list(pattern.finditer(text, half, limit)):
            return found[-1].end()
    return _word_end(text, half, limit)


def _word_end(text: str, start: int, limit: int) -> int:
    """In text without spaces; never before a mark or a joiner. Surrogates, which ICU can't have, count as letters."""
    window = "".join("x" if "\ud800" <= one <= "\udfff" else one for one in text[start:limit])
    words = list(WordBreaker(window, "en"))
    cut = limit - len(words[-1]) if len(words) > 1 else limit
    while cut > start + 1 and cut < len(text) and _FLAGS[ord(text[cut])] & ch.EXTEND:
        cut -= 1
    return cut


def _outside(ranges: Sequence[tuple[int, int]], start: int, cut: int, end: int) -> int:
    at = bisect_right(ranges, (cut, -1)) - 1
    if at < 0 or ranges[at][1] <= cut or ranges[at][0] == cut:
        return cut
    first, last = ranges[at]
    return first if first > start else min(last, end)
