"""Write the sample crawl: `python -m tests.samples.build [--output FOLDER]`. Standard library only, same bytes every time."""

import argparse
import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.samples import archive, content, markup
from tests.samples.content import Page

HERE = Path(__file__).parent
FILES = 4
CRAWL_FILE = "CC-MAIN-20260518093412-20260518123412-{:05d}.warc.gz"
IMAGE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)
WITH_REQUEST = 8  # every how many captures come with their request and metadata records
CRAWL_FOLDER = "crawl"


@dataclass(frozen=True, slots=True)
class Capture:
    """A content record: its row of expected.jsonl, and how to write it into a file at a place in the crawl."""

    row: dict[str, str | None]
    write: Callable[[str, int], bytes]


def _row(
    url: str, label: str | None, kind: str, outcome: str, original: str | None, charset: str | None
) -> dict[str, str | None]:
    return {"url": url, "label": label, "kind": kind, "outcome": outcome, "original": original, "charset": charset}


def content_type(page: Page) -> str:
    charset = page.charset if page.http_charset is None else page.http_charset
    return f"text/html; charset={charset}" if charset else "text/html"


def page_capture(page: Page) -> Capture:
    def write(file: str, sequence: int) -> bytes:
        body = markup.body(page)
        payload = archive.gzip_member(body) if page.content_encoding == "gzip" else body
        http = archive.http_response(page.status, content_type(page), payload, page.content_encoding)
        record = archive.response(file, page.url, sequence, http, payload)
        if sequence % WITH_REQUEST:
            return record
        around = archive.request(file, page.url, sequence), archive.metadata(file, page.url, sequence)
        return around[0] + record + around[1]

    charset = page.charset if page.label else None
    return Capture(_row(page.url, page.label, page.kind, page.outcome, page.original, charset), write)


def image_capture(url: str) -> Capture:
    def write(file: str, sequence: int) -> bytes:
        http = archive.http_response("200 OK", "image/png", IMAGE, None)
        return archive.response(file, url, sequence, http, IMAGE)

    return Capture(_row(url, None, "image", "dropped", None, None), write)


def revisit_capture(page: Page) -> Capture:
    url = page.url + "?again"

    def write(file: str, sequence: int) -> bytes:
        return archive.revisit(file, url, page.url, markup.body(page), sequence)

    return Capture(_row(url, None, "revisit", "dropped", page.url, None), write)


def malformed_capture(url: str) -> Capture:
    return Capture(_row(url, None, "malformed", "failed", None, None), lambda file, sequence: archive.malformed(url))


def captures(pages: list[Page]) -> list[Capture]:
    """In the order of a hash of their URLs, as a crawl has no order; the malformed record is in the middle of one file."""
    found = [page_capture(page) for page in pages]
    found += [image_capture("https://riverside-post.example/img/lead.png"), revisit_capture(pages[0])]
    found.append(malformed_capture("https://board.example/bad-record"))
    return sorted(found, key=lambda capture: hashlib.sha256((capture.row["url"] or "").encode()).digest())


def truncated(page: Page, file: str, sequence: int) -> tuple[dict[str, str | None], bytes]:
    """The last record of the crawl, cut in the middle of its gzip member, as a broken download leaves it."""
    body = markup.body(page)
    http = archive.http_response(page.status, content_type(page), body, None)
    record = archive.response(file, page.url, sequence, http, body)
    return _row(page.url, page.label, "truncated", "failed", None, page.charset), record[: len(record) // 2]


def write_crawl(folder: Path, pages: list[Page]) -> list[dict[str, str | None]]:
    """The WARC files; returns the rows of expected.jsonl in the order of the records."""
    *whole, last = pages
    found = captures(whole)
    rows: list[dict[str, str | None]] = []
    (folder / CRAWL_FOLDER).mkdir(parents=True, exist_ok=True)
    for index in range(FILES):
        name = CRAWL_FILE.format(index)
        chosen = list(enumerate(found))[index * len(found) // FILES : (index + 1) * len(found) // FILES]
        data = archive.warcinfo(name) + b"".join(capture.write(name, place) for place, capture in chosen)
        rows += [{**capture.row, "file": name} for _, capture in chosen]
        if index == FILES - 1:
            row, cut = truncated(last, name, len(found))
            data += cut
            rows.append({**row, "file": name})
        (folder / CRAWL_FOLDER / name).write_bytes(data)
    return rows


def _plain(page: Page) -> str:
    """What Common Crawl's WET holds of a page: every visible text, menus included."""
    return "\n".join([f"{page.title} | {page.site.name}", *page.site.menu, page.title, page.text, page.site.footer, ""])


def write_wet(path: Path, pages: list[Page]) -> None:
    records = [
        archive.conversion(page.url, (page.label or "und")[:3], _plain(page), place) for place, page in enumerate(pages)
    ]
    path.write_bytes(archive.warcinfo(path.name) + b"".join(records))


def write_jsonl(path: Path, pages: list[Page]) -> None:
    rows = [
        {
            "id": f"sample-{place}",
            "text": page.text,
            "url": page.url,
            "date": archive.date(place),
            "dump": archive.CRAWL,
        }
        for place, page in enumerate(pages)
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(archive.gzip_member(lines.encode()))


def _wiki_page(number: int, page: dict[str, Any]) -> str:
    redirect = f'<redirect title="{escape(page["redirect"])}" />' if "redirect" in page else ""
    return (
        f"  <page>\n    <title>{escape(page['title'])}</title>\n    <ns>{page['namespace']}</ns>\n"
        f"    <id>{number}</id>\n    {redirect}\n    <revision>\n      <id>{1000 + number}</id>\n"
        f"      <timestamp>{archive.date(number)}</timestamp>\n      <model>wikitext</model>\n"
        f'      <text xml:space="preserve">{escape(page["text"].strip(), quote=False)}</text>\n'
        "    </revision>\n  </page>\n"
    )


def write_wiki(path: Path) -> None:
    table = tomllib.loads((content.PAGES / "wiki.toml").read_text(encoding="utf-8"))
    namespaces = {0: "", 1: "Talk", 6: "File", 10: "Template", 14: "Category"}
    names = "".join(f'<namespace key="{key}">{name}</namespace>' for key, name in namespaces.items())
    head = (
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">\n'
        "  <siteinfo><sitename>Sample Wiki</sitename><dbname>samplewiki</dbname>"
        f"<base>https://wiki.example/wiki/{quote('Main Page')}</base><namespaces>{names}</namespaces></siteinfo>\n"
    )
    pages = "".join(_wiki_page(number, page) for number, page in enumerate(table["page"], 1))
    path.write_text(f"{head}{pages}</mediawiki>\n", encoding="utf-8", newline="\n")


def one_a_language(pages: list[Page]) -> list[Page]:
    return list({page.label: page for page in reversed(pages) if page.kind == "article"}.values())[::-1]


def all_pages() -> list[Page]:
    """Every page of the crawl; the last one is the page whose record is cut off."""
    articles = content.language_pages()
    cut = next(page for page in articles if page.url.endswith("/to-karavi-tis-agonis"))
    articles.remove(cut)
    return [*articles, *content.special_pages(), *content.copies(articles), cut]


def build(folder: Path) -> None:
    pages = all_pages()
    rows = write_crawl(folder, pages)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "expected.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    samples = one_a_language(pages)
    write_wet(folder / "sample.warc.wet.gz", samples)
    write_jsonl(folder / "sample.jsonl.gz", samples)
    (folder / "sample.html").write_bytes(markup.body(next(page for page in samples if page.label == "hin_Deva")))
    write_wiki(folder / "dump.xml")


def outputs(folder: Path) -> Iterator[Path]:
    """Every file that `build` writes."""
    names = ("dump.xml", "expected.jsonl", "sample.html", "sample.jsonl.gz", "sample.warc.wet.gz")
    yield from sorted((folder / CRAWL_FOLDER).glob("*.warc.gz"))
    yield from (folder / name for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the sample crawl.")
    parser.add_argument("--output", type=Path, default=HERE, help="folder to write into (default: tests/samples)")
    build(parser.parse_args().output)


if __name__ == "__main__":
    main()
