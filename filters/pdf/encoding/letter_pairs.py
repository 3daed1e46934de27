"""How surprising each pair of neighbouring characters is, in the languages of its script: text or nonsense, cheaply.

`letter_pairs.npz` beside this module holds the table; `python -m curate.pdf.letter_pairs` makes it from labelled text.
A pair's surprise is -log2 P(second | first), where languages of one script count alike up to `_LANGUAGE_PAIRS` pairs.
Characters of one kind share a symbol: digits, all that separates words, and Han, Hangul and Yi by how frequent they
are. Letter case stays, so that capitals inside words, which encodings in Latin code points are full of, are seen.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unicodedata import category, normalize

import numpy as np

from filters.scripts import SCRIPT_INDEX, SCRIPTS, script_table

BITS = 8  # steps of a bit in the table
UNSEEN_BITS = 14  # of a pair that training did not see, and at most of any
SLOTS = 1 << 20  # of the hash table; a fourteenth is taken
BOUNDARY, DIGIT = 0, 1  # symbols
_BMP = 0x10000
_FIRST = 2  # the first symbol of its own
_BUCKETED = tuple(SCRIPT_INDEX[code] for code in ("Hani", "Hang", "Yiii"))
_BUCKETS = 12  # symbols of a script of thousands of signs: by the binary logarithm of their frequency
_LANGUAGE_PAIRS = 300_000
_LANGUAGE_CHARACTERS = 800_000
_MINIMUM_SCRIPT = 60_000  # characters seen in training; scripts with fewer are not judged
_MINIMUM_COUNT = 3
_CAPITALS = 12  # one line in so many is seen in capitals too
_POINTS = ((0x590, 0x5CF), (0x610, 0x74A), (0x8D0, 0x8FF))
_FILE = Path(__file__).with_name("letter_pairs.npz")


class Table(NamedTuple):
    symbol: np.ndarray  # uint16 by code point of the basic plane; astral characters are boundaries
    surprise: np.ndarray  # uint8 by `slot`, in steps of 1/BITS bit
    judged: np.ndarray  # bool by index of script


def slots(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where the surprise of symbol pairs lies in `Table.surprise`."""
    mixed = first.astype(np.int64) * 2654435761 + second.astype(np.int64) * 40503
    return (mixed ^ (mixed >> 15)) & (SLOTS - 1)


@cache
def table() -> Table:
    with np.load(_FILE, allow_pickle=False) as stored:
        symbol, first, second, bits = (stored[name] for name in ("symbol", "first", "second", "bits"))
        judged = np.isin(np.array(SCRIPTS), stored["scripts"])
    surprise = np.full(SLOTS, UNSEEN_BITS * BITS, np.uint8)
    np.minimum.at(surprise, slots(first, second), bits)
    return Table(symbol, surprise, judged)


def _own_kind(code: int) -> int:
    """The symbol of characters that have none of their own by frequency: boundaries, digits, or -1 for letters."""
    kind = category(chr(code))
    if kind == "Nd":
        return DIGIT
    # ASCII and Latin-1 signs stand for letters in legacy encodings, so each is a symbol
    return -1 if kind[0] in "LM" or (0x20 < code < 0x100 and code != 0xA0) else BOUNDARY


def _symbols(seen: Counter[int]) -> np.ndarray:
    """uint16 by code point. What a character is equivalent to (an Arabic presentation form, ﬁ) shares its symbol."""
    symbol = np.zeros(_BMP, np.uint16)
    following = _FIRST + len(_BUCKETED) * _BUCKETS + len(SCRIPTS)
    scripts = script_table()
    for code in range(_BMP):
        own = _own_kind(code)
        script = int(scripts[code])
        if own >= 0:
            symbol[code] = own
        elif script in _BUCKETED:
            bucket = min(_BUCKETS - 1, seen[code].bit_length())
            symbol[code] = _FIRST + _BUCKETED.index(script) * _BUCKETS + bucket
        elif seen[code] >= _MINIMUM_COUNT:
            symbol[code], following = following, following + 1
        else:  # one for all that are rare in a script
            symbol[code] = _FIRST + len(_BUCKETED) * _BUCKETS + script
    for code in range(0xA0, _BMP):
        like = normalize("NFKC", chr(code))
        if like != chr(code) and category(chr(code))[0] == "L" and ord(like[0]) < _BMP:
            symbol[code] = symbol[ord(like[0])]
    return symbol


def codes(text: str) -> np.ndarray:
    """uint32 code points."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def surprise(text: str) -> float:
    """Mean bits of a pair with a letter in it, of scripts that are judged; UNSEEN_BITS where there is none.

    Language has 3.5 to 5.5, nonsense 6.5 and more.
    """
    found = codes(text)
    found = found[found < _BMP]
    found = found[~_points()[found]]
    known, script = table(), _scripts(found)
    symbol, letters = known.symbol[found], known.judged[script]
    silent = (symbol == DIGIT) | (script > 0) & ~letters
    wanted = (letters[1:] | letters[:-1]) & ~(silent[1:] | silent[:-1])
    if not wanted.any():
        return float(UNSEEN_BITS)
    return float(known.surprise[slots(symbol[:-1], symbol[1:])[wanted]].mean()) / BITS


def is_point(code: int) -> bool:
    """A vowel point of Arabic, Hebrew or Syriac. Most text has none, and PDFs set them before or after a space."""
    return category(chr(code))[0] == "M" and any(low <= code <= high for low, high in _POINTS)


@cache
def _points() -> np.ndarray:
    return np.array([is_point(code) for code in range(_BMP)])


def _basic(text: str) -> np.ndarray:
    found = codes(text)
    found = found[found < _BMP]
    return found[~_points()[found]]


def _forms(lines: Iterable[str]) -> str:
    """The text, some of it in capitals, and decomposed too where that changes it: PDFs hold letters either way."""
    kept = list(lines)
    text = "\n".join([*kept, *(line.upper() for line in kept[::_CAPITALS])])[:_LANGUAGE_CHARACTERS]
    return text if normalize("NFD", text) == text else f"{normalize('NFC', text)}\n{normalize('NFD', text)}"


def train(texts: Mapping[str, Iterable[str]], path: Path = _FILE) -> None:
    """Write the table of `texts`: lines by label (hin_Deva)."""
    languages = {name: _basic(_forms(lines)) for name, lines in texts.items()}
    seen: Counter[int] = Counter()
    for found in languages.values():
        values, counts = np.unique(found, return_counts=True)
        seen.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    symbol = _symbols(seen)
    pairs: dict[int, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
    letters = np.zeros(len(SCRIPTS), np.int64)
    for found in languages.values():
        script = _scripts(found)
        letters += np.bincount(script, minlength=len(SCRIPTS))
        _count(symbol[found], script, pairs)
    # Pairs of signs by the thousand say nothing in the short cells of a table
    known = [SCRIPTS[i] for i in np.flatnonzero(letters >= _MINIMUM_SCRIPT) if i and i not in _BUCKETED]
    first, second, bits = _surprises(pairs)
    np.savez_compressed(path, symbol=symbol, first=first, second=second, bits=bits, scripts=np.array(known))


def _scripts(found: np.ndarray) -> np.ndarray:
    """Of each code point; an accent is in the script of what it stands on."""
    script = script_table()[found]
    at = np.where(_accents()[found], 0, np.arange(len(found)))
    return script[np.maximum.accumulate(at)]


@cache
def _accents() -> np.ndarray:
    return np.array([category(chr(code))[0] == "M" and script_table()[code] == 0 for code in range(_BMP)])


def _count(symbol: np.ndarray, script: np.ndarray, pairs: dict[int, defaultdict[int, float]]) -> None:
    """Adds one language's pairs, by script (of the second, or else the first) and first << 16 | second."""
    owner = np.where(script[1:] > 0, script[1:], script[:-1]).astype(np.uint64)
    key = owner << np.uint64(32) | symbol[:-1].astype(np.uint64) << np.uint64(16) | symbol[1:].astype(np.uint64)
    found, counts = np.unique(key[owner > 0], return_counts=True)
    weight = min(1.0, _LANGUAGE_PAIRS / max(1, counts.sum()))
    for value, count in zip(found.tolist(), counts.tolist(), strict=True):
        pairs[value >> 32][value & 0xFFFFFFFF] += count * weight


def _surprises(pairs: dict[int, defaultdict[int, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    best: dict[int, int] = {}
    for counted in pairs.values():
        totals: defaultdict[int, float] = defaultdict(float)
        for key, count in counted.items():
            totals[key >> 16] += count
        for key, count in counted.items():
            if count >= _MINIMUM_COUNT:
                # absolute discounting, and the more of it the rarer the first: that proves little
                bits = -np.log2((count - 1) / (totals[key >> 16] + 20))
                best[key] = min(best.get(key, 255), max(0, min(UNSEEN_BITS * BITS, round(BITS * bits))))
    keys = np.array(sorted(best), np.uint32)
    bits = np.array([best[key] for key in keys.tolist()], np.uint8)
    return (keys >> np.uint32(16)).astype(np.uint16), (keys & np.uint32(0xFFFF)).astype(np.uint16), bits
