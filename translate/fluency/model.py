"""How surprising a text is to a small model of clean native text, in bits a character: IndicMonoDoc's filter (2403.13638).

Three signals. `surprise`: bits a character, high for foreign words, garbled letters, odd spelling. `order`: how many of
them the words before save or cost, against each word by itself; words out of their order cost, however plain each is.
`foreign`: the share of letters in scripts that the language is not written in. What they spell is not asked: a corpus
holds enough English for English to look usual, and too little for a name in Latin letters to.
Native text held out from training says which values are usual, so a text's strangeness is its rank among that text.
"""

import heapq
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import numpy as np
import pyarrow as pa
import xxhash

from filters.segment import segment
from translate.engine import whole_characters
from translate.fluency.kneser_ney import BEGIN, END, Table, bits, count, slots
from translate.fluency.native import Native
from translate.fluency.scripts import foreign_letters, letters, own_scripts

ORDER = 8  # characters
MAXIMUM_BYTES = 24 << 20  # of text that is learned from: the paragraphs with the smallest hashes
LEAST_CHARACTERS = 30  # of a text that is judged
HELD_OUT_ONE_IN = 10  # documents
ENOUGH = 300  # held-out sentences: a hundred a signal
_WANTED = 600  # held-out sentences, at the price of so much of the text
_MOST_HELD_OUT = 0.3
_MOST_SENTENCES = 20_000
_FOREIGN = 0xFFFC  # object replacement character, for any foreign letter
_MOST_FOREIGN = 0.5  # of a native sentence's letters; others are quoted whole
_PIECE = 64  # paragraphs of a document that are held out together
_BATCH_CHARACTERS = 1 << 20
_LONGEST = 20_000  # characters of a text that are scored
_LARGEST_FILE = 4 << 30  # bytes, unpacked
_SENTENCE = re.compile(r"(?<=[.!?։።។။།])\s+|(?<=[।॥۔؟。！？])\s*")


class Scores(NamedTuple):
    """float64, one a text; nan for a text that is empty or foreign altogether."""

    surprise: np.ndarray
    order: np.ndarray
    foreign: np.ndarray


@dataclass(frozen=True, slots=True)
class FluencyModel:
    """The n-grams, and what is usual of native sentences."""

    table: Table
    index: np.ndarray
    scripts: tuple[str, ...]  # the language's own
    native: Native

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Bits a character, the end of the text counted as one and foreign letters as none; nan where nothing is left."""
        return self.scores(texts).surprise

    def scores(self, texts: Sequence[str]) -> Scores:
        """All signals."""
        found = [self._scores(batch) for batch in _batches(texts)]
        return Scores(*np.concatenate([np.empty((len(Scores._fields), 0)), *found], axis=1))

    def strangeness(self, texts: Sequence[str]) -> np.ndarray:
        """The share of native sentences that are less strange for their length, 0 to 1, by the signal that says most.

        0 for texts under LEAST_CHARACTERS, about which none says anything.
        """
        lengths = np.array([len(_plain(text[:_LONGEST])) for text in texts], np.int64)
        return np.where(lengths >= LEAST_CHARACTERS, self.native.rank(lengths, np.array(self.scores(texts))), 0.0)

    def save(self, path: Path) -> None:
        """As NumPy's .npz."""
        table, native = self.table, self.native
        with path.open("wb") as file:
            np.savez_compressed(
                file, n=np.int64(table.order), rest=np.float64(table.rest), keys=table.keys, alpha=table.alpha,
                gamma=table.gamma, scripts=np.array(self.scripts, "U4"), lengths=native.lengths, signals=native.signals,
            )  # fmt: skip

    def _scores(self, texts: Sequence[str]) -> Scores:
        symbols, depth, own, first = _symbols(texts)
        letter, foreign = letters()[symbols], foreign_letters(self.scripts)[symbols]
        symbols[foreign] = _FOREIGN
        word = np.zeros(len(symbols), bool)
        word[own] = _word_begins(texts)
        whole, alone = np.zeros(len(symbols)), np.zeros(len(symbols))
        table = self.table
        chances = table.order, table.keys, table.alpha, table.gamma, table.rest, self.index
        bits(symbols, depth, word, *chances, whole, alone)
        whole[foreign] = alone[foreign] = 0
        counted = ((depth > 0) & ~foreign, whole, whole - alone, letter, foreign)
        characters, cost, saved, letters_, foreign_ = (
            np.add.reduceat(each, first, dtype=np.float64) for each in counted
        )
        empty = characters <= 1
        surprise, order = (np.where(empty, np.nan, each / np.maximum(characters, 1)) for each in (cost, saved))
        return Scores(surprise, order, foreign_ / np.maximum(letters_, 1))


_ARRAYS = {"keys": np.uint64, "alpha": np.float32, "gamma": np.float32, "lengths": np.int64}


def load(path: Path) -> FluencyModel:
    """A saved model. OSError where there is no file, ValueError for any other file; nothing in it is run."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _LARGEST_FILE:
                raise ValueError("larger than any model")
        with np.load(path, allow_pickle=False) as stored:
            part = {name: stored[name] for name in ("n", "rest", "scripts", "signals", *_ARRAYS)}
        table = Table(int(part["n"]), part["keys"], part["alpha"], part["gamma"], float(part["rest"]))
        if problem := _wrong(table, part):
            raise ValueError(problem)
    except (ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: no fluency model: {' '.join(str(error).split())[:200]}") from None
    scripts = tuple(map(str, part["scripts"]))
    return FluencyModel(table, slots(table.keys), scripts, Native(part["lengths"], part["signals"]))


def _wrong(table: Table, part: dict[str, np.ndarray]) -> str:
    if any(part[name].dtype != kind or part[name].ndim != 1 for name, kind in _ARRAYS.items()):
        return "arrays of other types"
    lengths, signals, scripts = part["lengths"], part["signals"], part["scripts"]
    if not len(table.keys) == len(table.alpha) == len(table.gamma) or not 1 <= table.order <= 32:
        return "arrays of other lengths"
    if signals.dtype != np.float64 or signals.shape != (len(Scores._fields), len(lengths)) or len(lengths) == 0:
        return "native sentences without signals"
    if scripts.dtype != np.dtype("U4") or scripts.ndim != 1:
        return "scripts that are none"
    shares = table.alpha, table.gamma, np.array([table.rest])
    if not all(np.all((share >= 0) & (share <= 1)) for share in shares):
        return "shares that are none"
    if np.any(lengths[1:] < lengths[:-1]) or not np.all(np.isfinite(signals)):
        return "native sentences in no order"
    return ""


def train(texts: Iterable[str], *, maximum_bytes: int = MAXIMUM_BYTES, order: int = ORDER) -> FluencyModel:
    """From clean documents of one language, in any order: the same texts give the same model.

    ValueError for text of which fewer than ENOUGH sentences can be held out: a tenth by hash, more of little text; whole
    documents, or pieces of long ones, because a name that is rare elsewhere comes again in its own. Memory: about forty
    times `maximum_bytes` where every character is a byte, less in scripts of more bytes.
    """
    learned, sentences = _divided(_sample(texts, maximum_bytes))
    scripts = own_scripts(learned)
    if len(sentences) >= ENOUGH and learned:
        symbols, depth, _, _ = _symbols(learned)
        symbols[foreign_letters(scripts)[symbols]] = _FOREIGN
        table = count(symbols, depth, order)
        model = FluencyModel(table, slots(table.keys), scripts, Native.of(np.empty(0), np.empty((0, 0))))
        signals = np.array(model.scores(sentences))
        whole = signals[2] <= _MOST_FOREIGN
        native = Native.of(np.array(list(map(len, sentences)))[whole], signals[:, whole])
        if len(native.lengths) >= ENOUGH:
            return replace(model, native=native)
    need = f"{len(sentences):,} sentences of {LEAST_CHARACTERS} characters; {ENOUGH} are needed"
    raise ValueError(f"too little text: part of it is held out, and has {need}")


class _Paragraph(NamedTuple):
    name: int  # its hash
    piece: int  # the hash of the piece of a document it stands in
    text: str


def _sample(texts: Iterable[str], maximum_bytes: int) -> list[_Paragraph]:
    """Distinct paragraphs by ascending name: those with the smallest, of so many bytes."""
    kept: list[tuple[int, str]] = []
    pieces, size = dict[int, int](), 0
    for name, piece, plain in _paragraphs(texts):
        if name in pieces:
            pieces[name] = max(pieces[name], piece)
            continue
        if size >= maximum_bytes and name >= -kept[0][0]:
            continue
        heapq.heappush(kept, (-name, plain))
        pieces[name] = piece
        size += len(plain.encode())
        while size > maximum_bytes and len(kept) > 1:
            gone, text = heapq.heappop(kept)
            del pieces[-gone]
            size -= len(text.encode())
    return [_Paragraph(-name, pieces[-name], text) for name, text in sorted(kept, reverse=True)]


def _paragraphs(texts: Iterable[str]) -> Iterator[_Paragraph]:
    for text in texts:
        lines = text.splitlines()
        for start in range(0, len(lines), _PIECE):
            plain = [each for each in (_plain(line[:_LONGEST]) for line in lines[start : start + _PIECE]) if each]
            piece = xxhash.xxh3_64_intdigest("\n".join(plain).encode())
            for each in plain:
                yield _Paragraph(xxhash.xxh3_64_intdigest(each.encode()), piece, each)


def _divided(paragraphs: Sequence[_Paragraph]) -> tuple[list[str], list[str]]:
    """(learned, sentences held out): the pieces with the smallest hashes, until they have enough of the text."""
    pieces: dict[int, list[str]] = {}
    for each in paragraphs:
        pieces.setdefault(each.piece, []).append(each.text)
    total, size = sum(len(each.text) for each in paragraphs), 0
    learned, sentences = list[str](), list[str]()
    for _, texts in sorted(pieces.items()):
        if size < total / HELD_OUT_ONE_IN or (len(sentences) < _WANTED and size < total * _MOST_HELD_OUT):
            size += sum(map(len, texts))
            sentences += (part for text in texts for part in _SENTENCE.split(text) if len(part) >= LEAST_CHARACTERS)
        else:
            learned += texts
    return learned, sentences[:_MOST_SENTENCES]


def _plain(text: str) -> str:
    """White space as one space; NFC, because Bengali is written with either of two nuktas."""
    return " ".join(normalize("NFC", whole_characters(text)).split())


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch, size = list[str](), 0
    for text in texts:
        batch.append(_plain(text[:_LONGEST]))
        size += len(batch[-1])
        if size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _symbols(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(symbols, depth, whether it is a text's own, where texts begin), each text between BEGIN and END."""
    lengths = np.fromiter(map(len, texts), np.int32, len(texts))
    first = np.concatenate([[0], np.cumsum(lengths + 2, dtype=np.int64)]).astype(np.int32)
    depth = np.arange(first[-1], dtype=np.int32)
    depth -= np.repeat(first[:-1], lengths + 2)
    symbols = np.full(first[-1], BEGIN, np.uint32)
    symbols[first[1:] - 1] = END
    own = depth > 0
    own[first[1:] - 1] = False
    symbols[own] = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    return symbols, depth, own, first[:-1]


def _word_begins(texts: Sequence[str]) -> np.ndarray:
    """bool, one a character of the texts in a row."""
    segments = segment(pa.array(texts, pa.string()))
    data = segments.data[segments.offsets[0] : segments.offsets[-1]]
    place = np.concatenate([[0], np.cumsum(data & 0xC0 != 0x80)])  # characters before each byte
    begins = np.zeros(place[-1], bool)
    begins[place[segments.tokens["start"] - segments.offsets[0]]] = True
    return begins
