"""The shared PDFs in one run: what became of every file and page, by category.

    python -m tests.benchmarks.pdf_set

106 files of more than 20 scripts and kinds, scans, rotated, encrypted and malformed ones among them. Tesseract reads what
has no usable text layer, in the languages installed here. Limits: every file and page accounted for, `curate verify` in
order, no crash.
"""

import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from curate import manifest, recipe, stages
from curate.pdf.documents import PageSettings, reasons_of
from curate.runfolder import RunFolder, open_parquet, read_json, walk
from curate.sources.listing import PAGES_SUFFIX
from tests.benchmarks.corpora import DATA

FOLDER = DATA / "pdf"
LANGUAGES = ["eng_Latn", "hin_Deva"]
COLUMNS = ("files", "files_failed", "pages", "kept", "dropped", "ocr", "pages_failed")


def main() -> None:
    category = {row["file"]: row["category"] for row in map(json.loads, (FOLDER / "index.jsonl").open())}
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for name in category.values():
        table[name]["files"] += 1
    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as scratch:
        run = Path(scratch) / "run"
        settings = [f"pdf.languages={json.dumps(LANGUAGES)}", 'pdf.ocr=["tesseract"]', 'spark.master="local[2]"']
        stages.run(recipe.load("pdf", input=[str(FOLDER / "*.pdf")], output=str(run), settings=settings), Console())
        checks = manifest.verify(str(run))
        account = read_json(str(run / "manifest.json"))
        reasons = _pages(RunFolder(str(run)), category, table)
        failed = _failures(run, category, table)
    print(f"{'':28}", *(f"{column:>12}" for column in COLUMNS))
    for name in sorted(table):
        print(f"{name:28}", *(f"{table[name][column]:>12,}" for column in COLUMNS))
    total = {column: sum(row[column] for row in table.values()) for column in COLUMNS}
    found = {
        "files": dict(sorted(table.items())),
        "total": total,
        "dropped": reasons,
        "failed": failed,
        "stages": {name: account["stages"][name] for name in ("files", "pages", "measure", "write")},
        "cpu_seconds": account["pages_cpu_seconds"],
        "verify": all(check.ok for check in checks),
    }
    print(json.dumps({"benchmark": "pdf_set", **found}))


def _pages(folder: RunFolder, category: dict[str, str], table: dict[str, Counter[str]]) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    for path in walk(folder.pages, PAGES_SUFFIX):
        with open_parquet(path) as parquet:
            for batch in parquet.iter_batches():
                for row, why in zip(batch.to_pylist(), reasons_of(batch, PageSettings()), strict=True):
                    counts = table[category[Path(row["name"]).name]]
                    counts["pages"] += 1
                    counts["dropped" if why else "kept"] += 1
                    counts["ocr"] += row["engine"] is not None
                    reasons.update(why[:1])
    return dict(reasons.most_common())


def _failures(run: Path, category: dict[str, str], table: dict[str, Counter[str]]) -> list[Any]:
    found = []
    for row in pl.read_parquet(run / "failed" / "*.parquet").to_dicts():
        name = Path(row["file"]).name
        is_page = row["error"].startswith("page ")
        table[category[name]]["pages_failed" if is_page else "files_failed"] += 1
        found.append([name, row["reason"], row["error"]])
    return found


if __name__ == "__main__":
    main()
