"""What verdicts on pairs come to: strengths, wins, how far the judge can be trusted, and what has no verdict."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from translate.bradley_terry import Strengths, strengths
from translate.judge import Comparison, Verdict


@dataclass(slots=True)
class Record:
    """Of one system; a tie where the two orders disagree too."""

    wins: int = 0
    ties: int = 0
    losses: int = 0


@dataclass(slots=True)
class Tally:
    """comparisons = verdicts + failures, by reason."""

    systems: list[str] = field(default_factory=list)  # by name
    records: list[Record] = field(default_factory=list)  # in that order, as the strengths
    strengths: Strengths | None = None  # natural logarithms; None without a verdict
    comparisons: int = 0
    verdicts: int = 0
    both_orders: int = 0  # verdicts that were asked for: not those on equal answers
    consistent: int = 0  # of them, those on which both orders agree
    unequal_wins: int = 0  # verdicts with a winner, on answers of different lengths in characters
    longer_wins: int = 0  # of them, those for the longer answer
    failures: Counter[str] = field(default_factory=Counter)  # a reason a comparison
    again: Counter[str] = field(default_factory=Counter)  # questions that were asked twice, by what was wrong

    @property
    def order_consistency(self) -> float | None:
        return self.consistent / self.both_orders if self.both_orders else None

    @property
    def longer_share(self) -> float | None:
        """Of wins, by the longer answer. A judge that length doesn't move is near 0.5 if length says nothing of worth."""
        return self.longer_wins / self.unequal_wins if self.unequal_wins else None


def tally(
    pairs: Sequence[tuple[str, str]], comparisons: Sequence[Comparison], verdicts: Sequence[Verdict], *, seed: int = 0
) -> Tally:
    """Of comparisons between the systems of `pairs`, (first, second), and the verdict on each.

    Intervals are 95 %, from drawing comparisons with replacement (`bradley_terry.strengths`): for more than two systems
    the comparisons on one request are taken as independent, which makes them a little too narrow.
    """
    result = Tally(sorted({name for pair in pairs for name in pair}))
    result.records = [Record() for _ in result.systems]
    numbers = {name: n for n, name in enumerate(result.systems)}
    played = [
        (numbers[first], numbers[second], {"first": 1.0, "second": 0.0, "tie": 0.5}[verdict.winner])
        for (first, second), comparison, verdict in zip(pairs, comparisons, verdicts, strict=True)
        if _counted(result, comparison, verdict) and verdict.winner
    ]
    for first, second, outcome in played:
        _record(result.records[first], outcome)
        _record(result.records[second], 1 - outcome)
    if played:
        firsts, seconds, outcomes = map(np.array, zip(*played, strict=True))
        result.strengths = strengths(firsts, seconds, outcomes, len(result.systems), seed=seed)
    return result


def _counted(result: Tally, comparison: Comparison, verdict: Verdict) -> bool:
    """Add all that is no matter of systems; whether there is a verdict."""
    result.comparisons += 1
    result.again.update(verdict.again)
    if verdict.winner is None:
        result.failures[verdict.failure or ""] += 1
        return False
    result.verdicts += 1
    result.both_orders += verdict.consistent is not None
    result.consistent += verdict.consistent is True
    longer = len(comparison.first) - len(comparison.second)
    if verdict.winner != "tie" and longer:
        result.unequal_wins += 1
        result.longer_wins += (longer > 0) == (verdict.winner == "first")
    return True


def _record(record: Record, outcome: float) -> None:
    record.wins += outcome == 1
    record.ties += outcome == 0.5
    record.losses += outcome == 0
