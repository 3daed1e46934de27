"""HTML: what of a page is translated, and that the rest is copied."""

import zipfile
from pathlib import Path

import pytest

from filters.charset import decode
from translate.document import Document

PAGE = """<!DOCTYPE html><html lang=hi><head><title>मेरा &amp; पन्ना</title><meta name="description" content="A page.">
<script>if (a < b) { document.write("<p>no</p>"); }</script><style>p > a { color: red }</style></head>
<body><p>नदी <b>बहुत <i>लंबी</i></b> है। It
   runs&nbsp;north. <img src="a.png" alt="A river"></p><pre>kept as is</pre>
<p>Call <code>f(x)</code> now, <a href="/x?a=1&amp;b=2" title='Read "this"'>here</a>!<br>Next line</p>
<ul><li>One<li>Two</ul><p translate="no">Kept Name</p><!-- no --><p>10<sup>5</sup> people</p></body></html>"""


def _texts(source: str) -> list[str]:
    return [span.text for span in Document.parse(source, "html").spans]


def test_what_is_given() -> None:
    assert _texts(PAGE) == [
        "मेरा & पन्ना",
        "A page.",
        "नदी <1>बहुत <2>लंबी</2></1> है।",
        "It runs\xa0north.",
        "A river",
        "Call <1> now, <2>here</2>!",
        'Read "this"',
        "Next line",
        "One",
        "Two",
        "<1> people",
    ]


def test_what_changes_is_escaped_and_the_rest_is_copied() -> None:
    source = "<p>A &amp; B&nbsp;&eacute; <b>c</b></p><img alt='d'><script>A & B</script>"
    document = Document.parse(source, "html")
    assert document.rebuild(["<1>ग</1> < é\xa0& x", "it's"]) == (
        "<p><b>ग</b> &lt; &eacute;&nbsp;&amp; x</p><img alt='it&#39;s'><script>A & B</script>"
    )
    assert document.rebuild([None, None]) == source


def test_an_attribute_inside_a_sentence_is_translated_with_it_and_without() -> None:
    source = 'Look <img alt="a cat" src=c.png> there <a title=tip href=#>now</a> ok.'
    document = Document.parse(source, "html")
    texts = [span.text for span in document.spans]
    assert texts == ["Look <1> there <2>now</2> ok.", "a cat", "tip"]
    assert document.rebuild(["<2>अब</2> <1> वहाँ", "बिल्ली", "एक बात"]) == (
        '<a title=एक&#32;बात href=#>अब</a> <img alt="बिल्ली" src=c.png> वहाँ'
    )
    assert document.rebuild([None, "बिल्ली", None]) == source.replace("a cat", "बिल्ली")


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("a < b <3 c </3 d", ["a < b <<1> c"]),
        ("<a title=it's>ok</a>", ["it's", "ok"]),
        ("<p>one<p>two", ["one", "two"]),
        ("<code>x<p>after</p>", ["after"]),
        ("<pre>a<p>b</pre>c", ["c"]),
        ("<svg><text>no</text></svg>yes<math><mi>no</mi></math>", ["<1>yes<2>"]),
        ("<span class='a notranslate'>Nokia</span> makes phones", ["<1> makes phones"]),
        ("<textarea>no</textarea><noscript>yes</noscript>", ["yes"]),
        ("<!-- a > b -->c<![CDATA[no]]>", ["c"]),
        ("&lt;1&gt; &#2325; &copy &unknown; x", ["<1> क © <2> x"]),
        ("<b>One. Two</b> more. <b>Four", ["One.", "Two<1> more.", "Four"]),
        ("<code>f</code> returns", ["<1> returns"]),
    ],
)
def test_broken_and_odd(source: str, texts: list[str]) -> None:
    document = Document.parse(source, "html")
    assert [span.text for span in document.spans] == texts
    assert document.rebuild([span.text for span in document.spans]) == source


@pytest.mark.shared
def test_real_pages(shared: Path) -> None:
    with zipfile.ZipFile(shared / "html" / "w3c_i18n_articles.zip") as pages:
        names = [name for name in pages.namelist() if name.startswith("pages/")][::20]
        sources = [decode(pages.read(name)) for name in names]
    assert len(sources) > 10
    for source in sources:
        document = Document.parse(source, "html")
        assert len(document.spans) > 5
        assert document.rebuild([span.text for span in document.spans]) == source
