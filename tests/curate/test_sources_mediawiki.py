"""Wikipedia dumps: pages, hostile XML, and markup to text in linear time."""

import bz2
import gzip
import random
import time
import tracemalloc
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from curate.sources import Failure, Item, Record, Split, read
from curate.sources.wikitext import to_text

SITE = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="hi">
  <siteinfo><sitename>Test</sitename><dbname>hiwiki</dbname><base>https://hi.wikipedia.org/wiki/मुखपृष्ठ</base>
    <namespaces><namespace key="0" /><namespace key="6">चित्र</namespace><namespace key="14">श्रेणी</namespace></namespaces>
  </siteinfo>
"""


def page(number: int, title: str, text: str, *, namespace: int = 0, extra: str = "", model: str = "wikitext") -> str:
    return (
        f"  <page>\n    <title>{escape(title)}</title><ns>{namespace}</ns><id>{number}</id>{extra}\n    <revision><id>9{number}</id>"
        f"<timestamp>2024-05-01T00:00:0{number}Z</timestamp><contributor><username>X</username><id>77</id></contributor>"
        f'<model>{model}</model><text bytes="1" xml:space="preserve">{escape(text)}</text></revision>\n  </page>\n'
    )


def dump(*pages: str) -> bytes:
    return (SITE + "".join(pages) + "</mediawiki>\n").encode()


def read_dump(path: Path, data: bytes, limit_bytes: int = 1 << 20) -> list[Item]:
    path.write_bytes(data)
    return list(read(Split(file=str(path), format="mediawiki"), limit_bytes=limit_bytes))


def outcomes(items: list[Item]) -> list[str | None]:
    return [
        item.id if isinstance(item, Record) else item.reason for item in items if isinstance(item, Record | Failure)
    ]


@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress])
def test_pages_of_a_dump(tmp_path: Path, pack: type[bytes]) -> None:
    redirect = '<redirect title="गाँव" />'
    data = dump(
        page(1, "पुराना गाँव", "'''गाँव''' [[नदी]] के पास है & शांत।\n[[चित्र:a.jpg|x]]\n[[श्रेणी:गाँव]]"),
        page(2, "चर्चा:गाँव", "बात", namespace=1),
        page(3, "Village", "#REDIRECT [[गाँव]]", extra=redirect),
        page(4, "ढाँचा", "{{केवल|साँचा}}"),
        page(5, "Data", "{}", model="json"),
    )
    items = read_dump(tmp_path / "hiwiki-20240501-pages-articles.xml.bz2", pack(data))
    assert all(isinstance(item, Record) for item in items)
    first = items[0]
    assert isinstance(first, Record)
    assert (first.id, first.payload, first.date) == ("1", "गाँव नदी के पास है & शांत।", "2024-05-01T00:00:01Z")
    assert (
        first.url
        == "https://hi.wikipedia.org/wiki/%E0%A4%AA%E0%A5%81%E0%A4%B0%E0%A4%BE%E0%A4%A8%E0%A4%BE_%E0%A4%97%E0%A4%BE%E0%A4%81%E0%A4%B5"
    )
    assert (first.dump, first.offset) == ("hiwiki-20240501", data.index(b"<page>"))
    reasons = [item.drop_reason for item in items if isinstance(item, Record)]
    assert reasons == [None, "namespace", "redirect", "empty", "content_type"]


def test_the_database_names_the_dump_where_the_file_does_not(tmp_path: Path) -> None:
    [item] = read_dump(tmp_path / "x.xml", dump(page(1, "a", "b")))
    assert isinstance(item, Record) and item.dump == "hiwiki"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (page(2, "b", "x").replace("</title>", ""), "malformed"),
        (page(2, "b", "x").replace("<ns>", "&lol; <ns>"), "malformed"),
        (page(2, "b", "x").replace("<ns>", "\x01<ns>"), "malformed"),
        (page(2, "b", "x" * 60_000), "too_large"),
        (page(2, "b", "ក" * 20_000), "too_large"),
        (page(2, "b", "x").replace("<ns>", "<a>" * 50 + "<ns>"), "malformed"),
        (page(2, "b", "x").replace("<ns>", "<a b='" + "y" * 400_000 + "'/><ns>"), "too_large"),
    ],
)
def test_a_bad_page_is_one_failure(tmp_path: Path, bad: str, reason: str) -> None:
    data = dump(page(1, "a", "एक"), bad, page(3, "c", "तीन"))
    items = read_dump(tmp_path / "a.xml", data, limit_bytes=50_000)
    assert outcomes(items) == ["1", reason, "3"]
    third = items[2]
    assert isinstance(third, Record)
    assert (third.payload, third.offset) == ("तीन", data.rindex(b"<page>"))
    assert third.url == "https://hi.wikipedia.org/wiki/c"


def test_bytes_that_are_not_utf8_cost_their_page(tmp_path: Path) -> None:
    data = dump(page(1, "a", "एक"), page(2, "b", "BAD"), page(3, "c", "तीन")).replace(b"BAD", b"\xff\xfe")
    assert outcomes(read_dump(tmp_path / "a.xml", data)) == ["1", "malformed", "3"]


@pytest.mark.parametrize("cut", [300, 700, 930])
def test_a_dump_that_is_cut_off(tmp_path: Path, cut: int) -> None:
    data = dump(page(1, "a", "एक"), page(2, "b", "दो"))
    for pack in (bytes, gzip.compress):
        packed = pack(data)
        items = read_dump(tmp_path / "a.xml", packed[: len(packed) * cut // len(data)])
        assert outcomes(items)[-1] == "truncated"
    assert outcomes(read_dump(tmp_path / "a.xml", b"")) == ["truncated"]


def test_no_entity_is_ever_expanded(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    head = (
        f'<?xml version="1.0"?><!DOCTYPE mediawiki [<!ENTITY l0 "lol">{laughs}<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    )
    data = head.encode() + dump(page(1, "a", "TEXT").replace("TEXT", "&l9; &x;"), page(2, "b", "दो"))
    [failure] = read_dump(tmp_path / "a.xml", data)
    assert isinstance(failure, Failure)
    assert failure.reason == "malformed" and "document type" in failure.error


def test_other_xml_is_refused(tmp_path: Path) -> None:
    [failure] = read_dump(tmp_path / "a.xml", b"<rss><page><title>x</title></page></rss>")
    assert isinstance(failure, Failure) and "<rss>" in failure.error


def test_a_page_of_any_size_stays_small_in_memory(tmp_path: Path) -> None:
    data = bz2.compress(dump(page(1, "a", "x" * (20 << 20)), page(2, "b", "दो")))
    path = tmp_path / "a.xml.bz2"
    tracemalloc.start()
    items = read_dump(path, data, limit_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcomes(items) == ["too_large", "2"]
    assert peak < 8 << 20


def test_random_damage_never_raises(tmp_path: Path) -> None:
    chance = random.Random(5)
    sound = dump(*(page(n, f"t{n}", "गाँव {{x}} [[y]]") for n in range(1, 9)))
    seen: list[str | None] = []
    for _ in range(80):
        data = bytearray(sound)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.choice(b"<>&\x00a/]\xff")
        outcome = outcomes(read_dump(tmp_path / "a.xml", bytes(data)))
        assert "unreadable" not in outcome
        seen += outcome
    assert seen.count("malformed") > 20 and seen.count("8") > 20


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("'''ቡና''' ''የ'' [[ኢትዮጵያ]] [[መጠጥ|መጠጦች]] ነው።", "ቡና የ ኢትዮጵያ መጠጦች ነው።"),
        ("a{{t|{{u|v}}|[[w]]}}b {{{1|{{x}}}}} {{{{{y}}}}}c", "ab  c"),
        ("{{Infobox\n| name = x\n}}\nΤο χωριό", "Το χωριό"),
        ("==  歴史  ==\n本文\n=== 川 ===", "歴史\n本文\n川"),
        ("{| class='x'\n|-\n! a\n| b || {{c}}\n{|\n| nested\n|}\n|}\nafter", "after"),
        ("x<ref>y {{cite|z}}</ref><ref name='a' /> <ref name=b>c</ref>.", "x ."),
        ("a<!-- b [[c -->d <!-- never closed", "ad"),
        ("<nowiki>[[not a link]]</nowiki> <math>x^{2}</math> <b>bold</b><br>line", "[[not a link]]  bold\nline"),
        (
            "[[File:x.jpg|thumb|a [[link|caption]] here]]text [[Category:Y]] [[fr:Village]] [[:Category:Y]]",
            "text   Category:Y",
        ),
        ("* one\n** two\n# three\n; four\n: five", "one\ntwo\nthree\nfour\nfive"),
        ("see [https://x.example label] and [https://x.example]", "see label and"),
        ("__NOTOC__\n\n\n\nतीन &amp; &lt;चार&gt;&nbsp;५", "तीन & <चार> ५"),
        ("Gaon ({{lang|hi|x}}; ) stands", "Gaon stands"),
        ("open {{ never closed [[ link", "open  never closed  link"),
        ("stray }} and ]] and |} stay", "stray  and  and |} stay"),
        ("", ""),
    ],
)
def test_wikitext(markup: str, text: str) -> None:
    assert to_text(markup) == text


HOSTILE = {
    "open braces": "{{" * 200_000,
    "braces": "{{" * 100_000 + "}}" * 100_000,
    "parameters": "{{{" * 60_000 + "}}}" * 60_000,
    "one run": "{" * 300_000 + "}" * 300_000,
    "links": "[[" * 100_000 + "]]" * 100_000,
    "labels": "[[a|" * 60_000 + "]]" * 60_000,
    "mixed": "{{[[<ref>{|" * 30_000 + "}}" * 60_000,
    "math": "<math>" * 50_000,
    "references": "<ref>" * 50_000,
    "comments": "<!--" * 60_000,
    "tags": "<a " * 100_000,
    "addresses": "[http://a" * 50_000,
    "spaces": " " * 300_000 + "{|",
    "equals": "= " * 100_000,
    "brackets": "(" * 300_000,
    "quotes": "'" * 300_000,
    "entities": "&" * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markup_takes_linear_time(name: str) -> None:
    start = time.process_time()
    to_text(HOSTILE[name])
    assert time.process_time() - start < 3
