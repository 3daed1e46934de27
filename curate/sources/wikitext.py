"""MediaWiki markup to plain text: what a reader sees as running text, one line a heading, list item or paragraph.

One pass with a stack over the markup's brackets, so that the time is linear in the text even where brackets are nested
or left open by the million. Templates are removed, not expanded: expansion would need the wiki's own templates.
"""

import html
import re
from collections import Counter
from collections.abc import Collection

_DROPPED = "ref|references|gallery|imagemap|inputbox|templatestyles|categorytree|includeonly"  # may hold markup
_DROPPED_RAW = "math|chem|ce|timeline|score|hiero|graph|mapframe|maplink|syntaxhighlight|source|style|script"
_KEPT_RAW = "nowiki|pre"
_TOKEN = re.compile(
    r"(?P<comment><!--)"
    rf"|<(?P<raw>{_DROPPED_RAW}|{_KEPT_RAW})(?:\s[^<>]{{0,2000}})?(?P<raw_empty>(?<=/))?>"
    rf"|<(?P<drop>{_DROPPED})(?:\s[^<>]{{0,2000}}|/)?(?P<drop_empty>(?<=/))?>"
    rf"|</(?P<drop_end>{_DROPPED})\s{{0,9}}>"
    r"|(?P<newline><(?:br|hr|p|/p|li|/li|tr|/tr|div|/div)(?:\s[^<>]{0,2000}|/)?>)"
    r"|(?P<tag></?[A-Za-z][^<>]{0,2000}>)"
    r"|(?P<open>\{{2,})|(?P<close>\}{2,})"
    r"|(?P<table>^[ \t:]{0,99}\{\|)|(?P<table_end>^[ \t]{0,99}\|\}(?!\}))"
    r"|(?P<link>\[\[)|(?P<link_end>\]\])|(?P<bar>\|)",
    re.IGNORECASE | re.MULTILINE,
)
_EXTERNAL_LINK = re.compile(r"\[(?:https?:|ftp:)?//[^\s\]\[]{1,2000}[ \t]{0,9}([^\]\[\n]{0,1000})\]")
_QUOTES = re.compile(r"'{2,}")
_SWITCH = re.compile(r"__[A-Z]{3,30}__")
_EMPTY_BRACKETS = re.compile(r"[ \t]?[(（][\s,;:،؛、，]{0,30}[)）]")
_BLANK_LINES = re.compile(r"\n{3,}")
_INTERLANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,12}){0,2}\s?:")
_LINK_DEPTH = 8  # file captions hold links; deeper ones are not links, and joining them would not be linear
HIDDEN_NAMESPACES = frozenset({"file", "image", "media", "category"})


def to_text(wikitext: str, hidden_namespaces: Collection[str] = HIDDEN_NAMESPACES) -> str:
    """The plain text. `hidden_namespaces`: lower-case names, in the wiki's language too, whose links show no text."""
    text = _Stripper(wikitext, hidden_namespaces).run()
    text = _EXTERNAL_LINK.sub(r"\1", text)
    text = _SWITCH.sub("", _QUOTES.sub("", text))
    text = _EMPTY_BRACKETS.sub("", html.unescape(text)).replace("\xa0", " ")
    return _BLANK_LINES.sub("\n\n", "\n".join(map(_plain_line, text.split("\n")))).strip()


def _plain_line(line: str) -> str:
    """A heading without its signs, a list item without its bullet; what is left of a table's rows is dropped."""
    line = line.strip()
    if line.startswith("=") and line.endswith("="):
        return line.strip("=").strip()
    return "" if line.startswith(("|", "!")) or line.startswith("----") else line.lstrip("*#:;").strip()


class _Stripper:
    """Output pieces, and a stack of open brackets that know where their output began.

    Closing a bracket takes its pieces out; one that is never closed is forgotten, and what it held stays text.
    """

    def __init__(self, text: str, hidden_namespaces: Collection[str]) -> None:
        self.text = text
        self.hidden = hidden_namespaces
        self.out: list[str] = []
        self.stack: list[tuple[str, int]] = []  # kind, index into out; a "bar" follows its link
        self.open: Counter[str] = Counter()
        self.never_closed: set[str] = set()

    def run(self) -> str:
        position = 0
        while match := _TOKEN.search(self.text, position):
            self.out.append(self.text[position : match.start()])
            position = self._token(match)
        self.out.append(self.text[position:])
        return "".join(self.out)

    def _token(self, match: re.Match[str]) -> int:
        """Act on a token; where to go on reading."""
        kind = match.lastgroup or ""
        name = (match["raw"] or match["drop"] or match["drop_end"] or "").lower()
        if kind == "comment":
            return self._behind("-->", match.end(), keep=False)
        if match["raw"]:
            empty = match["raw_empty"] is not None
            return match.end() if empty else self._behind(name, match.end(), keep=name in _KEPT_RAW.split("|"))
        if match["drop"]:
            if match["drop_empty"] is None:
                self._push(name)
        elif kind == "drop_end":
            self._pop(name)
        elif kind == "newline":
            self.out.append("\n")
        elif kind != "tag":
            self._bracket(kind, match[0])
        return match.end()

    def _bracket(self, kind: str, token: str) -> None:
        if kind == "open":
            self._open_braces(len(token))
        elif kind == "close":
            self._close_braces(len(token))
        elif kind == "table":
            self._push("table")
        elif kind == "table_end":
            self._pop("table")
        elif kind == "link":
            self._push("link") if self.open["link"] < _LINK_DEPTH else self.out.append(token)
        elif kind == "link_end":
            self._close_link()
        elif self.stack and self.stack[-1][0] == "link":
            self._push("bar")
        else:
            self.out.append(token)

    def _behind(self, name: str, position: int, *, keep: bool) -> int:
        """Past a raw element. Without its end, a comment takes the rest, and a tag only itself."""
        if name not in self.never_closed:
            pattern = re.compile("-->" if name == "-->" else rf"</{name}\s{{0,9}}>", re.IGNORECASE)
            if end := pattern.search(self.text, position):
                if keep:
                    self.out.append(self.text[position : end.start()])
                return end.end()
            self.never_closed.add(name)
        return len(self.text) if name == "-->" else position

    def _push(self, kind: str) -> None:
        self.stack.append((kind, len(self.out)))
        self.open[kind] += 1

    def _unwind(self, kind: str) -> int | None:
        """Close the innermost bracket of that kind and forget those inside it; where its output begins."""
        if not self.open[kind]:
            return None
        while True:
            top, start = self.stack.pop()
            self.open[top] -= 1
            if top == kind:
                return start

    def _pop(self, kind: str) -> bool:
        start = self._unwind(kind)
        if start is not None:
            del self.out[start:]
        return start is not None

    def _open_braces(self, count: int) -> None:
        """{{template}}, {{{parameter}}}, and both: of an odd run the innermost three are the parameter."""
        for _ in range(count // 2 - count % 2):
            self._push("template")
        if count % 2:
            self._push("parameter")

    def _close_braces(self, count: int) -> None:
        while count >= 2:
            kind = "parameter" if count >= 3 and self._innermost() == "parameter" else "template"
            count -= 3 if kind == "parameter" else 2
            if not self._pop(kind):
                return

    def _innermost(self) -> str:
        """The innermost open kind of braces: brackets of other kinds inside them are broken and forgotten."""
        while self.stack and self.open["parameter"] and self.stack[-1][0] not in ("parameter", "template"):
            self.open[self.stack.pop()[0]] -= 1
        return self.stack[-1][0] if self.stack else ""

    def _close_link(self) -> None:
        """[[target]] shows its target, [[target|label]] the label; files, categories and other languages nothing."""
        label = self.stack[-1][1] if self.stack and self.stack[-1][0] == "bar" else None
        start = self._unwind("link")
        if start is None:
            return
        target = "".join(self.out[start:label]).strip()
        if self._shows_nothing(target):
            del self.out[start:]
        elif label is None:
            self.out[start:] = [target.removeprefix(":")]
        else:
            self.out[start:label] = []

    def _shows_nothing(self, target: str) -> bool:
        namespace, colon, _ = target.partition(":")
        return bool(colon) and (namespace.strip().lower() in self.hidden or bool(_INTERLANGUAGE.match(target)))
