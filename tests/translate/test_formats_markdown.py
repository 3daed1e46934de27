"""Markdown: blocks stay, their text is translated."""

import pytest

from translate.document import Document

PAGE = """---
title: एक पन्ना
date: 2024-01-01
tags: [a, b]
---
# Heading *one* ##

Some **bold** text with [a link](http://a.example "t") and `code`.
Second line
===

- item one
  - [ ] नदी
1. first

| name | cell \\| two |
|:-----|-----|
| एक | `a` b |

```python
print("no")
```

    indented code

<div>
Hi <b>there</b>
</div>

> quote ![alt text](a.png)

$$
x = y
$$

[ref]: http://a.example
Note[^1].

[^1]: The note.
"""


def _texts(source: str) -> list[str]:
    return [span.text for span in Document.parse(source, "markdown").spans]


def test_what_is_given() -> None:
    assert _texts(PAGE) == [
        "एक पन्ना",
        "Heading <1>one</1>",
        "Some <1>bold</1> text with <2>a link</2> and <3>.",
        "Second line",
        "item one",
        "नदी",
        "first",
        "name",
        "cell | two",
        "एक",
        "<1> b",
        "Hi <1>there</1>",
        "quote <1>alt text</1>",
        "Note<1>.",
        "The note.",
    ]


def test_structure_is_kept() -> None:
    document = Document.parse(PAGE, "markdown")
    rebuilt = document.rebuild([f"नया {span.text}" for span in document.spans])
    again = Document.parse(rebuilt, "markdown")
    assert [span.text for span in again.spans] == [f"नया {span.text}" for span in document.spans]
    assert document.rebuild([span.text for span in document.spans]) == PAGE


@pytest.mark.parametrize(
    ("source", "translation", "wanted"),
    [
        ("one", "- नदी", "\\- नदी"),
        ("one", "1. नदी", "1\\. नदी"),
        ("one", "# नदी", "\\# नदी"),
        ("one", "a * b ` c [d]", "a \\* b \\` c \\[d]"),
        ("5 * one", "<1> * एक", "5 * एक"),
        ("a \\* b", "ए * बी", "ए \\* बी"),
        ("| one |\n|---|\n", "a|b", "| a\\|b |\n|---|\n"),
        ("---\ntitle: one\n---\n", "नदी: एक", "---\ntitle: नदी： एक\n---\n"),
        ('---\ntitle: "one"\n---\n', 'a "b"', '---\ntitle: "a \\"b\\""\n---\n'),
    ],
)
def test_a_translation_brings_no_structure(source: str, translation: str, wanted: str) -> None:
    document = Document.parse(source, "markdown")
    assert document.rebuild([translation]) == wanted


def test_wrapped_paragraphs_are_joined_and_verses_are_not() -> None:
    words = "the river rises in the hills and every year it floods the village near the old bridge. "
    prose = [(words * 12)[start : start + 70].strip() for start in range(0, 700, 70)]
    assert len(_texts("\n".join(prose))) < len(prose)
    verse = ["Roses are red,", "Violets are blue,", "Sugar is sweet,", "And so are you."]
    assert _texts("\n".join(verse)) == verse


def test_quotes_that_wrap_are_one_sentence() -> None:
    lines = ["> the river rises in the hills and every single year it floods the"] * 6
    (text,) = _texts("\n".join(lines))
    assert ">" not in text and text.count("the river") == 6


def test_underscores_and_stars_that_are_no_emphasis() -> None:
    assert _texts("snake_case 2 * 3 * x and **open") == ["<1> * <2> * x and **open"]
