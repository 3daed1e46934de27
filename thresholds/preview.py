"""What rules do to a language before they are applied, from its summary's sample: shares, and documents to look at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thresholds.rule import Rule
from thresholds.summary import METRIC_INDEX, Summary


@dataclass(frozen=True, slots=True)
class Effect:
    """What one rule removes of the sampled documents, each share in 0..1 of all of them."""

    rule: Rule
    measured: int  # documents that have the metric; it never fires on the others
    alone: float
    only: float  # that no other of the rules removes


@dataclass(frozen=True, slots=True)
class Effects:
    """One language's rules, in their order."""

    label: str
    documents: int  # of the language
    sampled: int  # of those, looked at
    rules: tuple[Effect, ...]
    together: float  # share that at least one of them removes


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A document near a cutoff."""

    key: int
    value: float


def effects(summary: Summary, rules: Sequence[Rule]) -> Effects:
    """The shares that the rules remove, alone and beside each other; zeros without documents."""
    sampled = len(summary.values)
    fired = np.zeros((sampled, len(rules)), bool)
    for n, rule in enumerate(rules):
        fired[:, n] = rule.fires(_column(summary, rule))
    times = fired.sum(axis=1)
    return Effects(
        summary.label,
        summary.documents,
        sampled,
        tuple(
            Effect(rule, len(summary.of(rule.metric)), _share(fired[:, n]), _share(fired[:, n] & (times == 1)))
            for n, rule in enumerate(rules)
        ),
        _share(times > 0),
    )


def nearest(summary: Summary, rule: Rule, count: int) -> tuple[list[Neighbour], list[Neighbour]]:
    """(removed, kept): on each side the `count` documents nearest to the cutoff, nearest first.

    Of documents equally near, those with the smallest hash: a random choice that stays the same. One that has not the
    metric is on neither side.
    """
    values = _column(summary, rule)
    fires = rule.fires(values)
    return (
        _nearest(summary, values, fires, rule.cutoff, count),
        _nearest(summary, values, ~fires & ~np.isnan(values), rule.cutoff, count),
    )


def _nearest(summary: Summary, values: np.ndarray, side: np.ndarray, cutoff: float, count: int) -> list[Neighbour]:
    rows = np.flatnonzero(side)  # in order of hash
    chosen = rows[np.argsort(np.abs(values[rows] - cutoff), kind="stable")[:count]]
    return [Neighbour(int(summary.key[row]), float(values[row])) for row in chosen]


def _column(summary: Summary, rule: Rule) -> np.ndarray:
    return summary.values[:, METRIC_INDEX[rule.metric]]


def _share(mask: np.ndarray) -> float:
    return float(mask.mean()) if len(mask) else 0.0
