"""The training loop, shared by continued pre-training and fine-tuning.

    read a batch -> forward and backward in micro-batches -> clip -> AdamW -> average -> tell, watch, save

A killed run goes on from its newest whole checkpoint with the same numbers.
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from train.optimisation import parameters
from train.optimisation.batches import Batches, Read, Stream, batch_of, pairs
from train.optimisation.checkpoint import Checkpoints, Saved
from train.optimisation.distributed import World, layers
from train.optimisation.ema import Average
from train.optimisation.flops import Flops, peak
from train.optimisation.metrics import Metrics, Progress
from train.optimisation.objective import Objective
from train.optimisation.schedule import level
from train.optimisation.settings import Settings
from train.optimisation.watch import Held, bits_per_byte
from train.recipe import TrainError

_FREE = {
    "save_every",
    "keep",
    "watch_every",
    "micro_batch",
    "gradient_checkpointing",
    "compile",
}  # may change on resume


def fit(
    objective: Objective,
    stream: Stream | None,
    settings: Settings,
    *,
    folder: Path,
    where: World,
    checkpoints: Path | None = None,
    start: parameters.Start | None = None,
    held: Sequence[Held] = (),
    rows: Collection[int] = (),
    adapter_of: Callable[[Any], str] | None = None,
    first: int = 0,
) -> None:
    """Train what requires a gradient in `objective`, which is on its device (distributed.place).

    stream: None in processes other than the first. folder: of metrics, and of checkpoints where these have
    none of their own. start: the weights to tell the
    distance from. held: text to watch. rows: of the embeddings, where only these are trained. adapter_of: the adapter
    that a pack trains. first: steps of the stages before, for the metrics. Raises TrainError.
    """
    run = _Run(objective, settings, checkpoints or folder / "checkpoints", where, rows, adapter_of)
    done = run.resume(stream)
    metrics = Metrics(folder, first + done or -1) if where.first else None
    progress = Progress(settings.steps)

    def tell(step: int, values: dict[str, Any]) -> None:
        if metrics is not None:
            metrics.write(first + step, values)

    def watch(step: int) -> None:
        values = {f"bits_per_byte/{text.name}": run.bits_per_byte(text) for text in held}
        if start is not None:
            values["distance"] = math.sqrt(where.total(start.squared_distance(objective.model)))
        if values:
            tell(step, values)

    if first + done == 0:
        watch(0)
    for step, read in enumerate(Batches(stream, settings.batch, settings.steps - done, where), done + 1):
        values = run.step(step, read)
        tell(step, values)
        if where.first:
            progress.tell(step, values)
        last = step == settings.steps
        if last or step % settings.watch_every == 0:
            watch(step)
        if last or step % settings.save_every == 0:
            run.save(step, read.state)
    if metrics is not None:
        metrics.close()


class _Run:
    """What changes from step to step."""

    def __init__(
        self,
        objective: Objective,
        settings: Settings,
        folder: Path,
        where: World,
        rows: Collection[int],
        adapter_of: Callable[[Any], str] | None,
    ) -> None:
        _check(settings, where, adapter_of is not None)
        self.objective, self.settings, self.where, self.adapter_of = objective, settings, where, adapter_of
        self.weights = parameters.trained(objective.model)
        matrices = parameters.embeddings(objective.model) if rows else {}
        self.optimizer = parameters.optimizer_for(self.weights, settings, matrices)
        self.row_mask = parameters.RowMask(matrices, rows)
        self.average = Average(self.weights, settings.ema) if settings.ema else None
        self.checkpoints = Checkpoints(folder, settings.keep, where)
        self.flops, self.peak = Flops(objective.model), peak(where.device)
        _prepare_layers(objective, settings)
        torch.manual_seed(torch.initial_seed() + where.rank)  # of dropout
        objective.train()

    def step(self, step: int, read: Read) -> dict[str, Any]:
        """One step of the optimizer; what to tell of it. Raises TrainError before the weights take harm."""
        began = time.perf_counter()
        rate = self.settings.lr * level(step, self.settings.steps, self.settings.schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self._backward(step, read)
        self.row_mask.apply()
        norm = float(_whole(torch.nn.utils.clip_grad_norm_(self.weights.values(), self.settings.clip)))
        if not math.isfinite(norm):
            raise TrainError(f"step {step}: the gradient is {norm}; {_kept(self.settings)}")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.after(step)
        return {"loss": loss, "lr": rate, "grad_norm": norm, **self._speed(read, time.perf_counter() - began)}

    def _backward(self, step: int, read: Read) -> float:
        """The mean loss over all labels of the step, in all processes; gradients of that mean are left in the weights."""
        labels = max(1, read.labels)
        losses = []
        parts = self._micro_batches(read)
        for part in parts:
            if self.adapter_of is not None:
                parameters.choose_adapter(self.objective.model, self.adapter_of(read.packs[part[0]]))
            loss = self.objective(batch_of(read.columns[:, part], self.where.device))
            # FSDP takes the mean over processes, where the sum is wanted
            (loss * (self.where.size / labels)).backward()
            losses.append(loss.detach())
        mine = torch.stack(losses).double().cpu()
        total = self.where.total(float(mine.sum())) / labels
        if not math.isfinite(total):
            raise TrainError(f"step {step}: the loss is {total}{_sources(read, parts, mine)}; {_kept(self.settings)}")
        return total

    def _micro_batches(self, read: Read) -> list[list[int]]:
        """The packs of each pass, by their place in the batch; those of one pass have one adapter."""
        size = self.settings.micro_batch
        places = list(range(self.where.rank, self.settings.batch, self.where.size))
        if self.adapter_of is None:
            return [places[at : at + size] for at in range(0, len(places), size)]
        groups: dict[str, list[int]] = {}
        for place in places:
            groups.setdefault(self.adapter_of(read.packs[place]), []).append(place)
        return [group[at : at + size] for group in groups.values() for at in range(0, len(group), size)]

    def _speed(self, read: Read, seconds: float) -> dict[str, Any]:
        tokens = int((read.columns[3] >= 0).sum())
        values: dict[str, Any] = {"tokens": tokens, "seconds": round(seconds, 4), "tokens_per_second": tokens / seconds}
        if self.peak is not None:
            done = self.flops.of(tokens, pairs(read.columns))
            values["mfu"] = done / seconds / (self.peak * self.where.size)
        return values

    def bits_per_byte(self, text: Held) -> float:
        if text.adapter is not None:
            parameters.choose_adapter(self.objective.model, text.adapter)
        return bits_per_byte(self.objective, text, self.settings.micro_batch, self.where)

    def save(self, step: int, stream: Any) -> None:
        tensors = {f"weight/{name}": parameters.local(weight.detach()) for name, weight in self.weights.items()}
        for name, weight in self.weights.items():
            for key, moment in self.optimizer.state.get(weight, {}).items():
                tensors[f"{key}/{name}"] = parameters.local(moment)
        if self.average is not None:
            tensors |= {f"snapshot/{name}": snapshot for name, snapshot in self.average.snapshot.items()}
        tensors["random/cpu"] = torch.get_rng_state()
        if self.where.device.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state(self.where.device)
        state = {"stream": stream, "settings": self.settings.model_dump(mode="json")}
        self.checkpoints.save(step, tensors, state)

    def resume(self, stream: Stream | None) -> int:
        """The step of the newest whole checkpoint, which everything is set back to; 0 where there is none."""
        saved, complaints = self.checkpoints.newest()
        for complaint in complaints:
            click.echo(complaint, err=True)
        if saved is None:
            return 0
        _same_settings(saved.state["settings"], self.settings, self.checkpoints.folder)
        self._load(saved)
        if stream is not None:
            stream.restore(saved.state["stream"])
        return saved.step

    @torch.no_grad()
    def _load(self, saved: Saved) -> None:
        for name, weight in self.weights.items():
            own = parameters.local(weight)
            kept = saved.tensors.get(f"weight/{name}")
            if kept is None or kept.shape != own.shape:
                raise TrainError(f"{self.checkpoints.folder}: its {name} is of another model; remove it to start anew")
            own.copy_(kept)
            if self.average is not None:
                self.average.snapshot[name].copy_(saved.tensors[f"snapshot/{name}"])
            if f"exp_avg/{name}" in saved.tensors:
                self.optimizer.state[weight] = {
                    "step": saved.tensors[f"step/{name}"].to(own.device),
                    **{key: _like(weight, saved.tensors[f"{key}/{name}"]) for key in ("exp_avg", "exp_avg_sq")},
                }
        torch.set_rng_state(saved.tensors["random/cpu"])
        if "random/cuda" in saved.tensors:
            torch.cuda.set_rng_state(saved.tensors["random/cuda"], self.where.device)


def _check(settings: Settings, where: World, adapters: bool) -> None:
    if settings.batch % where.size:
        raise TrainError(f"batch: {settings.batch} packs do not divide over {where.size} processes")
    if adapters and where.size > 1:
        raise TrainError('train = "groups" trains in one process: without torchrun, or one group a run')


def _prepare_layers(objective: Objective, settings: Settings) -> None:
    if settings.gradient_checkpointing:
        objective.model.gradient_checkpointing_enable({"use_reentrant": False})
    if settings.compile:
        for layer in layers(objective.model):
            layer.compile()


def _same_settings(old: dict[str, Any], settings: Settings, folder: Path) -> None:
    for key, value in settings.model_dump(mode="json").items():
        if key not in _FREE and old.get(key) != value:
            raise TrainError(
                f"{key}: {value!r}, but the run in {folder} began with {old.get(key)!r}: set it back, or remove the folder"
            )


def _sources(read: Read, parts: list[list[int]], losses: Tensor) -> str:
    """Where the packs are from whose loss is not finite, as far as this process knows."""
    bad = [
        place for part, loss in zip(parts, losses.tolist(), strict=True) if not math.isfinite(loss) for place in part
    ]
    names = {name for place in bad if read.packs for name in getattr(read.packs[place], "sources", ())}
    return f" on packs of {', '.join(sorted(names))}" if names else ""


def _kept(settings: Settings) -> str:
    return "nothing was saved of this step, the last checkpoint is good; a lower lr or clip, or other data, may help"


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, parameters.DTensor) else tensor


def _like(weight: Tensor, moment: Tensor) -> Tensor:
    moment = moment.to(parameters.local(weight).device)
    if isinstance(weight, parameters.DTensor):
        return parameters.DTensor.from_local(moment, weight.device_mesh, weight.placements, shape=weight.shape, stride=weight.stride())  # fmt: skip
    return moment
