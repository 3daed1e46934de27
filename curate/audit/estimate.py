"""Shares with intervals, weighted and stratified, and agreement between annotators. Plain numbers in and out.

Intervals are Wilson's (1927), at 95 %. A weighted sample counts as Kish's (1965) effective number of documents; strata
are put together as in Korn and Graubard (1998): Wilson's interval at the number of documents that would have the
stratified estimate's variance. No finite-population correction: a rule is judged, not only the documents it dropped.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Z = 1.959964  # of 95 %


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its interval. `judged`: how many documents were looked at, whatever they stand for."""

    judged: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Part:
    """One stratum: the documents it stands for, how many were judged, their weighted share, and what they count as."""

    documents: float
    judged: int
    share: float
    effective: float

    @classmethod
    def of(cls, documents: float, weighted: Sequence[tuple[float, float]]) -> "Part":
        """From (weight, value 0..1) of each judged document, one at least."""
        total = math.fsum(weight for weight, _ in weighted)
        share = math.fsum(weight * value for weight, value in weighted) / total
        effective = total * total / math.fsum(weight * weight for weight, _ in weighted)
        return cls(documents, len(weighted), min(max(share, 0.0), 1.0), effective)

    @property
    def smoothed(self) -> float:
        """Nearer to a half, so that a stratum without a miss still has a variance (Agresti and Coull 1998)."""
        return (self.share * self.effective + Z * Z / 2) / (self.effective + Z * Z)


def wilson(share: float, documents: float) -> tuple[float, float]:
    """The interval around a share seen in so many documents."""
    shrunk = share + Z * Z / (2 * documents)
    spread = Z * math.sqrt(share * (1 - share) / documents + Z * Z / (4 * documents * documents))
    whole = 1 + Z * Z / documents
    return max(0.0, (shrunk - spread) / whole), min(1.0, (shrunk + spread) / whole)


def needed(half_width: float) -> int:
    """Documents whose interval is nowhere wider than +- `half_width` (0..0.5); it is widest where the share is a half."""
    return math.ceil((Z / (2 * half_width)) ** 2 - Z * Z)


def combined(parts: Sequence[Part]) -> Share | None:
    """The share over several strata, each with the weight of its documents; None without any."""
    whole = math.fsum(part.documents for part in parts)
    if not whole:
        return None
    share = math.fsum(part.documents * part.share for part in parts) / whole
    smooth = math.fsum(part.documents * part.smoothed for part in parts) / whole
    variance = math.fsum(
        (part.documents / whole) ** 2 * part.smoothed * (1 - part.smoothed) / part.effective for part in parts
    )
    low, high = wilson(share, smooth * (1 - smooth) / variance)
    return Share(sum(part.judged for part in parts), share, low, high)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far annotators agree on items that two or more of them judged."""

    items: int
    annotators: int
    agreed: float  # share of the pairs of judgements that are the same
    kappa: float | None  # None: all gave one and the same answer, so that chance explains everything
    kind: str  # Cohen's for two annotators, Fleiss' for more


def agreement(judgements: Iterable[dict[str, str]]) -> Agreement | None:
    """From each item's answers by annotator; None where no item has two. Cohen 1960; Fleiss 1971, with as many
    judgements an item as there are."""
    rows = [answers for answers in judgements if len(answers) > 1]
    if not rows:
        return None
    annotators = sorted({name for answers in rows for name in answers})
    agreed = math.fsum(_agreed(answers) for answers in rows) / len(rows)
    if len(annotators) == 2:
        margins = [Counter(answers[name] for answers in rows) for name in annotators]
        chance = math.fsum(margins[0][answer] * margins[1][answer] for answer in margins[0]) / len(rows) ** 2
    else:
        counts = Counter(answer for answers in rows for answer in answers.values())
        chance = math.fsum((count / counts.total()) ** 2 for count in counts.values())
    kappa = None if chance > 1 - 1e-9 else (agreed - chance) / (1 - chance)
    return Agreement(len(rows), len(annotators), agreed, kappa, "Cohen" if len(annotators) == 2 else "Fleiss")


def _agreed(answers: dict[str, str]) -> float:
    """The share of the pairs of one item's judgements that are the same."""
    pairs = len(answers) * (len(answers) - 1)
    return sum(count * (count - 1) for count in Counter(answers.values()).values()) / pairs
