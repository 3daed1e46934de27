"""Tensors of model folders one at a time, and a model folder written as they come: no model is ever whole in memory."""

import json
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from train.folder import line
from train.recipe import TrainError

INDEX = "model.safetensors.index.json"
SHARD_BYTES = 4 << 30


class Tensors:
    """The tensors of a folder by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = {name: path for path in _files(folder) for name in _open(path).keys()}  # noqa: SIM118

    @property
    def names(self) -> set[str]:
        return set(self._files)

    def __getitem__(self, name: str) -> Tensor:
        tensor: Tensor = _open(self._files[name]).get_tensor(name)
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise TrainError(f"{self.folder}: {name} holds NaN or infinity; a broken checkpoint is not merged")
        return tensor

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(_open(self._files[name]).get_slice(name).get_shape())


def write_shards(folder: Path, tensors: Iterator[tuple[str, Tensor]]) -> None:
    """Safetensors files of about SHARD_BYTES with an index, as transformers reads them; one file without, if it fits."""
    shards: list[list[str]] = []
    waiting: dict[str, Tensor] = {}
    total = 0
    for name, tensor in tensors:
        waiting[name] = tensor.contiguous()
        total += tensor.nbytes
        if sum(held.nbytes for held in waiting.values()) >= SHARD_BYTES:
            shards.append(_write(folder, waiting, len(shards)))
            waiting = {}
    if waiting or not shards:
        shards.append(_write(folder, waiting, len(shards)))
    _name(folder, shards, total)


def _write(folder: Path, tensors: dict[str, Tensor], number: int) -> list[str]:
    save_file(tensors, _partial(folder, number), metadata={"format": "pt"})
    return list(tensors)


def _name(folder: Path, shards: list[list[str]], total: int) -> None:
    if len(shards) == 1:
        _partial(folder, 0).rename(folder / "model.safetensors")
        return
    places: dict[str, str] = {}
    for number, names in enumerate(shards):
        file = f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        _partial(folder, number).rename(folder / file)
        places |= dict.fromkeys(names, file)
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=1))


def _partial(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05d}"


def _files(folder: Path) -> list[Path]:
    """Those that the index names: a folder may hold others. Names with a path in them are not followed."""
    if (folder / INDEX).is_file():
        try:
            named = sorted(set(json.loads((folder / INDEX).read_text())["weight_map"].values()))
            files = [folder / Path(name).name for name in named]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrainError(f"{folder / INDEX}: no index of safetensors files: {line(error)}") from None
    else:
        files = [folder / "model.safetensors"]
    if missing := [path for path in files if not path.is_file()]:
        raise TrainError(
            f"{folder}: no {missing[0].name} in it; a Hugging Face model folder with safetensors is wanted"
        )
    return files


def _open(path: Path) -> safe_open:
    try:
        return safe_open(str(path), framework="pt")
    except (SafetensorError, OSError) as error:
        raise TrainError(f"{path}: no safetensors file: {line(error)}") from None
