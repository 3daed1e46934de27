"""`python -m train.evaluate RECIPE`: the models of a run side by side, as one table and one plot.

    [evaluate.texts]
    english = { path = "held/eng_Latn/*.parquet" }
    hindi = { path = "held/hin_Deva/*.parquet", documents = 500 }

    [evaluate]
    tasks = ["belebele_hin_Deva"]          of the evaluation harness, or of files in task_folder

The base and every model that the run's commands have written are scored, unless `models` names others. OUTPUT/evaluate
holds scores.json, scores.md and plot.png: bits per byte over the steps of continued pre-training.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import matplotlib
from pydantic import Field
from rich.console import Console
from rich.table import Table
from transformers import logging as transformers_logging

from train.evaluation.harness import run_tasks
from train.evaluation.text import TextScore, score
from train.folder import check_pair, load_model, load_tokenizer, publish
from train.optimisation import metrics
from train.optimisation.distributed import place, world
from train.optimisation.objective import Objective
from train.recipe import Run, Section, TrainError, command, read
from train.stream.shards import texts as documents_of

STEPS = ("embeddings", "cpt", "sft", "merge")  # of a run, in the order in which they are made


class HeldText(Section):
    """Held-out text."""

    path: str  # glob of Parquet or JSON lines
    column: str = "text"
    documents: int = Field(200, ge=1)  # the first of it


class Evaluate(Section):
    """What the models of a run are measured by."""

    models: dict[str, str] = {}  # name -> folder; empty: the base and what the run has made
    texts: dict[str, HeldText] = {}
    tasks: tuple[str, ...] = ()
    task_folder: str | None = None  # of the harness's task files
    shots: int | None = None  # examples in the prompt; none: as a task says
    limit: int | None = Field(None, ge=1)  # documents a task


@dataclass(frozen=True)
class Scores:
    """Of one model."""

    texts: dict[str, TextScore]
    tasks: dict[str, dict[str, float]]


def work(recipe: str, settings: tuple[str, ...]) -> None:
    """Score the models of a run on held-out text and tasks; write OUTPUT/evaluate."""
    run, section = read(recipe, "evaluate", Evaluate, settings)
    console = Console()
    scores = evaluate(run, section, console)
    console.print(table(scores))
    console.print(f"written to {run.folder('evaluate')}")


def evaluate(run: Run, section: Evaluate, console: Console) -> dict[str, Scores]:
    """Scores by model, also written to OUTPUT/evaluate. Raises TrainError."""
    if not section.texts and not section.tasks:
        raise TrainError("[evaluate] names neither texts nor tasks: there is nothing to measure")
    models = {name: Path(path) for name, path in section.models.items()} or _made(run)
    held = {
        name: list(islice(documents_of([text.path], column=text.column), text.documents))
        for name, text in section.texts.items()
    }
    if empty := [name for name, found in held.items() if not found]:
        raise TrainError(f"evaluate.texts.{empty[0]}: no document in {section.texts[empty[0]].path}")
    scores = {}
    for name, folder in models.items():
        with console.status(f"evaluate   {name}: {folder}"):
            scores[name] = _scores(folder, held, section, run.seed)
    publish(run.folder("evaluate"), lambda folder: _write(folder, scores, run))
    return scores


def _made(run: Run) -> dict[str, Path]:
    found = {step: run.folder(step) for step in STEPS if (run.folder(step) / "config.json").is_file()}
    return {"base": run.base, **found}


def _scores(folder: Path, held: Mapping[str, list[str]], section: Evaluate, seed: int) -> Scores:
    where = world()
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    check_pair(model, tokenizer, folder)
    place(Objective(model), where)
    texts = {name: score(name, found, model, tokenizer, where) for name, found in held.items()}
    tasks: dict[str, dict[str, float]] = {}
    if section.tasks:
        own = Path(section.task_folder) if section.task_folder else None
        tasks = run_tasks(
            model, tokenizer, section.tasks, folder=own, shots=section.shots, limit=section.limit, seed=seed
        )
    return Scores(texts, tasks)


def table(scores: Mapping[str, Scores]) -> Table:
    """A row a model; for each text bits per byte and tokens per word, for each task its first metric."""
    rows = _rows(scores)
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for at, heading in enumerate(rows[0]):
        drawn.add_column(heading, justify="right" if at else "left")
    for row in rows[1:]:
        drawn.add_row(*row)
    return drawn


def _rows(scores: Mapping[str, Scores]) -> list[list[str]]:
    first = next(iter(scores.values()))
    headings = ["model"]
    for text in first.texts:
        headings += [f"{text} bits/byte", "tokens/word"]
    headings += [f"{task} {_metric(values)}" for task, values in first.tasks.items()]
    rows = [headings]
    for name, found in scores.items():
        row = [name]
        for text in first.texts:
            row += [f"{found.texts[text].bits_per_byte:.4f}", f"{found.texts[text].fertility:.2f}"]
        for task in first.tasks:
            metric = _metric(found.tasks[task])
            error = found.tasks[task].get(f"{metric}_stderr")
            row.append(f"{found.tasks[task].get(metric, float('nan')):.3f}" + (f" ±{error:.3f}" if error else ""))
        rows.append(row)
    return rows


def _metric(values: Mapping[str, float]) -> str:
    return next((name for name in values if not name.endswith("_stderr")), "")


def _write(folder: Path, scores: Mapping[str, Scores], run: Run) -> None:
    (folder / "scores.json").write_text(json.dumps({n: asdict(s) for n, s in scores.items()}, indent=1) + "\n", "utf-8")
    rows = _rows(scores)
    lines = [rows[0], ["---"] + ["--:"] * (len(rows[0]) - 1), *rows[1:]]
    marked = "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
    (folder / "scores.md").write_text(marked, "utf-8")
    steps = metrics.read(run.folder("cpt-run") / "metrics.jsonl")
    if any(_watched(line) for line in steps):
        _plot(folder / "plot.png", steps)


def _watched(line: Mapping[str, Any]) -> dict[str, float]:
    return {
        key.partition("/")[2]: value
        for key, value in line.items()
        if key.startswith("bits_per_byte/") and isinstance(value, int | float)
    }


def _plot(path: Path, steps: list[dict[str, Any]]) -> None:
    """Bits per byte of each watched text over the steps: what is learned, and what is forgotten."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name in sorted({name for line in steps for name in _watched(line)}):
        points = [(line["step"], _watched(line)[name]) for line in steps if name in _watched(line)]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
    axes.set_xlabel("step")
    axes.set_ylabel("bits per byte, held-out text")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


if __name__ == "__main__":
    transformers_logging.set_verbosity_error()
    command(work)()
