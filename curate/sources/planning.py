"""From files to splits: the parts that tasks read, each record in exactly one."""

import itertools
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from curate.sources.listing import InputFile
from curate.sources.opening import BZIP2_MAGIC, GZIP_MAGIC, READ_ERRORS, ZSTD_MAGIC, open_raw
from curate.sources.parquet import text_problem
from curate.sources.record import Split

TARGET_BYTES = 128 << 20


def plan_splits(files: Iterable[InputFile], target_bytes: int = TARGET_BYTES) -> list[Split]:
    """Splits of about `target_bytes` on disk, in order. A file that cannot be cut, or is smaller, is one split."""
    return [split for file in files for split in _plan(file, target_bytes)]


def _plan(file: InputFile, target_bytes: int) -> list[Split]:
    planner = _PLANNERS.get(file.format)
    ranges: list[tuple[int, int, int]] = []
    if planner and file.bytes > target_bytes:
        try:
            ranges = list(planner(file, target_bytes))
        except (*READ_ERRORS, pa.ArrowException):  # reading it will say what is wrong
            ranges = []
    if len(ranges) < 2:
        return [Split(file=file.path, format=file.format, bytes=file.bytes)]
    return [Split(file=file.path, format=file.format, start=start, end=end, bytes=size) for start, end, size in ranges]


def _archive_ranges(file: InputFile, target_bytes: int) -> Iterator[tuple[int, int, int]]:
    """Only gzip has places, its members' beginnings, at which reading can start in the middle."""
    if _beginning(file).startswith(GZIP_MAGIC):
        yield from _byte_ranges(file.bytes, target_bytes)


def _line_ranges(file: InputFile, target_bytes: int) -> Iterator[tuple[int, int, int]]:
    if not _beginning(file).startswith((GZIP_MAGIC, BZIP2_MAGIC, ZSTD_MAGIC)):
        yield from _byte_ranges(file.bytes, target_bytes)


def _beginning(file: InputFile) -> bytes:
    with open_raw(file.path) as raw:
        return raw.read(4)


def _byte_ranges(size: int, target_bytes: int) -> Iterator[tuple[int, int, int]]:
    """Equal ranges; the last is open, should the file have grown."""
    count = -(-size // target_bytes)
    bounds = [index * size // count for index in range(count + 1)]
    for start, end in itertools.pairwise(bounds):
        yield start, -1 if end == size else end, end - start


def _row_group_ranges(file: InputFile, target_bytes: int) -> Iterator[tuple[int, int, int]]:
    with open_raw(file.path) as raw:
        parquet = pq.ParquetFile(raw)
        if text_problem(parquet.schema_arrow):
            return
        sizes = [_compressed_size(parquet.metadata.row_group(group)) for group in range(parquet.num_row_groups)]
    start, size = 0, 0
    for group, group_size in enumerate(sizes):
        size += group_size
        if size >= target_bytes or group == len(sizes) - 1:
            yield start, group + 1, size
            start, size = group + 1, 0


def _compressed_size(row_group: pq.RowGroupMetaData) -> int:
    return sum(row_group.column(column).total_compressed_size for column in range(row_group.num_columns))


_PLANNERS: dict[str, Callable[[InputFile, int], Iterator[tuple[int, int, int]]]] = {
    "warc": _archive_ranges,
    "wet": _archive_ranges,
    "arc": _archive_ranges,
    "jsonl": _line_ranges,
    "parquet": _row_group_ranges,
}
