"""Tags and texts of HTML with their places, as the HTML standard's tokenizer (section 13.2.5) reads them. Linear in time."""

import re
from collections.abc import Iterator
from html import unescape
from html.entities import html5
from typing import NamedTuple

from translate.formats import names

_ATTRIBUTE = r"[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+))?+"
_TAG = re.compile(rf"<(/?)([A-Za-z][^\s/>]*+)((?:[\s/]++|{_ATTRIBUTE})*+)>")
_NO_TEXT = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))|<!\[CDATA\[.*?(?:\]\]>|\Z)|<[!?/](?![A-Za-z])[^>]*+(?:>|\Z)|<![^>]*+(?:>|\Z)",
    re.DOTALL,
)
_ATTRIBUTES = re.compile(r"([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"'][^\s>]*+)))?+")
ENTITY = re.compile(r"&(?:#(?:\d{1,7}|[xX][0-9A-Fa-f]{1,6});?|[A-Za-z][A-Za-z0-9]{1,31};?)")
# Their content is no markup
RAW_TEXT = names("script style xmp iframe noembed noframes textarea title")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in RAW_TEXT}


class Token(NamedTuple):
    """`kind`: text, comment (anything that shows nothing), open, close; `name`: the tag's, in small letters."""

    kind: str
    start: int
    end: int
    name: str = ""


def tokens(source: str, start: int, end: int) -> Iterator[Token]:
    """All of source[start:end], in order. What follows a tag that never ends is a comment, as in browsers."""
    while start < end:
        found = source.find("<", start, end)
        if found < 0:
            yield Token("text", start, end)
            return
        if found > start:
            yield Token("text", start, found)
        token = _token(source, found, end)
        yield token
        start = token.end
        if token.kind == "open" and token.name in RAW_TEXT:
            close = _RAW_END[token.name].search(source, start, end)
            start = close.start() if close else end
            yield Token("text", token.end, start)


def _token(source: str, start: int, end: int) -> Token:
    if tag := _TAG.match(source, start, end):
        return Token("close" if tag[1] else "open", start, tag.end(), tag[2].lower())
    if other := _NO_TEXT.match(source, start, end):
        return Token("comment", start, other.end())
    following = source[start + 1 : start + 3].lstrip("/")[:1]
    if following.isascii() and following.isalpha():
        return Token("comment", start, end)
    return Token("text", start, start + 1)


class Attribute(NamedTuple):
    """`start` and `end`: of the value, without its quotes; `quote` is empty where it has none."""

    name: str
    start: int
    end: int
    quote: str


def attributes(source: str, token: Token) -> Iterator[Attribute]:
    """Those of a tag that have a value."""
    start = token.start + 1 + len(token.name)
    for found in _ATTRIBUTES.finditer(source, start, token.end - 1):
        if found.lastindex and found.lastindex > 1:
            quote = ("", "", '"', "'", "")[found.lastindex]
            yield Attribute(found[1].lower(), *found.span(found.lastindex), quote)


def character(entity: str) -> str:
    """What a character reference stands for; itself where it is none."""
    return unescape(entity) if entity[1] == "#" or entity[1:] in html5 else entity
