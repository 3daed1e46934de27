"""What a task does with its share of the input: its distinct spans, and later its documents with translations."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from curate.page import failure_of, stable_id
from curate.runfolder import join, publishing, unique, write_json
from curate.sheets import Sheets
from curate.sources import read
from curate.sources.opening import open_decompressed
from curate.sources.record import Failure, Item, Record, Split
from curate.work import Unit
from filters.columns import FAILED, SOURCE
from translate.document import Document, Format
from translate.engine import Identity, content_key
from translate.request import TranslationPrompt

LIMIT_BYTES = 16 << 20  # of a record
_STRINGS = ("id", "url", "date", "dump", "file_path", "license", "opt_out")
_RECORDS = ("chat", "instruction")  # formats whose document is a line of JSON, not its field `text`

SPANS = pa.schema([("unit", pa.int64()), ("key", pa.string()), ("text", pa.string())])
WRITTEN = pa.schema(
    [
        pa.field("text", pa.string()),
        *(pa.field(name, pa.string()) for name in _STRINGS),
        pa.field("language", pa.string()),  # of the translation, ISO 639-3
        pa.field("language_script", pa.string()),
        pa.field("translated_from", pa.string()),  # eng_Latn
        pa.field("translated_by", pa.string()),  # the model
        pa.field("spans", pa.int32()),
        pa.field("untranslated", pa.int32()),  # spans of them that are as in the source
        pa.field("source", SOURCE),
    ]
)
DROPPED = pa.schema([*(pa.field(name, pa.string()) for name in ("id", "url", "reason")), pa.field("source", SOURCE)])


@dataclass(frozen=True)
class Pair:
    """From a language to another, in documents of a format; what becomes of one with spans that have no translation."""

    source: str  # eng_Latn
    target: str  # hin_Deva
    names: tuple[str, str]  # in English
    format: Format = "plain"
    on_failure: Literal["keep", "drop"] = "keep"  # keep: those spans stay as they are

    @property
    def prompt(self) -> TranslationPrompt:
        return TranslationPrompt(*self.names)

    @property
    def key(self) -> dict[str, Any]:
        """What the output depends on."""
        pair = {"source": self.source, "target": self.target, "format": self.format, "on_failure": self.on_failure}
        return pair | {"prompt": self.prompt.fingerprint}


def spans_unit(unit: Unit, pair: Pair, identity: Identity, root: str) -> int:
    """The distinct spans of a unit's documents, with their keys; returns how many. Published by a commit record."""
    texts: dict[str, None] = {}
    for split in unit.splits:
        for item in _items(split, pair.format):
            if isinstance(item, Record) and (document := _parsed(item, pair.format)):
                texts.update(dict.fromkeys(span.text for span in document.spans))
    keys = _keys(texts, pair, identity)
    name = f"{unit.index:06d}.parquet"  # the content depends on the unit alone
    with publishing(join(root, "spans", name)) as file:
        table = pa.table({"unit": [unit.index] * len(texts), "key": list(keys.values()), "text": list(texts)}, SPANS)
        pq.write_table(table, file, compression="zstd")
    write_json(join(root, "spans", "_commits", f"{unit.index:06d}.json"), {"unit": unit.index, "spans": len(texts)})
    return len(texts)


def _keys(texts: dict[str, None], pair: Pair, identity: Identity) -> dict[str, str]:
    prompt = pair.prompt
    return {text: content_key(identity, prompt.request(text)) for text in texts}


def rebuild_unit(unit: Unit, answers: pa.Table, pair: Pair, identity: Identity, root: str) -> dict[str, Any]:
    """A unit's documents with their translations. answers: columns key, translation, reason. Returns the commit record."""
    known = {key: (text, why) for key, text, why in zip(*(answers[n].to_pylist() for n in ("key", "translation", "reason")), strict=True)}  # fmt: skip
    counts, name = _Counts(), f"{unit.index:06d}-{unique()}.parquet"
    with Sheets(root, name) as sheets:
        for split in unit.splits:
            for item in _items(split, pair.format):
                _rebuild(item, split.file, known, pair, identity, counts, sheets)
    commit = {"unit": unit.index, "files": sheets.files, **counts.as_json()}
    write_json(join(root, "_commits", f"{unit.index:06d}.json"), commit)
    return commit


class _Counts:
    def __init__(self) -> None:
        self.documents = self.written = self.spans = self.whole = 0
        self.dropped, self.failed, self.untranslated = Counter[str](), Counter[str](), Counter[str]()

    def as_json(self) -> dict[str, Any]:
        plain = {"in": self.documents, "written": self.written, "spans": self.spans, "whole": self.whole}
        return plain | {name: dict(getattr(self, name)) for name in ("dropped", "failed", "untranslated")}


def _rebuild(
    item: Item,
    file: str,
    known: dict[str, tuple[str | None, str | None]],
    pair: Pair,
    identity: Identity,
    counts: _Counts,
    sheets: Sheets,
) -> None:
    if isinstance(item, Failure):
        counts.documents += 1
        counts.failed[item.reason] += 1
        sheets.add("failed", [failure_of(file, item.offset, item.url, item.reason, item.error)], FAILED)
        return
    if not isinstance(item, Record):
        return
    counts.documents += 1
    document = _parsed(item, pair.format)
    if document is None:
        counts.failed["malformed"] += 1
        error = f"no {pair.format} document"
        sheets.add("failed", [failure_of(file, item.offset, item.url, "malformed", error)], FAILED)
        return
    translations, reasons = _translations(document, known, pair, identity)
    reason = item.drop_reason or (reasons[0] if reasons and pair.on_failure == "drop" else None)
    place = {"id": item.id or stable_id(file, item.offset), "url": item.url, "source": {"file": file, "offset": item.offset}}  # fmt: skip
    if reason:
        counts.dropped[reason] += 1
        sheets.add("dropped", [place | {"reason": reason}], DROPPED)
        return
    counts.written += 1
    counts.spans += len(document.spans)
    counts.whole += not reasons
    counts.untranslated.update(reasons)
    language, _, script = pair.target.partition("_")
    row = {name: getattr(item, name) for name in _STRINGS} | place
    row |= {"text": document.rebuild(translations), "language": language, "language_script": script}
    row |= {"translated_from": pair.source, "translated_by": identity.model}
    sheets.add(pair.target, [row | {"spans": len(document.spans), "untranslated": len(reasons)}], WRITTEN)


def _translations(
    document: Document, known: dict[str, tuple[str | None, str | None]], pair: Pair, identity: Identity
) -> tuple[list[str | None], list[str]]:
    """A translation a span, None where there is none; and why not, for each of these."""
    texts = dict.fromkeys(span.text for span in document.spans)
    keys = _keys(texts, pair, identity)
    translations: list[str | None] = []
    reasons: list[str] = []
    for span in document.spans:
        translation, reason = known.get(keys[span.text], (None, None))
        translations.append(translation)
        if translation is None:
            reasons.append(reason or "unanswered")
    return translations, reasons


def _parsed(record: Record, format_: Format) -> Document | None:
    try:
        return Document.parse(str(record.payload), format_)
    except ValueError:
        return None


def _items(split: Split, format_: Format) -> Iterator[Item]:
    if format_ not in _RECORDS:
        yield from read(split, limit_bytes=LIMIT_BYTES)
        return
    with open_decompressed(split.file) as file:
        offset = 0
        while line := file.readline(LIMIT_BYTES + 1):
            if len(line) > LIMIT_BYTES:
                yield Failure(offset=offset, reason="too_large", error=f"a line of more than {LIMIT_BYTES} bytes")
                return
            if line.strip():
                yield Record(offset=offset, payload=line.decode("utf-8", "replace").rstrip("\r\n"))
            offset += len(line)
