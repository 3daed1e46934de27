"""Continued pre-training from folder to folder: stages, adapters of groups, longer contexts, what is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train import models
from tests.train.test_loop import LENGTH, Pack, Packs
from train.cpt import Cpt, Reading, Stage, Watched, train
from train.optimisation.metrics import read
from train.optimisation.settings import Lora
from train.recipe import Run, TrainError


class Grouped(Packs):
    """Packs of two sources in turn."""

    def _pack(self, number: int) -> Pack:
        pack = super()._pack(number)
        return Pack(pack.input_ids, pack.labels, pack.position_ids, pack.document_ids, ("hin_Deva" if number % 3 else "zho_Hant",))  # fmt: skip


def _run(tmp_path: Path, **kind: Any) -> Run:
    return Run(models.folder(tmp_path / "base", **kind), tmp_path / "out", 1)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


SMALL: dict[str, Any] = {"steps": 4, "batch": 4, "micro_batch": 2, "lr": 1e-2, "precision": "fp32", "length": LENGTH}


def test_all_stages_run_and_each_trains_what_it_says(tmp_path: Path) -> None:
    run = _run(tmp_path, tied=False)
    pq.write_table(pa.table({"text": list(models.TEXTS)}), tmp_path / "held.parquet")
    stages = (Stage(train="embeddings", steps=3), Stage(), Stage(train="lora", steps=2))
    watch = {"river": Watched(path=str(tmp_path / "held.parquet"), documents=3)}
    readings: list[Reading] = []

    def stream(reading: Reading) -> Packs:
        readings.append(reading)
        return Packs()

    train(run, Cpt(**SMALL, stages=stages, watch=watch, lora=Lora(rank=2)), stream)
    assert [(each.packs, each.before, each.total) for each in readings] == [(12, 0, 36), (16, 12, 36), (8, 28, 36)]
    base, first = _weights(run.base), _weights(run.output / "cpt-run" / "stage-1" / "model")
    changed = {name for name in base if not torch.equal(base[name], first[name])}
    assert changed == {"model.embed_tokens.weight", "lm_head.weight"}
    second, last = _weights(run.output / "cpt-run" / "stage-2" / "model"), _weights(run.output / "cpt")
    assert all(not torch.equal(first[name], second[name]) for name in base)
    same = {name for name in base if torch.equal(second[name], last[name])}
    assert same and all("norm" in name for name in same)
    lines = read(run.output / "cpt-run" / "metrics.jsonl")
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 10))
    distance = sum(float((last[name] - base[name]).double().square().sum()) for name in base) ** 0.5
    assert lines[-1]["distance"] == pytest.approx(distance, rel=1e-4)
    assert lines[-1]["bits_per_byte/river"] < lines[0]["bits_per_byte/river"]
    train(run, Cpt(**SMALL, stages=stages, watch=watch, lora=Lora(rank=2)), stream)
    assert read(run.output / "cpt-run" / "metrics.jsonl") == lines


def test_each_group_has_its_adapter(tmp_path: Path) -> None:
    run = _run(tmp_path)
    groups = {"indic": ("hin_Deva",), "sinitic": ("zho_Hant",)}
    settings = Cpt(**SMALL, train="groups", groups=groups, lora=Lora(rank=2))
    train(run, settings, lambda _: Grouped())
    base, after = _weights(run.base), _weights(run.output / "cpt")
    assert all(torch.equal(base[name], after[name]) for name in base)
    from peft import PeftModel

    moved = []
    for group in groups:
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(run.output / "cpt"), run.output / "cpt" / "adapters" / group)  # fmt: skip
        moved.append(torch.cat([weight.flatten() for name, weight in model.named_parameters() if "lora_B" in name]))
    assert moved[0].abs().max() > 0 and moved[1].abs().max() > 0 and not torch.equal(*moved)


def test_a_group_without_packs_stays_as_it_was(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    run = _run(tmp_path)
    groups = {"all": ("hin_Deva", "zho_Hant"), "none": ("tam_Taml",)}
    train(run, Cpt(**SMALL, train="groups", groups=groups, lora=Lora(rank=2)), lambda _: Grouped())
    tensors = load_file(run.output / "cpt" / "adapters" / "none" / "adapter_model.safetensors")
    assert all(float(weight.abs().max()) == 0 for name, weight in tensors.items() if "lora_B" in name)


def test_a_source_of_no_group_is_one_line(tmp_path: Path) -> None:
    settings = Cpt(**SMALL, train="groups", groups={"indic": ("hin_Deva",)})
    with pytest.raises(TrainError, match=r"cpt.groups: a pack of zho_Hant is of no one group"):
        train(_run(tmp_path), settings, lambda _: Grouped())


def test_a_longer_context(tmp_path: Path) -> None:
    run = _run(tmp_path)
    longer = SMALL | {"length": 256}
    with pytest.raises(TrainError, match=r"cpt.length: 256 tokens, the model is made for 128; cpt.rope"):
        train(run, Cpt(**longer), lambda _: Packs())
    train(run, Cpt(**longer, rope={"rope_type": "linear", "factor": 2.0}), lambda _: Packs())
    config = json.loads((run.output / "cpt" / "config.json").read_text())
    assert config["max_position_embeddings"] == 256 and config["rope_parameters"]["factor"] == 2.0
    frequencies = [AutoModelForCausalLM.from_pretrained(path).model.rotary_emb.inv_freq for path in (run.base, run.output / "cpt")]  # fmt: skip
    torch.testing.assert_close(frequencies[0] / 2, frequencies[1])


def test_no_new_rows_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r'cpt.train: "new_rows", but .* there is no new token'):
        train(_run(tmp_path), Cpt(**SMALL, train="new_rows"), lambda _: Packs())


def test_a_tokenizer_with_more_tokens_than_rows_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"the tokenizer has \d+ tokens, the input matrix 300 rows"):
        train(_run(tmp_path, rows=300), Cpt(**SMALL), lambda _: Packs())
