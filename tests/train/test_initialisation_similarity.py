"""Weighted means of old rows, against slow computations and the published packages' arithmetic."""

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes

from train.initialisation import similarity

torch.manual_seed(5)
NEW, OLD, ROWS = torch.randn(23, 8), torch.randn(40, 8), torch.randn(40, 12)


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


@pytest.fixture(autouse=True)
def chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_CHUNK_FLOATS", 200)  # 5 new tokens at a time


def test_nearest_mean() -> None:
    made = similarity.nearest_mean(NEW, OLD, ROWS)
    for vector, row in zip(NEW, made, strict=True):
        best = sorted(((cosine(vector, old), at) for at, old in enumerate(OLD)), reverse=True)[:10]
        weights = np.exp([c / 0.1 for c, _ in best])
        wanted = sum(w * ROWS[at].double() for w, (_, at) in zip(weights / weights.sum(), best, strict=True))
        assert torch.allclose(row.double(), wanted, atol=1e-5)


def sorted_sparsemax(z: np.ndarray) -> np.ndarray:
    """By sorting, as the paper's algorithm 1."""
    ordered = np.sort(z)[::-1]
    size = max(k for k in range(1, len(z) + 1) if 1 + k * ordered[k - 1] > ordered[:k].sum())
    return np.maximum(z - (ordered[:size].sum() - 1) / size, 0)


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_sparsemax(scale: float) -> None:
    scores = torch.randn(50, 30, dtype=torch.float64) * scale
    made = similarity.sparsemax(scores)
    assert torch.allclose(made.sum(1), torch.ones(50, dtype=torch.float64))
    for row, wanted in zip(made.numpy(), scores.numpy(), strict=True):
        assert np.allclose(row, sorted_sparsemax(wanted), atol=1e-12)


def test_sparsemax_mean() -> None:
    made = similarity.sparsemax_mean(NEW, OLD, ROWS)
    for vector, row in zip(NEW, made, strict=True):
        weights = sorted_sparsemax(np.array([cosine(vector, old) for old in OLD]))
        assert torch.allclose(row, torch.tensor(weights @ ROWS.numpy(), dtype=torch.float32), atol=1e-5)


def test_procrustes_and_rank() -> None:
    source, target = torch.randn(60, 8, dtype=torch.float64), torch.randn(60, 8, dtype=torch.float64)
    assert np.allclose(similarity.procrustes(source, target), orthogonal_procrustes(source.numpy(), target.numpy())[0])
    u, s, vh = np.linalg.svd(ROWS.numpy(), full_matrices=False)
    assert np.allclose(similarity.low_rank(ROWS, 3), u[:, :3] @ np.diag(s[:3]) @ vh[:3], atol=1e-5)


def test_the_focus_package_agrees() -> None:
    entmax = pytest.importorskip("entmax")
    scores = torch.randn(20, 300) / 5
    assert torch.allclose(similarity.sparsemax(scores), entmax.sparsemax(scores, dim=-1), atol=1e-5)
