"""Rows of a column into paragraphs, and the signs that a paragraph ends: distance, size, indent, a line left short."""

import re
from collections import Counter
from itertools import pairwise
from statistics import quantiles
from typing import NamedTuple

from filters.pdf.page import Block, Line, Role, enclosing

# x0, y0, x1, y1 in a frame in which the writing runs to the right, whatever way the line stands on the page
Fragment = tuple[float, float, float, float, Line]
Row = list[Fragment]

_CELLS = 2.0  # line heights between cells; pieces of a line are closer
_LOOSE = 1.3  # of the usual pitch: a paragraph ends
_PITCH = 2.3  # line heights: no usual pitch is larger
_SIZE = 1.15  # ratio of type sizes that parts a heading from its text
_INDENT = 0.6  # line heights
_SPACE = 0.8  # line heights that must stay free beside the next word for a line to be short

# Letters of scripts written from the right, and their marks: not the Arabic comma, nor Arabic digits
RIGHT_TO_LEFT = (
    "\u0590-\u05ff\u0608\u060b\u060d-\u065f\u066d-\u06ef\u06fa-\u08ff"
    "\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff"
)
_RIGHT_TO_LEFT = re.compile(f"[{RIGHT_TO_LEFT}]+")
# First and last code point: scripts that put no space between words, with their punctuation and full-width forms
_SPACELESS = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x312F),  # CJK radicals and punctuation, kana, bopomofo
    (0x3190, 0x9FFF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F),
    (0xFF00, 0xFF9F),
    (0x1F200, 0x1F2FF),
    (0x20000, 0x3FFFF),
)


def spaceless(character: str) -> bool:
    """Of a script that writes words without spaces between them, or of its punctuation."""
    code = ord(character)
    return code >= 0x0E00 and any(first <= code <= last for first, last in _SPACELESS)


def letter_direction(texts: list[str]) -> int:
    """-1 where most letters are of scripts written from the right, else 1; 0 without text."""
    text = "".join(texts)
    if text.isascii() or not (found := _RIGHT_TO_LEFT.findall(text)):
        return 1 if text else 0
    right = sum(map(str.isalpha, "".join(found)))
    return -1 if right * 2 > sum(map(str.isalpha, text)) else 1


class _Set(NamedTuple):
    """A row set: its cells from the start of the line, and where it stands in the frame (start < end also for RTL)."""

    start: float
    top: float
    end: float
    bottom: float
    cells: list[Line]

    @property
    def height(self) -> float:
        return self.bottom - self.top


def paragraphs(regions: list[list[Row]], *, right_to_left: bool) -> list[Block]:
    """`regions`: rows of a column each, in reading order. Paragraphs never span two."""
    sets = [[_set(row, right_to_left) for row in rows] for rows in regions]
    usual = _pitch([each for rows in sets for each in rows])
    blocks = []
    for rows in sets:
        pitch = _pitch(rows) if len(rows) >= 6 else usual
        for group in _groups(rows, pitch):
            if _is_table(group):
                blocks.append(_block(group, "table"))
            else:
                blocks += [_block(part, "body") for part in _indented(group)]
    return _with_headings(blocks)


def _is_table(group: list[_Set]) -> bool:
    """Most rows have cells beside each other; a row alone, three at least."""
    several = sum(len(each.cells) > 1 for each in group)
    return several * 2 >= len(group) >= 2 or (len(group) == 1 and len(group[0].cells) > 2)


# --- a row into cells --------------------------------------------------------------------------------------------------


def _set(row: Row, right_to_left: bool) -> _Set:
    x0, y0, x1, y1, line = row[0]
    if len(row) == 1:
        return _Set(-x1, y0, -x0, y1, [line]) if right_to_left else _Set(x0, y0, x1, y1, [line])
    backwards = right_to_left and letter_direction([f[4].text for f in row]) < 0
    top, bottom = min(f[1] for f in row), max(f[3] for f in row)
    cells = _cells(row[::-1] if backwards else row, _CELLS * (y1 - y0))
    end = max(f[2] for f in row)
    return _Set(-end, top, -x0, bottom, cells) if right_to_left else _Set(x0, top, end, bottom, cells)


def _cells(row: Row, wide: float) -> list[Line]:
    """Pieces in the order of reading, the close ones joined. What is printed twice at one place is one."""
    cells: list[list[Line]] = []
    before: Fragment | None = None
    for fragment in row:
        if before and _over(before, fragment) and (again := _again(before, fragment)):
            cells[-1][-1], before = again[4], again
            continue
        if before and -wide < _distance(before, fragment) < wide:
            cells[-1].append(fragment[4])
        else:
            cells.append([fragment[4]])
        before = fragment
    return [cell[0] if len(cell) == 1 else joined(cell) for cell in cells]


def _distance(one: Fragment, other: Fragment) -> float:
    return other[0] - one[2] if one[0] <= other[0] else one[0] - other[2]


def _over(one: Fragment, other: Fragment) -> bool:
    """At one place, as letters are printed twice to look bold."""
    across, down = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    narrower, lower = min(one[2] - one[0], other[2] - other[0]), min(one[3] - one[1], other[3] - other[1])
    return across > 0.8 * narrower and down > 0.8 * lower


def _again(one: Fragment, other: Fragment) -> Fragment | None:
    """The one that holds the other's text, if either does."""
    if other[4].text in one[4].text:
        return one
    return other if one[4].text in other[4].text else None


def joined(lines: list[Line]) -> Line:
    """One line of pieces in the order of reading."""
    longest = max(lines, key=lambda line: len(line.text))
    text = lines[0].text
    for before, line in pairwise(lines):
        capital = len(before.text) == 1 and before.size > 1.8 * line.size and line.text[:1].islower()
        text += ("" if capital else glue(text, line.text)) + line.text
    words = [word for line in lines for word in line.words]
    return Line(enclosing([line.box for line in lines]), text, longest.font, longest.size, longest.direction, words)


def glue(before: str, after: str) -> str:
    """What stands between two pieces of running text: a space, none between scripts that write none."""
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return ""
    return "" if spaceless(before[-1]) and spaceless(after[0]) else " "


# --- rows into paragraphs ----------------------------------------------------------------------------------------------


def _pitch(rows: list[_Set]) -> float:
    """The usual distance from line to line, in line heights: the lower quartile, since gaps only add to it."""
    found = [
        pitch
        for one, other in pairwise(rows)
        if one.height > 0 and 0.7 < (pitch := (other.bottom - one.bottom) / one.height) < 4
    ]
    if not found:
        return _PITCH / _LOOSE
    return min(quantiles(found, n=4, method="inclusive")[0] if len(found) > 1 else found[0], _PITCH)


def _groups(rows: list[_Set], pitch: float) -> list[list[_Set]]:
    """Parted where the distance, the size or the weight changes, and where lines do not stand under each other."""
    groups: list[list[_Set]] = []
    before: _Set | None = None
    for row in rows:
        if before is not None and _goes_on(before, row, pitch):
            groups[-1].append(row)
        else:
            groups.append([row])
        before = row
    return groups


def _goes_on(before: _Set, row: _Set, pitch: float) -> bool:
    one, other = before.bottom - before.top, row.bottom - row.top
    if (
        row.bottom - before.bottom > _LOOSE * pitch * max(one, 0.8 * other)
        or row.end < before.start
        or row.start > before.end
    ):
        return False
    first, last = before.cells[0], row.cells[0]
    if first.size > 0 and last.size > 0:
        if not 1 / _SIZE < first.size / last.size < _SIZE:
            return False
    elif not 0.6 * one < other < 1.67 * one:
        return False
    return first.font == last.font or _bold(first.font) == _bold(last.font)


def _bold(font: str) -> bool:
    name = font.lower()
    return "bold" in name or "black" in name or "heavy" in name


def _indented(group: list[_Set]) -> list[list[_Set]]:
    """Parted at indented first lines, or at lines that stand out where the rest is indented, and after short lines."""
    if len(group) < 2:
        return [group]
    left, right = min(row.start for row in group), max(row.end for row in group)
    indented = [row.start - left > _INDENT * row.height for row in group]
    hanging = sum(indented) * 2 > len(group)
    full = sum(right - row.end < 0.15 * (right - left) for row in group[:-1]) * 2 >= len(group) - 1
    parts = [[group[0]]]
    for at, (before, row) in enumerate(pairwise(group), start=1):
        stands_out = indented[at] != indented[at - 1] and indented[at] != hanging and not _centred(before, row)
        if stands_out or (full and ends_short(before.cells[-1], before.end, row.cells[0], right)):
            parts.append([row])
        else:
            parts[-1].append(row)
    return parts


def _centred(one: _Set, other: _Set) -> bool:
    return abs(one.start + one.end - other.start - other.end) < one.height


def ends_short(line: Line, end: float, following: Line, right: float) -> bool:
    """Whether the first word of the next line would have fitted behind this one, which therefore ended for good.

    end, right: of the line and of the column, in the direction of writing.
    """
    free = right - end
    height = min(line.box.y1 - line.box.y0, line.box.x1 - line.box.x0)
    if free < _SPACE * height or not following.text:
        return False
    first = following.text.split(maxsplit=1)[0] if not spaceless(following.text[0]) else following.text[:4]
    length = max(following.box.x1 - following.box.x0, following.box.y1 - following.box.y0)
    return free > _SPACE * height + length * len(first) / len(following.text)


# --- blocks ------------------------------------------------------------------------------------------------------------


def _block(rows: list[_Set], role: Role) -> Block:
    lines = [line for row in rows for line in row.cells]
    return Block(lines[0].box if len(lines) == 1 else enclosing([line.box for line in lines]), lines, role)


def _with_headings(blocks: list[Block]) -> list[Block]:
    """Short blocks of larger type than most of the page's are headings."""
    letters = Counter[float]()
    for block in blocks:
        letters[round(block.lines[0].size, 1)] += sum(len(line.text) for line in block.lines)
    if len(letters) < 2:
        return blocks
    usual = letters.most_common(1)[0][0]
    for block in blocks:
        if block.role == "body" and block.lines[0].size > _SIZE * usual > 0 and len(block.lines) <= 3:
            block.role = "heading"
    return blocks
