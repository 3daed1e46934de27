"""The texts of a language: those to learn from, and those to measure on, disjoint by content."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xxhash

from train.recipe import TrainError
from train.stream.shards import texts

_HELD_OUT = 20  # one document in so many


@dataclass(frozen=True)
class Corpus:
    """learn, measure: documents; the same document is never in both, copies of it neither."""

    learn: list[str]
    measure: list[str]


def read(name: str, paths: Sequence[str], *, column: str, characters: int) -> Corpus:
    """The first documents of the files, until `characters` are read. Raises TrainError, also for too few documents."""
    learn: list[str] = []
    measure: list[str] = []
    left = characters
    for text in texts(paths, column=column):
        (measure if xxhash.xxh3_64_intdigest(text.encode()) % _HELD_OUT == 0 else learn).append(text)
        left -= len(text)
        if left <= 0:
            break
    if not learn or not measure:
        raise TrainError(
            f"tokenizer: {name} has {len(learn) + len(measure)} documents; one in {_HELD_OUT} is kept to measure on,"
            " and there must be some of both"
        )
    return Corpus(learn, measure)


def characters(documents: Sequence[str]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for document in documents:
        counted.update(document)
    return counted


def weighed(counts: Mapping[str, Counter[str]], weights: Mapping[str, float]) -> Counter[str]:
    """The words of all languages together, each language raised to its weight in characters; none is lowered.

    weights: 1 where a language has none.
    """
    shares = {
        name: sum(len(word) * count for word, count in words.items()) / weights.get(name, 1.0)
        for name, words in counts.items()
    }
    largest = max(shares.values())
    together: Counter[str] = Counter()
    for name, words in counts.items():
        for word, count in words.items():
            together[word] += round(count * largest / shares[name])
    return together
