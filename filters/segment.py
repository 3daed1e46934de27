"""Word breaking over the UTF-8 buffer of an Arrow column, once for all metrics.

A word is a maximal run of letters, marks and numbers; apostrophes, middle dots and underscores stay inside between
two of them, `,` and `.` between two digits; joiners (ZWJ, ZWNJ) and marks stay with what is before them; hyphens
split. Every other visible character is a token of its own, a run of the same punctuation mark (`...`, `!!!`) one
token. White space, invisible characters and the Tibetan tsheg lie between tokens. Runs in scripts without spaces
(Thai, Lao, Khmer, Myanmar, Han, kana) are broken by ICU's dictionaries; Hangul has spaces.

The first call compiles for about ten seconds and caches on disk; later processes load in well under a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
from icu4py.breakers import WordBreaker

from filters import characters as ch
from filters.hashing import BASE, ONE, decode, kernel, value

# Token flags
ALPHABETIC = 1  # at least one letter
NON_SYMBOL = 2  # at least one character outside PUNCTUATION
WORD_LIKE = 4  # begins with a letter, mark or number
CONTINUES = 8  # a dictionary broke it off the token before it

_RUN_BYTES = 1 << 20  # text handed to one ICU breaker
_LONGEST_RUN = 1 << 14  # bytes; longer runs are cut here first, which bounds ICU's dynamic programme


TOKEN = np.dtype(
    [
        ("hash", np.uint64),  # polynomial of the code points, see filters.hashing
        ("folded", np.uint64),  # the same of the folded code points, see filters.characters.fold
        ("start", np.int32),  # byte offsets in the buffer
        ("end", np.int32),
        ("characters", np.int32),  # code points
        ("folded_characters", np.int32),
        ("flags", np.uint8),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Segments:
    """The tokens of a batch, flat: those of document i are `tokens[first[i]:first[i + 1]]`."""

    data: np.ndarray  # uint8, the UTF-8 buffer
    offsets: np.ndarray  # int64 (documents + 1,) bytes of each document in `data`
    valid: np.ndarray  # bool (documents,) false: null
    first: np.ndarray  # int64 (documents + 1,)
    tokens: np.ndarray  # TOKEN (tokens,)


@kernel
def _joins(data, after, end, flags_of, flags, previous, no_space):  # type: ignore[no-untyped-def]
    """Whether a character with `flags`, its next one at `after`, stays in the word; `previous` are the flags before."""
    if flags & ch.WORD:
        return flags & ch.NO_SPACE == no_space
    if no_space or not flags & (ch.MID_WORD | ch.MID_NUMBER) or after >= end:
        return False
    following = flags_of[decode(data, after, end)[0]]
    wanted = ch.WORD if flags & ch.MID_WORD else ch.DIGIT
    return previous & wanted and following & wanted and not following & ch.NO_SPACE


@kernel
def _fold_sequence(sequences, row, folded, weight):  # type: ignore[no-untyped-def]
    """Add a folded form of several code points; (folded hash, weight, code points)."""
    count = 0
    for column in range(sequences.shape[1]):
        part = sequences[row, column]
        if part:
            folded += value(part) * weight
            weight *= BASE
            count += 1
    return folded, weight, count


@kernel
def _read_token(data, position, end, flags_of, folded_of, sequences, stop, whole, token):  # type: ignore[no-untyped-def]
    """Fill in `token` from the one that begins at `position`; where it ends.

    A run without spaces ends at `stop` at the latest. `whole`: take everything up to `end` as one token.
    """
    code, size = decode(data, position, end)
    symbol, flags = code, np.int64(flags_of[code])
    is_word, no_space, repeats = flags & ch.WORD, flags & ch.NO_SPACE, flags & ch.REPEATS
    limit = min(stop, end) if no_space else end
    token.start = position
    count, folded_count, seen, common, previous = 0, 0, 0, flags, flags
    hashed, folded, weight, folded_weight = np.uint64(0), np.uint64(0), ONE, ONE
    while True:
        seen |= flags
        common &= flags
        hashed += value(code) * weight
        weight *= BASE
        count += 1
        lower = folded_of[code]
        if lower < ch.CODE_POINTS:
            folded += value(lower) * folded_weight
            folded_weight *= BASE
            folded_count += 1
        else:
            row = np.int64(lower) - ch.CODE_POINTS
            folded, folded_weight, parts = _fold_sequence(sequences, row, folded, folded_weight)
            folded_count += parts
        if flags & ch.WORD or not flags & ch.EXTEND:
            previous = flags
        position += size
        if position >= limit:
            break
        code, size = decode(data, position, end)
        flags = np.int64(flags_of[code])
        if flags & ch.EXTEND or whole:
            repeats = 0
            continue
        if is_word and not _joins(data, position + size, end, flags_of, flags, previous, no_space):
            break
        if not is_word and not (repeats and code == symbol):
            break
    token.end = position
    token.hash, token.folded = hashed, folded
    token.characters, token.folded_characters = count, folded_count
    alphabetic = ALPHABETIC if seen & ch.LETTER else 0
    token.flags = (WORD_LIKE if is_word else 0) | alphabetic | (0 if common & ch.PUNCTUATION else NON_SYMBOL)
    return position


@kernel
def _scan(data, offsets, breaks, next_break, flags_of, folded_of, sequences, first, document, tokens):  # type: ignore[no-untyped-def]
    """Break documents from `document` on while their tokens must fit; (documents done, breaks used)."""
    token = first[document]
    while document < len(offsets) - 1 and offsets[document + 1] - offsets[document] <= len(tokens) - token:
        position, end = offsets[document], offsets[document + 1]
        run_end = np.int64(-1)  # of the token before, where a dictionary may have cut
        while position < end:
            code, size = decode(data, position, end)
            flags = flags_of[code]
            if flags & ch.SEPARATOR or (flags & ch.EXTEND and not flags & ch.WORD):
                position += size
                continue
            while next_break < len(breaks) and breaks[next_break] <= position:
                next_break += 1
            stop = breaks[next_break] if next_break < len(breaks) else end
            continues = position == run_end and flags & ch.NO_SPACE
            position = _read_token(data, position, end, flags_of, folded_of, sequences, stop, False, tokens[token])
            if continues:
                tokens[token].flags |= CONTINUES
            run_end = position if flags & ch.NO_SPACE else np.int64(-1)
            token += 1
        document += 1
        first[document] = token
    return document, next_break


@kernel
def _no_space_runs(data, offsets, flags_of, starts, ends):  # type: ignore[no-untyped-def]
    """Byte ranges of the runs in scripts without spaces, each at most `_LONGEST_RUN` bytes; their number."""
    runs = 0
    for document in range(len(offsets) - 1):
        position, stop = offsets[document], offsets[document + 1]
        inside = False
        while position < stop:
            if not inside and data[position] < 0xE0:  # below U+0800 there is no such script
                position += 1
                continue
            code, size = decode(data, position, stop)
            flags = flags_of[code]
            if flags & ch.NO_SPACE and not (inside and position - starts[runs - 1] < _LONGEST_RUN):
                starts[runs] = position
                runs += 1
                inside = True
            inside = inside and flags & (ch.NO_SPACE | ch.EXTEND) > 0
            position += size
            if inside:
                ends[runs - 1] = position
    return runs


@kernel
def _join(data, starts, ends, joined):  # type: ignore[no-untyped-def]
    """Copy the runs into `joined`, each followed by a line feed; the bytes written."""
    written = 0
    for run in range(len(starts)):
        for position in range(starts[run], ends[run]):
            joined[written] = data[position]
            written += 1
        joined[written] = 10
        written += 1
    return written


@kernel
def _break_offsets(data, starts, ends, boundaries, breaks):  # type: ignore[no-untyped-def]
    """Translate ICU's boundaries (UTF-16 units of the joined runs) to byte offsets in `data`; their number."""
    unit, boundary, found = 0, 0, 0
    for run in range(len(starts)):
        position = np.int64(starts[run])
        while position < ends[run]:
            while boundary < len(boundaries) and boundaries[boundary] < unit:
                boundary += 1
            if boundary < len(boundaries) and boundaries[boundary] == unit:
                breaks[found] = position
                found += 1
            _, size = decode(data, position, np.int64(ends[run]))
            unit += 2 if size == 4 else 1
            position += size
        unit += 1
    return found


def _run_groups(starts: np.ndarray, ends: np.ndarray) -> Iterator[slice]:
    """Consecutive runs of about `_RUN_BYTES` together."""
    total = np.cumsum(ends - starts + 1)
    first = 0
    while first < len(starts):
        reached = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, reached + _RUN_BYTES)))
        yield slice(first, last)
        first = last


def _dictionary_breaks(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Byte offsets where ICU begins a word in these runs."""
    joined = np.empty(int((ends - starts + 1).sum()), np.uint8)
    _join(data, starts, ends, joined)
    # invalid bytes become one U+FFFD each in both decoders only if they stand alone; a run holds none
    breaker = WordBreaker(joined.tobytes().decode("utf-8", "replace"), "en")
    boundaries = np.fromiter(chain.from_iterable(breaker.segments()), np.int32)[::2]
    breaks = np.empty(len(boundaries), np.int64)
    return breaks[: _break_offsets(data, starts, ends, boundaries, breaks)]


def _breaks(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Sorted byte offsets at which words begin inside the runs that have no spaces."""
    reserved = int(offsets[-1] - offsets[0]) // 3 + 1
    starts, ends = np.empty(reserved, np.int32), np.empty(reserved, np.int32)
    runs = _no_space_runs(data, offsets, ch.characters().flags, starts, ends)
    groups = _run_groups(starts[:runs], ends[:runs])
    found = [_dictionary_breaks(data, starts[group], ends[group]) for group in groups]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def buffers(text: pa.StringArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(bytes, offsets int64, valid) of a string column, without copying the text; a null is empty.

    Accepts large strings, chunks and slices; ArrowInvalid above 2 GiB of text.
    """
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    if text.type != pa.string():
        text = text.cast(pa.string())
    valid = np.asarray(text.is_valid())
    _, offset_buffer, data_buffer = text.buffers()
    if not len(text) or offset_buffer is None:
        return np.empty(0, np.uint8), np.zeros(len(text) + 1, np.int64), valid
    offsets = np.frombuffer(offset_buffer, np.int32)[text.offset : text.offset + len(text) + 1].astype(np.int64)
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    return data, offsets, valid


def _kernel_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    tables = ch.characters()
    return tables.flags, tables.folded, tables.sequences


def _reserve(offsets: np.ndarray) -> int:
    """Tokens to make room for: most texts have fewer than one in three bytes, none more than one a byte."""
    return int(offsets[-1] - offsets[0]) // 3 + int(np.diff(offsets).max(initial=0)) + 1


def segment(text: pa.StringArray, *, dictionary: bool = True) -> Segments:
    """Break every document into tokens. `dictionary=False` leaves runs without spaces whole, and needs no ICU.

    Memory: 40 bytes a token, that is 7 a byte of English and 4 of Hindi; text of single-character tokens 40 a byte.
    """
    data, offsets, valid = buffers(text)
    tables = _kernel_tables()
    breaks = _breaks(data, offsets) if dictionary else np.empty(0, np.int64)
    tokens, first = np.empty(_reserve(offsets), TOKEN), np.zeros(len(offsets), np.int64)
    done, next_break = 0, 0
    while True:
        done, next_break = _scan(data, offsets, breaks, next_break, *tables, first, done, tokens)
        if done == len(text):
            return Segments(data, offsets, valid, first, tokens[: first[-1]])
        tokens = np.concatenate([tokens[: first[done]], np.empty(_reserve(offsets[done:]) + first[done], TOKEN)])


def words(text: str) -> list[str]:
    """The tokens of one text, as strings."""
    raw = text.encode()
    tokens = segment(pa.array([text], pa.string())).tokens
    return [raw[token["start"] : token["end"]].decode() for token in tokens]


@kernel
def _describe_all(data, offsets, flags_of, folded_of, sequences, tokens):  # type: ignore[no-untyped-def]
    for i in range(len(offsets) - 1):
        if offsets[i] < offsets[i + 1]:
            _read_token(
                data, offsets[i], offsets[i + 1], flags_of, folded_of, sequences, offsets[i + 1], True, tokens[i]
            )


def hash_words(listed: list[str]) -> np.ndarray:
    """TOKEN records of whole strings: their hashes compare with those of tokens."""
    data, offsets, _ = buffers(pa.array(listed, pa.string()))
    tokens = np.zeros(len(listed), TOKEN)
    _describe_all(data, offsets, *_kernel_tables(), tokens)
    return tokens
