"""What every reader yields: a record, or why one could not be read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One unit of input: it becomes one row of documents/, kept or dropped."""

    offset: int  # byte offset in the decompressed file (JSONL, XML) or the file itself (WARC); row number (Parquet)
    payload: bytes | str  # bytes: a page as crawled, to be decoded and extracted; str: text already
    id: str | None = None
    url: str | None = None
    date: str | None = None  # ISO 8601
    dump: str | None = None
    file_path: str | None = None  # the crawl's own path where the source carries one, else None
    content_type: str | None = None  # the HTTP header, parameters included
    drop_reason: str | None = None  # readable, but not a page: http_status, content_type, revisit, empty ...


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
    format: str  # warc, wet, jsonl, parquet, html, mediawiki
    start: int = 0  # byte offset; row group for parquet
    end: int = -1
    bytes: int = 0  # size on disk, for progress and planning
