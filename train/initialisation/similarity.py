"""Rows as weighted means of old rows, weighted by cosines in a space that holds old and new tokens."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import normalize

_CHUNK_FLOATS = 1 << 26  # of cosines held at a time


def nearest_mean(new: Tensor, old: Tensor, rows: Tensor, *, neighbours: int = 10, temperature: float = 0.1) -> Tensor:
    """sum softmax(cos / temperature) E over the nearest old tokens: WECHSEL (Minixhofer et al. 2022) and OFA (Liu et al. 2024).

    new: [n, v], old: [m, v] vectors of tokens in one space, none zero; rows: [m, d] of the old tokens. fp32 [n, d].
    """
    found = []
    for cosines in _cosines(new, old):
        best, at = cosines.topk(min(neighbours, len(old)), dim=1)
        found.append(torch.einsum("nk,nkd->nd", (best / temperature).softmax(1), rows[at].float()))
    return torch.cat(found)


def sparsemax_mean(new: Tensor, overlap: Tensor, rows: Tensor) -> Tensor:
    """sum sparsemax(cos) E over the tokens in both vocabularies: FOCUS (Dobler and de Melo 2023). Shapes as above."""
    return torch.cat([sparsemax(cosines) @ rows.float() for cosines in _cosines(new, overlap)])


def sparsemax(scores: Tensor) -> Tensor:
    """The nearest point of the simplex to each row (Martins and Astudillo 2016).

    Michelot's iteration: the threshold of what is above the threshold, until nothing more falls below; it needs no sort.
    """
    support = torch.ones_like(scores, dtype=torch.bool)
    while True:
        threshold = ((scores * support).sum(-1, keepdim=True) - 1) / support.sum(-1, keepdim=True)
        smaller = support & (scores > threshold)
        if torch.equal(smaller, support):
            return (scores - threshold).clamp_min(0) * support
        support = smaller


def procrustes(source: Tensor, target: Tensor) -> Tensor:
    """The orthogonal W that brings source W nearest to target (Schönemann 1966); both [pairs, v]."""
    u, _, vh = torch.linalg.svd(source.T @ target)
    rotation: Tensor = u @ vh
    return rotation


def low_rank(matrix: Tensor, rank: int) -> Tensor:
    """The nearest matrix of a rank: OFA's factorisation, coordinates times primitives."""
    u, s, vh = torch.linalg.svd(matrix.float(), full_matrices=False)
    product: Tensor = (u[:, :rank] * s[:rank]) @ vh[:rank]
    return product


def _cosines(new: Tensor, old: Tensor) -> Iterator[Tensor]:
    unit = normalize(old.float(), dim=1)
    size = max(1, _CHUNK_FLOATS // max(1, len(old)))
    return (normalize(part.float(), dim=1) @ unit.T for part in new.split(size))
