"""fastText's model files, checked before its loader sees them: that one crashes on a damaged file, or asks for memory
without end.

The layout is that of fastText 0.9's `saveModel`: settings, dictionary, input matrix, output matrix, each with its own
size in front; so the sizes must come out at the end of the file. Numbers are little-endian.
"""

import mmap
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import fasttext
import numpy as np

MAGIC, VERSIONS = 793712314, (11, 12)
SUPERVISED = 3
_LARGEST_DIMENSION = 10_000
_LONGEST_NGRAM = 64
_WORD_TAIL = 9  # int64 count and int8 type after each word's zero byte
_RIGHT = "give a classifier that fastText saved (.bin or .ftz)"
_KINDS = (  # how other files begin that people take for models
    (b"version https://git-lfs", "a Git LFS pointer: fetch the file itself"),
    (b"\x80", "a pickle"),
    (b"PK\x03\x04", "a zip archive (PyTorch saves such)"),
    (b"\x1f\x8b", "compressed by gzip: unpack it"),
    (b"<", "a page of HTML or XML: the download failed"),
    (b"GGUF", "a GGUF language model"),
    (b"\x89HDF", "an HDF5 file"),
)


class _Broken(ValueError):
    """What is wrong with the file, without its name."""


@dataclass(slots=True)
class _Reader:
    data: mmap.mmap
    at: int = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        """The next numbers, as `struct` writes their layout."""
        size = struct.calcsize(f"<{layout}")
        self.skip(size)
        return struct.unpack_from(f"<{layout}", self.data, self.at - size)

    def skip(self, size: int) -> None:
        if size < 0 or self.at + size > len(self.data):
            raise _Broken(f"is truncated or damaged: it has {len(self.data):,} bytes and needs more")
        self.at += size


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise _Broken(f"is damaged: {what}")


def _foreign(head: bytes) -> str:
    """What a file without fastText's magic number seems to be."""
    for start, kind in _KINDS:
        if head.startswith(start):
            return kind
    first = head.split(b"\n")[0].split()
    if len(first) == 2 and all(part.isdigit() for part in first):
        return "word vectors in word2vec's format"
    return "a text file" if _is_text(head) else "of another kind"


def _is_text(head: bytes) -> bool:
    try:
        return b"\0" not in head and bool(head[:-4].decode())  # the cut may go through a character
    except UnicodeDecodeError:
        return False


def _settings(reader: _Reader) -> dict[str, int]:
    """The numbers of the header that the sizes below follow from, checked."""
    names = ("dim", "ws", "epoch", "min_count", "neg", "word_ngrams", "loss", "model", "bucket", "minn", "maxn", "rate")
    read = dict(zip(names, reader.take("12i"), strict=True))
    reader.take("d")
    if read["model"] != SUPERVISED:
        raise _Broken("holds word vectors, not a classifier")
    _require(0 < read["dim"] <= _LARGEST_DIMENSION, f"dimension {read['dim']}")
    _require(1 <= read["word_ngrams"] <= _LONGEST_NGRAM, f"word n-grams of {read['word_ngrams']}")
    _require(read["minn"] >= 0 and 0 <= read["maxn"] <= _LONGEST_NGRAM, f"n-grams of {read['minn']} to {read['maxn']}")
    hashed = read["maxn"] > 0 or read["word_ngrams"] > 1
    _require(read["bucket"] > 0 or (read["bucket"] == 0 and not hashed), f"{read['bucket']} buckets")
    return read


def _dictionary(reader: _Reader) -> tuple[int, list[bytes], int]:
    """(words, labels, rows of hashed n-grams that pruning left, or -1)."""
    named: list[bytes] = []
    size, words, labels, _, pruned = reader.take("3i2q")
    _require(
        min(size, words, labels) >= 0 and size == words + labels, f"{size} entries, {words} words, {labels} labels"
    )
    _require(labels > 0, "no labels")
    for entry in range(size):
        start, end = reader.at, reader.data.find(b"\0", reader.at)
        reader.skip((end if end >= 0 else len(reader.data)) + 1 + _WORD_TAIL - start)
        _require(reader.data[reader.at - 1] == (entry >= words), f"entry {entry} of the dictionary")
        if entry >= words:
            named.append(reader.data[start:end])
    if pruned > 0:
        start = reader.at
        reader.skip(8 * pruned)
        rows = np.frombuffer(reader.data, "<i4", 2 * pruned, start)[1::2]
        inside = bool(((rows >= 0) & (rows < pruned)).all())
        del rows  # it would keep the file mapped
        _require(inside, "a pruned n-gram points outside the table")
    return words, named, pruned


def _quantiser(reader: _Reader) -> tuple[int, int]:
    """(dimension, parts) of a product quantiser."""
    dimension, parts, each, last = reader.take("4i")
    _require(0 < dimension <= _LARGEST_DIMENSION and each > 0, "a quantiser without dimension")
    fits = parts == -(-dimension // each) and last == (dimension % each or each)
    _require(fits, f"a quantiser of {parts} parts for {dimension} dimensions")
    reader.skip(4 * 256 * dimension)
    return dimension, parts


def _quantised(reader: _Reader) -> tuple[int, int]:
    normed, rows, columns, size = reader.take("?2qi")
    _require(rows > 0 and columns > 0, f"a matrix of {rows} by {columns}")
    reader.skip(size)
    dimension, parts = _quantiser(reader)
    _require(dimension == columns and size == rows * parts, f"{size} codes for {rows} rows")
    if normed:
        reader.skip(rows)
        _require(_quantiser(reader) == (1, 1), "norms of more than one number")
    return rows, columns


def _dense(reader: _Reader) -> tuple[int, int]:
    rows, columns = reader.take("2q")
    _require(rows > 0 and columns > 0, f"a matrix of {rows} by {columns}")
    reader.skip(4 * rows * columns)
    return rows, columns


def _walk(reader: _Reader) -> list[bytes]:
    if len(reader.data) < 8 or struct.unpack_from("<i", reader.data)[0] != MAGIC:
        raise _Broken(f"is no fastText model: it seems to be {_foreign(reader.data[:512])}")
    _, version = reader.take("2i")
    if version not in VERSIONS:
        raise _Broken(f"is a fastText model of version {version}; known are {VERSIONS[0]} and {VERSIONS[1]}")
    settings = _settings(reader)
    words, labels, pruned = _dictionary(reader)
    (quantised,) = reader.take("?")
    _require(quantised or pruned < 0, "pruned, but not quantised")
    rows = words + (pruned if pruned >= 0 else settings["bucket"])
    found = _quantised(reader) if quantised else _dense(reader)
    _require(found == (rows, settings["dim"]), f"an input matrix of {found[0]} by {found[1]}")
    (output,) = reader.take("?")
    found = _quantised(reader) if quantised and output else _dense(reader)
    _require(found == (len(labels), settings["dim"]), f"an output matrix of {found[0]} by {found[1]}")
    _require(reader.at == len(reader.data), f"{len(reader.data) - reader.at:,} bytes after its end")
    return labels


@lru_cache(maxsize=16)
def labels(path: Path) -> tuple[str, ...]:
    """The labels of a whole fastText classifier, as it spells them: `__label__hi`.

    Raises ValueError, in a line with the file and what would be right, if `path` is none. Costs a walk over the
    dictionary, 0.1 s for 200,000 words; the matrices are not read.
    """
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: {_RIGHT}")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return tuple(label.decode("utf-8", "replace") for label in _walk(_Reader(data)))
        except _Broken as error:
            raise ValueError(f"{path} {error}; {_RIGHT}") from None


@lru_cache(maxsize=4)
def load(path: Path) -> Any:
    """The fastText classifier at `path`, once a process. Raises ValueError as `labels` does."""
    labels(path)
    try:
        return fasttext.load_model(str(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ValueError(f"{path} is no fastText model: {error}; {_RIGHT}") from error
