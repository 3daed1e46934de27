"""What a document is: a file, a page of a web archive."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.curate.translate_runs import account, asked, echo, translate, written
from tests.translate.llm_server import LanguageServer

PAGES = {
    "guide.md": "# Rivers and bridges\n\nSee [the map](https://river.example/map) first.\n\n```sh\nls -la\n```\n",
    "more/page.html": '<html><body><p class="x">The river is <b>wide</b>.</p>\n<script>var a = 1;</script></body></html>',
    "more/Notes.TXT": "The town is old.\r\nपुराना शहर है।\r\n",
    "more/late.markdown": "---\ntitle: The late river\n---\n\nIt came `late`.\n",
}


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    for name, text in PAGES.items():
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (tmp_path / "docs" / "more" / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "docs" / "more" / "paper.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "docs" / "empty.txt").write_bytes(b" \n")
    return tmp_path / "docs"


def test_a_file_is_a_document_in_the_format_of_its_name(spark: Any, pages: Path, tmp_path: Path) -> None:
    with LanguageServer(echo) as server:
        result = translate(server, str(pages), str(tmp_path / "out"))
        given = set(map(asked, server.requests))
    assert result.exit_code == 0, result.output
    assert written(tmp_path / "out") == PAGES
    found = account(tmp_path / "out")
    assert found["failed"] == {"unknown_format": 2} and found["dropped"] == {"empty": 1} and found["in"] == 7
    assert given == {
        "Rivers and bridges", "See <1>the map</1> first.", "The river is <1>wide</1>.", "The town is old.",
        "पुराना शहर है।", "The late river", "It came <1>.",
    }  # fmt: skip


def test_the_format_that_is_given_holds_for_every_file(spark: Any, pages: Path, tmp_path: Path) -> None:
    with LanguageServer(echo) as server:
        files = [str(pages / "*.md"), str(pages / "more" / "Notes.TXT")]
        result = translate(server, *files, str(tmp_path / "out"), "--format", "plain")
        given = set(map(asked, server.requests))
    assert result.exit_code == 0, result.output
    assert set(written(tmp_path / "out")) == {"guide.md", "more/Notes.TXT"}
    assert any("Rivers" in text and "#" in text for text in given), "as plain text, the heading has its mark"


def test_pages_of_a_web_archive_are_html(spark: Any, tmp_path: Path) -> None:
    body = "<p>The river is <i>wide</i>, caf\xe9 by caf\xe9.</p>".encode("latin-1")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n"
    page = head + body
    record = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://river.example/\r\n"
    record += b"WARC-Record-ID: <urn:uuid:1>\r\nContent-Type: application/http; msgtype=response\r\n"
    record += b"Content-Length: %d\r\n\r\n" % len(page) + page + b"\r\n\r\n"
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(record))
    with LanguageServer(echo) as server:
        result = translate(server, str(tmp_path / "a.warc.gz"), str(tmp_path / "out"))
        assert [asked(body) for body in server.requests] == ["The river is <1>wide</1>, café by café."]
    assert result.exit_code == 0, result.output
    assert list(written(tmp_path / "out").values()) == ["<p>The river is <i>wide</i>, café by café.</p>"]
