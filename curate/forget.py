"""Forget documents: blank their rows wherever a run folder holds them, so that nothing of them is left but the count.

Rows are joined by position, so none is removed from documents/ and decisions/; a shard's rows move to dropped/ without
text, which keeps every account true. Each file is written anew beside the old one and takes its name when complete.
The request is recorded before the first file changes and done again whole if it was cut short, which changes nothing
where it is done already.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from curate import forgotten, manifest, plan
from curate.blank import masks_of, matching, rewrite, values_of, without
from curate.forget_shards import in_task
from curate.forgotten import REASON, Forgotten, blank_id
from curate.runfolder import (
    RunFolder,
    exists,
    join,
    open_parquet,
    remove,
    remove_partial,
    walk,
    write_json,
)
from filters.columns import KEY_BITS

MOST_IDS = 10_000  # whose digests the record lists; all of them stand in the blanked rows
_UNIT = re.compile(r"/unit=(\d+)/")

# What a blanked row of documents/ keeps: its place, and the counts it is part of. It has an empty text and a new id.
_STAYS = {
    "text",
    "id",
    "dump",
    "file_path",
    "language",
    "language_score",
    "language_script",
    "drop_reasons",
    "source",
    "key",
    "part",
    "pages",
}
_PAGE_STAYS = {"page", "pages", "dump", "file_path", "width", "height", "route", "engine", "language", "source"}


@dataclass
class Outcome:
    """What was done: rows by file (relative to the run folder), and digests of the ids."""

    rows: Counter[str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    documents: int = 0


def forget(folder: RunFolder, wanted: Forgotten, *, reason: str | None = None, source: str | None = None) -> Outcome:
    """Take these documents out of the run and record that. `source`: digest of the list they come from."""
    cut_short = any(request["finished"] is None for request in forgotten.requests(folder))
    _record(folder, wanted, reason, source)
    outcome, every = Outcome(), forgotten.stored(folder)  # with what was asked before: it may have been cut short
    parts = (folder.pages, folder.documents, folder.failed, folder.kept, folder.dropped)
    for part in (*parts, join(folder.root, "decisions")):
        remove_partial(part)
    for path in _parquet(folder.pages):
        _in_pages(folder, path, every, outcome)
    _in_index(folder, every, outcome)
    keys = {
        unit: rows for path in _parquet(folder.documents) for unit, rows in _in_documents(folder, path, every, outcome)
    }
    for path in _parquet(folder.failed):
        _in_failed(folder, path, every, outcome)
    for path in _parquet(join(folder.root, "decisions")):
        _in_decisions(path, keys)
    for path in walk(join(folder.root, "decisions"), ".json"):
        if "/_written/" in path:
            in_task(folder, path, every, outcome.rows, recount=cut_short)
    remove(join(folder.root, "summary"))  # samples of text, made again by `curate calibrate`
    remove(join(folder.root, "report.html"))
    if exists(folder.manifest):
        manifest.refresh(folder)
    _finish(folder, outcome)
    return outcome


def enforce(folder: RunFolder, path: str | None) -> Outcome | None:
    """Forget what a recipe's list names and this folder may have read before; None: that is done already."""
    if path is None:
        return None
    wanted = forgotten.load_list(path)
    source = forgotten.digest("\n".join(sorted(wanted.ids) + sorted(wanted.urls) + sorted(wanted.sites)))
    if any(request["list"] == source and request["finished"] for request in forgotten.requests(folder)):
        return None
    return forget(folder, wanted, reason="named in the recipe's list", source=source)


# --- the record


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _record(folder: RunFolder, wanted: Forgotten, reason: str | None, source: str | None) -> None:
    request = {
        "asked": _now(),
        "finished": None,
        "reason": reason,
        "list": source,
        "ids": sorted(wanted.ids),
        "urls": sorted(wanted.urls),
        "sites": sorted(wanted.sites),
    }
    write_json(folder.forgotten, {"requests": [*forgotten.requests(folder), request]}, indent=1)


def _finish(folder: RunFolder, outcome: Outcome) -> None:
    requests = forgotten.requests(folder)
    for request in requests:
        request["finished"] = request["finished"] or _now()
    requests[-1] |= {
        "documents": outcome.documents,
        "rows": dict(sorted(outcome.rows.items())),
        "forgotten_ids": outcome.ids[:MOST_IDS],
    }
    write_json(folder.forgotten, {"requests": requests}, indent=1)


# --- files


def _parquet(folder: str) -> list[str]:
    return list(walk(folder, ".parquet"))


def _in_index(folder: RunFolder, wanted: Forgotten, outcome: Outcome) -> None:
    """What an index of earlier runs holds of this one, by exact hash: before the documents lose theirs."""
    entry = plan.index_entry(folder)
    held = _parquet(entry) if entry else []
    hashes: set[int] = set()
    for path in _parquet(folder.documents) if held else []:
        with open_parquet(path) as parquet:
            masks = masks_of(parquet, ["id", "url"], matching(wanted))
            for group, mask in enumerate(masks):
                hashes.update(values_of(parquet, group, "exact_hash", mask))
    for path in held:
        with open_parquet(path) as parquet:
            masks = masks_of(parquet, ["exact_hash"], lambda values: [each in hashes for each in values["exact_hash"]])
        if found := sum(int(mask.sum()) for mask in masks):
            outcome.rows[path] += found
            rewrite(path, masks, lambda rows, mask: rows.filter(pa.array(~mask)))


def _in_documents(
    folder: RunFolder, path: str, wanted: Forgotten, outcome: Outcome
) -> Iterator[tuple[int, np.ndarray]]:
    """Blank the rows; (unit, keys) of all that are blank now."""
    with open_parquet(path) as parquet:
        masks = masks_of(parquet, ["id", "url"], matching(wanted))
        if found := sum(int(mask.sum()) for mask in masks):
            ids = [id_ for group, mask in enumerate(masks) for id_ in values_of(parquet, group, "id", mask)]
            outcome.ids += [blank_id(id_ or "") for id_ in ids][: MOST_IDS - len(outcome.ids)]
            outcome.documents += found
            outcome.rows[folder.relative(path)] += found
    if found:
        blank = {"text": "", "drop_reasons": [REASON]}
        rewrite(path, masks, lambda rows, mask: without(rows, mask, _STAYS, **blank))
    with open_parquet(path) as parquet:
        masks = masks_of(
            parquet, ["drop_reasons"], lambda values: [each == [REASON] for each in values["drop_reasons"]]
        )
        keys = [key for group, mask in enumerate(masks) for key in values_of(parquet, group, "key", mask)]
    if keys:
        yield keys[0] >> KEY_BITS, np.array(sorted(keys), np.int64)


def _in_pages(folder: RunFolder, path: str, wanted: Forgotten, outcome: Outcome) -> None:
    """A blank page keeps its place, so that the documents of other pages do not change."""
    with open_parquet(path) as parquet:
        masks = masks_of(parquet, ["id", "url"], matching(wanted))
    if found := sum(int(mask.sum()) for mask in masks):
        outcome.rows[folder.relative(path)] += found
        rewrite(path, masks, lambda rows, mask: without(rows, mask, _PAGE_STAYS, reason=REASON))


def _in_failed(folder: RunFolder, path: str, wanted: Forgotten, outcome: Outcome) -> None:
    with open_parquet(path) as parquet:
        masks = masks_of(parquet, ["url"], matching(wanted))
    if found := sum(int(mask.sum()) for mask in masks):
        outcome.rows[folder.relative(path)] += found
        stays = {"file", "offset", "reason", "error"}
        rewrite(path, masks, lambda rows, mask: without(rows, mask, stays, error=REASON))


def _in_decisions(path: str, keys: dict[int, np.ndarray]) -> None:
    """The fate of blanked rows. Label, unit and bytes stay: the tasks that write are planned from them."""
    unit = _UNIT.search(path)
    mine = keys.get(int(unit[1])) if unit else None
    if mine is None:
        return

    def open_still(values: dict[str, list[Any]]) -> list[bool]:
        named = zip(values["host"], values["drop_reasons"], strict=True)
        there = np.isin(np.array(values["key"], np.int64), mine)
        return [
            bool(here) and (host is not None or why != [REASON]) for here, (host, why) in zip(there, named, strict=True)
        ]

    with open_parquet(path) as parquet:
        masks = masks_of(parquet, ["key", "host", "drop_reasons"], open_still)
    if any(mask.any() for mask in masks):
        stays = {"key", "unit", "label", "drop_reasons", "cluster_id", "cluster_size", "bytes"}
        rewrite(path, masks, lambda rows, mask: without(rows, mask, stays, drop_reasons=[REASON]))


# --- verify


def remaining(folder: RunFolder) -> tuple[int, int]:
    """(rows of documents/ that are blank, rows anywhere that should be and are not)."""
    wanted, blank, left = forgotten.stored(folder), 0, 0
    for part in (folder.pages, folder.documents, folder.kept, folder.dropped, folder.failed):
        for path in _parquet(part):
            with open_parquet(path) as parquet:
                columns = [name for name in ("id", "url") if name in parquet.schema_arrow.names]
                left += sum(int(mask.sum()) for mask in masks_of(parquet, columns, matching(wanted)))
                if part == folder.documents:
                    reasons = masks_of(
                        parquet, ["drop_reasons"], lambda v: [each == [REASON] for each in v["drop_reasons"]]
                    )
                    blank += sum(int(mask.sum()) for mask in reasons)
    return blank, left
