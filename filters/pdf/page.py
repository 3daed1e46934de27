"""A page as boxes: words in lines in blocks. What PyMuPDF and the OCR engines make, and all that follows reads.

Coordinates are points (1/72 inch) of the page as it is shown: its rotation applied, the origin at the top left, y down.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

# What a page's text layer is worth. text: as it is; legacy: a font with an encoding of its own, convertible or not;
# broken: characters that are not those shown; scan: text only in pictures; blank: nothing to read
Route = Literal["text", "legacy", "broken", "scan", "blank"]
# running_head, running_foot and page_number repeat from page to page and are no text of the document, nor is hidden
# (of no visible ink); footnote is, apart from the body
Role = Literal[
    "body",
    "heading",
    "table",
    "caption",
    "sidebar",
    "footnote",
    "running_head",
    "running_foot",
    "page_number",
    "hidden",
]


class Box(NamedTuple):
    """x0 <= x1, y0 <= y1, whatever the order of the vertices it was made from."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def area(self) -> float:
        return (self.x1 - self.x0) * (self.y1 - self.y0)


def enclosing(boxes: "list[Box]") -> Box:
    """The smallest box around `boxes`, of which there is at least one."""
    return Box(min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes))


@dataclass(slots=True)
class Word:
    box: Box
    text: str
    confidence: float | None = None  # 0..1, from an OCR engine


@dataclass(slots=True)
class Line:
    box: Box
    text: str
    font: str = ""  # of most of its characters; "" where not known
    size: float = 0.0  # points, the same
    direction: tuple[float, float] = (1.0, 0.0)  # cosine and sine of the writing direction, y down
    words: list[Word] = field(default_factory=list)  # may be empty where nobody asked


@dataclass(slots=True)
class Block:
    """A paragraph: the unit of the box rules."""

    box: Box
    lines: list[Line]
    role: Role = "body"


@dataclass(slots=True)
class Page:
    number: int  # from 0
    width: float  # points
    height: float
    blocks: list[Block]  # in reading order
    route: Route = "text"
    engine: str | None = None  # tesseract, paddle; None: the text layer
    language: str = "und_Zzzz"  # of its text
