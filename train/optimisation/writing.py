"""A trained model as a Hugging Face folder, whatever it was sharded over or wrapped in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from train.folder import publish
from train.optimisation.distributed import World, fill, gathered
from train.optimisation.parameters import Prepared


def write_trained(
    target: Path,
    prepared: Prepared,
    load: Callable[[], Prepared],
    tokenizer: PreTrainedTokenizerBase,
    where: World,
    *,
    apart: bool = False,
) -> None:
    """Called in every process; the first writes. load: the model as before training, for the gathered weights to fill.

    apart: adapters beside the weights, in adapters/, not merged into them.
    """
    if where.size > 1 or where.device.type == "cuda":
        weights = gathered(prepared.model, where)
        if not where.first:
            where.total(0.0)
            return
        prepared = load()
        fill(prepared.model, weights)
    publish(target, lambda path: _write(path, prepared, tokenizer, apart=apart))
    where.total(0.0)  # the others wait until the folder is there


def _write(path: Path, prepared: Prepared, tokenizer: PreTrainedTokenizerBase, *, apart: bool) -> None:
    model: Any = prepared.model
    if prepared.peft is not None and apart:
        prepared.peft.save_pretrained(str(path / "adapters"))
        model = prepared.peft.unload()
    elif prepared.peft is not None:
        model = prepared.peft.merge_and_unload()
    model.save_pretrained(str(path))
    tokenizer.save_pretrained(str(path))
