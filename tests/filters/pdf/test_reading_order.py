"""Reading order: pages of boxes laid by hand, pages set by Chromium in many scripts, hostile boxes, and the joined text."""

import math
import random
import time
import tomllib
from pathlib import Path

import pymupdf
import pytest

from filters.pdf.layout.join import block_text, document_pages, hyphenated, page_text
from filters.pdf.layout.reading_order import layout
from filters.pdf.page import Block, Box, Line, Page, Word
from filters.pdf.text_layer import read_page
from tests.filters.pdf.typeset import Sheet, in_order, need_chromium, pairs_kept, typeset, words

SAMPLES = Path(__file__).parents[2] / "samples" / "pages"
WIDTH, HEIGHT = 600.0, 800.0
FILLER = "lorem ipsum dolor sit amet consectetur adipiscing"


def line(x0: float, y0: float, x1: float, text: str, size: float = 10) -> Line:
    return Line(Box(x0, y0, x1, y0 + 1.2 * size), text, size=size)


def column(x0: float, x1: float, top: float, count: int, name: str, text: str = FILLER) -> list[Line]:
    """Full lines, numbered."""
    return [line(x0, top + 14 * at, x1, f"{name}{at} {text}") for at in range(count)]


def shuffled(lines: list[Line]) -> list[Line]:
    mixed = list(lines)
    random.Random(4).shuffle(mixed)
    return mixed


def firsts(blocks: list[Block]) -> list[str]:
    return [each.text.split()[0] for block in blocks for each in block.lines]


def expected(name: str, count: int) -> list[str]:
    return [f"{name}{at}" for at in range(count)]


# --- by geometry alone -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_two_columns_whose_lines_stand_level_or_not(shift: float) -> None:
    lines = column(50, 290, 100, 30, "a") + column(310, 550, 100 + shift, 30, "b")
    assert firsts(layout(shuffled(lines), WIDTH, HEIGHT)) == expected("a", 30) + expected("b", 30)


def test_three_columns_a_heading_across_and_text_below() -> None:
    lines = [line(50, 60, 500, "Title over all of the columns", 18)]
    lines += [each for at, name in enumerate("abc") for each in column(50 + 170 * at, 205 + 170 * at, 100, 20, name)]
    lines += column(50, 545, 420, 5, "below")
    found = firsts(layout(shuffled(lines), WIDTH, HEIGHT))
    assert found == ["Title", *expected("a", 20), *expected("b", 20), *expected("c", 20), *expected("below", 5)]


def test_a_heading_across_two_of_three_columns() -> None:
    lines = [line(50, 100, 370, "Heading over two of them, as newspapers have it")]
    lines += column(50, 205, 130, 20, "a") + column(220, 375, 130, 20, "b") + column(390, 545, 100, 22, "c")
    found = firsts(layout(shuffled(lines), WIDTH, HEIGHT))
    assert found == ["Heading", *expected("a", 20), *expected("b", 20), *expected("c", 22)]


def test_a_figure_at_the_top_of_the_left_column() -> None:
    lines = column(50, 290, 300, 20, "a") + column(310, 550, 100, 34, "b")
    assert firsts(layout(shuffled(lines), WIDTH, HEIGHT)) == expected("a", 20) + expected("b", 34)


def test_a_sidebar_a_head_and_a_foot() -> None:
    lines = [line(50, 30, 120, "Head"), *column(50, 420, 100, 40, "a"), line(295, 770, 305, "12")]
    lines += [line(440, 150 + 12 * at, 550, f"s{at} narrow text here", 8) for at in range(12)]
    found = firsts(layout(shuffled(lines), WIDTH, HEIGHT))
    assert found == ["Head", *expected("a", 40), *expected("s", 12), "12"]


def test_a_table_stays_row_by_row() -> None:
    lines = [
        line(x, 100 + 14 * row, x + 40, f"r{row}c{at}") for row in range(12) for at, x in enumerate((50, 200, 320, 440))
    ]
    [table] = layout(shuffled(lines), WIDTH, HEIGHT)
    assert table.role == "table"
    assert page_text([table]).split("\n") == ["\t".join(f"r{row}c{at}" for at in range(4)) for row in range(12)]


def test_columns_from_the_right_where_most_letters_are_hebrew() -> None:
    hebrew = "שלום עולם זהו טקסט ארוך מספיק לשורה"
    lines = column(50, 290, 100, 20, "b", hebrew) + column(310, 550, 100, 20, "a", hebrew)
    assert firsts(layout(shuffled(lines), WIDTH, HEIGHT)) == expected("a", 20) + expected("b", 20)
    found = firsts(layout(shuffled(lines), WIDTH, HEIGHT, right_to_left=False))
    assert found == expected("b", 20) + expected("a", 20)


def test_pieces_of_lines_are_joined_and_lines_across_a_gutter_parted() -> None:
    chance, pieces = random.Random(3), []
    for row in range(12):
        for name, x in (("a", 50), ("b", 310)):
            cut = x + chance.uniform(60, 180)  # an OCR engine's, anywhere
            pieces.append(line(x, 100 + 14 * row, cut, f"{name}{row} some words"))
            pieces.append(line(cut + 7, 100 + 14 * row, x + 240, "of the line"))
    found = layout(shuffled(pieces), WIDTH, HEIGHT)
    assert [each.text for block in found for each in block.lines] == [
        f"{name}{row} some words of the line" for name in "ab" for row in range(12)
    ]
    wholes = []
    for row in range(12):
        top = 100 + 14 * row
        parts = [
            Word(Box(x + 60 * at, top, x + 55 + 60 * at, top + 12), f"{n}{row}-{at}")
            for n, x in (("a", 50), ("b", 310))
            for at in range(4)
        ]
        wholes.append(Line(Box(50, top, 545, top + 12), " ".join(word.text for word in parts), words=parts))
    text = page_text(layout(wholes, WIDTH, HEIGHT)).split()
    assert text == [f"{name}{row}-{at}" for name in "ab" for row in range(12) for at in range(4)]


@pytest.mark.parametrize("slope", [-0.02, 0.02])
def test_slightly_skewed_columns(slope: float) -> None:
    lines = []
    for each in column(50, 290, 100, 40, "a") + column(310, 550, 100, 40, "b"):
        x0, y0, x1, y1 = each.box
        lines.append(Line(Box(x0 + slope * y0, y0 + slope * x0, x1 + slope * y0, y1 + slope * x1), each.text))
    assert firsts(layout(shuffled(lines), WIDTH, HEIGHT)) == expected("a", 40) + expected("b", 40)


@pytest.mark.parametrize(("direction", "turn"), [((0.0, 1.0), 1), ((-1.0, 0.0), 2), ((0.0, -1.0), 3)])
def test_columns_of_a_page_that_lies_on_its_side(direction: tuple[float, float], turn: int) -> None:
    lines = []
    for each in column(50, 290, 100, 20, "a") + column(310, 550, 100, 20, "b"):
        x0, y0, x1, y1 = each.box
        box = {
            1: Box(HEIGHT - y1, x0, HEIGHT - y0, x1),
            2: Box(WIDTH - x1, HEIGHT - y1, WIDTH - x0, HEIGHT - y0),
            3: Box(y0, WIDTH - x1, y1, WIDTH - x0),
        }[turn]
        lines.append(Line(box, each.text, direction=direction))
    size = (WIDTH, HEIGHT) if turn == 2 else (HEIGHT, WIDTH)
    assert firsts(layout(shuffled(lines), *size)) == expected("a", 20) + expected("b", 20)


def test_paragraphs_by_indents_distance_and_short_ends() -> None:
    lines = column(50, 290, 100, 4, "a")
    lines += [line(62, 156, 290, "b0 indented first line of the text"), *column(50, 290, 156, 3, "b")[1:]]
    lines += [line(50, 198, 120, "b3 short"), *column(50, 290, 212, 3, "c"), *column(50, 290, 270, 3, "d")]
    found = [firsts([block]) for block in layout(lines, WIDTH, HEIGHT)]
    assert found == [expected("a", 4), ["b0", "b1", "b2", "b3"], expected("c", 3), expected("d", 3)]


def test_verse_is_one_block_of_lines() -> None:
    lengths = (200, 150, 240, 120, 180, 130)
    lines = [line(50, 100 + 14 * at, 50 + width, f"V{at} a line of verse") for at, width in enumerate(lengths)]
    [verse] = layout(lines, WIDTH, HEIGHT)
    assert page_text([verse]).count("\n") == 5


def test_a_drop_capital_stands_before_its_word() -> None:
    lines = [
        line(85, 100, 290, "nce upon a time there was a king"),
        *column(85, 290, 114, 2, "a"),
        *column(50, 290, 142, 6, "b"),
    ]
    lines.append(Line(Box(50, 98, 80, 146), "O", size=38))
    assert page_text(layout(shuffled(lines), WIDTH, HEIGHT)).startswith("Once upon a time")


# --- hostile -----------------------------------------------------------------------------------------------------------


def test_boxes_that_are_none() -> None:
    wild = [math.nan, math.inf, -math.inf, 1e300, -5.0]
    chance = random.Random(1)
    lines = [
        Line(
            Box(*(chance.choice([*wild, 50.0, 60.0]) for _ in range(4))), f"w{at}", direction=(chance.choice(wild), 1.0)
        )
        for at in range(300)
    ]
    good = column(50, 290, 100, 5, "a")
    reversed_ = [Line(Box(x1, y1, x0, y0), each.text) for each in good for x0, y0, x1, y1 in [each.box]]
    found = layout(lines + reversed_, WIDTH, HEIGHT)
    assert [name for name in firsts(found) if name[0] == "a"] == expected("a", 5)
    assert all(b.box.x0 <= b.box.x1 and b.box.y0 <= b.box.y1 for b in found)
    assert layout([], math.nan, math.inf) == [] and layout([line(0, 0, 1, " \t")], WIDTH, HEIGHT) == []


@pytest.mark.parametrize("kind", ["random", "one row", "one place", "columns"])
def test_a_hundred_thousand_lines_take_seconds(kind: str) -> None:
    chance, count = random.Random(2), 100_000
    if kind == "random":
        lines = [
            line(chance.uniform(0, 600), chance.uniform(0, 800), chance.uniform(0, 600), f"l{at}")
            for at in range(count)
        ]
        lines = [
            Line(Box(min(b.x0, b.x1), b.y0, max(b.x0, b.x1), b.y1), each.text) for each in lines for b in [each.box]
        ]
    elif kind == "one row":
        lines = [line(20.0 * at, 100, 20.0 * at + 5, f"l{at}") for at in range(count)]
    elif kind == "one place":
        lines = [line(50, 100, 60, f"l{at}") for at in range(count)]
    else:
        lines = [each for at in range(100) for each in column(300.0 * at, 300.0 * at + 280, 0, 1000, f"c{at}-")]
    start = time.process_time()
    found = layout(lines, WIDTH, HEIGHT)
    assert time.process_time() - start < 30
    assert sum(len(each.text.split()) for block in found for each in block.lines) >= (
        0.999 * count if kind != "one place" else 1  # of those at one place, the same text is one
    )


# --- set by Chromium -----------------------------------------------------------------------------------------------------

SCRIPTS = {
    "eng_Latn": ("en", 2400), "rus_Cyrl": ("ru", 2200), "hin_Deva": ("hi", 2200), "tam_Taml": ("ta", 1600), "amh_Ethi": ("am", 1500),
    "arb_Arab": ("ar", 2200), "urd_Arab": ("ur", 2200), "heb_Hebr": ("he", 2200), "cmn_Hani": ("zh", 1100), "jpn_Jpan": ("ja", 1100),
    "kor_Hang": ("ko", 1300), "tha_Thai": ("th", 1900), "khm_Khmr": ("km", 1500),
}  # fmt: skip
RIGHT_TO_LEFT = ("arb_Arab", "urd_Arab", "heb_Hebr")


def _sheets() -> list[tuple[str, Sheet]]:
    sheets = []
    for label, (language, room) in SCRIPTS.items():
        page = tomllib.loads((SAMPLES / f"{label}.toml").read_text(encoding="utf-8"))
        paragraphs: list[str] = []
        for article in page["article"]:
            for paragraph in article["text"].strip().split("\n\n"):
                if sum(map(len, paragraphs)) + len(paragraph) < room:
                    paragraphs.append(" ".join(paragraph.split()))
        rtl = label in RIGHT_TO_LEFT
        title = page["article"][0]["title"]
        for columns, style, heading in ((1, "", ""), (2, "justified indented", title), (3, "", "")):
            sheet = Sheet(language, tuple(paragraphs), columns, rtl, style, page["site"], heading, "7")
            sheets.append((f"{label}-{columns}", sheet))
        if language in ("zh", "ja"):
            sheets.append((f"{label}-vertical", Sheet(language, tuple(paragraphs), 2, style="vertical")))
    return sheets


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], list[str]]]:
    """Words as typeset, and as read, by script and columns."""
    need_chromium()
    sheets = _sheets()
    with pymupdf.open(typeset([sheet for _, sheet in sheets], tmp_path_factory.mktemp("sheets"))) as document:
        assert document.page_count == len(sheets)
        return {
            name: (words(sheet.text), words(page_text(read_page(page).blocks, every_role=True)))
            for (name, sheet), page in zip(sheets, document, strict=True)
        }


@pytest.mark.parametrize("label", SCRIPTS)
def test_typeset_columns_are_read_in_order(label: str, pages: dict[str, tuple[list[str], list[str]]]) -> None:
    """Of the words that fonts' maps to Unicode left whole."""
    for name, (wanted, found) in pages.items():
        if name.startswith(label):
            whole = [word for word in wanted if word in set(found)]
            assert len(whole) > 0.85 * len(wanted), name
            assert in_order(whole, found) >= 0.98, name
            assert pairs_kept(wanted, found) >= 0.75, name


# --- text --------------------------------------------------------------------------------------------------------------


def paragraph(*texts: str, role: str = "body", top: float = 100, left: float = 50) -> Block:
    lines = [line(left, top + 14 * at, left + 240, text) for at, text in enumerate(texts)]
    return Block(Box(left, top, left + 240, top + 14 * len(texts)), lines, role)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        (("one two", "three"), "one two three"),
        (("an exam-", "ple and a so\u00adft hy\u00ad", "phen"), "an example and a soft hyphen"),
        (("Jean-", "Paul and 1990-", "2000"), "Jean-Paul and 1990-2000"),
        (("приме-", "ры"), "примеры"),
        (("सड़क के किनारे", "एक पेड़"), "सड़क के किनारे एक पेड़"),
        (("市役所の人は", "言いました。"), "市役所の人は言いました。"),
        (("ภาษา", "ไทย"), "ภาษาไทย"),
        (("ខ្មែរ", "ខ្មែរ"), "ខ្មែរខ្មែរ"),
        (("한국어 문장이", "이어진다"), "한국어 문장이 이어진다"),
        (("中文 text", "and 中文"), "中文 text and 中文"),
        (("یہ اردو", "ہے۔"), "یہ اردو ہے۔"),
    ],
)
def test_lines_of_a_paragraph_are_joined(texts: tuple[str, ...], joined: str) -> None:
    assert block_text(paragraph(*texts)) == joined


def test_a_dash_is_no_hyphen() -> None:
    assert hyphenated("so he said -", "and left") == ("so he said -", " ")
    assert hyphenated("-", "a") == ("-", " ") and hyphenated("", "") == ("", "")


def test_notes_come_last_and_heads_not_at_all() -> None:
    blocks = [
        paragraph("Head", role="running_head"),
        paragraph("First."),
        paragraph("1 Note.", role="footnote"),
        paragraph("Second."),
        paragraph("unseen", role="hidden"),
        paragraph("9", role="page_number"),
    ]
    assert page_text(blocks) == "First.\nSecond.\n1 Note."
    assert page_text(blocks[:1], every_role=True) == "Head"
    assert page_text([]) == ""


def test_a_paragraph_that_goes_on_over_the_page_and_where_pages_begin() -> None:
    long = "This paragraph is long enough to be one and it goes on with a divi-"
    first = [paragraph("Alpha."), paragraph("1 Note.", role="footnote"), paragraph(long)]
    second = [paragraph("ded word and ends."), paragraph("Beta of the second page, without an end to it at all")]
    third = [paragraph("New Start."), paragraph("7", role="page_number")]
    all_pages = [Page(at, WIDTH, HEIGHT, blocks) for at, blocks in enumerate((first, second, third, []))]
    text, starts = document_pages(all_pages)
    assert "goes on with a divided word and ends.\nBeta" in text and text.endswith("New Start.\n1 Note.")
    assert [text[start:].split()[0] for start in starts[:3]] == ["Alpha.", "ded", "New"]
    assert starts == sorted(starts) and starts[3] <= len(text)


def test_a_paragraph_goes_on_in_the_next_column() -> None:
    left = paragraph("This paragraph has no end at the end of its column,", top=600)
    right = paragraph("but goes on in the next.", top=100, left=320)
    assert page_text([left, right]).count("\n") == 0
    assert page_text([right, left]).count("\n") == 1


def test_a_list_item_does_not_go_on() -> None:
    left = paragraph("This paragraph has no end at the end of its column", top=600)
    assert page_text([left, paragraph("2) but this is an item", top=100, left=320)]).count("\n") == 1
