"""Licences and opt-outs as pages, headers and corpora state them."""

import time

import pytest

from curate.sources.archive import Context, Header, to_item
from curate.sources.fields import to_record
from curate.sources.record import Record
from filters.rights import MENTIONS, license_of, of_headers, of_page, opt_outs_of

CC = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (f'<link rel="license" href="{CC}">', CC),
        (f"<a href='{CC}' rel='nofollow license'>CC BY</a>", CC),
        (f"<A REL=license HREF={CC}>", CC),
        ('<a rel="license" href="/terms?a=1&amp;b=2">', "https://site.example/terms?a=1&b=2"),
        ('<a rel="license" href="javascript:alert(1)">', None),
        ('<a rel="license">', None),
        (f'<img rel="license" src="x" href="{CC}">', None),
        (f'<a rel="nolicense" href="{CC}">', None),
        (f'<p>rel="license"</p><a href="{CC}">', None),
        (f"<a rel=license href='mailto:a@b'><a rel=license href='{CC}'>", CC),
        ("<a rel=license href='http://[::1'>", None),
    ],
)
def test_a_link_to_a_licence(tag: str, expected: str | None) -> None:
    page = f"<html><body>{'text ' * 100}{tag} more</body></html>".encode()
    assert license_of(page, "https://site.example/a/b") == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('<meta name="robots" content="index, NoAI, noimageai">', {"noai", "noimageai"}),
        ("<meta content='noai' name=robots>", {"noai"}),
        ('<meta name="robots" content="noindex">', set()),
        ('<meta name="description" content="noai">', set()),
        ('<meta name="tdm-reservation" content="1">', {"tdm-reservation"}),
        ('<meta name="tdm-reservation" content="0">', set()),
        ("<p>noai</p>", set()),
    ],
)
def test_meta_tags(tag: str, expected: set[str]) -> None:
    assert opt_outs_of(f"<head>{tag}</head>".encode()) == expected


def test_headers() -> None:
    assert of_headers({}) == (None, None)
    headers = {
        "x-robots-tag": "googlebot:noai, noimageai",
        "tdm-reservation": "1",
        "link": f'</a>; rel=next, <{CC}>; rel="license"',
    }
    assert of_headers(headers) == (CC, "noai, noimageai, tdm-reservation")


def test_page_and_headers_together() -> None:
    page = b"<meta name=tdm-reservation content=1><a rel=license href=/terms>"
    assert of_page(page, "http://a.example/") == ("http://a.example/terms", "tdm-reservation")
    assert of_page(page, "http://a.example/", license_=CC, opt_out="noai") == (CC, "noai, tdm-reservation")
    assert of_page(b"<p>hello", "http://a.example/") == (None, None)


def test_a_response_carries_what_its_headers_say() -> None:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Robots-Tag: noindex\r\nX-Robots-Tag: noai\r\n\r\n<html><p>hello"
    item = to_item(Header(kind="response", length=1, url="http://a.example/"), block, 0, Context(limit=10_000))
    assert isinstance(item, Record) and (item.license, item.opt_out) == (None, "noai")


def test_a_corpus_carries_its_fields() -> None:
    row = {"text": "a", "metadata": {"licence": "CC-BY-4.0"}, "opt_out": "noai"}
    found = to_record(row, 0, 100)
    assert isinstance(found, Record) and (found.license, found.opt_out) == ("CC-BY-4.0", "noai")


@pytest.mark.parametrize(
    "page",
    [
        b"<meta " * 500_000,
        b"rel=" * 500_000,
        b'rel="' + b" license" * 300_000,
        b"<a rel=license " * 200_000,
        b"<meta name=robots content=noai " * 100_000,
        b"license" * 400_000,
        b"rel" + b" " * 2_000_000,
        b"<" * 2_000_000 + b"noai license",
    ],
)
def test_hostile_pages_take_no_time(page: bytes) -> None:
    start = time.process_time()
    of_page(page, "http://a.example/")
    assert time.process_time() - start < 2
    assert MENTIONS


def test_the_columns_are_filled_in_a_run() -> None:
    from tests.curate.test_measure_screen import measured, page

    body = page("My neighbours repaired the old bridge last week, and now the children can walk to school again.")
    body = body.replace(b"<head>", b"<head><meta name=robots content=noai>").replace(
        b"</body>", f"<a rel=license href={CC}></a></body>".encode()
    )
    rows, _, failures = measured([body, page("hello there")])
    assert not failures
    assert (rows[0]["license"], rows[0]["opt_out"]) == (CC, "noai") and (rows[1]["license"], rows[1]["opt_out"]) == (
        None,
        None,
    )
