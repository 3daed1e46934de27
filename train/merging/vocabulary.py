"""The rows of models with different vocabularies, aligned by the tokens' strings.

Merging row i with row i where the tokenizers differ mixes different tokens without a word (mergekit#47, #469).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from train.recipe import TrainError

LEAST_SHARED = 0.5  # of the smaller vocabulary; with less in common, tokens of the same string mean different things


@dataclass(frozen=True)
class Alignment:
    """For the result's row r, a model's row `rows[r]`; -1 where it lacks the token. Rows beyond the tokens are padding."""

    rows: Tensor  # int64 [result's rows]

    @property
    def missing(self) -> int:
        return int((self.rows < 0).sum())


def align(wanted: Mapping[str, int], height: int, have: Mapping[str, int], rows: int, name: str) -> Alignment:
    """From a model's vocabulary `have`, of `rows` rows, to the result's `wanted`, of `height` rows. Raises TrainError."""
    if wanted == have:
        return Alignment(_identity(height, rows))
    shared = wanted.keys() & have.keys()
    if len(shared) < LEAST_SHARED * min(len(wanted), len(have)):
        raise TrainError(
            f"{name}: only {len(shared):,} of its {len(have):,} tokens are in the result's vocabulary;"
            " models of unrelated tokenizers are not merged"
        )
    places = torch.full((height,), -1, dtype=torch.int64)
    for token in shared:
        places[wanted[token]] = have[token]
    return Alignment(places)


def _identity(height: int, rows: int) -> Tensor:
    places = torch.arange(height)
    return torch.where(places < rows, places, -1)


def rows_merged(
    found: Sequence[Tensor], alignments: Sequence[Alignment], weights: Sequence[float]
) -> tuple[list[Tensor], Tensor]:
    """Each model's rows in the result's order, a row that it lacks being the weighted mean of those that have it.

    So a lacking model has no say about a token. Also the rows [bool] that no model has: padding.
    """
    rows = len(alignments[0].rows)
    total, weight = torch.zeros(rows, *found[0].shape[1:]), torch.zeros(rows)
    for matrix, alignment, share in zip(found, alignments, weights, strict=True):
        has = alignment.rows >= 0
        total[has] += share * matrix[alignment.rows[has]].float()
        weight[has] += share
    mean = total / weight.where(weight != 0, torch.ones_like(weight)).unsqueeze(1)
    aligned = []
    for matrix, alignment in zip(found, alignments, strict=True):
        has = (alignment.rows >= 0).unsqueeze(1)
        aligned.append(torch.where(has, matrix[alignment.rows.clamp(min=0)].float(), mean))
    return aligned, weight == 0
