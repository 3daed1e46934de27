"""Parquet corpora, FineWeb-2's among them: row groups in small batches, only the columns that we carry over."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from curate.sources.fields import ALIASES, to_record
from curate.sources.opening import one_line, open_raw
from curate.sources.record import Failure, Item, Split

BATCH_ROWS = 256


def read_parquet(split: Split, *, limit_bytes: int) -> Iterator[Item]:
    """The rows of row groups [start, end); a row's offset is its number in the file."""
    with open_raw(split.file) as raw:
        try:
            file = pq.ParquetFile(raw, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            yield Failure(offset=0, reason="malformed", error=f"not a Parquet file: {one_line(error)}")
            return
        if problem := text_problem(file.schema_arrow):
            yield Failure(offset=0, reason="malformed", error=problem)
            return
        end = file.num_row_groups if split.end < 0 else min(split.end, file.num_row_groups)
        offset = sum(file.metadata.row_group(group).num_rows for group in range(min(split.start, end)))
        for group in range(split.start, end):
            yield from _read_group(file, group, offset, limit_bytes)
            offset += file.metadata.row_group(group).num_rows


def text_problem(schema: pa.Schema) -> str | None:
    if "text" not in schema.names:
        return f"no column text; the columns are {', '.join(schema.names[:40])}"
    kind = schema.field("text").type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return None if is_text else f"the column text is {kind}; it must be string"


def _read_group(file: pq.ParquetFile, group: int, offset: int, limit_bytes: int) -> Iterator[Item]:
    done = 0
    try:
        for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=_columns(file.schema_arrow)):
            for item in _items(batch, offset + done, limit_bytes):
                yield item
                done += 1
    except (pa.ArrowException, OSError) as error:
        rows = f"row group {group} from row {offset + done}"
        yield Failure(offset=offset + done, reason="malformed", error=f"{rows} cannot be read: {one_line(error)}")


def _items(batch: pa.RecordBatch, offset: int, limit_bytes: int) -> Iterator[Item]:
    for row in range(batch.num_rows):
        try:
            values = batch.slice(row, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            yield Failure(offset=offset + row, reason="malformed", error=f"not UTF-8: {one_line(error)}")
        else:
            yield to_record(values, offset + row, limit_bytes)


def _columns(schema: pa.Schema) -> list[str]:
    """Names as Parquet wants them: nested fields with dots."""
    wanted = ["text", *(name for aliases in ALIASES.values() for name in aliases)]
    columns = [name for name in wanted if name in schema.names]
    if "metadata" in schema.names and pa.types.is_struct(schema.field("metadata").type):
        nested = {field.name for field in schema.field("metadata").type}
        columns += [f"metadata.{name}" for name in wanted[1:] if name in nested]
    return columns
