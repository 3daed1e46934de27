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
tokens (see `filters.segment.segment`) plus scratch of about 60 bytes for each token of the longest document.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa

from filters import characters as ch
from filters import lines as ln
from filters.columns import METRIC_NAMES, SIGNALS
from filters.hashing import SIEVE_SLOTS, SLOT, TABLE_MULTIPLIER, insert, kernel, mix, slot_of, table_shift
from filters.ngrams import (
    CHARACTER_NGRAM,
    HISTOGRAM,
    PARTITION,
    character_ngrams,
    duplicate_word_ngrams,
    prepare_words,
    word_ngrams,
)
from filters.scripts import SCRIPT_INDEX, SCRIPTS
from filters.segment import ALPHABETIC, NON_SYMBOL, Segments, hash_words, segment

# Gopher's own eight (Rae et al. 2021, section A1.1)
GOPHER_STOPWORDS: Mapping[str, Collection[str]] = {
    "eng_Latn": ("the", "be", "to", "of", "and", "that", "have", "with"),
}

# metric -> counter
_COUNTS = {
    "characters": ln.CHARACTERS,
    "bytes": ln.BYTES,
    "words": ln.WORDS,
    "lines": ln.NONBLANK_LINES,
    "sentences": ln.SENTENCES,
    "non_symbol_words": ln.NON_SYMBOL_WORDS,
    "stopwords": ln.STOPWORDS,
}

# metric -> numerator, denominator
_RATIOS = {
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

_LATIN = SCRIPT_INDEX["Latn"]


@kernel
def _list_key(hashed, listed):  # type: ignore[no-untyped-def]
    """Table key of a word on list number `listed`."""
    return hashed ^ mix(np.uint64(listed + 1))


@kernel
def _fill_lists(hashes, lists, shift, table, multiplier):  # type: ignore[no-untyped-def]
    for i in range(len(hashes)):
        insert(table, shift, _list_key(hashes[i], lists[i]), 1, i, multiplier)


@kernel
def _find(table, shift, key, multiplier):  # type: ignore[no-untyped-def]
    """The entry stored under `key`, else -1."""
    slot, mask = slot_of(key, shift, multiplier), len(table) - 1
    while table[slot].value:
        if table[slot].key == key:
            return table[slot].value - 1
        slot = (slot + 1) & mask
    return np.int64(-1)


@kernel
def _count_words(tokens, row):  # type: ignore[no-untyped-def]
    row[ln.WORDS] = len(tokens)
    for i in range(len(tokens)):
        flags = tokens[i].flags
        row[ln.ALPHABETIC_WORDS] += flags & ALPHABETIC > 0
        if flags & NON_SYMBOL:
            row[ln.NON_SYMBOL_WORDS] += 1
            row[ln.NON_SYMBOL_CHARACTERS] += tokens[i].characters


@kernel
def _count_stopwords(tokens, listed, shift, table, seen, stamp, multiplier):  # type: ignore[no-untyped-def]
    """Distinct words of list `listed` among the tokens; `seen` remembers them under `stamp`."""
    if listed < 0:
        return ln.NOT_APPLICABLE
    found = 0
    for i in range(len(tokens)):
        entry = _find(table, shift, _list_key(tokens[i].hash, listed), multiplier)
        if entry >= 0 and seen[entry] != stamp:
            seen[entry] = stamp
            found += 1
    return found


@kernel
def _count_flagged(tokens, listed, shift, table, multiplier):  # type: ignore[no-untyped-def]
    """Tokens on list `listed`, compared in folded form."""
    if listed < 0:
        return ln.NOT_APPLICABLE
    found = 0
    for i in range(len(tokens)):
        found += _find(table, shift, _list_key(tokens[i].folded, listed), multiplier) >= 0
    return found


@kernel
def _count_repetition(tokens, sums, inverses, lengths, order, hashes, counts, sieve, table, base, multiplier, row):  # type: ignore[no-untyped-def]
    """Word n-grams; the next free `base` of the table."""
    words = len(tokens)
    prepare_words(tokens, sums, inverses, lengths, order)
    for n in range(2, 6):
        top, recurring = np.int64(ln.NOT_APPLICABLE), np.int64(0)
        if words >= n:
            top, recurring = word_ngrams(n, words, lengths, order, hashes, counts, sieve, table, base, multiplier)
            base += words
        if n < 5:
            row[ln.TOP_2 + n - 2] = top
        else:
            row[ln.FIVE_GRAMS], row[ln.REPEATED_FIVE_GRAMS] = max(words - n + 1, 0), recurring
    for n in range(5, 11):
        row[ln.DUPLICATE_5 + n - 5] = duplicate_word_ngrams(
            n, words, sums, inverses, lengths, hashes, sieve, table, base, multiplier
        )
        base += words
    return base


@kernel
def _measure_text(  # type: ignore[no-untyped-def]
    codes, n, flags_of, script_of, scripts, counts, histogram, large, sieve, table, base, multiplier, row
):
    """Everything that needs code points and no words; the next free `base` of the table."""
    row[ln.CHARACTERS] = n
    ln.count_characters(codes, n, flags_of, script_of, scripts, row)
    ln.count_scripts(scripts, _LATIN, row)
    ln.count_text_lines(codes, n, flags_of, row)
    base = ln.count_lines(codes, n, flags_of, table, base, multiplier, row)
    base = ln.count_paragraphs(codes, n, flags_of, table, base, multiplier, row)
    if not row[ln.NONBLANK_LINES]:
        row[ln.DUPLICATE_NONBLANK_CHARACTERS] = ln.NOT_APPLICABLE
    repeated, base = character_ngrams(codes, n, counts, histogram, large, sieve, table, base, multiplier)
    row[ln.CHARACTER_GRAMS], row[ln.REPEATED_CHARACTER_GRAMS] = max(n - CHARACTER_NGRAM + 1, 0), repeated
    return base


@kernel
def _measure(  # type: ignore[no-untyped-def]
    data,
    offsets,
    first,
    tokens,
    flags_of,
    script_of,
    stop_lists,
    stop_shift,
    stop_table,
    seen,
    flag_lists,
    flag_shift,
    flag_table,
    codes,
    scripts,
    sums,
    inverses,
    lengths,
    order,
    hashes,
    counts,
    histogram,
    large,
    sieve,
    table,
    multiplier,
    rows,
):
    """Fill one row of counters a document. Everything but `rows` and the input is scratch."""
    base = np.int64(1)
    for i in range(len(offsets) - 1):
        start, end = offsets[i], offsets[i + 1]
        row, words = rows[i], tokens[first[i] : first[i + 1]]
        row[ln.BYTES] = end - start
        if start < end:
            n = ln.decode_document(data, start, end, codes)
            base = _measure_text(
                codes, n, flags_of, script_of, scripts, counts, histogram, large, sieve, table, base, multiplier, row
            )
        _count_words(words, row)
        row[ln.STOPWORDS] = _count_stopwords(words, stop_lists[i], stop_shift, stop_table, seen, i + 1, multiplier)
        row[ln.FLAGGED_WORDS] = _count_flagged(words, flag_lists[i], flag_shift, flag_table, multiplier)
        base = _count_repetition(
            words, sums, inverses, lengths, order, hashes, counts, sieve, table, base, multiplier, row
        )


def _word_lists(
    lists: Mapping[str, Collection[str]], language: pa.StringArray, field: str
) -> tuple[np.ndarray, int, np.ndarray, int]:
    """(list number of each document or -1, shift and slots of the table, entries) of word lists by language."""
    labels = language.to_pylist()
    numbers = {name: number for number, name in enumerate(sorted(set(labels) & lists.keys(), key=str))}
    entries = [(word, number) for name, number in numbers.items() for word in sorted(set(lists[name]))]
    hashes = np.ascontiguousarray(hash_words([word for word, _ in entries])[field])
    shift = table_shift(len(entries))
    table = np.zeros(1 << (64 - shift), SLOT)
    _fill_lists(hashes, np.array([number for _, number in entries], np.int64), shift, table, TABLE_MULTIPLIER)
    return np.array([numbers.get(label, -1) for label in labels], np.int64), shift, table, len(entries)


def _scratch(segments: Segments) -> tuple[np.ndarray, ...]:
    """Working memory for the longest document, in the order `_measure` takes it."""
    longest = int(np.diff(segments.offsets).max(initial=0))
    words = int(np.diff(segments.first).max(initial=0)) + 1
    sifted = max(words, min(longest, PARTITION))
    slots = 1 << (64 - table_shift(max(sifted, _most_newlines(segments.data, segments.offsets) + 2)))
    return (
        np.empty(longest, np.uint32),
        np.empty(len(SCRIPTS), np.int64),
        np.empty(words, np.uint64),
        np.empty(words, np.uint64),
        np.empty(words, np.int64),
        np.empty(words, np.uint64),
        np.empty(words, np.uint64),
        np.empty(slots, np.int32),
        np.empty(HISTOGRAM, np.int64),
        np.empty(longest // HISTOGRAM + 1, np.int64),
        np.empty(slots * SIEVE_SLOTS, np.uint8),
        np.zeros(slots, SLOT),
    )


@kernel
def _most_newlines(data, offsets):  # type: ignore[no-untyped-def]
    most = 0
    for document in range(len(offsets) - 1):
        found = 0
        for position in range(offsets[document], offsets[document + 1]):
            found += data[position] == 10
        most = max(most, found)
    return most


def _counters(segments: Segments, language: pa.StringArray, stopwords: Mapping[str, Collection[str]],
              flagged_words: Mapping[str, Collection[str]]) -> np.ndarray:  # fmt: skip
    """int64 (documents, COUNTERS)."""
    tables = ch.characters()
    *stop, listed = _word_lists(stopwords, language, "hash")
    *flagged, _ = _word_lists(flagged_words, language, "folded")
    rows = np.zeros((len(segments.valid), ln.COUNTERS), np.int64)
    given = segments.data, segments.offsets, segments.first, segments.tokens, tables.flags, tables.script
    _measure(*given, *stop, np.zeros(listed, np.int64), *flagged, *_scratch(segments), TABLE_MULTIPLIER, rows)
    return rows


def _metric(name: str, rows: np.ndarray) -> pa.DoubleArray:
    if name in _COUNTS:
        column = rows[:, _COUNTS[name]]
        return pa.array(column.astype(np.float64), mask=column == ln.NOT_APPLICABLE)
    numerator, denominator = (rows[:, counter] for counter in _RATIOS[name])
    missing = (denominator == 0) | (numerator == ln.NOT_APPLICABLE)
    return pa.array(np.divide(numerator, denominator, out=np.zeros(len(rows)), where=~missing), mask=missing)


def measure(
    text: pa.StringArray,
    language: pa.StringArray,
    *,
    stopwords: Mapping[str, Collection[str]] | None = None,
    flagged_words: Mapping[str, Collection[str]] | None = None,
    segments: Segments | None = None,
) -> pa.StructArray:
    """`filters.columns.SIGNALS` of each document; `language` has labels like `hin_Deva`.

    `stopwords` (compared as written) and `flagged_words` (compared folded, see `filters.characters.fold`) are words
    by label; without `stopwords`, English has Gopher's eight. An entry that the word breaker would cut never matches.
    `segments`: those of the same `text`, to break it only once for several uses.
    """
    if len(text) != len(language):
        raise ValueError(f"{len(text)} texts but {len(language)} languages: give one label a text")
    segments = segments or segment(text)
    lists = GOPHER_STOPWORDS if stopwords is None else stopwords
    rows = _counters(segments, language, lists, flagged_words or {})
    columns = [_metric(name, rows) for name in METRIC_NAMES]
    return pa.StructArray.from_arrays(columns, fields=list(SIGNALS), mask=pa.array(~segments.valid))
