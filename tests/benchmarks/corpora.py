"""Real documents by language for the benchmarks of text measurement."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def _records(path: str) -> Iterator[dict]:
    if not (DATA / path).exists():
        raise SystemExit(f"{DATA / path} is missing: the benchmarks need the shared data folder")
    with gzip.open(DATA / path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def english() -> list[str]:
    """Novels and Wikipedia in documents of 3,000 characters."""
    paths = "raw/wikitext2_valid.jsonl.gz", "raw/english_novels.jsonl.gz"
    return [piece for path in paths for record in _records(path) for piece in _cut(record["text"], 3000)]


def hindi() -> list[str]:
    """Wikipedia articles as they are."""
    return [record["text"] for record in _records("raw/wikipedia_hi.jsonl.gz")]


def news(language: str, xquad: str | None = None) -> list[str]:
    """NTREX news of one language, and XQuAD's Wikipedia paragraphs where it has them."""
    found = ["\n".join(each["lines"]) for each in _records("text/ntrex128.jsonl.gz") if each["lang"] == language]
    if xquad:
        articles = (each for each in _records("text/xquad_contexts.jsonl.gz") if each["lang"] == xquad)
        found += ["\n".join(each["paragraphs"]) for each in articles]
    return found


def documents() -> dict[str, list[str]]:
    """Documents by label."""
    return {
        "eng_Latn": english(),
        "hin_Deva": hindi(),
        "tha_Thai": news("tha", "th"),
        "jpn_Jpan": news("jpn"),
        "cmn_Hani": news("zho-CN", "zh"),
    }
