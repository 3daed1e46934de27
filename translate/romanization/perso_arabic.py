"""Urdu, Sindhi, Kashmiri and their neighbours in Arabic letters: consonants and long vowels as written, the rest by rule.

Short vowels are hardly ever written. Between consonants that no syllable could hold together an `a` is put, the most
frequent of them; which vowel it really is only a model that has seen words can tell (`learned`).
"""

import re
from functools import cache
from unicodedata import normalize

from translate.romanization.brahmic import pairs

LANGUAGES = frozenset({"urd", "snd", "kas", "pnb", "skr"})

_LETTERS = """
ب:b پ:p ت:t ٹ:t ث:s ج:j چ:ch ح:h خ:kh د:d ڈ:d ذ:z ر:r ڑ:r ز:z ژ:zh س:s ش:sh ص:s ض:z ط:t ظ:z غ:gh ف:f ق:q ک:k ك:k گ:g
ل:l م:m ن:n ں:n ہ:h ھ:h ه:h ة:t ۃ:t ٻ:b ڀ:bh ٺ:th ٽ:t ٿ:th ڄ:j ڃ:n ڇ:chh ڌ:dh ڏ:d ڊ:d ڍ:dh ڙ:r ڦ:ph ڪ:k ڳ:g ڱ:ng ڻ:n
ݨ:n ݙ:d ڰ:g ڈھ:dh ݩ:n ࣇ:l ڤ:v
"""
_VOWELS = """
ا:a آ:aa أ:a إ:i ٱ:a ع:a ى:a ئ:i ؤ:o ے:e ۓ:e ٲ:a ٳ:a ۆ:o ۄ:o ێ:e ۍ:i ؠ:y
\u064e:a \u064f:u \u0650:i \u064b:an \u064c:un \u064d:in \u0670:a \u0656:ee \u0657:oo \u0654:a \u0655:i \u065a:o \u0658:u
"""
_SINDHI = {"ک": "kh", "ي": "i", "۾": "mein", "۽": "ain"}
_KASHMIRI = {"ژ": "ts", "ع": "a"}
_SHADDA, _SUKUN = "\u0651", "\u0652"
# Standing alone, other than their letters would say
_DROPPED = re.compile("[\u0640\u200c\u200d\u200e\u200f\u0610-\u061a\u06d6-\u06ed\u08d3-\u08ff]")
_YEH, _HEH = "یيې", "ہهھەۂۀ"
_GLIDES = {"و": ("w", "o"), **dict.fromkeys(_YEH, ("y", "i"))}  # as consonant, as vowel


def units(word: str, language: str) -> str:
    """The letters of a word without presentation forms, joiners and ornaments, one character a letter."""
    word = _DROPPED.sub("", normalize("NFKC", word))
    return word if language == "snd" else word.replace("ي", "ی").replace("ك", "ک").replace("ه", "ہ")


@cache
def _tables(language: str) -> tuple[dict[str, str], dict[str, str]]:
    """Consonants and vowels of a language."""
    own = {"snd": _SINDHI, "kas": _KASHMIRI}.get(language, {})
    vowels = pairs(_VOWELS) | {letter: own[letter] for letter in own if letter in "ع"}
    return pairs(_LETTERS) | {letter: own[letter] for letter in own if letter not in "عي"}, vowels


def _glide(word: str, at: int, vowels: dict[str, str], heard: bool) -> tuple[str, bool]:
    """(latin, whether a vowel) of waw or yeh: a consonant at the beginning and between vowels."""
    consonant, vowel = _GLIDES[word[at]]
    following = word[at + 1 : at + 2]
    before_vowel = following in vowels or following in _GLIDES
    if following and (at == 0 or heard) and (before_vowel or at == 0):
        return consonant, False
    if at == 0:
        return vowel, True
    return (consonant, False) if following in ("ا", "آ") and not heard else (vowel, True)


def _sounds(word: str, language: str) -> list[tuple[str, bool]]:
    """(latin, whether a vowel) of each sound."""
    consonants, vowels = _tables(language)
    found: list[tuple[str, bool]] = []
    for at, letter in enumerate(word):
        heard = bool(found) and found[-1][1]
        if letter in _GLIDES:
            found.append(_glide(word, at, vowels, heard))
        elif letter in "ھ" and found and not heard:
            found[-1] = (found[-1][0] + "h", False)  # aspiration
        elif letter in _HEH and at == len(word) - 1 and found and not heard:
            found.append(("a", True))
        elif letter == _SHADDA and found and not heard:
            found.append((found[-1][0][:1], False))
        elif letter in _HEH:
            found.append(("h", False))
        elif letter in vowels:
            found.append((vowels[letter], True))
        elif letter in consonants:
            found.append((consonants[letter], False))
    return found


def _syllables(run: list[str], starts: bool, ends: bool) -> str:
    """A run of consonants, `a` put where it could not be said: at most one closes a syllable and one opens the next."""
    if starts and len(run) > 1:
        return run[0] + "a" + _syllables(run[1:], False, ends)
    parts = []
    left = run
    while len(left) > 2:
        parts += [left[0], left[1], "a"]
        left = left[2:]
    if ends and len(left) == 2:
        return "".join([*parts, left[0], "a", left[1]])
    return "".join(parts + left)


def spell(word: str, language: str) -> str:
    """The Latin spelling of `units` of a word."""
    parts: list[str] = []
    run: list[str] = []
    starts = True
    for latin, is_vowel in _sounds(word, language):
        if not is_vowel:
            run.append(latin)
            continue
        parts += [_syllables(run, starts, False) if run else "", latin]
        run, starts = [], False
    return "".join(parts) + (_syllables(run, starts, True) if run else "")
