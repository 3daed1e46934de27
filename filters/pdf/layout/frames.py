"""Lines as pieces in the frame of their direction, in which the writing runs to the right and rows from the top."""

import math
from dataclasses import replace
from itertools import pairwise

from filters.pdf.layout.paragraphs import Fragment
from filters.pdf.page import Box, Line

_LARGEST = 1e7  # points; a coordinate beyond is nonsense
_OBLIQUE = 0.17  # sine: text at over 10 degrees to the axes (watermarks) is read apart
_OBLIQUE_TURN = 4
_WORD_GAP = 0.8  # of the line height: words further apart are tried as pieces


def framed(lines: list[Line], width: float, height: float) -> dict[int, list[Fragment]]:
    """By the quarter turns, clockwise, that the lines stand at (4: oblique); those without text or box left out.

    Vertical writing stands at one: its columns, from the right, are rows from the top there.
    """
    turned: dict[int, list[Fragment]] = {}
    for line in lines:
        if line.text and not line.text.isspace() and (box := _sane(line.box)):
            line = line if box is line.box else replace(line, box=box)
            turn = _turn(line.direction)
            turned.setdefault(turn, []).extend(_framed(line, box, turn, width, height))
    return turned


def _sane(box: Box) -> Box | None:
    x0, y0, x1, y1 = box
    if not (-_LARGEST < x0 < _LARGEST and -_LARGEST < y0 < _LARGEST):  # False for NaN
        return None
    if not (-_LARGEST < x1 < _LARGEST and -_LARGEST < y1 < _LARGEST):
        return None
    return box if x0 <= x1 and y0 <= y1 else Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _turn(direction: tuple[float, float]) -> int:
    """Quarter turns clockwise; 4 for none of them."""
    cosine, sine = direction
    if sine == 0.0 and cosine > 0:
        return 0
    if not (math.isfinite(cosine) and math.isfinite(sine)):
        return 0
    if min(abs(cosine), abs(sine)) > _OBLIQUE * math.hypot(cosine, sine):
        return _OBLIQUE_TURN
    if abs(cosine) >= abs(sine):
        return 0 if cosine >= 0 else 2
    return 1 if sine > 0 else 3


def _framed(line: Line, box: Box, turn: int, width: float, height: float) -> list[Fragment]:
    if len(line.words) > 1 and turn == 0:
        return [(*piece.box, piece) for piece in _split(line)]
    x0, y0, x1, y1 = box
    if turn == 1:
        return [(y0, width - x1, y1, width - x0, line)]
    if turn == 2:
        return [(width - x1, height - y1, width - x0, height - y0, line)]
    if turn == 3:
        return [(height - y1, x0, height - y0, x1, line)]
    return [(x0, y0, x1, y1, line)]


def _split(line: Line) -> list[Line]:
    """A line in pieces at its wide gaps, which may be gutters; pieces of one column are joined again."""
    wide = _WORD_GAP * (line.box.y1 - line.box.y0)
    boxes = [word.box for word in line.words]
    if not all(map(_sane, boxes)):
        return [line]
    ends = [
        at
        for at, (one, other) in enumerate(pairwise(boxes), start=1)
        if other.x0 - one.x1 > wide or one.x0 - other.x1 > wide
    ]
    if not ends:
        return [line]
    return [_piece(line, first, last) for first, last in pairwise([0, *ends, len(boxes)])]


def _piece(line: Line, first: int, last: int) -> Line:
    words = line.words[first:last]
    left, right = min(w.box.x0 for w in words), max(w.box.x1 for w in words)
    box = Box(left, min(w.box.y0 for w in words), right, max(w.box.y1 for w in words))
    return Line(box, " ".join(w.text for w in words), line.font, line.size, line.direction, words)
