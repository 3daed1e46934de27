"""What every reader yields: a record, or why one could not be read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One unit of input: it becomes one row of documents/, kept or dropped."""

    # Byte offset in the decompressed file (JSONL, XML) or in the file itself (WARC: where the gzip member begins, plus
    # the record's place in the decompressed member, 0 with one record a member); row number (Parquet).
    offset: int
    file: str | None = None  # that holds it, where the one that is read was made from it
    payload: bytes | str  # bytes: a page as crawled, to be decoded and extracted; str: text already
    id: str | None = None
    url: str | None = None
    date: str | None = None  # ISO 8601
    dump: str | None = None
    file_path: str | None = None  # the crawl's own path where the source carries one, else None
    content_type: str | None = None  # the HTTP header, parameters included
    license: str | None = None  # of a corpus's own field, or an HTTP header
    opt_out: str | None = None  # the same; directives with a comma between
    language: str | None = None  # as the source states it: hin, hin_Deva, hi
    language_script: str | None = None  # the same
    pages: tuple[int, ...] = ()  # of the PDF that it comes from, from 1
    drop_reason: str | None = None  # readable, but not a page: http_status, content_type, pdf, revisit, empty ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A record, or the rest of a file, that could not be read: it becomes one row of failed/."""

    offset: int
    reason: str  # the kind, counted: truncated, too_large, malformed, unreadable ...
    error: str  # one line: what, and what would be right
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A part of an input file that one task reads. `end` -1: to the end of the file."""

    file: str  # path or URL, opened through fsspec
    format: str  # warc, wet, arc, jsonl, parquet, html, mediawiki; wat and unknown read as one Failure
    start: int = 0  # byte offset; row group for parquet
    end: int = -1
    bytes: int = 0  # size on disk, for progress and planning


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A record that is no document by its kind (request, metadata, warcinfo, dns ...): counted, in no table."""

    offset: int
    kind: str


Item = Record | Failure | Skipped


class InputError(ValueError):
    """A path that the user gave and that cannot be read, or that matches nothing: one line that names it."""
