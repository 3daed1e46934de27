"""Merging methods on one tensor, in fp32. theta_i: the models' tensors, theta_0: the base's, tau_i = theta_i - theta_0.

`weights` are the models' w_i; they need not sum to one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NEARLY_PARALLEL = 0.9995  # of |cos|: slerp divides by the sine of the angle


@dataclass(frozen=True)
class Knobs:
    """What the methods are told besides weights; each reads its own."""

    scale: float = 1.0  # lambda, of the merged task vector
    density: float = 0.2  # share of a task vector's entries that TIES and DARE keep
    t: float = 0.5  # slerp: 0 is the first model, 1 the second


def linear(models: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """sum w_i theta_i / sum w_i: model averaging (Wortsman et al. 2022, model soups)."""
    total = torch.zeros_like(models[0], dtype=torch.float32)
    for model, weight in zip(models, weights, strict=True):
        total += model.float() * (weight / sum(weights))
    return total


def slerp(first: Tensor, second: Tensor, t: float) -> Tensor:
    """[sin((1-t) O) a + sin(t O) b] / sin O on the tensors as vectors, O the angle between them (Shoemake 1985).

    A straight line where they are nearly parallel, opposite, or one is zero.
    """
    a, b = first.float(), second.float()
    lengths = a.norm() * b.norm()
    cosine = float((a * b).sum() / lengths) if lengths > 0 else 1.0
    if abs(cosine) > NEARLY_PARALLEL:
        return (1 - t) * a + t * b
    angle = math.acos(cosine)
    return (math.sin((1 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)


def task_arithmetic(base: Tensor, models: Sequence[Tensor], weights: Sequence[float], *, scale: float) -> Tensor:
    """theta_0 + lambda sum w_i tau_i (Ilharco et al. 2023)."""
    merged = base.float().clone()
    for model, weight in zip(models, weights, strict=True):
        merged += scale * weight * (model.float() - base.float())
    return merged


def ties(base: Tensor, models: Sequence[Tensor], weights: Sequence[float], *, scale: float, density: float) -> Tensor:
    """Trim, elect signs, merge what agrees (Yadav et al. 2023, section 4).

    Each tau_i keeps its `density` of entries that are largest by magnitude; gamma = sign(sum w_i tau_i); the merged task
    vector is the weighted mean of the entries whose sign is gamma.
    """
    trimmed = [_largest(model.float() - base.float(), density) for model in models]
    sums = torch.zeros_like(trimmed[0])
    for tau, weight in zip(trimmed, weights, strict=True):
        sums += weight * tau
    elected = sums.sign()
    above, below = torch.zeros_like(sums), torch.zeros_like(sums)
    for tau, weight in zip(trimmed, weights, strict=True):
        agrees = (tau.sign() == elected) & (tau != 0)
        above += torch.where(agrees, weight * tau, 0.0)
        below += torch.where(agrees, weight, 0.0)
    return base.float() + scale * torch.where(below != 0, above / below, 0.0)


def dare(
    base: Tensor,
    models: Sequence[Tensor],
    weights: Sequence[float],
    *,
    scale: float,
    density: float,
    draw: torch.Generator,
) -> Tensor:
    """Drop and rescale, then task arithmetic (Yu et al. 2024): of each tau_i an entry stays with probability `density`
    and is divided by it, so that its expectation is what it was."""
    merged = base.float().clone()
    for model, weight in zip(models, weights, strict=True):
        tau = model.float() - base.float()
        stays = torch.rand(tau.shape, generator=draw) < density
        merged += scale * weight * torch.where(stays, tau / density, 0.0)
    return merged


# Methods that need the base
FROM_BASE: dict[str, Callable[[Tensor, Sequence[Tensor], Sequence[float], Knobs, torch.Generator], Tensor]] = {
    "task_arithmetic": lambda base, models, weights, knobs, _: task_arithmetic(
        base, models, weights, scale=knobs.scale
    ),
    "ties": lambda base, models, weights, knobs, _: ties(
        base, models, weights, scale=knobs.scale, density=knobs.density
    ),
    "dare": lambda base, models, weights, knobs, draw: dare(
        base, models, weights, scale=knobs.scale, density=knobs.density, draw=draw
    ),
}


def merge(
    method: str,
    base: Tensor | None,
    models: Sequence[Tensor],
    weights: Sequence[float],
    *,
    knobs: Knobs,
    draw: torch.Generator,
) -> Tensor:
    """A tensor by a method's name, fp32. base: for the methods of FROM_BASE."""
    if method == "linear":
        return linear(models, weights)
    if method == "slerp":
        return slerp(models[0], models[1], knobs.t)
    assert base is not None
    return FROM_BASE[method](base, models, weights, knobs, draw)


def _largest(values: Tensor, density: float) -> Tensor:
    """Zero but for the `density` of entries that are largest by magnitude (at least one; of equals, the first)."""
    wanted = max(1, round(density * values.numel()))
    flat = values.reshape(-1)
    kept = torch.zeros_like(flat)
    places = flat.abs().topk(wanted, sorted=False).indices
    kept[places] = flat[places]
    return kept.reshape(values.shape)
