"""The screen for one language: CPU time with and without it, pages lost by it, and the text of the pages that pass.

    python -m tests.benchmarks.screen [CRAWL]

CRAWL is a folder that tools/make_warc.py --text --near-copies 0.2 wrote; without it one is made. Needs the real data
beside the project. Both paths run the job's own measuring, batch by batch in turns, on every eighth page. Costs are CPU
seconds of extraction and language ID as the job accounts for them, the start of the extracting process included.
Limits: at least four times cheaper; of all the crawl's pages that are Hindi without the screen at most 1 % lost with
it; on trafilatura's evaluation pages, each screened for its own language, no lower F1 but for the pages lost.
"""

import html
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate.measure import BATCH_RECORDS
from curate.measurer import Measurer
from curate.page import Page
from curate.recipe import Extract, Recipe
from curate.sources import list_inputs, plan_splits, read
from curate.sources.record import Record
from curate.work import Settings, Tally
from filters.charset import decode
from filters.columns import UNKNOWN_LANGUAGE, label
from filters.guard import Guard
from filters.url import Blocklist
from tests.benchmarks.extraction import Score, _pages

SHARED = Path(__file__).resolve().parents[3] / "shared"
WANTED = "hin_Deva"
EVERY = 8
_DEVANAGARI = re.compile("[\u0900-\u097f]")  # a page without any, entities included, is never labelled hin_Deva
_WARM_UP = Record(offset=0, payload="<p>मेरे पड़ोसियों ने पुराना पुल ठीक कर दिया।</p>".encode())

Row = dict[str, Any]


class Measuring:
    """One way through measuring, as a task of the job runs it: rows, and what they cost."""

    def __init__(self, wanted: str, *, screen: bool) -> None:
        recipe = Recipe(input=("-",), output="-", languages=(wanted,), extract=Extract(screen=screen))
        self._tally, self._guard = Tally(), Guard()
        self._measurer = Measurer(Settings(recipe, {}, {}, Blocklist.load(())), self._tally, self._guard)

    def __enter__(self) -> "Measuring":
        return self

    def __exit__(self, *_: object) -> None:
        self._guard.close()

    def rows(self, records: list[Record]) -> dict[int, Row]:
        """Label, drop reasons and text by the records' offsets; none of a record that failed."""
        table = self._measurer.rows([Page(record, "") for record in records], [])
        columns = ["source", "language", "language_script", "drop_reasons", "text"]
        rows = table.select(columns).to_pylist()
        return {
            row["source"]["offset"]: row | {"label": label(row["language"], row["language_script"])} for row in rows
        }

    def seconds(self) -> dict[str, float]:
        """CPU seconds of extraction (screening and the child's start included) and of language ID."""
        spent = self._tally.cpu_seconds
        return {"extract": spent["extract"] + self._guard.cpu_seconds, "language": spent["language"]}


def compare(wanted: str, records: list[Record]) -> tuple[list[tuple[Row | None, Row | None]], list[dict[str, float]]]:
    """Each record's row without and with the screen, and the CPU seconds of both; in turns, so both meet one load."""
    pairs: list[tuple[Row | None, Row | None]] = []
    with Measuring(wanted, screen=False) as whole, Measuring(wanted, screen=True) as screened:
        for start in range(0, len(records), BATCH_RECORDS):
            batch = records[start : start + BATCH_RECORDS]
            ours, theirs = screened.rows(batch), whole.rows(batch)
            pairs += [(theirs.get(record.offset), ours.get(record.offset)) for record in batch]
    return pairs, [whole.seconds(), screened.seconds()]


def lost(whole: Row | None, screened: Row | None, wanted: str) -> bool:
    """Whether the screen took a page away that would have been measured and is in the wanted language."""
    is_wanted = whole is not None and whole["label"] == wanted and not whole["drop_reasons"]
    return is_wanted and (screened is None or bool(screened["drop_reasons"]))


def crawl_pages(folder: Path) -> list[Record]:
    splits = plan_splits(list_inputs([f"{folder}/*.warc.gz"]), target_bytes=1 << 30)
    found = (item for split in splits for item in read(split, limit_bytes=1 << 24) if isinstance(item, Record))
    return [replace(record, offset=index) for index, record in enumerate(found)]


def may_be_hindi(record: Record) -> bool:
    assert isinstance(record.payload, bytes)
    text = decode(record.payload, record.content_type)
    return bool(_DEVANAGARI.search(html.unescape(text) if "&#" in text else text))


def cost(records: list[Record]) -> dict[str, Any]:
    sample = records[::EVERY]
    pairs, (whole, screened) = compare(WANTED, sample)
    passed = sum(row is not None and not row["drop_reasons"] for _, row in pairs)
    return {
        "pages": len(sample),
        "pages_through_the_screen": passed,
        "cpu_seconds_unscreened": {phase: round(seconds, 2) for phase, seconds in whole.items()},
        "cpu_seconds_screened": {phase: round(seconds, 2) for phase, seconds in screened.items()},
        "times_cheaper": round(sum(whole.values()) / sum(screened.values()), 2),
    }


def loss(records: list[Record]) -> dict[str, Any]:
    pairs, _ = compare(WANTED, [record for record in records if may_be_hindi(record)])
    wanted = sum(whole is not None and whole["label"] == WANTED for whole, _ in pairs)
    gone = sum(lost(whole, screened, WANTED) for whole, screened in pairs)
    return {
        "devanagari_pages": len(pairs),
        "hindi_pages": wanted,
        "hindi_pages_lost": gone,
        "hindi_share_lost": round(gone / wanted, 4),
    }


def snippets() -> dict[str, Any]:
    """Snippet F1 on the evaluation pages with a language, each screened for the language that it has unscreened."""
    gold = _pages()
    records = [Record(offset=index, payload=body) for index, (_, body) in enumerate(gold)]
    with Measuring("eng_Latn", screen=False) as measuring:
        whole = measuring.rows(records)
    by_label = defaultdict[str, list[Record]](list)
    for record in records:
        name = whole[record.offset]["label"]
        if not name.startswith(UNKNOWN_LANGUAGE):
            by_label[name].append(record)
    scores = {name: Score() for name in ("unscreened", "screened", "unscreened_but_for_lost")}
    pages_lost = 0
    for name, its_records in by_label.items():
        with Measuring(name, screen=True) as measuring:
            screened = measuring.rows(its_records)
        for record in its_records:
            page, text = gold[record.offset][0], whole[record.offset]["text"]
            away = lost(whole[record.offset], screened.get(record.offset), name)
            pages_lost += away
            scores["unscreened"].add(page, text, 1)
            scores["unscreened_but_for_lost"].add(page, "" if away else text, 1)
            scores["screened"].add(page, "" if away else screened[record.offset]["text"], 1)
    judged = sum(map(len, by_label.values()))
    figures = {f"f1_{name}": score.summary(judged)["f1"] for name, score in scores.items()}
    return {"evaluation_pages": judged, "evaluation_pages_lost": pages_lost, **figures}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as scratch:
        crawl = Path(sys.argv[1] if len(sys.argv) > 1 else scratch)
        if len(sys.argv) == 1:
            make = [sys.executable, str(SHARED / "tools" / "make_warc.py"), "--text", "--near-copies", "0.2"]
            subprocess.run([*make, "--out", str(crawl)], check=True, stdout=subprocess.DEVNULL)
        records = crawl_pages(crawl)
    with Measuring(WANTED, screen=True) as measuring:  # compiles and loads what the job's workers share
        measuring.rows([_WARM_UP])
    print(json.dumps({"benchmark": "screen", "wanted": WANTED, **cost(records), **loss(records), **snippets()}))


if __name__ == "__main__":
    main()
