"""Methods that need nothing but the old matrix: each (change, matrix [V_old, d]) -> fp32 [new tokens, d]."""

import torch
from torch import Tensor

from train.initialisation.vocabulary import VocabularyChange, old_rows

_NOISE = 1e-5  # of the covariance (Hewitt 2021, Initializing New Word Embeddings)


def random(change: VocabularyChange, matrix: Tensor, *, generator: torch.Generator, deviation: float) -> Tensor:
    """N(0, deviation): how the model itself was initialised; the control."""
    shape = (len(change.added), matrix.shape[1])
    return torch.normal(0.0, deviation, shape, generator=generator)


def mean(change: VocabularyChange, matrix: Tensor) -> Tensor:
    """The old rows' mean, for every new token."""
    return old_rows(change, matrix).mean(0).repeat(len(change.added), 1)


def mean_noise(change: VocabularyChange, matrix: Tensor, *, generator: torch.Generator) -> Tensor:
    """N(mean, 1e-5 covariance) of the old rows.

    Drawn through the centred rows themselves, (1 / sqrt n) z^T (E - mean), which has their covariance whatever its rank;
    Cholesky's root fails where it is not positive definite, as it is in most models (huggingface/transformers#35075).
    """
    rows = old_rows(change, matrix)
    centre = rows.mean(0)
    centred = rows - centre
    root = torch.linalg.qr(centred, mode="r").R / len(rows) ** 0.5  # R^T R = centred^T centred
    drawn = torch.randn(len(change.added), root.shape[0], generator=generator)
    return centre + _NOISE**0.5 * drawn @ root


def subtoken_mean(change: VocabularyChange, matrix: Tensor) -> Tensor:
    """The mean of the rows of a token's old pieces (FVT: Gee et al. 2022)."""
    flat = torch.tensor([piece for pieces in change.pieces for piece in pieces])
    lengths = torch.tensor([len(pieces) for pieces in change.pieces])
    owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    summed = torch.zeros(len(lengths), matrix.shape[1]).index_add_(0, owner, matrix[flat].float())
    return summed / lengths[:, None]


def matched(change: VocabularyChange, matrix: Tensor, rows: Tensor) -> Tensor:
    """Rows at the median norm of the old ones: a mean of n unlike rows is about sqrt n times too short."""
    median = old_rows(change, matrix).norm(dim=1).median()
    return rows * (median / rows.norm(dim=1, keepdim=True).clamp_min(1e-12))


def subtoken_mean_matched(change: VocabularyChange, matrix: Tensor) -> Tensor:
    """The mean of the pieces' rows, at the old rows' median norm."""
    return matched(change, matrix, subtoken_mean(change, matrix))


def first_piece(change: VocabularyChange, matrix: Tensor) -> Tensor:
    """The row of the first piece; for the output matrix, a new token is predicted where its first piece was."""
    return matrix[[pieces[0] for pieces in change.pieces]].float()


def last_piece(change: VocabularyChange, matrix: Tensor) -> Tensor:
    """The row of the last piece; for the input matrix, what follows sees what it saw."""
    return matrix[[pieces[-1] for pieces in change.pieces]].float()
