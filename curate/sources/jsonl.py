"""JSON lines, plain or compressed (gzip, bzip2, Zstandard): one document a line."""

import json
from collections.abc import Iterator
from typing import BinaryIO

from curate.sources.fields import to_record
from curate.sources.opening import READ_ERRORS, one_line, open_decompressed
from curate.sources.record import Failure, Item, Record, Split

JSON_OVERHEAD = 6  # \uXXXX for one byte of text: so much longer may a line be than its text
DRAIN_BYTES = 1 << 30  # a line longer than this ends the file: behind it waits a decompression bomb


def read_jsonl(split: Split, *, limit_bytes: int) -> Iterator[Item]:
    """The lines that begin in [start, end). Byte ranges are for plain files; a compressed file is one split."""
    with open_decompressed(split.file) as file:
        offset = _first_line(file, split.start)
        while split.end < 0 or offset < split.end:
            try:
                line, length = _read_line(file, limit_bytes * JSON_OVERHEAD)
            except READ_ERRORS as error:
                yield _broken(offset, error)
                return
            if not length:
                return
            if line is None:
                problem = f"a line of {length} bytes; at most {limit_bytes * JSON_OVERHEAD} are read"
                yield Failure(offset=offset, reason="too_large", error=problem)
                if length >= DRAIN_BYTES:
                    return
            elif line.strip():
                yield parse_line(line, offset, limit_bytes)
            offset += length


def _broken(offset: int, error: BaseException) -> Failure:
    reason = "truncated" if isinstance(error, EOFError) else "malformed"
    return Failure(offset=offset, reason=reason, error=f"the file cannot be decompressed further: {one_line(error)}")


def _first_line(file: BinaryIO, start: int) -> int:
    """Offset of the first line that begins at or behind `start`; the file stands there."""
    if start == 0:
        return 0
    file.seek(start - 1)
    return start - 1 + _drain(file, 0)


def _read_line(file: BinaryIO, limit: int) -> tuple[bytes | None, int]:
    """A line and its length; no line where it is over the limit, (b"", 0) at the end of the file."""
    line = file.readline(limit + 1)
    if len(line) <= limit:
        return line, len(line)
    return None, len(line) if line.endswith(b"\n") else _drain(file, len(line))


def _drain(file: BinaryIO, length: int) -> int:
    """`length` plus the bytes up to and with the next line feed."""
    while length < DRAIN_BYTES:
        part = file.readline(1 << 20)
        length += len(part)
        if not part or part.endswith(b"\n"):
            break
    return length


def parse_line(line: bytes, offset: int, limit_bytes: int) -> Record | Failure:
    try:
        row = json.loads(line.decode("utf-8-sig" if offset == 0 else "utf-8"))
    except UnicodeDecodeError as error:
        return Failure(offset=offset, reason="malformed", error=f"not UTF-8 at byte {error.start} of the line")
    except (ValueError, RecursionError) as error:
        return Failure(offset=offset, reason="malformed", error=f"not JSON: {one_line(error)}")
    if not isinstance(row, dict):
        problem = f"the line holds a {type(row).__name__}; it must be an object with a text field"
        return Failure(offset=offset, reason="malformed", error=problem)
    return to_record(row, offset, limit_bytes)
