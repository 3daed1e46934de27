"""The drawing of a page: what is in it, and that nothing a PDF holds gets out of its place."""

import base64
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from curate.page_image import BOXES, draw
from filters.pdf.page import Block, Box, Line, Page, Role
from filters.pdf.page_columns import PAGE_METRIC_NAMES

SVG = "{http://www.w3.org/2000/svg}"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=")
REASONS = ["vertical_coverage_low: 0.21 < 0.5", "box_overlap_high: 0.3 > 0.004"]


def _block(box: tuple[float, float, float, float], role: Role = "body") -> Block:
    return Block(Box(*box), [Line(Box(*box), "தமிழ் <script>")], role)


def _drawn(
    page: Page, tmp_path: Path, reasons: list[str] = REASONS, png: bytes | None = PNG, **signals: float
) -> ElementTree.Element:
    draw(page, png, reasons=reasons, signals=signals, path=tmp_path / "page.svg")
    return ElementTree.parse(tmp_path / "page.svg").getroot()


def _texts(root: ElementTree.Element, class_: str | None = None) -> list[str]:
    return [
        node.text or "" for node in root.iter(f"{SVG}text") if class_ is None or class_ in node.get("class", "").split()
    ]


def _rects(root: ElementTree.Element, class_: str) -> list[ElementTree.Element]:
    return [node for node in root.iter(f"{SVG}rect") if class_ in node.get("class", "").split()]


PAGE = Page(
    6, 600, 800,
    [
        _block((50, 20, 550, 40), "running_head"), _block((50, 60, 300, 90), "heading"), _block((50, 100, 290, 700)),
        _block((60, 110, 200, 200)), _block((310, 100, 550, 700)), _block((50, 720, 550, 760), "footnote"),
        _block((290, 770, 310, 785), "page_number"), _block((0, 0, 600, 800), "hidden"),
    ],
    language="tam_Taml",
)  # fmt: skip


def test_roles_order_suppressed_boxes_and_reasons(tmp_path: Path) -> None:
    root = _drawn(PAGE, tmp_path, vertical_coverage=0.21, box_overlap=0.3, characters=1234.0)
    legend = 1
    assert len(_rects(root, "box")) == 7 + 6, "boxes, and roles in the legend"
    assert len(_rects(root, "gone")) == len(list(root.iter(f"{SVG}line"))) == 1 + legend
    assert len(_rects(root, "apart")) == 2 * 3
    assert _texts(root, "number") == ["1", "2", "3", "4"], "running heads and what is suppressed are in no order"
    assert len({rect.get("fill") for rect in _rects(root, "box")}) == 5, "the three that repeat and the hidden are grey"
    texts = _texts(root)
    assert "Page 7 · tam_Taml · text, text layer" in texts
    assert texts.index(f"dropped: {REASONS[0]}") < texts.index(f"also: {REASONS[1]}")
    assert _texts(root, "dropped") == [f"dropped: {REASONS[0]}", "0.21", "0.3"], "the signals that dropped it stand out"
    assert "1,234" in texts and "suppressed (1)" in texts and "body (2)" in texts
    assert len(_rects(root, "covered")) == 2 * 6 + legend


def test_a_page_that_is_kept(tmp_path: Path) -> None:
    root = _drawn(PAGE, tmp_path, reasons=[])
    assert _texts(root, "kept") == ["kept"] and not _texts(root, "dropped")


def test_boxes_lie_where_they_lie_on_the_page(tmp_path: Path) -> None:
    root = _drawn(PAGE, tmp_path)
    sheet = {side: float(_rects(root, "sheet")[0].get(side, "")) for side in ("x", "y", "width", "height")}
    scale = sheet["width"] / 600
    body = _rects(root, "box")[2]
    got = [float(body.get(side, "")) for side in ("x", "y", "width", "height")]
    want = [sheet["x"] + 50 * scale, sheet["y"] + 100 * scale, 240 * scale, 600 * scale]
    assert got == pytest.approx(want, abs=0.11)
    image = next(root.iter(f"{SVG}image"))
    assert all(float(image.get(side, "")) == sheet[side] for side in sheet)
    assert base64.b64decode(image.get("href", "").removeprefix("data:image/png;base64,")) == PNG


def test_without_a_picture_there_is_a_sheet(tmp_path: Path) -> None:
    root = _drawn(PAGE, tmp_path, png=None)
    assert not list(root.iter(f"{SVG}image")) and len(_rects(root, "sheet")) == 1


def test_hostile_words_stay_text(tmp_path: Path) -> None:
    page = Page(
        0, 600, 800, [_block((0, 0, 5, 5))], engine='"/><script>alert(1)</script>', language="\u202e\x00\ud800</text>"
    )
    root = _drawn(page, tmp_path, reasons=["<b onclick='x'>" + "ക" * 5000])
    known = {"svg", "style", "rect", "text", "image", "g", "line", "path"}
    assert {node.tag.removeprefix(SVG) for node in root.iter()} <= known
    assert not [name for node in root.iter() for name in node.attrib if name.startswith("on")]
    title, reason = _texts(root)[:2]
    assert "<script>" in title and "⟦U+202E⟧␀⟦U+D800⟧" in title
    assert len(reason) < 100 and reason.startswith("dropped: <b onclick='x'>")


@pytest.mark.parametrize("size", [(math.nan, 800.0), (0.0, 0.0), (2.8e6, 10.0), (1.0, 1e7), (math.inf, math.inf)])
def test_strange_pages_have_a_size_that_can_be_shown(size: tuple[float, float], tmp_path: Path) -> None:
    strange = [(math.nan, 0, 1, 1), (math.inf, -math.inf, 5, 5), (90, 90, 10, 10), (-1e300, 0, 1e300, 9)]
    root = _drawn(Page(0, *size, [_block(box) for box in strange]), tmp_path)
    assert 300 < float(root.get("width", "")) < 1200 and 100 < float(root.get("height", "")) < 1500
    numbers = [node.get(side, "0") for node in root.iter() for side in ("x", "y", "width", "height")]
    assert all(math.isfinite(float(number)) for number in numbers)
    assert all(float(node.get(side, "0")) >= 0 for node in root.iter() for side in ("width", "height"))


def test_of_a_hundred_thousand_boxes_the_first_are_drawn(tmp_path: Path) -> None:
    blocks = [_block((n % 300 * 2, n // 300 * 2, n % 300 * 2 + 1, n // 300 * 2 + 1)) for n in range(100_000)]
    root = _drawn(Page(0, 600, 800, blocks), tmp_path)
    assert len(_rects(root, "box")) == BOXES + 1 and f"the first {BOXES:,} are drawn" in _texts(root)
    assert "body (100,000)" in _texts(root)


def test_every_signal_that_a_page_has_is_written_below_it(tmp_path: Path) -> None:
    root = _drawn(PAGE, tmp_path, **dict.fromkeys(PAGE_METRIC_NAMES, 0.125))
    assert [text for text in _texts(root, "quiet") if text in PAGE_METRIC_NAMES] == list(PAGE_METRIC_NAMES)
    assert _texts(root, "value").count("0.125") == len(PAGE_METRIC_NAMES)
