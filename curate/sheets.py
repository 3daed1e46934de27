"""The Parquet files of one attempt, one a folder, which appear when all of them are complete."""

from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.runfolder import join, publishing

ROWS = 512  # of a row group, about


class Sheets:
    """`with Sheets(root, name) as sheets: sheets.add("hin_Latn", rows, schema)`; an error leaves no file."""

    def __init__(self, root: str, name: str) -> None:
        self._root, self._name, self._stack = root, name, ExitStack()
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._waiting: dict[str, list[dict[str, Any]]] = {}

    @property
    def files(self) -> list[str]:
        """Relative to the root."""
        return [join(where, self._name) for where in self._writers]

    def add(self, where: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
        """Rows for the file in the folder `where`; all of one folder have one schema."""
        if not rows:
            return
        if where not in self._writers:
            file = self._stack.enter_context(publishing(join(self._root, where, self._name)))
            self._writers[where] = self._stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
        self._waiting.setdefault(where, []).extend(rows)
        if len(self._waiting[where]) >= ROWS:
            self._flush(where)

    def _flush(self, where: str) -> None:
        if rows := self._waiting.pop(where, []):
            writer = self._writers[where]
            writer.write_table(pa.Table.from_pylist(rows, writer.schema))

    def __enter__(self) -> "Sheets":
        self._stack.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            for where in list(self._waiting):
                self._flush(where)
        self._stack.__exit__(*error)
