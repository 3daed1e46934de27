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
from filters.hashing import BASE, ONE, decode, kernel, mix, power_of_inverse, value

# Token flags
ALPHABETIC = 1  # at least one letter
NON_SYMBOL = 2  # at least one character outside PUNCTUATION
WORD_LIKE = 4  # begins with a letter, mark or number
CONTINUES = 8  # a dictionary broke it off the token before it
_LENGTHENS = 16  # its folded form has more code points

AHEAD = 12  # code points
_RUN_BYTES = 1 << 20  # text handed to one ICU breaker
_LONGEST_RUN = 1 << 14  # bytes; longer runs are cut here first, which bounds ICU's dynamic programme
_9F, _B8, _B9, _E0, _E2, _F0 = (np.uint8(byte) for byte in (0x9F, 0xB8, 0xB9, 0xE0, 0xE2, 0xF0))
_S32 = np.uint64(32)


TOKEN = np.dtype(
    [
        ("hash", np.uint64),  # polynomial of the code points, see filters.hashing
        ("folded", np.uint64),  # the same of the folded code points, see filters.characters.fold
        ("start", np.int32),  # byte offsets in the buffer
        ("end", np.int32),
        ("characters", np.int32),  # code points
        ("folded_characters", np.int32),
        ("ahead", np.uint32),  # hash of AHEAD code points from here on, those between tokens left out
        ("flags", np.uint8),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Segments:
    """The tokens and code points of a batch, flat: those of document i are `tokens[first[i]:first[i + 1]]`.

    The code points are kept for `filters.signals`: decoding Hindi again would cost a third of all its metrics.
    """

    data: np.ndarray  # uint8, the UTF-8 buffer
    offsets: np.ndarray  # int64 (documents + 1,) bytes of each document in `data`
    valid: np.ndarray  # bool (documents,) false: null
    first: np.ndarray  # int64 (documents + 1,)
    tokens: np.ndarray  # TOKEN (tokens,)
    first_code: np.ndarray  # int64 (documents + 1,) as `first`, for `codes`
    codes: np.ndarray  # uint32 (code points,)


@kernel
def _stays(data, after, end, flags_of, flags, previous):  # type: ignore[no-untyped-def]
    """Whether an apostrophe or the like, with `flags` and the next character at `after`, stays in its word."""
    if not flags & (ch.MID_WORD | ch.MID_NUMBER) or after >= end:
        return False
    following = flags_of[decode(data, after, end)[0]]
    wanted = ch.WORD if flags & ch.MID_WORD else ch.DIGIT
    return previous & wanted and following & wanted and not following & ch.NO_SPACE


@kernel
def _scan_document(data, position, end, breaks, next_break, flags_of, folded_of, codes, sums, tokens):  # type: ignore[no-untyped-def]
    """Break one document into `tokens`, its code points into `codes`; (tokens, code points, those inside tokens, breaks).

    sums[j] is the polynomial of the first j code points inside tokens: it has the hash of every run of them.
    """
    token, count, inside = 0, 0, 0
    sums[0], total, weight = np.uint64(0), np.uint64(0), ONE
    run_end = np.int64(-1)  # of the token before, where a dictionary may have cut
    while position < end:
        code, size = decode(data, position, end)
        flags = np.int64(flags_of[code])
        if flags & ch.SEPARATOR or flags & (ch.EXTEND | ch.WORD) == ch.EXTEND:
            codes[np.uint64(count)] = code
            count += 1
            position += size
            continue
        kind = flags & (ch.SPACED | ch.NO_SPACE)  # of the word, 0: a symbol
        symbol, repeats, previous = code, flags & ch.REPEATS, flags
        seen, folding, lengthens = 0, np.uint64(0), 0  # all flags, PUNCTUATION inverted; what folding adds to the hash
        start, begun, limit = position, inside, end
        no_space = flags & ch.NO_SPACE
        continues = no_space and position == run_end
        if no_space:
            while next_break < len(breaks) and breaks[next_break] <= position:
                next_break += 1
            limit = min(end, breaks[next_break]) if next_break < len(breaks) else end
        while True:
            seen |= flags ^ ch.PUNCTUATION
            codes[np.uint64(count)] = code
            count += 1
            total += value(code) * weight
            if flags & ch.FOLDS:
                folding += (value(folded_of[code]) - value(code)) * weight
                lengthens |= folded_of[code] >= ch.CODE_POINTS
            weight *= BASE
            inside += 1
            sums[np.uint64(inside)] = total
            position += size
            if position >= limit:
                break
            code, size = decode(data, position, end)
            flags = np.int64(flags_of[code])
            if flags & (kind | ch.EXTEND):  # one test: letters and marks alternate in ways that are hard to predict
                previous = flags if flags & ch.WORD else previous
                repeats = 0
            elif kind == ch.SPACED and _stays(data, position + size, end, flags_of, flags, previous):
                previous = flags
            elif not (repeats and code == symbol):
                break
        run_end = position if no_space else np.int64(-1)
        found = tokens[np.uint64(token)]
        found.start, found.end, found.characters, found.folded = start, position, inside - begun, folding
        found.flags = (
            (ALPHABETIC if seen & ch.LETTER else 0)
            | (NON_SYMBOL if seen & ch.PUNCTUATION else 0)
            | (WORD_LIKE if kind else 0)
            | (CONTINUES if continues else 0)
            | (_LENGTHENS if lengthens else 0)
        )
        token += 1
    return token, count, inside, next_break


@kernel
def _fold(data, position, end, folded_of, sequences):  # type: ignore[no-untyped-def]
    """(hash, code points) of the folded form."""
    folded, weight, count = np.uint64(0), ONE, 0
    while position < end:
        code, size = decode(data, position, end)
        position += size
        lower = folded_of[code]
        if lower < ch.CODE_POINTS:
            folded += value(lower) * weight
            weight *= BASE
            count += 1
            continue
        for column in range(sequences.shape[1]):
            part = sequences[np.int64(lower) - ch.CODE_POINTS, column]
            if part:
                folded += value(part) * weight
                weight *= BASE
                count += 1
    return folded, count


@kernel
def _hash_tokens(data, tokens, sums, last, folded_of, sequences):  # type: ignore[no-untyped-def]
    """Fill in the hashes of a document's tokens, of `last` code points together; `folded` has the difference."""
    inside, inverse = 0, ONE
    for i in range(len(tokens)):
        token = tokens[i]
        count, before = np.int64(token.characters), sums[np.uint64(inside)]
        hashed = (sums[np.uint64(inside + count)] - before) * inverse
        ahead = (sums[np.uint64(min(inside + AHEAD, last))] - before) * inverse
        token.hash, token.ahead = hashed, np.uint32(mix(ahead) >> _S32)
        token.folded, token.folded_characters = hashed + token.folded * inverse, count
        if token.flags & _LENGTHENS:
            start, end = np.int64(token.start), np.int64(token.end)
            token.folded, token.folded_characters = _fold(data, start, end, folded_of, sequences)
        inside += count
        inverse *= power_of_inverse(count)


@kernel
def _scan(data, offsets, breaks, next_break, tables, sums, first, first_code, codes, document, tokens):  # type: ignore[no-untyped-def]
    """Break documents from `document` on while their tokens must fit; (documents done, breaks used)."""
    while document < len(offsets) - 1 and offsets[document + 1] - offsets[document] <= len(tokens) - first[document]:
        start, end = offsets[document], offsets[document + 1]
        mine, text = tokens[first[document] :], codes[first_code[document] :]
        found, count, inside, next_break = _scan_document(
            data, start, end, breaks, next_break, tables.flags, tables.folded, text, sums, mine
        )
        _hash_tokens(data, mine[:found], sums, inside, tables.folded, tables.sequences)
        first[document + 1], first_code[document + 1] = first[document] + found, first_code[document] + count
        document += 1
    return document, next_break


@kernel
def _may_lack_spaces(data, start, end):  # type: ignore[no-untyped-def]
    """False: none of these bytes is of a script without spaces. Those begin at U+0E00; U+2000 to 2E3F and emoji are none.

    Bytes compared with bytes, so that a vector unit does 32 at a time.
    """
    found, leads, followings = False, data[start : end - 1], data[start + 1 : end]
    for i in range(len(followings)):
        lead, following = leads[i], followings[i]
        above = (lead > _E0) & (lead != _E2) & ((lead != _F0) | (following != _9F))
        found |= above | ((lead == _E0) & (following >= _B8)) | ((lead == _E2) & (following >= _B9))
    return found


@kernel
def _no_space_runs(data, offsets, flags_of, starts, ends):  # type: ignore[no-untyped-def]
    """Byte ranges of the runs in scripts without spaces, each at most `_LONGEST_RUN` bytes; their number."""
    runs = 0
    for document in range(len(offsets) - 1):
        position, stop = offsets[document], offsets[document + 1]
        inside = False
        if not _may_lack_spaces(data, position, stop):
            continue
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


def _reserve(offsets: np.ndarray) -> int:
    """Tokens to make room for: most texts have fewer than one in three bytes, none more than one a byte."""
    return int(offsets[-1] - offsets[0]) // 3 + int(np.diff(offsets).max(initial=0)) + 1


def segment(text: pa.StringArray, *, dictionary: bool = True) -> Segments:
    """Break every document into tokens. `dictionary=False` leaves runs without spaces whole, and needs no ICU.

    Memory: 40 bytes a token and 4 a code point, that is 13 a byte of English and 5 of Hindi; text of single-character
    tokens 44 a byte.
    """
    data, offsets, valid = buffers(text)
    tables = ch.characters()
    breaks = _breaks(data, offsets) if dictionary else np.empty(0, np.int64)
    tokens, first = np.empty(_reserve(offsets), TOKEN), np.zeros(len(offsets), np.int64)
    codes, first_code = np.empty(int(offsets[-1] - offsets[0]), np.uint32), np.zeros(len(offsets), np.int64)
    sums = np.empty(int(np.diff(offsets).max(initial=0)) + 1, np.uint64)
    done, next_break = 0, 0
    while True:
        done, next_break = _scan(
            data, offsets, breaks, next_break, tables, sums, first, first_code, codes, done, tokens
        )
        if done == len(text):
            return Segments(data, offsets, valid, first, tokens[: first[-1]], first_code, codes[: first_code[-1]])
        tokens = np.concatenate([tokens[: first[done]], np.empty(_reserve(offsets[done:]) + first[done], TOKEN)])


def words(text: str) -> list[str]:
    """The tokens of one text, as strings."""
    raw = text.encode()
    tokens = segment(pa.array([text], pa.string())).tokens
    return [raw[token["start"] : token["end"]].decode() for token in tokens]


@kernel
def _hash_strings(data, offsets, folded_of, sequences, hashes, folded):  # type: ignore[no-untyped-def]
    for i in range(len(hashes)):
        position, weight = offsets[i], ONE
        folded[i], _ = _fold(data, position, offsets[i + 1], folded_of, sequences)
        while position < offsets[i + 1]:
            code, size = decode(data, position, offsets[i + 1])
            hashes[i] += value(code) * weight
            weight *= BASE
            position += size


def hash_words(listed: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(hash, folded) of whole strings, to compare with those of tokens."""
    data, offsets, _ = buffers(pa.array(listed, pa.string()))
    hashes, folded = np.zeros(len(listed), np.uint64), np.zeros(len(listed), np.uint64)
    tables = ch.characters()
    _hash_strings(data, offsets, tables.folded, tables.sequences, hashes, folded)
    return hashes, folded
