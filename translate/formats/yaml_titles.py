"""Front matter: the titles and descriptions in it, where they are one line; the rest is YAML for programs."""

import re

from translate.spans import Block, Offset

_FRONT = re.compile(
    r"\ufeff?---[ \t]*\r?\n(?P<inside>(?:(?!(?:---|\.\.\.)[ \t]*\r?$).*\n){0,1000}?)(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)",
    re.MULTILINE,
)
_TITLE = re.compile(
    r"^(?:title|subtitle|description|summary|excerpt|abstract|caption|headline)[ \t]*:[ \t]+"
    r"(?:\"((?:[^\"\\\n]|\\[\"\\/nt]){1,1000}+)\"|'([^'\n]{1,1000})'|([^\s\"'|>&*!%@`{\[#][^\n\r#]{0,1000}))[ \t]*\r?$",
    re.MULTILINE,
)


def front_matter(source: str) -> tuple[int, list[Block]]:
    """Where the Markdown begins, and the blocks before it."""
    front = _FRONT.match(source)
    if front is None:
        return 0, []
    found = []
    for title in _TITLE.finditer(source, *front.span("inside")):
        group = title.lastindex or 0
        if group == 1 and "\\" in title[1]:
            continue
        found.append(Block(title[group], Offset(title.start(group)), (), (_double, _single, _plain)[group - 1]))
    return front.end(), found


def _double(text: str, source: str, first: bool) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _single(text: str, source: str, first: bool) -> str:
    return text.replace("'", "''")


_STRUCTURE = re.compile(r"\A[-?:,\[\]{}#&*!|>'\"%@`]|:(?=\s|\Z)|(?<=\s)#")


def _plain(text: str, source: str, first: bool) -> str:
    """Without quotes around it: what YAML would take for structure is written in full width."""
    return _STRUCTURE.sub(lambda found: chr(ord(found[0]) + 0xFEE0), text)
