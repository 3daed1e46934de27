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
from translate.forms import ARTICLE, Place, has_article, in_place
from translate.mask import protected

_SENSES = 3  # of a word that are looked at for English words of grammar
MOST_WORDS = 3  # in a translation; longer ones explain
# Words of grammar stay in the sentence's own language, as speakers have it (matrix language frame, Myers-Scotton 1993);
# dictionaries give them odd senses too: can, a tin
_DETERMINER_WORDS = """
    a an the this that these those my our your his her its their some any each every all both no another such which
    whose what
"""
_GRAMMAR_WORDS = """
    and but nor or so if than as at by for from in into of off on onto out over to up down upon with without within about
    after before between among through during while because whether since against toward ago i me mine we us ours you yours he him she
    hers it they them theirs who whom when where why how be am is are was were been being
    have has had having do does did doing done can could will would shall should may might must not here there then
    let please given using following per much many more most very too also just only own same other yes
    go goes went gone get gets got make makes made take takes took give gives gave come comes came keep put say says said
"""
_DETERMINERS = frozenset(_DETERMINER_WORDS.split())
_GRAMMAR = frozenset(_GRAMMAR_WORDS.split()) | _DETERMINERS
# English words after which a verb stands, whatever the dictionary calls the next word: to list, you name
_BEFORE_VERB_WORDS = """
    to i you we they he she who can could will would shall should may might must do does did not let please
"""
_BEFORE_VERB = frozenset(_BEFORE_VERB_WORDS.split())
# and words that a command goes on with: List the, Name five, Give me
_OBJECT_WORDS = "me us him them it how why whether one two three four five ten"
_OBJECTS = (_DETERMINERS | frozenset(_OBJECT_WORDS.split())) - {"which", "whose", "what"}
_SENTENCE_END = re.compile(r"(?:^|[.!?:;\n])[^\w]*\Z")
_POSSESSIVE = re.compile("['’]s$", re.IGNORECASE)
_HYPHENS = frozenset("-‐‑")
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

    Code, URLs, numbers and the like (`translate.mask.protected`) stay, and so does the case of a replaced word. Verbs
    stay, whose dictionary form fits nowhere: those that it marks, and in English those that follow `to` or a pronoun,
    or begin a command. Names stay, and words joined by hyphens. See `translate.forms` for the form that a translation takes.
    `language` is the text's. ValueError if the dictionary is for another, or for a share outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share:g}; it must be between 0 and 1")
    if label(*canonical(language)) != dictionary.source:
        raise ValueError(f"text in {language!r}, but the dictionary is {dictionary.source}-{dictionary.target}")
    words = list(word_ranges(text))
    known = list(_known(text, words, dictionary))
    wanted = int(share * len(words) + 0.5)
    ranked = sorted(range(len(known)), key=_order(seed, text))
    chosen = [known[index] for index in sorted(ranked[:wanted])]
    return Switched(*_replaced(text, chosen), len(words))


def _known(text: str, words: list[tuple[int, int]], dictionary: Dictionary) -> Iterator[tuple[int, int, str]]:
    """The words that have a translation and can be replaced, with it."""
    english = dictionary.source == "eng_Latn"
    for at, (start, end) in enumerate(words):
        if text[start - 1 : start] in _HYPHENS or text[end : end + 1] in _HYPHENS:
            continue
        if english:
            before = text[slice(*words[at - 1])].casefold() if at and text[words[at - 1][1] : start].isspace() else ""
            after = text[slice(*words[at + 1])].casefold() if at + 1 < len(words) else ""
            if before in _BEFORE_VERB or (after in _OBJECTS and _SENTENCE_END.search(text, max(0, start - 50), start)):
                continue
            end -= len(text[start:end]) - len(_POSSESSIVE.sub("", text[start:end]))
        if found := _translation(text[start:end], dictionary):
            yield start, end, found


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
    """Of a word that is no grammar, nor a name: that has a capital, in the text but not in the dictionary."""
    without_verbs, source, target = dictionary.without_verbs, dictionary.source[:3], dictionary.target[:3]
    if source == "eng" and word.casefold() in _GRAMMAR:
        return ""
    if word[0].isupper() and not word.isupper() and word not in without_verbs.words:
        return ""
    translations = without_verbs.lookup(word)
    if target == "eng" and not _GRAMMAR.isdisjoint(translations[:_SENSES]):
        return ""
    found = next((each for each in translations if len(each.split()) <= MOST_WORDS), word)
    if found.casefold() == word.casefold():
        return ""
    plural = source == "eng" and word[-1] in "sS" and not without_verbs.entry(word)
    placed = in_place(found, target, Place(word, plural))
    if has_article(word, source):
        placed = f"{ARTICLE}ـ {placed}"  # as it is typed before a word in Latin letters
    return _in_case_of(word, placed, target)


def _in_case_of(word: str, translation: str, language: str) -> str:
    """In capitals where the word is; else as the dictionary has it: Monday, lunes."""
    if len(word) > 1 and word.isupper():
        return "".join(_upper(one, language) for one in translation)
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
