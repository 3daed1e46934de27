"""Pages to documents: what the page rules leave, consecutive pages joined, each document a record like any other."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pyarrow as pa

from curate.pdf.genres import genre_of
from curate.runfolder import open_parquet
from curate.sources.record import Record, Split
from filters.pdf.layout.join import document_text
from filters.pdf.page import Block, Box, Line, Page
from thresholds.page_rules import PageRules

BATCH_PAGES = 64


@dataclass
class PageAccount:
    """What became of pages."""

    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)  # by the first reason

    @property
    def pages(self) -> int:
        return self.kept + sum(self.dropped.values())


@dataclass(frozen=True)
class PageSettings:
    """How pages are judged: the rules, and the genre of a PDF by a glob over its name."""

    rules: PageRules = field(default_factory=lambda: PageRules.load("pages"))
    genres: Mapping[str, str] = field(default_factory=dict)


def documents(split: Split, settings: PageSettings, account: PageAccount) -> Iterator[Record]:
    """The documents of a file of pages, in its order. A gap, or another file, begins a new one."""
    rows = _judged(split, settings, account)
    for _, pages in groupby(rows, key=lambda row: (row["source"]["file"], row["source"]["offset"])):
        run: list[dict[str, Any]] = []
        for row in pages:
            if run and (row["reasons"] or row["page"] != run[-1]["page"] + 1):
                yield _record(run)
                run = []
            if not row["reasons"]:
                run.append(row)
        if run:
            yield _record(run)


def _judged(split: Split, settings: PageSettings, account: PageAccount) -> Iterator[dict[str, Any]]:
    with open_parquet(split.file) as parquet:
        for batch in parquet.iter_batches(batch_size=BATCH_PAGES):
            rows = batch.to_pylist()
            for row, reasons in zip(rows, reasons_of(batch, settings), strict=True):
                row["reasons"] = reasons
                if reasons:
                    account.dropped[reasons[0]] += 1
                else:
                    account.kept += 1
                yield row


def reasons_of(batch: pa.RecordBatch, settings: PageSettings) -> list[list[str]]:
    """Why each page is dropped: what was found while reading, then the rules; empty: it is kept."""
    genres = [genre_of(name, settings.genres) for name in batch["name"].to_pylist()]
    ruled = settings.rules.reasons(batch["signals"], batch["language"].to_pylist(), genres)
    found = batch["reason"].to_pylist()
    return [[reason] if reason else by_rule for reason, by_rule in zip(found, ruled, strict=True)]


def page_of(row: dict[str, Any]) -> Page:
    """A row of the pages table as a page; each block's text is one line."""
    blocks = [_block(block) for block in row["blocks"]]
    page = Page(row["page"] - 1, row["width"], row["height"], blocks, route=row["route"], engine=row["engine"])
    page.language = row["language"]
    return page


def _block(block: dict[str, Any]) -> Block:
    box = Box(block["x0"], block["y0"], block["x1"], block["y1"])
    return Block(box, [Line(box, block["text"])], block["role"])


def _record(run: list[dict[str, Any]]) -> Record:
    """Named as RFC 8118 names a page of a PDF."""
    first = run[0]
    names = ("url", "date", "dump", "file_path", "license", "opt_out")
    return Record(
        file=first["source"]["file"],
        offset=first["source"]["offset"],
        payload=document_text([page_of(row) for row in run]),
        id=f"{first['id']}#page={first['page']}",
        pages=tuple(row["page"] for row in run),
        content_type="application/pdf",
        **{name: first[name] for name in names},
    )
