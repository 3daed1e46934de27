"""A record on its way to a row of documents/, and the columns that come from the record itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import xxhash

from curate.forgotten import REASON as FORGOTTEN
from curate.forgotten import blank_id
from curate.sources.record import Record
from curate.steps import Draft
from filters import clean, rights
from filters.columns import MEASURED, UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT

UNIDENTIFIED = {
    "language": UNKNOWN_LANGUAGE,
    "language_script": UNKNOWN_SCRIPT,
    "language_score": 0.0,
    "top_langs": "{}",
}


@dataclass
class Page:
    """A record on its way to a row: its text, or why it has none."""

    record: Record
    file: str
    text: str | None = None
    reason: str | None = None  # why it is dropped unmeasured
    objection: str | None = None  # of a line rule, a step or a benchmark: it is dropped, but measured all the same
    cuts: Sequence[tuple[int, int]] = ()  # code points of the text that are not written
    part: int = 0  # of a record that was split by language; 0: the record itself, or its largest part
    screened_as: dict[str, Any] | None = None


def failure_of(file: str, offset: int, url: str | None, reason: str, error: str) -> dict[str, Any]:
    """A row of failed/."""
    return {"file": file, "offset": offset, "url": url, "reason": reason, "error": error}


def failed(page: Page, reason: str, error: str) -> dict[str, Any]:
    return failure_of(page.file, page.record.offset, page.record.url, reason, error)


def alive(pages: list[Page], texts: pa.StringArray) -> pa.StringArray:
    """The texts that are measured, null in place of the others.

    Taken, not masked: a masked text keeps its bytes under the null, and the kernels would read them.
    """
    rows = [row if page.reason is None else None for row, page in enumerate(pages)]
    return texts.take(pa.array(rows, pa.int64()))


def draft_of(page: Page, text: str | None) -> Draft:
    """`text` on its way through the steps; one that is dropped already only passes by."""
    record = page.record
    metadata = {name: getattr(record, name) for name in ("dump", "url", "date")}
    draft = Draft(id_of(page), text or "", metadata | {"file_path": record.file_path or page.file})
    draft.reason = page.reason or page.objection
    if page.reason is not None:
        draft.identity = UNIDENTIFIED
    return draft


def with_screened(found: pa.StructArray, pages: list[Page]) -> pa.StructArray:
    """What the screen found for the pages it turned away; unknown for those dropped unread."""
    if all(page.reason is None for page in pages):
        return found
    identities = found.to_pylist()
    rows = [
        identity if page.reason is None else (page.screened_as or UNIDENTIFIED)
        for page, identity in zip(pages, identities, strict=True)
    ]
    return pa.array(rows, found.type)


def _rights(record: Record) -> tuple[str | None, str | None]:
    """(license, opt_out) that the record's source states, and the page itself where there is one."""
    if not isinstance(record.payload, bytes):
        return record.license, record.opt_out
    return rights.of_page(record.payload, record.url, license_=record.license, opt_out=record.opt_out)


def origin(pages: list[Page]) -> dict[str, pa.Array]:
    records = [page.record for page in pages]
    strings = {name: clean.strings(getattr(record, name) for record in records) for name in ("dump", "url", "date")}
    stated = [_rights(record) for record in records]
    return {
        "license": clean.strings(license_ for license_, _ in stated),
        "opt_out": clean.strings(opt_out for _, opt_out in stated),
        **strings,
        "id": clean.strings(map(id_of, pages)),
        "pages": pa.array([page.record.pages or None for page in pages], pa.list_(pa.int32())),
        "part": pa.array([page.part for page in pages], pa.int32()),
        "file_path": clean.strings(page.record.file_path or page.file for page in pages),
        "source": pa.array(
            [{"file": page.file, "offset": page.record.offset} for page in pages],
            MEASURED.field("source").type,
        ),
    }


def id_of(page: Page) -> str:
    """The record's own, else one that is stable wherever the input is mounted: folder, file name and offset.

    A part of a record has its number behind a #.
    """
    name = page.record.id or stable_id(page.file, page.record.offset)
    return f"{name}#{page.part}" if page.part and page.reason != FORGOTTEN else name


def stable_id(file: str, offset: int) -> str:
    """Of a record without one: the same wherever the input is mounted."""
    relative = "/".join(file.rsplit("/", 2)[-2:])
    return xxhash.xxh3_128_hexdigest(f"{relative}#{offset}".encode())


def blank(page: Page) -> None:
    """Take all that a forgotten record holds, but for where it lay."""
    name, record = blank_id(id_of(page)), page.record
    page.record = Record(offset=record.offset, payload="", id=name, dump=record.dump, file_path=record.file_path)
    page.reason = FORGOTTEN
