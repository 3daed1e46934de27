"""Bits per byte on held-out text while training runs: what is gained, and what is forgotten."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from train.optimisation.batches import batch_of, stack
from train.optimisation.distributed import World, settle
from train.optimisation.objective import Objective
from train.recipe import TrainError


@dataclass(frozen=True)
class Window:
    """A part of a document with all its labels, padded to one length; a pack of its own."""

    input_ids: np.ndarray
    labels: np.ndarray
    position_ids: np.ndarray
    document_ids: np.ndarray


@dataclass(frozen=True)
class Held:
    """Held-out text under a name, cut into windows. adapter: the one to use, where there are several."""

    name: str
    windows: tuple[Window, ...]
    bytes: int
    adapter: str | None = None


def held(name: str, texts: Iterable[str], tokenizer: PreTrainedTokenizerBase, length: int, adapter: str | None = None) -> Held:  # fmt: skip
    """Every token of every text is predicted once: the first from a token that begins texts (else one that ends them),
    the first of a later window from the last of the window before. Special tokens are not in the bytes."""
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    windows, size = [], 0
    for text in texts:
        tokens = tokenizer.encode(text, add_special_tokens=False)
        whole = tokens if begin is None else [begin, *tokens]
        windows += [_window(whole[at : at + length + 1], length) for at in range(0, len(whole) - 1, length)]
        size += len(text.encode())
    if not windows:
        raise TrainError(f"cpt.watch: {name}: no text in it")
    return Held(name, tuple(windows), size, adapter)


def _window(tokens: Sequence[int], length: int) -> Window:
    count = len(tokens) - 1
    padded = np.zeros((3, length), np.int32)
    labels = np.full(length, -100, np.int32)
    padded[0, :count], labels[:count] = tokens[:-1], tokens[1:]
    padded[1, :count] = np.arange(count)
    padded[2, count:] = -1
    return Window(padded[0], labels, padded[1], padded[2])


@torch.no_grad()
def bits_per_byte(objective: Objective, text: Held, size: int, where: World) -> float:
    """Nats over ln 2 and bytes. size: windows a pass, in each process."""
    objective.eval()
    nats = 0.0
    for start in range(0, len(text.windows), size * where.size):
        mine = text.windows[start + where.rank * size :][:size]
        columns = stack(mine or text.windows[:1])
        if not mine:
            columns[1] = -100  # every process takes part in each pass
        nats += float(objective(batch_of(columns, where.device)))
    settle(objective)
    objective.train()
    return where.total(nats) / math.log(2) / text.bytes
