"""Which pieces may be made: those of the new languages' letters, so that English and code keep their ids."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable

from train.tokenization.base import BYTES

_SCRIPT_SHARE = 0.01  # of a language's letters beyond ASCII; below it, a script is a guest in the text
_SIGN_SHARE = 0.001  # of the same letters
# First bytes that letters share with the typography and emoji of English: Latin-1, General Punctuation, forms, emoji
_SHARED = frozenset(b"\xc2\xc3\xe2\xef\xf0")


def script(character: str) -> str:
    """The first word of the character's name in Unicode, such as DEVANAGARI: a letter's, a mark's, a digit's, a sign's."""
    return unicodedata.name(character, "").split(" ")[0]


def letters(characters: Counter[str]) -> Counter[str]:
    """Of a language's characters, those of its scripts and their punctuation marks, ASCII left out."""
    beyond = Counter({each: count for each, count in characters.items() if ord(each) > 127})
    scripts: Counter[str] = Counter()
    for each, count in beyond.items():
        if unicodedata.category(each)[0] in "LM":
            scripts[script(each)] += count
    own = {name for name, count in scripts.items() if count >= _SCRIPT_SHARE * scripts.total()} - {"COMBINING", ""}
    found = {each for each in beyond if script(each) in own}
    found |= {each for each in beyond if own and _is_sign(each) and beyond[each] >= _SIGN_SHARE * scripts.total()}
    return Counter({each: beyond[each] for each in found})


def _is_sign(character: str) -> bool:
    """A punctuation mark that scripts share, as the danda (Devanagari by its name) and 。; none that English has."""
    return (
        unicodedata.category(character)[0] == "P" and ord(character) > 0xFF and not 0x2000 <= ord(character) <= 0x206F
    )


def in_characters(own: Iterable[str]) -> Callable[[str], bool]:
    """Whether a piece has one of the letters."""
    known = frozenset(own)
    return lambda piece: not known.isdisjoint(piece)


def in_bytes(own: Iterable[str]) -> Callable[[str], bool]:
    """Whether a byte-level piece has one of the letters, or the start of one. One of later bytes alone has none."""
    starts = {each.encode()[:length] for each in own for length in range(1, len(each.encode()) + 1)}
    starts -= {bytes([first]) for first in _SHARED}

    def admitted(piece: str) -> bool:
        spelled = bytes(BYTES[character] for character in piece)
        at = 0
        while at < len(spelled):
            length = _length(spelled[at])
            if spelled[at] > 0xBF and spelled[at : at + length] in starts:
                return True
            at += length
        return False

    return admitted


def _length(first: int) -> int:
    """Of a character in UTF-8, by its first byte; 1 for a later byte."""
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
