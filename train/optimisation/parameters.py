"""Which weights are trained, in which groups, and how far they have gone from where they started."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

from train.optimisation.settings import Lora, Settings
from train.recipe import TrainError


@dataclass(frozen=True)
class Prepared:
    """A model of which what is to be trained requires gradients; peft: its wrapper where it has adapters."""

    model: PreTrainedModel
    peft: PeftModel | None = None


def prepare(model: PreTrainedModel, settings: Settings, groups: Collection[str] = ()) -> Prepared:
    """Freeze what is not trained, add adapters. groups: the names of the adapters where train = "groups"."""
    if settings.train == "groups":
        return _with_adapters(model, settings.lora, sorted(groups))
    if settings.train == "lora":
        prepared = _with_adapters(model, settings.lora, ["default"])
        for matrix in embeddings(model).values():
            matrix.requires_grad_(settings.lora.embeddings)
        return prepared
    model.requires_grad_(settings.train == "all")
    for matrix in embeddings(model).values():
        matrix.requires_grad_(True)
    return Prepared(model)


def _with_adapters(model: PreTrainedModel, lora: Lora, names: list[str]) -> Prepared:
    """peft's modules_to_save would untie tied matrices (transformers#45127), so that it is not used."""
    if not names:
        raise TrainError("cpt.train: groups needs cpt.groups, as groups = { indic = ['hin_Deva', 'tam_Taml'] }")
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules="all-linear")  # fmt: skip
    wrapped = get_peft_model(model, config, adapter_name=names[0])
    for name in names[1:]:
        wrapped.add_adapter(name, config)
    for name, weight in model.named_parameters():
        weight.requires_grad_(".lora_" in name)
    return Prepared(model, wrapped)


def choose_adapter(model: nn.Module, name: str) -> None:
    """The adapter that the next passes use. All of them stay trainable: those unused have no gradient."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module._active_adapter = [name]


def embeddings(model: PreTrainedModel) -> dict[str, nn.Parameter]:
    """The matrices with a row for each token, by name: one where they are tied."""
    matrices = {id(model.get_input_embeddings().weight), id(model.get_output_embeddings().weight)}
    return {canonical(name): weight for name, weight in model.named_parameters() if id(weight) in matrices}


def canonical(name: str) -> str:
    """The name that a weight has in the model's own files, whatever wraps it."""
    for part in ("base_layer.", "_orig_mod."):
        name = name.replace(part, "")
    return name


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {canonical(name): weight for name, weight in model.named_parameters() if weight.requires_grad}


def optimizer_for(weights: Mapping[str, nn.Parameter], settings: Settings, rows: Collection[str] = ()) -> torch.optim.AdamW:  # fmt: skip
    """AdamW that decays matrices only. rows: matrices of which only some rows are trained: these are not decayed."""
    decayed = [weight for name, weight in weights.items() if weight.dim() >= 2 and name not in rows]
    others = [weight for name, weight in weights.items() if weight.dim() < 2 or name in rows]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    filled: list[dict[str, Any]] = [group for group in groups if group["params"]]
    return torch.optim.AdamW(filled, lr=settings.lr, betas=settings.betas, fused=True)


class RowMask:
    """Trains some rows of matrices: the gradient of the others is 0, so that AdamW without decay leaves them."""

    def __init__(self, matrices: Mapping[str, nn.Parameter], rows: Collection[int]) -> None:
        self.masks = [(matrix, _mask_like(matrix, rows)) for matrix in matrices.values()]

    def apply(self) -> None:
        for matrix, mask in self.masks:
            if matrix.grad is not None:
                matrix.grad.mul_(mask)


def _mask_like(matrix: Tensor, rows: Collection[int]) -> Tensor:
    mask = torch.zeros(matrix.shape[0], 1, device=matrix.device)
    mask[sorted(rows)] = 1.0
    if isinstance(matrix, DTensor):
        return distribute_tensor(mask, matrix.device_mesh, matrix.placements)
    return mask


def local(weight: Tensor) -> Tensor:
    """The part of a sharded tensor that is here."""
    return weight.to_local() if isinstance(weight, DTensor) else weight


class Start:
    """The weights at the start, to tell ||theta - theta_0||; on the CPU, each process its part."""

    def __init__(self, model: nn.Module) -> None:
        self.weights = {name: local(weight).float().cpu().clone() for name, weight in effective(model)}

    @torch.no_grad()
    def squared_distance(self, model: nn.Module) -> float:
        """The part of this process, in fp64."""
        total = 0.0
        for name, weight in effective(model):
            change = local(weight).float() - self.weights[name].to(weight.device)
            total += float(change.double().square().sum())
        return total


@torch.no_grad()
def effective(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The model's own weights by their own names, adapters that are active added in."""
    adapted = {name: module for name, module in model.named_modules() if isinstance(module, LoraLayer)}
    for name, weight in model.named_parameters():
        if ".lora_" in name:
            continue
        module = adapted.get(name.removesuffix(".base_layer.weight"))
        yield canonical(name), weight.detach() if module is None else _with_delta(weight.detach(), module)


def _with_delta(weight: Tensor, module: LoraLayer) -> Tensor:
    for name in module.lora_A:
        delta = module.get_delta_weight(name)
        if isinstance(weight, DTensor) and isinstance(delta, DTensor):
            delta = delta.redistribute(placements=weight.placements)
        weight = weight + delta
    return weight
