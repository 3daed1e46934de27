"""How good a quality classifier is on held-out texts, and whether its score is only length, language or one source.

AUC: the chance that a good text scores above a bad one, ties counted half; its 95 % interval after DeLong, DeLong and
Clarke-Pearson (1988), on the logit, so that it stays within 0 and 1.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from curate.quality.corpus import Example, HeldOut
from curate.quality.train import TrainingOptions, train
from curate.recipe import RecipeError
from filters.quality import scores
from filters.segment import segment

DECILES = 10
FEWEST = 5  # texts of each class for an AUC
LARGEST_SOURCES = 10  # left out one at a time
_BATCH = 500
_NORMAL = 1.96


@dataclass(frozen=True, slots=True)
class Judged:
    """Scored texts, one row each."""

    score: np.ndarray  # float64, P(good)
    length: np.ndarray  # int64, tokens
    good: np.ndarray  # bool
    label: np.ndarray  # str
    source: np.ndarray  # str

    def where(self, rows: np.ndarray) -> "Judged":
        return Judged(self.score[rows], self.length[rows], self.good[rows], self.label[rows], self.source[rows])

    @property
    def languages(self) -> list[str]:
        return sorted(set(self.label.tolist()))


def judge(examples: Iterable[Example], model: str) -> tuple[Judged, int]:
    """Score examples; those without a score (too short, a language that the model does not know) are only counted."""
    kept, parts, without = [], [], 0
    for batch in _batches(examples):
        text = pa.array([each.text for each in batch], pa.string())
        segments = segment(text)
        found = scores(text, pa.array([each.label for each in batch]), model=model, segments=segments)
        scored = np.asarray(found.is_valid())
        parts.append((found.to_numpy(zero_copy_only=False)[scored], np.diff(segments.first)[scored]))
        kept += [each for each, has in zip(batch, scored, strict=True) if has]
        without += int((~scored).sum())
    score, length = (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else (np.empty(0), np.empty(0))
    columns = [np.array([getattr(each, name) for each in kept]) for name in ("good", "label", "source")]
    return Judged(score, length, *columns), without


def _batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
    batch: list[Example] = []
    for each in examples:
        batch.append(each)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# AUC


def _midranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse])


@dataclass(frozen=True, slots=True)
class Auc:
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def auc(values: np.ndarray, good: np.ndarray) -> Auc | None:
    """None with fewer than `FEWEST` texts of a class."""
    above, below = values[good], values[~good]
    if min(len(above), len(below)) < FEWEST:
        return None
    ranks = _midranks(np.concatenate([above, below]))
    of_good = (ranks[: len(above)] - _midranks(above)) / len(below)  # share of the bad texts below each good one
    of_bad = 1 - (ranks[len(above) :] - _midranks(below)) / len(above)
    value = float(of_good.mean())
    error = float(np.sqrt(of_good.var(ddof=1) / len(above) + of_bad.var(ddof=1) / len(below)))
    return Auc(value, *_interval(value, error, len(above), len(below)))


def _interval(value: float, error: float, good: int, bad: int) -> tuple[float, float]:
    if not 0 < value < 1:  # no text out of order: as if half a pair were, on either side
        nearest = 1 - 0.5 ** (1 / min(good, bad))
        return (1 - nearest, 1.0) if value else (0.0, nearest)
    logit, width = np.log(value / (1 - value)), _NORMAL * error / (value * (1 - value))
    low, high = (1 / (1 + np.exp(-np.clip(edge, -50, 50))) for edge in (logit - width, logit + width))
    return float(low), float(high)


def length_auc(judged: Judged) -> float | None:
    """AUC of the length alone, whichever way it tells more."""
    found = auc(judged.length.astype(np.float64), judged.good)
    return max(found.value, 1 - found.value) if found else None


# Lengths matched


def deciles(length: np.ndarray) -> np.ndarray:
    """The decile, 0 to 9, of each length."""
    edges = np.quantile(length, np.arange(1, DECILES) / DECILES)
    return np.searchsorted(edges, length, side="left")


def matched(judged: Judged, seed: int = 1) -> Judged:
    """As many good texts as bad ones in each decile of the length, drawn by chance."""
    chance, chosen, decile = np.random.default_rng(seed), [], deciles(judged.length)
    for n in range(DECILES):
        classes = [np.flatnonzero((decile == n) & (judged.good == good)) for good in (True, False)]
        size = min(map(len, classes))
        chosen += [chance.choice(own, size, replace=False) for own in classes]
    return judged.where(np.sort(np.concatenate(chosen)))


def within_deciles(judged: Judged) -> float | None:
    """The mean AUC within deciles of the length, weighted by pairs; None where no decile has enough of both."""
    decile, total, weight = deciles(judged.length), 0.0, 0
    for n in range(DECILES):
        own = judged.where(np.flatnonzero(decile == n))
        if found := auc(own.score, own.good):
            pairs = int(own.good.sum()) * int((~own.good).sum())
            total, weight = total + found.value * pairs, weight + pairs
    return total / weight if weight else None


@dataclass(frozen=True, slots=True)
class Figures:
    """One language. None: too few texts."""

    label: str
    good: int
    bad: int
    auc: Auc | None
    length: float | None  # alone
    deciles: float | None  # of the score, within deciles of length
    matched: Auc | None  # of the score, as many good as bad in each decile
    matched_length: float | None
    error: float  # of calibration: mean distance of predicted from observed, weighted by texts


def figures(judged: Judged) -> list[Figures]:
    """Each language, as the score within it, so that telling languages apart earns nothing."""
    return [_figures(name, judged.where(judged.label == name)) for name in judged.languages]


def _figures(name: str, own: Judged) -> Figures:
    even = matched(own)
    return Figures(
        name,
        int(own.good.sum()),
        int((~own.good).sum()),
        auc(own.score, own.good),
        length_auc(own),
        within_deciles(own),
        auc(even.score, even.good),
        length_auc(even),
        calibration_error(own),
    )


def language_share(judged: Judged) -> float:
    """Share of the score's variance within good and within bad texts that the language explains; near 0 is right."""
    between = total = 0.0
    for good in (True, False):
        own = judged.where(judged.good == good)
        if len(own.score):
            total += float(((own.score - own.score.mean()) ** 2).sum())
            between += sum(
                int(rows.sum()) * float((own.score[rows].mean() - own.score.mean()) ** 2)
                for rows in (own.label == name for name in own.languages)
            )
    return between / total if total else 0.0


# Calibration


@dataclass(frozen=True, slots=True)
class Bin:
    """Texts with a predicted P(good) in one tenth."""

    texts: int
    predicted: float
    observed: float


def reliability(judged: Judged) -> list[Bin]:
    """The ten bins that hold texts, each class weighing half, as in training."""
    weight = np.where(judged.good, 1 / max(1, judged.good.sum()), 1 / max(1, (~judged.good).sum()))
    number = np.minimum((judged.score * DECILES).astype(np.int64), DECILES - 1)
    bins = []
    for n in np.unique(number):
        own = number == n
        mass = weight[own].sum()
        predicted, observed = ((weight[own] * each[own]).sum() / mass for each in (judged.score, judged.good))
        bins.append(Bin(int(own.sum()), float(predicted), float(observed)))
    return bins


def calibration_error(judged: Judged) -> float:
    found = reliability(judged)
    texts = sum(each.texts for each in found)
    return sum(each.texts * abs(each.predicted - each.observed) for each in found) / max(1, texts)


# Sources


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """One source's texts against the other class of its language: as judged, and by a model that never saw the source."""

    label: str
    source: str
    good: bool
    texts: int
    auc: Auc | None
    left_out: Auc | None = None


def by_source(judged: Judged) -> list[SourceFigures]:
    """The largest sources first."""
    found = []
    for name in judged.languages:
        own = judged.where(judged.label == name)
        for good in (True, False):
            for source, texts in zip(*np.unique(own.source[own.good == good], return_counts=True), strict=True):
                part = own.where((own.good != good) | (own.source == source))
                found.append(SourceFigures(name, str(source), good, int(texts), auc(part.score, part.good)))
    return sorted(found, key=lambda each: (-each.texts, each.label, each.source))


def leave_one_out(
    examples: Sequence[Example], held_out: HeldOut, options: TrainingOptions | None = None
) -> list[SourceFigures]:
    """For each of the largest sources a model trained on the others, judged on it and on the held-out texts of the other
    class, which that model did not see either."""
    counted: dict[tuple[str, str, bool], int] = {}
    for each in examples:
        key = each.label, each.source, each.good
        counted[key] = counted.get(key, 0) + 1
    largest = sorted(counted, key=lambda key: (-counted[key], key))[:LARGEST_SOURCES]
    return [_left_out(examples, held_out, key, counted[key], options) for key in largest]


def _left_out(
    examples: Sequence[Example],
    held_out: HeldOut,
    key: tuple[str, str, bool],
    texts: int,
    options: TrainingOptions | None,
) -> SourceFigures:
    name, source, good = key
    figures = SourceFigures(name, source, good, texts, None)
    own = [each for each in examples if each.label == name]
    mine = [each for each in own if each.source == source and each.good == good]
    against = [each for each in own if each.good != good and held_out.holds(each)]
    unseen = {id(each) for each in (*mine, *against)}
    others = [each for each in own if id(each) not in unseen]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.ftz"
        try:
            train(others, path, options, held_out=HeldOut())
        except RecipeError:  # too little is left without it
            return figures
        judged, _ = judge([*mine, *against], str(path))
    return replace(figures, left_out=auc(judged.score, judged.good))
