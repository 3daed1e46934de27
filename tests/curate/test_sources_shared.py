"""Every archive of the real test data: genuine crawls, and the edge cases of other projects' tests."""

import os
from collections import Counter
from pathlib import Path

import pytest

from curate.sources import Failure, Item, Record, Split, list_inputs, plan_splits, read

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "warc"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDER.exists() and os.environ.get("CI") != "true", reason=f"no {FOLDER}"),
]


def read_file(path: Path) -> list[Item]:
    return [item for split in plan_splits(list_inputs([str(path)])) for item in read(split)]


def outcome(item: Item) -> str:
    if isinstance(item, Record):
        return item.drop_reason or "page"
    return item.reason if isinstance(item, Failure) else "skipped"


# What is in each file, by other tools (`zcat | grep WARC-Type`) and by eye.
EXPECTED = {
    "aut__example.docs.warc.gz": {"content_type": 9},
    "aut__example.pdf.warc.gz": {"content_type": 29, "pdf": 2, "http_status": 3, "revisit": 2, "page": 1},
    "aut__issue-514.warc": {"http_status": 1, "page": 1},
    "cc_net__sample.warc.txt": {"page": 3},
    "chatnoir-resiliparse__clipped.warc.gz": {"truncated": 1},
    "chatnoir-resiliparse__warcfile.warc.gz": {"page": 16},
    "dolma__sample-0000.warc.gz": {"page": 22},
    "ia-web-commons__html-lang-attribute.warc": {"page": 5},
    "ia-web-commons__link-extraction-test.warc": {"page": 9},
    "warcio__bad.arc": {"malformed": 3, "empty": 1},
    "warcio__example-bad-non-chunked.warc.gz": {"page": 1, "revisit": 1},
    "warcio__example-bad.warc.gz.bad": {"page": 1, "revisit": 1, "http_status": 1},
    "warcio__example-iana.org-chunked.warc": {"page": 1},
    "warcio__example-space-in-target-uri.warc.gz": {"content_type": 1},
    "warcio__example-space-in-url.arc": {"truncated": 1},
    "warcio__example-wrong-chunks.warc.gz": {"page": 1},
    "warcio__example.arc": {"page": 1},
    "warcio__example.arc.gz": {"page": 1},
    "warcio__example.warc.gz": {"page": 1, "revisit": 1},
    "webarchive-discovery__BL-20140325122341434-00000-32090~opera~8443.warc.gz": {"revisit": 55, "page": 6, "http_status": 1},
    "whirlwind-python__whirlwind.warc.gz": {"page": 1},
    "whirlwind-python__whirlwind.warc.wat.gz": {"no_documents": 1},
    "whirlwind-python__whirlwind.warc.wet.gz": {"page": 1},
}  # fmt: skip


def test_every_file_gives_a_record_or_a_failure() -> None:
    files = [path for path in sorted(FOLDER.iterdir()) if path.is_file()]
    assert len(files) >= 31
    for path in files:
        items = read_file(path)
        assert items, path.name
        assert "unreadable" not in map(outcome, items), path.name
        assert any(isinstance(item, Record | Failure) for item in items) or path.name == "warcio__example-digest.warc"


@pytest.mark.parametrize("name", EXPECTED)
def test_what_each_file_gives(name: str) -> None:
    counts = Counter(map(outcome, read_file(FOLDER / name)))
    counts.pop("skipped", None)
    assert counts == EXPECTED[name]


def pages(name: str) -> list[Record]:
    return [item for item in read_file(FOLDER / name) if isinstance(item, Record) and not item.drop_reason]


def test_genuine_common_crawl() -> None:
    found = pages("chatnoir-resiliparse__warcfile.warc.gz")
    assert {page.dump for page in found} == {"CC-MAIN-2020-34"}
    assert all(page.url and page.id and page.date and page.content_type for page in found)
    assert all(isinstance(page.payload, bytes) and b"<" in page.payload for page in found)
    [warc] = pages("whirlwind-python__whirlwind.warc.gz")
    [wet] = pages("whirlwind-python__whirlwind.warc.wet.gz")
    assert warc.url == wet.url == "https://an.wikipedia.org/wiki/Escopete"
    assert warc.dump == wet.dump == "CC-MAIN-2024-22"
    assert isinstance(wet.payload, str) and "Escopete" in wet.payload
    assert isinstance(warc.payload, bytes) and b"Escopete" in warc.payload


@pytest.mark.parametrize(
    "name", ["warcio__example-wrong-chunks.warc.gz", "warcio__example-iana.org-chunked.warc", "warcio__example.arc"]
)
def test_bodies_under_headers_that_lie_are_whole_pages(name: str) -> None:
    [page] = pages(name)
    assert isinstance(page.payload, bytes)
    assert page.payload.lstrip()[:9].lower() == b"<!doctype"
    assert page.payload.rstrip().endswith(b"</html>")


@pytest.mark.parametrize("target", [5_000, 40_000])
def test_real_archives_in_splits(target: int) -> None:
    for name in ("chatnoir-resiliparse__warcfile.warc.gz", "dolma__sample-0000.warc.gz"):
        splits = plan_splits(list_inputs([str(FOLDER / name)]), target)
        assert len(splits) > 2
        assert [item for split in splits for item in read(split)] == read_file(FOLDER / name)


def test_an_archive_without_a_page_says_so(shared: Path) -> None:
    file = str(shared / "warc" / "warcio__example-digest.warc")
    items = list(read(Split(file=file, format="warc")))
    failures = [item for item in items if isinstance(item, Failure)]
    assert [failure.reason for failure in failures] == ["no_documents"]
    assert failures[0].error.startswith("an archive of request records alone")
    assert len(items) == 5, "four requests and the failure"
