"""Bilingual dictionaries as FreeDict has them: word -> translations, best first.

An entry is free text: the headword with pronunciation and part of speech, then its senses, numbered or not, with
examples, definitions and remarks among them. A line that can't be read is counted by what is wrong with it.
"""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import pyarrow as pa

from filters.columns import UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT, label
from filters.labels import MEMBERS, canonical
from filters.scripts import letter_counts, majority_script

LONGEST_LINE = 1 << 16  # characters
LONGEST_WORD = 64  # characters of a headword or translation; longer ones explain
MOST_TRANSLATIONS = 32  # of a word

Broken = Literal["not_json", "no_head", "no_entry", "too_long", "no_translation", "wrong_script"]
Words = Mapping[str, tuple[str, ...]]

_HEAD_END = re.compile(r"\s*(?:[/<(\[{]|$)")
_NUMBERED = re.compile(r"\s*\d{1,2}\.(.*)\Z", re.DOTALL)
_TAIL_NUMBER = re.compile(r"\s\d{1,2}\.\s*\Z")
_REMARK = re.compile(r"[(\[{<][^()\[\]{}<>]*(?:[)\]}>]|\Z)")  # brackets of two kinds do make a pair here
_REFERENCE = re.compile(r"\A[^:]{0,40}\{[^{}]*\}[^:]{0,20}:")  # Plural of {neno}: words
_SEPARATOR = re.compile(r"[,;،؛、，；]|(?<!\S)\d{1,2}\.(?=\s)")
_EDGES = " \t.?!…·*\"'“”()[]{}<>"

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
_SHORTEST_STEM = 3  # characters


@dataclass(frozen=True)
class Dictionary:
    """Words of `source` with their translations into `target` (hin_Deva). `broken` counts unread lines by reason."""

    source: str
    target: str
    words: Words
    broken: Counter[Broken] = field(default_factory=Counter)

    def lookup(self, word: str) -> tuple[str, ...]:
        """The translations of a word as it is written, else in another case, else without an ending; () for none.

        Endings are taken off English, Hindi and Spanish words, and a doubled consonant is made one (running).
        """
        word = unicodedata.normalize("NFC", word)
        if found := self.words.get(word) or self._folded.get(word.casefold()):
            return found
        return next(filter(None, map(self._folded.get, _stems(word.casefold(), self.source[:3]))), ())

    def reversed(self) -> "Dictionary":
        """From target to source. Of several words the one comes first that has the translation nearer to its front.

        Of equals, the one with more translations: it is likely the more frequent word.
        """
        ranked: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for word, translations in self.words.items():
            for rank, translation in enumerate(translations):
                ranked[translation].append((rank, -len(translations), word))
        words = {translation: _listed(word for *_, word in sorted(each)) for translation, each in ranked.items()}
        return Dictionary(self.target, self.source, MappingProxyType(words))

    @cached_property
    def _folded(self) -> Words:
        folded: defaultdict[str, list[str]] = defaultdict(list)
        for word, translations in self.words.items():
            folded[word.casefold()] += translations
        return {word: _listed(translations) for word, translations in folded.items()}


def parse(lines: Iterable[str], *, source: str, target: str) -> Dictionary:
    """FreeDict entries, one JSON object a line: {"head": ..., "entry": ...}. Languages by any usual label.

    ValueError for a language that is none; nothing that stands in the lines raises.
    """
    source, target = _label(source), _label(target)
    broken: Counter[Broken] = Counter()
    read = list(_entries(lines, broken))
    fits = iter(_written_in(target, [text for _, texts in read for text in texts]))
    words: defaultdict[str, list[str]] = defaultdict(list)
    for head, texts in read:
        if fitting := [text for text in texts if next(fits)]:
            words[head] += fitting
        else:
            broken["wrong_script" if texts else "no_translation"] += 1
    return Dictionary(source, target, {head: _listed(texts) for head, texts in words.items()}, broken)


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


def _entries(lines: Iterable[str], broken: Counter[Broken]) -> Iterator[tuple[str, list[str]]]:
    for line in lines:
        if not line.strip():
            continue
        read = _entry(line)
        if isinstance(read, tuple):
            yield read
        else:
            broken[read] += 1


def _entry(line: str) -> tuple[str, list[str]] | Broken:
    if len(line) > LONGEST_LINE:
        return "too_long"
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return "not_json"
    entry = record.get("entry") if isinstance(record, dict) else None
    if not isinstance(entry, str) or not entry.strip():
        return "no_entry"
    first, _, senses = entry.partition("\n")
    head = _headword(record.get("head"), first)
    return (head, list(_translations(senses))) if head else "no_head"


def _headword(head: object, first: str) -> str:
    """In the entry's own spelling, which has case and hyphens, where it is that of the same word."""
    if not isinstance(head, str):
        return ""
    written = _clean(_HEAD_END.split(first, maxsplit=1)[0])
    same = _letters(written) == _letters(head)
    word = written if same else _clean(head)
    return word if len(word) <= LONGEST_WORD and any(map(str.isalpha, word)) else ""


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", text).casefold()))


def _translations(senses: str) -> Iterator[str]:
    for sense in _senses(senses):
        text = _REFERENCE.sub("", sense)
        for _ in range(3):  # remarks inside remarks
            text = _REMARK.sub(" ", text)
        for piece in _SEPARATOR.split(_TAIL_NUMBER.sub("", text)):
            translation = _clean(piece)
            if translation and len(translation) <= LONGEST_WORD and any(map(str.isalpha, translation)):
                yield translation


def _senses(text: str) -> Iterator[str]:
    """Lines with translations: the first, the numbered, and those that go on after a semicolon or a bare number.

    Any other line is an example or a definition. So is what follows a bare number after a line that ends in one: then
    the numbers count definitions.
    """
    expected, defined = True, False
    for line in filter(None, map(str.strip, text.split("\n"))):
        numbered = _NUMBERED.match(line)
        sense = numbered[1].strip() if numbered else line
        if sense and sense[0] not in '"“' and (numbered or expected or line[0] == ";"):
            defined = bool(_TAIL_NUMBER.search(sense))
            yield sense
        expected = bool(numbered) and not sense and not defined


def _clean(text: str) -> str:
    """NFC, `~` (which joins the words of a phrase) as a space, without what can't be encoded or shown."""
    text = unicodedata.normalize("NFC", text.replace("~", " "))
    shown = "".join(one for one in text if one.isprintable() or one.isspace() or one in "\u200c\u200d")
    return " ".join(shown.split()).strip(_EDGES)


def _written_in(language: str, texts: list[str]) -> list[bool]:
    """Whether most letters of each text are of the language's script."""
    script = language[4:]
    scripts = MEMBERS.get(script, (script,))
    return [one in scripts for one in majority_script(letter_counts(pa.array(texts, pa.string())))]


def _stems(word: str, language: str) -> Iterator[str]:
    for ending, instead in _INFLECTIONS.get(language, ()):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _SHORTEST_STEM:
            yield stem + instead
            if not instead and language == "eng" and stem[-1] == stem[-2]:
                yield stem[:-1]


def _listed(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))[:MOST_TRANSLATIONS]
