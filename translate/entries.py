"""Entries of FreeDict's dictionaries, read: headword, translations, and whether it is a verb.

An entry is free text: the headword with pronunciation and part of speech, then its senses, numbered or not, with
examples, definitions and remarks among them. A line that can't be read is counted by what is wrong with it.
"""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Literal, NamedTuple

LONGEST_LINE = 1 << 16  # characters
LONGEST_WORD = 64  # characters of a headword or translation; longer ones explain

Broken = Literal["not_json", "no_head", "no_entry", "too_long", "no_translation", "wrong_script", "cut_head"]

_VERB = re.compile(r"<(?:phr|irr)?v[ti]{0,2}\b", re.IGNORECASE)  # <V>, <VTI>, <PhrV>, <irrv>, <v, caus>
_MARKED = re.compile(r"<[^<>]+>")  # the part of speech
# Forms that only verbs have, nearly, for dictionaries that don't mark them
_VERB_FORMS = MappingProxyType({"spa": re.compile(r"\w*[aeií]r(?:se)?(?: .*)?\Z")})
_NO_VERBS = frozenset(
    [
        "mujer",
        "lugar",
        "azúcar",
        "hogar",
        "bazar",
        "taller",
        "placer",
        "alquiler",
        "dólar",
        "collar",
        "pilar",
        "lunar",
        "mar",
        "par",
        "bar",
    ]
)
_SOUNDS = re.compile(r"/([^/]*)/")
_LENGTH_AND_STRESS = re.compile(r"[ˈˌː\s.]")
_MORE_SOUNDS = 2  # than letters, in a word, at most; also what a longer word of the same beginning has, at least
_CUT = 0.02  # of the heads, from which on a dictionary has cut ones; others stray to 0.001
_HABIT = 0.95  # of the heads with a capital, from which on capitals say nothing
_FEWEST_HEADS = 100  # to see habits in

_MOST_SOUNDS = 100
_RUN_TOGETHER = re.compile(r"[^\W\d_]{16}|(?<=[^\W\d_])[A-ZÁÉÍÓÚÑ](?=[^\W\d_]*[a-z])")

_OF = re.compile("de(?:la|los|las|l)?(?=[^\\W\\d_]{3})")

_HEAD_END = re.compile(r"\s*(?:[/<(\[{]|$)")
_NUMBERED = re.compile(r"\s*\d{1,2}\.(.*)\Z", re.DOTALL)
_TAIL_NUMBER = re.compile(r"\s\d{1,2}\.\s*\Z")
_REMARK = re.compile(r"[(\[{<][^()\[\]{}<>]*(?:[)\]}>]|\Z)")  # brackets of two kinds do make a pair here
_REFERENCE = re.compile(r"\A[^:]{0,40}\{[^{}]*\}[^:]{0,20}:")  # Plural of {neno}: words
_SEPARATOR = re.compile(r"[,;،؛、，；]|(?<!\S)\d{1,2}\.(?=\s)")
_EDGES = " \t.?!…·*\"'“”()[]{}<>"


class Entry(NamedTuple):
    """A headword with its translations, best first. `sounds`: how it is said, without stress and length."""

    head: str
    sounds: str
    texts: list[str]
    verb: bool
    marked: bool  # whether it says which part of speech it is


def read_entries(lines: Iterable[str], broken: Counter[Broken]) -> list[Entry]:
    """Those that can be read; the others are counted. Capitals that all heads have are taken off."""
    read = _whole(list(_entries(lines, broken)), broken)
    if sum(each.head[0].isupper() for each in read) >= _HABIT * len(read) >= _FEWEST_HEADS:
        return [each._replace(head=_uncapitalised(each.head)) for each in read]
    return read


def is_verb(entry: Entry, translation: str, language: str) -> bool:
    """By the mark; by the translation's form where the dictionary marks nothing and the language (spa) has one."""
    if entry.marked or language not in _VERB_FORMS:
        return entry.verb
    return bool(_VERB_FORMS[language].match(translation)) and translation not in _NO_VERBS


def _entries(lines: Iterable[str], broken: Counter[Broken]) -> Iterator[Entry]:
    for line in lines:
        if not line.strip():
            continue
        read = _entry(line)
        if isinstance(read, Entry):
            yield read
        else:
            broken[read] += 1


def _entry(line: str) -> Entry | Broken:
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
    if not head:
        return "no_head"
    said = _SOUNDS.search(first)
    sounds = _LENGTH_AND_STRESS.sub("", said[1])[:_MOST_SOUNDS] if said else ""
    verb, marked = bool(_VERB.search(first)), bool(_MARKED.search(first))
    return Entry(head, sounds, list(_translations(senses)), verb, marked)


def _whole(entries: list[Entry], broken: Counter[Broken]) -> list[Entry]:
    """Without those whose head is the first word of a phrase, cut off: give /givbæk/ devolver.

    They are said at more length than the word alone, or than its letters. FreeDict's eng-spa has them, and has lost the
    spaces of some translations too (aldía); of these go the ones that show it.
    """
    said: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        said[entry.head.casefold()].add(entry.sounds)
    longer = [_is_longer(entry.sounds, said[entry.head.casefold()]) for entry in entries]
    if len(entries) < _FEWEST_HEADS or sum(longer) < _CUT * len(entries):
        return entries
    many = [len(entry.sounds) > len(entry.head) + _MORE_SOUNDS and not entry.head.isupper() for entry in entries]
    kept = [entry for entry, *cut in zip(entries, longer, many, strict=True) if not any(cut) or " " in entry.head]
    broken["cut_head"] += len(entries) - len(kept)
    known = {text for entry in kept for text in entry.texts}
    return [entry._replace(texts=[text for text in entry.texts if not _ran_together(text, known)]) for entry in kept]


def _ran_together(text: str, known: set[str]) -> bool:
    """LosPaísesBajos, calefaccióncentral; hombredeciencia, if the dictionary has both nouns."""
    parted = (_OF.match(text, at) for at in range(1, len(text)))
    return bool(_RUN_TOGETHER.search(text)) or any(
        found and {text[: found.start()], text[found.end() :]} <= known for found in parted
    )


def _is_longer(sounds: str, said: set[str]) -> bool:
    """Than what another entry of the same head says, and begins like it."""
    return any(sounds[:length] in said for length in range(1, len(sounds) - _MORE_SOUNDS + 1))


def _uncapitalised(head: str) -> str:
    """Hello and Hello World, but not FCC or McCoy: these have more capitals."""
    return head[0].lower() + head[1:] if head[1:] == head[1:].lower() else head


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
