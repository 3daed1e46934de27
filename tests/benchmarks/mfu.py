"""Model FLOPs utilization of the training loop: python -m tests.benchmarks.mfu [--vocabulary 128256] [--length 4096]

A Llama of about 1 billion weights without its vocabulary, random, in bf16, on random documents of many lengths, through
the loop itself: FlexAttention under document masks, chunked cross-entropy, fused AdamW, torch.compile. It needs a GPU
and says so where there is none.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from train.loop import fit
from train.optimisation.distributed import place, world
from train.optimisation.metrics import read
from train.optimisation.objective import Objective
from train.optimisation.settings import Settings

STEPS, WARM = 20, 8  # the first steps compile


@dataclass(frozen=True)
class Pack:
    input_ids: np.ndarray
    labels: np.ndarray
    position_ids: np.ndarray
    document_ids: np.ndarray


class Random:
    """Packs of random tokens; documents of log-normal length, about 800 tokens in the median."""

    def __init__(self, vocabulary: int, length: int) -> None:
        self.vocabulary, self.length = vocabulary, length

    def __iter__(self) -> Iterator[Pack]:
        chance = np.random.default_rng(1)
        while True:
            lengths = np.maximum(8, chance.lognormal(6.7, 1.0, self.length // 8)).astype(int)
            documents = np.repeat(np.arange(len(lengths)), lengths)[: self.length].astype(np.int32)
            starts = np.searchsorted(documents, documents)
            tokens = chance.integers(0, self.vocabulary, self.length).astype(np.int32)
            labels = np.where(np.append(documents[1:], -1) == documents, np.append(tokens[1:], -100), -100)
            positions = np.arange(self.length) - starts
            yield Pack(tokens, labels.astype(np.int32), positions.astype(np.int32), documents)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        raise NotImplementedError("a benchmark is not resumed")


def model(vocabulary: int, length: int) -> LlamaForCausalLM:
    """Llama 3.2 1B's body: 16 layers of width 2,048."""
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32,
        num_key_value_heads=8, max_position_embeddings=length, tie_word_embeddings=True,
    )  # fmt: skip
    made = LlamaForCausalLM(config)
    made.set_attn_implementation("flex_attention")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=int, default=128_256)
    parser.add_argument("--length", type=int, default=4096)
    parser.add_argument("--micro-batch", type=int, default=4)
    parser.add_argument("--no-compile", action="store_true")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        print(json.dumps({"benchmark": "mfu", "skipped": "no GPU here"}))
        return
    where = world()
    size = given.micro_batch
    settings = Settings(steps=STEPS, batch=4 * size * where.size, micro_batch=size, compile=not given.no_compile, save_every=STEPS + 1, keep=1)  # fmt: skip
    objective = Objective(model(given.vocabulary, given.length), "bf16")
    place(objective, where)
    with tempfile.TemporaryDirectory() as folder:
        fit(objective, Random(given.vocabulary, given.length) if where.first else None, settings, folder=Path(folder), where=where)  # fmt: skip
        lines = read(Path(folder) / "metrics.jsonl")[WARM:] if where.first else []
    if where.first:
        figures = {key: statistics.median(line[key] for line in lines) for key in ("tokens_per_second", "mfu")}
        peak = torch.cuda.max_memory_allocated() / 2**30
        print(json.dumps({"benchmark": "mfu", "device": torch.cuda.get_device_name(), **vars(given), **figures, "peak_gib": round(peak, 1)}))  # fmt: skip


if __name__ == "__main__":
    main()
