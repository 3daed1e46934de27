"""All text metrics of a document in one pass over its UTF-8 bytes: `measure` on an Arrow column.

Definitions are those of the system each metric names in `filters.columns.METRICS`; on the tokens of `filters.segment`
the numbers equal datatrove's Gopher repetition, Gopher quality and FineWeb quality filters exactly. On purpose
different, because datatrove would stop there with an exception or a verdict:

- a metric whose denominator is 0 is null: no words (per-word ratios), no character (per-character ratios), no line;
- top n-grams are null in a text of fewer than n words, where datatrove skips the test; duplicate n-grams are 0 there;
- line ratios of FineWeb are null where all lines are blank (its verdict "empty");
- stopwords are null for a language without a list; null text gives a null struct.

Setu's: joiners (ZWJ, ZWNJ) are no symbols, they spell words in Persian and Malayalam; letters of no script (modifier
letters, the kana length mark) count neither as foreign nor as native; Han, Hiragana and Katakana are one script; a
full stop within a token (3.14, example.com) ends no sentence, and a sentence has at least one letter.

The first call compiles for about half a minute and caches on disk, the next process starts in a second. Memory: the
tokens (see `filters.segment.segment`), scratch of about 65 bytes for each token and 20 for each character of the longest
document, and hash tables of 75 MB at most until a document has more than a million words or lines.
"""

import secrets
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from filters import characters as ch
from filters import lines as ln
from filters.columns import METRIC_NAMES, SIGNALS
from filters.flagged import Phrases, count_flagged, phrases
from filters.hashing import ONE, SIEVE_SLOTS, SLOT, TABLE_MULTIPLIER, insert, kernel, mix, slot_of, table_shift
from filters.lines import count_characters, count_lines, count_notable, count_scripts
from filters.ngrams import (
    HISTOGRAM,
    PARTITION,
    count_character_ngrams,
    count_duplicate_ngrams,
    count_token_ngrams,
    count_words,
)
from filters.scripts import SCRIPT_INDEX, SCRIPTS
from filters.segment import Segments, hash_words, segment

# Gopher's own eight (Rae et al. 2021, section A1.1)
GOPHER_STOPWORDS: Mapping[str, Collection[str]] = {
    "eng_Latn": ("the", "be", "to", "of", "and", "that", "have", "with"),
}

# metric -> numerator, denominator
_COUNTERS = {
    "characters": (ln.CHARACTERS, ln.ONE),
    "bytes": (ln.BYTES, ln.ONE),
    "words": (ln.WORDS, ln.ONE),
    "lines": (ln.NONBLANK_LINES, ln.ONE),
    "sentences": (ln.SENTENCES, ln.ONE),
    "non_symbol_words": (ln.NON_SYMBOL_WORDS, ln.ONE),
    "stopwords": (ln.STOPWORDS, ln.ONE),
    "duplicate_line_ratio": (ln.DUPLICATE_LINES, ln.SPLIT_LINES),
    "duplicate_line_character_ratio": (ln.DUPLICATE_LINE_CHARACTERS, ln.CHARACTERS),
    "duplicate_paragraph_ratio": (ln.DUPLICATE_PARAGRAPHS, ln.PARAGRAPHS),
    "duplicate_paragraph_character_ratio": (ln.DUPLICATE_PARAGRAPH_CHARACTERS, ln.CHARACTERS),
    **{f"top_{n}gram_character_ratio": (ln.TOP_2 + n - 2, ln.CHARACTERS) for n in range(2, 5)},
    **{f"duplicate_{n}gram_character_ratio": (ln.DUPLICATE_5 + n - 5, ln.CHARACTERS) for n in range(5, 11)},
    "mean_word_length": (ln.NON_SYMBOL_CHARACTERS, ln.NON_SYMBOL_WORDS),
    "hash_word_ratio": (ln.HASHES, ln.WORDS),
    "ellipsis_word_ratio": (ln.ELLIPSES, ln.WORDS),
    "bullet_line_ratio": (ln.BULLET_LINES, ln.TEXT_LINES),
    "ellipsis_line_ratio": (ln.ELLIPSIS_LINES, ln.TEXT_LINES),
    "alphabetic_word_ratio": (ln.ALPHABETIC_WORDS, ln.WORDS),
    "terminal_punctuation_line_ratio": (ln.TERMINAL_LINES, ln.NONBLANK_LINES),
    "short_line_ratio": (ln.SHORT_LINES, ln.NONBLANK_LINES),
    "duplicate_nonblank_line_character_ratio": (ln.DUPLICATE_NONBLANK_CHARACTERS, ln.NOT_NEWLINES),
    "newline_word_ratio": (ln.NEWLINES, ln.WORDS),
    "symbol_character_ratio": (ln.SYMBOLS, ln.CHARACTERS),
    "digit_character_ratio": (ln.DIGITS, ln.CHARACTERS),
    "mean_words_per_line": (ln.WORDS, ln.NONBLANK_LINES),
    "foreign_letter_ratio": (ln.FOREIGN_LETTERS, ln.SCRIPT_LETTERS),
    "script_ratio": (ln.MAJORITY_LETTERS, ln.SCRIPT_LETTERS),
    "flagged_word_ratio": (ln.FLAGGED_WORDS, ln.WORDS),
    "repeated_5gram_ratio": (ln.REPEATED_FIVE_GRAMS, ln.FIVE_GRAMS),
    "repeated_character_10gram_ratio": (ln.REPEATED_CHARACTER_GRAMS, ln.CHARACTER_GRAMS),
}

_NUMERATORS, _DENOMINATORS = np.array(list(_COUNTERS.values())).T
_LATIN = SCRIPT_INDEX["Latn"]


class WordLists(NamedTuple):
    """Words by language in one hash table."""

    listed: np.ndarray  # int64 (documents,) number of the document's list, -1: it has none
    shift: int
    table: np.ndarray  # SLOT
    seen: np.ndarray  # int64 (words on lists,) the last document, from 1, that a word was found in


class Scratch(NamedTuple):
    """Working memory for the longest document, and what is drawn by chance once a process."""

    multiplier: np.uint64
    weights: np.ndarray  # uint64 (1024,) of the hash of a line
    table: np.ndarray  # SLOT, shared by all counts of one document and of the next, see `filters.hashing.fresh`
    used: np.ndarray  # int64 (1,) the next free `base` of the table
    sieve: np.ndarray  # uint8
    counts: np.ndarray  # int32, by table entry
    scripts: np.ndarray  # int64 letters by script
    places: np.ndarray  # uint32 (code points + 1,)
    letters_before: np.ndarray  # uint32 (code points + 1,)
    line_ends: np.ndarray  # uint32
    character_hashes: np.ndarray  # uint64, by code point
    histogram: np.ndarray  # int64 (HISTOGRAM,) all 0 between documents
    large: np.ndarray  # int64
    order: np.ndarray  # uint64; this and below by word, see `filters.ngrams`
    lengths: np.ndarray  # int64
    sums: np.ndarray  # uint64
    inverses: np.ndarray  # uint64
    repeats: np.ndarray  # bool
    hashes: np.ndarray  # uint64, of n-grams that may be repeated
    positions: np.ndarray  # int64, of those
    entries: np.ndarray  # int64, of those: number of the distinct n-gram
    firsts: np.ndarray  # int64, of each distinct n-gram

    @classmethod
    def of(cls, segments: Segments) -> "Scratch":
        characters = int(np.diff(segments.first_code).max(initial=0))
        words = int(np.diff(segments.first).max(initial=0)) + 1
        line_ends = characters
        if characters > PARTITION:  # so many seldom end lines: the table need not have room for that
            line_ends = _most_line_ends(segments.codes, segments.first_code, ch.characters().flags)
        slots = 1 << (64 - table_shift(max(words, min(characters, PARTITION), line_ends) + 2))
        return cls(
            multiplier=TABLE_MULTIPLIER,
            weights=_WEIGHTS,
            table=np.zeros(slots, SLOT),
            used=np.ones(1, np.int64),
            sieve=np.empty(slots * SIEVE_SLOTS, np.uint8),
            counts=np.empty(slots, np.int32),
            scripts=np.empty(len(SCRIPTS), np.int64),
            places=np.empty(characters + 1, np.uint32),
            letters_before=np.empty(characters + 1, np.uint32),
            line_ends=np.empty(line_ends + 1, np.uint32),
            character_hashes=np.empty(characters, np.uint64),
            histogram=np.zeros(HISTOGRAM, np.int64),
            large=np.empty(characters // HISTOGRAM + 1, np.int64),
            **{name: np.empty(words, np.uint64) for name in ("order", "hashes", "sums", "inverses")},
            repeats=np.empty(words, np.bool_),
            **{name: np.empty(words, np.int64) for name in ("lengths", "positions", "firsts", "entries")},
        )


# Of the hashes of lines, drawn once a process: no text can be crafted to collide, and no result depends on them
_WEIGHTS = np.random.default_rng(secrets.randbits(64)).integers(0, 1 << 64, 1024, np.uint64)


@kernel
def _most_line_ends(codes, first, flags_of):  # type: ignore[no-untyped-def]
    most = 0
    for document in range(len(first) - 1):
        found = 0
        for code in codes[first[document] : first[document + 1]]:
            found += flags_of[code] & ch.LINE_END > 0
        most = max(most, found)
    return most


@kernel
def _list_key(hashed, listed):  # type: ignore[no-untyped-def]
    """Table key of a word on list number `listed`."""
    return hashed ^ mix(np.uint64(listed + 1))


@kernel
def _fill_lists(hashes, lists, shift, table, multiplier):  # type: ignore[no-untyped-def]
    for i in range(len(hashes)):
        insert(table, shift, _list_key(hashes[i], lists[i]), 1, i, multiplier)


@kernel
def _find(lists, key, multiplier):  # type: ignore[no-untyped-def]
    """The entry stored under `key`, else -1."""
    slot, mask = slot_of(key, lists.shift, multiplier), np.uint64(len(lists.table) - 1)
    while lists.table[slot].value:
        if lists.table[slot].key == key:
            return lists.table[slot].value - 1
        slot = (slot + ONE) & mask
    return np.int64(-1)


@kernel
def _count_stopwords(tokens, lists, document, multiplier):  # type: ignore[no-untyped-def]
    """Distinct words of the document's list among the tokens."""
    if lists.listed[document] < 0:
        return ln.NOT_APPLICABLE
    found, salt = 0, _list_key(np.uint64(0), lists.listed[document])
    for i in range(len(tokens)):
        entry = _find(lists, tokens[i].hash ^ salt, multiplier)
        if entry >= 0 and lists.seen[entry] != document + 1:
            lists.seen[entry] = document + 1
            found += 1
    return found


@kernel
def _measure(offsets, first, tokens, first_code, codes, flags_of, stopwords, flagged, scratch, rows):  # type: ignore[no-untyped-def]
    """Fill one row of counters a document."""
    rows[:, ln.ONE] = 1
    for i in range(len(rows)):
        row, words = rows[i], tokens[first[i] : first[i + 1]]
        text = codes[first_code[i] : first_code[i + 1]]
        row[ln.BYTES] = offsets[i + 1] - offsets[i]
        notable = count_characters(text, flags_of, scratch, row)
        ends = count_notable(text, notable, flags_of, scratch, row)
        count_scripts(scratch.scripts, _LATIN, row)
        count_lines(text, scratch.line_ends[:ends], flags_of, scratch, row)
        count_character_ngrams(text, scratch, row)
        count_words(words, scratch, row)
        row[ln.STOPWORDS] = _count_stopwords(words, stopwords, i, scratch.multiplier)
        row[ln.FLAGGED_WORDS] = count_flagged(words, flagged, i, scratch.multiplier)
        count_token_ngrams(len(words), scratch, row)
        count_duplicate_ngrams(words, scratch, row)


def _word_lists(lists: Mapping[str, Collection[str]], language: pa.StringArray) -> WordLists:
    labels = language.to_pylist()
    numbers = {name: number for number, name in enumerate(sorted(set(labels) & lists.keys(), key=str))}
    entries = [(word, number) for name, number in numbers.items() for word in sorted(set(lists[name]))]
    hashes, _ = hash_words([word for word, _ in entries])
    shift = table_shift(8 * len(entries))  # sparse: most words are on no list, which one look should tell
    table = np.zeros(1 << (64 - shift), SLOT)
    _fill_lists(hashes, np.array([number for _, number in entries], np.int64), shift, table, TABLE_MULTIPLIER)
    listed = np.array([numbers.get(label, -1) for label in labels], np.int64)
    return WordLists(listed, shift, table, np.zeros(len(entries), np.int64))


def _counters(segments: Segments, stopwords: WordLists, flagged: Phrases) -> np.ndarray:
    """int64 (documents, COUNTERS)."""
    rows = np.zeros((len(segments.valid), ln.COUNTERS), np.int64)
    given = segments.offsets, segments.first, segments.tokens, segments.first_code, segments.codes
    _measure(*given, ch.characters().flags, stopwords, flagged, Scratch.of(segments), rows)
    return rows


def _metrics(rows: np.ndarray, others: Mapping[str, pa.DoubleArray]) -> list[pa.DoubleArray]:
    """One array a metric, those counted here as slices of one."""
    counters = np.ascontiguousarray(rows.T)
    numerators, denominators = counters[_NUMERATORS], counters[_DENOMINATORS]
    missing = (denominators == 0) | (numerators == ln.NOT_APPLICABLE)
    values = np.divide(numerators, denominators, out=np.zeros(missing.shape), where=~missing)
    flat, size = pa.array(values.ravel(), mask=missing.ravel()), len(rows)
    counted = {name: flat.slice(i * size, size) for i, name in enumerate(_COUNTERS)} | dict(others)
    return [counted[name] if name in counted else pa.nulls(size, pa.float64()) for name in METRIC_NAMES]


def measure(
    text: pa.StringArray,
    language: pa.StringArray,
    *,
    stopwords: Mapping[str, Collection[str]] | None = None,
    flagged_words: Mapping[str, Collection[str]] | None = None,
    segments: Segments | None = None,
    others: Mapping[str, pa.DoubleArray] | None = None,
) -> pa.StructArray:
    """`filters.columns.SIGNALS` of each document; `language` has labels like `hin_Deva`.

    `stopwords` (compared as written; one that the word breaker would cut never matches) and `flagged_words` (and
    phrases, see `filters.flagged`) are words by label; without `stopwords`, English has Gopher's eight.
    `segments`: those of the same `text`, to break it only once for several uses. `others`: metrics that are not counted
    here (code_mixing_index, affinity_word_ratio); null where not given.
    """
    if len(text) != len(language):
        raise ValueError(f"{len(text)} texts but {len(language)} languages: give one label a text")
    segments = segments or segment(text)
    stop_lists = _word_lists(GOPHER_STOPWORDS if stopwords is None else stopwords, language)
    rows = _counters(segments, stop_lists, phrases(flagged_words or {}, language))
    return pa.StructArray.from_arrays(
        _metrics(rows, others or {}), fields=list(SIGNALS), mask=pa.array(~segments.valid)
    )
