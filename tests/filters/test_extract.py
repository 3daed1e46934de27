"""Extraction: main text out, boilerplate gone, in many scripts and charsets."""

import pytest

from filters.extract import EXTRACTORS, cheap_text, extract, page_text, screen_text

STORIES = {
    "eng": ["The river rose slowly through the night.", "By morning the lower fields were under water."],
    "hin": ["नदी का पानी रात भर धीरे-धीरे बढ़ता रहा।", "सुबह तक निचले खेत पानी में डूब चुके थे।"],
    "tha": ["แม่น้ำค่อย ๆ เอ่อขึ้นตลอดคืน", "พอถึงเช้าทุ่งนาด้านล่างก็จมอยู่ใต้น้ำ"],
    "arb": ["ارتفع ماء النهر ببطء طوال الليل.", "وفي الصباح كانت الحقول المنخفضة تحت الماء."],
    "zho": ["河水整夜慢慢上涨。", "到了早晨,低处的田地已被淹没。"],
    "kor": ["강물은 밤새 천천히 불어났다.", "아침이 되자 낮은 밭은 물에 잠겼다."],
    "amh": ["ወንዙ ሌሊቱን ሙሉ ቀስ በቀስ ሞላ።", "በማለዳ ዝቅተኛዎቹ እርሻዎች በውሃ ተጥለቀለቁ።"],
    "khm": ["ទឹកទន្លេបានឡើងយឺតៗពេញមួយយប់។", "លុះព្រឹកឡើង វាលស្រែទាបៗលិចទឹក។"],
}


def page(sentences: list[str]) -> str:
    story = "".join(f"<p>{' '.join([sentence] * 6)}</p>" for sentence in sentences)
    return (
        "<html><head><title>t</title><style>p{color:red}</style></head><body>"
        "<nav><ul><li><a href='/a'>Start page link</a></li><li><a href='/b'>Archive link</a></li></ul></nav>"
        f"<article><h1>Headline</h1>{story}</article><script>var hidden = 1;</script>"
        "<footer><a href='/imprint'>Imprint and cookies</a></footer></body></html>"
    )


@pytest.mark.parametrize("language", sorted(STORIES))
@pytest.mark.parametrize("extractor", sorted(EXTRACTORS))
def test_the_story_is_found_in_every_script(language: str, extractor: str) -> None:
    text = extract(page(STORIES[language]), extractor=extractor)
    for sentence in STORIES[language]:
        assert text.count(sentence) == 6
    assert "hidden" not in text and "color" not in text
    assert ("Imprint" in text) == (extractor == "plain")


def test_paragraphs_are_lines() -> None:
    lines = extract(page(STORIES["hin"])).split("\n")
    assert [line[:4] for line in lines if line.startswith(("नदी", "सुबह"))] == ["नदी ", "सुबह"]


def test_tables_lose_their_bars() -> None:
    table = "<table><tr><th>Gauge</th><th>Height</th></tr><tr><td>Bridge</td><td>4 | 5 m</td></tr></table>"
    text = extract(page(STORIES["eng"]).replace("</article>", table + "</article>"))
    assert "Gauge | Height" in text
    assert "Bridge | 4 | 5 m" in text
    assert "---" not in text
    assert not any(line.strip().startswith("|") or line.strip().endswith("|") for line in text.split("\n"))


def test_an_unknown_extractor_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown extractor 'justext': one of plain, resiliparse, trafilatura"):
        extract("<p>x</p>", extractor="justext")
    with pytest.raises(ValueError, match="one of plain"):
        page_text(b"x", "text/plain", "justext")


@pytest.mark.parametrize("extractor", sorted(EXTRACTORS))
@pytest.mark.parametrize("html", ["", " ", "\x00\x00", "no markup at all", "<", "<html>", "<p>" * 2000, "\ufffd" * 99])
def test_odd_pages_give_text_or_nothing(extractor: str, html: str) -> None:
    assert isinstance(extract(html, extractor=extractor, url="http://[broken"), str)


def test_cheap_text_is_enough_for_language_identification() -> None:
    text = cheap_text(page(STORIES["amh"]))
    assert STORIES["amh"][0] in text and "hidden" not in text


def test_page_text_decodes_and_extracts() -> None:
    html = page(STORIES["kor"])
    assert STORIES["kor"][0] in page_text(html.encode("cp949"), "text/html; charset=euc-kr", "trafilatura")
    assert STORIES["kor"][0] in screen_text(html.encode("cp949"), "text/html; charset=euc-kr")


def test_plain_text_passes_through() -> None:
    body = "a < b\n\n  <p>kept as typed</p>\n".encode("utf-16-le")
    for run in (
        page_text(body, "Text/Plain; charset=utf-16le", "trafilatura"),
        screen_text(body, "text/plain;charset=utf-16le"),
    ):
        assert run == "a < b\n\n  <p>kept as typed</p>\n"
    assert "<p>" not in page_text(b"<p>not plain</p>", "text/html", "plain")
