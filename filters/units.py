"""Units that passages are compared by whatever the language label says: words, and code points in scripts without spaces.

A word counts by its folded form, a number as it stands (tables of figures would all be alike), punctuation not at all.
Lengths are in quarters of a word: 4 a word, 2 a code point of Han and kana, 1 of Thai, Lao, Khmer and Myanmar, about
their mean word length as in `filters.minhash`. So the same passage has the same units in any text around it, and an
ICU upgrade changes none.
"""

import numpy as np

from filters import characters as ch
from filters.hashing import decode, kernel, mix, value
from filters.segment import ALPHABETIC, WORD_LIKE, Segments

WORD = 4  # quarters

UNIT = np.dtype(
    [
        ("hash", np.uint64),
        ("start", np.int32),  # byte offsets in the buffer
        ("end", np.int32),
        ("length", np.int32),  # quarters of a word
    ],
    align=True,
)

_HAN_AND_KANA = np.uint32(0x2E80)  # and above, but for Myanmar's extensions
_MYANMAR_EXTENDED = np.uint32(0xA9E0), np.uint32(0xAA7F)
_KANA_MARKS = np.uint32(0x3099), np.uint32(0x309A)


@kernel
def _length(code):  # type: ignore[no-untyped-def]
    """Quarters of a word that a code point of a script without spaces makes.

    A voiced kana is one code point or two, so its mark has no length.
    """
    if code == _KANA_MARKS[0] or code == _KANA_MARKS[1]:
        return 0
    return 2 if code >= _HAN_AND_KANA and not _MYANMAR_EXTENDED[0] <= code <= _MYANMAR_EXTENDED[1] else 1


@kernel
def _add(units, count, hashed, start, end, length):  # type: ignore[no-untyped-def]
    unit = units[count]
    unit.hash, unit.start, unit.end, unit.length = hashed, start, end, length
    return count + 1


@kernel
def _add_code_points(data, token, folded_of, sequences, units, count):  # type: ignore[no-untyped-def]
    """A unit for each folded code point; of one that folds into several the first has the length."""
    position, stop = np.int64(token.start), np.int64(token.end)
    while position < stop:
        code, size = decode(data, position, stop)
        end, length, lower = position + size, _length(code), folded_of[code]
        if lower < ch.CODE_POINTS:
            count = _add(units, count, mix(value(lower)), position, end, length)
        else:
            for column in range(sequences.shape[1]):
                part = sequences[np.int64(lower) - ch.CODE_POINTS, column]
                if part:
                    count = _add(units, count, mix(value(part)), position, end, length if column == 0 else 0)
        position = end
    return count


@kernel
def split(data, tokens, flags_of, folded_of, sequences, units):  # type: ignore[no-untyped-def]
    """The units of one document's tokens into `units`; their number."""
    count = 0
    for i in range(len(tokens)):
        token = tokens[i]
        if not token.flags & WORD_LIKE:
            continue
        start, end = np.int64(token.start), np.int64(token.end)
        if data[start] >= 0xE0 and flags_of[decode(data, start, end)[0]] & ch.NO_SPACE:
            count = _add_code_points(data, token, folded_of, sequences, units, count)
        else:
            hashed = token.folded if token.flags & ALPHABETIC else token.hash
            count = _add(units, count, mix(hashed), start, end, WORD)
    return count


def scratch(segments: Segments) -> np.ndarray:
    """Room for the units of the longest document: one a byte, four for three bytes of a code point that folds so."""
    return np.empty(2 * int(np.diff(segments.offsets).max(initial=0)) + 1, UNIT)
