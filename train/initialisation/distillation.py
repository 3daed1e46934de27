"""Rows that do what a token's pieces did: AweDist, token distillation (Dobler et al. 2025, arXiv:2505.20133).

The teacher reads a snippet in old pieces, the student in new tokens; the last hidden states, after the last norm, are to
be the same at the end of each token, from the first new one on (before it both read the same). The teacher's spelling is
known for each token, so that its positions are counted, not found.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from train.initialisation.rows import Places, Text, places, read, training
from train.initialisation.vocabulary import VocabularyChange
from train.loss import chunked_cross_entropy
from train.optimisation.objective import Objective
from train.recipe import TrainError

BATCH = 16  # snippets
LENGTH = 50  # new tokens of a snippet
OCCURRENCES = 100  # of a new token that snippets are laid around
# The paper's 1e-4, in shares of the old rows' root mean square, which is about 0.01 in models of some billion weights;
# a small model's rows are larger, and would hardly move
_RATE = 1e-2


@dataclass(frozen=True)
class Snippets:
    """A batch: what student and teacher read, right-padded, and where they are compared."""

    student: dict[str, Tensor]  # input_ids, labels, position_ids, document_ids: [B, T]
    teacher: dict[str, Tensor]  # the same without labels: [B, T']
    ends: Tensor  # [B, T] the teacher's place of the last piece of each of the student's tokens
    compared: Tensor  # bool [B, T]


class Spelling:
    """Snippets of a text, and the pieces of its tokens."""

    def __init__(self, text: Text, numbers: Places, begin: int, longest: int) -> None:
        """begin: the token before each snippet, so that no compared token is the first, whose state is like no other's.

        longest: pieces of a snippet, at most.
        """
        self.text, self.begin, self.longest = text, begin, longest
        self.pieces = dict(zip(numbers.new.tolist(), numbers.pieces, strict=True))

    def starts(self, seed: int) -> np.ndarray:
        """Where snippets start, in random order: around up to 100 places of each new token, which is in the first half."""
        random = np.random.default_rng(seed)
        order = random.permutation(np.flatnonzero(np.isin(self.text.ids, list(self.pieces))))
        order = order[np.argsort(self.text.ids[order], kind="stable")]
        _, first, counts = np.unique(self.text.ids[order], return_index=True, return_counts=True)
        ranks = np.arange(len(order)) - np.repeat(first, counts)
        chosen = random.permutation(order[ranks < OCCURRENCES])
        opening = np.searchsorted(self.text.documents, self.text.documents[chosen])
        return np.maximum(opening, chosen - random.integers(0, LENGTH // 2, len(chosen)))

    def snippet(self, start: int) -> tuple[list[int], list[list[int]]]:
        """Tokens from a place to the end of the document at most, and the pieces of each."""
        end = min(start + LENGTH, int(np.searchsorted(self.text.documents, self.text.documents[start], "right")))
        tokens = [self.begin, *self.text.ids[start:end].tolist()]
        pieces = [list(self.pieces.get(token, (token,))) for token in tokens]
        room = int((np.cumsum([len(each) for each in pieces]) <= self.longest).sum())
        return tokens[:room], pieces[:room]

    def batch(self, starts: np.ndarray, device: torch.device) -> Snippets:
        found = [self.snippet(int(start)) for start in starts]
        tokens = [each for each, _ in found]
        labels = [[*each[1:], -100] for each in tokens]
        ends = [(np.cumsum([len(each) for each in pieces]) - 1).tolist() for _, pieces in found]
        is_new = [np.isin(each, list(self.pieces)) for each in tokens]
        compared = [np.logical_or.accumulate(each).tolist() for each in is_new]
        student = {**_padded(tokens, device), "labels": _square(labels, -100, device)}
        teacher = _padded([[piece for each in pieces for piece in each] for _, pieces in found], device)
        return Snippets(student, teacher, _square(ends, 0, device), _square(compared, 0, device).bool())


def _padded(rows: list[list[int]], device: torch.device) -> dict[str, Tensor]:
    return {
        "input_ids": _square(rows, 0, device),
        "position_ids": _square([list(range(len(row))) for row in rows], 0, device),
        "document_ids": _square([[0] * len(row) for row in rows], -1, device),
    }


def _square(rows: list[list[int]], filling: int, device: torch.device) -> Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [filling] * (width - len(row)) for row in rows], device=device)


def distance(objective: Objective, snippets: Snippets) -> tuple[Tensor, Tensor]:
    """The mean squared error over the compared positions and the width, and the student's states [B, T, d]."""
    with torch.no_grad():
        teacher = objective.hidden(snippets.teacher)
    wanted = teacher.gather(1, snippets.ends[..., None].expand(-1, -1, teacher.shape[2]))
    student = objective.hidden(snippets.student)
    return mse_loss(student[snippets.compared].float(), wanted[snippets.compared].float()), student


def _predicting(model: PreTrainedModel, objective: Objective, states: Tensor, labels: Tensor) -> Tensor:
    """The mean loss of predicting the next token from fixed states: a gradient of the output matrix alone."""
    output = model.get_output_embeddings()
    bias = getattr(output, "bias", None)
    total, count = chunked_cross_entropy(states.detach(), output.weight, labels, bias=bias, head=objective.head)
    return total / count.clamp_min(1)


def distillation(
    model: PreTrainedModel,
    change: VocabularyChange,
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterator[str],
    *,
    steps: int,
    seed: int,
) -> None:
    """Learn the new rows of the input matrix by the distance, those of the output matrix by the loss of predicting them.

    In a tied model the same rows have both losses. The distance alone, as in the paper, would not tell when a new token
    is to come; the second loss has no gradient to the input, whose rows stay the distance's. Raises TrainError.
    """
    if not change.added:
        return
    numbers = places(change, model.device)
    text = read(tokenizer, texts, steps * BATCH * LENGTH)
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 1 << 20
    spelling = Spelling(text, numbers, begin, longest)
    order = spelling.starts(seed)
    if not len(order):
        raise TrainError("embeddings: no new token occurs in the texts; give text in the language that they are for")
    with training(model, numbers.new) as rows:
        made = [nn.Parameter(each) for each in rows.rows()]
        rates = [_RATE * float(matrix.detach()[numbers.old].float().square().mean().sqrt()) for matrix in rows.matrices]
        groups = [{"params": [each], "lr": rate} for each, rate in zip(made, rates, strict=True)]
        optimiser, objective = torch.optim.AdamW(groups, weight_decay=0.0), Objective(model)
        for step in range(steps):
            chosen = order.take(range(step * BATCH, (step + 1) * BATCH), mode="wrap")
            snippets = spelling.batch(chosen, model.device)
            rows.write(made)
            apart, states = distance(objective, snippets)
            loss = apart + _predicting(model, objective, states, snippets.student["labels"])
            optimiser.zero_grad()
            rows.backward(loss, made)
            optimiser.step()
        rows.write(made)
