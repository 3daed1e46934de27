"""Which documents a judge sees: of each language those whose ids have the smallest hashes, whatever their order.

The same input gives the same sample; a larger sample contains the smaller one, so what was paid for is used again.
"""

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from curate.recipe import RecipeError
from curate.runfolder import RunFolder, exists
from curate.sources.fields import whole_characters
from curate.sources.listing import InputFile, list_inputs
from curate.sources.opening import READ_ERRORS, one_line, open_decompressed, open_raw
from filters.columns import label
from filters.labels import canonical
from translate.prompt import shortened

LINE_BYTES = 64 << 20  # a longer line of JSON is not read
NARROW = ("id", "language", "language_script")


@dataclass(frozen=True, slots=True)
class Document:
    """A sampled text, no longer than the judge will see."""

    id: str
    file: str
    language: str  # hin_Deva; und_Zzzz where the input has no such column
    text: str
    truncated: bool


@dataclass
class Sample:
    """The chosen documents and what was passed over."""

    documents: list[Document]
    seen: Counter[str] = field(default_factory=Counter)  # by language, before sampling
    unread: Counter[str] = field(default_factory=Counter)  # rows without text: empty, malformed, too_large


def sample(inputs: Sequence[str], *, size: int, languages: Sequence[str] = (), characters: int) -> Sample:
    """`size` documents of each language (or of `languages` alone), sorted by language and hash.

    A run folder means its kept shards. Memory: `size` texts of `characters` for each language. InputError for a path
    that means no file, RecipeError for a file without texts.
    """
    chosen = _Chosen(size, frozenset(languages), characters)
    for file in list_inputs([_texts_of(path) for path in inputs]):
        _READERS.get(file.format, _refuse)(file, chosen)
    return Sample(chosen.documents(), chosen.seen, chosen.unread)


def _texts_of(path: str) -> str:
    folder = RunFolder(path.rstrip("/"))
    return folder.kept if exists(folder.manifest) else path


class _Chosen:
    """Of each language the `size` smallest hashes seen so far; a text is asked for only where it gets in."""

    def __init__(self, size: int, languages: frozenset[str], characters: int) -> None:
        self._size, self._languages, self._characters = size, languages, characters
        self._heaps: defaultdict[str, list[tuple[int, str, int, Document]]] = defaultdict(list)
        self.seen: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()

    def wanted(self, id_: str, language: str) -> bool:
        """Whether a document would get in now; counts it as seen."""
        if self._languages and language not in self._languages:
            return False
        self.seen[language] += 1
        heap = self._heaps[language]
        return len(heap) < self._size or _hash(id_) < -heap[0][0]

    def add(self, id_: str, language: str, file: str, row: int, text: object) -> None:
        if not isinstance(text, str) or not text.strip():
            self.unread["empty" if isinstance(text, str) else "malformed"] += 1
            return
        shown = shortened(whole_characters(text), self._characters)
        document = Document(id_, file, language, shown, len(shown) < len(text))
        entry = (-_hash(id_), file, row, document)
        heap = self._heaps[language]
        (heapq.heappush if len(heap) < self._size else heapq.heappushpop)(heap, entry)

    def documents(self) -> list[Document]:
        return [
            entry[3]
            for language in sorted(self._heaps)
            for entry in sorted(self._heaps[language], key=lambda entry: (-entry[0], entry[1], entry[2]))
        ]


def _hash(id_: str) -> int:
    return xxhash.xxh3_64_intdigest(id_.encode())


def _label(row: dict[str, Any]) -> str:
    named = "_".join(part for name in NARROW[1:] if isinstance(part := row.get(name), str) and part)
    return label(*canonical(named))


def _id(row: dict[str, Any], file: str, number: int) -> str:
    """The row's own id, else its place."""
    own = row.get("id")
    place = f"{file.rpartition('/')[2]}/{number}"
    return whole_characters(str(own)) if isinstance(own, str | int) and own != "" else place


# --- readers -------------------------------------------------------------------------------------------------------


def _read_parquet(file: InputFile, chosen: _Chosen) -> None:
    try:
        with open_raw(file.path) as raw, pq.ParquetFile(raw) as parquet:
            names = parquet.schema_arrow.names
            if "text" not in names:
                raise RecipeError(f"{file.path}: no column text; the columns are {', '.join(names[:40])}")
            _read_groups(parquet, file.path, chosen)
    except (pa.ArrowException, OSError) as error:
        raise RecipeError(f"{file.path}: cannot be read: {one_line(error)}") from error


def _read_groups(parquet: pq.ParquetFile, path: str, chosen: _Chosen) -> None:
    """The narrow columns of each row group, and its texts only if one of them gets in."""
    narrow = [name for name in NARROW if name in parquet.schema_arrow.names]
    number = 0
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        table = parquet.read_row_group(group, columns=narrow).to_pylist() if narrow else [{}] * rows
        named = [(_id(row, path, number + n), _label(row)) for n, row in enumerate(table)]
        wanted = [n for n, of in enumerate(named) if chosen.wanted(*of)]
        if wanted:
            texts = parquet.read_row_group(group, columns=["text"])["text"].take(pa.array(wanted)).to_pylist()
            for n, text in zip(wanted, texts, strict=True):
                chosen.add(*named[n], path, number + n, text)
        number += rows


def _read_jsonl(file: InputFile, chosen: _Chosen) -> None:
    try:
        for number, line in enumerate(_lines(file.path)):
            row = _parsed(line)
            if row is None:
                chosen.unread["malformed" if line else "too_large"] += 1
                continue
            id_, language = _id(row, file.path, number), _label(row)
            if chosen.wanted(id_, language):
                chosen.add(id_, language, file.path, number, row.get("text"))
    except READ_ERRORS as error:
        raise RecipeError(f"{file.path}: cannot be read: {one_line(error)}") from error


def _lines(path: str) -> Iterator[bytes]:
    """The lines that are not blank; b"" for one that is too long."""
    with open_decompressed(path) as lines:
        while line := lines.readline(LINE_BYTES + 1):
            if len(line) <= LINE_BYTES:
                if line.strip():
                    yield line
                continue
            while line and not line.endswith(b"\n"):
                line = lines.readline(LINE_BYTES)
            yield b""


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _refuse(file: InputFile, chosen: _Chosen) -> None:
    raise RecipeError(f"{file.path}: {file.format}; give a run folder, Parquet or JSON lines with a field text")


_READERS = {"parquet": _read_parquet, "jsonl": _read_jsonl}
