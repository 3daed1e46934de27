"""Checkpoints that survive kill -9 and a full disk: tensors as safetensors, the rest as JSON, each file with its hash.

    checkpoints/step-00000200/rank-0.safetensors rank-0.json rank-1.safetensors rank-1.json

A checkpoint is written under another name, brought to the disk (fsync), and renamed when it is whole.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from train.optimisation.distributed import World
from train.recipe import TrainError


@dataclass(frozen=True)
class Saved:
    """One process's part of a checkpoint."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


class Checkpoints:
    """The checkpoints of a run, the last `keep` of them."""

    def __init__(self, folder: Path, keep: int, where: World) -> None:
        self.folder, self.keep, self.where = folder, keep, where

    def save(self, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Raises TrainError where it can't be written; those before stay."""
        final = self.folder / f"step-{step:08d}"
        partial = self.folder / f".{final.name}.partial"
        error = self._try_write(partial, step, tensors, state)
        try:
            self.where.agree(error, f"{final}: cannot be written, the checkpoint before stays")
        except TrainError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if self.where.first:
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
            _sync(self.folder)
            self._forget()

    def newest(self) -> tuple[Saved | None, list[str]]:
        """The newest checkpoint that is whole in every process, and a line for each that is not."""
        complaints: list[str] = []
        for folder in reversed(self._steps()):
            saved, complaint = self._try_read(folder)
            damaged = self.where.total(saved is None)
            if saved is not None and not damaged:
                return saved, complaints
            complaints.append(f"{folder}: {complaint or 'damaged in another process'}; the one before is used")
        return None, complaints

    def _try_write(self, partial: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> Exception | None:  # fmt: skip
        try:
            partial.mkdir(parents=True, exist_ok=True)
            path = partial / f"rank-{self.where.rank}.safetensors"
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
            _sync(path)
            record = {"step": step, "processes": self.where.size, "xxh3": _hash(path), "state": state}
            text = path.with_suffix(".json")
            text.write_text(json.dumps({"record": record, "xxh3": _hash_of(record)}), "utf-8")
            _sync(text)
            _sync(partial)
        except OSError as error:
            return OSError(error.strerror or str(error))
        except SafetensorError as error:
            return error
        return None

    def _try_read(self, folder: Path) -> tuple[Saved | None, str]:
        path = folder / f"rank-{self.where.rank}.safetensors"
        try:
            processes = json.loads((folder / "rank-0.json").read_text("utf-8"))["record"]["processes"]
            if processes != self.where.size:
                raise TrainError(f"{folder}: of {processes} processes, this run has {self.where.size}: start as many")
            whole = json.loads(path.with_suffix(".json").read_text("utf-8"))
            record = whole["record"]
            if whole["xxh3"] != _hash_of(record) or record["xxh3"] != _hash(path):
                return None, "damaged (its hash is another)"
            return Saved(record["step"], load_file(path), record["state"]), ""
        except TrainError:
            raise
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            return None, f"damaged ({error})"

    def _steps(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _forget(self) -> None:
        for folder in [*self._steps()[: -self.keep], *self.folder.glob(".step-*.partial")]:
            shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _hash(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(1 << 24):
            digest.update(block)
    return digest.hexdigest()


def _hash_of(record: Any) -> str:
    return xxhash.xxh3_128_hexdigest(json.dumps(record, sort_keys=True).encode())
