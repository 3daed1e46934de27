"""Single documents of a measured run by key: a key names the unit and the row, so that one row group is read for each."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from curate.runfolder import RunFolder, join, open_parquet, read_json
from filters.columns import KEY_BITS

COLUMNS = ("url", "id", "text")
_ROW_MASK = (1 << KEY_BITS) - 1


def texts(folder: RunFolder, keys: Iterable[int]) -> dict[int, str]:
    """The texts of these documents; empty where a document has none."""
    return {key: row["text"] or "" for key, row in rows(folder, keys, ("text",)).items()}


def rows(folder: RunFolder, keys: Iterable[int], columns: Iterable[str] = COLUMNS) -> dict[int, dict[str, Any]]:
    """Some columns of these documents, by key."""
    units: dict[int, list[int]] = {}
    for key in sorted(set(keys)):
        units.setdefault(key >> KEY_BITS, []).append(key & _ROW_MASK)
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda unit: dict(_of_unit(folder, unit, units[unit], list(columns))), units)
        return {key: row for part in found for key, row in part.items()}


def _of_unit(
    folder: RunFolder, unit: int, wanted: list[int], columns: list[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    name = read_json(join(folder.measured_commits, f"{unit:06d}.json"))["file"]
    start = 0
    with open_parquet(join(folder.documents, name)) as parquet:
        for n in range(parquet.num_row_groups):
            size = parquet.metadata.row_group(n).num_rows
            here = [row for row in wanted if start <= row < start + size]
            if here:
                group = parquet.read_row_group(n, columns=columns).take([row - start for row in here])
                yield from zip(((unit << KEY_BITS) + row for row in here), group.to_pylist(), strict=True)
            start += size
