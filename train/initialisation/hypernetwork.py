"""Rows predicted from the rows of a token's pieces by a small transformer: after ZETT (Minixhofer et al. 2024, arXiv:2405.07883).

First it learns to give each old token's row from those of the two tokens that it was merged from, then to make rows that
predict text well. It starts from the mean of the pieces.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from train.initialisation.rows import BATCH, LENGTH, NewRows, mean_loss, places, read, training
from train.initialisation.vocabulary import VocabularyChange
from train.optimisation.objective import Objective

_HEADS = 4
_LAYERS = 2
_WIDTH = 512  # at most
_RATE = 1e-3
_RATE_ON_TEXT = 3e-4
_MERGED = 512  # old tokens of a step of the first part
_SHARE = 0.5  # of the steps that the first part takes


class Hypernetwork(nn.Module):
    """The pieces' rows of all matrices side by side -> the token's rows: their mean, and what two layers add to it."""

    def __init__(self, matrices: Sequence[Tensor], longest: int) -> None:
        """matrices: [V, d] each, whose old rows do not change; longest: pieces of a token, at most."""
        super().__init__()
        self.matrices = [each.detach() for each in matrices]
        sizes = [each.shape[1] for each in matrices]
        width = min(_WIDTH, -(-sum(sizes) // _HEADS) * _HEADS)
        self.scales = [float(each.detach().float().square().mean().sqrt()) for each in matrices]
        self.enter = nn.Linear(sum(sizes), width)
        self.position = nn.Embedding(longest, width)
        layer = nn.TransformerEncoderLayer(width, _HEADS, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)
        self.leave = nn.Linear(width, sum(sizes))
        nn.init.zeros_(self.leave.weight)  # at the start it adds nothing
        nn.init.zeros_(self.leave.bias)
        self.sizes = sizes

    def forward(self, pieces: Sequence[Sequence[int]]) -> list[Tensor]:
        """fp32 [n, d] for each matrix."""
        device = self.matrices[0].device
        ids = pad_sequence([torch.tensor(each) for each in pieces], batch_first=True, padding_value=-1).to(device)
        there = (ids >= 0)[..., None]
        given = [matrix[ids.clamp_min(0)].float() for matrix in self.matrices]
        entering = torch.cat([rows / scale for rows, scale in zip(given, self.scales, strict=True)], dim=-1)
        states = self.enter(entering) + self.position.weight[: ids.shape[1]]
        states = self.layers(states, src_key_padding_mask=~there[..., 0])
        added = self.leave(_mean(states, there)).split(self.sizes, dim=-1)
        return [
            _lengthened(_mean(rows, there), more * scale, scale)
            for rows, more, scale in zip(given, added, self.scales, strict=True)
        ]


def _mean(states: Tensor, there: Tensor) -> Tensor:
    return (states * there).sum(1) / there.sum(1)


def _lengthened(mean: Tensor, more: Tensor, scale: float) -> Tensor:
    """The sum, at most as long as the mean or as old rows are: longer ones would outbid all old tokens."""
    made, longest = mean + more, mean.norm(dim=1, keepdim=True).clamp_min(scale * mean.shape[1] ** 0.5)
    return made * (longest / made.norm(dim=1, keepdim=True).clamp_min(1e-12)).clamp_max(1.0)


def merged(tokenizer: PreTrainedTokenizerBase, old: Sequence[int]) -> list[tuple[int, tuple[int, int]]]:
    """Each old token that a merge makes of two old ones, and these. None where the tokenizer has no merges."""
    model: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    vocabulary, known = model["vocab"], set(old)
    found: dict[int, tuple[int, int]] = {}
    for merge in model.get("merges", ()):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        ids = vocabulary[left + right], vocabulary[left], vocabulary[right]
        if known.issuperset(ids):
            found.setdefault(ids[0], ids[1:])
    return list(found.items())


def reproduction(network: Hypernetwork, some: Sequence[tuple[int, tuple[int, int]]]) -> Tensor:
    """The mean squared error of old tokens' rows predicted from their parts, in the rows' own mean squares."""
    made, ids = network([parts for _, parts in some]), [token for token, _ in some]
    pairs = zip(made, network.matrices, network.scales, strict=True)
    return torch.stack([mse_loss(rows, matrix[ids].float()) / scale**2 for rows, matrix, scale in pairs]).mean()


def hypernetwork(
    model: PreTrainedModel,
    change: VocabularyChange,
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterator[str],
    *,
    steps: int,
    seed: int,
) -> None:
    """Train the network, half of the steps each on old tokens and on `texts`, and write the rows that it predicts.

    Raises TrainError.
    """
    if not change.added:
        return
    numbers = places(change, model.device)
    text = read(tokenizer, texts, steps * BATCH * LENGTH)
    generator = torch.Generator().manual_seed(seed)
    with training(model, numbers.new) as rows, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Hypernetwork(rows.matrices, max(map(len, numbers.pieces))).to(model.device)
        examples = merged(tokenizer, numbers.old.tolist())
        first = int(_SHARE * steps) if examples else 0
        optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=0.0)
        for _ in range(first):
            some = torch.randint(len(examples), (min(_MERGED, len(examples)),), generator=generator)
            optimiser.zero_grad()
            reproduction(network, [examples[at] for at in some.tolist()]).backward()
            optimiser.step()
        _predict(network, rows, numbers.pieces)
        optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE_ON_TEXT, weight_decay=0.0)
        objective = Objective(model)
        for batch in text.batches(steps - first, seed, model.device):
            # tokens out of the batch keep the rows that they were last given
            which = torch.isin(numbers.new, batch["input_ids"].unique()).nonzero()[:, 0]
            if not len(which):
                continue
            made = network([numbers.pieces[at] for at in which.tolist()])
            rows.write(made, which)
            optimiser.zero_grad()
            rows.backward(mean_loss(objective, batch), made, which)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
        _predict(network, rows, numbers.pieces)


@torch.no_grad()
def _predict(network: Hypernetwork, rows: NewRows, pieces: Sequence[Sequence[int]]) -> None:
    for part in torch.arange(len(pieces), device=rows.ids.device).split(_MERGED):
        rows.write(network([pieces[at] for at in part.tolist()]), part)
