"""Running heads, feet, page numbers and footnotes: what is marked and what is not, in books of many scripts."""

import random
import time

import pytest

from filters.pdf.layout.join import document_text
from filters.pdf.layout.running import is_page_number, mark_running
from filters.pdf.page import Block, Box, Line, Page

WIDTH, HEIGHT = 600.0, 800.0
WORDS = {
    "eng": "the river falls and gardens come back after eleven days of water",
    "hin": "हमारे कस्बे के पास एक छोटी नदी बहती है जिसका नाम लोग नहीं जानते",
    "arb": "تبقى المكتبة مفتوحة حتى منتصف الليل في شهر الامتحانات كل عام",
    "cmn": "天还没亮 老街 的 灯 就 一 盏 一 盏 地 亮 起来 了",
    "tha": "ทุกเช้า วันเสาร์ เรือไม้ ลำเล็ก หลายสิบ ลำ จะ พายมา",
}


def block(text: str, y0: float, *, x0: float = 50, x1: float = 550, size: float = 10, lines: int = 1) -> Block:
    made = [Line(Box(x0, y0 + 14 * at, x1, y0 + 14 * at + 1.2 * size), text, size=size) for at in range(lines)]
    return Block(Box(x0, y0, x1, made[-1].box.y1), made)


def body(chance: random.Random, language: str, top: float = 100, lines: int = 30) -> Block:
    words = WORDS[language].split()
    made = block("", top, lines=lines)
    for line in made.lines:
        line.text = " ".join(chance.choices(words, k=9))
    return made


def book(count: int, language: str, heads: tuple[str, ...], number: str) -> list[Page]:
    """Heads alternate; numbers stand on the outside, as digits of a script: their zero in `number`."""
    chance, pages = random.Random(count), []
    digits = str.maketrans("0123456789", "".join(chr(ord(number) + at) for at in range(10)))
    for at in range(count):
        left = at % 2 == 0
        head = block(heads[at % len(heads)], 30, x0=50 if left else 400, x1=200 if left else 550)
        foot = block(str(at + 17).translate(digits), 765, x0=50 if left else 535, x1=65 if left else 550)
        pages.append(Page(at, WIDTH, HEIGHT, [head, body(chance, language), foot]))
    return pages


def roles(page: Page) -> list[str]:
    return [each.role for each in page.blocks]


@pytest.mark.parametrize(
    ("language", "heads", "number"),
    [
        ("eng", ("THE RIVER", "CHAPTER ONE"), "0"),
        ("hin", ("नदी की कहानी", "पहला अध्याय"), "०"),
        ("arb", ("ليالي المكتبة", "الباب الأول"), "٠"),
        ("cmn", ("老街的早市",), "0"),
        ("tha", ("ตลาดน้ำ", "บทที่หนึ่ง"), "๐"),
    ],
)
def test_heads_that_alternate_and_numbers_of_any_script(language: str, heads: tuple[str, ...], number: str) -> None:
    pages = book(12, language, heads, number)
    mark_running(pages)
    assert all(roles(page) == ["running_head", "body", "page_number"] for page in pages)
    assert heads[0] not in document_text(pages)


def test_a_head_with_the_number_in_it_and_a_foot_with_words() -> None:
    chance = random.Random(1)
    pages = [
        Page(
            at,
            WIDTH,
            HEIGHT,
            [block(f"{at + 3} The River, Vol. 2", 30), body(chance, "eng"), block(f"Page {at + 1} of 9", 770)],
        )
        for at in range(9)
    ]
    mark_running(pages)
    assert all(roles(page) == ["running_head", "body", "page_number"] for page in pages)


def test_roman_numerals_before_the_book_begins() -> None:
    chance = random.Random(1)
    numerals = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi"]
    pages = [
        Page(at, WIDTH, HEIGHT, [body(chance, "eng"), block(text, 770, x0=290, x1=310)])
        for at, text in enumerate(numerals)
    ]
    mark_running(pages)
    assert all(roles(page) == ["body", "page_number"] for page in pages)


def test_the_title_of_a_short_chapter_stands_where_heads_stand() -> None:
    pages = book(12, "eng", ("THE RIVER",), "0")
    pages[6].blocks[0].lines[0].text = "A Short Chapter"
    mark_running(pages)
    assert roles(pages[6])[0] == "running_head"


def test_first_lines_of_pages_are_no_heads() -> None:
    """Nothing repeats; and what repeats in the middle of the page is text."""
    chance = random.Random(1)
    pages = [
        Page(
            at,
            WIDTH,
            HEIGHT,
            [body(chance, "eng", 40, 5), block("A refrain of the song", 300), body(chance, "eng", 400, 20)],
        )
        for at in range(8)
    ]
    mark_running(pages)
    assert {role for page in pages for role in roles(page)} == {"body"}


def test_one_page_has_no_heads_but_may_have_a_number() -> None:
    [page] = book(1, "eng", ("THE RIVER",), "0")
    mark_running([page])
    assert roles(page) == ["body", "body", "page_number"]
    mark_running([])


def test_two_pages_with_the_same_head() -> None:
    pages = book(2, "eng", ("THE RIVER",), "0")
    mark_running(pages)
    assert roles(pages[0])[0] == roles(pages[1])[0] == "running_head"


def test_a_number_that_text_stands_below_is_none() -> None:
    chance = random.Random(1)
    page = Page(0, WIDTH, HEIGHT, [block("1984", 700), body(chance, "eng", 720, 4)])
    mark_running([page])
    assert roles(page) == ["body", "body"]


def test_a_number_in_the_block_of_the_text_becomes_one_of_its_own() -> None:
    chance = random.Random(1)
    whole = body(chance, "eng", 100, 48)
    whole.lines[-1].text = "१२"
    page = Page(0, WIDTH, HEIGHT, [whole])
    mark_running([page])
    assert roles(page) == ["body", "page_number"] and len(page.blocks[0].lines) == 47
    assert page.blocks[1].box.y0 > page.blocks[0].box.y0


@pytest.mark.parametrize("text", ["12", "- 12 -", "[٣]", "— xiv —", "१२३", "3/12", "12 | 30", "IV", "๑๒", "•7•"])
def test_page_numbers(text: str) -> None:
    assert is_page_number(block(text, 770))


@pytest.mark.parametrize(
    "text", ["", "12.5 kg", "a", "mild words", "199 }", "1 2 3", "123456", "x y", "---", "Page", "第十二"]
)
def test_no_page_numbers(text: str) -> None:
    assert not is_page_number(block(text, 770))


# --- footnotes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["1", "*", "†", "¹", "१", "(2)", "[3]", "١"])
def test_footnotes_begin_with_a_mark_in_smaller_type(mark: str) -> None:
    chance = random.Random(1)
    notes = [
        block(f"{mark} A note to the text above, in smaller type.", 650, size=8),
        block("and more of it", 680, size=8),
    ]
    page = Page(0, WIDTH, HEIGHT, [body(chance, "eng"), *notes, block("9", 770, x0=290, x1=310)])
    mark_running([page])
    assert roles(page) == ["body", "footnote", "footnote", "page_number"]


def test_a_note_without_mark_needs_a_gap_and_much_smaller_type() -> None:
    chance = random.Random(1)
    page = Page(0, WIDTH, HEIGHT, [body(chance, "eng"), block("Received in May; accepted in June.", 700, size=7)])
    mark_running([page])
    assert roles(page) == ["body", "footnote"]
    page = Page(0, WIDTH, HEIGHT, [body(chance, "eng"), block("A caption right below it all", 522, size=9)])
    mark_running([page])
    assert roles(page) == ["body", "body"]


def test_notes_of_both_columns_and_small_type_inside_the_text() -> None:
    chance = random.Random(1)
    left, right = body(chance, "eng"), body(chance, "eng")
    left.box, right.box = Box(50, 100, 290, 520), Box(310, 100, 550, 520)
    small = block("1 A quotation in small type within the column", 560, x1=290, size=8)
    after = block("The column goes on below the quotation, in its type", 600, x1=290, lines=2)
    notes = [block("2 A note on the left.", 700, x1=290, size=8), block("3 A note on the right.", 700, x0=310, size=8)]
    page = Page(0, WIDTH, HEIGHT, [left, small, after, notes[0], right, notes[1]])
    mark_running([page])
    assert roles(page) == ["body", "body", "body", "footnote", "body", "footnote"]


def test_large_type_at_the_foot_is_no_note() -> None:
    chance = random.Random(1)
    page = Page(0, WIDTH, HEIGHT, [body(chance, "eng"), block("1 A section in the type of the text", 700)])
    mark_running([page])
    assert roles(page) == ["body", "body"]


def test_ten_thousand_pages_take_seconds() -> None:
    pages = book(10_000, "eng", ("THE RIVER", "CHAPTER ONE"), "0")
    start = time.process_time()
    mark_running(pages)
    assert time.process_time() - start < 20
    assert all(roles(page)[0] == "running_head" for page in pages)


def test_pages_of_nothing_but_short_blocks() -> None:
    """Bounded by the blocks looked at; NaN sizes and empty texts do no harm."""
    chance = random.Random(1)
    blocks = [block(chance.choice(["", " ", "1", "x", "•"]), chance.uniform(0, 800)) for _ in range(5000)]
    pages = [Page(at, float("nan") if at else WIDTH, HEIGHT if at < 2 else 0.0, list(blocks)) for at in range(3)]
    start = time.process_time()
    mark_running(pages)
    assert time.process_time() - start < 20
