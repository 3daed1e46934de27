"""Protected parts of a text, their placeholders, and the check of what an engine gave back."""

import random

import pytest

from translate.mask import PLACEHOLDER, Problem, check_placeholders, mask, placeholders, protected, unmask


def _parts(text: str) -> list[str]:
    return [text[start:end] for start, end in protected(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("See https://example.org/a_(b)?c=1#d, then.", ["https://example.org/a_(b)?c=1#d"]),
        ("देखें http://hi.example.org/wiki/हिन्दी।", ["http://hi.example.org/wiki/हिन्दी"]),
        ("访问http://example.com/a查看。", ["http://example.com/a"]),
        ("Write to first.last@example.co.in today", ["first.last@example.co.in"]),
        ("पत्र लिखें: a_b@example.org।", ["a_b@example.org"]),
        ("Run `make test` now", ["`make test`"]),
        ("Let $x^2 + y$ be \\(a_1\\) so", ["$x^2 + y$", "\\(a_1\\)"]),
        ("It costs $5 or US$ 10", ["$5", "10"]),
        ("जनसंख्या १२,३४,५६७ है और ३५% लोग", ["१२,३४,५६७", "३५%"]),
        ("مساحتها ١٢٣٫٤ km² تقريبا", ["١٢٣٫٤ km²"]),
        ("2024年5月31日 10:30", ["2024", "5", "31", "10:30"]),
        ("૨૦૦૫માં 1 234 567 kg", ["૨૦૦૫", "1 234 567 kg"]),
        ("{name} has {{count}} of ${total}, %s and %(x)d", ["{name}", "{{count}}", "${total}", "%s", "%(x)d"]),
        ("[[x]] <0> </0> <|im_end|> [INST] {%if%}", ["[[x]]", "<0>", "</0>", "<|im_end|>", "[INST]", "{%if%}"]),
        ("Edit /etc/hosts, ~/notes.txt and C:\\Users\\me", ["/etc/hosts", "~/notes.txt", "C:\\Users\\me"]),
        ("Open README.md or src/main.py, call snake_case()", ["README.md", "src/main.py", "snake_case()"]),
        ("#मौसम और @राम_लाल को", ["#मौसम", "@राम_लाल"]),
        ("a &nbsp; b <b>c</b>", ["&nbsp;", "<b>", "</b>"]),
    ],
)
def test_what_is_protected(text: str, wanted: list[str]) -> None:
    assert _parts(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Nothing here. B2B and COVID-19 and the 21st and mp3.",
        "एक सादा वाक्य, बिना किसी संख्या के।",
        "and/or, he said: 100",  # the number alone
        "a < b > c; 5-year-old",
        "ஆற்றின் கரையில் உள்ள கிராமம்.",
    ],
)
def test_words_are_not_protected(text: str) -> None:
    assert not any(letter.isalpha() for part in _parts(text) for letter in part)


def test_masking_and_back() -> None:
    masked = mask("पानी 12 km दूर, https://a.example/ देखें <1>")
    assert masked.text == "पानी <1> दूर, <2> देखें <3>"
    assert masked.parts == {"<1>": "12 km", "<2>": "https://a.example/", "<3>": "<1>"}
    assert unmask("<3> ＜ ２ ＞ <१>", masked.parts) == "<1> https://a.example/ 12 km"
    with pytest.raises(ValueError, match="placeholders <1> <2>; wanted <1> <2> <3>"):
        unmask("<1> <2>", masked.parts)


def test_no_placeholder_arises_from_what_stands_around() -> None:
    chance = random.Random(3)
    for _ in range(3000):
        text = "".join(chance.choices("<>/ 1१２<>＜＞／ab\ud800\u202e\0%", k=14))
        masked = mask(text)
        assert placeholders(masked.text) == list(masked.parts)
        assert unmask(masked.text, masked.parts) == text


@pytest.mark.parametrize(
    ("translated", "problem"),
    [
        ("<1> ए <2>बी</2> <3>", None),
        ("<3> <2>b</2> ＜１＞", None),  # another order, another width
        ("<1> <2>b</2>", Problem("dropped", ("<3>",))),
        ("<1> <2>b</2> <3> <3>", Problem("doubled", ("<3>",))),
        ("<1> <2>b</2> <3> <4>", Problem("invented", ("<4>",))),
        ("<1> <2>b</2> </3>", Problem("dropped", ("<3>",))),
        ("<1> </2>b<2> <3>", Problem("crossed", ("<2>", "</2>"))),
    ],
)
def test_the_check_names_what_happened(translated: str, problem: Problem | None) -> None:
    assert check_placeholders("<1> a <2>b</2> <3>", translated) == problem


def test_pairs_may_not_cross() -> None:
    source = "<1>a <2>b</2></1>"
    assert check_placeholders(source, "<2>b</2> <1>a</1>") is None
    assert check_placeholders(source, "<1>a <2>b</1></2>") == Problem("crossed", ("<1>", "</1>"))


def test_the_check_is_of_all_scripts_digits() -> None:
    assert PLACEHOLDER.fullmatch("<१२>") and placeholders("< ／ ١٢ >") == ["</12>"]
