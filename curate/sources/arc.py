"""ARC version 1, the format of crawls up to about 2012 (Burner and Kahle, Internet Archive 1996): plain or gzip."""

import re
from collections.abc import Iterator

from curate.sources.archive import BadHeader, Context, Header, read_archive
from curate.sources.opening import open_archive
from curate.sources.record import Item, Split
from curate.sources.stream import ArchiveStream
from curate.sources.warc import crawl_of

# URL (some hold spaces), IP address, date, content type, length
BOUNDARY = re.compile(
    rb"([A-Za-z][A-Za-z0-9+.-]{1,15}:[^\r\n]{1,4096}) ([0-9A-Fa-f.:]{1,45}) ([0-9]{8,20}) ([^ \r\n]{0,256}) ([^ \r\n]{1,20})\r?\n"
)
BOUNDARY_BYTES = 4500


def read_arc(split: Split, *, limit_bytes: int) -> Iterator[Item]:
    dump, file_path = crawl_of(split.file)
    context = Context(limit=limit_bytes, end=split.end, dump=dump, file_path=file_path)
    with open_archive(split.file) as file:
        stream = ArchiveStream(file, BOUNDARY, BOUNDARY_BYTES)
        stream.restart(split.start)
        yield from read_archive(stream, parse_header, context)


def parse_header(stream: ArchiveStream) -> Header:
    """The one header line. The file's own description, filedesc://, has the kind warcinfo."""
    match = BOUNDARY.match(stream.line(BOUNDARY_BYTES))
    assert match is not None  # the stream stands at a boundary
    url, _, date, content_type, length = (group.decode("utf-8", "replace") for group in match.groups())
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise BadHeader(f"the length of an ARC record is {length!r}; it needs a number of bytes")
    kind = "warcinfo" if url.startswith("filedesc:") else "response"
    return Header(kind=kind, length=int(length), url=url, date=_iso_date(date), content_type=content_type or None)


def _iso_date(digits: str) -> str | None:
    if len(digits) != 14:
        return None
    year, *rest = digits[:4], *(digits[i : i + 2] for i in range(4, 14, 2))
    return "{}-{}-{}T{}:{}:{}Z".format(year, *rest)
