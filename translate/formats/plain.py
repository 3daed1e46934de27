"""Plain text: paragraphs are lines, or runs of lines that an editor wrapped."""

import re
from collections.abc import Iterator

from translate.formats.lines import Line, groups, lines, width
from translate.spans import Block, Builder, Offset

_BREAK = re.compile(r"(?<![^\S\n\r])[^\S\n\r]*+[\n\r]++\s*+")


def blocks(source: str) -> Iterator[Block]:
    """A block a paragraph; its line breaks are spaces."""
    found = lines(source)
    for group in groups(source, found, width(source, found)):
        yield block(source, group)


def block(source: str, group: Line) -> Block:
    """One paragraph of plain text."""
    text = source[group.start : group.end]
    if "\n" not in text and "\r" not in text:
        return Block(text, Offset(group.start), (), _as_it_is)
    builder, at = Builder(), 0
    for found in _BREAK.finditer(text):
        builder.add(text[at : found.start()], group.start + at)
        builder.add(" ", group.start + found.start())
        at = found.end()
    builder.add(text[at:], group.start + at)
    return builder.block(group.end, _as_it_is)


def _as_it_is(text: str, source: str, first: bool) -> str:
    return text
