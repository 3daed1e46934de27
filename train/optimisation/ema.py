"""Exponential moving average that training goes on from (EmergentCPT, 2506.00288).

Every `every` steps, after the optimizer's: weights <- new * weights + (1 - new) * snapshot; snapshot <- weights. The
snapshot starts as the model that training starts from, so that each step's drift from it is damped. (The code published
with the paper extrapolates instead, and once a micro-batch; this is the formula of its text, on the fp32 weights.)
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from train.optimisation.parameters import local
from train.optimisation.settings import Ema


class Average:
    """Holds the snapshot of `weights` (name -> parameter, changed in place)."""

    def __init__(self, weights: Mapping[str, Tensor], settings: Ema) -> None:
        self.weights = {name: local(weight) for name, weight in weights.items()}
        self.snapshot = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self.settings = settings

    @torch.no_grad()
    def after(self, step: int) -> None:
        """To be called after the optimizer's step number `step` (from 1)."""
        if step % self.settings.every:
            return
        for name, weight in self.weights.items():
            weight.lerp_(self.snapshot[name], 1 - self.settings.new)
            self.snapshot[name].copy_(weight)
