"""WARC 0.18, 1.0 and 1.1 (ISO 28500), and Common Crawl's WET: plain or gzip.

Written here rather than taken from a WARC library, because libraries end or go silent at the damage we must step over,
and cannot start at any byte. The tests compare it with FastWARC where files are sound.
"""

import re
from collections.abc import Iterator

from curate.sources.archive import BadHeader, Context, Header, read_archive
from curate.sources.opening import open_archive
from curate.sources.record import Item, Split
from curate.sources.stream import ArchiveStream

HEADER_BYTES = 1 << 16
BOUNDARY = re.compile(rb"WARC/(?:0\.\d{1,2}|1\.\d)[ \t]{0,2}\r?\n")
BOUNDARY_BYTES = 16
_CRAWL_PATH = re.compile(r"crawl-data/(CC-[A-Z]+(?:-[0-9]+)*)/.*")
_IS_PART_OF = re.compile(rb"(?im:^)isPartOf:[ \t]*(\S{1,200})")


def read_warc(split: Split, *, limit_bytes: int) -> Iterator[Item]:
    dump, file_path = crawl_of(split.file)
    with open_archive(split.file) as file:
        stream = ArchiveStream(file, BOUNDARY, BOUNDARY_BYTES)
        dump = dump or _dump_in_warcinfo(stream)
        stream.restart(split.start)
        context = Context(limit=limit_bytes, end=split.end, dump=dump, file_path=file_path)
        yield from read_archive(stream, parse_header, context)


def crawl_of(path: str) -> tuple[str | None, str | None]:
    """The dump, and the file's name in the crawl, from a path as Common Crawl's; (None, None) for any other."""
    match = _CRAWL_PATH.search(path)
    return (match[1], f"s3://commoncrawl/{match[0]}") if match else (None, None)


def _dump_in_warcinfo(stream: ArchiveStream) -> str | None:
    """isPartOf of the file's first record, if that is a warcinfo; the stream is then somewhere behind it."""
    if not (stream.begin_record() and stream.starts_record()):
        return None
    try:
        header = parse_header(stream)
    except BadHeader:
        return None
    found = _IS_PART_OF.search(stream.read(min(header.length, HEADER_BYTES))) if header.kind == "warcinfo" else None
    return found[1].decode("utf-8", "replace") if found else None


def parse_header(stream: ArchiveStream) -> Header:
    """The version line and named fields; BadHeader if cut off, too long, or without type or length."""
    stream.line(BOUNDARY_BYTES)
    fields = _named_fields(stream)
    length = fields.get("content-length", "")
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise BadHeader(f"Content-Length is {length[:40]!r}; a WARC record needs a number of bytes")
    if not fields.get("warc-type"):
        raise BadHeader("the WARC header has no WARC-Type")
    return Header(
        kind=fields["warc-type"].lower(),
        length=int(length),
        id=_bare(fields.get("warc-record-id")),
        url=_bare(fields.get("warc-target-uri")),
        date=fields.get("warc-date"),
        content_type=fields.get("content-type"),
    )


def _named_fields(stream: ArchiveStream) -> dict[str, str]:
    """Lower-case names; of repeated ones the first. Continuation lines are joined by a space."""
    fields: dict[str, str] = {}
    name, left = "", HEADER_BYTES
    while (line := stream.line(left)).strip():
        left -= len(line)
        if not line.endswith(b"\n"):
            raise BadHeader(f"the WARC header is cut off or longer than {HEADER_BYTES} bytes")
        text = line.decode("utf-8", "replace")
        if text[0] in " \t" and name:
            fields[name] += " " + text.strip()
            continue
        name, _, value = text.partition(":")
        name = name.strip().lower()
        fields.setdefault(name, value.strip())
    return fields


def _bare(uri: str | None) -> str | None:
    """Without the angle brackets of WARC 1.0's grammar, which some tools write around target URIs too."""
    return uri.strip().removeprefix("<").removesuffix(">").strip() or None if uri else None
