"""Continued pre-training: a model folder in, a model folder out, in one stage or several.

    [cpt]
    steps = 2000                     one stage is the section itself
    stages = [                       or several, each with what it changes of the section
        { steps = 500, train = "embeddings", lr = 5e-4 },
        { steps = 1500 },
        { steps = 200, length = 16384, rope = { rope_theta = 5000000.0 }, lr = 2e-5 },
    ]

Each stage starts from the folder that the one before wrote, with new moments and a learning rate warmed again; a stage
that is written is not trained again. All data first and high-quality data at the end is one stage: the schedule "wsd",
and in [data] what is taken in the last part of the run. OUTPUT/cpt-run has the checkpoints, the metrics and the stages'
models; OUTPUT/cpt is the last one.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from train.folder import check_pair, load_model, load_tokenizer
from train.loop import fit
from train.optimisation import parameters
from train.optimisation.batches import Stream
from train.optimisation.distributed import World, place, world
from train.optimisation.objective import Objective, verify
from train.optimisation.schedule import Schedule
from train.optimisation.settings import Settings
from train.optimisation.watch import Held, held
from train.optimisation.writing import write_trained
from train.recipe import Run, Section, TrainError, command, read
from train.stream.shards import texts


class Stage(Section):
    """What a stage changes of the section; what it leaves out is as there."""

    steps: int | None = None
    train: Literal["all", "embeddings", "new_rows", "lora", "groups"] | None = None
    lr: float | None = None
    schedule: Schedule | None = None
    batch: int | None = None
    micro_batch: int | None = None
    length: int | None = None  # tokens a pack
    rope: dict[str, Any] | None = None  # over the config's rope_parameters: rope_theta, or rope_type, factor ...


class Watched(Section):
    """Held-out text of which the bits per byte are told."""

    path: str  # glob of Parquet or JSON lines with a column "text"
    documents: int = 200  # the first of it
    group: str | None = None  # with train = "groups": the adapter to read it with


class Cpt(Settings):
    """[cpt]"""

    stages: tuple[Stage, ...] = ()
    length: int | None = None  # tokens a pack; the model's context where not given, at most 4,096
    rope: dict[str, Any] | None = None
    groups: dict[str, tuple[str, ...]] = {}  # train = "groups": name -> sources; each pack trains its group's adapter
    watch: dict[str, Watched] = {}  # name -> text: the old language and the new one


@dataclass(frozen=True)
class Reading:
    """What a stage asks of the data."""

    tokenizer: PreTrainedTokenizerBase
    length: int
    packs: int  # that the stage takes
    before: int  # packs that the stages before took
    total: int  # packs of all stages


Open = Callable[[Reading], Stream]


def train(run: Run, settings: Cpt, open_stream: Open) -> None:
    """All stages; called in every process of torchrun. Raises TrainError."""
    where = world()
    torch.manual_seed(run.seed)
    folder = run.before("cpt", "tokenizer", "embeddings")
    stages = plan(settings)
    total = sum(stage.steps * stage.batch for stage in stages)
    steps = packs = 0
    for number, stage in enumerate(stages, 1):
        last = number == len(stages)
        target = run.folder("cpt") if last else run.folder("cpt-run") / f"stage-{number}" / "model"
        if last or not (target / "config.json").is_file():
            one = _Stage(run, stage, folder, run.folder("cpt-run"), number, where)
            one.train(open_stream, steps, packs, total)
            one.write(target)
        folder = target
        steps, packs = steps + stage.steps, packs + stage.steps * stage.batch


def plan(settings: Cpt) -> list[Cpt]:
    """The section as its stages."""
    changes = [stage.model_dump(exclude_none=True) for stage in settings.stages] or [{}]
    whole = settings.model_dump() | {"stages": ()}
    return [Cpt.model_validate(whole | change) for change in changes]


class _Stage:
    """One stage: the model it starts from, made ready, trained, written."""

    def __init__(self, run: Run, settings: Cpt, source: Path, work: Path, number: int, where: World) -> None:
        self.run, self.settings, self.source, self.work, self.number, self.where = run, settings, source, work, number, where  # fmt: skip
        self.tokenizer = load_tokenizer(source)
        self.prepared = self._load()

    def _load(self) -> parameters.Prepared:
        model = load_model(self.source)
        check_pair(model, self.tokenizer, self.source)
        self.length = lengthen(model, self.settings.length, self.settings.rope)
        return parameters.prepare(model, self.settings, self.settings.groups)

    def train(self, open_stream: Open, steps: int, packs: int, total: int) -> None:
        verify(self.prepared.model)
        if self.where.device.type == "cuda":
            self.prepared.model.set_attn_implementation("flex_attention")
        objective = Objective(self.prepared.model, self.settings.precision)
        place(objective, self.where)
        reading = Reading(self.tokenizer, self.length, self.settings.steps * self.settings.batch, packs, total)
        rows = new_rows(self.run.base, self.tokenizer) if self.settings.train == "new_rows" else ()
        fit(
            objective,
            open_stream(reading) if self.where.first else None,
            self.settings,
            folder=self.work,
            checkpoints=self.work / f"stage-{self.number}" / "checkpoints",
            where=self.where,
            start=self._start(),
            held=self._held(),
            rows=rows,
            adapter_of=_router(self.settings.groups) if self.settings.train == "groups" else None,
            first=steps,
        )

    def _start(self) -> parameters.Start:
        """The weights that continued pre-training starts from: those of the folder before the first stage."""
        first = self.run.before("cpt", "tokenizer", "embeddings")
        if first == self.source:
            return parameters.Start(self.prepared.model)
        objective = Objective(load_model(first))
        place(objective, self.where)
        return parameters.Start(objective.model)

    def _held(self) -> list[Held]:
        return [
            held(name, islice(texts([each.path]), each.documents), self.tokenizer, self.length, each.group)
            for name, each in self.settings.watch.items()
        ]

    def write(self, target: Path) -> None:
        """The whole model in one folder; adapters of groups beside its weights, in adapters/."""
        apart = self.settings.train == "groups"
        write_trained(target, self.prepared, self._load, self.tokenizer, self.where, apart=apart)


def work(recipe: str, settings: tuple[str, ...]) -> None:
    """Continued pre-training of the recipe's model on its [data]; writes OUTPUT/cpt.

    Under torchrun over all its processes.
    """
    from train.data import open_stream  # starts the readers

    run, section = read(recipe, "cpt", Cpt, settings)
    train(run, section, open_stream(recipe, settings, run))


def lengthen(model: PreTrainedModel, length: int | None, rope: Mapping[str, Any] | None) -> int:
    """The tokens a pack; makes the model one of that length where `rope` says how. Raises TrainError."""
    config = model.config.get_text_config()
    context = getattr(config, "max_position_embeddings", None)
    if rope is not None:
        config.rope_parameters = {**(config.rope_parameters or {}), **rope}
        config.max_position_embeddings = max(length or 0, context or 0)
        _new_rotations(model, config)
    elif length is not None and context is not None and length > context:
        raise TrainError(f"cpt.length: {length:,} tokens, the model is made for {context:,}; cpt.rope makes it longer")
    return length or min(context or 4096, 4096)


def _new_rotations(model: PreTrainedModel, config: Any) -> None:
    """Rotary embeddings are computed from the config where a model is made: made again."""
    found = [(name, module) for name, module in model.named_modules() if hasattr(module, "inv_freq")]
    if not found:
        raise TrainError(f"cpt.rope: {type(model).__name__} has no rotary embeddings")
    for name, module in found:
        try:
            made = type(module)(config)
        except (KeyError, ValueError, TypeError) as error:
            raise TrainError(f"cpt.rope: {error}") from None
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, made)


def new_rows(base: Path, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The ids of tokens that the base's tokenizer does not have, or has elsewhere. Raises TrainError for none."""
    before = load_tokenizer(base).get_vocab()
    rows = [at for token, at in tokenizer.get_vocab().items() if before.get(token) != at]
    if not rows:
        raise TrainError(f'cpt.train: "new_rows", but the tokenizer is that of {base}: there is no new token')
    return sorted(rows)


def _router(groups: Mapping[str, Collection[str]]) -> Callable[[Any], str]:
    """The group that a pack's sources are of. Raises TrainError for a pack of none or of two."""
    group_of = {source: group for group, sources in groups.items() for source in sources}

    def route(pack: Any) -> str:
        found = {group_of.get(source, "") for source in pack.sources}
        if len(found) != 1 or "" in found:
            names = ", ".join(sorted(set(pack.sources)))
            raise TrainError(
                f"cpt.groups: a pack of {names} is of no one group; each source wants one, and its own packs"
            )
        return found.pop()

    return route


if __name__ == "__main__":
    command(work)()
