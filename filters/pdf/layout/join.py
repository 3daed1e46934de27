"""Blocks to text: a paragraph is one line of it, as in the text of web pages; so is a line of verse and a row of a table."""

import re
from functools import cache
from itertools import pairwise

import numpy as np

from filters import characters as ch
from filters.pdf.layout.paragraphs import ends_short, glue, letter_direction
from filters.pdf.page import Block, Box, Line, Page

LEFT_OUT = frozenset({"running_head", "running_foot", "page_number", "hidden"})
_SOFT = "\u00ad"
_HYPHENS = "-\u2010\u058a"
_FULL = 0.15  # of the width that may be free at the end of a full line
_PARAGRAPH = 40  # characters: shorter blocks without an end mark are headings and labels, and go on nowhere
_CLOSING = "\"'”’»)]」』）"
_ITEM = re.compile(r"[(\[]?(?:\d{1,3}|[^\W\d_])[.)\]]|[•‣◦▪●–—*·-]\s")


def page_text(blocks: list[Block], *, every_role: bool = False) -> str:
    """Paragraphs in order, with a newline between; footnotes last. Other than `every_role`: without heads, feet, hidden.

    A paragraph that goes on in the next column is one line. Soft hyphens are gone, and hyphens at the ends of lines
    before a lower-case letter.
    """
    text = _Text()
    for block in blocks:
        if every_role or block.role not in LEFT_OUT:
            text.add(block)
    return text.whole()


def document_text(pages: list[Page]) -> str:
    """The pages' text; see `document_pages`."""
    return document_pages(pages)[0]


def document_pages(pages: list[Page]) -> tuple[str, list[int]]:
    """The pages' text, and the code point at which each page begins.

    A paragraph that goes on over the end of a page is one line; so all footnotes stand at the end of the whole.
    """
    text = _Text()
    starts = []
    for page in pages:
        text.page_begins()
        for block in page.blocks:
            if block.role not in LEFT_OUT:
                text.add(block)
        starts.append(text.page_start())
    whole = text.whole()
    return whole, [min(start, len(whole)) for start in starts]


class _Text:
    """Grows by blocks; footnotes wait for the end."""

    def __init__(self) -> None:
        self._parts: list[str] = []  # each with what joins it to the one before
        self._notes: list[str] = []
        self._length = 0
        self._before: Block | None = None
        self._new_page = False
        self._start: int | None = None

    def page_begins(self) -> None:
        self._new_page, self._start = True, None

    def page_start(self) -> int:
        return self._length if self._start is None else self._start

    def add(self, block: Block) -> None:
        text = block_text(block)
        if not text:
            return
        if block.role == "footnote":
            self._notes.append(text)
            return
        if self._parts:
            text = self._joint(block, text) + text
        if self._new_page:
            self._start = self._length + (text[0] in "\n ")
        self._new_page, self._before = False, block
        self._parts.append(text)
        self._length += len(text)

    def _joint(self, block: Block, text: str) -> str:
        before = self._parts[-1]
        jumps = self._new_page or (self._before is not None and _column_ends(self._before.box, block.box))
        if not jumps or self._before is None or not _continues(self._before, before, block, text):
            return "\n"
        kept, between = hyphenated(before, text)
        self._length -= len(before) - len(kept)
        self._parts[-1] = kept
        return between

    def whole(self) -> str:
        body = "".join(self._parts)
        return "\n".join([body, *self._notes] if body else self._notes)


# --- a block -----------------------------------------------------------------------------------------------------------


def block_text(block: Block) -> str:
    lines = [line for line in block.lines if line.text and not line.text.isspace()]
    if not lines:
        return ""
    if block.role == "table":
        return _rows(lines).replace(_SOFT, "")
    text = lines[0].text.strip()
    kept_apart = _verse(lines)
    for at, line in enumerate(lines[1:], start=1):
        following = line.text.strip()
        if at in kept_apart:
            text += "\n" + following
        else:
            before, between = hyphenated(text, following)
            text = before + between + following
    return text.replace(_SOFT, "")


def _rows(lines: list[Line]) -> str:
    """Cells parted by tabs, rows by newlines."""
    text = lines[0].text.strip()
    for before, line in pairwise(lines):
        shared = min(before.box.y1, line.box.y1) - max(before.box.y0, line.box.y0)
        lower = min(before.box.y1 - before.box.y0, line.box.y1 - line.box.y0)
        text += ("\t" if shared * 2 > lower else "\n") + line.text.strip()
    return text


def _verse(lines: list[Line]) -> set[int]:
    """Numbers of the lines that stay lines of their own, where most lines of the block end short of the widest."""
    if len(lines) < 3 or any(abs(line.direction[1]) > abs(line.direction[0]) for line in lines):
        return set()
    backwards = letter_direction([line.text for line in lines]) < 0
    ends = [-line.box.x0 if backwards else line.box.x1 for line in lines]
    right = max(ends)
    width = right - min(-line.box.x1 if backwards else line.box.x0 for line in lines)
    full = sum(right - end < _FULL * width for end in ends[:-1])
    if full * 2 >= len(lines) - 1:
        return set()
    return {
        at + 1
        for at in range(len(lines) - 1)
        if lines[at + 1].text.lstrip()[0].isupper() or ends_short(lines[at], ends[at], lines[at + 1], right)
    }


def hyphenated(before: str, after: str) -> tuple[str, str]:
    """`before` without a hyphen that only the end of the line asked for, and what joins it to `after`."""
    if before.endswith(_SOFT):
        return before.rstrip(_SOFT), ""
    if len(before) > 1 and before[-1] in _HYPHENS and before[-2].isalnum() and after:
        cased = before[-2].lower() != before[-2].upper()
        return (before[:-1], "") if cased and after[0].islower() else (before, "")
    return before, glue(before, after)


# --- from block to block -----------------------------------------------------------------------------------------------


@cache
def _ends() -> np.ndarray:
    return (ch.characters().flags & ch.SENTENCE_END) > 0


def _ended(text: str) -> bool:
    last = text.rstrip().rstrip(_CLOSING)[-1:]
    return not last or last in ":;…" or bool(_ends()[ord(last)])


def _column_ends(before: Box, after: Box) -> bool:
    """The next block stands higher and beside: in another column."""
    return after.y0 < before.y0 and (after.x0 > before.x1 - 1 or after.x1 < before.x0 + 1)


def _continues(before: Block, text: str, after: Block, following: str) -> bool:
    """A paragraph of text without an end goes on in lower case, or in a script that has none."""
    if before.role != "body" or after.role != "body" or len(text) < _PARAGRAPH or _ended(text):
        return False
    first = following[0]
    if _ITEM.match(following):
        return False
    return first.islower() or text.rstrip()[-1] in ",-\u2010" or first.lower() == first.upper()
