"""A page as an SVG: its picture, the boxes by role, those suppressed struck through, and the rule that dropped it."""

import base64
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from curate.report.markup import Markup, join, shorten, tag
from filters.pdf.box_signals import suppressed_blocks
from filters.pdf.boxes import clipped
from filters.pdf.page import Block, Page
from filters.pdf.page_columns import PAGE_METRIC_NAMES

BOXES = 3000  # drawn of a page; a browser is slow with more
_WIDTH, _HEIGHT = 720.0, 960.0  # of the picture at most, in pixels
_NARROWEST = 460.0  # of the whole, so that what is written fits
_EDGE, _STRIP, _LINE = 28.0, 6.0, 18.0
_REASON_SHOWN = 90  # characters
_COLOURS = {
    "body": "#2563a8",
    "heading": "#7c3aad",
    "table": "#a05a00",
    "caption": "#00796b",
    "sidebar": "#b4286f",
    "footnote": "#5b6b12",
    "running_head": "#6b7280",
    "running_foot": "#6b7280",
    "page_number": "#6b7280",
    "hidden": "#9aa1a8",
}
_NOT_TEXT = ("running_head", "running_foot", "page_number", "hidden")  # no part of the document: dashed, not numbered
_STYLE = """
svg { background: #fff; max-width: 100%; height: auto; font: 13px/1.3 system-ui, sans-serif; }
text { fill: #1b1d1f; } .quiet { fill: #62686e; } .value { font-variant-numeric: tabular-nums; }
.dropped { fill: #9f2d43; font-weight: 600; } .kept { fill: #0f766e; font-weight: 600; } .title { font-weight: 600; }
image { opacity: 0.75; } .sheet { fill: #fff; stroke: #c9cdd1; }
.halo { fill: none; stroke: #fff; stroke-width: 4; stroke-opacity: 0.8; }
.box { fill-opacity: 0.1; stroke-width: 1.2; } .apart { stroke-dasharray: 4 3; }
.gone { fill: #9f2d43; fill-opacity: 0.06; stroke: #9f2d43; stroke-dasharray: 3 3; } .strike { stroke: #9f2d43; }
.number { fill: #fff; font-weight: 600; text-anchor: middle; } .rail { fill: #f0f1f2; } .covered { fill: #2563a8; }
"""


class _Frame(NamedTuple):
    """Where the page lies in the image: pixels per point, its size in pixels, and the top of it."""

    scale: float
    width: float
    height: float
    top: float


def draw(
    page: Page,
    image_png: bytes | None,
    *,
    reasons: Sequence[str],
    signals: Mapping[str, float | None],
    path: Path,
) -> None:
    """Write the SVG to `path`. It needs no other file; whatever the text is, it is text there.

    image_png: the page as shown, of any resolution. reasons: what dropped it, the one that counts first, each as
    `vertical_coverage_low: 0.31 < 0.5`; empty: kept. The strips below and beside the page are its covered columns and rows.
    """
    frame = _frame(page, len(reasons))
    width = max(frame.width + 2 * _EDGE + 2 * _STRIP, _NARROWEST)
    foot, bottom = _foot(page, reasons, signals, frame.top + frame.height + 2 * _STRIP + 24, width)
    body = join(_head(page, reasons), _sheet(frame, image_png), _blocks(page, frame), foot)
    size = {"width": _px(width), "height": _px(bottom), "viewBox": f"0 0 {_px(width)} {_px(bottom)}"}
    style = tag("style", Markup(_STYLE))
    path.write_text(tag("svg", style, body, xmlns="http://www.w3.org/2000/svg", **size), "utf-8")


def _frame(page: Page, reasons: int) -> _Frame:
    """A size that is no positive number is drawn as an empty sheet."""
    sizes = [side if math.isfinite(side) and side > 0 else 600.0 for side in (page.width, page.height)]
    scale = min(_WIDTH / sizes[0], _HEIGHT / sizes[1])
    return _Frame(scale, max(sizes[0] * scale, 1.0), max(sizes[1] * scale, 1.0), 44.0 + max(reasons, 1) * _LINE)


def _head(page: Page, reasons: Sequence[str]) -> Markup:
    source = f"read by {page.engine}" if page.engine else "text layer"
    title = f"Page {page.number + 1} · {page.language} · {page.route}, {source}"
    lines = [("title", title)]
    lines += [
        ("dropped" if n == 0 else "", f"{'also' if n else 'dropped'}: {reason}") for n, reason in enumerate(reasons)
    ]
    lines += [] if reasons else [("kept", "kept")]
    return join(*(
        _text(shorten(line, _REASON_SHOWN), _EDGE, 28 + n * _LINE, class_) for n, (class_, line) in enumerate(lines)
    ))  # fmt: skip


def _sheet(frame: _Frame, image_png: bytes | None) -> Markup:
    at = {"x": _px(_EDGE), "y": _px(frame.top), "width": _px(frame.width), "height": _px(frame.height)}
    sheet = tag("rect", class_="sheet", **at)
    if image_png is None:
        return sheet
    source = "data:image/png;base64," + base64.b64encode(image_png).decode("ascii")
    return join(sheet, tag("image", href=source, preserveAspectRatio="none", **at))


def _blocks(page: Page, frame: _Frame) -> Markup:
    boxes = clipped(np.array([block.box for block in page.blocks], np.float64), page.width, page.height) * frame.scale
    boxes += [_EDGE, frame.top, _EDGE, frame.top]
    gone = suppressed_blocks(page)
    shown = list(zip(page.blocks, boxes.tolist(), gone, strict=True))[:BOXES]
    rails = _rails(frame, [box for block, box, covered in shown if block.role != "hidden" and not covered])
    number, drawn, numbers = 0, [], []
    for block, box, covered in shown:
        drawn.append(_struck(box) if covered else _box(block, box))
        if not covered and block.role not in _NOT_TEXT:
            number += 1
            numbers.append(_number(number, block, box))
    return join(rails, _halo([box for _, box, _ in shown]), *drawn, *numbers)


def _halo(boxes: list[list[float]]) -> Markup:
    """White around every box, so that it can be seen on a dark page."""
    outlines = (f"M{_px(x0)} {_px(y0)}H{_px(x1)}V{_px(y1)}H{_px(x0)}z" for x0, y0, x1, y1 in boxes)
    return tag("path", class_="halo", d="".join(outlines))


def _rails(frame: _Frame, boxes: list[list[float]]) -> Markup:
    """The covered columns below the page, the covered rows beside it."""
    below, beside = frame.top + frame.height + _STRIP, _EDGE + frame.width + _STRIP
    rails = [_rect("rail", _EDGE, below, frame.width, _STRIP), _rect("rail", beside, frame.top, _STRIP, frame.height)]
    rails += [_rect("covered", x0, below, x1 - x0, _STRIP) for x0, _, x1, _ in boxes]
    rails += [_rect("covered", beside, y0, _STRIP, y1 - y0) for _, y0, _, y1 in boxes]
    return join(*rails)


def _box(block: Block, box: list[float]) -> Markup:
    x0, y0, x1, y1 = box
    colour = _COLOURS[block.role]
    kind = "box apart" if block.role in _NOT_TEXT else "box"
    return _rect(kind, x0, y0, x1 - x0, y1 - y0, fill=colour, stroke=colour)


def _struck(box: list[float]) -> Markup:
    x0, y0, x1, y1 = box
    strike = tag("line", class_="strike", x1=_px(x0), y1=_px(y1), x2=_px(x1), y2=_px(y0))
    return join(_rect("gone", x0, y0, x1 - x0, y1 - y0), strike)


def _number(number: int, block: Block, box: list[float]) -> Markup:
    """Left of the box's first line, where the margin mostly is."""
    size = min(max((box[3] - box[1]) * 0.7, 6.0), 10.0)
    wide, tall = size * (0.62 * len(str(number)) + 0.7), size * 1.3
    x, y = max(box[0] - wide - 1, 1.0), box[1]
    pill = _rect("", x, y, wide, tall, fill=_COLOURS[block.role], rx=_px(tall / 3))
    label = tag("text", number, class_="number", x=_px(x + wide / 2), y=_px(y + tall * 0.77), font_size=_px(size))
    return join(pill, label)


def _foot(
    page: Page, reasons: Sequence[str], signals: Mapping[str, float | None], top: float, width: float
) -> tuple[Markup, float]:
    """The legend and the signals below the page, in as many columns as there is room for; and where they end."""
    legend, signals_ = _legend(page), _signals(reasons, signals)
    columns = max(int((width - 2 * _EDGE) // 200), 1)
    parts, y = [], top
    for cells in (legend, signals_):
        rows = -(-len(cells) // columns)
        pitch = (width - 2 * _EDGE) / columns
        for n, cell in enumerate(cells):
            x, line = _EDGE + n // max(rows, 1) * pitch, y + n % max(rows, 1) * _LINE
            parts.append(tag("g", cell, transform=f"translate({_px(x)} {_px(line)})"))
        y += rows * _LINE + 12
    return join(*parts), y + 4


def _legend(page: Page) -> list[Markup]:
    gone = suppressed_blocks(page)
    counts = Counter(block.role for block, covered in zip(page.blocks, gone, strict=True) if not covered)
    cells = [
        join(
            _rect("box apart" if role in _NOT_TEXT else "box", 0, 0, 14, 11, fill=colour, stroke=colour),
            _text(f"{role.replace('_', ' ')} ({counts[role]:,})", 21, 10),  # type: ignore[index]
        )
        for role, colour in _COLOURS.items()
        if counts[role]  # type: ignore[index]
    ]
    if any(gone):
        cells.append(join(_struck([0, 0, 14, 11]), _text(f"suppressed ({sum(gone):,})", 21, 10)))
    if page.blocks:
        cells.append(join(_rect("covered", 0, 3, 14, _STRIP), _text("columns and rows covered", 21, 10)))
    if len(page.blocks) > BOXES:
        cells.append(_text(f"the first {BOXES:,} are drawn", 0, 10, "quiet"))
    return cells


def _signals(reasons: Sequence[str], signals: Mapping[str, float | None]) -> list[Markup]:
    failed = {reason.partition(":")[0].removesuffix("_low").removesuffix("_high") for reason in reasons}
    cells = []
    for name in PAGE_METRIC_NAMES:
        value = signals.get(name)
        if value is not None:
            shown = f"{value:,.3f}".rstrip("0").rstrip(".")
            class_ = "dropped value" if name in failed else "value"
            number = tag("text", shown, class_=class_, x=46, y=10, text_anchor="end")
            cells.append(join(_text(name, 52, 10, "quiet"), number))
    return cells


def _rect(class_: str, x: float, y: float, width: float, height: float, **more: str | None) -> Markup:
    at = {"x": _px(x), "y": _px(y), "width": _px(width), "height": _px(height)}
    return tag("rect", class_=class_ or None, **at, **more)


def _text(text: str, x: float, y: float, class_: str = "") -> Markup:
    return tag("text", text, class_=class_ or None, x=_px(x), y=_px(y))


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
