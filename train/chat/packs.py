"""Conversations as packs: side by side under document masks, labels where the assistant speaks, nothing cut."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from train.chat.template import Spoken
from train.stream.packs import IGNORED, Pack, Piece, best_fit, fill

WINDOW = 4096  # conversations that are packed together


class Conversations:
    """Packs of all conversations, again and again, in another order each time; a Stream for train.loop.

    state: JSON, where to go on.
    """

    def __init__(self, spoken: Sequence[Spoken], *, length: int, pad: int, seed: int) -> None:
        self.spoken, self.length, self.pad, self.seed = spoken, length, pad, seed
        self.epoch = self.given = 0
        self._bins = self._arranged(0)

    @property
    def packs(self) -> int:
        """In the first epoch; later ones may have one more or less."""
        return len(self._arranged(0))

    def __iter__(self) -> Iterator[Pack]:
        while True:
            while self.given < len(self._bins):
                chosen = self._bins[self.given]
                self.given += 1
                yield self._pack([self.spoken[at] for at in chosen])
            self.epoch, self.given = self.epoch + 1, 0
            self._bins = self._arranged(self.epoch)

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "given": self.given}

    def restore(self, state: dict[str, Any]) -> None:
        self.epoch, self.given = state["epoch"], state["given"]
        self._bins = self._arranged(self.epoch)

    def _arranged(self, epoch: int) -> list[list[int]]:
        """The conversations of each pack of an epoch."""
        draw = np.random.default_rng([self.seed, epoch])
        order = draw.permutation(len(self.spoken))
        bins: list[list[int]] = []
        for start in range(0, len(order), WINDOW):
            window = order[start : start + WINDOW]
            found = best_fit([len(self.spoken[at].tokens) for at in window], self.length)
            bins += [[int(window[at]) for at in chosen] for chosen in found]
        return [bins[at] for at in draw.permutation(len(bins))]

    def _pack(self, chosen: Sequence[Spoken]) -> Pack:
        pack = fill([Piece(each.tokens, IGNORED, "sft") for each in chosen], self.length, self.pad)
        learned = np.concatenate([np.append(each.learned[1:], False) for each in chosen])
        pack.labels[: len(learned)][~learned] = IGNORED
        return pack


def texts_spoken(texts: Iterator[np.ndarray], tokens: int, length: int) -> list[Spoken]:
    """Plain texts of about `tokens` tokens in all, each token to be learned, cut at `length`."""
    found: list[Spoken] = []
    taken = 0
    for ids in texts:
        for start in range(0, len(ids), length):
            part = ids[start : start + length]
            if taken >= tokens or len(part) < 2:
                break
            found.append(Spoken(part, np.ones(len(part), bool)))
            taken += len(part)
        if taken >= tokens:
            break
    return found
