"""Batches of packs from a stream, the next one read while the step runs.

The first process reads and sends to the others, so that any number of processes trains on the same stream.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from train.optimisation.distributed import World
from train.recipe import TrainError

COLUMNS = ("input_ids", "labels", "position_ids", "document_ids")


class Pack(Protocol):
    """int32 arrays of one length, as train.stream makes them; it may have `sources`, names for messages."""

    @property
    def input_ids(self) -> np.ndarray: ...
    @property
    def labels(self) -> np.ndarray: ...
    @property
    def position_ids(self) -> np.ndarray: ...
    @property
    def document_ids(self) -> np.ndarray: ...


class Stream(Protocol):
    """Packs without end, or until the data ends; state() is JSON: where to go on after the last pack that was given."""

    def __iter__(self) -> Iterator[Any]: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Read:
    """The packs of one step. packs and state are the first process's alone."""

    columns: Tensor  # int32 [4, packs, T], of all processes
    packs: Sequence[Any]
    state: Mapping[str, Any]

    @property
    def labels(self) -> int:
        return int((self.columns[1] != -100).sum())


class Batches:
    """`steps` batches of `size` packs. Raises TrainError where the data ends before."""

    def __init__(self, stream: Stream | None, size: int, steps: int, where: World) -> None:
        """stream: None in processes other than the first."""
        self.stream, self.size, self.steps, self.where = stream, size, steps, where

    def __iter__(self) -> Iterator[Read]:
        if self.stream is None:
            for _ in range(self.steps):
                yield Read(self._receive(), (), {})
            return
        packs = iter(self.stream)
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self._read, packs)
            for step in range(self.steps):
                read = ahead.result()
                if step + 1 < self.steps:
                    ahead = reader.submit(self._read, packs)
                self._send(read)
                if read is None:
                    raise TrainError(f"the data ends after {step} steps of {self.steps}; repeat it or take fewer steps")
                yield read

    def _read(self, packs: Iterator[Any]) -> Read | None:
        taken = list(itertools.islice(packs, self.size))
        if len(taken) < self.size or self.stream is None:
            return None
        return Read(stack(taken), taken, self.stream.state())

    def _send(self, read: Read | None) -> None:
        if self.where.size == 1:
            return
        shape = torch.tensor(read.columns.shape if read else (0, 0, 0))
        dist.broadcast(shape, 0)
        if read:
            dist.broadcast(read.columns, 0)

    def _receive(self) -> Tensor:
        shape = torch.zeros(3, dtype=torch.int64)
        dist.broadcast(shape, 0)
        if not shape[0]:
            raise TrainError("the data ends before the steps do")
        columns = torch.empty(shape.tolist(), dtype=torch.int32)
        dist.broadcast(columns, 0)
        return columns


def stack(packs: Sequence[Pack]) -> Tensor:
    """int32 [4, packs, T]."""
    return torch.from_numpy(np.stack([np.stack([getattr(pack, name) for pack in packs]) for name in COLUMNS]))


def batch_of(columns: Tensor, device: torch.device) -> dict[str, Tensor]:
    """int64 [packs, T] by name."""
    moved = columns.to(device, non_blocking=True).long()
    return dict(zip(COLUMNS, moved, strict=True))


def pairs(columns: Tensor) -> int:
    """How many tokens all tokens see together: a token at position p of its document sees p + 1."""
    return int((columns[2] + 1)[columns[3] >= 0].sum(dtype=torch.int64))
