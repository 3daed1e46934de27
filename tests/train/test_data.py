"""The data of a recipe through the commands: what they show, a killed run that goes on exactly, coverage."""

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file

import train.cpt
import train.data
from tests.train import models
from train.optimisation.metrics import read
from train.recipe import TrainError, command
from train.stream.coverage import choose
from train.stream.shards import texts

RECIPE = """
base = "{folder}/base"
output = "{folder}/out"
[cpt]
batch = 4
micro_batch = 2
lr = 1e-2
precision = "fp32"
save_every = 2
stages = [{{ steps = 2, length = 64 }}, {{ steps = 10, length = 128 }}]
[data]
workers = 1
[[data.source]]
name = "kept"
paths = ["{folder}/kept/*/*.parquet"]
by_folder = true
[[data.source]]
name = "river"
paths = ["{folder}/river.jsonl"]
share = [[0.0, 0.5], [0.5, 0.1]]
linear = true
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    models.folder(folder / "base")
    rng = np.random.default_rng(1)
    for language, text in zip(("hin_Deva", "tam_Taml", "urd_Arab"), models.TEXTS[1:4], strict=True):
        (folder / "kept" / language).mkdir(parents=True)
        rows = [" ".join(rng.permutation(text.split())) for _ in range(60)]
        pq.write_table(pa.table({"text": [*rows, None]}), folder / "kept" / language / "0.parquet", row_group_size=20)
    lines = [json.dumps({"text": f"{n} {models.TEXTS[0]}"}) for n in range(80)]
    (folder / "river.jsonl").write_text("\n".join(lines))
    return folder


def recipe(made: Path, folder: Path) -> str:
    """Of the same data, with an output of its own."""
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(folder=made).replace(f"{made}/out", f"{folder}/out"))
    return str(path)


def run(work: Any, *arguments: str) -> Result:
    torch.set_num_threads(1)
    return CliRunner().invoke(command(work), arguments)


def test_the_command_shows_the_mixture(made: Path, tmp_path: Path) -> None:
    result = run(train.data.work, recipe(made, tmp_path))
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line.startswith(("k", "r"))}
    assert list(rows) == ["kept/hin_Deva", "kept/tam_Taml", "kept/urd_Arab", "river"]
    documents, none, tokens, epochs, start, end, mean, found = rows["river"]
    assert (documents, none, start, end) == ("80", "0.00%", "50.00%", "10.00%")
    assert float(mean.rstrip("%")) == pytest.approx(20, abs=0.5)
    assert float(found.rstrip("%")) == pytest.approx(20, abs=2)
    words = models.tokenizer()
    true = sum(len(words(text)["input_ids"]) + 1 for text in texts([str(made / "river.jsonl")]))
    assert int(tokens.replace(",", "")) == pytest.approx(true, rel=0.05)
    whole = 2 * 4 * 64 + 10 * 4 * 128
    assert float(epochs) == pytest.approx(0.2 * whole / true, rel=0.06)
    assert float(rows["kept/hin_Deva"][1].rstrip("%")) == pytest.approx(100 / 61, abs=0.5)
    assert f"the run: {whole:,} tokens" in result.output
    for length in (64, 128):
        line = re.search(rf"packs of {length}: padding ([\d.]+)%, [\d,]+ of [\d,]+ pieces cut", result.output)
        assert line and float(line[1]) < 10


def test_what_is_wrong_is_one_line(made: Path, tmp_path: Path) -> None:
    where = recipe(made, tmp_path)
    for setting, message in (
        ("cpt.length=256", "Error: cpt.length: 256 tokens, the model is made for 128; cpt.rope makes it longer"),
        ("data.source=[]", "Error: data.source: none"),
        ('data.source=[{"name": "a", "paths": ["x.parquet"], "share": [[0.5, 1]]}]', "fractions of the run are wanted"),
        ('data.source=[{"name": "a", "paths": ["x.parquet"], "share": 1.5}]', "a share between 0 and 1 is wanted"),
        ('data.source=[{"name": "a", "paths": ["x.parquet"], "epochs": 0}]', "greater than 0, not 0"),
        ("data.coverage.times=2", "there is no new token"),
    ):
        arguments = ["--set", "cpt.stages=[]"] if setting.startswith("cpt.length") else []
        result = run(train.data.work, where, "--set", setting, *arguments)
        assert result.exit_code == 2 and message in result.output, result.output
        assert result.output.strip().splitlines()[-1].startswith("Error: ")


def killed(where: str, output: Path) -> None:
    """Train until the second stage has a checkpoint, then kill -9."""
    process = subprocess.Popen([sys.executable, "-m", "train.cpt", where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    until = time.monotonic() + 300
    while not list((output / "cpt-run" / "stage-2" / "checkpoints").glob("step-*")):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_killed_run_goes_on_exactly_through_the_stream(made: Path, tmp_path: Path) -> None:
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    assert run(train.cpt.work, recipe(made, tmp_path / "whole")).exit_code == 0
    where, output = recipe(made, tmp_path / "killed"), tmp_path / "killed" / "out"
    killed(where, output)
    assert not (output / "cpt").exists()
    result = run(train.cpt.work, where)
    assert result.exit_code == 0, result.output
    losses = [
        [(line["step"], line["loss"]) for line in read(tmp_path / name / "out/cpt-run/metrics.jsonl") if "loss" in line]
        for name in ("whole", "killed")
    ]
    assert losses[0] == losses[1] and len(losses[0]) == 12
    weights = [load_file(tmp_path / name / "out/cpt/model.safetensors") for name in ("whole", "killed")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_second_stage_continues_the_sources(made: Path, tmp_path: Path) -> None:
    """One epoch in two stages: no document is in both."""
    data = f'[{{"name": "river", "paths": ["{made}/river.jsonl"], "epochs": 1}}]'
    where, settings = recipe(made, tmp_path), (f"data.source={data}", "data.workers=0")
    run_, _ = train.data.read(where, "data", train.data.DataSection, settings)
    opened = train.data.open_stream(where, settings, run_)
    words = models.tokenizer()
    found = Counter[int]()
    for packs, before, length in ((20, 0, 64), (1000, 20, 128)):
        reading = train.cpt.Reading(words, length, packs, before, 1020)
        for pack in opened(reading):
            found.update(pack.input_ids[pack.document_ids >= 0].tolist())
    want = Counter[int]()
    for text in texts([str(made / "river.jsonl")]):
        want.update([*words(text)["input_ids"], words.eos_token_id])
    assert found == want
    with pytest.raises(TrainError, match="where the stage before left the data is not to be read"):
        opened(train.cpt.Reading(words, 64, 20, 40, 1020))


def test_groups_train_on_packs_of_their_own(made: Path, tmp_path: Path) -> None:
    groups = {"indic": ("hin_Deva", "tam_Taml"), "perso": ("urd_Arab",)}
    sources = [
        {"name": name, "paths": [f"{made}/kept/{name}/*.parquet"], "group": group}
        for group, names in groups.items()
        for name in names
    ]
    settings = (
        f"data.source={json.dumps(sources)}",
        f"cpt.groups={json.dumps(groups)}",
        'cpt.lora={"rank": 2}',
        "cpt.train=groups",
        "cpt.stages=[{'steps': 2, 'length': 64}]".replace("'", '"'),
    )
    arguments = [part for setting in settings for part in ("--set", setting)]
    result = run(train.cpt.work, recipe(made, tmp_path), *arguments)
    assert result.exit_code == 0, result.output
    for group in groups:
        tensors = load_file(tmp_path / "out" / "cpt" / "adapters" / group / "adapter_model.safetensors")
        assert any(float(weight.abs().max()) > 0 for name, weight in tensors.items() if "lora_B" in name)


def needed(documents: list[np.ndarray], wanted: set[int], times: int) -> Counter[int]:
    whole = Counter[int]()
    for tokens in documents:
        whole.update(token for token in tokens.tolist() if token in wanted)
    return Counter({token: min(times, whole[token]) for token in wanted})


@pytest.mark.parametrize("times", [1, 3, 10])
def test_chosen_documents_show_each_token_often_enough(times: int) -> None:
    rng = np.random.default_rng(times)
    documents = [np.minimum(rng.zipf(1.2, rng.integers(5, 60)), 900).astype(np.int32) for _ in range(2000)]
    wanted = {*range(4, 200, 3), 901}  # which does not occur
    chosen = choose(lambda: documents, wanted, times)
    seen = Counter[int]()
    for at in chosen.documents:
        seen.update(documents[at].tolist())
    need = needed(documents, wanted, times)
    assert all(seen[token] >= need[token] for token in wanted)
    assert chosen.lacking == {token: times - need[token] for token in wanted if need[token] < times}
    assert chosen.lacking[901] == times
    assert chosen.tokens == sum(len(documents[at]) for at in chosen.documents)
    assert chosen == choose(lambda: iter(documents), sorted(wanted), times)
    assert chosen.tokens < 0.9 * first_found(documents, wanted, times)


def first_found(documents: list[np.ndarray], wanted: set[int], times: int) -> int:
    """Tokens of the documents that whoever takes each useful one in order takes."""
    left, taken = Counter(dict.fromkeys(wanted, times)), 0
    for tokens in documents:
        useful = [token for token in tokens.tolist() if left[token] > 0]
        if useful:
            taken += len(tokens)
            for token in useful:
                left[token] -= 1
    return taken


def test_the_command_chooses_documents(made: Path, tmp_path: Path) -> None:
    """A base that knows three of the scripts less."""
    where = recipe(made, tmp_path)
    models.tokenizer(330).save_pretrained(tmp_path / "small")
    models.llama(400).save_pretrained(tmp_path / "small")
    models.tokenizer(400).save_pretrained(tmp_path / "out" / "tokenizer")
    result = run(train.data.work, where, "--set", f"base={tmp_path}/small", "--set", "data.coverage.times=2")
    assert result.exit_code == 0, result.output
    table = pq.read_table(tmp_path / "out" / "data" / "coverage.parquet")
    words = models.tokenizer(400)
    new = set(words.get_vocab().values()) - set(models.tokenizer(330).get_vocab().values())
    seen, whole = Counter[int](), Counter[int]()
    for text in table["text"].to_pylist():
        seen.update(words(text)["input_ids"])
    for text in texts([str(made / "kept/*/*.parquet"), str(made / "river.jsonl")]):
        whole.update(words(text)["input_ids"])
    assert all(seen[token] >= min(2, whole[token]) for token in new)
    assert table.num_rows < 60 and set(table["source"].to_pylist()) <= {"kept", "river"}
    never = json.loads((tmp_path / "out" / "data" / "coverage.json").read_text())["never"]
    assert set(never) == set(words.convert_ids_to_tokens([token for token in new if not whole[token]]))
