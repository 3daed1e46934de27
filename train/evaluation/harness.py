"""The Language Model Evaluation Harness (EleutherAI, lm-evaluation-harness) from Python, on task files of one's own."""

from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from train.folder import line
from train.recipe import TrainError


def run_tasks(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    tasks: tuple[str, ...],
    *,
    folder: Path | None,
    shots: int | None,
    limit: int | None,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Each task's metrics and their standard errors (`acc`, `acc_stderr` ...). Raises TrainError.

    folder: of task files (YAML) that are known besides the harness's own. shots: examples in the prompt; None: as the
    task says. limit: documents a task.
    """
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    if folder is not None and not folder.is_dir():
        raise TrainError(f"evaluate.task_folder: {folder}: no such folder")
    manager = TaskManager(include_path=str(folder) if folder else None)
    if unknown := sorted(set(tasks) - set(manager.all_tasks)):
        raise TrainError(f"evaluate.tasks: no task {unknown[0]!r} in the harness{f' or in {folder}' if folder else ''}")
    wrapped = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8)
    seeds = dict.fromkeys(("random_seed", "numpy_random_seed", "torch_random_seed", "fewshot_random_seed"), seed)
    try:
        found: Any = lm_eval.simple_evaluate(
            wrapped, tasks=list(tasks), num_fewshot=shots, limit=limit, task_manager=manager, bootstrap_iters=1000, log_samples=False, **seeds
        )  # fmt: skip
    except Exception as error:  # tasks are programs of many hands
        raise TrainError(f"evaluate.tasks: {', '.join(tasks)}: {line(error)}") from None
    return {task: _numbers(metrics) for task, metrics in found["results"].items()}


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """Without the harness's filter names: `acc,none` is `acc`."""
    return {name.partition(",")[0]: float(value) for name, value in metrics.items() if isinstance(value, float)}
