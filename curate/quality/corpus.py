"""Good and bad texts for quality classifiers: files -> examples, and which of them are held out, by source."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappushpop
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import xxhash

from curate.recipe import RecipeError
from curate.runfolder import RunFolder, exists, open_parquet
from curate.sources import list_inputs
from curate.sources.fields import whole_characters
from curate.sources.opening import READ_ERRORS, open_decompressed
from filters.columns import UNKNOWN_LANGUAGE, label
from filters.labels import canonical
from filters.language import identify
from filters.scripts import script

CHARACTERS = 100_000  # read of a document
MOST = 20_000  # documents of a language and class: those with the smallest hashes
HELD_OUT = 0.2  # of the documents of a language and class, at least, by whole sources
_TOO_MUCH = 0.4  # a source that would make more of it stays for training
_ONE_IN = 5  # documents held out where there is one source only
_BATCH = 1000
_COLUMNS = ("id", "text", "url", "file", "language", "language_script", "score")


@dataclass(frozen=True, slots=True)
class Example:
    """One text. `source` is the host of its URL, without www., else the file it came from."""

    label: str  # hin_Deva
    text: str
    source: str
    good: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One text as it lies in a file."""

    row: dict[str, Any]
    file: str
    number: int  # from 0
    label: str = ""

    @property
    def id(self) -> str | None:
        name = self.row.get("id")
        return name if isinstance(name, str) else None

    @property
    def source(self) -> str:
        """The host of its URL, without www., else the file: the one it came from, as annotations name it."""
        url, file = self.row.get("url"), self.row.get("file")
        try:
            host = urlsplit(url).hostname if isinstance(url, str) else None
        except ValueError:  # a stranger's URL
            host = None
        return host.removeprefix("www.") if host else file if isinstance(file, str) else self.file


def read(inputs: Sequence[str], *, good: bool) -> Iterator[Example]:
    """The texts of JSONL and Parquet files, folders of them, and run folders (what these kept). Raises RecipeError.

    A row's own `language` (and `language_script`) is its language; where it has none the text is identified. Texts in
    no known language are left out.
    """
    for each in _known(with_labels(inputs)):
        yield Example(each.label, each.row["text"], each.source, good)


def read_scored(inputs: Sequence[str], cut: float) -> Iterator[Example]:
    """The same of files with a `score`: good from `cut` on. A null score (no answer, a refusal) is left out."""
    for each in _known(with_labels(inputs, "score")):
        if each.row["score"] is not None:
            good = _number(each.row["score"], each.file) >= cut
            yield Example(each.label, each.row["text"], each.source, good)


def _known(batches: Iterator[list[Row]]) -> Iterator[Row]:
    return (each for batch in batches for each in batch if not each.label.startswith(UNKNOWN_LANGUAGE))


def with_labels(inputs: Sequence[str], *needed: str) -> Iterator[list[Row]]:
    """The rows that have a text, each with its language as `hin_Deva`, some at a time. Raises RecipeError."""
    rows = (each for file in _files(inputs) for each in _rows(file, *needed))
    while batch := list(islice(rows, _BATCH)):
        labels = _labels([each.row for each in batch])
        yield [replace(each, label=name) for each, name in zip(batch, labels, strict=True)]


def _number(score: object, file: str) -> float:
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise RecipeError(f"{file}: a score is {str(score)[:40]!r}; it must be a number")
    return float(score)


def _files(inputs: Sequence[str]) -> Iterator[str]:
    roots = [RunFolder(each.rstrip("/")) for each in inputs]
    paths = [root.kept if exists(root.run) else given for root, given in zip(roots, inputs, strict=True)]
    for file in list_inputs(paths):
        if file.format not in ("jsonl", "parquet"):
            raise RecipeError(
                f"{file.path}: {file.format}, not JSON lines or Parquet; for raw pages give the folder of a `curate run`"
            )
        yield file.path


def _rows(file: str, *needed: str) -> Iterator[Row]:
    """The rows that have a text. RecipeError for a file that is broken or lacks a column."""
    try:
        for n, row in enumerate(_parquet(file) if file.endswith(".parquet") else _json_lines(file)):
            for name in ("text", *needed):
                if name not in row:
                    raise RecipeError(
                        f"{file} row {n + 1}: no {name}; it has {', '.join(map(str, row))[:200] or 'nothing'}"
                    )
            if isinstance(row["text"], str) and row["text"].strip():
                yield Row(row | {"text": whole_characters(row["text"][:CHARACTERS])}, file, n)
    except (pa.ArrowException, *READ_ERRORS) as error:
        raise RecipeError(f"{file}: cannot be read: {str(error)[:200]}") from None


def _parquet(file: str) -> Iterator[dict[str, Any]]:
    with open_parquet(file) as parquet:
        wanted = [name for name in _COLUMNS if name in parquet.schema_arrow.names]
        for batch in parquet.iter_batches(_BATCH, columns=wanted):
            yield from batch.to_pylist()


def _json_lines(file: str) -> Iterator[dict[str, Any]]:
    with open_decompressed(file) as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise RecipeError(f"{file} line {number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise RecipeError(f"{file} line {number}: not an object with a text field")
            yield row


def _labels(rows: list[dict[str, Any]]) -> list[str]:
    texts = pa.array([row["text"] for row in rows], pa.string())
    unnamed = [n for n, row in enumerate(rows) if not isinstance(row.get("language"), str)]
    names = [""] * len(rows)
    for n, found in zip(unnamed, identify(texts.take(pa.array(unnamed, pa.int64()))).to_pylist(), strict=True):
        names[n] = label(found["language"], found["language_script"])
    for n, (row, seen) in enumerate(zip(rows, script(texts).to_pylist(), strict=True)):
        parts = [part for part in (row.get("language"), row.get("language_script")) if isinstance(part, str)]
        names[n] = names[n] or label(*canonical("_".join(parts), seen))
    return names


# Which are taken, and which are held out


def number_of(*parts: object) -> int:
    """A number that depends on nothing but the parts: orders things without a pattern."""
    return xxhash.xxh3_64_intdigest("\t".join(map(str, parts)).encode())


def sampled(examples: Iterable[Example], most: int = MOST) -> list[Example]:
    """At most `most` of each language and class, copies of a text once: those whose texts have the smallest hashes."""
    heaps: dict[tuple[str, bool], list[tuple[int, Example]]] = defaultdict(list)
    seen: dict[tuple[str, bool], set[int]] = defaultdict(set)
    for each in examples:
        key, order = (each.label, each.good), -number_of(each.text)
        heap, known = heaps[key], seen[key]
        if order in known or (len(heap) == most and order <= heap[0][0]):
            continue
        known.add(order)
        if len(heap) < most:
            heap.append((order, each))
            if len(heap) == most:
                heapify(heap)
        else:
            known.discard(heappushpop(heap, (order, each))[0])
    return [each for key in sorted(heaps) for _, each in sorted(heaps[key], key=lambda pair: -pair[0])]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What is for evaluation only: whole sources; single documents of a language and class that has one source only."""

    sources: frozenset[int] = frozenset()  # number_of(label, good, source)
    by_document: frozenset[tuple[str, bool]] = field(default=frozenset())

    def holds(self, each: Example) -> bool:
        if (each.label, each.good) in self.by_document:
            return number_of("document", each.text) % _ONE_IN == 0
        return number_of(each.label, each.good, each.source) in self.sources

    def dump(self) -> dict[str, Any]:
        return {"sources": sorted(self.sources), "by_document": sorted(map(list, self.by_document))}

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> "HeldOut":
        return cls(frozenset(raw["sources"]), frozenset((name, good) for name, good in raw["by_document"]))


def hold_out(examples: Iterable[Example]) -> HeldOut:
    """A fifth of each language and class, by whole sources in the order of their hash."""
    counts: dict[tuple[str, bool], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for each in examples:
        counts[each.label, each.good][number_of(each.label, each.good, each.source)] += 1
    chosen: set[int] = set()
    for own in counts.values():
        chosen |= _some(own) if len(own) > 1 else set()
    return HeldOut(frozenset(chosen), frozenset(key for key, own in counts.items() if len(own) == 1))


def _some(counts: dict[int, int]) -> set[int]:
    """Sources with a fifth of the documents, none so large that much of the rest would go with it; at least one."""
    total, held, chosen = sum(counts.values()), 0, set[int]()
    for source in sorted(counts):
        if held < HELD_OUT * total and held + counts[source] <= _TOO_MUCH * total:
            chosen.add(source)
            held += counts[source]
    return chosen or {min(counts, key=lambda source: (counts[source], source))}
