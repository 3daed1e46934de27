"""The model of single words behind `filters.mixed_words`: trained on the words of labelled text.

A model trained on running text takes the English words in its Hindi for Hindi. So this one is trained on words drawn
by their frequency, in Latin script only: there romanized and other languages meet, and each other script is nearly a
language of its own. Text that is mixed itself (Hinglish-TOP) is no use for it.
"""

import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa

from curate.fresh import apart
from curate.lid.corpus import Document, held_out, read_all
from curate.recipe import RecipeError
from filters.columns import UNKNOWN_LANGUAGE
from filters.labels import PREFIX
from filters.segment import ALPHABETIC, segment

SCRIPT = "Latn"
DRAWN = 60_000  # words of each language
EVENED = 0.8  # exponent of a word's count
REPEATS = 6  # and at most this many times its distinct words
MINIMUM = 1000  # distinct words below which a language is left out
ROWS = 200_000  # words and n-grams left after pruning, about 19 bytes each
_BATCH = 1000
# So many buckets that the table comes from the system zeroed: see `curate.lid.sampling.TrainingOptions`
_SETTINGS = {"dim": 16, "minn": 1, "maxn": 5, "bucket": 600_000, "minCount": 30, "epoch": 2, "lr": 0.5}


def _texts(inputs: list[str]) -> Iterator[Document]:
    for document in read_all(inputs):
        mixed = document.key.startswith("hinglish/")
        unknown = document.label.startswith(UNKNOWN_LANGUAGE)
        if document.label.endswith(SCRIPT) and not unknown and not mixed and not held_out(document.key):
            yield document


def counted(documents: Iterable[Document]) -> dict[str, Counter[str]]:
    """How often each word, in lower case, occurs in each language."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    source = iter(documents)
    while batch := list(islice(source, _BATCH)):
        segments = segment(pa.array(["\n".join(each.paragraphs) for each in batch], pa.string()))
        for row, document in enumerate(batch):
            tokens = segments.tokens[segments.first[row] : segments.first[row + 1]]
            tokens = tokens[np.flatnonzero(tokens["flags"] & ALPHABETIC)]
            words = (segments.data[a:b].tobytes() for a, b in zip(tokens["start"], tokens["end"], strict=True))
            counts[document.label].update(word.decode("utf-8", "replace").lower() for word in words)
    return {name: words for name, words in sorted(counts.items()) if len(words) >= MINIMUM}


def _examples(counts: dict[str, Counter[str]]) -> list[str]:
    chance = random.Random(1)
    lines = []
    for name, words in counts.items():
        weights = [count**EVENED for count in words.values()]
        drawn = chance.choices(list(words), weights, k=min(DRAWN, REPEATS * len(words)))
        lines += [f"{PREFIX}{name} {word}\n" for word in drawn]
    chance.shuffle(lines)
    return lines


def _fit(path: str, output: str, threads: int) -> None:
    """In a process of its own: fastText 0.9.3 takes most of its table as the allocator gives it, and memory that was
    used before made it end in `Encountered NaN`."""
    model = fasttext.train_supervised(path, loss="softmax", seed=1, thread=threads, verbose=1, **_SETTINGS)
    # training again after pruning, as for `lid train`, cost five points on Hindi-English
    model.quantize(path, cutoff=ROWS, qnorm=True)
    model.save_model(output)


def train(inputs: list[str], output: Path, *, threads: int = 1) -> dict[str, int]:
    """Train a quantised model on labelled files, their held-out fifth left aside; the distinct words of each language."""
    counts = counted(_texts(inputs))
    if len(counts) < 2:
        raise RecipeError(
            f"{len(counts)} languages in {SCRIPT} have {MINIMUM:,} distinct words: two at least are needed"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.txt"
        path.write_text("".join(_examples(counts)), "utf-8")
        apart(_fit, str(path), str(output), threads)
    return {name: len(words) for name, words in counts.items()}
