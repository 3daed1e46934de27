"""What a model that the caller brings along says of translations; without one, a score that no cutoff cuts."""

import math

from translate.checks.measures import NOTHING, Batch, Measured
from translate.mask import PLACEHOLDER
from translate.similarity import PairModel


def disfluent(batch: Batch) -> list[Measured]:
    """The share of native sentences that are less strange than the answer; 0 without a model."""
    if batch.fluency is None:
        return [NOTHING] * len(batch.answers)
    texts = [PLACEHOLDER.sub(" ", each.text) for each in batch.answers]
    return [(float(rank), f"stranger than {rank:.1%} of native text") for rank in batch.fluency.strangeness(texts)]


def dissimilar(batch: Batch) -> list[Measured]:
    """How alike the similarity model finds source and answer; nan without a model."""
    return _of_pairs(batch, batch.similarity)


def low_estimate(batch: Batch) -> list[Measured]:
    """What the estimation model gives the answer; nan without a model."""
    return _of_pairs(batch, batch.estimation)


def _of_pairs(batch: Batch, model: PairModel | None) -> list[Measured]:
    if model is None:
        return [(math.nan, "")] * len(batch.answers)
    sources = [PLACEHOLDER.sub(" ", each) for each in batch.sources]
    answers = [PLACEHOLDER.sub(" ", each.text) for each in batch.answers]
    return [(float(score), f"{score:.3f}") for score in model.score(sources, answers)]
