"""Strengths of systems from comparisons of pairs: Bradley and Terry 1952, ties as half a win for each."""

from dataclasses import dataclass

import numpy as np

_ROUNDS = 100
_CLOSE = 1e-10
_PRIOR = 0.1  # of a tie between each two that met: a system that always won has a finite strength


@dataclass(frozen=True, slots=True)
class Strengths:
    """Natural log of strengths, mean 0, and the ends of their confidence intervals; an array each, by system."""

    strength: np.ndarray
    low: np.ndarray
    high: np.ndarray


def fit(wins: np.ndarray) -> np.ndarray:
    """Log strengths of `wins[i, j]`, how often i beat j: the likelihood's maximum, by Newton's method.

    Systems that no chain of comparisons links have strengths that can't be compared: each such group has mean 0.
    ValueError for no square matrix of numbers from 0.
    """
    wins = np.asarray(wins, float)
    if wins.ndim != 2 or wins.shape[0] != wins.shape[1] or not np.all(np.isfinite(wins)) or np.any(wins < 0):
        raise ValueError("wins must be a square matrix of numbers from 0")
    wins = wins + _PRIOR / 2 * (wins + wins.T > 0)
    np.fill_diagonal(wins, 0)
    games, total, strength = wins + wins.T, wins.sum(axis=1), np.zeros(len(wins))
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))  # that i beats j
        gradient = total - (games * chance).sum(axis=1)
        weight = games * chance * chance.T
        # singular along a shift of all of a group: the least step has none
        step = np.linalg.lstsq(np.diag(weight.sum(axis=1)) - weight, gradient, rcond=1e-12)[0]
        strength += np.clip(step, -1, 1)  # far away a full step overshoots
        if np.max(np.abs(step), initial=0) < _CLOSE:
            break
    return strength - (strength.mean() if len(strength) else 0)


def strengths(
    first: np.ndarray,
    second: np.ndarray,
    outcome: np.ndarray,
    systems: int,
    *,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Strengths:
    """Of comparisons: the systems' numbers, and 1 where the first won, 0.5 for a tie, 0.

    Intervals are percentiles over `samples` drawings of the comparisons with replacement.
    """
    dice, n = np.random.default_rng(seed), len(outcome)
    drawn = (
        [fit(_wins(first[rows], second[rows], outcome[rows], systems)) for rows in dice.integers(0, n, (samples, n))]
        if n
        else []
    )
    best = fit(_wins(first, second, outcome, systems))
    if not drawn:
        return Strengths(best, np.full(systems, -np.inf), np.full(systems, np.inf))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Strengths(best, low, high)


def _wins(first: np.ndarray, second: np.ndarray, outcome: np.ndarray, systems: int) -> np.ndarray:
    wins = np.zeros((systems, systems))
    np.add.at(wins, (first, second), outcome)
    np.add.at(wins, (second, first), 1 - outcome)
    return wins
