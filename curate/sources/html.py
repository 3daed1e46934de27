"""A saved page: one file, one record."""

from collections.abc import Iterator

from curate.sources.opening import open_raw
from curate.sources.record import Failure, Item, Record, Split
from curate.sources.sniff import page_problem


def read_html(split: Split, *, limit_bytes: int) -> Iterator[Item]:
    with open_raw(split.file) as file:
        page = file.read(limit_bytes + 1)
    if len(page) > limit_bytes:
        yield Failure(offset=0, reason="too_large", error=f"a page of more than {limit_bytes} bytes")
        return
    yield Record(offset=0, payload=page, content_type="text/html", drop_reason=page_problem(page, "text/html"))
