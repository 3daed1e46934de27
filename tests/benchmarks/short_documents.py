"""One million short documents from JSON lines to shards on local[2]; how time grows from a tenth of them.

    python -m tests.benchmarks.short_documents [largest number of documents, default 1000000]

A document is sentences drawn from real text of one of eight languages up to 60 words (at most some 500 characters), so that two
rarely share more than one; one in ten is a copy of another, half of these with a word left out. Limits: 12 GB; ten
times the documents in at most 12 times the time; a bucket of 100,000 identical documents besides (`same`) does not change
that. Making the files is not timed.
"""

import gzip
import json
import random
import re
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.corpora import DATA, _records
from tests.benchmarks.cost import cost

SAME, FILE_DOCUMENTS = 100_000, 20_000
WORDS, CHARACTERS = 60, 500  # of a document, at least one of the two
WIKIPEDIA = {"hin": "hi", "ben": "bn", "tam": "ta", "urd": "ur", "tel": "te", "guj": "gu"}
_SENTENCE = re.compile(r"[^.!?।۔\n]{20,300}[.!?।۔]?")


def sentences(language: str) -> list[str]:
    """Of 20 characters and more, each once."""
    if language == "eng":
        texts = [record["text"] for record in _records("raw/english_novels.jsonl.gz")]
    elif language == "tha":
        ntrex = (record for record in _records("text/ntrex128.jsonl.gz") if record["lang"] == "tha")
        texts = ["\n".join(record["lines"]) for record in ntrex]
    else:
        texts = [record["text"] for record in _records(f"raw/wikipedia_{WIKIPEDIA[language]}.jsonl.gz")]
    found = (part.strip() for text in texts for part in _SENTENCE.findall(text))
    return sorted({part for part in found if len(part) >= 20})


def documents(language: str, count: int) -> Iterator[str]:
    """`count` documents, the same each time and for a larger count the same to begin with."""
    chance, pool = random.Random(language), sentences(language)
    earlier: deque[str] = deque(maxlen=1000)
    for number in range(count):
        if number % 10 == 9:
            words = chance.choice(earlier).split(" ")
            if number % 20 == 19:
                del words[chance.randrange(len(words))]
            text = " ".join(words)
        else:
            text = _sampled(pool, chance)
        earlier.append(text)
        yield text


def _sampled(pool: list[str], chance: random.Random) -> str:
    """Sentences, a line each, until nothing says that it is too short."""
    lines: list[str] = []
    while sum(line.count(" ") + 1 for line in lines) < WORDS and sum(map(len, lines)) < CHARACTERS:
        lines.append(chance.choice(pool))
    return "\n".join(lines)


def write(folder: Path, language: str, count: int, *, same: int = 0) -> None:
    """The documents as gzipped JSON lines, and `same` times one more."""
    folder.mkdir(parents=True, exist_ok=True)
    repeated = next(documents(language, 1)) + " " + language
    rows = (*documents(language, count), *([repeated] * same))
    for start in range(0, len(rows), FILE_DOCUMENTS):
        part = rows[start : start + FILE_DOCUMENTS]
        with gzip.open(folder / f"{language}-{start // FILE_DOCUMENTS:04d}.jsonl.gz", "wt", compresslevel=1) as file:
            for number, text in enumerate(part, start):
                file.write(json.dumps({"id": f"{language}-{number}", "text": text}, ensure_ascii=False) + "\n")


def measured(count: int, *, same: int = 0) -> dict[str, Any]:
    """What curating `count` documents costs, and what became of them."""
    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as scratch:
        languages = ("eng", "tha", *WIKIPEDIA)
        for language in languages:
            write(Path(scratch, "texts"), language, count // 8, same=same if language == "hin" else 0)
        output = Path(scratch, "run")
        command = [sys.executable, "-m", "curate.cli", "run", "web", "-i", f"{scratch}/texts/*.jsonl.gz"]
        found = cost([*command, "-o", str(output), "--set", "spark.master=local[2]"])
        manifest = json.loads((output / "manifest.json").read_text())
        reasons = manifest["stages"]["decide"]["dropped"]
        copies = {name: reasons.get(name, 0) for name in ("duplicate_exact", "duplicate_near")}
        stages = {stage: round(seconds, 1) for stage, seconds in manifest["seconds"].items()}
        return {"documents": count + same, **found.dump(), "stages": stages, **copies}


def main() -> None:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    assert DATA.is_dir()
    small, large = measured(largest // 10), measured(largest)
    same = measured(largest, same=SAME)
    print(
        json.dumps(
            {
                "benchmark": "short_documents",
                "small": small,
                "large": large,
                "large_and_same": same,
                "times": round(large["seconds"] / small["seconds"], 1),
                "times_with_same": round(same["seconds"] / small["seconds"], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
