"""Sources mixed by shares of tokens that follow a schedule, packed, from any place on.

The next piece is of the source that is furthest behind its share of the tokens so far: no draw, so that shares are
exact to within a piece. Pieces of a window are packed best-fit decreasing, those of each group by themselves; the
worst-filled packs' pieces wait for the next window. Where that leaves much padding, documents are cut to fill it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from train.recipe import TrainError
from train.stream.cursor import Cursor
from train.stream.encoder import Encoder
from train.stream.mixture import DataSection, Shares, Source
from train.stream.packs import Pack, Piece, best_fit, cut, fill, spill
from train.stream.shards import Group, find, groups, read

_WINDOW = 128  # packs
_CARRY = 16  # packs whose pieces may wait for the next window
_FULL = 0.99
_WASTE = 0.02  # of the packs; beyond, documents are cut to fill them
_SAMPLE = 16  # groups, and documents of each, by which tokens are estimated


class Stream:
    """`packs` packs, the same for any number of workers; to be gone through once. state() is JSON: where to go on."""

    def __init__(
        self, data: DataSection, tokenizer: Any, *, length: int, seed: int, packs: int, workers: int | None = None,
        start: float = 0.0, end: float = 1.0, finished: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:  # fmt: skip
        """start, end: the part of the run that these packs are, for schedules. finished: gets the state at the end."""
        self.length, self.packs, self.start, self.end, self.finished = length, packs, start, end, finished
        workers = data.workers if workers is None else workers
        self._encoder = Encoder(tokenizer, workers)
        self._pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        parts = [(source, *part) for source in data.source for part in _parts(source)]
        if not parts:
            raise TrainError("data.source: none; a [[data.source]] with name and paths is wanted")
        if len({name for _, name, _ in parts}) < len(parts):
            raise TrainError("data.source: two have one name")
        self.cursors = [
            Cursor(
                name, found, self._encoder, column=source.column, length=length, seed=(seed, at), epochs=source.epochs,
                rehydrate=source.rehydrate, ahead=1 + 2 * workers,
            )
            for at, (source, name, found) in enumerate(parts)
        ]  # fmt: skip
        self._groups = {name: source.group for source, name, _ in parts}
        self.sizes = [self._size(cursor) for cursor in self.cursors]
        self.shares = Shares([source for source, _, _ in parts], self.sizes, data.temperature)
        self._made_of = {"tokenizer": self._encoder.fingerprint, **{each.name: _fingerprint(each) for each in self.cursors}}  # fmt: skip
        self._set({"behind": [0.0] * len(parts), "carry": [], "packs": 0, "skip": 0})

    def _size(self, cursor: Cursor) -> float:
        """Tokens an epoch, estimated: bytes of text times tokens a byte of a sample, repeats counted."""
        step = max(1, len(cursor.groups) // _SAMPLE)
        sample = [row for group in cursor.groups[::step] for row in islice(_with_text(cursor, [group]), _SAMPLE)]
        if not any(times > 0 for _, times in sample):
            sample += islice((row for row in _with_text(cursor, cursor.groups) if row[1] > 0), 1)
        if not any(times > 0 for _, times in sample):
            raise TrainError(
                f"data.source {cursor.name}: there is no document in its {cursor.rows:,} rows that is wanted once or more"
            )
        tokens = self._encoder.submit([text for text, _ in sample]).result()
        found = sum(len(each) * max(0, times) for each, (_, times) in zip(tokens, sample, strict=True))
        size = sum(len(text.encode()) for text, _ in sample)
        return sum(group.text_bytes for group in cursor.groups) * found / size

    def state(self) -> dict[str, Any]:
        start = self._windows[0]
        for window in self._windows[1:]:
            start = window if window["packs"] <= self._given else start
        return {**start, "skip": self._given - start["packs"], "made_of": self._made_of}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on there. Raises TrainError where the files, or how they are read, are not what they were."""
        old = state["made_of"]
        names, before = (", ".join(name for name in made if name != "tokenizer") for made in (self._made_of, old))
        if names != before:
            raise TrainError(f"data.source: the run began with {before}, not with {names}; {_AGAIN}")
        for name, made in self._made_of.items():
            if old[name] != made and name == "tokenizer":
                raise TrainError(f"data: the run began with another tokenizer; {_AGAIN}")
            if old[name] != made:
                raise TrainError(f"data.source {name}: its files, column or seed are not what they were; {_AGAIN}")
        self._set(state)

    def follow(self, state: Mapping[str, Any]) -> None:
        """Begin where another stream ended, of these sources but perhaps of another length."""
        self.restore({**state, "packs": 0, "skip": 0})

    def _set(self, state: Mapping[str, Any]) -> None:
        for cursor in self.cursors:
            cursor.restore(state["cursors"][cursor.name] if "cursors" in state else cursor.state())
        self._behind = list(state["behind"])
        self._carry = [piece for row in state["carry"] for piece in self._again(*row)]
        self._made, self._over = state["packs"], False
        self._given = state["packs"] + state["skip"]
        self._windows = [self._snapshot()]

    def _again(self, tokens: Sequence[int], following: int, source: str) -> list[Piece]:
        pieces = cut(np.array(tokens, np.int32), self.length, source)
        return [*pieces[:-1], pieces[-1]._replace(following=following)]

    def __iter__(self) -> Iterator[Pack]:
        try:
            while self._made < self.packs and not self._over:
                first = self._made
                bins = self._window()
                self._windows = [*self._windows[-1:], self._snapshot()]
                for pieces in bins[self._given - first :]:
                    self._given += 1
                    if self._given == self.packs and self.finished:
                        self.finished(self.state())
                    yield fill(pieces, self.length, self._pad)
        finally:
            self._encoder.close()

    def _snapshot(self) -> dict[str, Any]:
        carry = [[piece.tokens.tolist(), piece.following, piece.source] for piece in self._carry]
        cursors = {cursor.name: cursor.state() for cursor in self.cursors}
        return {"cursors": cursors, "behind": list(self._behind), "carry": carry, "packs": self._made}

    def _window(self) -> list[list[Piece]]:
        """The pieces of the next packs, in the order in which their longest pieces came."""
        left = self.packs - self._made
        wanted = min(_WINDOW, left)
        pieces = self._drawn(wanted * self.length)
        bins = self._bins(pieces)
        bins.sort(key=lambda each: -sum(len(pieces[at].tokens) for at in each))
        full = sum(sum(len(pieces[at].tokens) for at in each) >= _FULL * self.length for each in bins)
        kept = left if self._over or wanted == left else max(full, len(bins) - _CARRY)
        waiting = sorted(at for each in bins[kept:] for at in each)
        self._carry = [pieces[at] for at in waiting]
        packs: dict[str | None, list[list[Piece]]] = {}
        for each in sorted(bins[:kept], key=lambda each: each[0]):
            packs.setdefault(self._groups[pieces[each[0]].source], []).append([pieces[at] for at in each])
        made = _in_turn([spill(own, self.length, _WASTE) for own in packs.values()])
        self._made += len(made)
        return made

    def _drawn(self, wanted: int) -> list[Piece]:
        """Those that waited and new ones, of `wanted` tokens together, or fewer where the data is over."""
        pieces, held = self._carry, sum(len(piece.tokens) for piece in self._carry)
        while held < wanted and (piece := self._draw(held)):
            pieces.append(piece)
            held += len(piece.tokens)
        self._over = held < wanted
        return pieces

    def _bins(self, pieces: Sequence[Piece]) -> list[list[int]]:
        """Indices of the pieces of each pack; a pack is of one group."""
        members: dict[str | None, list[int]] = {}
        for at, piece in enumerate(pieces):
            members.setdefault(self._groups[piece.source], []).append(at)
        return [
            [own[at] for at in each]
            for own in members.values()
            for each in best_fit([len(pieces[at].tokens) for at in own], self.length)
        ]

    def _draw(self, held: int) -> Piece | None:
        done = min(1.0, (self._made * self.length + held) / (self.packs * self.length))
        shares = self.shares.at(self.start + done * (self.end - self.start))
        while any(shares):
            at = max((n for n, share in enumerate(shares) if share), key=lambda n: (self._behind[n], shares[n], -n))
            if piece := self.cursors[at].next():
                whole = sum(shares)
                for n, share in enumerate(shares):
                    self._behind[n] += len(piece.tokens) * share / whole
                self._behind[at] -= len(piece.tokens)
                return piece
            shares[at] = 0.0  # its epochs are over: the others take its share
        return None


_AGAIN = "set it back, or begin anew in another output"


def _in_turn(lists: Sequence[list[list[Piece]]]) -> list[list[Piece]]:
    """One list of several, each spread evenly over it."""
    places = sorted(((at + 0.5) / len(own), n, at) for n, own in enumerate(lists) for at in range(len(own)))
    return [lists[n][at] for _, n, at in places]


def _parts(source: Source) -> list[tuple[str, list[Group]]]:
    paths: dict[str, list[str]] = {}
    for path in find(source.paths):
        name = f"{source.name}/{Path(path).parent.name}" if source.by_folder else source.name
        paths.setdefault(name, []).append(path)
    return [(name, [g for path in own for g in groups(path, column=source.column)]) for name, own in paths.items()]


def _with_text(cursor: Cursor, of: Sequence[Group]) -> Iterator[tuple[str, int]]:
    """(text, how often it is wanted)"""
    for group in of:
        for text, repeats in read(group, column=cursor.column, repeats=cursor.rehydrate):
            if text:
                yield text, repeats if cursor.rehydrate else 1


def _fingerprint(cursor: Cursor) -> str:
    """Of what a place in the source rests on: its files' paths, sizes and rows, and how they are read."""
    sizes = {group.path: Path(group.path).stat().st_size for group in cursor.groups}
    files = [(group.path, sizes[group.path], group.index, group.rows, group.text_bytes) for group in cursor.groups]
    read_so = [cursor.column, cursor.rehydrate, cursor.repeats, list(cursor.seed)]
    return xxhash.xxh3_64_hexdigest(json.dumps([files, read_so]).encode())
