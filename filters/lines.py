"""Kernels over the code points of one document: characters, lines, paragraphs and sentences.

Each adds to `row`, the document's counters; `filters.signals` turns counters into metrics.
"""

import numpy as np

from filters import characters as ch
from filters.hashing import BASE, fresh, insert, kernel, table_shift

(
    ONE,  # always 1: what counts are divided by
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
) = range(46)

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
def _ends_sentence(codes, i, flags_of):  # type: ignore[no-untyped-def]
    """Terminal punctuation, but not the full stop inside 3.14 or example.com."""
    if codes[i] != _FULL_STOP or i == 0 or i + 1 >= len(codes):
        return True
    return not (flags_of[codes[i - 1]] & ch.WORD and flags_of[codes[i + 1]] & ch.WORD)


@kernel
def count_characters(codes, flags_of, scratch, row):  # type: ignore[no-untyped-def]
    """Letters by script, digits, and the places of what is NOTABLE; how many of those there are."""
    scripts, places, letters_before = scratch.scripts, scratch.places, scratch.letters_before
    scripts[:] = 0
    letters, digits, found = 0, 0, np.uint64(0)
    script, script_letters, script_from = 0, 0, 0  # the last letter's, letters of any script, those before its run
    for i in range(len(codes)):
        flags = np.int64(flags_of[codes[i]])
        own_script = flags >> ch.SCRIPT_SHIFT
        if own_script * (own_script - script):  # as one test: whether there is a letter is hard to predict
            scripts[script] += script_letters - script_from
            script, script_from = own_script, script_letters
        script_letters += own_script > 0
        letters += flags & ch.LETTER
        digits += flags & ch.DIGIT
        places[found], letters_before[found] = i, letters
        found += np.uint64(flags & ch.NOTABLE > 0)  # no branch, which would often be mispredicted
    scripts[script] += script_letters - script_from
    places[found], letters_before[found] = len(codes), letters
    row[CHARACTERS], row[DIGITS] = len(codes), digits // ch.DIGIT
    return np.int64(found)


@kernel
def count_notable(codes, found, flags_of, scratch, row):  # type: ignore[no-untyped-def]
    """Symbols, sentences and the places of line ends, from the `found` notable places; how many line ends there are."""
    places, letters_before, line_ends = scratch.places, scratch.letters_before, scratch.line_ends
    symbols, hashes, newlines, sentences, ends = 0, 0, 0, 0, np.uint64(0)
    sentence_from = np.uint32(0)  # letters before the sentence
    stops, last_stop = 0, -2
    for j in range(found):
        i = np.int64(places[j])
        code = codes[i]
        flags = np.int64(flags_of[code])
        symbols += flags & (ch.SPACE | ch.EXTEND | ch.MARK) == 0
        hashes += code == _HASH
        newlines += code == _NEWLINE
        line_ends[ends] = i
        ends += np.uint64(flags & ch.LINE_END > 0)
        if code == _FULL_STOP:
            stops = stops + 1 if last_stop == i - 1 else 1
            last_stop = i
        if code == _ELLIPSIS or (code == _FULL_STOP and stops == 3):
            row[ELLIPSES] += 1
            stops = 0
        ending = (flags & (ch.SENTENCE_END | ch.LINE_END) > 0) & (letters_before[j] > sentence_from)
        if ending and _ends_sentence(codes, i, flags_of):
            sentences += 1
            sentence_from = letters_before[j]
    row[SENTENCES] = sentences + (letters_before[found] > sentence_from)
    row[SYMBOLS], row[HASHES], row[NEWLINES] = symbols, hashes, newlines
    row[NOT_NEWLINES] = len(codes) - newlines
    return np.int64(ends)


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
def _hash(codes, weights):  # type: ignore[no-untyped-def]
    """Of a line or paragraph: a sum of products, which vector units can do."""
    hashed, width = np.uint64(len(codes)), len(weights)
    for block in range(0, len(codes), width):
        piece, total = codes[block : block + width], np.uint64(0)
        for i in range(len(piece)):
            total += (np.uint64(piece[i]) + np.uint64(1)) * weights[i]
        hashed = hashed * BASE + total
    return hashed


@kernel
def _is_blank(codes, flags_of):  # type: ignore[no-untyped-def]
    i = 0
    while i < len(codes) and flags_of[codes[i]] & ch.SPACE:
        i += 1
    return i == len(codes)


@kernel
def _count_line(line, base, shift, flags_of, scratch, row):  # type: ignore[no-untyped-def]
    entry = row[SPLIT_LINES]
    row[SPLIT_LINES] += 1
    hashed = _hash(line, scratch.weights)
    duplicate = insert(scratch.table, shift, hashed, base, entry, scratch.multiplier) >= 0
    if duplicate:
        row[DUPLICATE_LINES] += 1
        row[DUPLICATE_LINE_CHARACTERS] += len(line)
    if not _is_blank(line, flags_of):
        row[NONBLANK_LINES] += 1
        row[DUPLICATE_NONBLANK_CHARACTERS] += len(line) if duplicate else 0
        row[TERMINAL_LINES] += flags_of[line[-1]] & ch.TERMINAL > 0
        row[SHORT_LINES] += len(line) <= SHORT_LINE


@kernel
def _count_lines(codes, ends, flags_of, scratch, row):  # type: ignore[no-untyped-def]
    """Pieces between runs of \\n and the duplicates among them."""
    base, shift = fresh(scratch.used, len(ends) + 2), table_shift(len(ends) + 2)
    start, end = 0, 0
    while True:
        while end < len(ends) and codes[ends[end]] != _NEWLINE:
            end += 1
        stop = ends[end] if end < len(ends) else len(codes)
        _count_line(codes[start:stop], base, shift, flags_of, scratch, row)
        if stop == len(codes):
            break
        start = stop
        while start < len(codes) and codes[start] == _NEWLINE:
            start += 1
            end += 1
    if not row[NONBLANK_LINES]:
        row[DUPLICATE_NONBLANK_CHARACTERS] = NOT_APPLICABLE


@kernel
def _stripped(codes, start, end, flags_of):  # type: ignore[no-untyped-def]
    while start < end and flags_of[codes[start]] & ch.SPACE:
        start += 1
    while end > start and flags_of[codes[end - 1]] & ch.SPACE:
        end -= 1
    return start, end


@kernel
def _count_paragraphs(codes, ends, flags_of, scratch, row):  # type: ignore[no-untyped-def]
    """Pieces of the stripped text between runs of two or more \\n, and the duplicates among them."""
    base, shift = fresh(scratch.used, len(ends) + 2), table_shift(len(ends) + 2)
    start, last = _stripped(codes, 0, len(codes), flags_of)
    end = 0
    while True:
        while end < len(ends) and (
            ends[end] < start or not (codes[ends[end]] == _NEWLINE and codes[min(ends[end] + 1, last)] == _NEWLINE)
        ):
            end += 1
        stop = min(ends[end], last) if end < len(ends) else last
        paragraph, entry = codes[start:stop], row[PARAGRAPHS]
        row[PARAGRAPHS] += 1
        if stop == last and not entry:
            break  # the only one
        if insert(scratch.table, shift, _hash(paragraph, scratch.weights), base, entry, scratch.multiplier) >= 0:
            row[DUPLICATE_PARAGRAPHS] += 1
            row[DUPLICATE_PARAGRAPH_CHARACTERS] += len(paragraph)
        if stop == last:
            break
        start = stop
        while codes[start] == _NEWLINE:  # ends before `last`: what was stripped does not end in white space
            start += 1


@kernel
def _count_text_line(codes, start, end, flags_of, row):  # type: ignore[no-untyped-def]
    row[TEXT_LINES] += 1
    start, end = _stripped(codes, start, end, flags_of)
    if start == end:
        return
    first, last = codes[start], codes[end - 1]
    row[BULLET_LINES] += first in (_BULLET, _HYPHEN)
    three = end - start >= 3 and last == _FULL_STOP and codes[end - 2] == _FULL_STOP and codes[end - 3] == _FULL_STOP
    row[ELLIPSIS_LINES] += three or last == _ELLIPSIS


@kernel
def _count_text_lines(codes, ends, flags_of, row):  # type: ignore[no-untyped-def]
    """Lines as str.splitlines has them, that begin with a bullet or end in an ellipsis."""
    start = 0
    for i in range(len(ends)):
        end = ends[i]
        if codes[end] == _NEWLINE and end > 0 and end == start and codes[end - 1] == _RETURN:
            start = end + 1  # \r\n is one line end
            continue
        _count_text_line(codes, start, end, flags_of, row)
        start = end + 1
    if start < len(codes):
        _count_text_line(codes, start, len(codes), flags_of, row)


@kernel
def count_lines(codes, ends, flags_of, scratch, row):  # type: ignore[no-untyped-def]
    """Lines and paragraphs of each reading, from the places of all line ends."""
    if len(codes):
        _count_text_lines(codes, ends, flags_of, row)
        _count_lines(codes, ends, flags_of, scratch, row)
        _count_paragraphs(codes, ends, flags_of, scratch, row)
