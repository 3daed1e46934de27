"""The protected parts of one span: which pieces of markup belong together, and how few placeholders will do."""

from collections import Counter
from typing import Literal, NamedTuple

Kind = Literal["open", "close", "alone"]


class Mark(NamedTuple):
    """Inline markup at a place of a block's text, where one character stands for it."""

    at: int
    kind: Kind
    name: str  # an opening and its closing have the same
    read: bool = False  # people read it, as they do code: it stays with the sentence that it begins or ends


class Part:
    """A protected stretch of a block's text. `mate` is the other half of a pair."""

    __slots__ = ("end", "kind", "markup", "mate", "name", "start")

    def __init__(self, start: int, end: int, kind: Kind = "alone", name: str = "", *, markup: bool = False) -> None:
        self.start, self.end, self.kind, self.name, self.markup = start, end, kind, name, markup
        self.mate: Part | None = None


def pair(parts: list[Part]) -> None:
    """Find mates; what has none in this span, or crosses another pair, stands alone. Linear at any depth."""
    begun: list[Part] = []
    waiting = Counter[str]()
    for part in parts:
        if part.kind == "open":
            begun.append(part)
            waiting[part.name] += 1
        elif part.kind == "close":
            _close(part, begun, waiting)
    for part in begun:
        part.kind = "alone"


def _close(part: Part, begun: list[Part], waiting: Counter[str]) -> None:
    if not waiting[part.name]:
        part.kind = "alone"
        return
    while True:
        last = begun.pop()
        waiting[last.name] -= 1
        if last.name == part.name:
            last.mate, part.mate = part, last
            return
        last.kind = "alone"


def merge(parts: list[Part], text: str) -> list[Part]:
    """The same stretches with neighbours as one: alone beside alone, pairs around nothing else, pairs around pairs."""
    done: list[Part] = []
    for part in parts:
        if part.kind == "close":
            part = _merge_close(part, done)
        if part.kind == "alone" and done and done[-1].kind == "alone" and _beside(done[-1], part, text):
            done[-1].end = part.end
            done[-1].markup &= part.markup
        elif not (done and done[-1] is part):
            done.append(part)
    return [part for part in done if part.end]


def _merge_close(part: Part, done: list[Part]) -> Part:
    last, mate = done[-1], part.mate
    assert mate is not None  # `pair` has left no other closing
    inner = last if last.kind == "alone" and last.end == part.start else None
    before = done[-2] if inner and len(done) > 1 else last
    if before is mate and mate.end == (inner.start if inner else part.start):
        del done[-2 if inner else -1 :]
        return Part(mate.start, part.end, markup=inner is None or inner.markup)
    if last.kind == "close" and last.end == part.start and last.mate and mate.end == last.mate.start:
        last.mate.start, last.end = mate.start, part.end
        mate.end = 0  # gone
        return last
    return part


def _beside(one: Part, other: Part, text: str) -> bool:
    gap = text[one.end : other.start]
    return not gap or (one.markup == other.markup and gap.isspace())


def trim(start: int, end: int, parts: list[Part], text: str) -> tuple[int, int, list[Part]]:
    """The span without white space and markup at its edges: tags alone, and pairs around all of it."""
    first, last = 0, len(parts)
    while True:
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if first < last and parts[first].start == start and parts[first].markup and parts[first].kind == "alone":
            start = parts[first].end
            first += 1
        elif first < last and parts[last - 1].end == end and parts[last - 1].markup and parts[last - 1].kind == "alone":
            last -= 1
            end = parts[last].start
        elif (
            last - first > 1
            and parts[first].start == start
            and parts[last - 1].end == end
            and _mates(parts, first, last)
        ):
            start, end = parts[first].end, parts[last - 1].start
            first, last = first + 1, last - 1
        else:
            return start, end, parts[first:last]


def _mates(parts: list[Part], first: int, last: int) -> bool:
    return parts[first].kind == "open" and parts[first].mate is parts[last - 1]
