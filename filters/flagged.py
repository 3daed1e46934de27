"""Lists of flagged words and phrases per language, and how many tokens of a text are part of one.

An entry begins where a token of `filters.segment` begins and ends where one ends, compared folded; so a listed word
inside another (the Scunthorpe problem) is none. In scripts without spaces the dictionary's cuts are such ends, and what
it cut between them does not matter: an entry matches however the words around it made the dictionary cut it. Between
the words of a phrase any white space or a hyphen may stand.

The automaton is a trie over code points whose states lie in one hash table under the hash of what leads to them, which
follows from the hashes that the tokens have already (`filters.hashing`). So one look-up a token turns most tokens
away, and a text costs at most its tokens times the words of the longest entry, whatever it holds.

Of several matches the leftmost counts, of those that begin together the longest; a token counts once.
"""

import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from filters import characters as ch
from filters.columns import UNKNOWN_LANGUAGE, label
from filters.hashing import ONE, SLOT, TABLE_MULTIPLIER, insert, kernel, mix, power_of_base, slot_of, table_shift, value
from filters.labels import canonical
from filters.lines import NOT_APPLICABLE
from filters.scripts import script
from filters.segment import CONTINUES, hash_words, segment

LIST_BYTES = 1 << 20  # of one file; longer ones are no word lists
_PREFIX, _WHOLE = 0, 1  # what a state is; a whole entry may lead on, too
_SPACE = value(np.uint32(ord(" ")))
_HYPHENS = hash_words(["-", "\u2010", "\u2011"])[0]


class Phrases(NamedTuple):
    """The entries of a batch's languages as one trie."""

    listed: np.ndarray  # int64 (documents,) number of the document's list, -1: it has none
    shift: int
    table: np.ndarray  # SLOT; value - 1: _PREFIX or _WHOLE


@kernel
def _key(hashed, listed):  # type: ignore[no-untyped-def]
    return hashed ^ mix(np.uint64(listed + 1))


@kernel
def _fill(hashes, kinds, listed, shift, table, multiplier):  # type: ignore[no-untyped-def]
    for i in range(len(hashes)):
        insert(table, shift, _key(hashes[i], listed[i]), 1, kinds[i], multiplier)


@kernel
def _state(phrases, key, multiplier):  # type: ignore[no-untyped-def]
    """_PREFIX, _WHOLE, or -1: leads nowhere."""
    slot, mask = slot_of(key, phrases.shift, multiplier), np.uint64(len(phrases.table) - 1)
    while phrases.table[slot].value:
        if phrases.table[slot].key == key:
            return phrases.table[slot].value - 1
        slot = (slot + ONE) & mask
    return np.int64(-1)


@kernel
def _is_hyphen(hashed):  # type: ignore[no-untyped-def]
    return hashed == _HYPHENS[0] or hashed == _HYPHENS[1] or hashed == _HYPHENS[2]


@kernel
def _longest_match(tokens, first, phrases, salt, multiplier):  # type: ignore[no-untyped-def]
    """Tokens of the longest entry that begins at `first`; 0: none does."""
    hashed, length, longest = np.uint64(0), 0, 0
    for i in range(first, len(tokens)):
        token = tokens[i]
        if i > first and _is_hyphen(token.hash):
            continue
        if i > first and not token.flags & CONTINUES:
            hashed += _SPACE * power_of_base(length)
            length += 1
        hashed += token.folded * power_of_base(length)
        length += token.folded_characters
        state = _state(phrases, hashed ^ salt, multiplier)
        if state < 0:
            break
        if state == _WHOLE:
            longest = i + 1 - first
    return longest


@kernel
def count_flagged(tokens, phrases, document, multiplier):  # type: ignore[no-untyped-def]
    """Tokens of one document that are part of an entry on its list."""
    listed = phrases.listed[document]
    if listed < 0:
        return NOT_APPLICABLE
    found, i, salt = 0, 0, _key(np.uint64(0), listed)
    while i < len(tokens):
        longest = _longest_match(tokens, i, phrases, salt, multiplier)
        found += longest
        i += max(longest, 1)
    return found


def _joined(entries: list[str]) -> list[str]:
    """Each entry as a text with it is read: folded, hyphens as spaces, one space between words."""
    segments = segment(pa.array(entries, pa.string()))
    joined = []
    for n, entry in enumerate(entries):
        raw, begin = entry.encode(), int(segments.offsets[n])
        parts: list[str] = []
        for token in segments.tokens[segments.first[n] : segments.first[n + 1]]:
            text = raw[token["start"] - begin : token["end"] - begin].decode()
            if parts and text in "-\u2010\u2011":
                continue
            parts += [" "] * bool(parts and not token["flags"] & CONTINUES) + [text]
        joined.append("".join(map(_folded, "".join(parts))))
    return joined


def _folded(character: str) -> str:
    """As the word breaker folds it: only what words are made of."""
    flags = ch.characters().flags[ord(character)]
    return ch.fold(character) if flags & (ch.WORD | ch.MID_WORD) else character


@lru_cache(maxsize=512)
def _states(entries: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(hash, kind) of each state, whole entries first, since the first of a key stays."""
    whole = sorted(set(_joined(list(entries))) - {""})
    prefixes = sorted({each[:end] for each in whole for end in range(1, len(each))} - set(whole))
    kinds = np.repeat([_WHOLE, _PREFIX], [len(whole), len(prefixes)])
    return hash_words([*whole, *prefixes])[0], kinds


def phrases(lists: Mapping[str, Collection[str]], language: pa.StringArray) -> Phrases:
    """The trie of the lists of a batch's languages (`hin_Deva`)."""
    labels = language.to_pylist()
    names = sorted(set(labels) & lists.keys(), key=str)
    states = [_states(tuple(lists[name])) for name in names]
    hashes, kinds = (
        np.concatenate([np.empty(0, kind), *(state[n] for state in states)]).astype(kind)
        for n, kind in enumerate((np.uint64, np.int64))
    )
    shift = table_shift(8 * len(hashes))  # sparse: most words are on no list, which one look should tell
    table = np.zeros(1 << (64 - shift), SLOT)
    _fill(
        hashes,
        kinds,
        np.repeat(np.arange(len(names)), [len(each[0]) for each in states]),
        shift,
        table,
        TABLE_MULTIPLIER,
    )
    numbers = {name: number for number, name in enumerate(names)}
    return Phrases(np.array([numbers.get(each, -1) for each in labels], np.int64), shift, table)


# Reading lists


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each list in a folder or .zip: `hi`, `zh-TW`, `hin_Deva.txt`; README and LICENSE are none."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir() and info.file_size <= LIST_BYTES:
                    yield info.filename.rpartition("/")[2], archive.read(info)
        return
    for file in sorted(path.glob("*")):
        if file.is_file() and file.stat().st_size <= LIST_BYTES:
            yield file.name, file.read_bytes()


def _by_label(language: str, entries: list[str]) -> dict[str, list[str]]:
    """All entries for the script that most are in, and those in another script for that, too: romanized Hindi, say."""
    scripts = script(pa.array(entries, pa.string())).to_pylist()
    grouped: dict[str, list[str]] = defaultdict(list)
    for entry, written in zip(entries, scripts, strict=True):
        grouped[label(*canonical(language, written))].append(entry)
    main = max(grouped, key=lambda name: (len(grouped[name]), name))
    return {**grouped, main: entries}


def read_lists(path: Path) -> dict[str, tuple[str, ...]]:
    """Entries by label from a folder or .zip of files named by language, an entry a line (LDNOOBW's format).

    Raises ValueError where there is none, OSError where it cannot be read.
    """
    found: dict[str, set[str]] = defaultdict(set)
    try:
        for name, content in _files(path):
            code = name.removesuffix(".txt")
            entries = [entry for line in content.decode().splitlines() if (entry := line.strip())]
            if "." in code or canonical(code)[0] == UNKNOWN_LANGUAGE or not entries:
                continue
            named = {code: entries} if "_" in code else _by_label(code, entries)
            for key, own in named.items():
                found[key].update(own)
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    if not found:
        raise ValueError(
            f"{path}: no <lang_Script>.txt files in it, nor files named by language (hi, th), a word a line"
        )
    return {key: tuple(sorted(own)) for key, own in sorted(found.items())}
