"""What the loop needs to know; [cpt] and [sft] add what is theirs."""

from typing import Literal

from train.optimisation.schedule import Schedule
from train.recipe import Section


class Ema(Section):
    """Weights pulled back to what they were, as in EmergentCPT (2506.00288)."""

    new: float = 0.92  # share of the weights just trained; 1 - new is of the snapshot of `every` steps before
    every: int = 1


class Lora(Section):
    """Adapters on every linear layer but the head."""

    rank: int = 64
    alpha: float = 128.0
    dropout: float = 0.0
    embeddings: bool = True  # the embedding matrices are trained too, directly: new tokens need it


class Settings(Section):
    """One run of the loop from a model to a model."""

    steps: int = 1000
    batch: int = 64  # packs a step, over all processes
    micro_batch: int = 4  # packs a forward pass, in each process
    lr: float = 1e-4  # at the peak
    schedule: Schedule = Schedule()
    train: Literal["all", "embeddings", "new_rows", "lora", "groups"] = "all"
    lora: Lora = Lora()
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    clip: float = 1.0  # norm of the gradient
    ema: Ema | None = None
    precision: Literal["bf16", "fp32"] = "bf16"  # of the products; weights and moments are fp32
    gradient_checkpointing: bool = False
    compile: bool = False  # each layer with torch.compile
    save_every: int = 200  # steps
    keep: int = 2  # checkpoints
    watch_every: int = 200  # steps
