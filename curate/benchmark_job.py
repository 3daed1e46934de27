"""The job of `curate benchmark`: rows of a benchmark translated and translated back, into one Parquet file.

What an engine answers is kept as soon as it is said (curate/remembered.py), so a rerun pays for nothing twice. The file
is written anew by every run.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from curate.instruct.reading import read_rows
from curate.judging import id_of, nothing, splits
from curate.page import failure_of
from curate.recipe import RecipeError
from curate.remembered import Remembered
from curate.runfolder import join, remove
from curate.sheets import Sheets
from curate.sources.record import Failure
from filters.columns import FAILED
from translate.benchmark import Item, Translated, read_item, translate_items
from translate.engine import whole_characters

BATCH = 64  # rows
_OWN = ("id", "question", "choices", "answer", "passage")
_TEXTS = [
    ("question", pa.string()),
    ("choices", pa.list_(pa.string())),  # empty: a question without choices
    ("answer_text", pa.string()),  # of a question without choices
    ("passage", pa.string()),
]
BENCHMARK = pa.schema(
    [
        pa.field("id", pa.string()),
        *(pa.field(name, type_) for name, type_ in _TEXTS),
        pa.field("answer", pa.int64()),  # index of the right choice, as in the original
        pa.field("flags", pa.list_(pa.string())),  # why a human should look; empty: nothing was found
        pa.field("chrf", pa.map_(pa.string(), pa.float64())),  # original against back-translation, by field
        *(pa.field(f"source_{name}", type_) for name, type_ in _TEXTS),
        *(pa.field(f"back_{name}", type_) for name, type_ in _TEXTS),
        pa.field("other", pa.string()),  # the row's other fields, as JSON
        pa.field("language", pa.string()),  # hin_Deva
        pa.field("translated_from", pa.string()),
        pa.field("translated_by", pa.string()),
        pa.field("back_by", pa.string()),
        pa.field("file", pa.string()),
        pa.field("offset", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Job:
    """Which files from which language to which (eng_Latn, hin_Deva), by which engines, flagged below which chrF."""

    inputs: Sequence[str]
    root: str
    source: str
    target: str
    engine: Remembered
    back_engine: Remembered
    cutoff: float


@dataclass(slots=True)
class Account:
    """rows = translated (of them so many flagged) + failed, by reason."""

    rows: int = 0
    flagged: int = 0
    passing: int = 0  # flagged rows that the next run may better
    flags: Counter[str] = field(default_factory=Counter)  # rows with the flag, without the number of a choice
    failed: Counter[str] = field(default_factory=Counter)
    chrf: dict[str, list[float]] = field(default_factory=dict)


def run(job: Job) -> Account:
    """Into benchmark.parquet, and failed.parquet where there is such a row. RecipeError for an input without a row."""
    account = Account()
    for name in ("benchmark.parquet", "failed.parquet"):
        remove(join(job.root, name))
    with Sheets(job.root, "benchmark.parquet") as sheets, Sheets(job.root, "failed.parquet") as failures:
        for split in splits(job.inputs, "benchmark"):
            rows = read_rows(split)
            while batch := list(islice(rows, BATCH)):
                items = _items(batch, split.file, account, failures)
                sheets.add("", _translated(items, split.file, job, account), BENCHMARK)
    if not account.rows:
        raise RecipeError(nothing("no question", account.failed))
    return account


def _items(
    batch: Sequence[Any], file: str, account: Account, failures: Sheets
) -> list[tuple[int, dict[str, Any], Item]]:
    items = []
    for each in batch:
        read = each.reason if isinstance(each, Failure) else read_item(each[1])
        if isinstance(read, Item):
            items.append((*each, read))
            continue
        offset, error = (each.offset, each.error) if isinstance(each, Failure) else (each[0], read.replace("_", " "))
        account.failed[read] += 1
        failures.add("", [failure_of(file, offset, None, read, error)], FAILED)
    return items


def _translated(
    items: Sequence[tuple[int, dict[str, Any], Item]], file: str, job: Job, account: Account
) -> list[dict[str, Any]]:
    made = translate_items(
        [item for _, _, item in items],
        job.engine,
        source=job.source,
        target=job.target,
        back_engine=job.back_engine,
        cutoff=job.cutoff,
    )
    rows = []
    for (offset, row, item), one in zip(items, made, strict=True):
        _count(account, one)
        rows.append({"file": file, "offset": offset, "id": id_of(row, file, offset), **_row(row, item, one, job)})
    return rows


def _count(account: Account, one: Translated) -> None:
    account.rows += 1
    account.flagged += bool(one.flags)
    account.passing += one.passing
    account.flags.update({_kind(flag) for flag in one.flags})
    for name, score in one.chrf.items():
        account.chrf.setdefault(name, []).append(score)


def _kind(flag: str) -> str:
    """choices[2]:chrf is of the kind choices:chrf."""
    name, _, reason = flag.partition(":")
    return f"{name.partition('[')[0]}:{reason}"


def _row(row: dict[str, Any], item: Item, one: Translated, job: Job) -> dict[str, Any]:
    other = {name: value for name, value in row.items() if name not in _OWN}
    return {
        **_texts(one.item, ""),
        **_texts(item, "source_"),
        **_texts(one.back, "back_"),
        "answer": item.answer if isinstance(item.answer, int) else None,
        "flags": list(one.flags),
        "chrf": dict(one.chrf),
        "other": whole_characters(json.dumps(other, ensure_ascii=False, default=str)) if other else None,
        "language": job.target,
        "translated_from": job.source,
        "translated_by": job.engine.identity.model,
        "back_by": job.back_engine.identity.model,
    }


def _texts(item: Item, before: str) -> dict[str, Any]:
    answer = item.answer if isinstance(item.answer, str) else None
    texts = {"question": item.question, "choices": list(item.choices), "answer_text": answer, "passage": item.passage}
    return {f"{before}{name}": value for name, value in texts.items()}
