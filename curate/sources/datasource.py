"""Web archives as a Spark data source, usable alone:

spark.dataSource.register(WarcDataSource)
spark.read.format("warc").load("s3://commoncrawl/crawl-data/.../warc/")
"""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from curate.sources.listing import list_inputs
from curate.sources.planning import TARGET_BYTES, plan_splits
from curate.sources.reading import LIMIT_BYTES, read
from curate.sources.record import InputError, Record, Skipped, Split

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("id", "url", "date", "dump", "content_type")),
        pa.field("payload", pa.binary()),  # the page's bytes, or UTF-8 text from WET; empty where drop_reason is set
        pa.field("drop_reason", pa.string()),
        pa.field("file", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("error", pa.string()),  # set: this row is a record that could not be read, "reason: error"
    ]
)
FORMATS = {"warc", "wet", "arc"}
BATCH_ROWS = 256
BATCH_BYTES = 16 << 20


class SplitPartition(InputPartition):
    def __init__(self, split: Split) -> None:
        self.split = split


class WarcDataSource(DataSource):
    """Options: `path` (a glob, folder, file or path list), `limitBytes` a record, `targetBytes` a partition."""

    @classmethod
    def name(cls) -> str:
        return "warc"

    def schema(self) -> StructType:
        return from_arrow_schema(SCHEMA)

    def reader(self, schema: StructType) -> "WarcReader":
        return WarcReader(dict(self.options))


class WarcReader(DataSourceReader):
    def __init__(self, options: dict[str, str]) -> None:
        if not options.get("path"):
            raise InputError('no path; say spark.read.format("warc").load(PATH)')
        self.path = options["path"]
        self.limit_bytes = _whole_number(options, "limitBytes", LIMIT_BYTES)
        self.target_bytes = _whole_number(options, "targetBytes", TARGET_BYTES)

    def partitions(self) -> list[InputPartition]:
        files = list_inputs([self.path])
        if other := next((file for file in files if file.format not in FORMATS), None):
            raise InputError(f"{other.path}: of format {other.format}; this source reads {', '.join(sorted(FORMATS))}")
        return [SplitPartition(split) for split in plan_splits(files, self.target_bytes)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        assert isinstance(partition, SplitPartition)
        rows: list[dict[str, object]] = []
        size = 0
        for row in _rows(partition.split, self.limit_bytes):
            rows.append(row)
            size += len(row.get("payload") or b"")  # type: ignore[arg-type]
            if len(rows) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
                rows, size = [], 0
        if rows:
            yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def _whole_number(options: dict[str, str], name: str, default: int) -> int:
    # Spark hands option names over in lower case or as written, depending on how they were given.
    value = next((value for key, value in options.items() if key.lower() == name.lower()), str(default))
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise InputError(f"{name} is {value!r}; it must be a whole number of bytes above 0")
    return int(value)


def _rows(split: Split, limit_bytes: int) -> Iterator[dict[str, object]]:
    for item in read(split, limit_bytes=limit_bytes):
        if isinstance(item, Skipped):
            continue
        place = {"file": split.file, "offset": item.offset, "url": item.url}
        if not isinstance(item, Record):
            yield place | {"error": f"{item.reason}: {item.error}"}
            continue
        payload = item.payload.encode() if isinstance(item.payload, str) else item.payload
        names = ("id", "date", "dump", "content_type", "drop_reason")
        yield place | {name: getattr(item, name) for name in names} | {"payload": payload}
