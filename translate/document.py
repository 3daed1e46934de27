"""A document, the spans of it that can be translated, and the same document with their translations in place.

    document = Document.parse(text, "markdown")
    document.rebuild([translation of each span's text, or None])

What is in no span is copied, so that a rebuild with the spans' own texts is the source, character for character.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from types import MappingProxyType
from typing import Literal, get_args

from translate.formats import chat, html, instruction, markdown, plain
from translate.mask import PLACEHOLDER, check_placeholders
from translate.mask import plain as plain_form
from translate.spans import Block, Span, spans

Format = Literal["plain", "markdown", "html", "chat", "instruction"]
_BLOCKS: Mapping[str, Callable[[str], Iterator[Block]]] = MappingProxyType(
    {
        "plain": plain.blocks,
        "markdown": markdown.blocks,
        "html": html.blocks,
        "chat": chat.blocks,
        "instruction": instruction.blocks,
    }
)
FORMATS: tuple[str, ...] = get_args(Format)
_BREAKS = re.compile(r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]++")


@dataclass(frozen=True, slots=True)
class Document:
    """A source text and its spans by their beginnings. A span inside another is an attribute of a tag in that one."""

    source: str
    spans: tuple[Span, ...]

    @classmethod
    def parse(cls, text: str, format: Format) -> "Document":
        """ValueError for an unknown format, and for JSON that is none."""
        if format not in _BLOCKS:
            raise ValueError(f"unknown format {format!r}; known: {', '.join(FORMATS)}")
        found = chain.from_iterable(map(spans, _BLOCKS[format](text)))
        return cls(text, tuple(sorted(found, key=attrgetter("start"))))

    def rebuild(self, translations: Sequence[str | None]) -> str:
        """The document with one translation a span; None, or the span's own text, keeps the source.

        Line breaks in a translation become spaces: they would be structure. ValueError for another number of
        translations, and for one whose placeholders `check_placeholders` faults for more than being crossed.
        """
        if len(translations) != len(self.spans):
            raise ValueError(f"{len(translations)} translations for {len(self.spans)} spans")
        return _Rebuilding(self, translations).text(0, len(self.source), 0)


class _Rebuilding:
    def __init__(self, document: Document, translations: Sequence[str | None]) -> None:
        self._source, self._spans, self._translations = document.source, document.spans, translations
        self._starts = [span.start for span in document.spans]

    def text(self, start: int, end: int, first: int) -> str:
        """The source from start to end, with the spans in it from the `first` on translated."""
        pieces, at = [], start
        for index in range(first, len(self._spans)):
            span = self._spans[index]
            if span.start >= end:
                break
            if span.start >= at:  # else it stands inside the one before
                pieces += [self._source[at : span.start], self._span(index)]
                at = span.end
        return "".join([*pieces, self._source[at:end]])

    def _span(self, index: int) -> str:
        span, translation = self._spans[index], self._translations[index]
        if translation is None or translation == span.text:
            return self.text(span.start, span.end, index + 1)
        problem = check_placeholders(span.text, translation)
        if problem and problem.kind != "crossed":
            raise ValueError(f"span {index}: placeholders {problem.kind}: {' '.join(problem.placeholders)}")
        return self._translated(span, _BREAKS.sub(" ", translation.strip()))

    def _translated(self, span: Span, translation: str) -> str:
        source, parts = self._text_of(span), {part.placeholder: part for part in span.parts}
        pieces, at = [], 0
        for found in PLACEHOLDER.finditer(translation):
            part = parts[plain_form(found)]
            inside = self.text(part.start, part.end, bisect_right(self._starts, part.start))
            pieces += [span.escape(translation[at : found.start()], source, not at), inside]
            at = found.end()
        return "".join([*pieces, span.escape(translation[at:], source, not at)])

    def _text_of(self, span: Span) -> str:
        """The span's source without its protected parts."""
        ends = [span.start, *(part.end for part in span.parts)]
        starts = [*(part.start for part in span.parts), span.end]
        return "".join(self._source[start:end] for start, end in zip(ends, starts, strict=True))
