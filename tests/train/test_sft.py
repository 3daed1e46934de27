"""Fine-tuning: what is learned is what the assistant says, packs leak nothing, what is dropped has its reason."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from tests.train.models import folder, llama, tokenizer
from train.chat.packs import Conversations
from train.chat.rows import Message
from train.chat.template import Spoken, ends, speak, with_template
from train.loss import IGNORED
from train.optimisation import metrics
from train.optimisation.objective import Objective
from train.recipe import TrainError, command
from train.sft import Sft, prepare_data, work

CHATML = (
    "{% for message in messages %}<|begin|>{{ message.role }}\n{{ message.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|begin|>assistant\n{% endif %}"
)
# As some models' templates do: thoughts of earlier turns are left out once there is a later one
FORGETFUL = CHATML.replace("{{ message.content }}", "{{ message.content if loop.last else message.content[:3] }}")


def _said(role: str, content: str) -> Message:
    return Message(role, content, role == "assistant")


TALK = (
    _said("system", "Answer in Hindi."),
    _said("user", "What is a river?"),
    _said("assistant", "नदी बहता हुआ जल है।"),
    _said("user", "এবং সমুদ্র?"),
    _said("assistant", "समुद्र में नदियाँ गिरती हैं।"),
)


def _chatml() -> PreTrainedTokenizerFast:
    return with_template(tokenizer(), CHATML)


def test_only_what_the_assistant_says_is_learned() -> None:
    words = _chatml()
    spoken = speak(TALK, words)
    assert spoken is not None
    learned = words.decode(spoken.tokens[spoken.learned])
    assert learned == "नदी बहता हुआ जल है।<|end|>समुद्र में नदियाँ गिरती हैं।<|end|>"
    assert "What is a river?" in words.decode(spoken.tokens[~spoken.learned])


def test_the_tokens_are_those_of_the_whole_conversation() -> None:
    words = _chatml()
    plain = [{"role": message.role, "content": message.content} for message in TALK]
    spoken = speak(TALK, words)
    assert spoken is not None
    assert spoken.tokens.tolist() == words.apply_chat_template(plain, tokenize=True)["input_ids"]


def test_the_mask_is_that_of_a_generation_mark() -> None:
    """The same template with the mark that transformers reads."""
    marked = CHATML.replace(
        "{{ message.content }}<|end|>",
        "{% if message.role == 'assistant' %}{% generation %}{{ message.content }}<|end|>{% endgeneration %}"
        "{% else %}{{ message.content }}<|end|>{% endif %}{{ '' }}",  # a line break right behind a block would go
    )
    plain = [{"role": message.role, "content": message.content} for message in TALK]
    theirs = with_template(tokenizer(), marked).apply_chat_template(
        plain, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    ours = speak(TALK, _chatml())
    assert ours is not None
    assert ours.learned.astype(int).tolist() == theirs["assistant_masks"]


def test_an_answer_that_is_turned_off_is_not_learned() -> None:
    words = _chatml()
    talk = (*TALK[:2], Message("assistant", TALK[2].content, loss=False), *TALK[3:])
    spoken = speak(talk, words)
    assert spoken is not None
    assert words.decode(spoken.tokens[spoken.learned]) == "समुद्र में नदियाँ गिरती हैं।<|end|>"


def test_a_template_that_rewrites_earlier_turns_is_refused_where_these_are_learned() -> None:
    words = with_template(tokenizer(), FORGETFUL)
    assert speak(TALK, words) is None
    assert speak(TALK[1:3], words) is None  # the question is cut too, once there is an answer
    last = (*TALK[:2], Message("assistant", TALK[2].content, loss=False), *TALK[3:])
    assert speak(last, words) is None


def test_the_token_that_ends_an_answer_is_found() -> None:
    words = _chatml()
    spoken = speak(TALK, words)
    assert spoken is not None
    assert ends(spoken, words) == words.convert_tokens_to_ids("<|end|>")


def test_the_plain_template_needs_no_new_token() -> None:
    words = with_template(tokenizer(), "plain")
    spoken = speak(TALK[1:3], words)
    assert spoken is not None
    assert words.decode(spoken.tokens[spoken.learned]) == "नदी बहता हुआ जल है।<|end|>"
    with pytest.raises(TrainError, match=r'no chat template: sft\.template = "plain"'):
        with_template(tokenizer(), None)


def _random(count: int, seed: int, most: int = 40) -> list[Spoken]:
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        size = int(draw.integers(4, most))
        learned = draw.random(size) < 0.5
        learned[-1] = True
        found.append(Spoken(draw.integers(3, 400, size).astype(np.int32), learned))
    return found


def test_packs_hold_every_conversation_once_an_epoch_and_waste_little() -> None:
    spoken = _random(500, 1)
    stream = Conversations(spoken, length=128, pad=0, seed=3)
    packs = [pack for pack, _ in zip(stream, range(stream.packs), strict=False)]
    found = sorted(
        tuple(pack.input_ids[pack.document_ids == at]) for pack in packs for at in set(pack.document_ids) - {-1}
    )
    assert found == sorted(tuple(each.tokens) for each in spoken)
    assert 1 - sum(len(each.tokens) for each in spoken) / (128 * len(packs)) < 0.03
    labels = sum(int((pack.labels != IGNORED).sum()) for pack in packs)
    assert labels == sum(int(each.learned[1:].sum()) for each in spoken)


def test_a_packed_conversation_has_the_loss_that_it_has_alone() -> None:
    """And so do its gradients: no example leaks into another."""
    spoken = _random(12, 2)
    model = llama(400, tied=False)
    stream = Conversations(spoken, length=128, pad=0, seed=3)
    packs = [pack for pack, _ in zip(stream, range(stream.packs), strict=False)]
    assert any(pack.document_ids.max() > 1 for pack in packs)
    packed = sum(Objective(model)({name: torch.from_numpy(getattr(pack, name)).long()[None] for name in ("input_ids", "labels", "position_ids", "document_ids")}) for pack in packs)  # fmt: skip
    alone = torch.zeros(())
    for each in spoken:
        logits = model(input_ids=torch.from_numpy(each.tokens).long()[None]).logits[0, :-1]
        wanted = torch.from_numpy(each.tokens[1:]).long()
        wanted[~torch.from_numpy(each.learned[1:])] = IGNORED
        alone = alone + torch.nn.functional.cross_entropy(logits, wanted, reduction="sum", ignore_index=IGNORED)
    torch.testing.assert_close(packed, alone, rtol=1e-5, atol=1e-4)
    weight = model.model.layers[0].mlp.up_proj.weight
    (ours,), (theirs,) = torch.autograd.grad(packed, weight), torch.autograd.grad(alone, weight)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_stream_goes_on_where_it_was() -> None:
    spoken = _random(60, 4)
    whole = Conversations(spoken, length=64, pad=0, seed=3)
    wanted = [pack.input_ids.tolist() for pack, _ in zip(whole, range(3 * whole.packs), strict=False)]
    for cut in (0, 3, whole.packs, whole.packs + 5):
        first = Conversations(spoken, length=64, pad=0, seed=3)
        given = [pack.input_ids.tolist() for _, pack in zip(range(cut), first, strict=False)]
        again = Conversations(spoken, length=64, pad=0, seed=3)
        again.restore(json.loads(json.dumps(first.state())))
        given += [pack.input_ids.tolist() for _, pack in zip(range(len(wanted) - cut), again, strict=False)]
        assert given == wanted


def _rows(path: Path) -> str:
    rows: list[object] = [
        {"instruction": "Name a river.", "input": "In India.", "output": "गंगा"},
        {"messages": [{"role": "user", "content": "नमस्ते"}, {"role": "assistant", "content": "नमस्ते!"}]},
        {"messages": [{"role": "user", "content": "Nobody answers."}]},
        {"messages": [{"role": "assistant", "content": ""}]},
        {"messages": [{"role": "oracle", "content": "?"}]},
        {"messages": "none"},
        {"instruction": 7, "output": "x"},
        {"instruction": "Long.", "output": "நதி " * 300},
        {"text": "no conversation"},
        ["a", "list"],
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows) + "{broken\n", "utf-8")
    return str(path)


def test_every_row_is_kept_or_dropped_for_a_reason(tmp_path: Path) -> None:
    section = Sft(paths=(_rows(tmp_path / "rows.jsonl"),), length=100)
    data = prepare_data(section, _chatml())
    assert len(data.spoken) == 2
    assert data.dropped == {"no_assistant": 2, "malformed": 6, "too_long": 1}


def test_parquet_rows_with_losses_are_read(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": m.role, "content": m.content} for m in TALK], "loss": [False, False, False, False, True]}]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    words = _chatml()
    data = prepare_data(Sft(paths=(str(tmp_path / "*.parquet"),)), words)
    assert words.decode(data.spoken[0].tokens[data.spoken[0].learned]) == "समुद्र में नदियाँ गिरती हैं।<|end|>"


def test_rows_without_an_answer_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "?"}]}\n' * 3)
    with pytest.raises(TrainError, match=r"no conversation in .*rows\.jsonl: a row has .* \(dropped: no_assistant 3\)"):
        prepare_data(Sft(paths=(str(path),)), _chatml())
    pq.write_table(pa.table({"question": ["x"]}), tmp_path / "rows.parquet")
    with pytest.raises(TrainError, match=r"rows\.parquet: the columns are question; a row has `messages`"):
        prepare_data(Sft(paths=(str(tmp_path / "rows.parquet"),)), _chatml())


def test_plain_text_is_mixed_in_at_its_share(tmp_path: Path) -> None:
    rows = [{"instruction": f"Count to {n}.", "output": "एक दो तीन चार पाँच " * 3} for n in range(50)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "text.jsonl").write_text("".join(json.dumps({"text": f"नदी {n} " * 40}) + "\n" for n in range(200)))
    given = {"paths": (str(tmp_path / "rows.jsonl"),), "texts": (str(tmp_path / "text.jsonl"),), "length": 128}
    alone = prepare_data(Sft(**given), _chatml())  # type: ignore[arg-type]
    mixed = prepare_data(Sft(**given, text_share=0.25), _chatml())  # type: ignore[arg-type]
    texts = mixed.spoken[len(alone.spoken) :]
    share = sum(len(each.tokens) for each in texts) / sum(len(each.tokens) for each in mixed.spoken)
    assert share == pytest.approx(0.25, abs=0.02)
    assert all(each.learned.all() for each in texts)


def test_the_command_learns_to_answer(tmp_path: Path) -> None:
    """A tiny model learns one answer by heart; the folder that it leaves answers, and stops, in transformers."""
    base = folder(tmp_path / "base", tied=False)
    rows = [{"messages": [{"role": "user", "content": "नदी?"}, {"role": "assistant", "content": "गाँव के पास।"}]}] * 40
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "chat.jinja").write_text(CHATML)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'base = "{base}"\noutput = "{tmp_path}/run"\n[sft]\npaths = ["{tmp_path}/rows.jsonl"]\nlength = 96\nbatch = 4\n'
        f'template = "{tmp_path}/chat.jinja"\nepochs = 40.0\nlr = 1e-2\nprecision = "fp32"\nwatch_every = 50\n'
    )
    result = CliRunner().invoke(command(work), [str(recipe)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "40 conversations and texts, 0 dropped" in result.stderr
    told = [line["loss"] for line in metrics.read(tmp_path / "run" / "sft-run" / "metrics.jsonl") if "loss" in line]
    assert told[-1] < 0.1 < told[0]
    words = AutoTokenizer.from_pretrained(tmp_path / "run" / "sft")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "sft")
    asked = words.apply_chat_template([{"role": "user", "content": "नदी?"}], add_generation_prompt=True, return_tensors="pt")  # fmt: skip
    answer = model.generate(**asked, max_new_tokens=40, do_sample=False)[0, asked["input_ids"].shape[1] :]
    assert words.decode(answer) == "गाँव के पास।<|end|>"


def test_a_length_beyond_the_model_is_one_line(tmp_path: Path) -> None:
    from train.recipe import Run
    from train.sft import train

    base = folder(tmp_path / "base")
    with pytest.raises(TrainError, match=r"sft\.length: 4,096 tokens, the model in .* is made for 128"):
        train(Run(base, tmp_path / "run", 1), Sft(paths=("x.jsonl",), length=4096), Console(file=StringIO()))
