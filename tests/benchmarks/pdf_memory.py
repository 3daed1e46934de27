"""Memory of a worker and of its parsing process over 1,000 PDFs, every 100 files; nothing is recycled meanwhile.

    python -m tests.benchmarks.pdf_memory

The shared files again and again, without OCR. Limit: flat. Growth is the last figure less that after 200 files, by when
the largest file has been met twice.
"""

import json
from pathlib import Path
from typing import Any

from curate.pdf.bodies import Body
from curate.pdf.reader import PageTally, Reader
from curate.recipe import MIB, Recipe
from filters.guard import Guard
from filters.ocr import tasks as ocr_tasks
from filters.pdf import tasks as pdf_tasks
from tests.benchmarks.corpora import DATA

FILES, EVERY = 1000, 100


def resident(pid: int | str) -> float:
    """MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024, 1)


def main() -> None:
    paths = sorted((DATA / "pdf").glob("*.pdf"))
    recipe, tally = Recipe(input=("-",), output="-"), PageTally()
    failures: list[dict[str, Any]] = []
    worker, parser, restarts = [], [], set()
    with Guard(pdf_tasks, timeout=30, memory=2048 * MIB, recycle=10**9) as pdf, Guard(ocr_tasks) as ocr:
        reader = Reader(recipe, tally, pdf=pdf, ocr=ocr)
        for number in range(FILES):
            path = str(paths[number % len(paths)])
            for _ in reader.read(Body(path=path, offset=0, name=path), path, failures):
                pass
            restarts.add(pdf.pid)
            if (number + 1) % EVERY == 0:
                worker.append(resident("self"))
                parser.append(resident(pdf.pid) if pdf.pid else 0.0)
        cpu = pdf.cpu_seconds
    found = {
        "files": FILES,
        "pages": tally.pages,
        "worker_mb": worker,
        "parser_mb": parser,
        "growth_mb": [worker[-1] - worker[1], parser[-1] - parser[1]],
        "processes": len(restarts - {None}),
        "cpu_ms_a_page": round(1000 * cpu / tally.pages, 2),
    }
    print(json.dumps({"benchmark": "pdf_memory", **found}))


if __name__ == "__main__":
    main()
