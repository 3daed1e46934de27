"""Spelling rules for Brahmic scripts: from the sounds of a word to what people who type the language write.

Schwa deletion after M. Ohala, Aspects of Hindi Phonology (1983): a word-final inherent vowel is silent unless it carries
a consonant cluster of rising sonority; one between single consonants with vowels on both sides is silent too, from the
right. Which languages do so, and which letters people type, is in `_STYLES`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from translate.romanization.brahmic import CONSONANTS, INHERENT, LETTERLESS, SIGNS, VOWELS, pairs

_SPELLINGS = """
अ:a आ:a इ:i ई:i उ:u ऊ:u ऋ:ri ॠ:ri ऌ:li ॡ:li ऍ:e ऎ:e ए:e ऐ:ai ऑ:o ऒ:o ओ:o औ:au ॲ:a ॳ:o ॴ:o ॵ:au ॶ:u ॷ:u ऄ:a
ऺ:o ऻ:o ा:a ि:i ी:i ु:u ू:u ृ:ri ॄ:ri ॢ:li ॣ:li ॅ:e ॆ:e े:e ै:ai ॉ:o ॊ:o ो:o ौ:au ॎ:e ॏ:au ॕ:e ॖ:u ॗ:u a:a
क:k ख:kh ग:g घ:gh ङ:n च:ch छ:chh ज:j झ:jh ञ:n ट:t ठ:th ड:d ढ:dh ण:n त:t थ:th द:d ध:dh न:n प:p फ:ph ब:b भ:bh म:m
य:y र:r ल:l ळ:l व:v श:sh ष:sh स:s ह:h ॸ:d ॹ:zh ॺ:y ॻ:g ॼ:j ॾ:d ॿ:b
\u0929:n \u0931:r \u0934:zh \u0958:q \u0959:kh \u095a:gh \u095b:z \u095c:d \u095d:dh \u095e:f \u095f:y ं:n ँ:n ः:h
"""


BASE = pairs(_SPELLINGS)


@dataclass(frozen=True, slots=True)
class _Style:
    """How a language is typed."""

    final: bool = False  # the last inherent vowel falls silent
    medial: bool = False  # and those between, in spelling too
    letters: dict[str, str] = field(default_factory=dict)  # other than in `BASE`
    changes: tuple[tuple[str, str], ...] = ()  # patterns over sounds -> Latin letters or other sounds, in order


_LONG = "आ:aa ा:aa ई:ee ी:ee ऊ:oo ू:oo "  # digraph vowels
_DENTALS = "त:th थ:th "  # t is left to the retroflex
_BEFORE_LABIAL = ("[ंँ](?=[पफबभम])", "m")
_SOUTHERN_M = (("ं(?=[पफबभमयरलवशषसह])", "m"), ("ं$", "m"), ("चच|चछ", "cch"))
_JOINED_Y = (f"(?<=[{CONSONANTS}])य(?=[{SIGNS}a])", "y")
_TAMIL = (
    ("ः(?=प)", "\u095e"), ("\u095eप", "\u095e"), ("ः", "k"), ("\u0931\u0931", "tr"), ("न\u0931|\u0929\u0931", "ndr"),
    ("(?<=[ङञणनम\u0929])[क]", "g"), ("(?<=[ञ])च", "j"), ("(?<=[ण])ट", "d"), ("(?<=म)प", "b"),
    ("चच", "chch"), ("च", "s"), (f"(?<=[{SIGNS}{VOWELS}a])क(?=[{SIGNS}a])", "g"), (f"(?<=[{SIGNS}{VOWELS}ala-z])ट(?=[{SIGNS}a])", "d"),
    ("ञञ", "nj"), ("षषa", "ksha"),
)  # fmt: skip
_STYLES = {
    "hin": _Style(True, True, pairs("आ:aa फ:f"), (_BEFORE_LABIAL, ("जञ", "gy"))),
    "mar": _Style(True, False, pairs("आ:aa फ:f ऋ:ru ृ:ru ॲ:a ॅ:a"), (("ं$", ""), _BEFORE_LABIAL, ("जञ", "dny"))),
    "guj": _Style(True, True, pairs("आ:aa फ:f ऋ:ru ृ:ru"), (("ं$", ""), _BEFORE_LABIAL, ("जञ", "gn"))),
    "pan": _Style(True, True, pairs("आ:aa फ:f \u095c:r"), (_BEFORE_LABIAL,)),
    "npi": _Style(True, False, pairs("आ:aa व:w"), (_BEFORE_LABIAL, ("जञ", "gy"))),
    "mai": _Style(True, True, pairs("आ:aa फ:f"), (_BEFORE_LABIAL, ("जञ", "gy"))),
    "ben": _Style(
        True, True,
        pairs("a:o अ:o फ:f छ:ch य:j व:b ं:ng ः: ै:oi ऐ:oi औ:ou ौ:ou \u095c:r \u095d:rh"),
        (("जञ", "gg"), ("^कष", "kh"), ("कष", "kkh"), _JOINED_Y),
    ),
    "asm": _Style(
        True, False,
        pairs("a:o अ:o च:s छ:s श:x ष:x स:x य:j व:w ं:ng ै:oi ऐ:oi औ:ou ौ:ou \u095c:r \u095d:rh"),
        (("जञ", "gy"), ("कष", "kh"), ("स(?=[तथटठकप])", "s"), _JOINED_Y),
    ),
    "ory": _Style(letters=pairs("ऋ:ru ृ:ru व:b य:j"), changes=(_BEFORE_LABIAL, ("जञ", "gy"), _JOINED_Y)),
    "san": _Style(letters=pairs(_LONG), changes=(_BEFORE_LABIAL, ("ं$", "m"), ("जञ", "jn"))),
    "tam": _Style(letters=pairs(_LONG + _DENTALS + "े:ae ए:ae"), changes=_TAMIL),
    "tel": _Style(letters=pairs(_LONG + "थ:th ृ:ru ऋ:ru श:s"), changes=_SOUTHERN_M),
    "kan": _Style(letters=pairs("ृ:ru ऋ:ru"), changes=_SOUTHERN_M),
    "mal": _Style(
        letters=pairs(_LONG + _DENTALS + "ृ:ru ऋ:ru"),
        changes=(
            ("ं(?=[कखगघतथदधचज])", "n"), ("ं", "m"), ("\u0931\u0931", "tt"), ("न\u0931", "nt"), ("ङङ", "ng"), ("ञञ|ञ(?![चज])", "nj"),
            ("(?<=[ण])ट", "d"), (f"(?<=[{SIGNS}{VOWELS}a])ट(?=[{SIGNS}a])", "d"), ("(?<=म)प", "b"), ("चच|चछ", "cch"), ("जञ", "jn"),
        ),
    ),
    "sin": _Style(letters=pairs("त:th थ:th ॅ:a ॲ:a ऻ:ae ॴ:ae ृ:ru ऋ:ru"), changes=(_BEFORE_LABIAL, ("जञ", "gn"))),
}  # fmt: skip
_ALIKE = {"gom": "mar", "pli": "san"}
_BY_SCRIPT = {
    "Deva": "hin",
    "Beng": "ben",
    "Guru": "pan",
    "Gujr": "guj",
    "Orya": "ory",
    "Taml": "tam",
    "Telu": "tel",
    "Knda": "kan",
    "Mlym": "mal",
    "Sinh": "sin",
}

SILENT = "A"  # an inherent vowel that is written and not heard

_SOUNDED = f"{VOWELS}{SIGNS}{INHERENT}"
_FINAL = re.compile(f"(?<=[{_SOUNDED}ंँः])([{CONSONANTS}]*)([{CONSONANTS}])a$")
_SONORANT = frozenset("यरलवनमणहळ")
_LIQUID_OR_NASAL = frozenset("रलनमणङञंँ")
_CLOSE = re.compile(f"(?<=[{_SOUNDED}][{CONSONANTS}])a(?=[{CONSONANTS}][{_SOUNDED}])")


def _rises(before: str, last: str) -> bool:
    """Whether a final cluster rises in sonority, so that it needs its vowel: madhya, krishna; not dharm, samapt."""
    if not before or last not in _SONORANT:
        return False
    return last == "य" or before[-1] not in _LIQUID_OR_NASAL


def _silence_final(sounds: str) -> str:
    """The last inherent vowel as `SILENT` where it is not heard; never the only vowel of a word."""
    found = _FINAL.search(sounds)
    return sounds if not found or _rises(found[1], found[2]) else sounds[:-1] + SILENT


def _silence_medial(sounds: str) -> str:
    """The inherent vowels between single consonants that have vowels beyond them as `SILENT`, the rightmost first."""
    for at in range(len(sounds) - 3, 1, -1):
        if sounds[at] == INHERENT and _CLOSE.match(sounds, at):
            sounds = sounds[:at] + SILENT + sounds[at + 1 :]
    return sounds


def style_of(language: str, script: str) -> str:
    """The language whose rules are used: its own, or those of the language most written in the script."""
    language = _ALIKE.get(language, language)
    return language if language in _STYLES else _BY_SCRIPT[script]


@cache
def _compiled(style: str) -> tuple[_Style, tuple[tuple[re.Pattern[str], str], ...], dict[int, str]]:
    rules = _STYLES[style]
    changes = tuple((re.compile(pattern), latin) for pattern, latin in rules.changes)
    return rules, changes, LETTERLESS | str.maketrans(BASE | rules.letters)


def silenced(sounds: str, style: str) -> str:
    """The sounds of `brahmic.units` with `SILENT` for each inherent vowel that the language may leave out."""
    rules = _STYLES[style]
    if not rules.final:
        return sounds
    return _silence_medial(_silence_final(sounds))


def speller(style: str) -> Callable[[str], str]:
    """The function from the sounds of a word, as `silenced` gives them, to its spelling."""
    rules, changes, table = _compiled(style)
    unheard = "" if rules.medial else INHERENT

    def spell(sounds: str) -> str:
        if rules.final and sounds.endswith(SILENT):
            sounds = sounds[:-1]
        sounds = sounds.replace(SILENT, unheard)
        for pattern, latin in changes:
            sounds = pattern.sub(latin, sounds)
        return sounds.translate(table)

    return spell


def languages() -> frozenset[str]:
    """ISO 639-3 of the languages that have rules of their own."""
    return frozenset(_STYLES)
