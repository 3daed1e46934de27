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

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
        share = min(max(min(self.removed, 1 - self.removed), 1 / self.documents), 0.5)
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
    positions = {label: estimate.position for label, estimate in own.items() if estimate.deviation > 0}
    alike, known = _Circles(positions), _Circles(own)
    return {
        label: _shrunk(label, own[label], positions, alike) if label in own else _borrowed(label, own, known)
        for label in labels
    }


def _shrunk(label: str, mine: Estimate, positions: Mapping[str, float], circles: "_Circles") -> Estimate:
    weight = min(1.0, mine.documents / mine.needed)
    circle, members = circles.around(label)
    if weight == 1.0 or not members or mine.deviation == 0:
        return mine
    pooled = float(np.median([positions[member] for member in members]))
    cutoff = mine.median + mine.deviation * (weight * mine.position + (1 - weight) * pooled)
    moved = cutoff - mine.cutoff
    interval = (mine.interval[0] + moved, mine.interval[1] + moved)  # as wide as its own documents leave it
    return replace(mine, cutoff=cutoff, interval=interval, fallback=f"{circle}, own weight {weight:.2f}")


def _borrowed(label: str, own: Mapping[str, Estimate], circles: "_Circles") -> Estimate:
    """The cutoff of a language without documents: the interval is where its relatives' cutoffs lie."""
    circle, members = circles.around(label)
    cutoffs = [own[member].cutoff for member in members]
    low, middle, high = (float(each) for each in np.quantile(cutoffs, [0.025, 0.5, 0.975]))
    return Estimate(middle, (low, high), 0, fallback=f"{circle}, no documents of its own")


class _Circles:
    """These languages by script, by family, and all of them."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._all = list(labels)
        self._members: dict[str, list[str]] = defaultdict(list)
        for label in self._all:
            for name in _names(label):
                self._members[name].append(label)

    def around(self, label: str) -> tuple[str, list[str]]:
        """The nearest circle that is large enough: its name, and its members but for the language itself."""
        for name in _names(label):
            members = [other for other in self._members[name] if other != label]
            if len(members) >= RELATIVES:
                return name, members
        return "all languages", [other for other in self._all if other != label]


def _names(label: str) -> list[str]:
    """The circles of a language, the nearest first."""
    code, _, script = label.partition("_")
    family = families().get(code)
    return [f"script {script}", *([f"family {family}"] if family else [])]
