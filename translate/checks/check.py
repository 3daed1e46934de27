"""Which translations of spans are wrong, and why: the first reason of each, the cheap ones first.

A signal is a number (translate/checks/measures.py); a cutoff says from where on it is a problem. What is done about a
problem (another prompt, another engine, the source kept) is the caller's.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from translate.checks import measures, models
from translate.checks.lengths import LengthLimits
from translate.checks.measures import Batch, Measured
from translate.engine import Answer
from translate.fluency.model import FluencyModel
from translate.similarity import PairModel

# In order of cost. wrong_script stands before wrong_language: a language model's answer about another script means little
Reason = Literal[
    "empty", "stopped_by_length", "placeholders", "line_breaks", "markup_added", "refusal", "preamble", "copied",
    "partly_copied", "urls_changed", "numbers_changed", "length_ratio", "unfinished", "loop", "wrong_script", "wrong_language",
    "disfluent", "dissimilar", "low_estimate",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)


class Cutoff(NamedTuple):
    """A signal on this side of the value, or just there, is a problem."""

    direction: Literal["from", "to"]
    value: float

    def cuts(self, score: float) -> bool:
        return score >= self.value if self.direction == "from" else score <= self.value


class Problem(NamedTuple):
    """What is wrong with a translation: a name to count by, the signal, and what was seen (at most about 100 characters)."""

    reason: Reason
    score: float
    detail: str


# Chosen on news in 30 languages so that of each hardly one human translation in 500 is a problem (translation_checks).
# Similarity and estimates, each on its model's own scale, have to be given one: here they only must be numbers
CUTOFFS: Mapping[Reason, Cutoff] = MappingProxyType(
    {
        "empty": Cutoff("from", 1),
        "stopped_by_length": Cutoff("from", 1),
        "placeholders": Cutoff("from", 1),
        "line_breaks": Cutoff("from", 1),
        "markup_added": Cutoff("from", 1),
        "refusal": Cutoff("from", 1),
        "preamble": Cutoff("from", 1),
        "copied": Cutoff("from", 0.8),
        "partly_copied": Cutoff("from", 2),
        "urls_changed": Cutoff("from", 1),
        "numbers_changed": Cutoff("from", 1),
        "length_ratio": Cutoff("from", 1),
        "unfinished": Cutoff("from", 0.4),
        "loop": Cutoff("from", 0.25),
        "wrong_script": Cutoff("from", 0.45),
        "wrong_language": Cutoff("from", 0.98),
        "disfluent": Cutoff("from", 0.99),
        "dissimilar": Cutoff("to", -math.inf),
        "low_estimate": Cutoff("to", -math.inf),
    }
)
_MEASURES: Mapping[Reason, Callable[[Batch], list[Measured]]] = MappingProxyType(
    {
        "empty": measures.empty,
        "stopped_by_length": measures.stopped_by_length,
        "placeholders": measures.placeholders,
        "line_breaks": measures.line_breaks,
        "markup_added": measures.markup_added,
        "refusal": measures.refusal,
        "preamble": measures.preamble,
        "copied": measures.copied,
        "partly_copied": measures.partly_copied,
        "urls_changed": measures.changed_addresses,
        "numbers_changed": measures.changed_numbers,
        "length_ratio": measures.length_ratio,
        "unfinished": measures.unfinished,
        "loop": measures.loop,
        "wrong_script": measures.other_script,
        "wrong_language": measures.other_language,
        "disfluent": models.disfluent,
        "dissimilar": models.dissimilar,
        "low_estimate": models.low_estimate,
    }
)


def measure(reason: Reason, batch: Batch) -> list[Measured]:
    """One signal of a batch, a score and a note each: to choose cutoffs by."""
    return _MEASURES[reason](batch)


def check(
    sources: Sequence[str],
    answers: Sequence[Answer],
    *,
    source_language: str,
    target_language: str,
    limits: LengthLimits,
    cutoffs: Mapping[Reason, Cutoff] = CUTOFFS,
    fluency: FluencyModel | None = None,
    similarity: PairModel | None = None,
    estimation: PairModel | None = None,
) -> list[Problem | None]:
    """The first problem of each answer to a masked source; None: it has none.

    Languages are labels in any spelling that `filters.labels` reads.
    A reason that `cutoffs` leaves out is not looked for, nor `disfluent`, `dissimilar` and `low_estimate` without a model
    of the target's native text, a similarity model and a quality estimation model. ValueError for other numbers of answers
    than of sources.
    """
    if len(sources) != len(answers):
        raise ValueError(f"{len(answers)} answers to {len(sources)} sources")
    batch = Batch(sources, answers, source_language, target_language, limits, fluency, similarity, estimation)
    problems: list[Problem | None] = [None] * len(sources)
    rows = list(range(len(sources)))
    for reason in REASONS:
        if reason in cutoffs and rows:
            rows = _left(reason, cutoffs[reason], batch, rows, problems)
    return problems


def _left(reason: Reason, cutoff: Cutoff, batch: Batch, rows: list[int], problems: list[Problem | None]) -> list[int]:
    """The rows that this reason leaves without a problem; the others' are put into `problems`."""
    left = []
    for row, (score, note) in zip(rows, measure(reason, batch.take(rows)), strict=True):
        if cutoff.cuts(score):
            problems[row] = Problem(reason, score, note)
        else:
            left.append(row)
    return left
