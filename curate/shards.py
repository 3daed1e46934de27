"""Write once: documents and decisions joined by position into kept/ and dropped/, one pass over the text.

A task writes a range of (language, key): one large language's part, or several small languages whole. Files of
documents/ are grouped by language, so that a task reads little but its own rows. A task's content depends on the
decisions alone, so that a rerun writes the same files.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from curate.audit import verified
from curate.dedup import rehydrate
from curate.runfolder import RunFolder, join, list_files, open_parquet, publishing, write_json
from filters import clean
from filters.columns import DROPPED, KEPT, MEASURED, SAMPLE_CHARACTERS
from filters.edits import with_cuts


@dataclass(frozen=True, slots=True)
class Task:
    """One task's share: these languages in these units; `part` counts the parts of a large language."""

    index: int
    part: int
    labels: tuple[str, ...]
    units: tuple[int, ...]


def plan(decisions: DataFrame, shard_bytes: int) -> list[Task]:
    """Cut (language, unit) into tasks of about `shard_bytes` of text, small languages packed together."""
    sizes = decisions.groupBy("label", "unit").agg(F.sum("bytes").alias("bytes"))
    totals = sizes.groupBy("label").agg(F.sum("bytes").alias("bytes")).orderBy("label").collect()
    groups = decisions.sparkSession.createDataFrame(
        _packed(totals, shard_bytes), "label string, pack int, alone boolean"
    )
    before = F.sum("bytes").over(Window.partitionBy("pack").orderBy("unit", "label")) - F.col("bytes")
    part = F.when(F.col("alone"), F.floor(before / shard_bytes)).otherwise(0).cast("int")
    tasks = (
        sizes.join(F.broadcast(groups), "label")
        .withColumn("part", part)
        .groupBy("pack", "part")
        .agg(F.sort_array(F.collect_set("label")).alias("labels"), F.sort_array(F.collect_set("unit")).alias("units"))
        .orderBy("pack", "part")
        .collect()
    )
    return [Task(n, row.part, tuple(row.labels), tuple(row.units)) for n, row in enumerate(tasks)]


def _packed(totals: list[Any], shard_bytes: int) -> list[tuple[str, int, bool]]:
    """Which pack each language is in: a large one alone, small ones in order until a pack is full."""
    packs: list[tuple[str, int, bool]] = []
    pack, held = -1, shard_bytes
    for row in totals:
        if row.bytes >= shard_bytes:
            pack, held = pack + 1, shard_bytes
            packs.append((row.label, pack, True))
            continue
        if held + row.bytes > shard_bytes:
            pack, held = pack + 1, 0
        held += row.bytes
        packs.append((row.label, pack, False))
    return packs


def write_task(
    task: Task,
    root: str,
    fingerprint: str,
    files: dict[int, str],
    row_group_bytes: int,
    sites: verified.Verified | None = None,
) -> dict[str, Any]:
    """Write one task's shards and dropped rows, then its commit record, which is returned.

    `files` names the measured file of each unit; `sites` are those that people judged good.
    """
    folder = RunFolder(root)
    outputs = _Outputs(folder, task, fingerprint, row_group_bytes, sites)
    for unit in task.units:
        decided = _decisions(folder, fingerprint, unit)
        for start, rows in _row_groups(join(folder.documents, files[unit]), frozenset(task.labels)):
            outputs.add(rows, decided.slice(start, len(rows)))
    commit = {"task": task.index, **outputs.close()}
    write_json(join(folder.written_commits(fingerprint), f"{task.index:06d}.json"), commit)
    return commit


def _decisions(folder: RunFolder, fingerprint: str, unit: int) -> pa.Table:
    """A unit's decisions in row order; a disorder would join the wrong rows, so it is an error."""
    paths = list_files(join(folder.decisions(fingerprint), f"unit={unit}"), ".parquet")
    table = pa.concat_tables([_read(path) for path in paths])
    keys = table["key"].to_numpy()
    if (np.diff(keys) != 1).any():
        raise RuntimeError(f"decisions of unit {unit} are not in the row order of its measured file")
    return table


def _read(path: str) -> pa.Table:
    with open_parquet(path) as parquet:
        return parquet.read()


def _row_groups(path: str, labels: frozenset[str]) -> Iterator[tuple[int, pa.Table]]:
    """(first row, rows) of the row groups that may hold one of the languages."""
    languages = {label.partition("_")[0] for label in labels}
    with open_parquet(path) as parquet:
        column = parquet.schema_arrow.names.index("language")
        start = 0
        for n in range(parquet.num_row_groups):
            group = parquet.metadata.row_group(n)
            if _may_hold(group, column, languages):
                yield start, parquet.read_row_group(n)
            start += group.num_rows


def _may_hold(group: Any, column: int, languages: set[str]) -> bool:
    statistics = group.column(column).statistics  # the first leaf columns are the flat ones, `language` among them
    if statistics is None or not statistics.has_min_max:
        return True
    return any(statistics.min <= language <= statistics.max for language in languages)


class _Outputs:
    """The open files of a task: a shard a language, and one file of dropped rows."""

    def __init__(
        self, folder: RunFolder, task: Task, fingerprint: str, row_group_bytes: int, sites: verified.Verified | None
    ) -> None:
        self._sites = sites
        self._folder, self._task, self._labels = folder, task, pa.array(task.labels)
        self._suffix, self._group_bytes = fingerprint[:8], row_group_bytes
        self._shards: dict[str, _Shard] = {}
        name = f"dropped-{task.index:06d}-{self._suffix}.parquet"
        self._dropped = _Shard(join(folder.dropped, name), DROPPED, row_group_bytes)
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._weights = rehydrate.stored(folder, fingerprint)
        self._cut: Counter[str] = Counter()  # documents and lines

    def add(self, rows: pa.Table, decided: pa.Table) -> None:
        if not rows["key"].equals(decided["key"]):
            raise RuntimeError("decisions and documents disagree about the order of rows")
        ours = pc.is_in(decided["label"], value_set=self._labels)
        kept = pc.equal(pc.list_value_length(decided["drop_reasons"]), 0)
        self._drop(*_both(rows, decided, pc.and_(ours, pc.invert(kept))))
        rows, decided = _both(rows, decided, pc.and_(ours, kept))
        for label in pc.unique(decided["label"]).to_pylist():
            self._keep(label, *_both(rows, decided, pc.equal(decided["label"], label)))

    def _keep(self, label: str, rows: pa.Table, decided: pa.Table) -> None:
        columns = {name: rows[name] for name in KEPT.names if name in MEASURED.names}
        columns["text"] = self._edited(rows, decided["cuts"].combine_chunks())
        columns["minhash_cluster_size"], columns["cluster_id"] = decided["cluster_size"], decided["cluster_id"]
        weights = self._weights.get(label, {})
        columns["rehydration_weight"] = pa.array(
            [weights.get(size, 1) for size in decided["cluster_size"].to_pylist()], pa.int64()
        )
        columns["verified"] = verified.column(self._sites, label, rows["url"])
        if label not in self._shards:
            name = f"{label}-{self._task.part:05d}-{self._suffix}.parquet"
            self._shards[label] = _Shard(join(self._folder.kept, label, name), KEPT, self._group_bytes)
        self._shards[label].add(pa.table([columns[field.name] for field in KEPT], schema=KEPT))

    def _edited(self, rows: pa.Table, cuts: pa.Array) -> pa.StringArray:
        """The texts after their edits and the cuts decided on."""
        text, edits = rows["text"].combine_chunks(), rows["edits"].combine_chunks()
        if cuts.null_count == len(cuts):
            return clean.apply_edits(text, edits)
        spans = [[(cut["start"], cut["end"]) for cut in row or ()] for row in cuts.to_pylist()]
        self._cut["documents"] += sum(map(bool, spans))
        self._cut["lines"] += sum(map(len, spans))
        text = clean.apply_edits(text, with_cuts(edits, spans))
        return pc.if_else(cuts.is_valid(), pc.utf8_trim(text, "\n"), text)

    def _drop(self, rows: pa.Table, decided: pa.Table) -> None:
        reason = pc.list_element(decided["drop_reasons"], 0) if len(rows) else pa.array([], pa.string())
        columns = {name: rows[name] for name in DROPPED.names if name in MEASURED.names}
        columns["reason"], columns["drop_reasons"] = reason, decided["drop_reasons"]
        columns["cluster_id"] = decided["cluster_id"]
        columns["sample"] = pc.utf8_slice_codeunits(rows["text"], 0, SAMPLE_CHARACTERS)
        self._dropped.add(pa.table([columns[field.name] for field in DROPPED], schema=DROPPED))
        self._reasons.update(zip(decided["label"].to_pylist(), reason.to_pylist(), strict=True))

    def close(self) -> dict[str, Any]:
        reasons: dict[str, dict[str, int]] = {}
        for (label, reason), count in sorted(self._reasons.items()):
            reasons.setdefault(label, {})[reason] = count
        return {
            "shards": [{"language": label, **self._publish(shard)} for label, shard in sorted(self._shards.items())],
            "dropped": self._publish(self._dropped) if self._dropped.rows else None,
            "reasons": reasons,
            "boilerplate": dict(self._cut),
        }

    def _publish(self, shard: "_Shard") -> dict[str, Any]:
        return {"file": self._folder.relative(shard.path), **shard.close()}


def _both(rows: pa.Table, decided: pa.Table, mask: pa.ChunkedArray) -> tuple[pa.Table, pa.Table]:
    return rows.filter(mask), decided.filter(mask)


@dataclass
class _Shard:
    """A Parquet file that appears once complete, with a hash of its ids and texts."""

    path: str
    schema: pa.Schema
    group_bytes: int
    rows: int = 0
    text_bytes: int = 0
    _buffer: list[pa.Table] = field(default_factory=list)
    _held: int = 0
    _hash: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))
    _publishing: Any = None
    _writer: Any = None

    def add(self, rows: pa.Table) -> None:
        if not len(rows):
            return
        hash_rows(self._hash, rows)
        self.rows += len(rows)
        if "text" in rows.schema.names:
            self.text_bytes += pc.sum(pc.binary_length(rows["text"])).as_py() or 0
        self._buffer.append(rows)
        self._held += rows.nbytes
        if self._held >= self.group_bytes:
            self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            self._publishing = publishing(self.path)
            file = self._publishing.__enter__()
            self._writer = pq.ParquetWriter(file, self.schema, compression="zstd")
        if self._buffer:
            self._writer.write_table(pa.concat_tables(self._buffer).combine_chunks(), row_group_size=2**31 - 1)
        self._buffer, self._held = [], 0

    def close(self) -> dict[str, Any]:
        if self.rows:
            self._flush()
            self._writer.close()
            self._publishing.__exit__(None, None, None)
        return {"rows": self.rows, "text_bytes": self.text_bytes, "hash": self._hash.hexdigest()}


def hash_rows(into: Any, rows: pa.Table) -> None:
    """Feed the id and the text (or sample) of each row: the content, whatever the Parquet encoding."""
    body = "text" if "text" in rows.schema.names else "sample"
    for name, text in zip(rows["id"].to_pylist(), rows[body].to_pylist(), strict=True):
        into.update(f"{name}\0{text}\0".encode("utf-8", "surrogatepass"))
