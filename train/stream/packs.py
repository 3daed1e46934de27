"""Packs: documents side by side in arrays of one length, and which piece goes into which pack."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

IGNORED = -100  # the label of a position that has none


class Piece(NamedTuple):
    """A document, or a part of one that is longer than a pack. int32; `following`: the next token, -100 at the end."""

    tokens: np.ndarray
    following: int
    source: str


@dataclass(frozen=True, slots=True)
class Pack:
    """int32 arrays of one length; document_ids is -1 at padding."""

    input_ids: np.ndarray
    labels: np.ndarray
    position_ids: np.ndarray
    document_ids: np.ndarray
    sources: tuple[str, ...]  # of each piece


def cut(tokens: np.ndarray, length: int, source: str) -> list[Piece]:
    """A document's pieces: the label at the end of a piece is the first token of the next, so that no token is lost."""
    ends = range(length, len(tokens), length)
    starts = range(0, len(tokens), length)
    following = [*(int(tokens[end]) for end in ends), IGNORED]
    return [Piece(tokens[at : at + length], after, source) for at, after in zip(starts, following, strict=True)]


def best_fit(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Best-fit decreasing: bins of indices, each piece in the fullest bin that has room, longest first."""
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (left, bin), sorted
    for at in sorted(range(len(lengths)), key=lambda at: (-lengths[at], at)):
        place = bisect_left(room, (lengths[at], -1))
        left, number = room.pop(place) if place < len(room) else (capacity, len(bins))
        if number == len(bins):
            bins.append([])
        bins[number].append(at)
        insort(room, (left - lengths[at], number))
    return bins


def spill(packs: list[list[Piece]], length: int, waste: float) -> list[list[Piece]]:
    """Fewer packs where more than `waste` of them is padding: what the emptiest hold is cut to fill the others.

    Documents just over half a pack would leave a third of it empty. The order of those left is as it was.
    """
    room = [length - sum(len(piece.tokens) for piece in pack) for pack in packs]
    order = sorted(range(len(packs)), key=lambda at: room[at])  # fullest first
    left = sum(room)
    while left > waste * length * len(order) and left >= length:
        loose = order.pop()
        left -= length
        room[loose] = 0
        for piece in packs[loose]:
            while len(piece.tokens):
                at = max(order, key=lambda at: room[at])
                head, piece = _split(piece, room[at])
                packs[at].append(head)
                room[at] -= len(head.tokens)
    return [packs[at] for at in sorted(order)]


def _split(piece: Piece, at: int) -> tuple[Piece, Piece]:
    following = int(piece.tokens[at]) if at < len(piece.tokens) else piece.following
    return piece._replace(tokens=piece.tokens[:at], following=following), piece._replace(tokens=piece.tokens[at:])


def fill(pieces: Sequence[Piece], length: int, pad: int) -> Pack:
    inputs, labels = np.full(length, pad, np.int32), np.full(length, IGNORED, np.int32)
    positions, documents = np.zeros(length, np.int32), np.full(length, -1, np.int32)
    at = 0
    for number, piece in enumerate(pieces):
        end = at + len(piece.tokens)
        inputs[at:end], labels[at : end - 1], labels[end - 1] = piece.tokens, piece.tokens[1:], piece.following
        positions[at:end], documents[at:end] = np.arange(end - at), number
        at = end
    return Pack(inputs, labels, positions, documents, tuple(piece.source for piece in pieces))
