"""Benchmarks that no document may contain: read once on the driver, and named again in what was found."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.recipe import MIB, Decontaminate, RecipeError
from curate.sources.listing import InputFile, list_inputs
from curate.sources.opening import READ_ERRORS, one_line, open_decompressed, open_raw
from curate.sources.record import InputError
from filters import clean, contamination
from filters.contamination import Collected, Ngrams

BATCH_CHARACTERS = 4 * MIB
LINE_BYTES = 64 * MIB
MOST_NGRAMS = 50_000_000  # 12 bytes each in every worker, and twice that on the driver while they are sorted
_TXT = re.compile(r"\.txt(?:\.(?:gz|bz2|zst|zstd))?$", re.IGNORECASE)

Text = tuple[int, str]  # record, one of its texts


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """Records are counted through all files in order; `first` is the number of each file's first one."""

    ngrams: Ngrams
    files: tuple[str, ...]
    first: tuple[int, ...]
    records: int

    def name(self, record: int) -> tuple[str, int]:
        """The file of a record, and its number there, from 0."""
        file = int(np.searchsorted(self.first, record, side="right")) - 1
        return self.files[file], record - self.first[file]

    @property
    def digest(self) -> str:
        """Of all that matching depends on: the n-grams and the records they belong to, not where the files lie."""
        digest = hashlib.blake2b(np.array(self.first, np.int64).tobytes(), digest_size=16)
        for part in (
            self.ngrams.keys,
            self.ngrams.records,
            self.ngrams.prefixes,
            np.array(self.ngrams.lengths, np.int64),
        ):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def load(settings: Decontaminate) -> Benchmarks | None:
    """The benchmarks of a recipe; None without any. RecipeError for a file that is none of ours, or holds no text."""
    if not settings.benchmarks:
        return None
    try:
        files = list_inputs(settings.benchmarks)
    except InputError as error:
        raise RecipeError(f"decontaminate.benchmarks: {error}") from None
    collected: list[Collected] = []
    first: list[int] = []
    number, held = 0, 0
    for file in files:
        first.append(number)
        reader = _Reader(file, settings.fields, number)
        for texts in _batches(reader):
            found = contamination.ngrams_of(clean.strings(text for _, text in texts), settings.ngram)
            held += len(found.keys)
            if held > MOST_NGRAMS:
                raise RecipeError(f"decontaminate.benchmarks: more than {MOST_NGRAMS:,} n-grams; give fewer files")
            records = np.array([record for record, _ in texts], np.int32)
            collected.append(found._replace(texts=records[found.texts]))
        if not reader.texts:
            raise RecipeError(f"decontaminate.benchmarks: {file.path}: {reader.problem}")
        number = reader.record
    ngrams = contamination.index(collected, settings.ngram)
    return Benchmarks(ngrams, tuple(file.path for file in files), tuple(first), number)


class _Reader:
    """The texts of one file; afterwards `record` is the number behind its last record, `texts` how many there were."""

    def __init__(self, file: InputFile, fields: Sequence[str], record: int) -> None:
        self._file, self._fields = file, fields
        self.record, self.texts = record, 0

    @property
    def problem(self) -> str:
        return f"no text in {' or '.join(self._fields)}" if self._fields else "no text in it"

    def __iter__(self) -> Iterator[Text]:
        try:
            for row in self._rows():
                for text in _strings(row, self._fields):
                    self.texts += 1
                    yield self.record, text
                self.record += 1
        except (*READ_ERRORS, ValueError, RecursionError, pa.ArrowException) as error:
            problem = f"record {self.record}: {one_line(error)}"
            raise RecipeError(f"decontaminate.benchmarks: {self._file.path}: {problem}") from None

    def _rows(self) -> Iterator[Any]:
        if _TXT.search(self._file.path):
            return ({"text": line} for line in self._lines() if line.strip())
        if self._file.format == "jsonl":
            return (json.loads(line) for line in self._lines() if line.strip())
        if self._file.format == "parquet":
            return self._parquet()
        raise ValueError(f"its format is {self._file.format}; benchmarks are JSON lines, Parquet or .txt")

    def _lines(self) -> Iterator[str]:
        with open_decompressed(self._file.path) as file:
            while line := file.readline(LINE_BYTES + 1):
                if len(line) > LINE_BYTES:
                    raise ValueError(f"a line of more than {LINE_BYTES} bytes")
                yield line.decode("utf-8-sig")

    def _parquet(self) -> Iterator[Any]:
        with open_raw(self._file.path) as raw:
            for batch in pq.ParquetFile(raw).iter_batches(1024):
                yield from batch.to_pylist()


def _strings(row: Any, fields: Sequence[str]) -> Iterator[str]:
    """Every string of a record, those in lists and objects too; with `fields` those of these fields alone."""
    if fields:
        row = [row.get(field) for field in fields] if isinstance(row, dict) else None
    if isinstance(row, str):
        yield row
    elif isinstance(row, list | dict):
        for value in row.values() if isinstance(row, dict) else row:
            yield from _strings(value, ())


def _batches(texts: Iterable[Text]) -> Iterator[list[Text]]:
    batch: list[Text] = []
    held = 0
    for item in texts:
        batch.append(item)
        held += len(item[1])
        if held >= BATCH_CHARACTERS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def report(benchmarks: Benchmarks, settings: Decontaminate, commits: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What the measuring tasks found, by benchmark record; their own counts are in the commit records."""
    documents, by_record = 0, dict[int, list[int]]()
    for commit in commits:
        found = commit.get("contamination") or {"documents": 0, "records": {}}
        documents += found["documents"]
        for record, counts in found["records"].items():
            total = by_record.setdefault(int(record), [0, 0])
            total[0], total[1] = total[0] + counts[0], total[1] + counts[1]
    rows = [
        {"file": file, "record": row, "documents": counts[0], "ngrams": counts[1]}
        for record, counts in sorted(by_record.items())
        for file, row in (benchmarks.name(record),)
    ]
    names = {file: len(list(mine)) for file, mine in groupby(rows, key=lambda row: row["file"])}
    return {
        "ngram": settings.ngram,
        "action": settings.action,
        "documents": documents,
        "benchmarks": [
            {"file": file, "records": end - start, "found": names.get(file, 0)}
            for file, start, end in zip(
                benchmarks.files, benchmarks.first, (*benchmarks.first[1:], benchmarks.records), strict=True
            )
        ],
        "records": sorted(rows, key=lambda row: (-row["documents"], row["file"], row["record"])),
    }
