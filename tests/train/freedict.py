"""Pairs of words from the FreeDict dictionaries of the shared data, in whose entries senses are numbered lines."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

_SENSE = re.compile(r"^\d+\. *(.+)$", re.MULTILINE)


def pairs(path: Path) -> Iterator[tuple[str, str]]:
    """A headword with each of the words of its senses; those of several words (with ~ or a space) are left out."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            for sense in _SENSE.findall(row["entry"]):
                words = (word.strip() for word in sense.split(","))
                yield from ((row["head"], word) for word in words if word and " " not in word and "~" not in word)


def write(source: Path, target: Path) -> Path:
    """As the recipe's embeddings.dictionary wants it."""
    target.write_text("".join(f"{one}\t{other}\n" for one, other in pairs(source)), "utf-8")
    return target
