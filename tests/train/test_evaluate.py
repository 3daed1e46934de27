"""Bits per byte against a loop of one token at a time; tasks of the harness from local files; the table and the plot."""

import json
import math
from io import StringIO
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from rich.console import Console

from tests.train.models import TEXTS, folder, llama, tokenizer
from train.evaluate import Evaluate, HeldText, evaluate, work
from train.evaluation.text import score
from train.optimisation.distributed import world
from train.optimisation.metrics import Metrics
from train.recipe import Run, TrainError, command


def _bits_one_by_one(model: torch.nn.Module, texts: list[str], window: int) -> float:
    words, nats = tokenizer(), 0.0
    for text in texts:
        ids = [words.bos_token_id, *words.encode(text, add_special_tokens=False)]
        for at in range(1, len(ids)):
            first = (at - 1) // window * window  # windows do not overlap
            logits = model(input_ids=torch.tensor([ids[first:at]])).logits[0, -1].double()
            nats -= float(torch.log_softmax(logits, 0)[ids[at]])
    return nats / math.log(2) / sum(len(text.encode()) for text in texts)


def test_bits_per_byte_is_that_of_token_after_token() -> None:
    model = llama(400, tied=False, context=32).eval()
    found = score("river", TEXTS, model, tokenizer(), world())
    assert max(len(tokenizer().encode(text)) for text in TEXTS) > 32
    with torch.no_grad():
        assert found.bits_per_byte == pytest.approx(_bits_one_by_one(model, list(TEXTS), 32), rel=1e-4)
    tokens = sum(len(tokenizer().encode(text, add_special_tokens=False)) for text in TEXTS)
    assert found.fertility == pytest.approx(tokens / sum(len(text.split()) for text in TEXTS))
    assert found.bytes == sum(len(text.encode()) for text in TEXTS)


def test_a_larger_vocabulary_of_unused_rows_costs_bits_only_by_the_softmax() -> None:
    """Bits per byte do not depend on how the text is cut into tokens, only on what the model gives it."""
    model = llama(400, tied=False)
    before = score("river", TEXTS, model, tokenizer(), world()).bits_per_byte
    model.resize_token_embeddings(800, mean_resizing=False)
    with torch.no_grad():
        model.get_output_embeddings().weight[400:] = 0.0
    after = score("river", TEXTS, model, tokenizer(), world()).bits_per_byte
    tokens = sum(len(tokenizer().encode(text, add_special_tokens=False)) for text in TEXTS)
    most = tokens / sum(len(text.encode()) for text in TEXTS)  # a bit a token: twice the rows
    assert before < after < before + 1.2 * most


def _run(tmp_path: Path) -> Run:
    run = Run(folder(tmp_path / "base", tied=False), tmp_path / "run", 1)
    folder(tmp_path / "run" / "cpt", tied=False, seed=5)
    (tmp_path / "held.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return run


def _tasks(tmp_path: Path) -> Path:
    place = tmp_path / "tasks"
    place.mkdir()
    rows = [
        {"question": f"{n} नदी कहाँ है?", "choices": ["पहाड़ में", "समुद्र में", "घर में"], "answer": n % 3} for n in range(12)
    ]
    (place / "rivers.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    (place / "rivers.yaml").write_text(
        "task: rivers_hin\ndataset_path: json\ndataset_kwargs:\n  data_files:\n"
        f"    test: {place}/rivers.jsonl\ntest_split: test\noutput_type: multiple_choice\n"
        "doc_to_text: '{{question}}'\ndoc_to_choice: '{{choices}}'\ndoc_to_target: answer\n"
        "metric_list:\n  - metric: acc\n    aggregation: mean\n    higher_is_better: true\n"
    )
    return place


def test_the_models_of_a_run_side_by_side(tmp_path: Path) -> None:
    run = _run(tmp_path)
    told = Metrics(run.folder("cpt-run"), -1)
    for step in (0, 10, 20):
        told.write(step, {"bits_per_byte/hindi": 3.0 - step / 20, "bits_per_byte/english": 1.5 + step / 100})
    told.close()
    section = Evaluate(
        texts={"rivers": HeldText(path=str(tmp_path / "held.jsonl"))},
        tasks=("rivers_hin",),
        task_folder=str(_tasks(tmp_path)),
    )
    scores = evaluate(run, section, Console(file=StringIO()))
    assert list(scores) == ["base", "cpt"]
    assert scores["base"].texts["rivers"].bits_per_byte != scores["cpt"].texts["rivers"].bits_per_byte
    assert 0 <= scores["base"].tasks["rivers_hin"]["acc"] <= 1
    made = run.folder("evaluate")
    assert json.loads((made / "scores.json").read_text())["cpt"]["texts"]["rivers"]["documents"] == len(TEXTS)
    lines = (made / "scores.md").read_text().splitlines()
    assert lines[0].startswith("| model | rivers bits/byte | tokens/word | rivers_hin acc |")
    assert len(lines) == 4
    assert (made / "plot.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names neither texts nor tasks"),
        ('[evaluate.texts]\na = {{ path = "{0}/none.jsonl" }}', "none.jsonl: no such file"),
        ('[evaluate.texts]\na = {{ path = "{0}/empty.jsonl" }}', "evaluate.texts.a: no document in"),
        ('[evaluate]\ntasks = ["no_such_task"]', "evaluate.tasks: no task 'no_such_task' in the harness"),
        ('[evaluate]\ntasks = ["x"]\ntask_folder = "{0}/nowhere"', "evaluate.task_folder: {0}/nowhere: no such folder"),
        ('[evaluate]\nmodels = {{ a = "{0}/nowhere" }}\ntasks = ["x"]', "nowhere: no such folder"),
    ],
)
def test_what_cannot_be_measured_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    run = _run(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'base = "{run.base}"\noutput = "{run.output}"\n' + text.format(tmp_path))
    result = CliRunner().invoke(command(work), [str(recipe)])
    assert result.exit_code == 2, result.exception
    assert says.format(tmp_path) in result.stderr.replace("\n", " ")
    assert not run.folder("evaluate").exists()


def test_a_recipe_with_texts_prints_the_table(tmp_path: Path) -> None:
    run = _run(tmp_path)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'base = "{run.base}"\noutput = "{run.output}"\n[evaluate.texts]\nr = {{ path = "{tmp_path}/held.jsonl" }}\n')  # fmt: skip
    result = CliRunner().invoke(command(work), [str(recipe)])
    assert result.exit_code == 0, result.output
    assert "r bits/byte" in result.stdout
    assert TrainError.__name__ not in result.output
