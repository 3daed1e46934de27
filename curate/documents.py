"""The file of documents that a task writes: rows grouped by language, so that writing a shard reads little else."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filters.columns import KEY_BITS, MEASURED

GROUP_BYTES = 4 * 1024 * 1024  # a row group ends at a change of language once it holds this much


class DocumentWriter:
    """Rows grouped by language, so that writing a shard reads little more than its own language's row groups.

    Memory is bounded: beyond `buffer_bytes` the rows at hand are sorted and written, and a new run of rows begins.
    """

    def __init__(self, file: Any, unit: int, buffer_bytes: int, row_group_bytes: int) -> None:
        self._parquet = pq.ParquetWriter(file, MEASURED, compression="zstd", compression_level=1)
        self._key = unit << KEY_BITS
        self._buffer: list[pa.Table] = []
        self._bytes, self._buffer_bytes, self._group_bytes = 0, buffer_bytes, row_group_bytes

    def add(self, rows: pa.Table) -> None:
        self._buffer.append(rows)
        self._bytes += rows.nbytes
        if self._bytes >= self._buffer_bytes:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._parquet.close()

    def _flush(self) -> None:
        if not self._buffer:
            return
        rows = pa.concat_tables(self._buffer)
        self._buffer, self._bytes = [], 0
        labels = pc.binary_join_element_wise(rows["language"], rows["language_script"], "_").to_pylist()
        codes = (
            np.unique(np.array(labels, dtype=object).astype(str), return_inverse=True)[1]
            if labels
            else np.array([], int)
        )
        rows = rows.take(pa.array(np.argsort(codes, kind="stable")))
        keys = pa.array(np.arange(self._key, self._key + len(rows), dtype=np.int64))
        self._key += len(rows)
        rows = rows.set_column(rows.schema.get_field_index("key"), "key", keys)
        for group in _groups(rows, np.sort(codes), self._group_bytes):
            self._parquet.write_table(group, row_group_size=max(1, len(group)))


def _groups(rows: pa.Table, codes: np.ndarray, most_bytes: int) -> Iterator[pa.Table]:
    """Cut sorted rows into row groups: small languages share one, large ones have their own."""
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(rows)]
    start = 0
    for begin, end in pairwise(edges):
        if rows.slice(start, begin - start).nbytes >= GROUP_BYTES:
            yield rows.slice(start, begin - start)
            start = begin
        while rows.slice(start, end - start).nbytes > most_bytes and end - start > 1:
            share = most_bytes / rows.slice(start, end - start).nbytes
            cut = start + max(1, int((end - start) * share))
            yield rows.slice(start, cut - start)
            start = cut
    if start < len(rows):
        yield rows.slice(start)
