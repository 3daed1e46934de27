"""What a run tells: metrics.jsonl, TensorBoard, a line of progress."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

CLOCK = ("seconds", "tokens_per_second", "mfu")  # what differs from run to run


class Metrics:
    """Appends to FOLDER/metrics.jsonl and FOLDER/tensorboard; those of steps after `step` are taken back first.

    A run that was killed and goes on from its checkpoint so ends with the file of one that was not.
    """

    def __init__(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "metrics.jsonl"
        _cut(self.path, step)
        self.file = self.path.open("a", encoding="utf-8")
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def write(self, step: int, values: dict[str, Any]) -> None:
        self.file.write(json.dumps({"step": step, **values}) + "\n")
        self.file.flush()
        for name, value in values.items():
            if isinstance(value, int | float):
                self.board.add_scalar(name, value, step)

    def close(self) -> None:
        self.file.close()
        self.board.close()


def read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a metrics file; one that a kill cut short is left out."""
    lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _cut(path: Path, step: int) -> None:
    kept = [line for line in read(path) if line["step"] <= step]
    partial = path.with_suffix(".partial")
    partial.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
    partial.replace(path)


class Progress:
    """A line on stderr that is written over on a terminal; once in ten seconds where it is none."""

    def __init__(self, steps: int) -> None:
        self.steps, self.start, self.done, self.told = steps, time.monotonic(), 0, 0.0

    def tell(self, step: int, values: dict[str, Any]) -> None:
        self.done += 1
        now = time.monotonic()
        on_terminal = sys.stderr.isatty()
        if not on_terminal and now - self.told < 10 and step < self.steps:
            return
        self.told = now
        left = (now - self.start) / self.done * (self.steps - step)
        print(_line(step, self.steps, left, values), end="\r" if on_terminal and step < self.steps else "\n", file=sys.stderr, flush=True)  # fmt: skip


def _line(step: int, steps: int, left: float, values: dict[str, Any]) -> str:
    mfu = f"  MFU {values['mfu']:.1%}" if values.get("mfu") else ""
    hours, seconds = divmod(round(left), 3600)
    return (
        f"step {step:,}/{steps:,}  loss {values['loss']:.4f}  {values['tokens_per_second']:,.0f} tokens/s{mfu}"
        f"  {hours}:{seconds // 60:02d}:{seconds % 60:02d} left "
    )
