"""Which rules spell a language's words: from a native word to its sounds, and from sounds to Latin letters."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

from translate.romanization import brahmic, perso_arabic, spelling

BRAHMIC = tuple(brahmic.BLOCKS)


class Rules(NamedTuple):
    """Both functions take and give one word."""

    sounds: Callable[[str], str]  # a native word -> a character a sound
    spell: Callable[[str], str]  # those -> Latin letters


def has_rules(language: str, script: str) -> bool:
    """Whether `rules` has any: Brahmic scripts, and Perso-Arabic where vowels are told by rule."""
    return script in BRAHMIC or (script == "Arab" and language in perso_arabic.LANGUAGES)


@cache
def rules(language: str, script: str) -> Rules:
    """The rules of a language in a script."""
    if script not in BRAHMIC:
        return Rules(partial(perso_arabic.units, language=language), partial(perso_arabic.spell, language=language))
    style = spelling.style_of(language, script)

    def sounds(word: str) -> str:
        return spelling.silenced(brahmic.units(word, script), style)

    return Rules(sounds, spelling.speller(style))
