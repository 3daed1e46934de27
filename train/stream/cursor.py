"""The documents of one source, shuffled, for as many epochs as are wanted, from any place in them.

Groups are permuted, and in their order blocks of a few thousand documents are permuted, so that memory is bounded.
A pass reads all groups once. Where documents are to be repeated, up to R times, an epoch is R passes, and a document
that wants w of them is in w of the R, evenly spread: copies lie far apart, and every pass is a fair sample.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Any

import numpy as np

from train.recipe import TrainError
from train.stream.encoder import Encoder
from train.stream.packs import Piece, cut
from train.stream.shards import Group, read

_BLOCK = 4096  # documents
_BLOCK_CHARACTERS = 1 << 22
_BATCH = 64  # documents a tokenising call

Place = tuple[int, int, int]  # (pass, group in the pass's order, row): where a block starts


class Cursor:
    """Pieces of one source. Its state is the place of the block it reads, and what was taken of it.

    The state counts tokens of a document, not pieces, so that it holds for packs of another length.
    """

    def __init__(
        self, name: str, groups: Sequence[Group], encoder: Encoder, *, column: str, length: int, seed: Sequence[int],
        epochs: float | None, rehydrate: bool, ahead: int,
    ) -> None:  # fmt: skip
        """ahead: batches of documents that are tokenised before they are asked for."""
        self.name, self.groups, self.encoder = name, groups, encoder
        self.column, self.length, self.seed, self.rehydrate, self.ahead = column, length, seed, rehydrate, ahead
        self.repeats = max((group.most_repeats for group in groups), default=1) if rehydrate else 1
        self.rows = sum(group.rows for group in groups)
        self._most_rows = None if epochs is None else round(epochs * self.repeats * self.rows)
        self.restore({"block": (0, 0, 0), "documents": 0, "tokens": 0})

    def state(self) -> dict[str, Any]:
        return {"block": list(self._block), "documents": self._documents, "tokens": self._tokens}

    def restore(self, state: dict[str, Any]) -> None:
        pass_, group, row = state["block"]
        self._block: Place = (pass_, group, row)
        self._documents, self._tokens = state["documents"], state["tokens"]
        self.seen = self.without_text = 0  # rows since then, and those left out for a text that is null or empty
        self._batches = self._read(self._block, self._documents)
        self._futures: deque[tuple[Place, int, Future[list[np.ndarray]]]] = deque()
        self._ready: deque[tuple[Place, int, np.ndarray]] = deque()
        self._current: deque[Piece] = deque()

    def next(self) -> Piece | None:
        """None where the source's epochs are over."""
        if not self._current and not self._open():
            return None
        piece = self._current.popleft()
        self._tokens += len(piece.tokens)
        if not self._current:
            self._documents, self._tokens = self._documents + 1, 0
        return piece

    def _open(self) -> bool:
        while not self._ready:
            for place, first, texts in islice(self._batches, self.ahead - len(self._futures)):
                self._futures.append((place, first, self.encoder.submit(texts)))
            if not self._futures:
                return False
            place, first, future = self._futures.popleft()
            self._ready.extend((place, first + at, tokens) for at, tokens in enumerate(future.result()))
        self._block, self._documents, tokens = self._ready.popleft()
        self._current.extend(cut(tokens[self._tokens :], self.length, self.name))
        return True

    def _read(self, place: Place, skip: int) -> Iterator[tuple[Place, int, list[str]]]:
        """(block, first document, texts) of each batch to tokenise."""
        for block, texts in self._blocks(place):
            rng = np.random.default_rng([*self.seed, 1, *block])
            order = rng.permutation(len(texts))
            for first in range(skip, len(texts), _BATCH):
                yield block, first, [texts[at] for at in order[first : first + _BATCH]]
            skip = 0

    def _blocks(self, place: Place) -> Iterator[tuple[Place, list[str]]]:
        """Blocks end with a pass. Raises TrainError for a source in which no document is."""
        number, group, row = place
        empty = 0  # passes in a row that had no document
        while self._most_rows is None or number * self.rows < self._most_rows:
            whole, found = (group, row) == (0, 0), False
            for block, texts in self._pass(number, group, row):
                found = True
                yield block, texts
            empty = empty + 1 if whole and not found else 0
            if empty == self.repeats:
                raise TrainError(f"data.source {self.name}: there is no document in it that is wanted once or more")
            number, group, row = number + 1, 0, 0

    def _pass(self, number: int, group: int, row: int) -> Iterator[tuple[Place, list[str]]]:
        order = np.random.default_rng([*self.seed, 0, number]).permutation(len(self.groups)).tolist()
        left = self._left(number, order[:group])
        place, texts, size = (number, group, row), list[str](), 0
        for at in range(group, len(order)):
            for now, text in self._due(number, order[at], row if at == group else 0, left):
                texts.append(text)
                size += len(text)
                if len(texts) == _BLOCK or size >= _BLOCK_CHARACTERS:
                    yield place, texts
                    place, texts, size = (number, at, now + 1), [], 0
            left -= self.groups[order[at]].rows
        if texts:
            yield place, texts

    def _left(self, number: int, before: Sequence[int]) -> int:
        """How many rows of a pass are to be read after these groups of it: fewer than there are where the epochs end."""
        whole = self.rows if self._most_rows is None else min(self.rows, self._most_rows - number * self.rows)
        return whole - sum(self.groups[at].rows for at in before)

    def _due(self, number: int, at: int, start: int, left: int) -> Iterator[tuple[int, str]]:
        """(row, text) of the documents of a group, from row `start` to row `left`, that are in this pass."""
        rows = read(self.groups[at], column=self.column, start=start, repeats=self.rehydrate)
        for now, (text, repeats) in islice(enumerate(rows, start), max(0, left - start)):
            self.seen += 1
            self.without_text += not text
            # x * w mod R < w holds for w of R consecutive x
            if text and (number + at + now) * repeats % self.repeats < repeats:
                yield now, text
