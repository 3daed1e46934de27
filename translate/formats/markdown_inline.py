"""Inline Markdown: emphasis, links, code and tags of one paragraph, after CommonMark 0.31 as far as sentences need it.

Emphasis is matched by equal delimiters only. What has no partner is text.
"""

import re
from typing import NamedTuple

from translate.formats import names
from translate.formats.html_tokens import ENTITY, character
from translate.parts import Kind
from translate.spans import Block, Builder, Escape, Offset

_URL = (
    r"\((?:[^\s()\\]|\\.|\([^\s()]{0,200}+\)){0,2000}+(?:\s{1,9}(?:\"[^\"\n]{0,300}+\"|'[^'\n]{0,300}+'))?[ \t]{0,9}\)"
)
_INLINE = re.compile(
    r"(?P<kept>(?P<ticks>(?<!`)`{1,9}+)(?!`)[^\0]{1,1000}?(?<!`)(?P=ticks)(?!`)"  # code
    r"|\\\([^\n]{1,500}?\\\)|\\\[[^\n]{1,500}?\\\]"  # formulas, as language models write them
    r"|\[\^[^\]\s\[]{1,60}\]|\[\[[^\[\]\n]{1,80}\]\]|<[A-Za-z][A-Za-z0-9+.-]{1,30}:[^\s<>]{0,500}+>|<!--.{0,500}?-->)"
    r"|(?P<tag></?[A-Za-z][^<>]{0,1000}+>)"
    r"|(?P<escape>\\[\\`*_{}\[\]#+\-.!|<>~])"
    rf"|(?P<entity>{ENTITY.pattern})"
    rf"|(?P<link>\](?:{_URL}|\[[^\[\]\n]{{0,200}}+\]))"
    r"|(?P<bracket>!?\[)|(?P<end>\])"
    r"|(?P<emphasis>\*{1,3}+|_{1,3}+|~~)"
    r"|(?P<space>(?<![ \t])[ \t]*+\r?\n[ \t>]*+)",
    re.DOTALL,
)
_SPECIAL = re.compile(r"[`\\\[\]<&*_~\n]")
_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)")
_READ = "read"  # name of code, formulas, notes
_VOID = names("br hr img input wbr")


class _Token(NamedTuple):
    kind: Kind | None  # of markup; None: `read` is what it reads as
    name: str
    read: str
    start: int
    end: int


def inline(source: str, start: int, end: int, escape: Escape) -> Block:
    """The block of source[start:end]. Its line breaks, with what begins a quoted line after them, are spaces."""
    if not _SPECIAL.search(source, start, end):
        return Block(source[start:end], Offset(start), (), escape)
    builder, at = Builder(), start
    for token in _Matching(source).tokens(start, end):
        builder.add(source[at : token.start], at)
        if token.kind is None:
            builder.add(token.read, token.start)
        else:
            builder.mark(token.kind, token.name, token.start, read=token.name == _READ)
        at = token.end
    builder.add(source[at:end], at)
    return builder.block(end, escape)


class _Matching:
    """Which brackets and delimiters belong together. `_begun` holds the places of those that wait, by what they are."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens: list[_Token | None] = []
        self._brackets: list[tuple[int, re.Match[str]]] = []
        self._emphasis: dict[str, list[tuple[int, re.Match[str]]]] = {}

    def tokens(self, start: int, end: int) -> list[_Token]:
        for found in _INLINE.finditer(self._source, start, end):
            self._read(found, start, end)
        return [token for token in self._tokens if token is not None]

    def _read(self, found: re.Match[str], start: int, end: int) -> None:
        kind = found.lastgroup if found.lastgroup != "ticks" else "kept"
        if kind == "bracket":
            self._brackets.append((len(self._tokens), found))
            self._tokens.append(None)
        elif kind == "end":
            self._brackets[-1:] = []
        elif kind == "link":
            self._close(self._brackets, found, "link")
        elif kind == "emphasis":
            self._delimiter(found, start, end)
        else:
            self._tokens.append(_plain_token(str(kind), found))

    def _close(self, begun: list[tuple[int, re.Match[str]]], found: re.Match[str], name: str) -> None:
        if not begun:
            return
        place, opening = begun.pop()
        name = f"{name}{place}"
        self._tokens[place] = _Token("open", name, "", *opening.span())
        self._tokens.append(_Token("close", name, "", *found.span()))

    def _delimiter(self, found: re.Match[str], start: int, end: int) -> None:
        """Flanking as CommonMark has it, by spaces alone; underscores inside words are text."""
        before = self._source[found.start() - 1] if found.start() > start else " "
        after = self._source[found.end()] if found.end() < end else " "
        inside = found[0][0] == "_" and before.isalnum() and after.isalnum()
        begun = self._emphasis.setdefault(found[0], [])
        if not before.isspace() and begun and not inside:
            self._close(begun, found, found[0])
        elif not after.isspace() and not inside:
            begun.append((len(self._tokens), found))
            self._tokens.append(None)


def _plain_token(kind: str, found: re.Match[str]) -> _Token:
    if kind == "kept":
        return _Token("alone", "" if found[0].startswith("<!--") else _READ, "", *found.span())
    if kind == "tag":
        return _tag(found)
    read = " " if kind == "space" else found[0][1:] if kind == "escape" else character(found[0])
    return _Token(None, "", read, *found.span())


def _tag(found: re.Match[str]) -> _Token:
    named = _NAME.match(found[0])
    name = named[1].lower() if named else ""
    if name in _VOID or found[0].endswith("/>"):
        return _Token("alone", name, "", *found.span())
    return _Token("close" if found[0][1] == "/" else "open", name, "", *found.span())


_LINE_START = re.compile(r"(?:([-+*>])|(#)#{0,5}|\d{1,9}([.)]))\s")
_ESCAPED = re.compile(rf"\\([\\`*_{{}}\[\]#+\-.!|<>~])|({ENTITY.pattern})")


def escape(text: str, source: str, first: bool) -> str:
    """What the source escapes is escaped again, and so is markup that the translation would bring."""
    table: dict[str, str | int | None] = {one: f"\\{one}" for one in "*`[<" if one in text and one not in source}
    for found in _ESCAPED.finditer(source):
        read = found[1] or character(found[2])
        if len(read) == 1:
            table.setdefault(read, found[0])
    written = text.translate(str.maketrans(table))
    marker = _LINE_START.match(written) if first and not _LINE_START.match(source) else None
    if marker is None:
        return written
    at = marker.start(marker.lastindex or 0)
    return f"{written[:at]}\\{written[at:]}"


_BAR = re.compile(r"(\\\|)|\|")


def cell_escape(text: str, source: str, first: bool) -> str:
    """The same inside a table, where a bar ends the cell."""
    return _BAR.sub(lambda found: found[1] or "\\|", escape(text, source, first))
