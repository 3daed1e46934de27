"""The pages that page cutoffs are derived from: of each language those with the smallest hash, as for documents."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import xxhash

from curate.runfolder import RunFolder, open_parquet, walk
from curate.sources.listing import PAGES_SUFFIX
from thresholds.page_rules import PageRules, derive_page_cutoffs
from thresholds.table import CutoffTable

SAMPLE = 50_000  # pages a language


def page_cutoffs(folders: Sequence[RunFolder], *, base: str = "pages", method: str = "quantile") -> CutoffTable:
    """The base table with cutoffs of each language's own. Raises TableError where English pages are too few for it."""
    rows = _sampled(folders)
    return derive_page_cutoffs(
        rows["signals"].combine_chunks(),
        rows["language"].to_pylist(),
        base=PageRules.load(base),
        method=method,
        reference=", ".join(folder.root.rsplit("/", 1)[-1] for folder in folders),
    )


def _sampled(folders: Sequence[RunFolder]) -> pa.Table:
    """Columns language, signals, hash."""
    held: list[pa.Table] = []
    for path in (path for folder in folders for path in walk(folder.pages, PAGES_SUFFIX)):
        with open_parquet(path) as parquet:
            for batch in parquet.iter_batches(columns=["id", "page", "language", "signals", "reason"]):
                held.append(_hashed(pa.table(batch).filter(batch["reason"].is_null())))
        if sum(map(len, held)) > 4 * SAMPLE:
            held = [_smallest(pa.concat_tables(held))]
    if not held:
        raise ValueError("no run folder here holds pages of PDFs")
    return _smallest(pa.concat_tables(held))


def _hashed(rows: pa.Table) -> pa.Table:
    names = zip(rows["id"].to_pylist(), rows["page"].to_pylist(), strict=True)
    hashes = np.array([xxhash.xxh3_64_intdigest(f"{id_}#{page}".encode()) for id_, page in names], np.uint64)
    return rows.select(["language", "signals"]).append_column("hash", pa.array(hashes))


def _smallest(rows: pa.Table) -> pa.Table:
    rows = rows.sort_by([("language", "ascending"), ("hash", "ascending")])
    labels = np.array(rows["language"].to_pylist(), object).astype(str)
    _, starts = np.unique(labels, return_index=True)
    place = np.arange(len(labels)) - np.repeat(starts, np.diff([*starts, len(labels)]))
    return rows.filter(pa.array(place < SAMPLE))
