"""Rows of JSONL (also compressed) and Parquet as they are, with the place of each."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.sources.opening import READ_ERRORS, one_line, open_decompressed, open_raw
from curate.sources.record import Failure, Split

LIMIT_BYTES = 16 << 20  # of a line
Row = tuple[int, dict[str, Any]]


def read_rows(split: Split) -> Iterator[Row | Failure]:
    """The rows of a whole file; what can't be read is a Failure, and nothing in the file raises."""
    try:
        yield from _parquet(split) if split.format == "parquet" else _lines(split)
    except (*READ_ERRORS, pa.ArrowException, UnicodeDecodeError) as error:
        yield Failure(offset=0, reason="unreadable", error=f"the file cannot be read further: {one_line(error)}")


def _parquet(split: Split) -> Iterator[Row]:
    with open_raw(split.file) as raw:
        offset = 0
        for batch in pq.ParquetFile(raw, pre_buffer=False).iter_batches(256):
            yield from enumerate(batch.to_pylist(), offset)
            offset += batch.num_rows


def _lines(split: Split) -> Iterator[Row | Failure]:
    with open_decompressed(split.file) as file:
        offset = 0
        while line := file.readline(LIMIT_BYTES + 1):
            if len(line) > LIMIT_BYTES:
                yield Failure(offset=offset, reason="too_large", error=f"a line of more than {LIMIT_BYTES} bytes")
                return
            if line.strip():
                yield _row(line, offset)
            offset += len(line)


def _row(line: bytes, offset: int) -> Row | Failure:
    try:
        row = json.loads(line.decode("utf-8-sig" if offset == 0 else "utf-8"))
    except (ValueError, RecursionError) as error:
        return Failure(offset=offset, reason="malformed", error=f"not JSON: {one_line(error)}")
    if not isinstance(row, dict):
        return Failure(offset=offset, reason="malformed", error=f"a {type(row).__name__}; a row is an object")
    return offset, row
