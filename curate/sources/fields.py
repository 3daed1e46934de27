"""Rows of existing corpora as records: the names that datatrove, Dolma and C4 give to what we call id, url, date, dump."""

import datetime
from collections.abc import Mapping
from typing import Any

from curate.sources.record import Failure, Record

# In order of preference; each is looked for in the row and then in its `metadata`.
ALIASES: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "url": ("url",),
    "date": ("date", "timestamp", "created"),  # timestamp: C4; created: Dolma, whose `added` is not the document's date
    "dump": ("dump", "source"),  # source: Dolma's name of the crawl or corpus
    "file_path": ("file_path",),
    "license": ("license", "licence", "license_url"),
    "opt_out": ("opt_out",),
    "language": ("language", "lang"),  # as it is; what measuring finds itself is another matter
    "language_script": ("language_script",),
}


def to_record(row: Mapping[str, Any], offset: int, limit_bytes: int) -> Record | Failure:
    """The row as a record whose payload is its `text`."""
    metadata = row.get("metadata")
    places = [row, metadata] if isinstance(metadata, Mapping) else [row]
    values = {name: _first(places, aliases) for name, aliases in ALIASES.items()}
    text = row.get("text")
    if not isinstance(text, str):
        kind = "missing" if "text" not in row else type(text).__name__
        return _failure(offset, "malformed", f"the field text is {kind}; it must be a string", values["url"])
    if len(text) > limit_bytes // 4 and len(text.encode("utf-8", "surrogatepass")) > limit_bytes:
        return _failure(offset, "too_large", f"the text is over {limit_bytes} bytes", values["url"])
    reason = None if text.strip() else "empty"
    given: dict[str, Any] = values
    return Record(offset=offset, payload=whole_characters(text), drop_reason=reason, **given)


def _failure(offset: int, reason: str, error: str, url: str | None) -> Failure:
    return Failure(offset=offset, reason=reason, error=error, url=url)


def _first(places: list[Mapping[str, Any]], names: tuple[str, ...]) -> str | None:
    for place in places:
        for name in names:
            if (value := _as_string(place.get(name))) is not None:
                return value
    return None


def _as_string(value: object) -> str | None:
    if isinstance(value, str):
        return whole_characters(value) or None
    if isinstance(value, datetime.date):  # and datetime
        return value.isoformat()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def whole_characters(text: str) -> str:
    """Lone surrogates, which JSON can write and UTF-8 cannot, become U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
