"""Code-switching by dictionary: some words of a text in another language (SDRRL, arXiv 2402.12204; xCoT, 2401.07037).

Which words, and by what, is a function of seed and text alone, the same on any machine and in any order of work.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from filters import characters as ch
from filters.columns import label
from filters.labels import canonical
from filters.segment import ALPHABETIC, WORD_LIKE, segment
from translate.dictionary import Dictionary
from translate.mask import protected

MOST_WORDS = 3  # in a translation; longer ones explain
_SURROGATE = re.compile("[\ud800-\udfff]")
_DOTTED = frozenset({"tur", "azj", "crh", "tat", "kaz"})  # whose capital i keeps its dot in Latin letters


class Replaced(NamedTuple):
    """A word that was replaced: offsets in code points, in the text that was given and in the one that came out."""

    source_start: int
    source_end: int
    start: int
    end: int
    source: str
    target: str


class Switched(NamedTuple):
    """The code-switched text, what was replaced in it by place, and how many words there were to choose from."""

    text: str
    spans: tuple[Replaced, ...]
    words: int  # outside protected parts, known to the dictionary or not


def code_switch(text: str, dictionary: Dictionary, *, share: float, seed: int, language: str) -> Switched:
    """Replace `share` of the words by their first short translation; fewer where the dictionary knows fewer.

    Code, URLs, numbers and the like (`translate.mask.protected`) stay, and so does the case of a replaced word.
    `language` is the text's. ValueError if the dictionary is for another, or for a share outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share:g}; it must be between 0 and 1")
    if label(*canonical(language)) != dictionary.source:
        raise ValueError(f"text in {language!r}, but the dictionary is {dictionary.source}-{dictionary.target}")
    words = list(word_ranges(text))
    known = [(start, end, found) for start, end in words if (found := _translation(text[start:end], dictionary))]
    wanted = int(share * len(words) + 0.5)
    ranked = sorted(range(len(known)), key=_order(seed, text))
    chosen = [known[index] for index in sorted(ranked[:wanted])]
    return Switched(*_replaced(text, chosen), len(words))


def word_ranges(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of words with a letter, in code points, outside protected parts."""
    raw = _SURROGATE.sub("?", text).encode()
    tokens = segment(pa.array([raw.decode()], pa.string())).tokens
    tokens = tokens[(tokens["flags"] & (ALPHABETIC | WORD_LIKE)) == ALPHABETIC | WORD_LIKE]
    data = np.frombuffer(raw, np.uint8)
    at = np.concatenate([[0], np.cumsum((data & 0xC0) != 0x80)])  # code points before each byte
    parts = np.array([*protected(text)], np.int64).reshape(-1, 2)
    starts, ends = at[tokens["start"]], at[tokens["end"]]
    inside = np.searchsorted(parts[:, 0], ends, "left") > np.searchsorted(parts[:, 1], starts, "right")
    yield from zip(starts[~inside].tolist(), ends[~inside].tolist(), strict=True)


def _translation(word: str, dictionary: Dictionary) -> str:
    short = (found for found in dictionary.lookup(word) if len(found.split()) <= MOST_WORDS)
    found = next(short, word)
    return _in_case_of(word, found, dictionary.target[:3]) if found.casefold() != word.casefold() else ""


def _in_case_of(word: str, translation: str, language: str) -> str:
    """TITLE and Title as in the word replaced; a capital that the dictionary has stays."""
    if len(word) > 1 and word.isupper():
        return "".join(_upper(one, language) for one in translation)
    if word[0].isupper() or word[0].istitle():
        first = _upper(translation[0], language)
        return (first if len(first) == 1 else first.capitalize()) + translation[1:]
    return translation


def _upper(letter: str, language: str) -> str:
    """Georgian has no capitals inside text: Unicode's title case leaves its letters, its upper case does not."""
    if letter == "i" and language in _DOTTED:
        return "İ"
    return letter if letter.title() == letter else letter.upper()


def _order(seed: int, text: str) -> Callable[[int], bytes]:
    key = hashlib.blake2b(f"{seed}\n{text}".encode("utf-8", "surrogatepass"), digest_size=32).digest()
    return lambda index: hashlib.blake2b(index.to_bytes(8), key=key, digest_size=8).digest()


def _replaced(text: str, chosen: list[tuple[int, int, str]]) -> tuple[str, tuple[Replaced, ...]]:
    pieces: list[str] = []
    spans: list[Replaced] = []
    at = length = 0
    for start, end, target in chosen:
        gap = _spaced(pieces, text[at:start])
        pieces.append(gap)
        pieces.append(_spaced(pieces, target))
        begun = length + len(gap) + len(pieces[-1]) - len(target)
        spans.append(Replaced(start, end, begun, begun + len(target), text[start:end], target))
        at, length = end, begun + len(target)
    return "".join([*pieces, _spaced(pieces, text[at:])]), tuple(spans)


def _spaced(before: list[str], text: str) -> str:
    """With a space first where two words would become one: the neighbours, in scripts without spaces."""
    last = next((piece[-1] for piece in reversed(before) if piece), "")
    if not last or not text:
        return text
    flags = ch.characters().flags
    one, other = flags[ord(last)], flags[ord(text[0])]
    words = one & (ch.WORD | ch.EXTEND) and other & (ch.WORD | ch.EXTEND)
    return f" {text}" if words and not one & other & ch.NO_SPACE else text
