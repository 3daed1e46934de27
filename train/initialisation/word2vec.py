"""Rows by constrained word2vec: skip-gram whose vectors of new tokens are convex combinations of old rows.

CW2V (Nag et al. 2024, arXiv:2407.05841): a new token's centre vector is softmax(A) E and its context vector softmax(B) H,
of old rows of the input and output matrix (E for both where they are tied); old tokens keep theirs. Here the softmax runs
over a few candidates for each token, as the memory of a full A would be that of all weights of VocADT.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, logsigmoid
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from train.initialisation.rows import Places, Text, places, read, training
from train.initialisation.vocabulary import VocabularyChange
from train.initialisation.vocadt import candidates, combine

WINDOW = 5
NEGATIVES = 5
POWER = 0.75  # of the frequencies that negatives are drawn by (Mikolov et al. 2013)
PAIRS = 4096  # of a step
TOKENS = 5_000_000  # of text at most
# Adam's; the paper's 1e-3 is for epochs: in some hundred steps a logit would not move by one
_RATE = 5e-2
_REST = 0.05  # the share of the candidates that are no pieces, at the start


class ConvexRows(nn.Module):
    """The vectors of all tokens: fixed rows of old ones, softmax(logits [n, k]) over candidates for new ones."""

    def __init__(self, matrix: Tensor, numbers: Places) -> None:
        super().__init__()
        self.rows = matrix.detach()[numbers.old].float()
        self.candidates, shares = candidates(self.rows, numbers)
        start = (1 - _REST) * shares + _REST / shares.shape[1]
        self.logits = nn.Parameter(start.log())
        self.number = torch.zeros(len(matrix), dtype=torch.int64, device=matrix.device)
        self.number[numbers.old] = torch.arange(len(numbers.old), device=matrix.device)
        self.number[numbers.new] = torch.arange(len(numbers.new), device=matrix.device)
        self.is_new = torch.zeros(len(matrix), dtype=torch.bool, device=matrix.device)
        self.is_new[numbers.new] = True

    def new(self, which: Tensor | None = None) -> Tensor:
        """[n, d], or those of the tokens with these numbers."""
        logits, chosen = self.logits, self.candidates
        return combine(self.rows, *((chosen, logits.softmax(1)) if which is None else (chosen[which], logits[which].softmax(1))))  # fmt: skip

    def forward(self, ids: Tensor) -> Tensor:
        """[..., d] of tokens [...]."""
        flat, is_new = self.number[ids.reshape(-1)], self.is_new[ids.reshape(-1)]
        seen, places = flat[is_new].unique(return_inverse=True)
        vectors = embedding(flat.masked_fill(is_new, 0), self.rows)
        vectors = vectors.index_put((is_new.nonzero()[:, 0],), self.new(seen)[places])
        return vectors.reshape(*ids.shape, -1)


def skip_gram(centre: Tensor, context: Tensor, negatives: Tensor) -> Tensor:
    """-log s(c.x) - sum log s(-c.n), the mean over pairs: vectors [b, d], [b, d], [b, negatives, d]."""
    near = logsigmoid((centre * context).sum(-1))
    far = logsigmoid(-torch.einsum("bd,bnd->bn", centre, negatives)).sum(-1)
    return -(near + far).mean()


class Pairs:
    """Random pairs within the window, all distances alike, and negatives by the frequencies in the text."""

    def __init__(self, text: Text, size: int, seed: int) -> None:
        """size: of the vocabulary."""
        self.text, self._random = text, np.random.default_rng(seed)
        weights = np.bincount(text.ids, minlength=size) ** POWER
        self._cumulated = np.cumsum(weights / weights.sum())

    def draw(self, pairs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ids: centres [b], contexts [b], negatives [b, NEGATIVES]; b is below `pairs` by what crossed documents."""
        at = self._random.integers(0, len(self.text.ids), pairs)
        away = self._random.integers(1, WINDOW + 1, pairs) * self._random.choice((-1, 1), pairs)
        inside = (at + away >= 0) & (at + away < len(self.text.ids))
        at, other = at[inside], (at + away)[inside]
        same = self.text.documents[at] == self.text.documents[other]
        at, other = at[same], other[same]
        return self.text.ids[at], self.text.ids[other], self.negatives(len(at))

    def negatives(self, pairs: int) -> np.ndarray:
        drawn = np.searchsorted(self._cumulated, self._random.random((pairs, NEGATIVES)), "right")
        return np.minimum(drawn, len(self._cumulated) - 1)


def word2vec(
    model: PreTrainedModel,
    change: VocabularyChange,
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterator[str],
    *,
    steps: int,
    seed: int,
) -> None:
    """Centre vectors become rows of the input matrix, context vectors of the output matrix where it is another.

    The model's layers take no part. Raises TrainError.
    """
    if not change.added:
        return
    numbers = places(change, model.device)
    text = read(tokenizer, texts, min(TOKENS, steps * PAIRS))
    with training(model, numbers.new) as rows:
        centres, contexts = ConvexRows(rows.matrices[0], numbers), ConvexRows(rows.matrices[-1], numbers)
        optimiser = torch.optim.Adam([centres.logits, contexts.logits], lr=_RATE)
        pairs = Pairs(text, len(rows.matrices[0]), seed)
        for _ in range(steps):
            drawn = (torch.from_numpy(each).long().to(model.device) for each in pairs.draw(PAIRS))
            centre, context, negatives = drawn
            optimiser.zero_grad()
            skip_gram(centres(centre), contexts(context), contexts(negatives)).backward()
            optimiser.step()
        made = [centres.new(), contexts.new()]
        rows.write(made[: len(rows.matrices)])
