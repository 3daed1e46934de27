"""HTML as values: a string is escaped on its way in unless it is `Markup`, so that forgetting to escape is impossible.

`visible` also disarms what escaping leaves alone: control characters, bidi overrides (which can reorder the page around
a sample) and lone surrogates (which cannot be written as UTF-8).
"""

import re
from html import escape
from urllib.parse import urlsplit

URL_SHOWN = 200  # characters
URL_LINKED = 2000  # a longer address is shown, not linked

# C0 without \t and \n, DEL, C1, line and paragraph separators, bidi embeddings, overrides and isolates, BOM, tags,
# surrogates, non-characters. ZWJ, ZWNJ, LRM and RLM carry meaning in Indic, Persian and Arabic text and stay.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_LINKABLE = re.compile(r"https?://[!-~]+", re.IGNORECASE)  # printable ASCII, no space
_VOID = {"meta", "input", "path", "line"}


class Markup(str):
    """HTML that is safe to put into the page as it is."""

    __slots__ = ()


Child = str | int | None


def visible(text: str) -> str:
    """Control characters as pictures (NUL as ␀), other invisible or reordering ones as their code point: ⟦U+202E⟧."""
    return _INVISIBLE.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"⟦U+{code:04X}⟧"


def shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def markup(child: Child) -> Markup:
    """The one place where text becomes HTML."""
    if isinstance(child, Markup):
        return child
    return Markup("" if child is None else escape(visible(str(child)), quote=True))


def join(*children: Child) -> Markup:
    return Markup("".join(map(markup, children)))


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """An element. Attribute names: `class_` is class, `text_anchor` text-anchor; True is a bare one, None or False none."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def _attribute(key: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(visible(str(value)), quote=True)}"'


def link(url: str | None) -> Markup:
    """An address as isolated text; a link only where it is plain http(s) to a host, without credentials."""
    if not url:
        return tag("span", "no address", class_="quiet")
    shown = tag("bdi", shorten(url, URL_SHOWN), dir="ltr", class_="url")
    if not _linkable(url):
        return shown
    return tag("a", shown, href=url, rel="noreferrer noopener nofollow", target="_blank")


def _linkable(url: str) -> bool:
    if len(url) > URL_LINKED or not _LINKABLE.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def marked(text: str, spans: list[tuple[int, int]]) -> Markup:
    """`text` with its half-open `spans` in <mark>; spans out of order, overlapping or out of range are cut to fit."""
    parts: list[Child] = []
    done = 0
    for start, end in sorted(spans):
        start, end = max(start, done), min(end, len(text))
        if start < end:
            parts += [text[done:start], tag("mark", text[start:end])]
            done = end
    return join(*parts, text[done:])
