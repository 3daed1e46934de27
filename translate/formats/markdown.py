"""Markdown: headings, paragraphs, quotes, items of lists, cells of tables, titles in front matter, HTML blocks.

Block structure after CommonMark 0.31 and GitHub's tables, read line by line. Kept: code, fenced or indented, display
formulas, link definitions, and all marks of structure.
"""

import re
from collections.abc import Iterator

from translate.formats import html
from translate.formats.lines import Line, groups, lines, width
from translate.formats.markdown_inline import cell_escape, escape, inline
from translate.formats.yaml_titles import front_matter
from translate.spans import Block

_LINE = re.compile(r"([^\n]*+)\n?")
_MARKERS = (  # what begins a block, each with the space after it
    r"[-*+][ \t]+|\d{1,9}[.)][ \t]+|\[[ xX]\][ \t]+|#{1,6}[ \t]+|\[\^[^\]\s]{1,60}\]:[ \t]+"
)
_PREFIX = re.compile(rf"[ \t]*+(?:>[ \t]*+)*+((?:(?:{_MARKERS}|>)[ \t]*+)*+)")
_FENCE = re.compile(r"[ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}+(?=[^`]*+\Z)|~{3,}+)")
_INDENTED = re.compile(r"(?:    | {0,3}\t)[ \t]*+\S")
_DEFINITION = re.compile(
    r" {0,3}\[[^\]\^][^\]]{0,200}+\]:[ \t]*+\S++(?:[ \t]++(?:\"[^\"]*+\"|'[^']*+'|\([^)]*+\)))?\s*+\Z"
)
_ROW = re.compile(r"[ \t>]*+\|?[ \t]*+:?-+:?[ \t]*+(?:\|[ \t]*+:?-+:?[ \t]*+)*+\|?[ \t]*+\Z")
_CELL = re.compile(r"(?:[^|\\`]++|\\.|`[^`|]*+`|`|\\)++")
_HTML = re.compile(
    r" {0,3}<(?:(script|pre|style|textarea)[\s>]|(!--)|(?:/?(?:address|article|aside|base|blockquote|body|caption|center|col"
    r"|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|h[1-6]|head|header|hr|html"
    r"|iframe|legend|li|link|main|menu|meta|nav|ol|optgroup|option|p|param|section|summary|table|tbody|td|tfoot|th|thead"
    r"|title|tr|track|ul)(?:[\s/>]|\Z)|!))",
    re.IGNORECASE,
)
_KEPT = re.compile(r"[ \t>]*+(\$\$|\\\[|<\?)")
_KEPT_END = {"$$": "$$", "\\[": "\\]", "<?": "?>"}
_LIST = re.compile(r"[ \t]*+(?:[-*+]|\d{1,9}[.)])[ \t]")
_WORD = re.compile(r"\w")
_CLOSING_HASHES = re.compile(r"[ \t]+#+[ \t]*\Z")


def blocks(source: str) -> Iterator[Block]:
    """The blocks of a document."""
    start, found = front_matter(source)
    yield from found
    yield from _Reader(source, start).blocks()


class _Reader:
    def __init__(self, source: str, start: int) -> None:
        self._source, self._at = source, start
        self._width = width(source, lines(source))
        self._paragraph: list[Line] = []
        self._blank, self._in_list = True, False  # the line before; since the last line that is not indented

    def blocks(self) -> Iterator[Block]:
        while self._at < len(self._source):
            line = self._next()
            text = self._source[line.start : line.end]
            self._follow_lists(text)
            if not text.strip():
                yield from self._flush()
                self._blank = True
            elif self._kept(text, line):
                yield from self._flush()
            elif html_start := _HTML.match(text):
                yield from self._flush()
                yield from self._html(line, html_start)
            elif "|" in text and _ROW.match(self._source, *self._peek()):
                yield from self._flush()
                yield from self._table(line)
            else:
                yield from self._text(line, text)
        yield from self._flush()

    def _follow_lists(self, text: str) -> None:
        if _LIST.match(text):
            self._in_list = True
        elif self._blank and text[:1].strip():
            self._in_list = False

    def _next(self) -> Line:
        line = self._peek()
        self._at = line.end + 1
        return Line(line.start, line.end - (self._source[line.start : line.end][-1:] == "\r"))

    def _peek(self) -> Line:
        """The next line, a carriage return included."""
        end = self._source.find("\n", self._at)
        return Line(self._at, len(self._source) if end < 0 else end)

    def _kept(self, text: str, line: Line) -> bool:
        """Whether code, a formula, PHP or a definition begins here; reads to its end."""
        if fence := _FENCE.match(text):
            self._skip_fence(fence[1])
        elif (kept := _KEPT.match(text)) and (
            end := self._source.find(_KEPT_END[kept[1]], line.start + kept.end())
        ) >= 0:
            rest = self._source.find("\n", end)
            self._at = max(self._at, len(self._source) if rest < 0 else rest + 1)
        elif not (self._blank and not self._in_list and _INDENTED.match(text)) and not _DEFINITION.match(text):
            return False
        return True

    def _skip_fence(self, fence: str) -> None:
        close = re.compile(rf"[ \t>]*+{re.escape(fence)}{re.escape(fence[0])}*+[ \t]*+\r?\Z")
        while self._at < len(self._source):
            line = self._peek()
            self._at = line.end + 1
            if close.match(self._source, *line):
                break
        self._blank = False

    def _html(self, line: Line, start: re.Match[str]) -> Iterator[Block]:
        """To the end tag, the comment's end or a blank line."""
        if start[1] or start[2]:
            end = re.compile(rf"</{start[1]}>|\Z" if start[1] else r"-->|\Z", re.IGNORECASE)
            found = end.search(self._source, line.start)
            self._at = max(self._at, found.end() if found else self._at)
            self._at = self._peek().end + 1
        while self._at < len(self._source) and not start[1] and not start[2]:
            following = self._peek()
            if not self._source[following.start : following.end].strip():
                break
            self._at = following.end + 1
        yield from html.blocks(self._source, line.start, min(self._at, len(self._source)))
        self._blank = False

    def _table(self, line: Line) -> Iterator[Block]:
        """The header, its rule, and rows up to a line without a bar."""
        yield from self._cells(line)
        self._next()
        while self._at < len(self._source) and "|" in self._source[slice(*self._peek())]:
            yield from self._cells(self._next())
        self._blank = False

    def _cells(self, line: Line) -> Iterator[Block]:
        for cell in _CELL.finditer(self._source, *line):
            yield inline(self._source, *cell.span(), cell_escape)

    def _text(self, line: Line, text: str) -> Iterator[Block]:
        """A line of a paragraph, which begins a block if it is marked so."""
        prefix = _PREFIX.match(text)
        assert prefix is not None  # it matches nothing too
        if prefix[1] or not _WORD.search(text):  # a rule, or what underlines a heading
            yield from self._flush()
        self._blank = False
        start, end = line.start + prefix.end(), line.end
        if "#" in prefix[1] and (closing := _CLOSING_HASHES.search(text[-100:])):
            end -= len(closing[0])
        self._paragraph.append(Line(start, end))
        if "#" in prefix[1] or text.endswith(("  ", "\\")) or not _WORD.search(text):
            yield from self._flush()

    def _flush(self) -> Iterator[Block]:
        found, self._paragraph = self._paragraph, []
        for group in groups(self._source, found, self._width):
            yield inline(self._source, *group, escape)
