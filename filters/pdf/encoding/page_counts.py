"""What the characters of a page show about its encoding: one pass over them, counted by line and by stretch.

A stretch is consecutive text of one font, long enough for its letter pairs to tell sense from nonsense: a page may hold
English in one font and a legacy encoding in another. Time is linear in the characters; `MOST` of them are looked at.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numba
import numpy as np

from filters.pdf.encoding import letter_pairs
from filters.pdf.page import Line
from filters.scripts import CODE_POINTS, SCRIPT_INDEX, SCRIPTS, script_table

MOST = 200_000  # characters of a page
STRETCH = 60  # letter pairs; fewer say little about whether they are language
SHORTEST = 15  # of a font's remainder; shorter ones are not judged

_BASIC = 0x10000
_LATIN = SCRIPT_INDEX["Latn"]

# Kinds of characters; _LETTER to _COMBINING are letters and marks, _SIGN to _MARK the marks of Indic scripts
_OTHER, _LETTER, _VOWEL, _SIGN, _VIRAMA, _MARK, _COMBINING = range(7)
_SPACE, _PRIVATE, _REPLACEMENT, _CONTROL, _JOINER, _ASCII = range(7, 13)
# What is counted
CHARACTERS, LETTERS, LATIN, MARKS, PAIRS, SURPRISE = range(6)  # SURPRISE: in 1/letter_pairs.BITS bit
PRIVATE, REPLACEMENT, CONTROL, ORPHANS, CLASHES, SWITCHES, ODD = range(6, 13)
_COUNTS = 13
# Dependent vowels that follow one another: the two halves of one sign, ெ + ா
_HALVES = "ொ ோ ௌ ো ৌ ୋ ୈ ୌ ൊ ോ ൌ ొౕ ై ೊ ೇ ೋ ೈ ೀ"
# Scripts that never set a dependent vowel on an independent one, on a virama, or on another vowel
_STRICT = ("Deva", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym")
# Set side by side without a space: scripts that write none between words, names in Latin letters, formulas
_MIXED = ("Hani", "Hira", "Kana", "Bopo", "Hang", "Thai", "Laoo", "Khmr", "Mymr", "Tibt", "Java", "Latn", "Grek")


class Counts(NamedTuple):
    """`page`: int64 by count, over the whole page; `stretches`: int64 (stretches, counts); `scripts`: letters of each."""

    page: np.ndarray
    stretches: np.ndarray
    scripts: np.ndarray


def _kind(code: int) -> int:
    character, kind = chr(code), unicodedata.category(chr(code))
    if code == 0xFFFD or kind == "Cn":
        return _REPLACEMENT
    if kind == "Co" or kind == "Cs":
        return _PRIVATE
    if character.isspace() or kind[0] == "Z":
        return _SPACE
    if kind == "Cc":
        return _CONTROL
    if kind == "Cf":
        return _JOINER
    if kind[0] == "M":
        return _JOINER if letter_pairs.is_point(code) else _mark(code, unicodedata.name(character, ""))
    if kind[0] == "L":
        return _VOWEL if _is_vowel(unicodedata.name(character, "")) else _LETTER
    return _ASCII if code < 0x80 and kind[0] in "PS" else _OTHER


def _mark(code: int, name: str) -> int:
    if script_table()[code] == 0:
        return _COMBINING  # a Latin accent, a vowel point: on anything
    if "VOWEL SIGN" in name:
        return _SIGN
    return _VIRAMA if "VIRAMA" in name else _MARK


def _is_vowel(name: str) -> bool:
    """Of BENGALI LETTER AA and the like. Gurmukhi's carriers (IRI, URA) and its A take signs."""
    script, _, letter = name.partition(" LETTER ")
    vowels = ("AA", "I", "II", "U", "UU", "VOCALIC R", "E", "EE", "AI", "O", "OO", "AU")
    return script in ("DEVANAGARI", "GUJARATI", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "ORIYA") and letter in vowels


@cache
def _kinds() -> np.ndarray:
    return np.array([_kind(code) for code in range(_BASIC)], np.uint8)


@cache
def _halves() -> np.ndarray:
    return np.array([(ord(pair[0]) << 16) | ord(pair[1]) for pair in _HALVES.split()], np.uint32)


@cache
def _script_sets() -> tuple[np.ndarray, np.ndarray]:
    names = np.array(SCRIPTS)
    return np.isin(names, _STRICT), np.isin(names, _MIXED)


@numba.njit(nogil=True, cache=True)
def _halves_of_one(first: int, second: int, halves: np.ndarray) -> bool:
    return bool(np.any(halves == (first << 16) | second))


@numba.njit(nogil=True, cache=True)
def _count(
    codes: np.ndarray,
    ends: np.ndarray,
    fonts: np.ndarray,
    kinds: np.ndarray,
    script: np.ndarray,
    symbol: np.ndarray,
    surprise: np.ndarray,
    judged: np.ndarray,
    strict: np.ndarray,
    mixed: np.ndarray,
    halves: np.ndarray,
    page: np.ndarray,
    scripts: np.ndarray,
    running: np.ndarray,
    stretches: np.ndarray,
) -> int:
    """Fills `page`, `scripts` and `stretches`, of which the number is returned. `running`: a row for each font."""
    made, start = 0, 0
    for line in range(len(ends)):
        row = running[fonts[line]]
        # what came before: a line begins like a word, after a space
        last_code, last_kind = np.int64(0x20), np.int64(_SPACE)
        last_script, last_symbol = np.int64(0), np.int64(0)
        joined = False  # a Latin letter right before the last character
        for at in range(start, ends[line]):
            code = np.int64(codes[at])
            basic = code < _BASIC
            kind = np.int64(kinds[code]) if basic else np.int64(_PRIVATE if code >= 0xF0000 else _OTHER)
            if kind == _JOINER:
                continue
            here = np.int64(script[code]) if code < CODE_POINTS else np.int64(0)
            letter = _LETTER <= kind <= _COMBINING or (not basic and here > 0)
            follows = _LETTER <= last_kind <= _COMBINING
            row[CHARACTERS] += kind != _SPACE
            row[PRIVATE] += kind == _PRIVATE
            row[REPLACEMENT] += kind == _REPLACEMENT
            row[CONTROL] += kind == _CONTROL
            if letter:
                row[LETTERS] += 1
                row[LATIN] += here == _LATIN
                scripts[here] += 1
                if follows and 0 < here != last_script > 0:
                    row[SWITCHES] += not (mixed[here] and mixed[last_script])
            if _SIGN <= kind <= _MARK:
                row[MARKS] += 1
                if not follows or (here != last_script and last_kind != _COMBINING):
                    row[ORPHANS] += 1
                elif strict[here] and code != last_code:  # a sign read twice is its reader's doing, as in शिक्षाा
                    on_vowel = kind == _SIGN and _VOWEL <= last_kind <= _VIRAMA
                    halved = last_kind == _SIGN and _halves_of_one(last_code, code, halves)
                    row[CLASHES] += (on_vowel and not halved) or (kind == _VIRAMA and last_kind == _VIRAMA)
            latin = letter and here == _LATIN
            if latin and joined and last_kind in (_ASCII, _OTHER):  # all but - . / and apostrophes
                row[ODD] += not (0x2D <= last_code <= 0x2F or last_code == 0x27 or last_code == 0x2019)
            joined = last_kind == _LETTER and last_script == _LATIN
            now = np.int64(symbol[code]) if basic else np.int64(0)
            if kind in (_ASCII, _OTHER) and code < 0x100 and last_script != _LATIN:
                following = codes[at + 1] if at + 1 < ends[line] else np.uint32(0)
                if following >= _BASIC or script[following] != _LATIN:
                    now = np.int64(0)  # signs stand for letters among Latin code points alone
            known = (letter and judged[here]) or (follows and judged[last_script])
            silent = (letter and here > 0 and not judged[here]) or (
                follows and last_script > 0 and not judged[last_script]
            )
            if known and not silent and now != letter_pairs.DIGIT and last_symbol != letter_pairs.DIGIT:
                slot = last_symbol * 2654435761 + now * 40503  # as letter_pairs.slots
                row[PAIRS] += 1
                row[SURPRISE] += surprise[(slot ^ (slot >> 15)) & (len(surprise) - 1)]
            if here > 0 or kind != _COMBINING:
                last_script = here
            last_code, last_kind, last_symbol = code, kind, now
        start = ends[line]
        if row[PAIRS] >= STRETCH:
            stretches[made] = row
            page += row
            row[:] = 0
            made += 1
    for row in running:
        page += row
        if row[PAIRS] >= SHORTEST:
            stretches[made] = row
            made += 1
    return made


def count(lines: Sequence[Line]) -> Counts:
    """Lines in reading order; text beyond `MOST` characters is left out."""
    text = "".join([line.text for line in lines])[:MOST]
    codes = letter_pairs.codes(text)
    ends = np.minimum(np.cumsum(np.array([len(line.text) for line in lines], np.int64)), len(codes))
    numbers: dict[str, int] = {}
    fonts = np.array([numbers.setdefault(line.font, len(numbers)) for line in lines], np.int64)
    page = np.zeros(_COUNTS, np.int64)
    scripts = np.zeros(len(SCRIPTS), np.int64)
    running = np.zeros((len(numbers), _COUNTS), np.int64)
    stretches = np.zeros((len(codes) // STRETCH + len(numbers) + 1, _COUNTS), np.int64)
    pairs, (strict, mixed) = letter_pairs.table(), _script_sets()
    tables = (_kinds(), script_table(), pairs.symbol, pairs.surprise, pairs.judged, strict, mixed, _halves())
    made = _count(codes, ends, fonts, *tables, page, scripts, running, stretches)
    return Counts(page, stretches[:made], scripts)
