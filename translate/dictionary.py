"""Bilingual dictionaries as FreeDict has them: word -> translations, best first."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import pyarrow as pa

from filters.columns import UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT, label
from filters.labels import MEMBERS, canonical
from filters.scripts import letter_counts, majority_script
from translate.entries import Broken, is_verb, read_entries

MOST_TRANSLATIONS = 32  # of a word

Words = Mapping[str, tuple[str, ...]]

_MARKS = re.compile("[\u0640\u064b-\u0652\u0670]")  # Arabic: drawn-out lines and vowel signs, which few write

# Endings of inflected forms and what the headword may have in their place, the likeliest first
_INFLECTIONS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "eng": (
            *(("'s", ""), ("’s", ""), ("ies", "y"), ("ied", "y"), ("ves", "f"), ("s", ""), ("es", "")),
            *(("ing", ""), ("ing", "e"), ("ed", ""), ("d", ""), ("er", ""), ("est", "")),
        ),
        "hin": (("ियों", "ी"), ("ियाँ", "ी"), ("ओं", ""), ("ों", "ा"), ("ों", ""), ("ें", ""), ("े", "ा"), ("ी", "ा")),
        "spa": (("ces", "z"), ("es", ""), ("s", ""), ("as", "o"), ("a", "o")),
    }
)
_OF_VERBS = frozenset({"ing", "ed", "ied", "d", "er", "est"})  # and of adjectives, compared
_SHORTEST_STEM = 3  # characters


@dataclass(frozen=True)
class Dictionary:
    """Words of `source` with their translations into `target` (hin_Deva). `broken` counts unread lines by reason."""

    source: str
    target: str
    words: Words
    broken: Counter[Broken] = field(default_factory=Counter)
    verbs: frozenset[tuple[str, str]] = frozenset()  # (word, translation) that only entries of verbs have
    verbless: bool = False  # made by `without_verbs`

    def lookup(self, word: str) -> tuple[str, ...]:
        """The translations of a word as it is written, else in another case, else without an ending; () for none.

        Endings are taken off English, Hindi and Spanish words, and a doubled consonant is made one (running). Arabic
        is looked up without vowel signs, and with the article where it has none.
        """
        if found := self.entry(word):
            return found
        stems = _stems(_folded(unicodedata.normalize("NFC", word)), self.source[:3], verbs=not self.verbless)
        return next(filter(None, map(self._folded.get, stems)), ())

    def entry(self, word: str) -> tuple[str, ...]:
        """The translations of the word itself, in whatever case; () for none."""
        word = unicodedata.normalize("NFC", word)
        return self.words.get(word) or self._folded.get(_folded(word), ())

    @cached_property
    def without_verbs(self) -> "Dictionary":
        """Without the translations that `verbs` has; and lookup takes no endings of verbs off."""
        kept = {
            word: left
            for word, each in self.words.items()
            if (left := tuple(t for t in each if (word, t) not in self.verbs))
        }
        return replace(self, words=MappingProxyType(kept), verbs=frozenset(), verbless=True)

    def reversed(self) -> "Dictionary":
        """From target to source. Of several words the one comes first that has the translation nearer to its front.

        Of equals, the one with more translations: it is likely the more frequent word.
        """
        ranked: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for word, translations in self.words.items():
            for rank, translation in enumerate(translations):
                ranked[translation].append((rank, -len(translations), word))
        words = {translation: _listed(word for *_, word in sorted(each)) for translation, each in ranked.items()}
        verbs = frozenset((translation, word) for word, translation in self.verbs)
        return Dictionary(self.target, self.source, MappingProxyType(words), verbs=verbs)

    @cached_property
    def _folded(self) -> Words:
        folded: defaultdict[str, list[str]] = defaultdict(list)
        for word, translations in self.words.items():
            folded[_folded(word)] += translations
        return {word: _listed(translations) for word, translations in folded.items()}


def parse(lines: Iterable[str], *, source: str, target: str) -> Dictionary:
    """FreeDict entries, one JSON object a line: {"head": ..., "entry": ...}. Languages by any usual label.

    ValueError for a language that is none; nothing that stands in the lines raises.
    """
    source, target = _label(source), _label(target)
    broken: Counter[Broken] = Counter()
    read = read_entries(lines, broken)
    fits = iter(_written_in(target, [text for each in read for text in each.texts]))
    words: defaultdict[str, list[str]] = defaultdict(list)
    verbs, others = set[tuple[str, str]](), set[tuple[str, str]]()
    for entry in read:
        fitting = [text for text in entry.texts if next(fits)]
        if not fitting:
            broken["wrong_script" if entry.texts else "no_translation"] += 1
            continue
        words[entry.head] += fitting
        for text in fitting:
            (verbs if is_verb(entry, text, target[:3]) else others).add((entry.head, text))
    listed = {head: _listed(texts) for head, texts in words.items()}
    return Dictionary(source, target, listed, broken, frozenset(verbs - others))


def choose(dictionaries: Sequence[Dictionary], source: str, target: str) -> Dictionary:
    """The dictionary of a language pair, or the reverse of one. ValueError that names the pairs there are."""
    pair = _label(source), _label(target)
    for one in dictionaries:
        if (one.source, one.target) == pair:
            return one
    for one in dictionaries:
        if (one.target, one.source) == pair:
            return one.reversed()
    known = ", ".join(f"{one.source}-{one.target}" for one in dictionaries)
    raise ValueError(f"no dictionary {pair[0]}-{pair[1]}; there are {known or 'none'} (each is read backwards too)")


def _label(language: str) -> str:
    code, script = canonical(language)
    if code == UNKNOWN_LANGUAGE or script == UNKNOWN_SCRIPT:
        raise ValueError(f"no language {language!r}; write it as hin_Deva, hin or hi")
    return label(code, script)


def _written_in(language: str, texts: list[str]) -> list[bool]:
    """Whether most letters of each text are of the language's script."""
    script = language[4:]
    scripts = MEMBERS.get(script, (script,))
    return [one in scripts for one in majority_script(letter_counts(pa.array(texts, pa.string())))]


def _folded(word: str) -> str:
    return _MARKS.sub("", word).casefold()


def _stems(word: str, language: str, *, verbs: bool) -> Iterator[str]:
    if language == "arb" and not word.startswith("ال"):
        yield f"ال{word}"
    for ending, instead in _INFLECTIONS.get(language, ()):
        if ending in _OF_VERBS and language == "eng" and not verbs:
            continue
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _SHORTEST_STEM:
            yield stem + instead
            if not instead and language == "eng" and stem[-1] == stem[-2]:
                yield stem[:-1]


def _listed(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))[:MOST_TRANSLATIONS]
