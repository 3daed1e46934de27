"""A bilingual dictionary, and the rotation by it of one language's word vectors into the other's."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from train.initialisation.similarity import procrustes
from train.initialisation.vectors import Vectors
from train.recipe import TrainError

Pair = tuple[str, str]


def read(path: Path) -> list[Pair]:
    """Lines of a word in the base's language and one in the new language, with a tab between them (or a space, where
    there is none). Raises TrainError."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{path}: no dictionary that can be read: {error}") from None
    pairs = []
    for number, line in enumerate(lines, 1):
        pair = line.split("\t") if "\t" in line else line.split()
        if line and len(pair) != 2:
            raise TrainError(f"{path}: line {number}: {line[:80]!r}: two words with a tab between them are wanted")
        if line:
            pairs.append((pair[0].strip(), pair[1].strip()))
    if not pairs:
        raise TrainError(f"{path}: no pairs of words in it")
    return pairs


def variants(word: str) -> tuple[str, str, str]:
    """As written, in lower and in title case; alike in most scripts, so that their words weigh as much as three."""
    return word, word.lower(), word.title()


def spellings(pairs: Iterable[Pair], side: int) -> Iterator[str]:
    """Every variant of the pairs' words; side: 0 or 1."""
    return (variant for pair in pairs for variant in variants(pair[side]))


def rotation(source: Vectors, target: Vectors, pairs: Iterable[Pair]) -> tuple[Tensor, int]:
    """The orthogonal W [v, v] that brings `source @ W` nearest to target over the pairs known to both, and how many.

    Each variant of the one word with each of the other (WECHSEL). Raises TrainError where there are none.
    """
    ours, theirs = _known(source), _known(target)
    found = [
        (ours[one], theirs[other])
        for pair in pairs
        for one in variants(pair[0])
        for other in variants(pair[1])
        if one in ours and other in theirs
    ]
    if not found:
        raise TrainError("embeddings.dictionary: not one pair has both its words among those with vectors")
    left, right = (list(each) for each in zip(*found, strict=True))
    turned = procrustes(torch.from_numpy(source.values[left]).double(), torch.from_numpy(target.values[right]).double())
    return turned.float(), len(set(found))


def _known(vectors: Vectors) -> dict[str, int]:
    return {word: at for word, at in vectors.index.items() if vectors.known[at]}
