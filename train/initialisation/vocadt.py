"""New rows as learned linear combinations of old ones: after VocADT (Han et al. 2025, arXiv:2410.09644).

The combination runs over a few candidates for each token, not over the whole vocabulary: with 100,000 old and 16,000 new
tokens a full matrix of weights would have 1.6 billion.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, normalize
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from train.initialisation.rows import BATCH, LENGTH, Places, mean_loss, places, read, training
from train.initialisation.vocabulary import VocabularyChange
from train.optimisation.objective import Objective

NEAREST = 16  # candidates of a token beside its pieces
_RATE = 1e-2  # Adam's; a piece starts with a weight of 1 / pieces
_CHUNK_FLOATS = 1 << 26


class Combination(nn.Module):
    """Weights [n, k] of candidates [n, k] among fixed rows [m, d]; they start as the mean of each token's pieces."""

    def __init__(self, rows: Tensor, numbers: Places) -> None:
        """rows: those of numbers.old."""
        super().__init__()
        self.rows = rows.detach().float()
        self.candidates, shares = candidates(self.rows, numbers)
        self.weights = nn.Parameter(shares)

    def forward(self, which: Tensor | None = None) -> Tensor:
        """[n, d], or the rows of the tokens with these numbers. Its gradient is the weights' alone."""
        weights, chosen = self.weights, self.candidates
        return combine(self.rows, *((chosen, weights) if which is None else (chosen[which], weights[which])))


def combine(rows: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
    """[n, d]: the sums of weights [n, k] times rows [n, k] of [m, d], which are never held as [n, k, d]."""
    made: Tensor = embedding_bag(chosen, rows, mode="sum", per_sample_weights=weights)
    return made


def candidates(rows: Tensor, numbers: Places, nearest: int = NEAREST) -> tuple[Tensor, Tensor]:
    """For each new token, k rows of `rows` [m, d]: its pieces, then those nearest to their mean by the cosine.

    Numbers [n, k] into `rows`, and each one's share in the mean of the pieces, 0 for those that are none. k: the most
    different pieces that a token has, plus `nearest`.
    """
    pieces = [torch.searchsorted(numbers.old, torch.tensor(each, device=rows.device)) for each in numbers.pieces]
    k = min(len(rows), max(len(each.unique()) for each in pieces) + nearest)
    unit, size = normalize(rows, dim=1), max(1, _CHUNK_FLOATS // len(rows))
    found = []
    for start in range(0, len(pieces), size):
        part = pieces[start : start + size]
        share = torch.stack([torch.bincount(each, minlength=len(rows)) / len(each) for each in part])
        means = torch.stack([rows[each].mean(0) for each in part])
        cosine = normalize(means, dim=1) @ unit.T
        chosen = cosine.masked_fill_(share > 0, torch.inf).topk(k, dim=1).indices
        found.append((chosen, share.gather(1, chosen)))
    chosen, shares = (torch.cat(each) for each in zip(*found, strict=True))
    return chosen, shares


def vocadt(
    model: PreTrainedModel,
    change: VocabularyChange,
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterator[str],
    *,
    steps: int,
    seed: int,
) -> None:
    """Learn the weights of both matrices by the loss of predicting `texts`, all else frozen, then fold them in.

    Raises TrainError.
    """
    if not change.added:
        return
    numbers = places(change, model.device)
    text = read(tokenizer, texts, steps * BATCH * LENGTH)
    with training(model, numbers.new) as rows:
        made = nn.ModuleList(Combination(matrix[numbers.old], numbers) for matrix in rows.matrices)
        optimiser, objective = torch.optim.Adam(made.parameters(), lr=_RATE), Objective(model)
        for batch in text.batches(steps, seed, model.device):
            found = [each() for each in made]
            rows.write(found)
            optimiser.zero_grad()
            rows.backward(mean_loss(objective, batch), found)
            optimiser.step()
        rows.write([each() for each in made])
