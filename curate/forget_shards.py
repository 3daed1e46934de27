"""Forget rows of shards: they move to dropped/ without text, and the writing task's commit record counts anew."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.blank import masks_of, matching, rewrite, without
from curate.forgotten import REASON, Forgotten, blank_id
from curate.runfolder import RunFolder, exists, join, open_parquet, publishing, read_json, write_json
from curate.shards import hash_rows
from filters.columns import DROPPED, label

_DROPPED_STAYS = {"id", "language", "language_script", "reason", "drop_reasons", "sample", "cluster_id", "source"}


def in_task(folder: RunFolder, path: str, wanted: Forgotten, counts: Counter[str], *, recount: bool) -> None:
    """One writing task's shards and dropped rows: first the dropped file, then the shards, then the commit record.

    `path` is the commit record; `counts` grows by the rows of each file. `recount`: it may be older than its files.
    """
    commit = read_json(path)
    shards = [join(folder.root, shard["file"]) for shard in commit["shards"]]
    masks = [_shard_masks(shard, wanted) for shard in shards]
    gone = [_gone(shard, mask) for shard, mask in zip(shards, masks, strict=True)]
    changed = _add_dropped(folder, path, commit, pa.concat_tables([DROPPED.empty_table(), *gone]), wanted, counts)
    for shard, mask, rows in zip(shards, masks, gone, strict=True):
        if len(rows):
            counts[folder.relative(shard)] += len(rows)
            rewrite(shard, mask, lambda rows, mask: rows.filter(pa.array(~mask)))
    if changed or recount or any(map(len, gone)):
        write_json(path, _recounted(folder, commit))


def _shard_masks(path: str, wanted: Forgotten) -> list[np.ndarray]:
    with open_parquet(path) as parquet:
        return masks_of(parquet, ["id", "url"], matching(wanted))


def _gone(path: str, masks: list[np.ndarray]) -> pa.Table:
    """The rows of a shard that go, as rows of dropped/."""
    columns = ["id", "language", "language_script", "cluster_id", "source"]
    found = []
    with open_parquet(path) as parquet:
        for group, mask in enumerate(masks):
            if mask.any():
                found.append(parquet.read_row_group(group, columns=columns).filter(pa.array(mask)))
    rows = [
        row | {"id": blank_id(row["id"] or ""), "reason": REASON, "drop_reasons": [REASON], "sample": ""}
        for table in found
        for row in table.to_pylist()
    ]
    return pa.Table.from_pylist(rows, DROPPED)


def _add_dropped(
    folder: RunFolder, path: str, commit: dict[str, Any], gone: pa.Table, wanted: Forgotten, counts: Counter[str]
) -> bool:
    """Blank the task's dropped rows and add those of `gone` that are not there yet; whether anything changed."""
    if commit["dropped"] is None:
        fingerprint = path.rsplit("/", 3)[1]
        name = join(folder.dropped, f"dropped-{commit['task']:06d}-{fingerprint[:8]}.parquet")
        commit["dropped"] = {"file": folder.relative(name)} if len(gone) or exists(name) else None
        if len(gone) and not exists(name):
            with publishing(name) as file:
                pq.write_table(gone, file, compression="zstd")
            return True
    if commit["dropped"] is None:
        return False
    name = join(folder.root, commit["dropped"]["file"])
    with open_parquet(name) as parquet:
        masks = masks_of(parquet, ["id", "url"], matching(wanted))
        there = set(map(_place, parquet.read(columns=["source"])["source"].to_pylist())) if len(gone) else set()
    gone = gone.filter(pa.array([_place(source) not in there for source in gone["source"].to_pylist()], pa.bool_()))
    found = sum(int(mask.sum()) for mask in masks)
    if found:
        counts[folder.relative(name)] += found
    if found or len(gone):
        _rewrite_dropped(name, masks, gone)
    return bool(found or len(gone))


def _place(source: dict[str, Any]) -> tuple[str, int]:
    """Where a record was read: no two share it."""
    return source["file"], source["offset"]


def _rewrite_dropped(path: str, masks: Sequence[np.ndarray], gone: pa.Table) -> None:
    blank = {"reason": REASON, "drop_reasons": [REASON], "sample": ""}
    with (
        open_parquet(path) as parquet,
        publishing(path) as file,
        pq.ParquetWriter(file, DROPPED, compression="zstd") as writer,
    ):
        for group, mask in enumerate(masks):
            rows = parquet.read_row_group(group)
            writer.write_table(without(rows, mask, _DROPPED_STAYS, **blank) if mask.any() else rows)
        if len(gone):
            writer.write_table(gone)


def _recounted(folder: RunFolder, commit: dict[str, Any]) -> dict[str, Any]:
    """The commit record as its files are now."""
    shards = [shard | _counted(join(folder.root, shard["file"]), "text") for shard in commit["shards"]]
    dropped = commit["dropped"] and commit["dropped"] | _counted(join(folder.root, commit["dropped"]["file"]), "sample")
    reasons: dict[str, Counter[str]] = {}
    if dropped:
        with open_parquet(join(folder.root, dropped["file"])) as parquet:
            for batch in parquet.iter_batches(4096, columns=["language", "language_script", "reason"]):
                for row in batch.to_pylist():
                    name = label(row["language"], row["language_script"])
                    reasons.setdefault(name, Counter())[row["reason"]] += 1
    ordered = {name: dict(sorted(counts.items())) for name, counts in sorted(reasons.items())}
    return commit | {"shards": shards, "dropped": dropped, "reasons": ordered}


def _counted(path: str, body: str) -> dict[str, Any]:
    digest, rows, size = hashlib.blake2b(digest_size=16), 0, 0
    with open_parquet(path) as parquet:
        for batch in parquet.iter_batches(1024, columns=["id", body]):
            hash_rows(digest, batch)
            rows += len(batch)
            size += pc.sum(pc.binary_length(batch[body])).as_py() or 0
    return {"rows": rows, "text_bytes": size if body == "text" else 0, "hash": digest.hexdigest()}
