"""The memory of translations: Parquet files of answers under the hash of all that they depend on.

A chunk of answers is a file that appears when it is complete. So kill -9 loses, and pays again for, at most the chunks
in flight, and a second corpus that is given the same folder pays only for what is new.
"""

import posixpath
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from curate.runfolder import filesystem, join, publishing, remove, walk

MEMORY = pa.schema(
    [
        pa.field("key", pa.string()),  # of text, prompt, model and parameters: translate.engine.content_key
        pa.field("source", pa.string()),  # the span's text, with placeholders
        pa.field("translation", pa.string()),  # null: none that can be used
        pa.field("reason", pa.string()),  # why not: a check (translate/checks) or the engine's; null: there is one
        pa.field("detail", pa.string()),
        pa.field("model", pa.string()),
        pa.field("asked", pa.int32()),  # times
        pa.field("prompt_tokens", pa.int64()),  # of all times
        pa.field("completion_tokens", pa.int64()),
    ]
)


_PARTIAL = re.compile(r"_.+\.[0-9a-f]{12}")  # as `publishing` names them
_OLD = timedelta(hours=1)


@dataclass(frozen=True)
class Memory:
    """A folder of answers."""

    root: str

    def __post_init__(self) -> None:
        """Clear away what killed runs had begun to write; another run may be writing there now, so not what is new."""
        for path in walk(self.root, ""):
            if _PARTIAL.fullmatch(posixpath.basename(path)):
                with suppress(FileNotFoundError):
                    _remove_old(path)

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """A chunk of answers, whole or not at all; the same chunk twice is one file."""
        if not rows:
            return
        name = xxhash.xxh3_128_hexdigest("".join(row["key"] for row in rows).encode())
        with publishing(join(self.root, f"{name}.parquet")) as file:
            pq.write_table(pa.Table.from_pylist(list(rows), MEMORY), file, compression="zstd")

    @property
    def files(self) -> list[str]:
        return list(walk(self.root, ".parquet"))


def _remove_old(path: str) -> None:
    fs, inner = filesystem(path)
    if datetime.now(UTC) - fs.modified(inner) > _OLD:
        remove(path)
