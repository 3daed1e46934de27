"""The loop: it learns, its gradients are those of the whole batch, and a killed run goes on with the same numbers."""

import json
import multiprocessing
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.train import models
from train.loop import fit
from train.optimisation.distributed import World, fill, gathered, place, world
from train.optimisation.metrics import CLOCK, read
from train.optimisation.objective import Objective
from train.optimisation.parameters import Start, prepare
from train.optimisation.schedule import Schedule
from train.optimisation.settings import Ema, Lora, Settings
from train.optimisation.watch import held
from train.recipe import TrainError

ALONE = World(0, 1, torch.device("cpu"))
LENGTH = 24
SETTINGS = Settings(steps=8, batch=4, micro_batch=2, lr=3e-3, precision="fp32", save_every=3, watch_every=4)


@dataclass(frozen=True)
class Pack:
    input_ids: np.ndarray
    labels: np.ndarray
    position_ids: np.ndarray
    document_ids: np.ndarray
    sources: tuple[str, ...]


class Packs:
    """Documents of models.TEXTS, two or three a pack, without end."""

    def __init__(self, *, slow: float = 0.0) -> None:
        self.words, self.at, self.slow = models.tokenizer(), 0, slow

    def __iter__(self) -> Iterator[Pack]:
        while True:
            time.sleep(self.slow)
            self.at += 1
            yield self._pack(self.at)

    def _pack(self, number: int) -> Pack:
        chance = np.random.default_rng(number)
        columns: list[list[int]] = [[], [], [], []]
        for document in range(3):
            tokens = self.words.encode(models.TEXTS[chance.integers(len(models.TEXTS))])[: int(chance.integers(4, 11))]
            for column, values in zip(
                columns,
                (tokens, [*tokens[1:], -100], range(len(tokens)), [document] * len(tokens)),
                strict=True,
            ):
                column.extend(values)
        padding = (0, -100, 0, -1)
        filled = [
            np.array(([*column, *[fill] * LENGTH])[:LENGTH], np.int32)
            for column, fill in zip(columns, padding, strict=True)
        ]
        filled[1][-1] = -100  # of a document that is cut
        return Pack(*filled, sources=("river",))

    def state(self) -> dict[str, Any]:
        return {"at": self.at}

    def restore(self, state: dict[str, Any]) -> None:
        self.at = state["at"]


def run(folder: Path, settings: Settings = SETTINGS, *, stream: Any = None, where: World = ALONE) -> Objective:
    words = models.tokenizer()
    model = prepare(models.llama(len(words)), settings).model
    objective = Objective(model, settings.precision)
    place(objective, where)
    text = held("river", models.TEXTS, words, LENGTH)
    stream = (stream or Packs()) if where.first else None
    torch.manual_seed(1)
    fit(objective, stream, settings, folder=folder, where=where, start=Start(model), held=[text])
    return objective


def numbers(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in CLOCK} for line in read(folder / "metrics.jsonl")]


def test_it_learns_and_tells(tmp_path: Path) -> None:
    run(tmp_path, SETTINGS.model_copy(update={"steps": 40, "save_every": 40}))
    lines = numbers(tmp_path)
    losses = [line["loss"] for line in lines if "loss" in line]
    watched = [line for line in lines if "distance" in line]
    assert len(losses) == 40 and losses[-1] < 0.6 * losses[0]
    assert watched[0]["step"] == 0 and watched[0]["distance"] == 0
    assert watched[-1]["distance"] > 0.1
    # only the beginnings of the texts are trained on
    assert watched[-1]["bits_per_byte/river"] < 0.92 * watched[0]["bits_per_byte/river"]
    assert list((tmp_path / "tensorboard").iterdir())


def test_micro_batches_make_no_difference(tmp_path: Path) -> None:
    for size in (1, 4):
        run(tmp_path / str(size), SETTINGS.model_copy(update={"micro_batch": size}))
    few, many = (numbers(tmp_path / size) for size in ("4", "1"))
    for one, other in zip(few, many, strict=True):
        assert one == pytest.approx(other, rel=2e-4)


def test_a_step_is_that_of_plain_torch(tmp_path: Path) -> None:
    """One step of AdamW on the mean of all labels, with logits in full and each document alone."""
    settings = SETTINGS.model_copy(update={"steps": 1, "schedule": Schedule(shape="constant", warmup=0.0)})
    objective = run(tmp_path, settings)
    plain = models.llama(len(models.tokenizer()))
    packs = [pack for pack, _ in zip(Packs(), range(4), strict=False)]
    total, count = torch.zeros(()), 0
    for pack in packs:
        for document in range(3):
            tokens = torch.from_numpy(pack.input_ids[pack.document_ids == document]).long()
            if len(tokens) > 1:
                logits = plain(input_ids=tokens[None]).logits[0, :-1]
                total = total + torch.nn.functional.cross_entropy(logits, tokens[1:], reduction="sum")
                count += len(tokens) - 1
    (total / count).backward()
    torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
    matrices = [weight for weight in plain.parameters() if weight.dim() > 1]
    vectors = [weight for weight in plain.parameters() if weight.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.95)).step()
    line = next(line for line in numbers(tmp_path) if "loss" in line)
    assert line["loss"] == pytest.approx(total.item() / count, rel=1e-5) and line["lr"] == 3e-3
    for own, other in zip(objective.model.parameters(), plain.parameters(), strict=True):
        # AdamW's first step is the gradient's sign: where it is as good as 0, the sign is rounding's
        assert (own - other).abs().gt(1e-4).float().mean() < 0.01


@pytest.mark.parametrize("change", [{}, {"ema": Ema(every=2)}, {"train": "lora", "lora": Lora(rank=4, dropout=0.3)}])
def test_it_goes_on_from_a_checkpoint_with_the_same_numbers(tmp_path: Path, change: dict[str, Any]) -> None:
    settings = SETTINGS.model_copy(update=change)
    whole = run(tmp_path / "whole", settings)

    class Broken(Packs):
        def _pack(self, number: int) -> Pack:
            if number > 4 * 5:
                raise KeyboardInterrupt
            return super()._pack(number)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", settings, stream=Broken())
    assert len(numbers(tmp_path / "broken")) >= 4
    again = run(tmp_path / "broken", settings)
    assert numbers(tmp_path / "broken") == numbers(tmp_path / "whole")
    for one, other in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


def _slow_run(folder: Path) -> None:
    torch.set_num_threads(1)
    run(folder, stream=Packs(slow=0.02))


def _started(target: Any, *arguments: Any) -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.train.test_loop"])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


@pytest.mark.parametrize("lines", [2, 6])  # before the first checkpoint, after it
def test_kill_minus_nine_leaves_no_trace_in_the_numbers(tmp_path: Path, lines: int) -> None:
    run(tmp_path / "whole")
    process = _started(_slow_run, tmp_path / "killed")
    while len(read(tmp_path / "killed" / "metrics.jsonl")) < lines:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(numbers(tmp_path / "killed")) < len(numbers(tmp_path / "whole"))
    (tmp_path / "killed" / "metrics.jsonl").open("a").write('{"step": 7, "lo')
    process = _started(_slow_run, tmp_path / "killed")
    process.join()
    assert process.exitcode == 0
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "whole")


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(tmp_path: Path, capsys: Any) -> None:
    run(tmp_path)
    before = numbers(tmp_path)
    newest = tmp_path / "checkpoints" / "step-00000008" / "rank-0.safetensors"
    content = bytearray(newest.read_bytes())
    content[-5] ^= 1
    newest.write_bytes(content)
    run(tmp_path)
    assert "step-00000008: damaged (its hash is another); the one before is used" in capsys.readouterr().err
    assert numbers(tmp_path) == before


def test_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    run(tmp_path)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-00000006", "step-00000008"]


def _run_on_a_full_disk(folder: Path, answer: Any) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        run(folder, SETTINGS.model_copy(update={"steps": 8, "train": "all"}))
    except TrainError as error:
        answer.put(str(error))


def test_a_full_disk_is_one_line_and_the_checkpoint_before_stays(tmp_path: Path) -> None:
    class Broken(Packs):
        def _pack(self, number: int) -> Pack:
            if number > 4 * 4:
                raise KeyboardInterrupt
            return super()._pack(number)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stream=Broken())
    answer = multiprocessing.get_context("forkserver").SimpleQueue()
    process = _started(_run_on_a_full_disk, tmp_path, answer)
    process.join()
    message = answer.get()
    assert "step-00000006: cannot be written, the checkpoint before stays: " in message and "\n" not in message
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000003"]


def test_a_loss_that_is_no_number_names_step_and_source(tmp_path: Path) -> None:
    class Poisoned(Packs):
        def _pack(self, number: int) -> Pack:
            if number == 4 * 4 + 2:
                model.model.norm.weight.data.fill_(float("nan"))
            return super()._pack(number)

    words = models.tokenizer()
    model = models.llama(len(words))
    with pytest.raises(TrainError, match=r"step [45]: the loss is nan on packs of river; .*checkpoint is good"):
        fit(Objective(model), Poisoned(), SETTINGS, folder=tmp_path, where=ALONE)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000003"]


def test_other_settings_on_resume_are_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(TrainError, match=r"lr: 0.1, but the run in .* began with 0.003"):
        run(tmp_path, SETTINGS.model_copy(update={"lr": 0.1}))
    run(tmp_path, SETTINGS.model_copy(update={"micro_batch": 1}))


def test_data_that_ends_is_one_line(tmp_path: Path) -> None:
    class Short(Packs):
        def __iter__(self) -> Iterator[Pack]:
            return (pack for pack, _ in zip(super().__iter__(), range(9), strict=False))

    with pytest.raises(TrainError, match="the data ends after 2 steps of 8"):
        run(tmp_path, stream=Short())


def _one_of_two(folder: Path, rank: int, port: int, change: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    os.environ |= {"WORLD_SIZE": "2", "RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    where = world()
    settings = SETTINGS.model_copy(update={"micro_batch": 1, **change})
    objective = run(folder, settings, where=where)
    weights = gathered(objective.model, where)
    if where.first:
        whole = prepare(models.llama(len(models.tokenizer())), settings).model
        fill(whole, weights)
        whole.save_pretrained(folder / "model")
    torch.distributed.destroy_process_group()


def _two(folder: Path, change: dict[str, Any]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    both = [_started(_one_of_two, folder, rank, port, change) for rank in range(2)]
    for process in both:
        process.join()
        assert process.exitcode == 0


@pytest.mark.parametrize("change", [{"ema": Ema()}, {"train": "lora", "lora": Lora(rank=4)}])
def test_two_processes_train_as_one(tmp_path: Path, change: dict[str, Any]) -> None:
    one = run(tmp_path / "one", SETTINGS.model_copy(update=change))
    _two(tmp_path / "two", change)
    for alone, shared in zip(numbers(tmp_path / "one"), numbers(tmp_path / "two"), strict=True):
        assert alone == pytest.approx(shared, rel=1e-3, abs=1e-6)
    files = sorted(path.name for path in (tmp_path / "two" / "checkpoints" / "step-00000008").iterdir())
    assert files == ["rank-0.json", "rank-0.safetensors", "rank-1.json", "rank-1.safetensors"]
    if "ema" in change:
        from transformers import AutoModelForCausalLM

        shared_model = AutoModelForCausalLM.from_pretrained(tmp_path / "two" / "model")
        for own, other in zip(one.model.parameters(), shared_model.parameters(), strict=True):
            assert torch.allclose(own, other, atol=2e-3)
        before = numbers(tmp_path / "two")
        for rank in ("step-00000008",):
            state = json.loads((tmp_path / "two" / "checkpoints" / rank / "rank-1.json").read_text())
            state["record"]["step"] = 5
            (tmp_path / "two" / "checkpoints" / rank / "rank-1.json").write_text(json.dumps(state))
        _two(tmp_path / "two", change)
        assert numbers(tmp_path / "two") == before
