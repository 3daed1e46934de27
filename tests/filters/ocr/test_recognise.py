"""Pages typeset with known text, however they lie, read by the real engines; and pages with nothing to read."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from filters.ocr.engine import Engine, EngineError, EngineTimeoutError, Image, line_of
from filters.ocr.paddle import Paddle
from filters.ocr.recognise import LARGEST_SIDE, _pieces, recognise
from filters.ocr.tesseract import Tesseract
from filters.ocr.upright import Turn, ink, lie, shrink
from filters.pdf.layout.join import page_text
from filters.pdf.page import Box, Line, Page, Word
from tests.benchmarks.ocr import error_rate, raster, turned
from tests.filters.ocr.models import need_paddle, need_tesseract
from tests.filters.pdf.typeset import HEIGHT, WIDTH, Sheet, need_chromium, typeset

SAMPLES = Path(__file__).parents[2] / "samples" / "pages"
DPI = 150
# Characters in a hundred that the engine may get wrong with these fonts and at this resolution; out of order it is 60
LANGUAGES = {
    "hin_Deva": ("hi", 5),
    "tam_Taml": ("ta", 5),
    "ben_Beng": ("bn", 8),
    "urd_Arab": ("ur", 12),
    "eng_Latn": ("en", 2),
    "cmn_Hani": ("zh-Hans", 5),
}
TURNS = (90.0, 180.0, 270.0, -3.0)


def sheet(label: str, columns: int) -> Sheet:
    tag, _ = LANGUAGES[label]
    articles = tomllib.loads((SAMPLES / f"{label}.toml").read_text("utf-8"))["article"]
    text = "\n".join(article["text"] for article in articles[:2])
    return Sheet(
        tag, tuple(line for line in text.split("\n") if line), columns, right_to_left=tag == "ur", style="justified"
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Image, str]]]:
    """By language, in one column and in two: the image and its text."""
    need_chromium()
    sheets = [sheet(label, columns) for label in LANGUAGES for columns in (1, 2)]
    with pymupdf.open(typeset(sheets, tmp_path_factory.mktemp("pages"))) as document:
        assert len(document) == len(sheets)
        images = [raster(page, DPI) for page in document]
    return {
        label: [(images[at], sheets[at].text), (images[at + 1], sheets[at + 1].text)]
        for label, at in zip(LANGUAGES, range(0, len(sheets), 2), strict=True)
    }


def read(image: Image, engine: Engine, label: str) -> Page:
    high, wide = (side * 72 / DPI for side in image.shape)
    return recognise(image, engine=engine, languages=(label,), width=wide, height=high)


def engine_of(label: str) -> Engine:
    if label in ("eng_Latn", "cmn_Hani"):
        return Paddle(need_paddle())
    need_tesseract(label)
    return Tesseract()


def wrong(page: Page, text: str, label: str) -> float:
    return 100 * error_rate(text, page_text(page.blocks), spaces=label != "cmn_Hani")


@pytest.mark.parametrize("label", LANGUAGES)
def test_columns_are_read_in_order(pages: dict[str, list[tuple[Image, str]]], label: str) -> None:
    engine = engine_of(label)
    for image, text in pages[label]:
        page = read(image, engine, label)
        assert page.route == "scan" and page.engine == engine.name
        assert wrong(page, text, label) <= LANGUAGES[label][1]


@pytest.mark.parametrize(
    ("label", "degrees"),
    [
        *((("hin_Deva"), each) for each in TURNS),
        ("tam_Taml", 180.0),
        ("urd_Arab", 90.0),
        ("urd_Arab", 180.0),
        ("eng_Latn", 180.0),
        ("cmn_Hani", 90.0),
    ],
)
def test_a_page_is_read_however_it_lies(pages: dict[str, list[tuple[Image, str]]], label: str, degrees: float) -> None:
    engine = engine_of(label)
    image, text = pages[label][1]
    page = read(turned(image, degrees), engine, label)
    assert wrong(page, text, label) <= LANGUAGES[label][1]
    [direction] = {line.direction for block in page.blocks for line in block.lines}
    expected = math.cos(math.radians(degrees)), -math.sin(math.radians(degrees))  # y grows downwards
    assert direction == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("degrees", [0.0, *TURNS])
def test_boxes_are_where_the_words_are_on_the_page_as_shown(
    pages: dict[str, list[tuple[Image, str]]], degrees: float
) -> None:
    """The ink that is inside the boxes of words, and what the boxes hold."""
    need_tesseract("hin_Deva")
    image = turned(pages["hin_Deva"][1][0], degrees)
    page = read(image, Tesseract(), "hin_Deva")
    inside = np.zeros(image.shape, bool)
    for word in (word for block in page.blocks for line in block.lines for word in line.words):
        x0, y0, x1, y1 = (round(at * DPI / 72) for at in word.box)
        assert 0 <= x0 < x1 <= image.shape[1] and 0 <= y0 < y1 <= image.shape[0] and 0 <= (word.confidence or 0) <= 1
        inside[y0:y1, x0:x1] = True
    dark = image < 128
    assert (dark & inside).sum() > 0.9 * dark.sum() and inside.mean() < 0.35
    for block in page.blocks:
        assert all(0 <= line.box.x0 < line.box.x1 <= page.width for line in block.lines)


def test_a_page_light_on_dark(pages: dict[str, list[tuple[Image, str]]]) -> None:
    need_tesseract("ben_Beng")
    image, text = pages["ben_Beng"][1]
    assert wrong(read(255 - image, Tesseract(), "ben_Beng"), text, "ben_Beng") <= 10


def test_a_larger_image_is_the_same_page(pages: dict[str, list[tuple[Image, str]]]) -> None:
    need_tesseract("hin_Deva")
    image, text = pages["hin_Deva"][0]
    large = np.kron(image, np.ones((4, 4), np.uint8))
    assert max(large.shape) > LARGEST_SIDE
    page = recognise(large, engine=Tesseract(), languages=("hin_Deva",), width=WIDTH, height=HEIGHT)
    assert wrong(page, text, "hin_Deva") <= 5
    assert page.blocks[0].box.x0 == pytest.approx(50, abs=3) and page.blocks[0].box.x1 <= 547


class Never:
    """An engine that must not be asked."""

    name = "never"
    languages = frozenset({"hin_Deva"})

    def words(self, image: Image, languages: tuple[str, ...]) -> list[Line]:
        raise AssertionError(image.shape)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 0), np.uint8),
        np.zeros((0, 9), np.uint8),
        np.zeros((800, 600), np.uint8),
        np.full((800, 600), 255, np.uint8),
        np.full((800, 600, 3), 90, np.uint8),
        np.full((50, 20_000), 7, np.uint8),
    ],
)
def test_blank_pages_are_not_given_to_the_engine(image: Image) -> None:
    page = recognise(image, engine=Never(), languages=("hin_Deva",), width=600, height=800)
    assert (page.blocks, page.route, page.width, page.height) == ([], "blank", 600, 800)


@pytest.mark.parametrize("size", [(0, 800), (-1, 800), (600, math.nan), (math.inf, 800)])
def test_a_page_without_a_size(size: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="not the size of a page"):
        recognise(np.zeros((9, 9), np.uint8), engine=Never(), languages=("hin_Deva",), width=size[0], height=size[1])


def test_noise_a_single_dot_and_a_strip_of_a_page() -> None:
    need_tesseract("hin_Deva")
    noise = np.random.default_rng(1).integers(0, 256, (400, 300), np.uint8)
    dot = np.full((400, 300), 255, np.uint8)
    dot[200:203, 100:103] = 0
    strip = np.full((30, 20_000), 255, np.uint8)
    strip[10:20, ::50] = 0
    for image in (noise, dot, strip):
        page = recognise(image, engine=Tesseract(), languages=("hin_Deva",), width=300, height=400)
        assert all(0 <= at <= 400 for block in page.blocks for at in block.box)


def test_errors_of_the_engine_are_the_callers(pages: dict[str, list[tuple[Image, str]]]) -> None:
    need_tesseract("hin_Deva")
    with pytest.raises(EngineTimeoutError):
        read(pages["hin_Deva"][0][0], Tesseract(timeout_seconds=0.05), "hin_Deva")
    with pytest.raises(EngineError, match="no model for sat_Olck"):
        read(pages["hin_Deva"][0][0], Tesseract(), "sat_Olck")


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("skew", [0.0, 4.0, -7.5])
def test_a_turn_and_back(quarters: int, skew: float) -> None:
    image = np.full((300, 200), 255, np.uint8)
    image[40:50, 30:40] = 0
    turn = Turn(200, 300, quarters, skew)
    after = turn.apply(image)
    rows, columns = np.nonzero(after < 128)
    x, y = turn.back(columns.mean() + 0.5, rows.mean() + 0.5, after.shape[1], after.shape[0])
    assert (x, y) == pytest.approx((35, 45), abs=0.5)


@pytest.mark.parametrize("label", LANGUAGES)
@pytest.mark.parametrize("degrees", [0.0, 1.0, -2.5, 7.0, 90.0, 92.0, 268.0])
def test_the_ink_tells_direction_and_skew(
    pages: dict[str, list[tuple[Image, str]]], label: str, degrees: float
) -> None:
    for image, _ in pages[label]:
        marks = ink(turned(image, degrees))
        assert marks is not None
        found = lie(marks)
        sideways = abs(degrees) > 45
        assert found.sideways in (sideways, None)
        straight = found.skew_sideways if sideways else found.skew
        assert straight == pytest.approx(-(((degrees + 45) % 90) - 45), abs=0.35)


def test_lines_read_across_a_gutter_are_cut_and_others_are_not() -> None:
    def line(y: float, *spans: tuple[float, float]) -> Line:
        return line_of([Word(Box(x0, y, x1, y + 10), "शब्द") for x0, x1 in spans])

    right_starts = [line(y, (120, 160), (165, 200)) for y in (0, 20, 40)]
    across = line(60, (0, 40), (60, 100), (120.5, 200))
    river = line(80, (0, 20), (70, 100))
    cut = _pieces([*right_starts, across, river])
    assert [len(each.words) for each in cut] == [2, 2, 2, 2, 1, 2]
    mirrored = [
        line_of([Word(Box(200 - w.box.x1, w.box.y0, 200 - w.box.x0, w.box.y1), w.text) for w in each.words])
        for each in [*right_starts, across, river]
    ]
    assert [len(each.words) for each in _pieces(mirrored)] == [2, 2, 2, 2, 1, 2]
    assert _pieces([]) == []


def test_images_are_reduced_by_averages() -> None:
    image = np.array([[0, 100], [100, 200]], np.uint8).repeat(50, axis=0).repeat(50, axis=1)
    assert shrink(image, 1).tolist() == [[100]] and shrink(image, 100) is image
    assert shrink(np.zeros((2, 20_000), np.uint8), 100).shape == (1, 100)
