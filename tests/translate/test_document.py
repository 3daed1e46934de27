"""Documents of every format: spans, rebuilding, and whatever may come in."""

import json
import time

import pytest

from translate.document import FORMATS, Document
from translate.sentences import LONGEST

HOSTILE = {
    "surrogates": "a \ud800 b\udfff. गाँव \udc00",
    "controls": "a\0b \u202eabc\u202c \u2066x\u2069 \ufeff \ufffc \ufffb y\x85z\u2028w",
    "carriage returns": "one\rtwo\r\nthree\n\rfour",
    "our placeholders": "Take <1> and </1> and ＜２＞ or ⟦3⟧ now.",
    "unbalanced": "<b>one <i>two</b> three</i> </p> **four *five** six* [seven](",
    "open tag": "text <a href='x",
    "open comment": "text <!-- rest",
    "open fence": "text\n\n```\ncode",
    "empty": "",
    "spaces": " \n\t\n ",
    "byte order mark": "\ufeffनमस्ते दुनिया।",
}


def _wrapped(text: str, format: str) -> str:
    return (
        json.dumps({"messages": [{"role": "user", "content": text}], "input": text})
        if format in ("chat", "instruction")
        else text
    )


def _echo(document: Document) -> str:
    return document.rebuild([span.text for span in document.spans])


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_comes_back(name: str, format: str) -> None:
    source = _wrapped(HOSTILE[name], format)
    document = Document.parse(source, format)
    assert _echo(document) == source == document.rebuild([None] * len(document.spans))
    changed = document.rebuild([f"{span.text} नया" for span in document.spans])
    assert changed.count("नया") + changed.count("\\u0928\\u092f\\u093e") == len(document.spans)


ENDLESS = {
    "nested": "<b>" * 100_000 + "text" + "</b>" * 100_000,
    "crossed": "<b><i>" * 20_000 + "t" + "</b></i>" * 20_000,
    "quotes": ">" * 100_000 + " a",
    "links": "[" * 50_000 + "a" + "](b)" * 50_000,
    "tags": "<a b='" * 50_000,
    "ticks": "`a``b" * 20_000,
    "dollars": "$a=b " * 20_000,
    "names": "a_" * 50_000,
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ENDLESS)
def test_deep_and_endless_markup_takes_linear_time(name: str, format: str) -> None:
    source = _wrapped(ENDLESS[name], format)
    start = time.process_time()
    assert _echo(Document.parse(source, format)) == source
    assert time.process_time() - start < 30  # quadratic would be hours


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "piece", ["word and more, ", "字", "สวัสดีชาวโลก", "नदी "], ids=["clauses", "han", "thai", "hindi"]
)
def test_one_long_line_is_cut(piece: str, format: str) -> None:
    source = _wrapped(piece * (300_000 // len(piece)), format)
    document = Document.parse(source, format)
    assert max(len(span.text) for span in document.spans) <= LONGEST
    assert _echo(document) == source
    read = json.loads(source)["input"] if source[0] == "{" else source
    given = "".join(span.text for span in document.spans).replace(" ", "")
    assert given == read.replace(" ", "")  # every letter


def test_places_are_those_of_the_source() -> None:
    source = "पहला वाक्य है। दूसरा 12 km लंबा है।\nThird one."
    document = Document.parse(source, "plain")
    assert [source[span.start : span.end] for span in document.spans] == [
        "पहला वाक्य है।",
        "दूसरा 12 km लंबा है।",
        "Third one.",
    ]
    assert [span.text for span in document.spans] == ["पहला वाक्य है।", "दूसरा <1> लंबा है।", "Third one."]
    part = document.spans[1].parts[0]
    assert source[part.start : part.end] == "12 km"


def test_translations_go_where_their_spans_were() -> None:
    document = Document.parse("Cat. Category <b>. Cat 5.\n", "plain")
    assert document.rebuild(["बिल्ली।", None, "<1> बिल्ली।"]) == "बिल्ली। Category <b>. 5 बिल्ली।\n"
    assert [span.text for span in document.spans] == ["Cat.", "Category <1>.", "Cat <1>."]


def test_line_breaks_of_a_translation_are_no_structure() -> None:
    document = Document.parse("- one\n- two\n", "markdown")
    assert document.rebuild([" एक\nदो\n", "तीन"]) == "- एक दो\n- तीन\n"


def test_damaged_placeholders_are_refused() -> None:
    document = Document.parse("It is 5 km.", "plain")
    with pytest.raises(ValueError, match="span 0: placeholders dropped: <1>"):
        document.rebuild(["यह दूर है।"])
    with pytest.raises(ValueError, match="2 translations for 1 spans"):
        document.rebuild([None, None])


def test_an_unknown_format_lists_the_known() -> None:
    with pytest.raises(ValueError, match="unknown format 'docx'; known: plain, markdown, html, chat, instruction"):
        Document.parse("a", "docx")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Dr. Smith came. He left.", ["Dr. Smith came.", "He left."]),
        ("It is 3.14 and e.g. this one! Is it? Yes.", ["It is <1> and e.g. this one!", "Is it?", "Yes."]),
        ("यह है।वह है॥ और?", ["यह है।", "वह है॥", "और?"]),
        ("他来了。她走了！“好吗？”是的", ["他来了。", "她走了！", "“好吗？”", "是的"]),
        ("یہ ہے۔ وہ ہے؟ ہاں", ["یہ ہے۔", "وہ ہے؟", "ہاں"]),
        ("ይህ ነው። ያ ነው።", ["ይህ ነው።", "ያ ነው።"]),
        ("ဒါဖြစ်သည်။ ဟုတ်ကဲ့။", ["ဒါဖြစ်သည်။", "ဟုတ်ကဲ့။"]),
        ("See https://a.example/x. Now! `a. B` is code.", ["See <1>.", "Now!", "<1> is code."]),
    ],
)
def test_sentences_of_many_scripts(text: str, wanted: list[str]) -> None:
    assert [span.text for span in Document.parse(text, "plain").spans] == wanted
