"""The text layer of a PDF's page: PyMuPDF's lines with box, font, size and direction, as the page is shown."""

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pymupdf

from filters.pdf.layout.paragraphs import RIGHT_TO_LEFT, letter_direction, spaceless
from filters.pdf.layout.reading_order import layout
from filters.pdf.page import Block, Box, Line, Page, Word, enclosing

# Not among them: ligatures as one code point, and glyph numbers where the Unicode is not known, which then is U+FFFD
_FLAGS = pymupdf.TEXT_MEDIABOX_CLIP
_IMAGE = 1  # type of a block
_SCAN = 0.5  # of the page under images: invisible text is an OCR engine's reading of them
_GRID = 64  # rows and columns that the share of images is counted on
_STACKED = 20  # lines of one letter, at least, that may be vertical writing
_SPACE = 0.25  # em

_RIGHT_TO_LEFT = re.compile(f"[{RIGHT_TO_LEFT}]")
_RUN = re.compile(
    rf"(?P<right>[{RIGHT_TO_LEFT}]+(?:[^\w{RIGHT_TO_LEFT}]+[{RIGHT_TO_LEFT}]+)*)|(?P<left>[^\W{RIGHT_TO_LEFT}]+(?:[^\w{RIGHT_TO_LEFT}\s]+[^\W{RIGHT_TO_LEFT}]+)*)|"
    rf"[^\w{RIGHT_TO_LEFT}]+"
)
# Vowel signs of nine Indic scripts, which have their blocks laid out alike. PyMuPDF reads some twice in files of Skia
_DOUBLED = re.compile("([" + "".join(f"{chr(b + 0x3E)}-{chr(b + 0x4C)}" for b in range(0x900, 0xD80, 0x80)) + r"])\1+")


@dataclass(slots=True)
class Layer:
    page: Page
    image_ratio: float  # of the page, covered by images; 0..1
    hidden_ratio: float  # of the characters, drawn without ink (render mode 3, or transparent); 0..1


def read_page(page: pymupdf.Page, *, words: bool = False) -> Page:
    return read(page, words=words).page


def read(page: pymupdf.Page, *, words: bool = False, codes: bool = False) -> Layer:
    """The page in reading order. Invisible text is the page's text where images cover the page, else of role hidden.

    words: also the boxes of words. codes: a glyph of unknown meaning as the code point of its number, for fonts whose
    encoding is known otherwise, not as U+FFFD. Raises what PyMuPDF raises on a page that it cannot run.
    """
    text, images = _textpage(page, codes)
    shown, hidden = _lines(page, text, words)
    width, height = page.rect.width, page.rect.height
    layer = Layer(Page(page.number, width, height, []), _covered(images, page.rect), 0.0)
    if hidden:
        unseen, seen = (sum(len(line.text) for line in lines) for lines in (hidden, shown))
        layer.hidden_ratio = unseen / (unseen + seen)
        if layer.image_ratio >= _SCAN and unseen >= seen:
            shown, hidden = shown + hidden, []
    layer.page.blocks = layout(shown, width, height) + _unseen(hidden, width, height)
    return layer


def lines_of(page: pymupdf.Page, *, words: bool = False) -> list[Line]:
    """All lines in the order of the file, the invisible ones last. A line of print may come in pieces."""
    text, _ = _textpage(page)
    shown, hidden = _lines(page, text, words)
    return shown + hidden


def _textpage(page: pymupdf.Page, codes: bool = False) -> tuple[pymupdf.TextPage, list[Box]]:
    """And the images' boxes. `extractDICT` encodes the images that its textpage holds, so it gets one without."""
    flags = _FLAGS | (pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE if codes else 0)
    text = page.get_textpage(flags=flags | pymupdf.TEXT_PRESERVE_IMAGES)
    # Not by extractBLOCKS, which leaks the text (PyMuPDF 2.0)
    found = [block.m_internal for block in text.this if block.m_internal.type == _IMAGE]
    if not found:
        return text, []
    matrix = page.rotation_matrix if page.rotation else None
    boxes = [raw.bbox for raw in found]
    images = [_moved(Box(box.x0, box.y0, box.x1, box.y1), matrix) for box in boxes]
    return page.get_textpage(flags=flags), images


def _unseen(lines: list[Line], width: float, height: float) -> list[Block]:
    blocks = layout(lines, width, height) if lines else []
    for block in blocks:
        block.role = "hidden"
    return blocks


def _covered(images: list[Box], page: Any) -> float:
    rows = [0] * _GRID
    across, down = _GRID / max(page.width, 1e-6), _GRID / max(page.height, 1e-6)
    for x0, y0, x1, y1 in images:
        left, right = _cell(x0 * across), _cell(x1 * across)
        cells = ((1 << max(right - left, 0)) - 1) << left
        for row in range(_cell(y0 * down), _cell(y1 * down)):
            rows[row] |= cells
    return sum(row.bit_count() for row in rows) / _GRID**2


def _cell(value: float) -> int:
    return round(min(max(value, 0.0), float(_GRID))) if value == value else 0


# --- lines -------------------------------------------------------------------------------------------------------------


def _lines(page: pymupdf.Page, textpage: pymupdf.TextPage, words: bool) -> tuple[list[Line], list[Line]]:
    """Shown and invisible ones."""
    matrix = page.rotation_matrix if page.rotation else None
    found = _words(textpage, matrix) if words else None
    shown: list[Line] = []
    hidden: list[Line] = []
    alone = 0
    for block in textpage.extractDICT()["blocks"]:
        for at, raw in enumerate(block["lines"]):
            spans = raw["spans"]
            line = _line_of(raw, spans[0]) if len(spans) == 1 else _line_of_spans(raw, spans)
            if line is None:
                continue
            if matrix is not None:
                line.box, line.direction = _moved(line.box, matrix), _turned(line.direction, matrix)
            if words or "   " in line.text:  # a run of spaces may bridge two columns
                found = _words(textpage, matrix) if found is None else found
                line.words = found.get((block["number"], at), [])
            alone += len(line.text) == 1
            (hidden if spans[-1]["alpha"] == 0 and spans[0]["alpha"] == 0 else shown).append(line)
    if alone >= _STACKED and alone * 2 > len(shown):
        shown = _stacked(shown)
    return shown, hidden


def _line_of(raw: dict[str, Any], span: dict[str, Any]) -> Line | None:
    text: str = span["text"]
    bare = text.strip()
    if not bare:
        return None
    if not text.isascii() and _RIGHT_TO_LEFT.search(text):
        bare = _logical([span]).strip()
    box = raw["bbox"]
    if len(bare) < len(text):
        box = _trimmed(box, text, bare, span["size"])
    return Line(Box(*box), bare, span["font"], span["size"], raw["dir"])


def _line_of_spans(raw: dict[str, Any], spans: list[dict[str, Any]]) -> Line | None:
    text = "".join([span["text"] for span in spans])
    if not text or text.isspace():
        return None
    box = raw["bbox"]
    if text[0].isspace() or text[-1].isspace():
        inked = [span for span in spans if not span["text"].isspace()]
        box = enclosing([Box(*span["bbox"]) for span in inked])
    if not text.isascii() and _RIGHT_TO_LEFT.search(text):
        text = _logical(spans)
    font, size = _type(spans)
    return Line(Box(*box), text.strip(), font, size, raw["dir"])


def _type(spans: list[dict[str, Any]]) -> tuple[str, float]:
    """Font and size of most characters."""
    counts: dict[tuple[str, float], int] = {}
    for span in spans:
        key = span["font"], span["size"]
        counts[key] = counts.get(key, 0) + len(span["text"])
    if len(counts) == 1:
        return next(iter(counts))
    return max(counts, key=counts.__getitem__)


def _trimmed(box: Any, text: str, bare: str, size: float) -> Any:
    """Without the room of spaces at the ends, as far as it is known."""
    x0, y0, x1, y1 = box
    if x1 - x0 < y1 - y0:
        return box
    before = len(text) - len(text.lstrip())
    left, right = x0 + before * _SPACE * size, x1 - (len(text) - len(bare) - before) * _SPACE * size
    return (left, y0, right, y1) if left < right else box


# --- scripts from the right --------------------------------------------------------------------------------------------


def _logical(spans: list[dict[str, Any]]) -> str:
    """The line's text in the order of reading.

    PyMuPDF turns runs of right-to-left letters round, but leaves the runs as the file draws them: in logical order in
    most files, from the left in those of Skia (Chromium, Android). There a line of such letters is put in order here.
    """
    text = "".join([span["text"] for span in spans])
    if letter_direction([text]) >= 0 or not _from_left(spans):
        return text
    return "".join(_reordered(_runs(spans)))


def _from_left(spans: list[dict[str, Any]]) -> bool:
    """Whether what comes first in the text stands on the left."""
    inked = [span for span in spans if not span["text"].isspace()]
    if len(inked) > 1:
        places = [span["bbox"] for span in inked]
        return sum((one[0] <= other[0]) + (one[2] <= other[2]) - 1 for one, other in pairwise(places)) > 0
    [span] = inked
    x0, _, x1, _ = span["bbox"]
    first = span["origin"][0]
    if _RIGHT_TO_LEFT.match(span["text"]):
        return bool(x1 - first > 2 * span["size"])
    return bool(first - x0 < x1 - first)


def _runs(spans: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Texts with their kinds; a right-to-left run that goes on in the next span, on its left, is one."""
    runs: list[tuple[str, int]] = []
    before = -math.inf
    for span in spans:
        left = span["bbox"][0]
        for at, run in enumerate(_RUN.finditer(span["text"])):
            kind = _kind(run)
            if at == 0 and left < before and kind < 0 and runs[-1][1] < 0:
                runs[-1] = runs[-1][0] + run[0], kind
            else:
                runs.append((run[0], kind))
        before = left
    return runs


def _kind(run: re.Match[str]) -> int:
    """-1: right-to-left letters, 1: others or digits, 0: neither."""
    return {"right": -1, "left": 1}.get(run.lastgroup or "", 0)


def _reordered(runs: list[tuple[str, int]]) -> list[str]:
    """From the order on the page, left to right, to that of a right-to-left line: rule L2 of UAX #9, backwards."""
    found: list[str] = []
    turned = [(text if kind else text[::-1], kind) for text, kind in reversed(runs)]
    at = 0
    while at < len(turned):
        end = last = at
        while end < len(turned) and turned[end][1] >= 0:  # from the first run of other letters to the last
            last = end if turned[end][1] > 0 else last
            end += 1
        if turned[at][1] > 0:
            found += [text if kind else text[::-1] for text, kind in reversed(turned[at : last + 1])]
            at = last + 1
        else:
            found.append(turned[at][0])
            at += 1
    return found


# --- vertical writing ----------------------------------------------------------------------------------------------------


def _stacked(lines: list[Line]) -> list[Line]:
    """Lines of one letter under each other, as vertical Chinese and Japanese comes, made lines that run downwards."""
    stacks: list[list[Line]] = []
    for line in lines:
        if stacks and _below(stacks[-1][-1], line):
            stacks[-1].append(line)
        else:
            stacks.append([line])
    return [stack[0] if len(stack) == 1 else _vertical(stack) for stack in stacks]


def _below(one: Line, other: Line) -> bool:
    if len(one.text) > 1 or len(other.text) > 1 or not (spaceless(one.text) or spaceless(other.text)):
        return False
    side = max(one.box.x1 - one.box.x0, one.box.y1 - one.box.y0)
    same = abs(one.box.x0 + one.box.x1 - other.box.x0 - other.box.x1) < side
    return same and -0.5 * side < other.box.y0 - one.box.y1 < side


def _vertical(stack: list[Line]) -> Line:
    words = [word for line in stack for word in line.words]
    box, text = enclosing([line.box for line in stack]), "".join(line.text for line in stack)
    return Line(box, text, stack[0].font, stack[0].size, (0.0, 1.0), words)


# --- words and rotation --------------------------------------------------------------------------------------------------


def _words(textpage: pymupdf.TextPage, matrix: Any) -> dict[tuple[int, int], list[Word]]:
    """By block and line of `extractDICT`."""
    found: dict[tuple[int, int], list[Word]] = {}
    for x0, y0, x1, y1, text, block, line, _ in textpage.extractWORDS():
        found.setdefault((block, line), []).append(Word(_moved(Box(x0, y0, x1, y1), matrix), text))
    return found


def _moved(box: Box, matrix: Any) -> Box:
    """As the page is shown."""
    if matrix is None:
        return box
    a, b, c, d, e, f = matrix
    x0, y0, x1, y1 = box
    xs, ys = (a * x0 + c * y0 + e, a * x1 + c * y1 + e), (b * x0 + d * y0 + f, b * x1 + d * y1 + f)
    return Box(min(xs), min(ys), max(xs), max(ys))


def _turned(direction: tuple[float, float], matrix: Any) -> tuple[float, float]:
    a, b, c, d, _, _ = matrix
    cosine, sine = direction
    return a * cosine + c * sine, b * cosine + d * sine
