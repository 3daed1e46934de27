"""Small languages: a cutoff that their own documents cannot settle is shrunk towards that of related languages.

What has to be settled is the share of documents that a rule removes. Where its 95 % interval is wider than `WIDEST`
either way, the language has too few documents, and the weight of its own estimate is their number over the number that
would do: 35 documents for a rule that removes a tenth.

Shrunk is the *position*, (cutoff - median) / deviation of the language's own values, not the cutoff: languages share
the shape of a metric far more than its level. On eleven languages with hundreds of documents, of which only 20 were
shown, the others' position removed a share 2 to 9 points off (repetition aside), their cutoff 20 to 38, and the 20
documents alone 4 to 6; so there is no pooling where it is not needed. Related means the same script, else the same
family, else all languages, whichever first has `RELATIVES` others. A language without documents gets their median cutoff.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np

WIDEST = 0.1  # of the share removed, either way
RELATIVES = 5
_Z = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class Estimate:
    """A cutoff and its 95 % interval.

    `documents` it was computed from, their `median` and `deviation`, the share of them it `removed`; `fallback`: what
    decided besides them.
    """

    cutoff: float
    interval: tuple[float, float]
    documents: int
    median: float = 0.0
    deviation: float = 0.0
    removed: float = 0.0
    fallback: str | None = None

    @property
    def needed(self) -> float:
        """Documents that would settle the share removed, to within WIDEST."""
        share = min(max(self.removed, 1 / self.documents), 1 - 1 / self.documents)
        return share * (1 - share) * (_Z / WIDEST) ** 2

    @property
    def position(self) -> float:
        """In deviations from the median; NaN where all values are equal."""
        return (self.cutoff - self.median) / self.deviation if self.deviation > 0 else float("nan")


@cache
def families() -> Mapping[str, str]:
    """Language family by ISO 639-3 code."""
    lines = resources.files("thresholds").joinpath("tables/families.txt").read_text("utf-8").splitlines()
    entries = (line.rsplit(": ", 1) for line in lines if not line.startswith("#"))
    return {code: family for family, codes in entries for code in codes.split()}


def shrink(own: Mapping[str, Estimate], labels: list[str]) -> dict[str, Estimate]:
    """The cutoff of one rule for each of `labels`, also those without an own estimate; empty where nobody has one."""
    if not own:
        return {}
    return {label: _shrunk(label, own) if label in own else _borrowed(label, own) for label in labels}


def _shrunk(label: str, own: Mapping[str, Estimate]) -> Estimate:
    mine = own[label]
    weight = min(1.0, mine.documents / mine.needed)
    positions = {other: e.position for other, e in own.items() if other != label and e.deviation > 0}
    if weight == 1.0 or not positions or mine.deviation == 0:
        return mine
    circle, members = _related(label, positions)
    pooled = float(np.median([positions[member] for member in members]))
    cutoff = mine.median + mine.deviation * (weight * mine.position + (1 - weight) * pooled)
    moved = cutoff - mine.cutoff
    interval = (mine.interval[0] + moved, mine.interval[1] + moved)  # as wide as its own documents leave it
    return replace(mine, cutoff=cutoff, interval=interval, fallback=f"{circle}, own weight {weight:.2f}")


def _borrowed(label: str, own: Mapping[str, Estimate]) -> Estimate:
    """The cutoff of a language without documents: the interval is where its relatives' cutoffs lie."""
    circle, members = _related(label, own)
    cutoffs = [own[member].cutoff for member in members]
    low, middle, high = (float(each) for each in np.quantile(cutoffs, [0.025, 0.5, 0.975]))
    return Estimate(middle, (low, high), 0, fallback=f"{circle}, no documents of its own")


def _related(label: str, others: Mapping[str, object]) -> tuple[str, list[str]]:
    """The nearest circle of languages that is large enough: its name and members."""
    for name, members in _circles(label, others):
        if len(members) >= RELATIVES or name == "all languages":
            return name, members
    raise AssertionError("all languages come last")


def _circles(label: str, others: Mapping[str, object]) -> Iterator[tuple[str, list[str]]]:
    code, _, script = label.partition("_")
    family = families().get(code)
    yield f"script {script}", [other for other in others if other.endswith(f"_{script}")]
    if family:
        yield f"family {family}", [other for other in others if families().get(other.partition("_")[0]) == family]
    yield "all languages", list(others)
