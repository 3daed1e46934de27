"""The form in which a dictionary's word stands in a sentence of another language: article, number, agreement."""

import re
from types import MappingProxyType
from typing import NamedTuple

ARTICLE = "ال"
_VOWEL_SIGNS = re.compile("[\u064b-\u0652\u0670]")
# Words that begin with the letters of the article and have none: pronouns, now, God, and the verbs and verbal nouns of
# roots that begin with l, in the pattern of iltazama
_NO_ARTICLE = re.compile(
    "(?:الله|الآن|الذي|التي|الذين|اللذان|اللتان|"
    "الت(?:[صزبقهحفمأ]|ص[قا]|زا?م|با?س|قا?ط|قى|قاء|حا?ق|فا?ت|فاف|ما?س|ها?ب|ها?م|جأ|جاء|ئام|وى|واء|صاق)(?:ت|ات|وا|ة)?)"
)
# Names of times that lose their sense without it
_TIMES = frozenset({"today", "tonight", "now"})

_PLURALS = (("z", "ces"), ("í", "íes"), *((vowel, f"{vowel}s") for vowel in "aeiouáéóú"))
_STRESSED_END = re.compile("(?<![aeiou])[áéíóú][ns]$|(?<=i)ón$")  # francés, acción; the stress of país stays
_PLAIN = str.maketrans("áéíóú", "aeiou")

# Adjectives and numbers that dictionaries of Swahili give as stems, as they stand beside a noun of class 9 or 10, where
# borrowed nouns go (Ashton, Swahili Grammar, 1944). kubwa, chache, tatu and the like stay as they are
_SWAHILI_FORMS = """
    baya mbaya zuri nzuri ema njema gumu ngumu zito nzito refu ndefu ingi nyingi embamba nyembamba pya mpya bichi mbichi
    bivu mbivu bovu mbovu dogo ndogo eusi nyeusi ekundu nyekundu eupe nyeupe epesi nyepesi zima nzima geni ngeni
    ingine nyingine ote zote wili mbili enye yenye
"""
_SWAHILI = MappingProxyType(dict(zip(_SWAHILI_FORMS.split()[::2], _SWAHILI_FORMS.split()[1::2], strict=True)))


class Place(NamedTuple):
    """Where the word stands that is replaced."""

    word: str
    plural: bool  # of a noun whose singular the dictionary has


def in_place(translation: str, language: str, place: Place) -> str:
    """The translation as it stands there; as the dictionary has it, in most languages.

    Arabic nouns lose the article, which the sentence around them has or has not, and vowel signs, which few write.
    Spanish nouns take the plural. Swahili adjectives agree with nouns of class 9.
    """
    if language == "arb":
        return _without_article(_VOWEL_SIGNS.sub("", translation), place)
    if language == "spa" and place.plural:
        return _spanish_plural(translation)
    return _SWAHILI.get(translation, translation) if language == "swh" else translation


def _without_article(text: str, place: Place) -> str:
    """Of a noun, and of the adjectives that agree with it."""
    if place.word.casefold() in _TIMES or not _has_article(text):
        return text
    words = text.split(" ")
    agreeing = all(map(_has_article, words))
    return " ".join(word.removeprefix(ARTICLE) if agreeing or not at else word for at, word in enumerate(words))


def _has_article(text: str) -> bool:
    word = text.split(" ")[0]
    return word.startswith(ARTICLE) and len(word) > len(ARTICLE) + 1 and not _NO_ARTICLE.fullmatch(word)


def has_article(word: str, language: str) -> bool:
    """Whether a word is an Arabic one with the article."""
    return language == "arb" and _has_article(_VOWEL_SIGNS.sub("", word))


def _spanish_plural(text: str) -> str:
    """Of one word; phrases stay, whose words each have a plural or not."""
    if " " in text:
        return text
    ending = next((plural for singular, plural in _PLURALS if text.endswith(singular)), "")
    if ending:
        return text[:-1] + ending
    if stressed := _STRESSED_END.search(text):
        return text[: stressed.start()] + text[stressed.start() :].translate(_PLAIN) + "es"
    if text.endswith("s"):
        return f"{text}es" if text[-2:-1] in "áéíóú" else text
    return f"{text}es"
