"""Lines in reading order: columns found by the white space between them, by geometry alone.

XY-cut (Nagy and Seth 1984) that looks for its vertical cuts first and lets a cut be shorter than the page, as the
white rectangles of Breuel (2002) are: a gutter is a strip that stays white over several rows with running text on both
sides. So a heading across the columns ends their gutters, and cells of a table, which hold no running text, make none.
Lines may be whole, or pieces of a line as PyMuPDF and OCR engines leave them.
"""

import math
from collections.abc import Iterable
from itertools import islice, pairwise
from operator import itemgetter
from statistics import median

from filters.pdf.layout.frames import framed
from filters.pdf.layout.paragraphs import Fragment, Row, letter_direction, paragraphs
from filters.pdf.page import Block, Line

_GUTTER = 0.5  # of the line height: no gutter is narrower
_BLANK = 3.0  # line heights of white across all columns end their gutters
_ROWS = 3  # at least, on each side of a gutter
_ACTIVE = 32  # gutters at one place
_KEPT = 24  # of all, the ones of most rows
_DEPTH = 12  # columns in columns


def layout(lines: list[Line], width: float, height: float, *, right_to_left: bool | None = None) -> list[Block]:
    """Paragraphs in reading order. Line by line for tables, column by column for text.

    width, height: of the page. right_to_left: columns from the right; None: where most letters are of such a script.
    Lines of other directions come after those of the main one. Of the `lines` none is changed; of those of a row that
    belong together one is made. Lines without text or with a box that is none are left out.
    """
    turned = framed(lines, width, height)
    letters = {turn: sum(len(f[4].text) for f in found) for turn, found in turned.items()}
    if right_to_left is None:
        right_to_left = letter_direction([f[4].text for found in turned.values() for f in found]) < 0
    blocks: list[Block] = []
    for turn in sorted(turned, key=lambda turn: -letters[turn]):
        mirrored = right_to_left and turn == 0
        regions = _regions(_rows(turned[turn]), mirrored, 0)
        blocks += paragraphs(regions, right_to_left=right_to_left and turn != 1)
    return blocks


# --- rows --------------------------------------------------------------------------------------------------------------


def _middle(fragment: Fragment) -> float:
    return fragment[1] + fragment[3]


def _rows(fragments: list[Fragment]) -> list[Row]:
    """From the top; pieces of a row from the left."""
    fragments = _capitals_raised(fragments)
    fragments.sort(key=_middle)
    rows: list[Row] = []
    row: Row = []
    top = bottom = -math.inf
    for fragment in fragments:
        _, y0, _, y1, _ = fragment
        shared = (y1 if y1 < bottom else bottom) - (y0 if y0 > top else top)
        if shared > 0 and _same_row(fragment, row, shared, bottom - top):
            row.append(fragment)
        else:
            row = [fragment]
            rows.append(row)
            top, bottom = y0, y1
    for row in rows:
        if len(row) > 1:
            row.sort(key=itemgetter(0, 2))
    return rows


def _same_row(fragment: Fragment, row: Row, shared: float, height: float) -> bool:
    """Shares half of the higher one's height, or is a small sign (dash, exponent) right beside one of its pieces."""
    x0, y0, x1, y1, _ = fragment
    if shared > 0.5 * max(y1 - y0, height):
        return True
    low = y1 - y0
    return (
        shared > 0.8 * low and low < height and any(-low < x0 - f[2] < low or -low < f[0] - x1 < low for f in row[-8:])
    )


def _capitals_raised(fragments: list[Fragment]) -> list[Fragment]:
    """A drop capital as high as one line, so that it stands in its first one."""
    high = max((f[3] - f[1] for f in fragments), default=0.0)
    usual = median(f[3] - f[1] for f in fragments) if fragments else 0.0
    if high < 1.9 * usual:
        return fragments
    return [
        (f[0], f[1], f[2], f[1] + usual, f[4]) if f[3] - f[1] > 1.9 * usual and len(f[4].text) <= 3 else f
        for f in fragments
    ]


# --- columns -----------------------------------------------------------------------------------------------------------


class _Gutter:
    """White from x0 to x1, between the rows `first` and `last`; `both`: rows with text on both sides."""

    __slots__ = ("both", "first", "last", "x0", "x1")

    def __init__(self, x0: float, x1: float, first: int, last: int) -> None:
        self.x0, self.x1, self.first, self.last, self.both = x0, x1, first, last, 1

    def clipped(self, row: Row, least: float) -> bool:
        """Narrowed to what `row` leaves white; False where that is too little."""
        for x0, _, x1, _, _ in row:
            if x0 >= self.x1 or x1 <= self.x0:
                continue
            if x0 <= self.x0 and x1 <= self.x1 - least:
                self.x0 = x1
            elif x1 >= self.x1 and x0 >= self.x0 + least:
                self.x1 = x0
            else:
                return False
        return True


def _regions(rows: list[Row], right_to_left: bool, depth: int) -> list[list[Row]]:
    """Rows of one column each, in reading order."""
    bands = _bands(rows) if len(rows) >= _ROWS and depth < _DEPTH else []
    if not bands:
        return [rows] if rows else []
    regions: list[list[Row]] = []
    done = 0
    for gutter in bands:
        regions += [rows[done : gutter.first]] if gutter.first > done else []
        inside, middle = rows[gutter.first : gutter.last + 1], (gutter.x0 + gutter.x1) / 2
        left = [f for row in inside for f in row if f[0] + f[2] < 2 * middle]
        right = [f for row in inside for f in row if f[0] + f[2] >= 2 * middle]
        for side in (right, left) if right_to_left else (left, right):
            # Rows anew: lines of one column may have met because the other's stand between them
            regions += _regions(_rows(side), right_to_left, depth + 1)
        done = gutter.last + 1
    return regions + ([rows[done:]] if done < len(rows) else [])


def _bands(rows: list[Row]) -> list[_Gutter]:
    """The strongest gutters of which no two share a row, from the top."""
    usual = median(row[0][3] - row[0][1] for row in rows)
    found = _gutters(rows, max(_GUTTER * usual, 1e-3), _BLANK * usual)
    if not found:
        return []
    found = sorted(found, key=lambda g: -g.both)[:_KEPT]
    beside = {gutter: [g for g in found if _beside(gutter, g, rows)] for gutter in found}
    columns = [gutter for gutter in found if _parts_text(gutter, rows, beside[gutter])]
    columns = [gutter for gutter in columns if all(other in columns for other in beside[gutter])]
    chosen: list[_Gutter] = []
    taken = bytearray(len(rows))
    for gutter in sorted(columns, key=lambda g: (-g.both, g.x0)):
        if not any(taken[gutter.first : gutter.last + 1]):
            _extend(gutter, rows, taken, 1.5 * usual)
            taken[gutter.first : gutter.last + 1] = b"\1" * (gutter.last + 1 - gutter.first)
            chosen.append(gutter)
    return sorted(chosen, key=lambda g: g.first)


def _gutters(rows: list[Row], least: float, blank: float) -> list[_Gutter]:
    """All strips at least `least` wide that stay white over rows with text on both sides, by one sweep from the top."""
    active: list[_Gutter] = []
    done: list[_Gutter] = []
    before: Row = []
    for at, row in enumerate(rows):
        if active:
            if row[0][1] - before[0][3] > blank:
                done += active
                active = []
            else:
                kept = [gutter for gutter in active if gutter.clipped(row, least)]
                if len(kept) < len(active):
                    done += [gutter for gutter in active if gutter not in kept]
                    active = kept
        if len(row) > 1:
            _meet(active, pairwise(row), at, at, least)
        elif len(before) == 1 and row[0][1] < before[0][3] + blank / _BLANK:
            # Columns whose lines do not stand at the same height: neighbours in the order of their height
            one, other = (before[0], row[0]) if before[0][0] <= row[0][0] else (row[0], before[0])
            if one[2] < other[0]:
                _meet(active, [(one, other)], at - 1, at, least)
        before = row
    return [gutter for gutter in done + active if gutter.both >= _ROWS]


def _meet(
    active: list[_Gutter],
    neighbours: Iterable[tuple[Fragment, Fragment]],
    first: int,
    last: int,
    least: float,
) -> None:
    for one, other in neighbours:
        x0, x1 = one[2], other[0]
        if x1 - x0 < least:
            continue
        known = [gutter for gutter in active if gutter.x0 < x1 and gutter.x1 > x0]
        for gutter in known:
            gutter.last = last
            gutter.both += 1
        if not known and len(active) < _ACTIVE:
            active.append(_Gutter(x0, x1, first, last))


def _parts_text(gutter: _Gutter, rows: list[Row], beside: list[_Gutter]) -> bool:
    """Running text on either side: lines that are long, or of a length; not the cells of a table, nor labels."""
    inside = rows[gutter.first : gutter.last + 1]
    left_wall = max((g.x1 for g in beside if g.x1 <= gutter.x0), default=-math.inf) - 1
    right_wall = min((g.x0 for g in beside if g.x0 >= gutter.x1), default=math.inf) + 1
    left = [[f for f in row if f[2] <= gutter.x0 + 1 and f[0] >= left_wall] for row in inside]
    right = [[f for f in row if f[0] >= gutter.x1 - 1 and f[2] <= right_wall] for row in inside]
    return _running(left) and _running(right)


def _running(lines: list[Row]) -> bool:
    lines = [line for line in lines if line]
    if len(lines) < _ROWS:
        return False
    letters = sum(_letters(f[4].text) for line in lines for f in line) / len(lines)
    widths = [line[-1][2] - line[0][0] for line in lines]
    full = sum(widths) >= 0.6 * len(widths) * max(widths)
    return letters >= 22 or (letters >= 10 and full)


def _letters(text: str) -> int:
    """Han and kana count twice."""
    return 2 * len(text) if text[0] > "\u2e7f" else len(text)


def _beside(gutter: _Gutter, other: _Gutter, rows: list[Row]) -> bool:
    """`other` bounds the column beside `gutter`, in most of its rows. Where it parts cells, so does `gutter`."""
    if other is gutter or other.both < 0.6 * gutter.both:
        return False
    first, last = max(gutter.first, other.first), min(gutter.last, other.last)
    if last - first + 1 < 0.6 * (gutter.last - gutter.first + 1):
        return False
    x0, x1 = min(gutter.x1, other.x1) - 1, max(gutter.x0, other.x0) + 1
    between = (row for row in rows[first : last + 1] if any(f[0] >= x0 and f[2] <= x1 for f in row))
    return len(list(islice(between, _ROWS))) == _ROWS


def _extend(gutter: _Gutter, rows: list[Row], taken: bytearray, gap: float) -> None:
    """Takes in the rows of one column that go on above and below the rows of both."""
    while (
        gutter.first > 0 and not taken[gutter.first - 1] and _goes_on(gutter, rows, gutter.first, gutter.first - 1, gap)
    ):
        gutter.first -= 1
    while (
        gutter.last + 1 < len(rows)
        and not taken[gutter.last + 1]
        and _goes_on(gutter, rows, gutter.last, gutter.last + 1, gap)
    ):
        gutter.last += 1


def _goes_on(gutter: _Gutter, rows: list[Row], inside: int, outside: int, gap: float) -> bool:
    row, edge = rows[outside], rows[inside]
    between = row[0][1] - edge[0][3] if outside > inside else edge[0][1] - row[0][3]
    return between < gap and all(f[2] <= gutter.x0 + 1 or f[0] >= gutter.x1 - 1 for f in row)
