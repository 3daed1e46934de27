"""Old and new tokens in one space of vectors, and the rows that follow: WECHSEL, OFA, FOCUS."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from tokenizers import Regex, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from train.initialisation import dictionary, simple, vectors
from train.initialisation.similarity import low_rank, nearest_mean, sparsemax_mean
from train.initialisation.vectors import Vectors
from train.initialisation.vocabulary import VocabularyChange
from train.recipe import TrainError

_WORDS = pre_tokenizers.Split(Regex(r"[\p{L}\p{M}\x{200C}\x{200D}'’]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]"), "removed", True)
_BROKEN = "\ufffd"  # what a part of a character decodes to
_AT_ONCE = 4096  # words
_DOCUMENTS = 64  # tokenised at once

T = TypeVar("T")


@dataclass(frozen=True)
class Material:
    """What vectors come from: a file of them, or texts to train them on."""

    texts: Callable[[], Iterator[str]] | None = None
    source_texts: Callable[[], Iterator[str]] | None = None
    files: Sequence[Path] = ()
    pairs: Path | None = None
    threads: int = 1


@dataclass(frozen=True)
class Space:
    """Vectors of the tokens that have one; none is zero."""

    old_ids: Tensor  # int64 [m]
    old: Tensor  # fp32 [m, v]
    new_at: Tensor  # int64 [n], places in change.added
    new: Tensor  # fp32 [n, v]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """Two tokenizers and what changes between them."""

    vocabulary: VocabularyChange
    old: PreTrainedTokenizerBase
    new: PreTrainedTokenizerBase


def rows(method: str, space: Space, change: VocabularyChange, matrix: Tensor, *, rank: int | None = None) -> Tensor:
    """fp32 [new tokens, d]; a token without a vector has its subtoken mean. rank: of OFA's factorisation."""
    made = simple.subtoken_mean(change, matrix) if change.added else torch.zeros(0, matrix.shape[1])
    old = matrix[space.old_ids].float()
    if rank is not None:
        old = low_rank(old, rank)
    combine = sparsemax_mean if method == "focus" else nearest_mean
    made[space.new_at] = combine(space.new, space.old, old)
    return made


def make(method: str, change: Change, material: Material) -> Space:
    """The space of "wechsel", "ofa" or "focus". Raises TrainError: nothing to make it from, no old token in it."""
    found = {"wechsel": wechsel, "ofa": ofa, "focus": focus}[method](change, material)
    if not len(found.old_ids):
        raise TrainError(f"{method}: none of the base's tokens has a vector; give more text, or text of both languages")
    return found


def focus(change: Change, material: Material) -> Space:
    """fastText over token strings; the old tokens are those in both vocabularies that are frequent in the texts."""
    tokens = change.new.convert_ids_to_tokens
    kept, added = list(change.vocabulary.kept.items()), list(change.vocabulary.added)
    old, new = tokens([at for at, _ in kept]), tokens(added)
    if material.files:
        found = vectors.loaded(_one("focus", material.files), [*old, *new])
    else:
        lines = _segmented(change.new, _texts("focus", "texts", material.texts))
        found = vectors.trained(lines, vectors.OF_TOKENS, [*old, *new], threads=material.threads)
    values = np.where(found.known[:, None], found.values, 0)
    at = [found.index[token] for token in (*old, *new)]
    return _space([old_id for _, old_id in kept], values[at[: len(kept)]], values[at[len(kept) :]])


def wechsel(change: Change, material: Material) -> Space:
    """fastText in either language, the base's rotated onto the other by a dictionary; a token's vector is its text's."""
    ids = [at for at in sorted(change.old.get_vocab().values()) if at not in _special(change.old)]
    old, new = _spelt(change.old, ids), _spelt(change.new, list(change.vocabulary.added))
    source, target, facts = _sides("wechsel", material, [each for each in old if each], [each for each in new if each])
    return _space(ids, _of(source, old), _of(target, new), facts)


def ofa(change: Change, material: Material) -> Space:
    """A subword's vector is the mean of the vectors of words that have it, in a space that holds both languages."""
    if len(material.files) == 1:
        parts = [vectors.loaded(material.files[0], None)]
        facts: dict[str, Any] = {}
    else:
        source, target, facts = _sides("ofa", material, None, None)
        parts = [source, target]
    words = list(chain.from_iterable(part.words for part in parts))
    values = np.concatenate([part.values for part in parts])
    ids = [at for at in sorted(change.old.get_vocab().values()) if at not in _special(change.old)]
    old, new = (of_subwords(each, words, values) for each in (change.old, change.new))
    return _space(ids, old[ids], new[list(change.vocabulary.added)], facts | {"words": len(words)})


def of_subwords(tokenizer: PreTrainedTokenizerBase, words: Sequence[str], values: np.ndarray) -> np.ndarray:
    """fp32 [ids, v]: for each token the mean over words whose pieces, with a space before the word or without, have it;
    zeros where no word has it. values: [words, v]."""
    size = max(tokenizer.get_vocab().values()) + 1
    summed, counted = torch.zeros(size, values.shape[1]), torch.zeros(size)
    for part in _parts(iter(range(len(words))), _AT_ONCE):
        bare = _encoded(tokenizer, [words[at] for at in part])
        spaced = _encoded(tokenizer, [" " + words[at] for at in part])
        pairs = [(token, at) for at, *both in zip(part, bare, spaced, strict=True) for token in {*both[0], *both[1]}]
        tokens, at = (torch.tensor(each) for each in zip(*pairs, strict=True))
        summed.index_add_(0, tokens, torch.from_numpy(values)[at])
        counted.index_add_(0, tokens, torch.ones(len(tokens)))
    mean: np.ndarray = (summed / counted.clamp_min(1)[:, None]).numpy()
    return mean


def _sides(
    method: str, material: Material, old: list[str] | None, new: list[str] | None
) -> tuple[Vectors, Vectors, dict[str, Any]]:
    """Vectors of both languages in one space: of the words asked for, or of all."""
    if len(material.files) not in (0, 2):
        raise TrainError(f"embeddings.vectors: {method} wants two files, of the base's language and of the new one")
    if not material.files and material.pairs is None:
        raise TrainError(
            f"embeddings.dictionary: {method} wants a dictionary to bring vectors of two languages together"
        )
    pairs = dictionary.read(material.pairs) if material.pairs else []
    asked = [
        None if words is None else [*words, *dictionary.spellings(pairs, side)] for side, words in enumerate((old, new))
    ]
    if material.files:
        source, target = (vectors.loaded(path, words) for path, words in zip(material.files, asked, strict=True))
    else:
        texts = _texts(method, "source_texts", material.source_texts), _texts(method, "texts", material.texts)
        source, target = (
            vectors.trained(_words(text), vectors.OF_WORDS, words, threads=material.threads)
            for text, words in zip(texts, asked, strict=True)
        )
    if source.values.shape[1] != target.values.shape[1]:
        raise TrainError(
            f"embeddings.vectors: vectors of {source.values.shape[1]} and of {target.values.shape[1]} numbers"
        )
    if not pairs:
        return source, target, {}  # aligned already, as multilingual vectors are
    turned, count = dictionary.rotation(source, target, pairs)
    return Vectors(source.words, source.values @ turned.numpy(), source.known), target, {"pairs": count}


def _space(ids: Sequence[int], old: np.ndarray, new: np.ndarray, facts: dict[str, Any] | None = None) -> Space:
    """Without the tokens whose vector is zero."""
    ours, theirs = np.flatnonzero(old.any(1)), np.flatnonzero(new.any(1))
    counts = {"old_with_vectors": len(ours), "new_with_vectors": len(theirs)}
    return Space(
        torch.tensor(ids, dtype=torch.long)[ours], torch.from_numpy(old[ours]),
        torch.from_numpy(theirs), torch.from_numpy(new[theirs]), counts | (facts or {}),
    )  # fmt: skip


def _spelt(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> list[str]:
    """The text of each token; empty for a part of a character, whose vector would be that of no text."""
    texts = (str(tokenizer.decode([at])).strip() for at in ids)
    return ["" if _BROKEN in text else text for text in texts]


def _of(found: Vectors, words: Sequence[str]) -> np.ndarray:
    nothing = len(found.words)
    values = np.concatenate([found.values, np.zeros((1, found.values.shape[1]), np.float32)])
    chosen: np.ndarray = values[[found.index[word] if word else nothing for word in words]]
    return chosen


def _special(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Tokens that stand for no text."""
    return set(tokenizer.all_special_ids)


def _encoded(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    encoded: list[list[int]] = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    return encoded


def _segmented(tokenizer: PreTrainedTokenizerBase, texts: Iterator[str]) -> Iterator[str]:
    for part in _parts(texts, _DOCUMENTS):
        yield from (" ".join(tokenizer.convert_ids_to_tokens(ids)) for ids in _encoded(tokenizer, part))


def _parts(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(items, size)):
        yield part


def _words(texts: Iterator[str]) -> Iterator[str]:
    """Words and signs apart; a language that is written without spaces has better vectors elsewhere."""
    return (" ".join(word for word, _ in _WORDS.pre_tokenize_str(text)) for text in texts)


def _texts(method: str, name: str, texts: Callable[[], Iterator[str]] | None) -> Iterator[str]:
    if texts is None:
        raise TrainError(f"embeddings.{name}: {method} wants texts to train word vectors on, or embeddings.vectors")
    return texts()


def _one(method: str, files: Sequence[Path]) -> Path:
    if len(files) != 1:
        raise TrainError(f"embeddings.vectors: {method} wants one file, of vectors of token strings")
    return files[0]
