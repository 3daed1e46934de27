"""HTML: sentences across inline tags, titles, and the attributes that people read. Everything else is copied.

Not translated: script, style, pre, code and the like, formulas, drawings, form data, and what says translate="no".
"""

import re
from collections.abc import Iterator

from translate.formats import names
from translate.formats.html_tokens import ENTITY, Attribute, Token, attributes, character, tokens
from translate.spans import Block, Builder, Escape

# A sentence goes on through these; any other tag ends it
_INLINE = names(
    """a abbr acronym b bdi bdo big blink cite data del dfn em font i img ins mark nobr q rb rp rt rtc ruby s small span
    strike strong sub sup time tt u wbr"""
)
_SKIPPED_INLINE = names("code kbd math samp svg var")
_SKIPPED = _SKIPPED_INLINE | names(
    "audio canvas datalist iframe noembed noframes object pre script style template textarea video xmp"
)
_VOID = names("area base br col embed hr img input link meta param source track wbr")
_CLOSED_BY_THE_NEXT = names("dd dt li option p td th tr")
_READ = frozenset(("alt", "title", "placeholder", "aria-label"))
_MAYBE_READ = re.compile(r"(?:alt|title|placeholder|aria-label|content)\s*=", re.IGNORECASE)
_MAYBE_KEPT = re.compile(r"translate\s*=|notranslate", re.IGNORECASE)
_DESCRIPTIONS = names("description og:title og:description twitter:title twitter:description")
_SPECIAL = re.compile(rf"{ENTITY.pattern}|[ \t\n\r\f]{{2,}}+|[\t\n\r\f]")
_HAS_SPECIAL = re.compile(r"[&\t\n\r\f]|  ")


def blocks(source: str, start: int = 0, end: int | None = None) -> Iterator[Block]:
    """The blocks of source[start:end]."""
    reader = _Reader(source)
    for token in tokens(source, start, len(source) if end is None else end):
        yield from reader.read(token)
    yield from reader.flush()


class _Reader:
    """Collects the inline tokens of a block, and steps over elements whose content is kept."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens: list[Token] = []
        self._kept: Token | None = None  # the tag whose element is being stepped over
        self._depth = 0  # of elements of its name

    def read(self, token: Token) -> Iterator[Block]:
        if self._kept is not None and self._step_over(token):
            return
        if token.kind in ("text", "comment"):
            self._tokens.append(token)
            return
        if token.kind == "open":
            yield from self._attributes(token)
            if token.name not in _VOID and self._is_kept(token):
                self._kept, self._depth = token, 1
                if token.name not in _SKIPPED_INLINE and token.name not in _INLINE:
                    yield from self.flush()
                return
        if token.name in _INLINE:
            self._tokens.append(token)
        else:
            yield from self.flush()

    def _is_kept(self, token: Token) -> bool:
        if token.name in _SKIPPED:
            return self._source[token.end - 2] != "/" or token.name not in ("svg", "math")
        if not _MAYBE_KEPT.search(self._source, token.start, token.end):
            return False
        said = {one.name: self._source[one.start : one.end].lower() for one in attributes(self._source, token)}
        return said.get("translate") == "no" or "notranslate" in said.get("class", "").split()

    def _step_over(self, token: Token) -> bool:
        """Whether the token belongs to the element that is kept; where it is the last, one piece of markup is left."""
        kept = self._kept
        assert kept is not None
        inline = kept.name in _SKIPPED_INLINE or kept.name in _INLINE
        again = token.name == kept.name
        ends_before = token.kind in ("open", "close") and (
            (inline and kept.name not in ("svg", "math") and not _is_inline(token))
            or (again and token.kind == "open" and token.name in _CLOSED_BY_THE_NEXT)
        )
        if again and not ends_before:
            self._depth += 1 if token.kind == "open" else -1
        if self._depth and not ends_before:
            return True
        self._kept = None
        if inline:
            self._tokens.append(Token("kept", kept.start, token.start if ends_before else token.end))
        return not ends_before

    def flush(self) -> Iterator[Block]:
        """The block that ends here, if there is text in it."""
        found, self._tokens = self._tokens, []
        while found and found[0].kind not in ("text", "kept"):
            del found[0]
        if any(token.kind == "text" for token in found):
            yield _block(self._source, found)

    def _attributes(self, token: Token) -> Iterator[Block]:
        if not _MAYBE_READ.search(self._source, token.start, token.end):
            return
        said = list(attributes(self._source, token))
        names = {self._source[one.start : one.end].lower() for one in said if one.name in ("name", "property")}
        for one in said:
            if one.name in _READ or (one.name == "content" and token.name == "meta" and names & _DESCRIPTIONS):
                yield _value(self._source, one)


def _is_inline(token: Token) -> bool:
    return token.name in _INLINE or token.name in _SKIPPED_INLINE


def _block(source: str, found: list[Token]) -> Block:
    builder = Builder()
    for token in found:
        if token.kind == "text":
            _add_text(builder, source, token.start, token.end)
        elif token.kind in ("open", "close") and token.name not in _VOID:
            builder.mark("open" if token.kind == "open" else "close", token.name, token.start)
        else:
            builder.mark("alone", token.name, token.start, read=token.kind == "kept")
    return builder.block(found[-1].end, escape)


def _add_text(builder: Builder, source: str, start: int, end: int) -> None:
    if _HAS_SPECIAL.search(source, start, end):
        for found in _SPECIAL.finditer(source, start, end):
            read = character(found[0]) if found[0][0] == "&" else " "
            if read != found[0]:
                builder.add(source[start : found.start()], start)
                builder.add(read, found.start())
                start = found.end()
    builder.add(source[start:end], start)


def _value(source: str, attribute: Attribute) -> Block:
    builder = Builder()
    _add_text(builder, source, attribute.start, attribute.end)
    return builder.block(attribute.end, _ESCAPES[attribute.quote])


def escape(text: str, source: str, first: bool) -> str:
    """Text with the character references that it needs, and those that the source has for a character."""
    table: dict[str, str | int | None] = {"&": "&amp;", "<": "&lt;"}
    for entity in ENTITY.findall(source):
        read = character(entity)
        if len(read) == 1:
            table.setdefault(read, entity) if read not in "&<" else None
    return text.translate(str.maketrans(table))


def _double(text: str, source: str, first: bool) -> str:
    return escape(text, source, first).replace('"', "&quot;")


def _single(text: str, source: str, first: bool) -> str:
    return escape(text, source, first).replace("'", "&#39;")


_UNQUOTED = str.maketrans({one: f"&#{ord(one)};" for one in " \t\n\f\r\"'=<>`"})


def _bare(text: str, source: str, first: bool) -> str:
    return escape(text, source, first).translate(_UNQUOTED)


_ESCAPES: dict[str, Escape] = {'"': _double, "'": _single, "": _bare}
