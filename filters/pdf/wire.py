"""A page as JSON, from the process that parses to the one that measures; and the text of a page that came so."""

import json
import math
from typing import Any

from filters.pdf.page import Block, Box, Line, Page, Word

_LARGEST = 1e7  # points; beyond it a coordinate is nonsense


def dump(page: Page) -> bytes:
    """UTF-8 JSON. Lone surrogates, which fonts can yield, become U+FFFD; coordinates are rounded to 1/100 point."""
    value = {
        "number": page.number,
        "size": [_number(page.width), _number(page.height)],
        "route": page.route,
        "engine": page.engine,
        "blocks": [[_box(b.box), b.role, [_line(line) for line in b.lines]] for b in page.blocks],
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def load(data: bytes) -> Page:
    return page_of(json.loads(data))


def page_of(value: dict[str, Any]) -> Page:
    blocks = [Block(Box(*box), [_line_of(line) for line in lines], role) for box, role, lines in value["blocks"]]
    width, height = value["size"]
    return Page(value["number"], width, height, blocks, route=value["route"], engine=value["engine"])


def _number(value: float) -> float:
    return round(min(max(value, -_LARGEST), _LARGEST), 2) if math.isfinite(value) else 0.0


def _box(box: Box) -> list[float]:
    return [_number(value) for value in box]


def _line(line: Line) -> list[Any]:
    words = [[_box(word.box), word.text, word.confidence] for word in line.words if word.confidence is not None]
    return [_box(line.box), line.text, line.font, _number(line.size), [_number(d) for d in line.direction], words]


def _line_of(value: list[Any]) -> Line:
    box, text, font, size, (cosine, sine), words = value
    found = [Word(Box(*inner), word, confidence) for inner, word, confidence in words]
    return Line(Box(*box), text, font, size, (cosine, sine), found)
