"""Every archive of the real data in one run: damaged ones, ARC, WAT, office files and PDFs in WARC, revisit records.

    python -m tests.benchmarks.archives

Limit: it finishes, every file shows up in kept, dropped or failed, and `verify` agrees.
"""

import json
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow.dataset as ds
from rich.console import Console

from curate import manifest, recipe, stages

WARC = Path(__file__).resolve().parents[3] / "shared" / "data" / "warc"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as scratch:
        output = Path(scratch, "run")
        stages.run(recipe.load("web", input=[str(WARC)], output=str(output)), Console(quiet=True))
        account = json.loads((output / "manifest.json").read_text())
        seen: Counter[str] = Counter()
        for part in ("kept", "dropped"):
            seen.update(row["source"]["file"] for row in rows(output / part, ["source"]))
        failures = rows(output / "failed", ["file", "reason"])
        seen.update(row["file"] for row in failures)
        checks = manifest.verify(str(output))
    inputs = {str(path) for path in WARC.iterdir()}
    print(
        json.dumps(
            {
                "benchmark": "archives",
                "files": len(inputs),
                "files_seen": len(inputs & set(seen)),
                "files_missing": sorted(Path(path).name for path in inputs - set(seen)),
                "records": account["stages"]["measure"]["in"],
                "kept": account["stages"]["write"]["kept"],
                "dropped": account["stages"]["decide"]["dropped"],
                "failed": account["stages"]["measure"]["failed"],
                "other_records": account["input"]["other_records"],
                "verified": all(check.ok for check in checks),
            }
        )
    )


def rows(folder: Path, columns: list[str]) -> list[dict]:
    files = [str(path) for path in folder.glob("**/*.parquet")]
    return ds.dataset(files).to_table(columns).to_pylist() if files else []


if __name__ == "__main__":
    main()
