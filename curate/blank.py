"""Parquet files with some rows blanked: read a row group at a time, written beside the old file, published whole."""

import posixpath
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.forgotten import Forgotten, blank_id
from curate.runfolder import join, open_parquet, publishing, remove

Chosen = Callable[[dict[str, list[Any]]], list[bool]]  # values by column -> which rows


def masks_of(parquet: pq.ParquetFile, columns: list[str], chosen: Chosen) -> list[np.ndarray]:
    """Of each row group, which rows are chosen by their values in a few columns."""
    found = []
    for group in range(parquet.num_row_groups):
        values = parquet.read_row_group(group, columns=columns)
        found.append(np.array(chosen({name: values[name].to_pylist() for name in columns}), bool))
    return found


def matching(wanted: Forgotten) -> Chosen:
    """Rows that are to be forgotten, from the columns url and, where there is one, id."""

    def chosen(values: dict[str, list[Any]]) -> list[bool]:
        ids = values.get("id") or [None] * len(values["url"])
        return [wanted.holds(id_, url) for id_, url in zip(ids, values["url"], strict=True)]

    return chosen


def rewrite(path: str, masks: list[np.ndarray], change: Callable[[pa.Table, np.ndarray], pa.Table]) -> None:
    """The file with the rows of each mask changed, row group by row group. The JVM's checksum of it goes first."""
    with open_parquet(path) as parquet:
        remove(join(posixpath.dirname(path), f".{posixpath.basename(path)}.crc"))
        with publishing(path) as file, pq.ParquetWriter(file, parquet.schema_arrow, compression="zstd") as writer:
            for group, mask in enumerate(masks):
                rows = parquet.read_row_group(group)
                rows = change(rows, mask) if mask.any() else rows
                if len(rows):
                    writer.write_table(rows, row_group_size=len(rows))


def without(rows: pa.Table, mask: np.ndarray, stays: set[str], **constants: Any) -> pa.Table:
    """The rows with null for all but `stays` where the mask is; `constants` there, and blank ids."""
    kept = pa.array(np.arange(len(rows)), mask=mask)
    columns = {}
    for name in rows.schema.names:
        column = rows[name]
        if name == "id":
            values = zip(column.to_pylist(), mask.tolist(), strict=True)
            columns[name] = pa.array([blank_id(id_ or "") if gone else id_ for id_, gone in values], pa.string())
        elif name in constants:
            values = zip(column.to_pylist(), mask.tolist(), strict=True)
            columns[name] = pa.array([constants[name] if gone else value for value, gone in values], column.type)
        else:
            columns[name] = column if name in stays else column.take(kept)
    return pa.table(columns, schema=rows.schema)


def values_of(parquet: pq.ParquetFile, group: int, column: str, mask: np.ndarray) -> list[Any]:
    if not mask.any():
        return []
    return list(parquet.read_row_group(group, columns=[column])[column].filter(pa.array(mask)).to_pylist())
