"""Spans: what is translated of a document, a sentence each, with exact places in the source.

A format gives blocks (paragraph, heading, cell, attribute ...): text as it reads, and where each piece of it stands in the
source. Text is decoded there: an entity is its character, a line break inside a paragraph a space, and one
character stands for a tag. Sentences are found in a block and protected parts in a sentence, so none crosses a block.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from translate.mask import MARK, OPENING, protected
from translate.parts import Kind, Mark, Part, merge, pair, trim
from translate.sentences import sentences

Place = Callable[[int], int]  # from a place in a block's text to the one in the source
# How a changed piece of text is written in the source: (text, the source of the span's text, whether it begins the span)
Escape = Callable[[str, str, bool], str]

_LETTER = re.compile(r"[^\W\d_]")


class Protected(NamedTuple):
    """What a placeholder of a span stands for: this stretch of the source."""

    placeholder: str
    start: int
    end: int


class Span(NamedTuple):
    """A sentence or short paragraph. `text` is what an engine is given: decoded, without line feeds, with placeholders."""

    start: int  # code points of the document's source
    end: int
    text: str
    parts: tuple[Protected, ...]
    escape: Escape


class Block(NamedTuple):
    """Text that belongs together. A stretch of the source that holds no text for translation is in no block."""

    text: str
    place: Place
    marks: Sequence[Mark]
    escape: Escape


class Offset:
    """Text that stands in the source as it is, from `start` on."""

    __slots__ = ("start",)

    def __init__(self, start: int) -> None:
        self.start = start

    def __call__(self, at: int) -> int:
        return self.start + at


class Pieces:
    """Text of several pieces; those that are as long in the source are as they are there, others are cut nowhere."""

    __slots__ = ("at", "source")

    def __init__(self) -> None:
        self.at, self.source = array("q"), array("q")

    def add(self, at: int, source: int) -> None:
        self.at.append(at)
        self.source.append(source)

    def __call__(self, at: int) -> int:
        piece = bisect_right(self.at, at) - 1
        return self.source[piece] + at - self.at[piece]


class Within:
    """A place in a decoded text, which stands in the source by way of `outer`."""

    __slots__ = ("inner", "outer")

    def __init__(self, inner: Place, outer: Place) -> None:
        self.inner, self.outer = inner, outer

    def __call__(self, at: int) -> int:
        return self.outer(self.inner(at))


class Builder:
    """A block, put together from pieces that follow one another in the source."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.length = 0
        self.pieces = Pieces()
        self.marks: list[Mark] = []

    def add(self, text: str, source: int) -> None:
        """Text that begins at `source`; where it is not as long there, it is one piece."""
        self.pieces.add(self.length, source)
        self.text.append(text)
        self.length += len(text)

    def mark(self, kind: Kind, name: str, source: int, *, read: bool = False) -> None:
        self.marks.append(Mark(self.length, kind, name, read))
        self.add(OPENING if kind == "open" else MARK, source)

    def block(self, end: int, escape: Escape) -> Block:
        """All of it; the last piece ends at `end` of the source."""
        self.pieces.add(self.length, end)
        return Block("".join(self.text), self.pieces, self.marks, escape)


def spans(block: Block) -> Iterator[Span]:
    """The sentences of a block that have a letter to translate."""
    text, place = block.text, block.place
    ranges = protected(text)
    if block.marks:
        places = [mark.at for mark in block.marks]
        ranges = [(start, end) for start, end in ranges if bisect_left(places, start) == bisect_left(places, end)]
    ranges = list(ranges)
    at, mark = 0, 0
    for start, end in sentences(text, ranges):
        parts: list[Part] = []
        while at < len(ranges) and ranges[at][0] < end:
            if ranges[at][0] >= start:
                parts.append(Part(*ranges[at]))
            at += 1
        while mark < len(block.marks) and block.marks[mark].at < end:
            if block.marks[mark].at >= start:
                parts.append(_markup(block.marks[mark]))
            mark += 1
        if parts:
            yield from _masked(block, start, end, parts)
        elif _LETTER.search(text, start, end):
            yield Span(place(start), place(end), text[start:end], (), block.escape)


def _markup(mark: Mark) -> Part:
    return Part(mark.at, mark.at + 1, mark.kind, mark.name, markup=not mark.read)


def _masked(block: Block, start: int, end: int, parts: list[Part]) -> Iterator[Span]:
    """The span with placeholders, unless nothing else is in it."""
    parts.sort(key=lambda part: part.start)
    pair(parts)
    start, end, parts = trim(start, end, merge(parts, block.text), block.text)
    pieces, protected_, at, numbers = list[str](), list[Protected](), start, dict[int, int]()
    for part in parts:
        placeholder = _placeholder(part, numbers)
        protected_.append(Protected(placeholder, block.place(part.start), block.place(part.end)))
        pieces += [block.text[at : part.start], placeholder]
        at = part.end
    pieces.append(block.text[at:end])
    if any(map(_LETTER.search, pieces[::2])):
        yield Span(block.place(start), block.place(end), "".join(pieces), tuple(protected_), block.escape)


def _placeholder(part: Part, numbers: dict[int, int]) -> str:
    """Numbered in order; a closing has its opening's number."""
    if part.kind == "close":
        return f"</{numbers[id(part.mate)]}>"
    number = numbers[id(part)] = len(numbers) + 1
    return f"<{number}>"
