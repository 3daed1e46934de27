"""Lines, and which of them an editor broke in the middle of a sentence."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

_LINE = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_FIRST_WORD = re.compile(r"[\s>]*+(\S+)")  # of a quotation too
_NARROWEST, _WIDEST = 40, 120  # code points; wrapped text is about 72 to 80 wide
_WORD = 30  # a longer first word is no evidence: so are all lines of a script without spaces
_SHARE, _LEAST = 0.6, 3  # of the line ends that are evidence


class Line(NamedTuple):
    """A line's place in the source, without its end."""

    start: int
    end: int


def lines(source: str) -> list[Line]:
    """All lines that are not empty, without a byte order mark."""
    return [Line(*found.span()) for found in _LINE.finditer(source, source.startswith("\ufeff"))]


def width(source: str, found: Sequence[Line]) -> int:
    """How wide a wrapped text is, 0: it is none.

    Evidence are lines that are followed by one with a small letter first, or one that has no case: most of them must have
    had no room for its first word.
    """
    pairs = [pair for pair in pairwise(found) if _next_to(source, *pair) and _goes_on(source, pair[1])]
    if len(pairs) < _LEAST:
        return 0
    lengths = sorted(line.end - line.start for line, _ in pairs)
    wide = lengths[len(lengths) * 95 // 100]
    full = sum(_is_full(source, *pair, wide) for pair in pairs)
    return wide if _NARROWEST <= wide <= _WIDEST and full >= max(_LEAST, _SHARE * len(pairs)) else 0


def groups(source: str, found: Sequence[Line], wide: int) -> Iterator[Line]:
    """Stretches of the source that are one line, or several that were wrapped at this width."""
    at = 0
    while at < len(found):
        last = at
        while wide and last + 1 < len(found) and _is_wrapped(source, found[last], found[last + 1], wide):
            last += 1
        yield Line(found[at].start, found[last].end)
        at = last + 1


def _next_to(source: str, line: Line, other: Line) -> bool:
    gap = source[line.end : other.start]
    return (gap.count("\n") or gap.count("\r") or len(gap)) == 1


def _goes_on(source: str, line: Line) -> bool:
    word = _FIRST_WORD.match(source, line.start, line.end)
    return word is not None and word[1][0].isalpha() and not word[1][0].isupper()


def _is_wrapped(source: str, line: Line, other: Line, wide: int) -> bool:
    return _next_to(source, line, other) and _is_full(source, line, other, wide)


def _is_full(source: str, line: Line, other: Line, wide: int) -> bool:
    word = _FIRST_WORD.match(source, other.start, other.end)
    if word is None or len(word[1]) > _WORD:
        return False
    return line.end - line.start + 1 + len(word[1]) > wide
