"""Web archives record by record: the loop that WARC and ARC share, and what a record's block is as a document."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from curate.sources.http import TooLarge, decode_body, parse_response
from curate.sources.record import Failure, Item, Record, Skipped
from curate.sources.sniff import page_problem
from curate.sources.stream import ArchiveStream
from filters import rights

SKIP_BYTES = 1 << 30  # a record longer than this is not passed over byte by byte inside a gzip member


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A record's header, whichever format it came in."""

    kind: str  # response, resource, conversion, revisit, or anything else: no document
    length: int  # bytes of the block behind it
    id: str | None = None
    url: str | None = None
    date: str | None = None  # ISO 8601
    content_type: str | None = None  # of the block
    fields: dict[str, str] = field(default_factory=dict)


class BadHeader(ValueError):
    """One line: what is wrong with a record's header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What all records of a file share."""

    limit: int
    end: int = -1  # file offset from which gzip members belong to the next split
    dump: str | None = None
    file_path: str | None = None


DOCUMENT_KINDS = {"response", "resource", "conversion", "revisit"}


def read_archive(
    stream: ArchiveStream, parse_header: Callable[[ArchiveStream], Header], context: Context
) -> Iterator[Item]:
    """Every record of the split, once, in file order; what cannot be read is a Failure and reading goes on behind it."""
    while True:
        more = stream.begin_record()
        if context.end >= 0 and stream.behind(context.end):
            return
        if more:
            yield from _read_record(stream, stream.offset, parse_header, context)
        elif failure := _damaged(stream, stream.offset, None):
            yield failure
            stream.recover()
        else:
            return


def _read_record(
    stream: ArchiveStream, offset: int, parse_header: Callable[[ArchiveStream], Header], context: Context
) -> Iterator[Item]:
    if not stream.starts_record():
        yield _damaged(stream, offset, None) or _malformed(
            offset, "no record begins here; skipped to the next that does"
        )
        return _resume(stream)
    try:
        header = parse_header(stream)
    except BadHeader as error:
        yield _damaged(stream, offset, None) or _malformed(offset, str(error))
        return _resume(stream)
    if header.length > context.limit:
        yield _too_large(offset, header, context.limit)
        return _pass_over(stream, header.length)
    block = _read_block(stream, header.length, context.limit)
    if failure := _damaged(stream, offset, header.url):
        yield failure
        return _resume(stream)
    if block is None:
        cut = f"the record does not end at its declared length of {header.length} bytes, nor is its real end found"
        yield Failure(offset=offset, reason="truncated", error=cut, url=header.url)
        return _resume(stream)
    yield to_item(header, block, offset, context)


def _read_block(stream: ArchiveStream, length: int, limit: int) -> bytes | None:
    """The record's block; None if it is cut off or damaged.

    Where the length is wrong, the block ends where the next record begins. Such files are real: line ends were
    converted, or a tool counted characters.
    """
    block = stream.read(length)
    if len(block) == length and (not stream.settle() or stream.starts_record()):
        return block
    if len(block) == length and stream.passed_blank_line and not stream.boundary_in(block):
        return block  # the length is right, and what follows is no record
    if stream.damage or (len(block) < length and not stream.boundary_in(block)):
        return None
    return stream.read_to_record(limit) if stream.put_back(block) else None


def _resume(stream: ArchiveStream) -> None:
    if stream.damage:
        stream.recover()
    else:
        stream.find_record()


def _pass_over(stream: ArchiveStream, length: int) -> None:
    if stream.is_gzip and length > SKIP_BYTES:
        stream.recover()
    elif stream.is_gzip or stream.has(length):
        stream.skip(length)
    else:  # the length is a lie: it goes behind the end of the file
        stream.find_record()


def _damaged(stream: ArchiveStream, offset: int, url: str | None) -> Failure | None:
    if not stream.damage:
        return None
    reason = "truncated" if "cut off" in stream.damage else "malformed"
    return Failure(offset=offset, reason=reason, error=f"{stream.damage}; went on at the next record", url=url)


def _malformed(offset: int, error: str) -> Failure:
    return Failure(offset=offset, reason="malformed", error=error)


def _too_large(offset: int, header: Header, limit: int) -> Item:
    if header.kind not in DOCUMENT_KINDS:
        return Skipped(offset=offset, kind=header.kind)
    error = f"a record of {header.length} bytes; at most {limit} are read"
    return Failure(offset=offset, reason="too_large", error=error, url=header.url)


# --- documents -----------------------------------------------------------------------------------------------------


def to_item(header: Header, block: bytes, offset: int, context: Context) -> Item:
    if header.kind not in DOCUMENT_KINDS or _is_bookkeeping(header):
        return Skipped(offset=offset, kind=_bookkeeping_kind(header))
    try:
        document = _document(header, block, context.limit)
    except TooLarge:
        error = f"the body decodes to more than {context.limit} bytes"
        return Failure(offset=offset, reason="too_large", error=error, url=header.url)
    return Record(
        offset=offset,
        payload=document.payload,
        id=header.id,
        url=header.url,
        date=header.date,
        dump=context.dump,
        file_path=context.file_path,
        content_type=document.content_type,
        license=document.license,
        opt_out=document.opt_out,
        drop_reason=document.reason,
    )


def _is_bookkeeping(header: Header) -> bool:
    """DNS answers, and the crawler's own logs (wget: metadata://)."""
    return _bookkeeping_kind(header) != header.kind


def _bookkeeping_kind(header: Header) -> str:
    url, mime = (header.url or "").lower(), (header.content_type or "").lower()
    if url.startswith("dns:") or mime.startswith("text/dns"):
        return "dns"
    return "metadata" if url.startswith("metadata:") else header.kind


class _Document(NamedTuple):
    payload: bytes | str
    content_type: str | None
    reason: str | None  # why it is dropped
    license: str | None = None
    opt_out: str | None = None


def _document(header: Header, block: bytes, limit: int) -> _Document:
    if header.kind == "revisit":
        return _Document(b"", header.content_type, "revisit")
    is_http = re.match(r"application/http", header.content_type or "", re.I) or re.match(rb"HTTP/\d", block)
    if header.kind == "response" and is_http:
        return _http_document(block, limit)
    problem = page_problem(block, header.content_type)
    is_text = header.kind == "conversion" and (header.content_type or "text/plain").startswith("text/plain")
    payload = block.decode("utf-8", "replace") if is_text else block
    return _Document(payload if problem in (None, "pdf") else b"", header.content_type, problem)


def _http_document(block: bytes, limit: int) -> _Document:
    response = parse_response(block)
    content_type = response.headers.get("content-type")
    if not 200 <= response.status < 300:
        return _Document(b"", content_type, "http_status")
    body = decode_body(response, limit)
    problem = page_problem(body, content_type)
    payload = body if problem in (None, "pdf") else b""
    return _Document(payload, content_type, problem, *rights.of_headers(response.headers))
