"""Several processes under torchrun: who is who, FSDP2, the whole weights gathered again.

On a GPU a single process is sharded too (over itself): FSDP2 then holds fp32 weights and computes with bf16 copies.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from train.optimisation.objective import Objective
from train.recipe import TrainError


@dataclass(frozen=True)
class World:
    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def total(self, value: float) -> float:
        """The sum over all processes."""
        if self.size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(tensor)
        return float(tensor)

    def agree(self, error: Exception | None, what: str) -> None:
        """Raise in every process where one of them has an error: none waits for one that is gone."""
        failed = self.total(error is not None)
        if isinstance(error, TrainError):
            raise error
        if error is not None:
            raise TrainError(f"{what}: {error}") from None
        if failed:
            raise TrainError(f"{what}: another process failed")


def world() -> World:
    """This process's place under torchrun; alone without it."""
    size, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    if not dist.is_initialized() and (size > 1 or device.type == "cuda"):
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        store = None if size > 1 else dist.HashStore()
        dist.init_process_group(backend, rank=rank, world_size=size, store=store)
    return World(rank, size, device)


def place(objective: Objective, where: World) -> None:
    """Onto the device; over the processes by FSDP2, each layer a unit, embeddings and head in the last."""
    if where.size == 1 and where.device.type == "cpu":
        return
    mesh = init_device_mesh(where.device.type, (where.size,))
    policy = MixedPrecisionPolicy()
    if objective.autocast:
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        objective.autocast = False
    for layer in layers(objective.model):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(objective, mesh=mesh, mp_policy=policy)
    objective.to(where.device)  # buffers


def layers(model: nn.Module) -> list[nn.Module]:
    """The decoder's layers: the list with most weights."""
    lists: list[Any] = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        return []

    def size(modules: Any) -> int:
        return sum(weight.numel() for weight in modules.parameters())

    return list(max(lists, key=size))


def settle(objective: nn.Module) -> None:
    """Drop what a pass without a backward left gathered."""
    if isinstance(objective, FSDPModule):
        objective.reshard()


def gathered(model: nn.Module, where: World) -> dict[str, Tensor]:
    """The whole weights by their names in the model, on the CPU of the first process; others get nothing."""
    whole = {}
    for name, weight in model.named_parameters():
        full = weight.detach().full_tensor() if isinstance(weight, DTensor) else weight.detach()
        if where.first:
            whole[name] = full.cpu()
    return whole


def fill(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Weights that were gathered into a model that is whole."""
    own = dict(model.named_parameters())
    with torch.no_grad():
        for name, weight in weights.items():
            own[name].copy_(weight)
