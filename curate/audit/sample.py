"""Write a drawn sample: for each language a sheet as a page, as CSV and as JSON lines, and one key beside the folder.

The sheets say nothing of a document's fate; the key alone does, and it lies outside so that a folder can be sent.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from curate import lookup
from curate.audit import page
from curate.audit.design import AuditError, Candidate, Design, Stratum, draw
from curate.audit.sheet import Item, to_csv, to_jsonl
from curate.diff import Side
from curate.plan import absolute
from curate.runfolder import exists, filesystem, join, write_bytes, write_json
from filters import clean
from filters.columns import EDITS
from filters.edits import with_cuts

FORMAT = 1  # of the key
_LABEL = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")  # as in the names of kept/


@dataclass(frozen=True)
class Written:
    """What lies there now. `unread`: strata of documents that have no text."""

    sheets: dict[str, int]  # language -> documents
    strata: list[Stratum]
    unread: list[Stratum]
    key: str


def sample(spark: SparkSession, side: Side, output: str, design: Design, languages: Sequence[str] = ()) -> Written:
    """Draw, and write OUTPUT/<lang_Script>.{html,csv,jsonl} and OUTPUT.key.json. Raises AuditError."""
    folder = absolute(output)
    key = f"{folder}.key.json"
    _refuse_filled(folder, key)
    written = Written({}, [], [], key)
    items: dict[str, dict[str, Any]] = {}
    strata = [stratum for stratum in draw(spark, side, design, languages) if _LABEL.fullmatch(stratum.place.language)]
    for language, of_language in groupby(strata, key=lambda stratum: stratum.place.language):
        sheet: list[Item] = []
        for stratum, texts in _with_texts(side, list(of_language)):
            if not texts:
                written.unread.append(stratum)
                continue
            ids = [_item_id(side, design.seed, candidate.key) for candidate, _ in texts]
            sheet += [Item.of(id, language, text) for id, (_, text) in zip(ids, texts, strict=True)]
            items |= dict(zip(ids, _entries(stratum, texts, len(written.strata)), strict=True))
            written.strata.append(stratum)
        if sheet:
            written.sheets[language] = len(sheet)
            _write_sheet(join(folder, language), sorted(sheet, key=lambda item: item.id))
    if not items:
        raise AuditError("no documents to look at: none of them has text")
    write_json(key, _key(side, design, written.strata, items), indent=1)
    return written


def _refuse_filled(folder: str, key: str) -> None:
    fs, inner = filesystem(folder)
    if exists(key) or (fs.exists(inner) and fs.ls(inner)):
        raise AuditError(f"--output {folder}: there is a sample already, perhaps filled in; give a new folder")


def _with_texts(side: Side, strata: Sequence[Stratum]) -> Iterator[tuple[Stratum, list[tuple[Candidate, str]]]]:
    """Each stratum with the texts of what was drawn of it, as they are or would be in kept/; without the empty ones."""
    drawn = [candidate for stratum in strata for candidate in stratum.drawn]
    rows = lookup.rows(side.folder, (candidate.key for candidate in drawn), ("text", "edits"))
    text = clean.strings(rows[candidate.key]["text"] for candidate in drawn)
    edits = pa.array([rows[candidate.key]["edits"] for candidate in drawn], EDITS)
    edited = clean.apply_edits(text, with_cuts(edits, [candidate.cuts for candidate in drawn])).to_pylist()
    texts = dict(zip((candidate.key for candidate in drawn), edited, strict=True))
    for stratum in strata:
        found = [(candidate, (texts[candidate.key] or "").strip("\n")) for candidate in stratum.drawn]
        yield stratum, [(candidate, text) for candidate, text in found if text.strip()]


def _item_id(side: Side, seed: int, key: int) -> str:
    """Another name for a document, in an order of its own; no spreadsheet takes it for a number or a date."""
    digest = hashlib.blake2b(f"{side.fingerprint}\0{seed}\0{key}".encode(), digest_size=8)
    return f"x{digest.hexdigest()}"


def _entries(stratum: Stratum, texts: Iterable[tuple[Candidate, str]], number: int) -> Iterator[dict[str, Any]]:
    weight_of = dict(zip((candidate.key for candidate in stratum.drawn), stratum.weights, strict=True))
    for candidate, _ in texts:
        yield {
            "stratum": number,
            "document": candidate.id,
            "site": candidate.site,
            "weight": round(weight_of[candidate.key], 6),
        }


def _write_sheet(stem: str, items: Sequence[Item]) -> None:
    for suffix, render in (("csv", to_csv), ("jsonl", to_jsonl), ("html", page.render)):
        write_bytes(f"{stem}.{suffix}", render(items).encode("utf-8"))


def _key(side: Side, design: Design, strata: Sequence[Stratum], items: dict[str, dict[str, Any]]) -> dict[str, Any]:
    names = ("language", "rule", "site")
    return {
        "format": FORMAT,
        "run": side.folder.root,
        "decisions": side.fingerprint,
        "seed": design.seed,
        "strata": [
            dict(zip(names, stratum.place, strict=True)) | {"documents": stratum.documents} for stratum in strata
        ],
        "items": items,
    }
