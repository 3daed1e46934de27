"""Documents of Parquet and JSON lines files.

A group is what can be read alone: a row group of a Parquet file, or a whole JSON lines file, which is read from its
start. Nothing here holds more than a few hundred documents at a time.
"""

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from train.recipe import TrainError

REPEATS = "rehydration_weight"  # curate's column: how often to repeat a document
_LINES = (".jsonl", ".jsonl.gz")
_BATCH = 256  # rows read at a time
_BUFFER = 1 << 20  # bytes of a column chunk read at a time, so that a row group is never in memory whole


class Document(NamedTuple):
    """A row: `text` is None where the column is null; `repeats` is 1 where there is no such column."""

    text: str | None
    repeats: int


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that can be read alone. `text_bytes`: UTF-8 of the text, a few bytes a row too many for Parquet."""

    path: str
    index: int  # of the row group; 0 in JSON lines
    rows: int
    text_bytes: int
    most_repeats: int


def texts(paths: Sequence[str], *, column: str = "text") -> Iterator[str]:
    """The documents of all files that the globs match, in order; nulls and empty texts are left out.

    Files are Parquet, .jsonl or .jsonl.gz. Raises TrainError: no file, no such column, a file that can't be read.
    """
    for path in find(paths):
        if path.endswith(_LINES):
            documents: Iterable[Document] = _read_lines(path, column)
        else:
            with _open(path) as file:
                _check(path, file, column)
                documents = _read_rows(path, file, range(file.num_row_groups), column, repeats=False)
                yield from (document.text for document in documents if document.text)
            continue
        yield from (document.text for document in documents if document.text)


def find(patterns: Sequence[str]) -> list[str]:
    """The files that the globs match, sorted, each once; names that begin with a dot or _ are no data."""
    found: set[str] = set()
    for pattern in patterns:
        path = Path(pattern)
        root, inner = Path(path.anchor or "."), str(path.relative_to(path.anchor))
        matched = [path] if path.is_file() or inner == "." else root.glob(inner)
        files = [str(each) for each in matched if each.is_file() and not each.name.startswith((".", "_"))]
        if not files:
            raise TrainError(f"{pattern}: no such file; a path or a glob of Parquet or .jsonl(.gz) files is wanted")
        found.update(files)
    for name in sorted(found):
        if not name.endswith((".parquet", *_LINES)):
            raise TrainError(f"{name}: neither Parquet (.parquet) nor JSON lines (.jsonl, .jsonl.gz)")
    return sorted(found)


def groups(path: str, *, column: str = "text") -> list[Group]:
    """The groups of a file, empty ones left out. Parquet: from its footer; JSON lines are read through."""
    if path.endswith(_LINES):
        return _line_groups(path, column)
    with _open(path) as file:
        _check(path, file, column)
        names = [file.schema.column(at).path for at in range(len(file.schema))]
        text, repeats = names.index(column), names.index(REPEATS) if REPEATS in names else None
        found = []
        for index in range(file.num_row_groups):
            rows = file.metadata.row_group(index)
            most = _most(path, rows, repeats)
            found.append(Group(path, index, rows.num_rows, rows.column(text).total_uncompressed_size, most))
    return [group for group in found if group.rows]


def read(group: Group, *, column: str = "text", start: int = 0, repeats: bool = True) -> Iterator[Document]:
    """The rows of a group from row `start` on."""
    if group.path.endswith(_LINES):
        yield from _after(_read_lines(group.path, column), start)
        return
    with _open(group.path) as file:
        _check(group.path, file, column)
        repeats = repeats and REPEATS in file.schema_arrow.names
        yield from _after(_read_rows(group.path, file, [group.index], column, repeats=repeats), start)


def _open(path: str) -> Any:
    try:
        return pq.ParquetFile(path, buffer_size=_BUFFER)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from None


def _check(path: str, file: Any, column: str) -> None:
    schema = file.schema_arrow
    if column not in schema.names:
        raise TrainError(f"{path}: no column {column}; the columns are {', '.join(schema.names)}")
    kind = schema.field(column).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise TrainError(f"{path}: column {column} is {kind}, a string is wanted")


def _most(path: str, rows: Any, column: int | None) -> int:
    if column is None:
        return 1
    statistics = rows.column(column).statistics
    if statistics is not None and statistics.null_count == rows.num_rows:
        return 1
    if statistics is None or not statistics.has_min_max:
        raise TrainError(f"{path}: no statistics of the column {REPEATS}; write the file with them, as curate does")
    return max(1, int(statistics.max))


def _read_rows(path: str, file: Any, which: Sequence[int], column: str, *, repeats: bool) -> Iterator[Document]:
    columns = [column, REPEATS] if repeats else [column]
    try:
        for batch in file.iter_batches(_BATCH, row_groups=list(which), columns=columns, use_threads=False):
            found = batch.column(column).to_pylist()
            times = batch.column(REPEATS).to_pylist() if repeats else [1] * len(found)
            for text, count in zip(found, times, strict=True):
                yield Document(text, 1 if count is None else count)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from None


def _line_groups(path: str, column: str) -> list[Group]:
    rows = size = 0
    most = 1
    for text, repeats in _read_lines(path, column):
        rows += 1
        size += len((text or "").encode())
        most = max(most, repeats)
    return [Group(path, 0, rows, size, most)] if rows else []


def _read_lines(path: str, column: str) -> Iterator[Document]:
    try:
        opened = gzip.open if path.endswith(".gz") else open
        with opened(path, "rb") as raw, io.TextIOWrapper(raw, "utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _parsed(line, f"{path}: line {number}", column)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def _parsed(line: str, where: str, column: str) -> Document:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TrainError(f"{where}: no JSON: {error}") from None
    if not isinstance(row, dict) or column not in row:
        keys = ", ".join(row) if isinstance(row, dict) else f"none: it is a {type(row).__name__}"
        raise TrainError(f"{where}: no key {column}; the keys are {keys}")
    text, repeats = row[column], row.get(REPEATS, 1)
    if not isinstance(text, str | None):
        raise TrainError(f"{where}: {column} is a {type(text).__name__}, a string is wanted")
    return Document(None if text is None else _whole(text), repeats if isinstance(repeats, int) else 1)


def _whole(text: str) -> str:
    """JSON may escape one half of a surrogate pair, which is no character: U+FFFD in its place."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _after(documents: Iterator[Document], start: int) -> Iterator[Document]:
    for row, document in enumerate(documents):
        if row >= start:
            yield document


def _unreadable(path: str, error: Exception) -> TrainError:
    return TrainError(f"{path}: cannot be read: {(str(error) or type(error).__name__).splitlines()[0][:200]}")
