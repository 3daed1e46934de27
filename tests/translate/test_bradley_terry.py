"""Strengths from comparisons: against the likelihood itself, and of players whose strengths are known."""

import numpy as np
import pytest
from scipy.optimize import minimize

from translate.bradley_terry import fit, strengths


def _played(true: np.ndarray, games: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    first = dice.integers(0, len(true), games)
    second = (first + dice.integers(1, len(true), games)) % len(true)
    chance = 1 / (1 + np.exp(true[second] - true[first]))
    return first, second, (dice.random(games) < chance).astype(float)


def test_the_fit_is_the_likeliest() -> None:
    wins = np.array([[0, 30, 41.5], [12, 0, 25], [8.5, 15, 0]])
    even = wins + 0.05 * (1 - np.eye(3))

    def loss(given: np.ndarray) -> float:
        return float((even * np.log1p(np.exp(given[None, :] - given[:, None]))).sum() + given.sum() ** 2)

    assert np.allclose(fit(wins), minimize(loss, np.zeros(3), tol=1e-12).x, atol=1e-4)


def test_strengths_of_simulated_players_come_back_and_intervals_cover_them() -> None:
    true = np.array([0.8, 0.3, -0.2, -0.9])
    covered = []
    for seed in range(60):
        found = strengths(*_played(true, 300, seed), 4, samples=100, seed=seed)
        covered.append((found.low <= true) & (true <= found.high))
    assert 0.88 <= np.mean(covered) <= 0.99
    assert np.allclose(strengths(*_played(true, 20_000, 7), 4, samples=2).strength, true, atol=0.08)


def test_ties_winners_of_everything_and_nothing() -> None:
    assert np.allclose(fit(np.array([[0, 5.0], [5.0, 0]])), 0)
    assert np.all(np.isfinite(fit(np.array([[0, 9.0], [0, 0]])))) and np.allclose(fit(np.zeros((3, 3))), 0)
    for wrong in (np.zeros((2, 3)), np.array([[0, -1.0], [0, 0]]), np.array([[0, np.nan], [0, 0]])):
        with pytest.raises(ValueError, match="square matrix"):
            fit(wrong)


def test_a_system_that_always_wins_has_a_finite_strength() -> None:
    """And the gradient of the likelihood (with the small prior) is zero there."""
    wins = np.triu(np.full((6, 6), 500.0), 1)
    found = fit(wins)
    assert np.all(np.diff(found) < -3) and np.all(np.isfinite(found))
    wins = wins + 0.05 * (wins + wins.T > 0)
    chance = 1 / (1 + np.exp(found[None, :] - found[:, None]))
    assert np.abs(wins.sum(axis=1) - ((wins + wins.T) * chance).sum(axis=1)).max() < 1e-6
