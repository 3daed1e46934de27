"""Text in Latin letters: `natural`, the way people type their language, or a letter-for-letter scheme.

Words of the language's own script change, its digits become ASCII digits and its punctuation (danda, Arabic comma) the
Latin one; everything else stays as it is: Latin text, URLs and mail addresses, other scripts. Natural spellings are
lower case. They come from a model learned from people's romanizations where it does better than rules on words it never
saw (`translate.romanization.learned`), else from rules for the language or its script, and for scripts without rules
from uroman. Japanese and Chinese are spelled by uroman's one reading a character.
"""

from collections.abc import Callable
from functools import lru_cache

from filters.columns import UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT
from filters.labels import canonical
from translate.romanization import learned, other, schemes, spelling
from translate.romanization.common import common
from translate.romanization.tokens import Pattern, pattern
from translate.romanization.words import BRAHMIC, has_rules, rules

NATURAL = "natural"
SCHEMES = (NATURAL, *schemes.SCHEMES)
_REMEMBERED = 1 << 18  # words of a language; then all are forgotten
_BATCH = 1 << 20  # characters of text whose new words are spelled together

Words = Callable[[list[str]], list[str]]


def romanize(text: list[str], *, language: str, scheme: str = NATURAL) -> list[str]:
    """The texts in Latin letters, one for one. `language`: any usual label, as hin_Deva, hin or hi.

    ValueError for a scheme or language that is not known, or that is written in Latin letters already; and for a scheme
    other than natural outside the Brahmic scripts.
    """
    one = _romanizer(*_checked(language, scheme))
    return one.texts(text)


def leftover(text: str, language: str) -> str:
    """The characters of the language's own script that are in a text outside URLs; empty after `romanize`."""
    return "".join(pattern(_checked(language, NATURAL)[1]).tokens.findall(text))


def _checked(language: str, scheme: str) -> tuple[str, str, str]:
    """(language, script, scheme) in our codes."""
    if scheme not in SCHEMES:
        raise ValueError(f"no scheme {scheme!r}; there are {', '.join(SCHEMES)}")
    code, script = canonical(language)
    if code == UNKNOWN_LANGUAGE or script == UNKNOWN_SCRIPT:
        known = ", ".join(sorted(spelling.languages() | learned.languages()))
        raise ValueError(f"no language {language!r}; there are {known}, and any other by its code and script: rus_Cyrl")
    if script == "Latn":
        raise ValueError(f"{language!r} is written in Latin letters; name another script if it has one: {code}_Cyrl")
    if scheme != NATURAL and script not in BRAHMIC:
        raise ValueError(f"scheme {scheme!r} is for {', '.join(BRAHMIC)}; {code}_{script} can only be {NATURAL!r}")
    return code, script, scheme


def _natural(language: str, script: str) -> Words:
    spell, known = _by_sound(language, script), common(language)
    return lambda words: [known.get(word, latin) for word, latin in zip(words, spell(words), strict=True)]


def _by_sound(language: str, script: str) -> Words:
    if not has_rules(language, script):
        return lambda words: other.spell(words, language, script)
    sounds, by_rule = rules(language, script)
    if language not in learned.languages():
        return lambda words: [by_rule(sounds(word)) for word in words]
    model = learned.load(language)

    def spell(words: list[str]) -> list[str]:
        heard = [sounds(word) for word in words]
        known = [each for each in heard if learned.knows(each, model)]
        found = dict(zip(known, learned.spell(known, model), strict=True))
        return [found[each] if each in found else by_rule(each) for each in heard]

    return spell


class _Romanizer:
    """One language in one scheme, and the words it has spelled."""

    def __init__(self, spell: Words, found: Pattern) -> None:
        self._spell, self._pattern = spell, found
        self._known: dict[str, str] = {}

    def texts(self, texts: list[str]) -> list[str]:
        result: list[str] = []
        batch: list[str] = []
        size = 0
        for text in texts:
            batch.append(text)
            size += len(text)
            if size > _BATCH:
                result += self._batch(batch)
                batch, size = [], 0
        return result + self._batch(batch)

    def _batch(self, texts: list[str]) -> list[str]:
        words = {word for text in texts for word in self._pattern.tokens.findall(text)}
        words.discard("")  # URLs
        new = words.difference(self._known)
        if len(self._known) + len(new) > _REMEMBERED:
            self._known, new = {}, words
        self._remember(sorted(new))
        known = self._known
        return [self._pattern.tokens.sub(lambda token: known.get(token[0], token[0]), text) for text in texts]

    def _remember(self, tokens: list[str]) -> None:
        plain = self._pattern.plain
        marks = [token for token in tokens if ord(token[0]) in plain]
        words = [token for token in tokens if ord(token[0]) not in plain]
        self._known |= {token: token.translate(plain) for token in marks}
        for word, latin in zip(words, self._spell(words), strict=True):
            self._known[word] = self._pattern.native.sub("", latin)


@lru_cache(maxsize=32)  # each may remember tens of MB of words
def _romanizer(language: str, script: str, scheme: str) -> _Romanizer:
    if scheme == NATURAL:
        return _Romanizer(_natural(language, script), pattern(script))
    return _Romanizer(lambda words: schemes.spell(words, script, scheme), pattern(script))
