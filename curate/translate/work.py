"""What a task does with its share of the input: its distinct spans, and later its documents with translations."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from curate.page import failure_of, stable_id
from curate.runfolder import join, publishing, unique, write_json
from curate.sheets import Sheets
from curate.sources.record import Failure
from curate.translate.documents import Reading, Source
from curate.work import Unit
from filters.columns import FAILED, SOURCE
from translate.document import Document, Format
from translate.engine import Identity, content_key, whole_characters
from translate.mask import check_placeholders
from translate.request import TranslationPrompt

UNANSWERED = "unanswered"  # the reason of a span that the engine's passing trouble left open
_STRINGS = ("id", "url", "date", "dump", "file_path", "license", "opt_out")

# key: its name in the memory; fallback: the same for the second engine, null where there is none
SPANS = pa.schema([("unit", pa.int64()), ("key", pa.string()), ("fallback", pa.string()), ("text", pa.string())])
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
        pa.field("by_fallback", pa.int32()),  # spans of them that the second model translated
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
    format: Format | None = None  # None: as each file and record says
    on_failure: Literal["keep", "drop"] = "keep"  # keep: those spans stay as they are

    @property
    def prompt(self) -> TranslationPrompt:
        return TranslationPrompt(*self.names)

    @property
    def key(self) -> dict[str, Any]:
        """What the output depends on."""
        pair = {"source": self.source, "target": self.target, "format": self.format, "on_failure": self.on_failure}
        return pair | {"prompt": self.prompt.fingerprint}


class Keys(NamedTuple):
    """Names of a span's answers in the memory."""

    key: str
    fallback: str | None


@dataclass(frozen=True)
class Naming:
    """What an answer depends on: the prompt, who answers, and which checks are not made, or by a model."""

    prompt: TranslationPrompt
    identity: Identity
    fallback: Identity | None = None
    accepted: tuple[str, ...] = ()

    @property
    def key(self) -> dict[str, Any]:
        """What the output depends on."""
        fallback = self.fallback and asdict(self.fallback)
        return {"model": asdict(self.identity), "fallback": fallback, "accepted": sorted({*self.accepted})}

    def of(self, texts: Iterable[str]) -> dict[str, Keys]:
        return {text: Keys(self._key(self.identity, text), self._second(text)) for text in texts}

    def _second(self, text: str) -> str | None:
        return self._key(self.fallback, text) if self.fallback else None

    def _key(self, identity: Identity, text: str) -> str:
        """An answer judged by fewer checks has another name: the memory keeps judgements, not what was refused."""
        key = content_key(identity, self.prompt.request(text))
        accepted = ",".join(sorted({*self.accepted}))
        return xxhash.xxh3_128_hexdigest(f"{key} {accepted}".encode()) if accepted else key


@dataclass(frozen=True)
class Share:
    """What every unit's work needs to know."""

    pair: Pair
    naming: Naming
    reading: Reading
    root: str  # of the run folder


# --- spans -----------------------------------------------------------------------------------------------------------


def spans_unit(unit: Unit, share: Share) -> int:
    """The distinct spans of a unit's documents, with their keys; returns how many. Published by a commit record."""
    texts: dict[str, None] = {}
    for split in unit.splits:
        for item in share.reading.documents(split):
            if isinstance(item, Source) and (document := _parsed(item)):
                texts.update(dict.fromkeys(span.text for span in document.spans))
    keys = share.naming.of(texts).values()
    columns = [[unit.index] * len(texts), [each.key for each in keys], [each.fallback for each in keys]]
    table = pa.table([*columns, [whole_characters(text) for text in texts]], SPANS)
    name = f"{unit.index:06d}"  # the content depends on the unit alone
    with publishing(join(share.root, "spans", f"{name}.parquet")) as file:
        pq.write_table(table, file, compression="zstd")
    write_json(join(share.root, "spans", "_commits", f"{name}.json"), {"unit": unit.index, "spans": len(texts)})
    return len(texts)


def _parsed(source: Source) -> Document | None:
    try:
        return Document.parse(source.text, source.format)
    except ValueError:
        return None


# --- documents -------------------------------------------------------------------------------------------------------


class Answered(NamedTuple):
    """What is known of a span: its translation, or why there is none."""

    translation: str | None
    reason: str | None
    by_fallback: bool


_NOTHING = Answered(None, None, False)
_MARKS = frozenset("<＜")  # what a placeholder begins with


def rebuild_unit(unit: Unit, answers: pa.Table, share: Share) -> dict[str, Any]:
    """A unit's documents with their translations. answers: columns key, translation, reason, by_fallback.

    Returns the commit record.
    """
    columns = [answers[name].to_pylist() for name in ("key", *Answered._fields)]
    known = {key: Answered(*rest) for key, *rest in zip(*columns, strict=True)}
    name = f"{unit.index:06d}-{unique()}.parquet"
    with Sheets(share.root, name) as sheets:
        rebuilding = _Rebuilding(share, known, sheets)
        for split in unit.splits:
            for item in share.reading.documents(split):
                rebuilding.add(item, split.file)
    commit = {"unit": unit.index, "files": sheets.files, **rebuilding.counts()}
    write_json(join(share.root, "_commits", f"{unit.index:06d}.json"), commit)
    return commit


class _Rebuilding:
    """Writes documents down and counts what becomes of them."""

    def __init__(self, share: Share, known: Mapping[str, Answered], sheets: Sheets) -> None:
        self._share, self._known, self._sheets = share, known, sheets
        self._sums = Counter[str]()
        self._dropped, self._failed, self._untranslated = Counter[str](), Counter[str](), Counter[str]()

    def counts(self) -> dict[str, Any]:
        sums = {name: self._sums[name] for name in ("in", "written", "spans", "whole", "by_fallback")}
        reasons = {"dropped": self._dropped, "failed": self._failed, "untranslated": self._untranslated}
        return sums | {name: dict(counts) for name, counts in reasons.items()}

    def add(self, item: Failure | Source, file: str) -> None:
        self._sums["in"] += 1
        if isinstance(item, Failure):
            self._fail(file, item.offset, item.url, item.reason, item.error)
        elif reason := item.record.drop_reason:
            self._drop(item, file, reason)
        elif document := _parsed(item):
            self._add(item, document, file)
        else:
            self._fail(file, item.record.offset, item.record.url, "malformed", f"no {item.format} document")

    def _fail(self, file: str, offset: int, url: str | None, reason: str, error: str) -> None:
        self._failed[reason] += 1
        self._sheets.add("failed", [failure_of(file, offset, url, reason, error)], FAILED)

    def _drop(self, item: Source, file: str, reason: str) -> None:
        self._dropped[reason] += 1
        self._sheets.add("dropped", [_place(item, file) | {"reason": reason}], DROPPED)

    def _add(self, item: Source, document: Document, file: str) -> None:
        pair, answers = self._share.pair, self._answers(document)
        reasons = [each.reason or UNANSWERED for each in answers if each.translation is None]
        if reasons and pair.on_failure == "drop":
            self._drop(item, file, reasons[0])
            return
        fallback = sum(each.by_fallback for each in answers)
        self._sums.update({"written": 1, "spans": len(answers), "whole": int(not reasons), "by_fallback": fallback})
        self._untranslated.update(reasons)
        language, _, script = pair.target.partition("_")
        row = {name: getattr(item.record, name) for name in _STRINGS} | _place(item, file)
        row |= {"text": document.rebuild([each.translation for each in answers])}
        row |= {"language": language, "language_script": script, "translated_from": pair.source}
        row |= {"translated_by": self._share.naming.identity.model, "by_fallback": fallback}
        row |= {"spans": len(answers), "untranslated": len(reasons)}
        self._sheets.add(pair.target, [row], WRITTEN)

    def _answers(self, document: Document) -> list[Answered]:
        keys = self._share.naming.of({span.text for span in document.spans})
        return [_usable(span.text, self._known.get(keys[span.text].key, _NOTHING)) for span in document.spans]


def _usable(text: str, answered: Answered) -> Answered:
    """Without a translation whose placeholders cannot be put back: where that check is accepted, there are such."""
    if answered.translation is None or not (_MARKS & {*text, *answered.translation}):
        return answered
    problem = check_placeholders(text, answered.translation)
    bad = problem is not None and problem.kind != "crossed"
    return Answered(None, "placeholders", False) if bad else answered


def _place(item: Source, file: str) -> dict[str, Any]:
    record = item.record
    id_ = record.id or stable_id(file, record.offset)
    return {"id": id_, "url": record.url, "source": {"file": file, "offset": record.offset}}
