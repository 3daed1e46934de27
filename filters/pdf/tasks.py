"""What the guarded process does with a PDF on disk: `open` it, `read` a page's text layer, `render` a page.

Every request names the file and stands alone, so that a page that kills the process costs nothing but itself.
"""

import json
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from filters.pdf import wire
from filters.pdf.encoding import legacy, usable
from filters.pdf.page import Block, Box, Line, Page

KIND = "pdf"  # of process, in the reasons of failures: pdf_timeout ...
UNKNOWN_GLYPHS = 0.02  # of the characters: the page is read again by glyph codes, which a font table may know
PIXELS = 40_000_000  # of a rendered page, at most; it is made coarser beyond


@lru_cache(maxsize=1)
def _document(path: str, changed: int) -> Any:
    import pymupdf

    return pymupdf.open(path, filetype="pdf")


def document(path: str) -> Any:
    """The open file; the last one stays open."""
    return _document(path, Path(path).stat().st_mtime_ns)


def open_(body: bytes, *, path: str) -> bytes:
    """Pages, or a problem with its reason where the file as a whole is of no use: encrypted, no_pages, malformed."""
    try:
        found = document(path)
        if found.needs_pass:
            return _problem("encrypted", "it needs a password; give a copy without one")
        pages = found.page_count
    except Exception as error:
        return _problem("malformed", f"no PDF that can be opened: {str(error).replace(path, 'the file')}")
    if not pages:
        return _problem("no_pages", "a PDF without pages")
    return _json({"pages": pages})


def _problem(reason: str, error: str) -> bytes:
    return _json({"pages": 0, "problem": reason, "error": error})


def read(body: bytes, *, path: str, number: int, expected: list[str]) -> bytes:
    """A page with its route and evidence; text in a legacy encoding is converted where a table exists.

    expected: scripts (Deva) of the languages that the PDF may be in; empty: not known.
    """
    from filters.pdf import text_layer  # PyMuPDF is in an extra; only this process needs it

    page, scripts = document(path)[number], frozenset(expected)
    layer = text_layer.read(page)
    verdict = _verdict(layer, scripts)
    if verdict.table is None and verdict.evidence["replacement"] >= UNKNOWN_GLYPHS:
        coded = text_layer.read(page, codes=True)
        if (second := _verdict(coded, scripts)).table:
            layer, verdict = coded, second
    layer.page.route = verdict.route
    if verdict.table:
        legacy.convert_page(layer.page, verdict.table)
    head = _json({"evidence": verdict.evidence, "table": verdict.table, "image_ratio": layer.image_ratio})
    return head + b"\n" + wire.dump(layer.page)


def _verdict(layer: Any, expected: frozenset[str]) -> usable.Verdict:
    return usable.route(layer.page, image_ratio=layer.image_ratio, hidden_ratio=layer.hidden_ratio, expected=expected)


def render(body: bytes, *, path: str, number: int, dpi: int) -> bytes:
    """8-bit grey pixels, row by row, behind a line of JSON: width and height in pixels, and the page's in points."""
    page = document(path)[number]
    pixels = _pixels(page, dpi)
    head = {"pixels": [pixels.width, pixels.height], "size": [page.rect.width, page.rect.height]}
    return _json(head) + b"\n" + bytes(pixels.samples)


def picture(body: bytes, *, path: str, number: int, dpi: int) -> bytes:
    """The page as a grey PNG."""
    return bytes(_pixels(document(path)[number], dpi).tobytes("png"))


def _pixels(page: Any, dpi: int) -> Any:
    import pymupdf

    zoom = min(dpi / 72, math.sqrt(PIXELS / max(1.0, page.rect.width * page.rect.height)))
    return page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csGRAY, alpha=False)


TASKS: dict[str, Callable[..., bytes]] = {"open": open_, "read": read, "render": render, "picture": picture}


def check(**_: object) -> None:
    """All arguments are ours."""


def warm() -> None:
    """Loads PyMuPDF and compiles the kernels before the first page's clock runs; keeps MuPDF's messages to itself."""
    import pymupdf

    box = Box(0, 0, 100, 10)
    usable.route(Page(0, 100, 10, [Block(box, [Line(box, "xqzj ½¾ ﻻ\ufffd" * 9)])]), image_ratio=0.0)

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
