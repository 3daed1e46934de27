"""The sample crawl is what its README promises, and `tests/samples/build.py` still writes it."""

import functools
import gzip
import itertools
import json
import tomllib
import xml.etree.ElementTree as ElementTree
import zlib
from collections import Counter
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import trafilatura

from tests.samples import build, content, markup
from tests.samples.content import Page

SAMPLES = Path(__file__).parent.parent / "samples"
KINDS = {
    *("article", "charset", "code_mixed", "exact_copy", "near_copy", "pii", "xss", "odd_url", "blocked", "short"),
    *(
        "repeated",
        "link_list",
        "boilerplate",
        "title_only",
        "http_status",
        "image",
        "revisit",
        "malformed",
        "truncated",
    ),
}
ARTICLES = {"article", "charset", "code_mixed"}
LANGUAGES = {
    *("amh_Ethi", "arb_Arab", "ben_Beng", "cmn_Hani", "ell_Grek", "eng_Latn", "heb_Hebr", "hin_Deva", "hin_Latn"),
    *("jpn_Jpan", "khm_Khmr", "kor_Hang", "rus_Cyrl", "swh_Latn", "tam_Taml", "tha_Thai", "urd_Arab", "yor_Latn"),
}
UNSPACED = {"Hani", "Jpan", "Khmr", "Thai"}


@functools.cache
def pages() -> list[Page]:
    return build.all_pages()


def expected() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLES / "expected.jsonl").read_text(encoding="utf-8").splitlines()]


def members(path: Path) -> list[bytes]:
    """The gzip members of a file, inflated, without one that is cut off; a plain file is one."""
    if path.suffix != ".gz":
        return [path.read_bytes()]
    data, found = path.read_bytes(), []
    while data:
        inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        content = inflate.decompress(data)
        data = inflate.unused_data
        found += [content] if inflate.eof else []
    return found


def records(path: Path) -> list[tuple[str, str]]:
    """(type, URL) of the WARC records, one a gzip member; the malformed one has neither."""
    found = []
    for member in members(path):
        assert member.startswith(b"WARC/1.0\r\n")
        head = member.partition(b"\r\n\r\n")[0].decode().splitlines()[1:]
        headers = {name: value for name, colon, value in (line.partition(": ") for line in head) if colon}
        found.append((headers.get("WARC-Type", ""), headers.get("WARC-Target-URI", "")))
    return found


def shingles(page: Page) -> set[str]:
    """Word 5-grams, or character 5-grams where words are not spaced."""
    spaced = (page.label or "").partition("_")[2] not in UNSPACED
    units = page.text.split() if spaced else list(page.text.replace(" ", ""))
    return {"\0".join(units[i : i + 5]) for i in range(len(units) - 4)}


def similarity(one: Page, other: Page) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def test_build_reproduces_the_committed_files(tmp_path: Path) -> None:
    build.build(tmp_path)
    written, committed = list(build.outputs(tmp_path)), list(build.outputs(SAMPLES))
    assert [path.name for path in written] == [path.name for path in committed]
    same_compressor = "zlib-ng" not in zlib.ZLIB_RUNTIME_VERSION
    for new, old in zip(written, committed, strict=True):
        if same_compressor:
            assert new.read_bytes() == old.read_bytes(), f"{old.name}: run python -m tests.samples.build"
        else:
            assert members(new) == members(old), f"{old.name}: run python -m tests.samples.build"


def test_sizes() -> None:
    crawl = sorted((SAMPLES / build.CRAWL_FOLDER).iterdir())
    assert len(crawl) == build.FILES
    assert 100_000 < sum(path.stat().st_size for path in crawl) < 1_000_000
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.suffix != ".pyc") < 2_000_000
    assert 120 <= len(expected()) <= 180


def test_languages_scripts_and_kinds() -> None:
    rows = expected()
    articles = Counter(row["label"] for row in rows if row["kind"] in ARTICLES)
    assert all(4 <= articles[label] <= 11 for label in LANGUAGES), articles
    assert articles["tam_Latn"] >= 2 and articles["urd_Latn"] >= 1
    assert len({label.partition("_")[2] for label in articles}) >= 14
    assert {row["kind"] for row in rows} == KINDS
    assert {row["outcome"] for row in rows} == {"kept", "copy", "dropped", "failed"}
    assert len({row["url"] for row in rows}) == len(rows)
    assert {row["original"] for row in rows if row["original"]} <= {row["url"] for row in rows}


@pytest.mark.parametrize("page", [p for p in content.language_pages() if p.label], ids=lambda page: page.url)
def test_articles_are_long_enough(page: Page) -> None:
    assert page.label is not None
    if page.label.partition("_")[2] in UNSPACED:
        assert 250 <= len(page.text) <= 2500
    else:
        assert 100 <= len(page.text.split()) <= 400


def test_charsets_decode_as_meant() -> None:
    charsets: Counter[str] = Counter()
    for page in pages():
        charsets[page.charset] += 1
        text = markup.body(page).decode("utf-8-sig" if page.byte_order_mark else page.codec)
        assert "�" not in text
        assert "&#" not in text.replace("&#x27;", ""), f"{page.url}: {page.charset} lacks a character"
        title = unescape(text.partition("<title>")[2].partition("</title>")[0])
        assert title == f"{page.title} | {page.site.name}"
    assert set(charsets) == {"utf-8", "windows-1251", "gb18030", "shift_jis", "windows-874"}
    lying = [page for page in pages() if page.http_charset and page.http_charset != page.charset]
    assert {(page.charset, page.http_charset) for page in lying} == {
        ("windows-1251", "utf-8"),
        ("utf-8", "iso-8859-1"),
    }
    assert any(page.byte_order_mark for page in pages())


def test_main_text_comes_out_and_the_menu_stays() -> None:
    kept = [page for page in pages() if page.outcome != "dropped"]
    assert len(kept) > 140
    for page in kept:
        text = trafilatura.extract(markup.render(page), include_comments=False, favor_precision=True) or ""
        lines = set(text.splitlines())
        assert all(block.replace("\xa0", " ") in text for tag, block in page.blocks if tag == "p"), page.url
        assert not lines & set(page.site.menu), page.url
        assert page.site.footer not in text and page.site.cookies not in text, page.url


def test_copies_are_near_and_articles_are_not() -> None:
    by_url = {page.url: page for page in pages()}
    copies = [page for page in pages() if page.original]
    for page in copies:
        close = similarity(page, by_url[page.original or ""])
        assert close == 1 if page.kind == "exact_copy" else 0.75 < close < 1, f"{page.url}: {close:.2f}"
    for label in {page.label for page in pages() if page.label}:
        alone = [page for page in pages() if page.label == label and not page.original and page.outcome == "kept"]
        for one, other in itertools.combinations(alone, 2):
            assert similarity(one, other) < 0.4, f"{one.url} and {other.url}"


def test_warc_records_are_in_the_expected_order() -> None:
    rows = expected()
    kinds: Counter[str] = Counter()
    for path in sorted((SAMPLES / build.CRAWL_FOLDER).iterdir()):
        found = records(path)
        kinds.update(kind for kind, _ in found)
        urls = [url for kind, url in found if kind in ("response", "revisit")]
        mine = [row for row in rows if row["file"] == path.name]
        assert urls == [row["url"] for row in mine if row["outcome"] != "failed"]
    assert min(kinds[kind] for kind in ("warcinfo", "request", "metadata")) >= 4


def test_broken_records_are_where_promised() -> None:
    rows = expected()
    assert rows[-1]["kind"] == "truncated"
    (place,) = [n for n, row in enumerate(rows) if row["kind"] == "malformed"]
    assert rows[place - 1]["file"] == rows[place]["file"] == rows[place + 1]["file"] != rows[-1]["file"]
    with pytest.raises(EOFError), gzip.open(SAMPLES / build.CRAWL_FOLDER / rows[-1]["file"]) as file:
        file.read()


def test_blocklist_names_the_blocked_hosts_and_no_other() -> None:
    lists = [(SAMPLES / "blocklist/blacklists" / name / "domains").read_text() for name in ("gambling", "adult")]
    listed = set("".join(lists).split())
    for row in expected():
        host = row["url"].split("/")[2] if "//" in row["url"] else ""
        blocked = any(host == name or host.endswith("." + name) for name in listed)
        assert blocked == (row["kind"] == "blocked"), row["url"]


def test_other_formats() -> None:
    wet = records(SAMPLES / "sample.warc.wet.gz")
    lines = gzip.decompress((SAMPLES / "sample.jsonl.gz").read_bytes()).decode().splitlines()
    documents = [json.loads(line) for line in lines]
    assert [url for kind, url in wet if kind == "conversion"] == [row["url"] for row in documents]
    assert len(documents) >= len(LANGUAGES)
    assert all({"id", "text", "url", "date", "dump"} == row.keys() for row in documents)
    dump = ElementTree.parse(SAMPLES / "dump.xml").getroot()
    namespace = "{http://www.mediawiki.org/xml/export-0.11/}"
    titles = [page.findtext(f"{namespace}title") for page in dump.iter(f"{namespace}page")]
    assert titles == [page["title"] for page in tomllib.loads((content.PAGES / "wiki.toml").read_text())["page"]]
    assert len(list(dump.iter(f"{namespace}redirect"))) == 1
