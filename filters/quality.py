"""Quality of a text: a fastText classifier's probability that it is like the good texts that it was trained on.

The classifier reads the tokens of `filters.segment`, folded (lower case, decomposed, digits as 0) and joined by spaces,
so that it sees words in Thai and Chinese too; a line ends in a token for its length, `↵` and the bits of its number of
tokens, because menus, lists and teasers differ from prose in their lines whatever they are about. A model file is fastText's own .ftz with a card after it: what fastText
leaves unread at the end of a file holds the languages that the model was trained on and a digest of all before it. So
a truncated file, or another kind of model, is an error and not a score, and a text in a language that the model never
saw has none.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import fasttext
import numpy as np
import pyarrow as pa

from filters import characters as ch
from filters.hashing import decode, kernel
from filters.segment import ALPHABETIC, Segments, segment

GOOD, BAD = "__label__good", "__label__bad"
TOKENS_VERSION = 1  # of `lines`: a model trained on other tokens would score at random
MINIMUM_WORDS = 10  # with a letter; a shorter text has no score: windows for training are no shorter
_MAGIC = b"mcqual01"
_DIGEST_BYTES, _LENGTH_BYTES = 16, 8
_TAIL = _LENGTH_BYTES + _DIGEST_BYTES + len(_MAGIC)
_SPACE = np.uint8(32)
_NEWLINE = np.uint8(10)
_LINE_END, _ZERO = np.uint32(ord("↵")), np.uint32(ord("0"))
_LINE_BITS = 6  # lines of 32 tokens and more are alike


class ModelError(ValueError):
    """A model that cannot be used: one line with the file and what would be right."""


class Model(NamedTuple):
    """A loaded classifier."""

    classifier: Any  # fasttext's
    languages: frozenset[str]  # hin_Deva
    card: dict[str, Any]


# Text as the classifier reads it


@kernel
def _put(code, out, at):  # type: ignore[no-untyped-def]
    """Append a code point as UTF-8; the position after it."""
    if code < 0x80:
        out[at] = code
        return at + 1
    if code < 0x800:
        out[at] = 0xC0 | code >> 6
        out[at + 1] = 0x80 | code & 0x3F
        return at + 2
    if code < 0x10000:
        out[at] = 0xE0 | code >> 12
        out[at + 1] = 0x80 | code >> 6 & 0x3F
        out[at + 2] = 0x80 | code & 0x3F
        return at + 3
    out[at] = 0xF0 | code >> 18
    out[at + 1] = 0x80 | code >> 12 & 0x3F
    out[at + 2] = 0x80 | code >> 6 & 0x3F
    out[at + 3] = 0x80 | code & 0x3F
    return at + 4


@kernel
def _put_folded(data, position, end, folded_of, sequences, out, at):  # type: ignore[no-untyped-def]
    while position < end:
        code, size = decode(data, position, end)
        position += size
        lower = folded_of[code]
        if lower < ch.CODE_POINTS:
            at = _put(lower, out, at)
            continue
        for column in range(sequences.shape[1]):
            part = sequences[np.int64(lower) - ch.CODE_POINTS, column]
            if part:
                at = _put(part, out, at)
    return at


@kernel
def _has_newline(data, start, end):  # type: ignore[no-untyped-def]
    found = False
    for position in range(start, end):
        found |= data[position] == _NEWLINE
    return found


@kernel
def _put_line_end(count, out, at):  # type: ignore[no-untyped-def]
    """Append ` ↵` and the bits of the number of tokens."""
    bits = 0
    while count and bits < _LINE_BITS:
        count >>= 1
        bits += 1
    out[at] = _SPACE
    at = _put(_LINE_END, out, at + 1)
    return _put(_ZERO + np.uint32(bits), out, at)


@kernel
def _write_lines(data, first, tokens, folded_of, sequences, out, ends):  # type: ignore[no-untyped-def]
    at = 0
    for document in range(len(first) - 1):
        begin, stop, line = first[document], first[document + 1], 0
        for i in range(begin, stop):
            start, end = np.int64(tokens[i].start), np.int64(tokens[i].end)
            if i > begin and _has_newline(data, np.int64(tokens[i - 1].end), start):
                at = _put_line_end(line, out, at)
                line = 0
            if i > begin:
                out[at] = _SPACE
                at += 1
            at = _put_folded(data, start, end, folded_of, sequences, out, at)
            line += 1
        if line:
            at = _put_line_end(line, out, at)
        ends[document + 1] = at


def lines(segments: Segments) -> pa.LargeStringArray:
    """Each document as the classifier reads it, on one line. No token is one of fastText's own (`</s>`,
    `__label__...`): the word breaker takes these apart."""
    tables, tokens = ch.characters(), segments.tokens
    folded = int(tokens["folded_characters"].sum(dtype=np.int64))
    out, ends = np.empty(4 * folded + 7 * len(tokens), np.uint8), np.zeros(len(segments.first), np.int64)
    _write_lines(segments.data, segments.first, tokens, tables.folded, tables.sequences, out, ends)
    text = pa.py_buffer(out[: ends[-1]].copy())  # `out` has room for four bytes a character
    return pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), text)


def words_with_letters(segments: Segments) -> np.ndarray:
    """Of each document: int64 (documents,)."""
    before = np.concatenate([[0], np.cumsum((segments.tokens["flags"] & ALPHABETIC) > 0)])
    return np.diff(before[segments.first])


# Model files


def seal(path: Path, card: Mapping[str, Any]) -> None:
    """Append the card to a model file that fastText has just written."""
    body = path.read_bytes() + json.dumps({**card, "tokens": TOKENS_VERSION}, sort_keys=True).encode()
    length = len(body) - path.stat().st_size
    digest = hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
    path.write_bytes(body + length.to_bytes(_LENGTH_BYTES, "little") + digest + _MAGIC)


def read_card(path: Path) -> dict[str, Any]:
    """The card of a model file. Raises ModelError where the file is not whole, or no quality model."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; give a model of `curate quality train`") from None
    body, tail = content[:-_TAIL], content[-_TAIL:]
    if not tail.endswith(_MAGIC):
        raise ModelError(f"{path}: truncated, or no quality model; give a file that `curate quality train` wrote")
    length = int.from_bytes(tail[:_LENGTH_BYTES], "little")
    if hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest() != tail[_LENGTH_BYTES : -len(_MAGIC)]:
        raise ModelError(f"{path}: damaged: its content is not what was written; copy or train it again")
    card: dict[str, Any] = json.loads(body[len(body) - length :])
    if card.get("tokens") != TOKENS_VERSION:
        raise ModelError(f"{path}: trained on other tokens (version {card.get('tokens')}); train it again")
    return card


@lru_cache(maxsize=64)
def _load(path: Path, _changed: int) -> Model:
    card = read_card(path)
    try:
        classifier = fasttext.load_model(str(path))
    except ValueError as error:
        raise ModelError(f"{path}: no fastText model: {error}") from None
    labels = set(classifier.get_labels())
    if labels != {GOOD, BAD}:
        found = ", ".join(sorted(labels)) or "none"
        raise ModelError(f"{path}: its labels are {found}; a quality model has {GOOD} and {BAD}")
    return Model(classifier, frozenset(card["languages"]), card)


def load(path: Path) -> Model:
    """The model in a file. Raises ModelError."""
    return _load(path, path.stat().st_mtime_ns if path.is_file() else 0)


def files(model: str) -> list[Path]:
    """The file of a model, or those of a folder. Raises ModelError if there is none."""
    path = Path(model)
    found = sorted(path.glob("*.ftz")) if path.is_dir() else [path]
    if not found:
        raise ModelError(f"{model}: no .ftz file in this folder; give a model of `curate quality train`")
    return found


def by_language(model: str) -> dict[str, Model]:
    """The model of each language. Raises ModelError for an unusable file, or two that know one language."""
    chosen: dict[str, tuple[Path, Model]] = {}
    for path in files(model):
        loaded = load(path)
        for language in loaded.languages:
            if language in chosen:
                other = chosen[language][0].name
                raise ModelError(f"{model}: {other} and {path.name} both know {language}; keep one of them")
            chosen[language] = path, loaded
    return {language: loaded for language, (_, loaded) in chosen.items()}


# Scores


def _good(classifier: Any, texts: list[str]) -> np.ndarray:
    """P(good) of each line."""
    names, probabilities = classifier.predict(texts, k=1)
    best = np.array([each[0] for each in probabilities], np.float64)
    return np.clip(np.where([each[0] == GOOD for each in names], best, 1 - best), 0.0, 1.0)


def scores(
    text: pa.StringArray, language: pa.StringArray, *, model: str, segments: Segments | None = None
) -> pa.DoubleArray:
    """P(good) of each text, by the model that knows its language (`hin_Deva`).

    `model`: a file, or a folder of files. Null: null text, a language that no model knows, fewer than `MINIMUM_WORDS`
    words with a letter (digits, emoji). `segments`: those of the same `text`, to break it only once for several uses.
    Raises ModelError.
    """
    if len(text) != len(language):
        raise ValueError(f"{len(text)} texts but {len(language)} languages: give one label a text")
    segments = segments or segment(text)
    known, found = by_language(model), np.full(len(text), np.nan)
    enough = words_with_letters(segments) >= MINIMUM_WORDS
    rows: dict[int, list[int]] = {}
    for row, label in enumerate(language.to_pylist()):
        if enough[row] and label in known:
            rows.setdefault(id(known[label]), []).append(row)
    prepared = lines(segments)
    for own in rows.values():
        classifier = known[language[own[0]].as_py()].classifier
        found[own] = _good(classifier, prepared.take(pa.array(own)).to_pylist())
    return pa.array(found, mask=np.isnan(found))
