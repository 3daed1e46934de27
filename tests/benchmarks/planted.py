"""Pairs of known similarity, made from real documents: does the band join find the share that its formula promises?

    python -m tests.benchmarks.planted [pairs per script and similarity, default 320]

A document is edited (words replaced, dropped, put in; in scripts without spaces pieces of three characters) at random
places until the Jaccard similarity of the two shingle sets is the wanted one within 0.01. Every pair of a script and
similarity is made from a document of its own. The expected share is 1 - (1 - s^8)^14 summed over the similarities that
the pairs really have; the limit is four standard errors, in each similarity over all scripts together.
"""

import json
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from filters.bands import found_share
from filters.minhash import CHARACTERS_PER_WORD, band_keys, jaccard, pack, shingle_sets, signatures
from tests.benchmarks.clean import records
from tests.benchmarks.corpora import DATA

BANDS, ROWS = 14, 8
SIMILARITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
WITHIN = 0.01
ERRORS = 4  # standard ones
PIECES, LEAST_SHINGLES = {"words": 160, "characters": 100}, 130  # a piece more or less must matter less than WITHIN
# By label: files of the shared data, and the language in those that hold several
SOURCES = {
    "eng_Latn": (("raw/english_novels.jsonl.gz", None),),
    "hin_Deva": (("raw/wikipedia_hi.jsonl.gz", None),),
    "urd_Arab": (("raw/wikipedia_ur.jsonl.gz", None),),
    "tam_Taml": (("raw/wikipedia_ta.jsonl.gz", None),),
    "kor_Hang": (("text/ntrex128.jsonl.gz", "kor"), ("text/bible_mark_john.jsonl.gz", "kor")),
    "tha_Thai": (("text/ntrex128.jsonl.gz", "tha"), ("text/xquad_contexts.jsonl.gz", "th")),
    "jpn_Jpan": (("text/ntrex128.jsonl.gz", "jpn"),),
    "cmn_Hani": (("text/ntrex128.jsonl.gz", "zho-CN"), ("text/xquad_contexts.jsonl.gz", "zh")),
}


def sets(texts: list[str], label: str) -> pa.BinaryArray:
    return shingle_sets(pa.array(texts, pa.string()), pa.array([label] * len(texts)))


def documents(shared: Path, label: str) -> Iterator[list[str]]:
    """Real text in stretches of as many pieces that no two share; short records of a source are taken together."""
    kind = "characters" if label[-4:] in CHARACTERS_PER_WORD else "words"
    piece, pieces = {"characters": r"\S{1,3}\s*", "words": r"\S+\s*"}[kind], PIECES[kind]
    found: list[str] = []
    for path, language in SOURCES[label]:
        for record in records(shared, path):
            if language in (None, record.get("lang"), record.get("iso639_3")):
                lines = next(record[name] for name in ("lines", "paragraphs", "verses", "text") if name in record)
                found += re.findall(piece, "\n".join([lines] if isinstance(lines, str) else lines) + "\n")
            for start in range(0, len(found) - pieces + 1, pieces):
                yield found[start : start + pieces]
            found = found[len(found) // pieces * pieces :]


@dataclass(frozen=True)
class Editor:
    """One document and edits of it; those of one seed build on each other."""

    pieces: list[str]
    others: list[str]  # pieces of other documents
    label: str
    seed: str

    @cached_property
    def places(self) -> list[int]:
        return random.Random(self.seed).sample(range(len(self.pieces)), len(self.pieces))

    @cached_property
    def own(self) -> pa.BinaryArray:
        return sets(["".join(self.pieces)], self.label)

    def edited(self, edits: int, cut: int = 0) -> str:
        """With so many edits, and so many pieces cut off the end."""
        rng, changed = random.Random(self.seed + "/edits"), list(self.pieces)
        for place in self.places[:edits]:
            new = rng.choice(self.others)
            changed[place] = rng.choice((new, "", changed[place] + new))
        return "".join(changed[: len(changed) - cut])

    def similarity(self, text: str) -> float:
        return float(jaccard(self.own, sets([text], self.label))[0])

    def reach(self, wanted: float) -> tuple[str, float] | None:
        """A text as similar as wanted, and how similar; None where the steps are too coarse."""
        low, high = 0, len(self.pieces)  # edits: the similarity of `low` is above the wanted one
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.similarity(self.edited(middle)) >= wanted else (low, middle)
        for cut in range(len(self.pieces) // 4):
            similarity = self.similarity(text := self.edited(low, cut))
            if similarity < wanted - WITHIN:
                return None
            if abs(similarity - wanted) <= WITHIN:
                return text, similarity
        return None


def pairs(shared: Path, label: str, wanted: float, count: int) -> tuple[list[str], list[str], np.ndarray]:
    """(originals, edited copies, their similarities): `count` of them, or as many as the documents make."""
    found: list[tuple[str, str, float]] = []
    source = list(islice(documents(shared, label), 4 * count))
    order = random.Random(label).sample(source, len(source))
    for number, pieces in enumerate(order):
        if len(found) == count:
            break
        editor = Editor(pieces, order[number - 1], label, f"{label}/{wanted}/{number}")
        if len(editor.own[0].as_py()) // 4 >= LEAST_SHINGLES and (copy := editor.reach(wanted)):
            found.append(("".join(pieces), *copy))
    originals, copies, similarities = zip(*found, strict=True)
    return list(originals), list(copies), np.array(similarities)


def shares(originals: list[str], copies: list[str], label: str) -> np.ndarray:
    """Which pairs share a band."""
    labels = pa.array([label] * len(originals))
    keys, others = (band_keys(pack(signatures(pa.array(texts), labels)), BANDS, ROWS) for texts in (originals, copies))
    return (keys == others).any(axis=1)


@dataclass(frozen=True)
class Tally:
    """Found and expected pairs; tallies add up."""

    pairs: int = 0
    found: int = 0
    expected: float = 0.0
    variance: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.pairs + other.pairs,
            self.found + other.found,
            self.expected + other.expected,
            self.variance + other.variance,
        )

    @property
    def errors(self) -> float:
        """Standard errors between found and expected."""
        return (self.found - self.expected) / max(self.variance, 1e-9) ** 0.5

    def dump(self) -> dict[str, float]:
        found, expected = self.found / self.pairs, self.expected / self.pairs
        return {
            "pairs": self.pairs,
            "found": round(found, 4),
            "expected": round(expected, 4),
            "errors": round(self.errors, 1),
        }


def tally(shared: Path, label: str, wanted: float, count: int) -> Tally:
    originals, copies, similarities = pairs(shared, label, wanted, count)
    chances = np.array([found_share(similarity, BANDS, ROWS) for similarity in similarities])
    found = shares(originals, copies, label)
    return Tally(len(found), int(found.sum()), float(chances.sum()), float((chances * (1 - chances)).sum()))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 320
    points: dict[str, Any] = {}
    for wanted in SIMILARITIES:
        scripts = {label: tally(DATA, label, wanted, count) for label in SOURCES}
        total = sum(scripts.values(), Tally())
        points[f"{wanted:g}"] = total.dump() | {"scripts": {label: each.dump() for label, each in scripts.items()}}
        points[f"{wanted:g}"]["ok"] = abs(total.errors) <= ERRORS
    print(json.dumps({"benchmark": "planted", "similarities": points}))


if __name__ == "__main__":
    main()
