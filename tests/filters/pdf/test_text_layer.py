"""The text layer: boxes as shown, directions, invisible text, images, right-to-left lines; on PDFs made here."""

import math
import time
from pathlib import Path

import pymupdf
import pytest

from filters.pdf.layout.join import page_text
from filters.pdf.page import Box
from filters.pdf.text_layer import lines_of, read, read_page
from tests.filters.pdf.typeset import Sheet, need_chromium, typeset

PICTURE = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 8, 8), False)


def document(width: float = 600, height: float = 800) -> tuple[pymupdf.Document, pymupdf.Page]:
    made = pymupdf.open()
    return made, made.new_page(width=width, height=height)


def reopened(made: pymupdf.Document) -> pymupdf.Page:
    page = pymupdf.open(stream=made.tobytes(), filetype="pdf")[0]
    return page


def columns(page: pymupdf.Page) -> list[str]:
    """Written row by row, as PyMuPDF then reads it."""
    for row in range(20):
        for x, name in ((50, "left"), (310, "right")):
            page.insert_text((x, 100 + 14 * row), f"{name}{row} has these words in its line", fontsize=11)
    return [f"{name}{row}" for name in ("left", "right") for row in range(20)]


def test_lines_have_box_font_size_and_direction() -> None:
    made, page = document()
    page.insert_text((100, 200), "Some words here", fontsize=12, fontname="tiro")
    [line] = lines_of(reopened(made))
    assert line.text == "Some words here" and "Times" in line.font and line.size == 12 and line.direction == (1, 0)
    assert line.box.x0 == pytest.approx(100, abs=1) and line.box.y0 < 200 - 8 < 200 < line.box.y1 < 205
    assert line.words == []


def test_words_have_boxes_inside_their_line() -> None:
    made, page = document()
    page.insert_text((100, 200), "Some words here")
    [line] = lines_of(reopened(made), words=True)
    assert [word.text for word in line.words] == ["Some", "words", "here"]
    assert all(line.box.x0 - 1 <= w.box.x0 < w.box.x1 <= line.box.x1 + 1 for w in line.words)
    [block] = read_page(reopened(made), words=True).blocks
    assert [word.text for word in block.lines[0].words] == ["Some", "words", "here"]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_page_shown_turned(rotation: int) -> None:
    """Text that stands upright when shown, on a page with /Rotate: the same boxes whatever the rotation."""
    made, page = document(*((600, 800) if rotation % 180 == 0 else (800, 600)))
    page.set_rotation(rotation)
    for row in range(20):
        for x, name in ((50, "left"), (310, "right")):
            point = pymupdf.Point(x, 100 + 14 * row) * page.derotation_matrix
            page.insert_text(point, f"{name}{row} has these words in its line", rotate=rotation)
    layer = read(reopened(made))
    assert (layer.page.width, layer.page.height) == (600, 800)
    lines = [line for block in layer.page.blocks for line in block.lines]
    assert [line.text.split()[0] for line in lines] == [f"{n}{row}" for n in ("left", "right") for row in range(20)]
    assert all(math.dist(line.direction, (1, 0)) < 1e-6 for line in lines)
    assert lines[0].box.x0 == pytest.approx(50, abs=2) and lines[0].box.y1 == pytest.approx(103, abs=3)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_text_written_on_its_side(turn: int) -> None:
    made, page = document()
    for row in range(8):
        along = 100 + 14 * row
        point = {90: (along, 700), 180: (500, 700 - along), 270: (500 - along, 100)}[turn]
        page.insert_text(point, f"line{row} of the text that lies", rotate=turn)
    found = page_text(read_page(reopened(made)).blocks).split()
    assert [word for word in found if word.startswith("line")] == [f"line{row}" for row in range(8)]


def test_columns_written_row_by_row() -> None:
    made, page = document()
    expected = columns(page)
    found = page_text(read_page(reopened(made)).blocks).split()
    assert [word for word in found if word[0] in "lr" and word[-1].isdigit()] == expected


def test_a_gutter_filled_with_spaces() -> None:
    made, page = document()
    for row in range(20):
        page.insert_text(
            (50, 100 + 14 * row),
            f"left{row:02} has these words" + " " * 8 + f"right{row:02} has those",
            fontname="cour",
            fontsize=10,
        )
    found = page_text(read_page(reopened(made)).blocks).split()
    expected = [f"{name}{row:02}" for name in ("left", "right") for row in range(20)]
    assert [word for word in found if word[-1].isdigit()] == expected


def test_an_ocr_layer_is_the_text_of_a_scan() -> None:
    made, page = document()
    page.insert_image(page.rect, pixmap=PICTURE, keep_proportion=False)
    for row in range(5):
        page.insert_text((50, 100 + 14 * row), f"recognised line {row}", render_mode=3)
    layer = read(reopened(made))
    assert layer.image_ratio > 0.99 and layer.hidden_ratio == 1
    assert "recognised line 4" in page_text(layer.page.blocks)


def test_invisible_text_of_a_page_of_text_is_hidden() -> None:
    made, page = document()
    columns(page)
    page.insert_text((50, 600), "invisible words to be found by search engines", render_mode=3)
    layer = read(reopened(made))
    assert 0 < layer.hidden_ratio < 0.2 and layer.image_ratio == 0
    assert [block.role for block in layer.page.blocks].count("hidden") == 1
    assert "invisible" not in page_text(layer.page.blocks)


def test_the_share_of_images_counts_a_place_once_and_the_page_alone() -> None:
    made, page = document()
    for _ in range(3):
        page.insert_image(pymupdf.Rect(0, 0, 300, 800), pixmap=PICTURE, keep_proportion=False)
    page.insert_image(pymupdf.Rect(500, 700, 900, 1200), pixmap=PICTURE, keep_proportion=False)
    assert read(reopened(made)).image_ratio == pytest.approx(0.5 + 100 * 100 / (600 * 800), abs=0.02)


RIGHT_TO_LEFT = (
    "ذهب الولد إلى المدرسة 12 مرة في سنة 2019، ثم عاد.",
    "המשרד פתוח בימים 3 עד 5, בין השעות 10:30 ו-16:00.",
    "בשנת 1987 נוסדה החברה Acme Trading Ltd בתל אביב.",
    "اس سال ۲۰۲۴ میں تین کتابیں چھپیں۔",
)


def test_lines_drawn_from_the_left_are_put_in_order(tmp_path: Path) -> None:
    """Skia draws right-to-left words from the left of the page; numbers and Latin words between them run the other way."""
    need_chromium()
    sheet = Sheet("he", RIGHT_TO_LEFT, right_to_left=True)
    with pymupdf.open(typeset([sheet], tmp_path)) as made:
        texts = [line.text for block in read_page(made[0]).blocks for line in block.lines]
    assert texts == list(RIGHT_TO_LEFT)


def test_what_is_printed_twice_to_look_bold_is_one() -> None:
    made, page = document()
    for offset in (0, 0.3, 0.6):
        page.insert_text((100 + offset, 100), "A bold line of the text")
    page.insert_text((100, 130), "A bold line of the text")
    assert page_text(read_page(reopened(made)).blocks).count("bold") == 2


@pytest.mark.parametrize("side", [14_400, 2_834_646])
def test_a_page_a_kilometre_wide(side: float) -> None:
    made, page = document(side, 800)
    page.insert_text((50, 100), "a word at its beginning")
    page.insert_text((side - 500, 100), "and words at its end")
    found = page_text(read_page(reopened(made)).blocks)
    assert "a word at its beginning" in found


def test_a_page_of_very_many_glyphs_costs_what_pymupdf_costs() -> None:
    made, page = document()
    text = "a few words in a line of text that goes on " * 4
    writer = pymupdf.TextWriter(page.rect)
    for row in range(1200):
        writer.append((5, 5 + row * 0.66), f"{row} {text}", fontsize=3)
    writer.write_text(page)
    made = pymupdf.open(stream=made.tobytes(), filetype="pdf")
    page = made[0]
    page.get_text("dict")
    start = time.process_time()
    page.get_text("dict")
    theirs = time.process_time()
    layer = read(page)
    ours = time.process_time() - theirs
    assert sum(len(line.text) for block in layer.page.blocks for line in block.lines) > 100_000
    assert ours < 4 * (theirs - start) + 0.1


def test_pages_without_anything() -> None:
    made, _ = document()
    layer = read(reopened(made))
    assert layer.page.blocks == [] and layer.image_ratio == layer.hidden_ratio == 0
    made, page = document()
    page.insert_image(pymupdf.Rect(100, 100, 200, 200), pixmap=PICTURE)
    assert read(reopened(made)).page.blocks == []


@pytest.mark.shared
def test_every_page_of_the_shared_set(shared: Path) -> None:
    """Of the first ten of each file: no line of the text is lost, boxes are boxes, and most stand on the page."""
    looked = 0
    for path in sorted((shared / "pdf").glob("*.pdf")):
        with pymupdf.open(path) as found:
            if found.needs_pass or "issue-842" in path.name or "duplicate" in path.name:  # printed twice or more
                continue
            for page in list(found)[:10]:
                looked += 1
                blocks = read_page(page).blocks
                boxes = [line.box for block in blocks for line in block.lines]
                assert all(b.x0 <= b.x1 and b.y0 <= b.y1 for b in boxes), path.name
                ours = sorted("".join(page_text(blocks, every_role=True).split()))
                theirs = sorted("".join("".join(line.text for line in lines_of(page)).split()))
                assert len(ours) >= 0.97 * len(theirs), (path.name, page.number)
                inside = Box(-5, -5, page.rect.width + 5, page.rect.height + 5)
                out = [b for b in boxes if b.x1 < inside.x0 or b.x0 > inside.x1 or b.y1 < inside.y0 or b.y0 > inside.y1]
                assert len(out) <= 0.02 * len(boxes) + 1, (path.name, page.number)
    assert looked > 200
