"""Documents of the input: their text, and the format that it is in.

chat, instruction      a record of JSON a line
.md .txt .html ...     the file
JSONL, Parquet, WET    the field `text` of each record
WARC, ARC              each page as HTML, or as text where the server said so
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from curate.runfolder import filesystem
from curate.sources import list_inputs, plan_splits, read
from curate.sources.listing import UNKNOWN
from curate.sources.opening import READ_ERRORS, one_line, open_decompressed
from curate.sources.reading import READERS
from curate.sources.record import Failure, InputError, Record, Split
from filters.charset import decode
from translate.document import Format

LIMIT_BYTES = 16 << 20  # of a document
WHOLE = "whole"  # `Split.format` of a file that is a document
SUFFIXES: dict[str, Format] = {
    "md": "markdown", "markdown": "markdown", "html": "html", "htm": "html", "xhtml": "html", "txt": "plain",
}  # fmt: skip
_RECORDS = ("chat", "instruction")
_COMPRESSION = re.compile(r"\.(?:gz|bz2|zst|zstd)\Z")
_GLOB = re.compile(r"[^/]*[*?\[]")


@dataclass(frozen=True, slots=True)
class Source:
    """A document's text, its format, and the record that it was."""

    record: Record
    text: str
    format: Format


@dataclass(frozen=True, slots=True)
class Reading:
    """The format, or None: as each file and record says; and the folder that the ids of whole files are relative to."""

    format: Format | None
    folder: str

    def documents(self, split: Split) -> Iterator[Failure | Source]:
        """Every document of a split once, and what could not be read."""
        if self.format in _RECORDS:
            yield from _lines(split, self.format)
        elif split.format == WHOLE:
            yield _whole(split.file, self.format or _named(split.file) or "plain", self._id(split.file))
        else:
            for item in read(split, limit_bytes=LIMIT_BYTES):
                if isinstance(item, Failure):
                    yield item
                elif isinstance(item, Record):
                    yield self._source(item)

    def _id(self, file: str) -> str:
        return file[len(self.folder) :].lstrip("/") if self.folder and file.startswith(self.folder) else file

    def _source(self, record: Record) -> Source:
        if isinstance(record.payload, str):
            return Source(record, record.payload, self.format or "plain")
        plain = (record.content_type or "").lower().startswith("text/plain")
        text = "" if record.drop_reason else decode(record.payload, record.content_type)
        return Source(record, text, self.format or ("plain" if plain else "html"))


def list_documents(inputs: Sequence[str], format_: Format | None) -> tuple[list[Split], Reading]:
    """What there is to read, and how. InputError for a path that means no file."""
    files = list_inputs(inputs)
    if format_ in _RECORDS:
        if other := next((file for file in files if file.format not in ("jsonl", UNKNOWN)), None):
            raise InputError(f"{other.path}: of format {other.format}; {format_} data is JSON, a record a line")
    else:
        files = [replace(file, format=WHOLE) if _named(file.path) else file for file in files]
        known = (WHOLE, *READERS)
        files = [file if file.format in known else replace(file, format=UNKNOWN) for file in files]
    return plan_splits(files), Reading(format_, _common([_folder(path) for path in inputs]))


def _named(path: str) -> Format | None:
    name = _COMPRESSION.sub("", posixpath.basename(path).lower())
    return SUFFIXES.get(name.rpartition(".")[2]) if "." in name else None


def _folder(path: str) -> str:
    """Of the files that a path means, as their names begin."""
    system, name = filesystem(path)
    if _GLOB.search(name) and not system.exists(name):
        name = _GLOB.split(name, maxsplit=1)[0].rstrip("/")
    elif not system.isdir(name):
        name = posixpath.dirname(name)
    local = system.protocol in ("file", ("file", "local"))
    return name if local else str(system.unstrip_protocol(name))


def _common(folders: list[str]) -> str:
    parts = [folder.rstrip("/").split("/") for folder in folders]
    same = next((n for n, each in enumerate(zip(*parts, strict=False)) if len({*each}) > 1), min(map(len, parts)))
    return "/".join(parts[0][:same]) + "/"


def _whole(file: str, format_: Format, id_: str) -> Failure | Source:
    try:
        with open_decompressed(file) as opened:
            data = opened.read(LIMIT_BYTES + 1)
    except READ_ERRORS as error:
        return Failure(offset=0, reason="unreadable", error=f"the file cannot be read: {one_line(error)}")
    if len(data) > LIMIT_BYTES:
        return Failure(offset=0, reason="too_large", error=f"a file of more than {LIMIT_BYTES} bytes")
    text = decode(data, "text/html" if format_ == "html" else None)
    record = Record(offset=0, payload=text, id=id_, drop_reason=None if text.strip() else "empty")
    return Source(record, text, format_)


def _lines(split: Split, format_: Format) -> Iterator[Failure | Source]:
    """The lines that begin in [start, end)."""
    offset = split.start
    try:
        with open_decompressed(split.file) as file:
            if offset:
                file.seek(offset - 1)
                offset += _drain(file) - 1
            while split.end < 0 or offset < split.end:
                line = file.readline(LIMIT_BYTES + 1)
                if not line:
                    return
                yield from _line(line, offset, format_)
                offset += len(line)
                if len(line) > LIMIT_BYTES:
                    offset += _drain(file)
    except READ_ERRORS as error:
        yield Failure(offset=offset, reason="unreadable", error=f"the file cannot be read further: {one_line(error)}")


def _line(line: bytes, offset: int, format_: Format) -> Iterator[Failure | Source]:
    if len(line) > LIMIT_BYTES:
        yield Failure(offset=offset, reason="too_large", error=f"a line of more than {LIMIT_BYTES} bytes")
    elif line.strip():
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        yield Source(Record(offset=offset, payload=text), text, format_)


def _drain(file: BinaryIO) -> int:
    """Bytes up to and with the next line feed, or to the end."""
    length = 0
    while part := file.readline(1 << 20):
        length += len(part)
        if part.endswith(b"\n"):
            break
    return length
