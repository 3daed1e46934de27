"""A page read in order, whatever way it lies: turned upright, recognised, laid out, its boxes put back.

The lines' direction and skew come from the ink (filters.ocr.upright); which end is up from the engine itself, which is
sure of upright text and of little else.
"""

import math
import statistics
from dataclasses import replace
from itertools import pairwise

import numpy as np

from filters.ocr.engine import Engine, Image, check_image, grey, line_of
from filters.ocr.upright import Turn, ink, lie, shrink
from filters.pdf.layout.reading_order import layout
from filters.pdf.page import Block, Box, Line, Page, Word

DPI = 200  # what to render pages at
LARGEST_SIDE = 5_000  # pixels; larger images are reduced: A3 at 300 dpi stays as it is

# Mean confidence that only upright text gets, whatever the script: Nastaliq upright has 0.58 with Tesseract, and
# Latin upside down 0.68 with PaddleOCR, so that between them a second look is needed
_SURE = 0.75
_STRIP_SIDE = 0.125  # of the page's height: what is looked at to find out which end is up
_LEAST_STRIP = 150  # pixels
_MARGIN = 0.2  # of the line height: marks around a line's box that belong to it
_LEFT_OUT = 0.7  # of the ink of a usual line: so much that was not read is worth another look
_MORE_LOOKS = 2
_LIKELY, _LEAST_TEXT = 0.5, 3  # confidence and characters of a line found then: pictures give less
_WORD_GAP = 0.8  # of the line height: wider gaps may be gutters
_ALIGNED = 0.3  # of the line height: edges at one place
_EDGES = 3  # lines that start at one place make it the side of a column
_BETTER = 1.3  # confident characters of another direction over those of the one at hand


def _blank(width: float, height: float, engine: Engine) -> Page:
    return Page(0, width, height, [], route="blank", engine=engine.name)


def _evidence(lines: list[Line]) -> tuple[float, float]:
    """(mean confidence of a character, confident characters): doubt counts twice, as the square."""
    words = [word for line in lines for word in line.words]
    total = sum(len(word.text) for word in words)
    confident = sum(len(word.text) * (word.confidence or 0) for word in words)
    squares = sum(len(word.text) * (word.confidence or 0) ** 2 for word in words)
    return confident / max(1, total), squares


def _strip(image: Image) -> Image:
    """A few lines of an image: the band across it that has most ink."""
    height = max(_LEAST_STRIP, round(image.shape[0] * _STRIP_SIDE))
    marks = ink(image)
    if image.shape[0] <= height or marks is None:
        return image
    scale = image.shape[0] / marks.shape[0]
    rows = np.concatenate([[0], np.cumsum(marks.sum(axis=1))])
    span = min(marks.shape[0], max(1, round(height / scale)))
    top = round(int(np.argmax(rows[span:] - rows[:-span])) * scale)
    return image[top : top + height]


def _turned(image: Image, turns: list[Turn], engine: Engine, languages: tuple[str, ...]) -> Turn:
    """The turn after which the engine reads most with most confidence; the first of those that are as good."""
    best, most = turns[0], 0.0
    for turn in turns:
        _, read = _evidence(engine.words(_strip(turn.apply(image)), languages))
        if read > most * _BETTER:
            best, most = turn, read
    return best


def _within(box: Box, scale: float) -> tuple[slice, slice]:
    """Rows and columns of a box and the marks around it that belong to it, in an image reduced by `scale`."""
    margin = _MARGIN * (box.y1 - box.y0)
    x0, y0, x1, y1 = (
        max(0, round(scale * (at + by))) for at, by in zip(box, (-margin, -margin, margin, margin), strict=True)
    )
    return slice(y0, y1), slice(x0, x1)


def _rest(image: Image, lines: list[Line]) -> Image | None:
    """The image with `lines` painted over; None if the ink left is less than a line's."""
    marks = ink(image)
    if marks is None or not lines:
        return None
    scale = marks.shape[0] / image.shape[0]
    left = marks.copy()
    of_lines = []
    for line in lines:
        area = _within(line.box, scale)
        of_lines.append(int(marks[area].sum()))
        left[area] = False
    if left.sum() < _LEFT_OUT * statistics.median(of_lines):
        return None
    rest = image.copy()
    for line in lines:
        rest[_within(line.box, 1)] = np.median(image[::16])  # paper
    return rest


def _all_lines(image: Image, engine: Engine, languages: tuple[str, ...]) -> list[Line]:
    """What the engine reads, and what it reads of the rest when it sees that alone: engines drop lines."""
    lines = engine.words(image, languages)
    for _ in range(_MORE_LOOKS):
        rest = _rest(image, lines)
        found = [] if rest is None else engine.words(rest, languages)
        found = [line for line in found if len(line.text) >= _LEAST_TEXT and _evidence([line])[0] >= _LIKELY]
        if not found:
            break
        lines += found
    return lines


def _read(image: Image, engine: Engine, languages: tuple[str, ...]) -> tuple[Turn, list[Line]]:
    """How the image was turned, and its lines in pixels of the turned image."""
    marks = ink(image)
    assert marks is not None
    lying = lie(marks)
    height, width = image.shape
    turns = [
        Turn(width, height, quarters, lying.skew_sideways if quarters % 2 else lying.skew) for quarters in (0, 2, 3, 1)
    ]
    level, upright = turns[:2], turns[2:]
    if lying.sideways:
        turn = _turned(image, upright, engine, languages)
        return turn, _all_lines(turn.apply(image), engine, languages)
    lines = _all_lines(level[0].apply(image), engine, languages)
    if _evidence(lines)[0] >= _SURE:
        return level[0], lines
    turn = _turned(image, level if lying.sideways is False else turns, engine, languages)
    return (turn, lines) if turn is level[0] else (turn, _all_lines(turn.apply(image), engine, languages))


class _Placed:
    """Boxes of the turned page, in points of it, back on the page as shown.

    A box keeps its size and moves with its centre: one around the corners of a skewed line would cover its neighbours.
    """

    def __init__(self, turn: Turn, shape: tuple[int, int], width: float, height: float) -> None:
        self._turn, (self._high, self._wide) = turn, shape
        self._x, self._y = width / turn.width, height / turn.height  # points a pixel
        if turn.quarters % 2:
            self.x, self.y = self._y, self._x
        else:
            self.x, self.y = self._x, self._y
        angle = math.radians(turn.skew + 90 * turn.quarters)
        self.direction = round(math.cos(angle), 6), round(math.sin(angle), 6)
        self._width, self._height = width, height

    def _box(self, box: Box) -> Box:
        x, y = (box.x0 + box.x1) / 2 / self.x, (box.y0 + box.y1) / 2 / self.y
        x, y = self._turn.back(x, y, self._wide, self._high)
        half_x, half_y = (box.x1 - box.x0) / 2, (box.y1 - box.y0) / 2
        if self._turn.quarters % 2:
            half_x, half_y = half_y, half_x
        x, y = x * self._x, y * self._y
        return Box(
            min(max(0.0, x - half_x), self._width),
            min(max(0.0, y - half_y), self._height),
            max(0.0, min(self._width, x + half_x)),
            max(0.0, min(self._height, y + half_y)),
        )

    def block(self, block: Block) -> Block:
        return Block(self._box(block.box), [self._line(line) for line in block.lines], block.role)

    def _line(self, line: Line) -> Line:
        words = [Word(self._box(word.box), word.text, word.confidence) for word in line.words]
        return Line(self._box(line.box), line.text, line.font, line.size, self.direction, words)


def _pieces(lines: list[Line]) -> list[Line]:
    """Lines cut where the engine read across a gutter: at wide gaps after which other lines start.

    Gaps of justified text are as wide, but no line starts there.
    """
    if not lines:
        return []
    height = statistics.median(line.size for line in lines)
    starts = np.sort([line.box.x0 for line in lines]), np.sort([line.box.x1 for line in lines])
    pieces = []
    for line in lines:
        cuts = [
            at
            for at, edge, leftwards in _gaps(line, _WORD_GAP * height)
            if np.diff(np.searchsorted(starts[leftwards], [edge - _ALIGNED * height, edge + _ALIGNED * height]))
            >= _EDGES
        ]
        pieces += [line_of(line.words[a:b]) for a, b in pairwise([0, *cuts, len(line.words)])] if cuts else [line]
    return pieces


def _gaps(line: Line, wide: float) -> list[tuple[int, float, bool]]:
    """Of each wide gap in a line the index of the word after it, where that starts, and whether it goes leftwards."""
    found = []
    for at, (one, other) in enumerate(pairwise(line.words), start=1):
        if other.box.x0 - one.box.x1 > wide:
            found.append((at, other.box.x0, False))
        elif one.box.x0 - other.box.x1 > wide:
            found.append((at, other.box.x1, True))
    return found


def _ordered(lines: list[Line], width: float, height: float) -> list[Block]:
    """`layout` of the lines as they are: it would look for gutters between their words, where engines have looked."""
    words = {}
    hidden = []
    for line in lines:
        whole = Word(line.box, line.text)
        words[id(whole)] = line.words
        hidden.append(replace(line, words=[whole]))
    blocks = layout(hidden, width, height)
    for block in blocks:
        for line in block.lines:
            line.words = [word for whole in line.words for word in words[id(whole)]]
    return blocks


def _scaled(lines: list[Line], x: float, y: float) -> list[Line]:
    """Lines in pixels as lines in points."""

    def box(each: Box) -> Box:
        return Box(each.x0 * x, each.y0 * y, each.x1 * x, each.y1 * y)

    return [
        Line(
            box(line.box),
            line.text,
            size=line.size * y,
            words=[Word(box(word.box), word.text, word.confidence) for word in line.words],
        )
        for line in lines
    ]


def recognise(image: Image, *, engine: Engine, languages: tuple[str, ...], width: float, height: float) -> Page:
    """The page of `width` x `height` points that `image` shows: paragraphs in reading order, boxes as shown.

    A line's direction is that of its text on the page as shown. Blank and empty images are not given to the engine:
    route "blank", no blocks. Page number, language and, where there is text, route (scan) are the caller's to correct.
    Raises EngineError, and ValueError for what is no image or page.
    """
    check_image(image)
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise ValueError(f"not the size of a page: {width} x {height}")
    if not image.size:
        return _blank(width, height, engine)
    image = shrink(grey(image), LARGEST_SIDE)
    if ink(image) is None:
        return _blank(width, height, engine)
    turn, lines = _read(image, engine, languages)
    wide, high = turn.turned
    shape = turn.apply(image).shape
    placed = _Placed(turn, (shape[0], shape[1]), width, height)
    pieces = _scaled(_pieces(lines), placed.x, placed.y)
    blocks = _ordered(pieces, wide * placed.x, high * placed.y)
    return Page(0, width, height, [placed.block(block) for block in blocks], route="scan", engine=engine.name)
