"""Kernels over the code points of one document: characters, lines, paragraphs and sentences.

Each adds to `row`, the document's counters; `filters.signals` turns counters into metrics.
"""

import numpy as np

from filters import characters as ch
from filters.hashing import BASE, decode, insert, kernel, table_shift, value

(
    CHARACTERS,
    BYTES,
    WORDS,
    NON_SYMBOL_WORDS,
    NON_SYMBOL_CHARACTERS,
    ALPHABETIC_WORDS,
    STOPWORDS,
    FLAGGED_WORDS,
    SENTENCES,
    NEWLINES,
    NOT_NEWLINES,
    HASHES,
    ELLIPSES,
    DIGITS,
    SYMBOLS,
    SCRIPT_LETTERS,  # letters that belong to a script
    MAJORITY_LETTERS,
    FOREIGN_LETTERS,
    SPLIT_LINES,  # pieces between runs of \n, an empty first and last one included
    DUPLICATE_LINES,
    DUPLICATE_LINE_CHARACTERS,
    NONBLANK_LINES,
    DUPLICATE_NONBLANK_CHARACTERS,
    TERMINAL_LINES,
    SHORT_LINES,
    PARAGRAPHS,
    DUPLICATE_PARAGRAPHS,
    DUPLICATE_PARAGRAPH_CHARACTERS,
    TEXT_LINES,  # as str.splitlines
    BULLET_LINES,
    ELLIPSIS_LINES,
    FIVE_GRAMS,
    REPEATED_FIVE_GRAMS,
    CHARACTER_GRAMS,
    REPEATED_CHARACTER_GRAMS,
    TOP_2,
    TOP_3,
    TOP_4,
    DUPLICATE_5,
    DUPLICATE_6,
    DUPLICATE_7,
    DUPLICATE_8,
    DUPLICATE_9,
    DUPLICATE_10,
    COUNTERS,
) = range(45)

NOT_APPLICABLE = -1  # a counter without meaning for this document: its metrics are null
SHORT_LINE = 30  # characters

_NEWLINE = np.uint32(10)
_RETURN = np.uint32(13)
_FULL_STOP = np.uint32(0x2E)
_ELLIPSIS = np.uint32(0x2026)
_BULLET = np.uint32(0x2022)
_HYPHEN = np.uint32(0x2D)
_HASH = np.uint32(0x23)


@kernel
def decode_document(data, start, end, codes):  # type: ignore[no-untyped-def]
    """Write the document's code points to `codes`; their number."""
    count = 0
    while start < end:
        codes[count], size = decode(data, start, end)
        start += size
        count += 1
    return count


@kernel
def _ends_sentence(codes, n, i, flags_of):  # type: ignore[no-untyped-def]
    """Terminal punctuation, but not the full stop inside 3.14 or example.com."""
    if codes[i] != _FULL_STOP or i == 0 or i + 1 >= n:
        return True
    return not (flags_of[codes[i - 1]] & ch.WORD and flags_of[codes[i + 1]] & ch.WORD)


@kernel
def count_characters(codes, n, flags_of, script_of, scripts, row):  # type: ignore[no-untyped-def]
    """Characters by class, sentences, and letters by script into `scripts` (zeroed here)."""
    scripts[:] = 0
    in_sentence, stops, newlines, digits = False, 0, 0, 0
    script, run = 0, 0  # letters of one script in a row: adding each to `scripts` would wait for the one before
    for i in range(n):
        code = codes[i]
        flags = flags_of[code]
        if flags & ch.LETTER:
            in_sentence, stops = True, 0
            if script_of[code] != script:
                scripts[script] += run
                script, run = np.int64(script_of[code]), 0
            run += 1
            continue
        stops = stops + 1 if code == _FULL_STOP else 0
        newlines += code == _NEWLINE
        digits += flags & ch.DIGIT > 0
        if not flags & (ch.DIGIT | ch.SPACE | ch.EXTEND | ch.MARK):
            row[SYMBOLS] += 1
            row[HASHES] += code == _HASH
            if code == _ELLIPSIS or stops == 3:
                row[ELLIPSES] += 1
                stops = 0
        if flags & (ch.SENTENCE_END | ch.LINE_END) and in_sentence and _ends_sentence(codes, n, i, flags_of):
            row[SENTENCES] += 1
            in_sentence = False
    scripts[script] += run
    row[SENTENCES] += in_sentence
    row[DIGITS], row[NEWLINES], row[NOT_NEWLINES] = digits, newlines, n - newlines


@kernel
def count_scripts(scripts, latin, row):  # type: ignore[no-untyped-def]
    """Majority script (of equals the one first in SCRIPTS) and foreign letters; index 0 is no script and left out."""
    total, majority = 0, 1
    for script in range(1, len(scripts)):
        total += scripts[script]
        if scripts[script] > scripts[majority]:
            majority = script
    row[SCRIPT_LETTERS] = total
    row[MAJORITY_LETTERS] = scripts[majority]
    row[FOREIGN_LETTERS] = total - scripts[majority] - (0 if majority == latin else scripts[latin])


@kernel
def count_lines(codes, n, flags_of, table, base, multiplier, row):  # type: ignore[no-untyped-def]
    """Pieces between runs of \\n and the duplicates among them; the next free `base` of the table."""
    shift = table_shift(row[NEWLINES] + 2)
    i = 0
    while True:
        start, hashed, blank = i, np.uint64(0), True
        while i < n and codes[i] != _NEWLINE:
            hashed = hashed * BASE + value(codes[i])
            blank = blank and flags_of[codes[i]] & ch.SPACE > 0
            i += 1
        length, entry = i - start, row[SPLIT_LINES]
        row[SPLIT_LINES] += 1
        duplicate = insert(table, shift, hashed, base, entry, multiplier) >= 0
        if duplicate:
            row[DUPLICATE_LINES] += 1
            row[DUPLICATE_LINE_CHARACTERS] += length
        if not blank:
            row[NONBLANK_LINES] += 1
            row[DUPLICATE_NONBLANK_CHARACTERS] += length if duplicate else 0
            row[TERMINAL_LINES] += flags_of[codes[i - 1]] & ch.TERMINAL > 0
            row[SHORT_LINES] += length <= SHORT_LINE
        if i >= n:
            break
        while i < n and codes[i] == _NEWLINE:
            i += 1
    return base + row[SPLIT_LINES]


@kernel
def count_paragraphs(codes, n, flags_of, table, base, multiplier, row):  # type: ignore[no-untyped-def]
    """Pieces of the stripped text between runs of two or more \\n; the next free `base` of the table."""
    shift = table_shift(row[NEWLINES] + 2)
    i, end = 0, n
    while i < end and flags_of[codes[i]] & ch.SPACE:
        i += 1
    while end > i and flags_of[codes[end - 1]] & ch.SPACE:
        end -= 1
    while True:
        start, hashed = i, np.uint64(0)
        while i < end and not (codes[i] == _NEWLINE and codes[i + 1] == _NEWLINE):
            hashed = hashed * BASE + value(codes[i])
            i += 1
        entry = row[PARAGRAPHS]
        row[PARAGRAPHS] += 1
        if insert(table, shift, hashed, base, entry, multiplier) >= 0:
            row[DUPLICATE_PARAGRAPHS] += 1
            row[DUPLICATE_PARAGRAPH_CHARACTERS] += i - start
        if i >= end:
            break
        while codes[i] == _NEWLINE:  # ends before `end`: what was stripped does not end in white space
            i += 1
    return base + row[PARAGRAPHS]


@kernel
def _count_text_line(codes, start, end, flags_of, row):  # type: ignore[no-untyped-def]
    row[TEXT_LINES] += 1
    while start < end and flags_of[codes[start]] & ch.SPACE:
        start += 1
    while end > start and flags_of[codes[end - 1]] & ch.SPACE:
        end -= 1
    if start == end:
        return
    first, last = codes[start], codes[end - 1]
    row[BULLET_LINES] += first in (_BULLET, _HYPHEN)
    three = end - start >= 3 and last == _FULL_STOP and codes[end - 2] == _FULL_STOP and codes[end - 3] == _FULL_STOP
    row[ELLIPSIS_LINES] += three or last == _ELLIPSIS


@kernel
def count_text_lines(codes, n, flags_of, row):  # type: ignore[no-untyped-def]
    """Lines as str.splitlines has them, that begin with a bullet or end in an ellipsis."""
    i = 0
    while i < n:
        start = i
        while i < n and not flags_of[codes[i]] & ch.LINE_END:
            i += 1
        _count_text_line(codes, start, i, flags_of, row)
        if i + 1 < n and codes[i] == _RETURN and codes[i + 1] == _NEWLINE:
            i += 1
        i += 1
