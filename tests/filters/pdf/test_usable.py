"""Routing of pages, on pages made from the project's own texts in many languages."""

import random
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import ftfy.bad_codecs  # noqa: F401  (registers sloppy-windows-1252)
import pymupdf
import pytest

from filters.pdf import text_layer
from filters.pdf.encoding import usable
from filters.pdf.encoding.usable import Verdict
from filters.pdf.page import Block, Box, Line, Page
from tests.filters.pdf import pages_of_known_kind as known

SAMPLES = Path(__file__).parents[2] / "samples" / "pages"
_LANGUAGES = """
amh_Ethi arb_Arab ben_Beng cmn_Hani ell_Grek eng_Latn heb_Hebr hin_Deva hin_Latn jpn_Jpan khm_Khmr kor_Hang rus_Cyrl
swh_Latn tam_Latn tam_Taml tha_Thai urd_Arab urd_Latn yor_Latn
"""
LANGUAGES = _LANGUAGES.split()
INDIC = ("hin_Deva", "ben_Beng", "tam_Taml")


@cache
def text(label: str) -> str:
    articles = tomllib.loads((SAMPLES / f"{label}.toml").read_text())["article"]
    return "\n".join(article["text"] for article in articles)


def lines(label: str) -> list[str]:
    return known.wrapped(text(label))


def routed(*pages: tuple[list[str], str]) -> Verdict:
    """The verdict on the last page of a PDF whose pages have these lines in fonts of these names."""
    document = pymupdf.open()
    for each, font in pages:
        known.add_page(document, each, font)
    return verdict_on(known.reopened(document)[-1])


def verdict_on(page: pymupdf.Page, expected: frozenset[str] = frozenset()) -> Verdict:
    layer = text_layer.read(page)
    return usable.route(layer.page, image_ratio=layer.image_ratio, hidden_ratio=layer.hidden_ratio, expected=expected)


def of_lines(some: list[str], font: str = "Body", role: str = "body") -> Page:
    box = Box(0, 0, 500, 10)
    return Page(0, 595, 842, [Block(box, [Line(box, each, font, 10.0) for each in some], role)])  # type: ignore[arg-type]


@pytest.mark.parametrize("label", LANGUAGES)
def test_good_text_in_any_script(label: str) -> None:
    verdict = routed((lines(label), "Body"))
    assert (verdict.route, verdict.table) == ("text", None), verdict.evidence


@pytest.mark.parametrize("label", ["hin_Deva", "tam_Taml", "eng_Latn", "urd_Arab", "jpn_Jpan"])
def test_bullets_and_one_damaged_formula_cost_no_page(label: str) -> None:
    found = [f"\uf0b7 {line}" if at % 4 == 0 else line for at, line in enumerate(lines(label))]
    assert routed(([*found[:-1], "\ufffd(\uf061) = \ufffd\uf062"], "Body")).route == "text"


def test_program_code_is_text() -> None:
    code = [f"\\newcommand{{\\x{n}}}[2]{{\\ifx#1\\undefined\\hbox{{#2}}\\else\\vskip{n}pt\\fi}}" for n in range(40)]
    assert routed((code, "LMMono10-Regular")).route == "text"
    assert routed(([*code, *lines("eng_Latn")[:12]], "Body")).route == "text"  # with comments, in any font


ENCODED: list[tuple[str, Callable[[str], str], str, str | None]] = [
    ("KrutiDev010", known.kruti_dev, "hin_Deva", "kruti_dev"),
    ("SutonnyMJ", known.bijoy, "ben_Beng", "bijoy"),
    ("Bamini", known.bamini, "tam_Taml", None),
    ("Any", lambda text: known.shown_as_latin(text, "cp1251"), "rus_Cyrl", "cp1251"),
    ("Any", lambda text: known.shown_as_latin(text, "koi8_r"), "rus_Cyrl", "koi8_r"),
    ("Any", lambda text: known.shown_as_latin(text, "cp1253"), "ell_Grek", "cp1253"),
    ("Any", lambda text: known.shown_as_latin(text, "cp1256"), "arb_Arab", "cp1256"),
    ("Any", lambda text: known.shown_as_latin(text, "cp874"), "tha_Thai", "cp874"),
]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("font", "encode", "label", "table"), ENCODED, ids=[f"{e[0]}-{e[3]}" for e in ENCODED])
def test_a_legacy_encoding_with_and_without_its_fonts_name(
    font: str, encode: Callable[[str], str], label: str, table: str | None, named: bool
) -> None:
    verdict = routed((known.wrapped(encode(text(label))), font if named else "ABCDEF+F3"))
    assert (verdict.route, verdict.table) == ("legacy", table), verdict.evidence


def test_a_few_simple_sentences_are_enough() -> None:
    sentences = ["esjk uke jke gS vkSj eSa fgUnh esa fy[krk gwA", "og dy ?kj x;k vkSj ikuh ih dj lks x;kA"] * 3
    for font in ("KrutiDev010", "F1"):
        assert usable.route(of_lines(sentences, font), image_ratio=0.0).table == "kruti_dev"


def test_a_font_of_that_name_with_a_real_text_layer_is_text() -> None:
    for label in ("hin_Deva", "eng_Latn", "ben_Beng"):
        for font in ("KrutiDev010", "SutonnyMJ", "Chanakya"):
            assert routed((lines(label), font)).route == "text", (label, font)


def test_a_page_half_in_english_is_legacy_for_its_other_half() -> None:
    box = Box(0, 0, 500, 10)
    encoded = known.wrapped(known.kruti_dev(text("hin_Deva")))[:20]
    mixed = [Line(box, line, "F1", 10.0) for line in encoded]
    mixed += [Line(box, line, "F2", 10.0) for line in lines("eng_Latn")[:20]]
    verdict = usable.route(Page(0, 595, 842, [Block(box, mixed)]), image_ratio=0.0)
    assert (verdict.route, verdict.table) == ("legacy", "kruti_dev")
    assert 0.3 < verdict.evidence["legacy_text"] < 0.7


@pytest.mark.parametrize("how", sorted(set(known.BROKEN) - {"shifted"}))
@pytest.mark.parametrize("label", ["hin_Deva", "ben_Beng", "tam_Taml", "eng_Latn", "rus_Cyrl", "arb_Arab", "tha_Thai"])
def test_broken_text_layers(how: str, label: str) -> None:
    damaged = known.BROKEN[how](text(label), random.Random(how + label))
    assert routed((known.wrapped(damaged), "Body")).route == "broken"


@pytest.mark.parametrize("label", INDIC)
def test_vowel_signs_in_visual_order_are_broken(label: str) -> None:
    assert routed((known.wrapped(known.visual_order(text(label))), "Body")).route == "broken"


def test_glyph_numbers_are_told_in_pages_from_other_readers() -> None:
    verdict = usable.route(
        of_lines(known.wrapped(known.glyph_numbers(text("urd_Arab"), random.Random(1)))), image_ratio=0.0
    )
    assert verdict.route == "broken" and verdict.evidence["glyph_numbers"] > 0.5


@pytest.mark.parametrize("label", [*INDIC, "urd_Arab", "eng_Latn"])
def test_scans_are_judged_by_the_reading_under_them(label: str) -> None:
    document = pymupdf.open()
    picture = known.add_page(document, lines(label)).get_pixmap(dpi=72)
    misread = [known.shuffled(line, random.Random(2)) for line in lines(label)]
    for layer in ([], lines(label), misread):
        page = known.add_page(document, layer, ink=False)
        page.insert_image(page.rect, pixmap=picture, overlay=False)
    found = [verdict_on(page).route for page in known.reopened(document)]
    assert found == ["text", "scan", "text", "scan"]


def test_little_or_nothing_to_read() -> None:
    assert usable.route(of_lines([]), image_ratio=0.0).route == "blank"
    assert usable.route(of_lines(["17"]), image_ratio=0.0).route == "blank"
    assert usable.route(of_lines(["17"]), image_ratio=0.9).route == "scan"
    assert usable.route(of_lines(["Scanned by a machine"]), image_ratio=0.9).route == "scan"
    assert usable.route(of_lines(["A chapter's own title"]), image_ratio=0.1).route == "text"
    assert usable.route(of_lines(["1  23  456  7890"] * 9), image_ratio=0.0).route == "text"  # a table of numbers
    hidden = of_lines(lines("hin_Deva"), role="hidden")
    assert usable.route(hidden, image_ratio=0.0, hidden_ratio=1.0).route == "blank"


def test_the_expected_script_is_reported_and_does_not_condemn_a_foreign_page() -> None:
    document = pymupdf.open()
    known.add_page(document, lines("eng_Latn")[:20] + lines("hin_Deva")[:20])
    page = known.reopened(document)[0]
    verdict = verdict_on(page, frozenset({"Deva"}))
    assert verdict.route == "text" and 0.2 < verdict.evidence["expected_script"] < 0.8
    assert verdict_on(page, frozenset({"Knda", "Nope"})).evidence["expected_script"] == 0.0


def test_every_share_is_a_number_that_is_explained() -> None:
    for some in (lines("hin_Deva"), known.wrapped(known.kruti_dev(text("hin_Deva"))), ["\ufffd\ue000\x01" * 20]):
        evidence = usable.route(of_lines(some), image_ratio=0.3, hidden_ratio=0.1).evidence
        assert set(evidence) <= set(usable.EVIDENCE)
        counts = {"characters", "letters", "surprise"}
        assert all(0.0 <= value <= 1.0 for name, value in evidence.items() if name not in counts), evidence


HOSTILE = [
    "",
    "\x00",
    "\ud800\udfff",
    "\U0010ffff" * 50,
    "a" * 300_000,
    "ि" * 5_000,
    "f" * 5_000,
    "Z" * 5_000,
    "(cid:" * 999,
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_gets_a_verdict(hostile: str) -> None:
    for font in ("KrutiDev010", "SutonnyMJ", "TSCu", "x" * 100_000):
        verdict = usable.route(of_lines([hostile] * 3, font), image_ratio=float("nan"))
        assert verdict.route in ("text", "legacy", "broken", "scan", "blank")


@pytest.mark.shared
def test_real_pages(shared: Path) -> None:
    expected = {
        "debian-texlive-lang-other__velthuis_misspaal.pdf": "legacy",
        "debian-texlive-lang-other__velthuis_vedasample.pdf": "legacy",
        "pymupdf+pymupdf4llm__test_sce_156.pdf": "broken",
        "Tait-McKenzie-Centre+Translation-Project__Hindi.pdf": "broken",
        "khalidyousafzai+electromagnetics-latex__urdu.pdf": "broken",
        "vandit98+C4GTDMP__hindi.pdf": "text",
        "docling-project+docling__right_to_left_01.pdf": "text",
        "pdfminer+pdfminer.six__jo.pdf": "text",
        "ocrmypdf+OCRmyPDF__linn.pdf": "scan",
    }
    for name, route in expected.items():
        assert verdict_on(pymupdf.open(shared / "pdf" / name)[0]).route == route, name
