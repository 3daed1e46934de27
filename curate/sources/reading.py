"""From a split to its records: one function, whatever the format."""

from collections.abc import Callable, Iterator

from curate.sources.arc import read_arc
from curate.sources.html import read_html
from curate.sources.jsonl import read_jsonl
from curate.sources.listing import UNKNOWN
from curate.sources.mediawiki import read_mediawiki
from curate.sources.opening import one_line, open_raw
from curate.sources.parquet import read_parquet
from curate.sources.record import Failure, InputError, Item, Skipped, Split
from curate.sources.warc import read_warc

LIMIT_BYTES = 16 << 20  # of one record, before and after decompression


def read(split: Split, *, limit_bytes: int = LIMIT_BYTES) -> Iterator[Item]:
    """Every record of the split once, in file order. Nothing in the file raises: what cannot be read is a Failure.

    InputError for a `format` that does not exist.
    """
    if split.format not in READERS:
        raise InputError(f"unknown format {split.format!r}; the formats are {', '.join(READERS)}")
    return _read(split, limit_bytes)


def _read(split: Split, limit_bytes: int) -> Iterator[Item]:
    offset = 0 if split.format == "parquet" else split.start
    kinds: set[str] = set()  # of the records that are no documents
    pages = False
    try:
        for item in READERS[split.format](split, limit_bytes=limit_bytes):
            offset = item.offset
            if isinstance(item, Skipped):
                kinds.add(item.kind)
            else:
                pages = True
            yield item
    except Exception as error:  # storage fails in as many types as there are file systems: vanished, refused, cut off
        yield Failure(offset=offset, reason="unreadable", error=f"the file cannot be read further: {one_line(error)}")
    else:
        if kinds and not pages and (split.start, split.end) == (0, -1):  # else the pages are in the file's other splits
            found = (
                f"an archive of {', '.join(sorted(kinds))} records alone; pages are response, resource or conversion"
            )
            yield Failure(offset=0, reason="no_documents", error=found)


def _read_wat(split: Split, *, limit_bytes: int) -> Iterator[Item]:
    error = "WAT files hold metadata, not documents; give the WARC or WET file of the same name"
    yield Failure(offset=0, reason="no_documents", error=error)


def _read_unknown(split: Split, *, limit_bytes: int) -> Iterator[Item]:
    with open_raw(split.file) as file:
        file.read(1)
    known = ", ".join(name for name in READERS if name not in ("wat", UNKNOWN))
    yield Failure(offset=0, reason="unknown_format", error=f"of no known format; the formats are {known}")


READERS: dict[str, Callable[..., Iterator[Item]]] = {
    "warc": read_warc,
    "wet": read_warc,
    "arc": read_arc,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "html": read_html,
    "mediawiki": read_mediawiki,
    "wat": _read_wat,
    UNKNOWN: _read_unknown,
}
