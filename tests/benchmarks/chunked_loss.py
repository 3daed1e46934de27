"""Chunked cross-entropy against PyTorch's on all logits: memory beyond weights and gradients, and CPU time.

    python -m tests.benchmarks.chunked_loss [--vocabulary 250000] [--tokens 4096] [--width 512]

Each runs in a process of its own, so that the peak of one is not the other's. Wanted: at most 1/8 of the memory, at
least 0.9 of the speed.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from train.loss import chunked_cross_entropy

REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vocabulary", type=int, default=250_000)
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--kind", choices=["plain", "chunked"])
    given = parser.parse_args()
    if given.kind:
        print(json.dumps(_measure(given.kind, given.vocabulary, given.tokens, given.width)))
        return
    shape = ["--vocabulary", str(given.vocabulary), "--tokens", str(given.tokens), "--width", str(given.width)]
    plain, chunked = (_run(kind, shape) for kind in ("plain", "chunked"))
    figures = {
        "plain": plain,
        "chunked": chunked,
        "memory_ratio": round(chunked["beyond_mb"] / plain["beyond_mb"], 4),
        "speed_ratio": round(plain["cpu_s"] / chunked["cpu_s"], 3),
    }
    print(json.dumps({"benchmark": "chunked_loss", **vars(given), **figures}))


def _run(kind: str, shape: list[str]) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.chunked_loss", "--kind", kind, *shape]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _measure(kind: str, vocabulary: int, tokens: int, width: int) -> dict[str, float]:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    weight = torch.randn(vocabulary, width, requires_grad=True)
    hidden = torch.randn(tokens, width, requires_grad=True)
    labels = torch.randint(vocabulary, (tokens,))
    weight.grad, hidden.grad = torch.zeros_like(weight), torch.zeros_like(hidden)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        _loss(kind, hidden, weight, labels).backward()
        spent.append(time.process_time() - start)
    return {"beyond_mb": round(_resident("VmHWM") - before), "cpu_s": round(min(spent), 2)}


def _loss(kind: str, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if kind == "plain":
        return torch.nn.functional.cross_entropy(hidden @ weight.T, labels)
    loss, count = chunked_cross_entropy(hidden, weight, labels)
    return loss / count


def _resident(name: str) -> float:
    """MB that the process holds now (VmRSS) or held at most (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {name} in /proc/self/status")


if __name__ == "__main__":
    main()
