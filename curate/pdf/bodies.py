"""The PDFs of an input: files, members of zip and tar files, records of web archives; each as a file on this machine."""

import contextlib
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from curate.sources import read
from curate.sources.opening import READ_ERRORS, one_line, open_decompressed, open_raw
from curate.sources.record import Failure, Record, Skipped, Split
from curate.sources.sniff import PDF, SNIFF_BYTES

_CHUNK = 1 << 20
_MEMBERS = 1_000_000  # of one zip or tar file


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One PDF. `path` is good until the next one is asked for: what is remote or packed lies in a temporary file."""

    path: str
    offset: int  # in the file that holds it
    name: str  # its path, or the name in the zip or tar file, or the URL; for genres and messages
    id: str | None = None
    url: str | None = None
    date: str | None = None
    dump: str | None = None
    file_path: str | None = None
    license: str | None = None
    opt_out: str | None = None


class TooLarge(ValueError):
    """More bytes than a PDF may have."""


def bodies(split: Split, *, limit_bytes: int) -> Iterator[Body | Failure | Skipped]:
    """Every PDF of the split, in file order. Nothing in the input raises: what cannot be read is a Failure."""
    with tempfile.TemporaryDirectory(prefix="multicurate-pdf-") as folder:
        try:
            yield from _READERS[split.format](split, Path(folder) / "body.pdf", limit_bytes)
        except (*READ_ERRORS, tarfile.TarError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            yield Failure(offset=0, reason="unreadable", error=f"the file cannot be read further: {one_line(error)}")


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class _Reader(Protocol):
    def __call__(self, split: Split, scratch: Path, limit: int) -> Iterator[Body | Failure | Skipped]: ...


def _file(split: Split, scratch: Path, limit: int) -> Iterator[Body | Failure]:
    local = Path(split.file)
    if local.is_file():
        if local.stat().st_size > limit:
            yield _too_large(0, limit)
            return
        scratch = local
    else:
        with open_raw(split.file) as source:
            try:
                _copy(source, scratch, limit)
            except TooLarge:
                yield _too_large(0, limit)
                return
    yield _checked(scratch, Body(path=str(scratch), offset=0, name=split.file))


def _zip(split: Split, scratch: Path, limit: int) -> Iterator[Body | Failure | Skipped]:
    with open_raw(split.file) as raw, zipfile.ZipFile(raw) as archive:
        members = archive.infolist()
        if len(members) > _MEMBERS:
            yield Failure(offset=0, reason="too_large", error=f"{len(members)} members; at most {_MEMBERS} are read")
            return
        for member in members:
            if member.is_dir():
                continue
            if not _wanted(member.filename):
                yield Skipped(offset=member.header_offset, kind="no_pdf")
                continue
            try:
                with archive.open(member) as source:  # the bytes are counted: the header's size may lie
                    yield _unpacked(source, scratch, limit, member.header_offset, member.filename)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
                yield Failure(offset=member.header_offset, reason="unreadable", error=one_line(error))


def _tar(split: Split, scratch: Path, limit: int) -> Iterator[Body | Failure | Skipped]:
    with open_decompressed(split.file) as raw, tarfile.open(fileobj=raw, mode="r|") as archive:
        for count, member in enumerate(archive):
            if count >= _MEMBERS:
                error = f"more than {_MEMBERS} members; the rest is not read"
                yield Failure(offset=member.offset, reason="too_large", error=error)
                return
            if not member.isfile():
                continue
            source = archive.extractfile(member) if _wanted(member.name) else None
            if source is None:
                yield Skipped(offset=member.offset, kind="no_pdf")
            else:
                yield _unpacked(source, scratch, limit, member.offset, member.name)
            archive.members = []  # type: ignore[attr-defined]  # else it keeps the header of every member


def _archive(split: Split, scratch: Path, limit: int) -> Iterator[Body | Failure | Skipped]:
    """The records of a web archive that are PDFs; its other records, and what cannot be read, are the pages' reader's."""
    for item in read(split, limit_bytes=limit):
        if isinstance(item, Record) and item.drop_reason == "pdf" and isinstance(item.payload, bytes):
            scratch.write_bytes(item.payload)
            names = ("offset", "id", "url", "date", "dump", "file_path", "license", "opt_out")
            given = {name: getattr(item, name) for name in names}
            yield Body(path=str(scratch), name=item.url or "", **given)


_READERS: dict[str, _Reader] = {"pdf": _file, "zip": _zip, "tar": _tar, "warc": _archive, "arc": _archive}


def _wanted(name: str) -> bool:
    return name.lower().endswith(".pdf")


def _unpacked(source: _Readable, scratch: Path, limit: int, offset: int, name: str) -> Body | Failure:
    try:
        _copy(source, scratch, limit)
    except TooLarge:
        return _too_large(offset, limit, name)
    return _checked(scratch, Body(path=str(scratch), offset=offset, name=name))


def _copy(source: _Readable, target: Path, limit: int) -> None:
    held = 0
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)  # noqa: PTH108  (a reader of the last one may still hold it open)
    with target.open("wb") as file:
        while part := source.read(_CHUNK):
            held += len(part)
            if held > limit:
                raise TooLarge
            file.write(part)


def _too_large(offset: int, limit: int, name: str = "") -> Failure:
    what = f"{_shown(name)}: " if name else ""
    error = f"{what}a PDF of more than {limit} bytes; pdf.file_bytes is the limit"
    return Failure(offset=offset, reason="too_large", error=error)


def _checked(path: Path, body: Body) -> Body | Failure:
    with path.open("rb") as file:
        beginning = file.read(SNIFF_BYTES)
    if PDF.match(beginning):
        return body
    found = "an empty file" if not beginning else f"it begins {_shown(beginning[:40].decode('latin-1'))!r}"
    return Failure(offset=body.offset, reason="not_pdf", error=f"no PDF: {found}; a PDF begins with %PDF-")


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[-200:]
