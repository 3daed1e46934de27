"""A Hugging Face model folder: opened without remote code or pickle, checked against its tokenizer, written whole.

A folder appears when it is complete: it is written under another name and renamed, so that kill -9 and a full disk
leave the one before.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from train.recipe import TrainError

transformers_logging.disable_progress_bar()  # of loading and writing weights: the commands have their own


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The folder's tokenizer. Raises TrainError."""
    _there(folder, "tokenizer_config.json")
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers and tokenizers raise what they like at a damaged file
        raise TrainError(f"{folder}: no tokenizer that transformers can load: {line(error)}") from None


def load_model(folder: Path, *, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The folder's causal language model. Raises TrainError."""
    _there(folder, "config.json")
    try:
        return AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except Exception as error:
        raise TrainError(f"{folder}: no causal language model that transformers can load: {line(error)}") from None


def check_pair(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Every token has a row in both matrices, ties are what the config says. Raises TrainError naming what is off.

    Rows beyond the tokenizer are padding: checkpoints have them so that their matrices divide evenly.
    """
    tokens = max(tokenizer.get_vocab().values()) + 1
    given, written = model.get_input_embeddings(), model.get_output_embeddings()
    rows = given.weight.shape[0]
    if rows < tokens:
        raise TrainError(
            f"{folder}: the tokenizer has {tokens:,} tokens, the input matrix {rows:,} rows;"
            " python -m train.embeddings makes rows for new tokens"
        )
    if written is None:
        raise TrainError(f"{folder}: the model has no output matrix; train needs a causal language model")
    if written.weight.shape[0] != rows:
        raise TrainError(
            f"{folder}: {rows:,} rows in the input matrix, {written.weight.shape[0]:,} in the output matrix"
        )
    tied = written.weight.data_ptr() == given.weight.data_ptr()
    if tied != bool(model.config.get_text_config().tie_word_embeddings):
        stated = "tied" if not tied else "untied"
        raise TrainError(f"{folder}: config.json says {stated} (tie_word_embeddings), the weights are not")


def context_of(folder: Path) -> int | None:
    """The longest sequence that the model is made for, in tokens; None where its config does not say."""
    _there(folder, "config.json")
    try:
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise TrainError(f"{folder}: no config that transformers can load: {line(error)}") from None
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def save(folder: Path, model: PreTrainedModel | None, tokenizer: PreTrainedTokenizerBase) -> None:
    """A model folder (or a tokenizer's alone), whole or not at all. Raises TrainError where it can't be written."""

    def write(path: Path) -> None:
        if model is not None:
            model.save_pretrained(path)
        tokenizer.save_pretrained(path)

    publish(folder, write)


def publish(folder: Path, write: Callable[[Path], Any]) -> None:
    """Run `write` on an empty folder beside `folder`, then let it take its place. Raises TrainError for a full disk."""
    partial = folder.with_name(f".{folder.name}.partial")
    old = folder.with_name(f".{folder.name}.old")
    try:
        for left in (partial, old):
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:  # a full disk is either
        raise TrainError(f"{folder}: cannot be written: {getattr(error, 'strerror', None) or line(error)}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def line(error: BaseException) -> str:
    """The first line of an error, at most 300 characters."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def _there(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise TrainError(f"{folder}: no such folder; a Hugging Face model folder is wanted")
    if not (folder / name).is_file():
        raise TrainError(f"{folder}: no {name} in it; a Hugging Face model folder is wanted")
