"""`python -m train.merge RECIPE`: several checkpoints of one architecture as one, tensor by tensor in fp32.

    [merge]
    method = "linear"            linear, slerp, task_arithmetic, ties, dare
    models = [{ path = "runs/hindi/cpt" }, { path = "models/base-instruct", weight = 0.5 }]

The task vectors of task_arithmetic, ties and dare start from the recipe's `base`. Models with different vocabularies are
aligned by the tokens' strings: the result has the vocabulary of the first model; a model that lacks a token has no say
about its row.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from rich.console import Console
from rich.progress import track
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM
from transformers import logging as transformers_logging

from train.folder import line, load_tokenizer, publish
from train.merging.methods import FROM_BASE, Knobs, merge
from train.merging.tensors import INDEX, Tensors, write_shards
from train.merging.vocabulary import Alignment, align, rows_merged
from train.recipe import Run, Section, TrainError, command, read

Method = Literal["linear", "slerp", "task_arithmetic", "ties", "dare"]


class Part(Section):
    """A model to merge."""

    path: str
    weight: float = Field(1.0, gt=0)


class Merge(Section):
    """How checkpoints become one."""

    method: Method = "linear"
    models: tuple[Part, ...] = Field(min_length=2)
    scale: float = 1.0  # lambda of task_arithmetic, ties and dare
    density: float = Field(0.2, gt=0, le=1)  # of task vectors, kept by ties and dare
    t: float = Field(0.5, ge=0, le=1)  # of slerp: how far from the first model to the second

    @model_validator(mode="after")
    def _two_for_slerp(self) -> Self:
        if self.method == "slerp" and len(self.models) != 2:
            raise ValueError(f"slerp is between two models, not {len(self.models)}")
        return self


@dataclass(frozen=True)
class Source:
    """A folder's tensors, and where the result's rows lie in its embeddings."""

    tensors: Tensors
    alignment: Alignment


def work(recipe: str, settings: tuple[str, ...]) -> None:
    """Merge the models of a recipe's [merge] into OUTPUT/merge."""
    run, section = read(recipe, "merge", Merge, settings)
    merge_folders(run, section, Console(stderr=True))


def merge_folders(run: Run, section: Merge, console: Console) -> Path:
    """Write OUTPUT/merge and return it. Raises TrainError where the models do not fit each other."""
    paths = [Path(part.path) for part in section.models]
    if section.method in FROM_BASE:
        paths.append(run.base)
    embeddings = _embedding_names(paths[0])
    sources = _sources(paths, embeddings)
    _check_tensors(sources, embeddings)
    _say_missing(sources, console)
    folder = run.folder("merge")

    def write(partial: Path) -> None:
        names = sorted(sources[0].tensors.names)
        merged = _merged(track(names, "merge", console=console), sources, section, embeddings, run.seed)
        write_shards(partial, merged)
        _copy_rest(paths[0], partial)

    publish(folder, write)
    console.print(f"merge      {section.method} of {len(section.models)} models -> {folder}")
    return folder


def _merged(
    names: Iterable[str], sources: Sequence[Source], section: Merge, embeddings: set[str], seed: int
) -> Iterator[tuple[str, Tensor]]:
    weights = [part.weight for part in section.models]
    knobs = Knobs(scale=section.scale, density=section.density, t=section.t)
    for name in names:
        found = [source.tensors[name] for source in sources]
        padding = None
        if name in embeddings:
            aligned, padding = rows_merged(
                found, [source.alignment for source in sources], [*weights, 0.0][: len(found)]
            )
        else:
            aligned = found
        base = aligned[len(weights)] if len(aligned) > len(weights) else None
        draw = torch.Generator().manual_seed(_seed(seed, name))
        result = merge(section.method, base, aligned[: len(weights)], weights, knobs=knobs, draw=draw)
        if padding is not None:
            result[padding] = found[0][padding].float()
        yield name, result.to(found[0].dtype)


def _embedding_names(folder: Path) -> set[str]:
    """The names of the tensors with a row a token: the input matrix, and the output matrix where it is not tied."""
    config = _config(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    rows = {id(module.weight) for module in (model.get_input_embeddings(), model.get_output_embeddings())}
    return {name for name, tensor in model.named_parameters(remove_duplicate=False) if id(tensor) in rows}


def _sources(paths: Sequence[Path], embeddings: set[str]) -> list[Source]:
    vocabularies = [load_tokenizer(path).get_vocab() for path in paths]
    tensors = [Tensors(path) for path in paths]
    heights = [_height(found, embeddings) for found in tensors]
    return [
        Source(found, align(vocabularies[0], heights[0], vocabulary, height, str(path)))
        for found, vocabulary, height, path in zip(tensors, vocabularies, heights, paths, strict=True)
    ]


def _height(tensors: Tensors, embeddings: set[str]) -> int:
    there = sorted(embeddings & tensors.names)
    if not there:
        raise TrainError(f"{tensors.folder}: none of the tensors {', '.join(sorted(embeddings))}; other architecture?")
    return tensors.shape(there[0])[0]


def _check_tensors(sources: Sequence[Source], embeddings: set[str]) -> None:
    first = sources[0].tensors
    for other in (source.tensors for source in sources[1:]):
        if other.names != first.names:
            name = min(other.names ^ first.names)
            lacking = other if name in first.names else first
            why = " (one is tied, the other not)" if name in embeddings else ""
            raise TrainError(f"{lacking.folder}: no tensor {name}, which the others have{why}")
        for name in sorted(first.names):
            mine, theirs = first.shape(name), other.shape(name)
            if mine != theirs and (name not in embeddings or mine[1:] != theirs[1:]):
                raise TrainError(f"{other.folder}: {name} is {list(theirs)}, in {first.folder} {list(mine)}")


def _say_missing(sources: Sequence[Source], console: Console) -> None:
    padding = sources[0].alignment.missing
    for source in sources[1:]:
        if lacking := source.alignment.missing - padding:
            console.print(
                f"vocabulary {source.tensors.folder} lacks {lacking:,} tokens: it has no say about their rows"
            )


def _copy_rest(source: Path, folder: Path) -> None:
    """The first model's config, tokenizer and the like; not its weights, nor any code."""
    for path in sorted(source.iterdir()):
        if path.is_file() and path.suffix in (".json", ".jinja", ".model", ".txt", ".md") and path.name != INDEX:
            shutil.copyfile(path, folder / path.name)


def _config(folder: Path) -> AutoConfig:
    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise TrainError(f"{folder}: no config that transformers can load: {line(error)}") from None


def _seed(seed: int, name: str) -> int:
    digest = hashlib.blake2b(json.dumps([seed, name]).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "little")


main = command(work)

if __name__ == "__main__":
    transformers_logging.set_verbosity_error()
    main()
