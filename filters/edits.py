"""Spans that are cut from a text, put together with the edits it has already."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from filters.clean import Edit
from filters.columns import EDITS

_GAP = 3  # punctuation marks after a cut that go with it


def merged(edits: Iterable[Edit], cuts: Iterable[tuple[int, int]]) -> list[Edit]:
    """Both in order without overlap: a cut that meets an edit or another cut takes in the whole of it.

    So no half of a placeholder stays, and nothing that an edit hides comes back.
    """
    out: list[Edit] = []
    for edit in sorted(chain(edits, (Edit(start, end, "") for start, end in cuts))):
        if out and edit.start < out[-1].end:
            out[-1] = Edit(out[-1].start, max(out[-1].end, edit.end), "")
        else:
            out.append(edit)
    return out


def with_cuts(edits: pa.Array, cuts: Sequence[Sequence[tuple[int, int]]]) -> pa.Array:
    """`filters.columns.EDITS` with the cuts of each row; a row without any keeps its edits as they are."""
    if not any(cuts):
        return edits
    rows: list[list[dict[str, Any]] | None] = edits.to_pylist()
    for row, spans in enumerate(cuts):
        if spans:
            mine = [Edit(**edit) for edit in rows[row] or []]
            rows[row] = [edit._asdict() for edit in merged(mine, spans)]
    return pa.array(rows, EDITS)


def cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """What is left of a text without the spans."""
    parts, position = [], 0
    for start, end in spans:
        parts.append(text[position:start])
        position = max(position, end)
    return "".join([*parts, text[position:]])


def tidied(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans with what would be left over beside them: lines without a word, punctuation and spaces behind."""
    return [_with_lines(text, start, end) or _with_rest(text, start, end) for start, end in spans]


def _with_lines(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The whole lines, the last one's end included; None where another word is on them."""
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    last = len(text) if last < 0 else last
    if any(map(str.isalnum, text[first:start])) or any(map(str.isalnum, text[end:last])):
        return None
    return first, min(last + 1, len(text))


def _with_rest(text: str, start: int, end: int) -> tuple[int, int]:
    limit = min(len(text), end + _GAP)
    while end < limit and not (text[end].isalnum() or text[end].isspace()):
        end += 1
    while end < len(text) and text[end] in " \t\u3000" and (start == 0 or text[start - 1].isspace()):
        end += 1
    return start, end
