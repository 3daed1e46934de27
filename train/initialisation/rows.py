"""What the learned methods share: new rows in a model whose other weights stay as they are, and the text they learn from."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from train.initialisation.vocabulary import VocabularyChange
from train.loss import IGNORED
from train.optimisation.objective import Batch, Objective
from train.recipe import TrainError
from train.stream.encoder import Encoder

_LEAST = 3  # tokens; an empty text has two, the marks at its ends
BATCH = 16  # windows of a step of language modelling
LENGTH = 128  # tokens of a window


@dataclass(frozen=True)
class Places:
    """Where an expanded model has the rows of old and new tokens."""

    new: Tensor  # [n] ids of the new tokens
    old: Tensor  # [m] ids of the others, ascending
    pieces: tuple[tuple[int, ...], ...]  # of each new token, as ids of the expanded model


def places(change: VocabularyChange, device: torch.device) -> Places:
    """Raises TrainError where the new vocabulary has lost the pieces, and with them their rows."""
    moved: dict[int, int] = {}
    for new_id, old_id in change.kept.items():
        moved.setdefault(old_id, new_id)
    lost = {piece for pieces in change.pieces for piece in pieces} - moved.keys()
    if lost:
        raise TrainError(
            f"embeddings: {len(lost)} old tokens that spell new ones are not in the new tokenizer (old id {min(lost)}),"
            " and a learned method wants their rows; extend the vocabulary instead of replacing it, or take subtoken_mean"
        )
    pieces = tuple(tuple(moved[piece] for piece in pieces) for pieces in change.pieces)
    return Places(
        torch.tensor(change.added, dtype=torch.int64, device=device),
        torch.tensor(sorted(change.kept), dtype=torch.int64, device=device),
        pieces,
    )


class NewRows:
    """The new tokens' rows in the input matrix, and in the output matrix where it is another."""

    def __init__(self, model: PreTrainedModel, ids: Tensor) -> None:
        given, written = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        self.ids = ids
        self.matrices: list[nn.Parameter] = [given] if given is written else [given, written]

    def rows(self) -> list[Tensor]:
        """fp32 copies, [n, d] each."""
        return [matrix.detach()[self.ids].float() for matrix in self.matrices]

    @torch.no_grad()
    def write(self, rows: Sequence[Tensor], which: Tensor | None = None) -> None:
        """which: their numbers among the new tokens, where they are not all."""
        ids = self.ids if which is None else self.ids[which]
        for matrix, made in zip(self.matrices, rows, strict=True):
            matrix[ids] = made.to(matrix.dtype)

    def backward(self, loss: Tensor, rows: Sequence[Tensor], which: Tensor | None = None) -> None:
        """The gradient of a loss under rows that were written goes on to what these were made from, and nowhere else.

        It is taken at the matrices, where the model's own layers look rows up however they do (scaled, normed, tied).
        """
        loss.backward()
        ids = self.ids if which is None else self.ids[which]
        slopes = [_slope(matrix)[ids].to(made.dtype) for matrix, made in zip(self.matrices, rows, strict=True)]
        torch.autograd.backward(list(rows), slopes)
        for matrix in self.matrices:
            matrix.grad = None


def _slope(matrix: nn.Parameter) -> Tensor:
    return torch.zeros_like(matrix) if matrix.grad is None else matrix.grad


@contextmanager
def training(model: PreTrainedModel, ids: Tensor) -> Iterator[NewRows]:
    """The new rows, with a model around them that is frozen and drops nothing out; after it, as it was."""
    rows, mode = NewRows(model, ids), model.training
    wanted = [(each, each.requires_grad) for each in model.parameters()]
    model.eval().requires_grad_(False)
    for matrix in rows.matrices:
        matrix.requires_grad_(True)
    try:
        yield rows
    finally:
        model.train(mode)
        for each, was in wanted:
            each.requires_grad_(was)
            each.grad = None


@dataclass(frozen=True)
class Text:
    """Documents in one array of tokens, with the marks at their ends that training gives them."""

    ids: np.ndarray  # int32
    documents: np.ndarray  # the number of the document that each token is in

    def windows(self, starts: np.ndarray, length: int, device: torch.device) -> dict[str, Tensor]:
        """Batches as the objective takes them: int64 [windows, length] by name."""
        places = starts[:, None] + np.arange(length + 1)
        ids, documents = self.ids[places], self.documents[places]
        labels = np.where(documents[:, 1:] == documents[:, :-1], ids[:, 1:], IGNORED)
        within = np.arange(length) - np.argmax(documents[:, :-1, None] == documents[:, None, :-1], axis=2)
        found = {"input_ids": ids[:, :-1], "labels": labels, "position_ids": within, "document_ids": documents[:, :-1]}
        return {name: torch.from_numpy(np.ascontiguousarray(each)).long().to(device) for name, each in found.items()}

    def batches(self, steps: int, seed: int, device: torch.device) -> Iterator[dict[str, Tensor]]:
        """Random windows of language modelling, for each step."""
        random = np.random.default_rng(seed)
        length = min(LENGTH, len(self.ids) - 1)
        for _ in range(steps):
            yield self.windows(random.integers(0, len(self.ids) - length, BATCH), length, device)


def mean_loss(objective: Objective, batch: Batch) -> Tensor:
    """In nats per label."""
    count = (batch["labels"] != IGNORED).sum().clamp_min(1)
    loss: Tensor = objective(batch) / count
    return loss


def read(tokenizer: PreTrainedTokenizerBase, texts: Iterator[str], tokens: int) -> Text:
    """The first texts, until there are so many tokens or no more texts. Raises TrainError where there are none."""
    found: list[np.ndarray] = []
    size = 0
    with closing(Encoder(tokenizer, 0)) as encoder:
        for text in texts:
            found += encoder.submit([text]).result()
            size += len(found[-1])
            if size >= tokens:
                break
    if size < _LEAST:
        raise TrainError("embeddings: a learned method wants text in the new language; there is none")
    numbers = np.repeat(np.arange(len(found)), [len(each) for each in found])
    return Text(np.concatenate(found), numbers)
