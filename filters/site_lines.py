"""The lines of documents as hashes, so that those a site repeats can be found without its text.

A line's hash is of its `filters.units`: case, punctuation and spacing do not matter, figures do.
"""

import numpy as np
import pyarrow as pa

from filters import characters as ch
from filters import units
from filters.columns import SITE_LINES
from filters.hashing import ORDER_BASE, kernel, mix
from filters.segment import Segments

MOST_LINES = 500  # from either end of a document: menus and footers, not the whole of a list of a million entries
_NEWLINE = 10

LINE = np.dtype([("hash", np.int64), ("start", np.int32), ("end", np.int32)], align=True)


@kernel
def _close(lines, found, hashed, length, least, start, end):  # type: ignore[no-untyped-def]
    if length < least:
        return found
    line = lines[found]
    line.hash, line.start, line.end = np.int64(mix(hashed)), start, end
    return found + 1


@kernel
def _lines_of(data, begin, stop, mine, least, lines):  # type: ignore[no-untyped-def]
    """Lines of at least `least` quarters of a word, in code points of the document, line ends included; their number."""
    found, unit, start, points = 0, 0, 0, 0
    hashed, length = np.uint64(0), 0
    for position in range(begin, stop):
        points += data[position] & 0xC0 != 0x80
        while unit < len(mine) and mine[unit].start == position:
            hashed = hashed * ORDER_BASE + mine[unit].hash
            length += mine[unit].length
            unit += 1
        if data[position] == _NEWLINE:
            found = _close(lines, found, hashed, length, least, start, points)
            start, hashed, length = points, np.uint64(0), 0
    return _close(lines, found, hashed, length, least, start, points)


@kernel
def _middle_out(lines, found, most):  # type: ignore[no-untyped-def]
    """Keep `most` lines of either end; how many that are."""
    if found <= 2 * most:
        return found
    for i in range(most):
        lines[most + i] = lines[found - most + i]
    return 2 * most


@kernel
def _lines(data, offsets, first, tokens, tables, least, most, scratch, lines, counts):  # type: ignore[no-untyped-def]
    total = 0
    for document in range(len(counts)):
        mine = tokens[first[document] : first[document + 1]]
        count = units.split(data, mine, tables.flags, tables.folded, tables.sequences, scratch)
        room = lines[total:]
        found = _lines_of(data, offsets[document], offsets[document + 1], scratch[:count], least, room)
        counts[document] = _middle_out(room, found, most)
        total += counts[document]


def site_lines(segments: Segments, *, words: int, most: int = MOST_LINES) -> pa.Array:
    """`filters.columns.SITE_LINES` of each document: its lines of at least `words` words; null for a null text."""
    counts = np.zeros(len(segments.valid), np.int64)
    lines = np.empty(len(segments.codes) + len(counts), LINE)
    given = segments.data, segments.offsets, segments.first, segments.tokens, ch.characters()
    _lines(*given, words * units.WORD, most, units.scratch(segments), lines, counts)
    flat = lines[: counts.sum()]
    columns = [pa.array(np.ascontiguousarray(flat[name])) for name in ("hash", "start", "end")]
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    values = pa.StructArray.from_arrays(columns, fields=list(SITE_LINES.value_type))
    return pa.ListArray.from_arrays(offsets, values, type=SITE_LINES, mask=pa.array(~segments.valid))
