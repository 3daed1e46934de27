"""Schedules, averaging, row masks, document masks, FLOPs and bits per byte against their definitions."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)

from tests.train import models
from train.optimisation import parameters
from train.optimisation.attention import _blocks, masks
from train.optimisation.batches import batch_of, pairs
from train.optimisation.distributed import World
from train.optimisation.ema import Average
from train.optimisation.flops import Flops
from train.optimisation.objective import Objective, _pack, verify
from train.optimisation.schedule import Schedule, level
from train.optimisation.settings import Ema, Lora, Settings
from train.optimisation.watch import bits_per_byte, held
from train.recipe import TrainError

ALONE = World(0, 1, torch.device("cpu"))
SMALL = {"vocab_size": 200, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip


def test_cosine_is_warmed_and_ends_at_its_floor() -> None:
    schedule = Schedule(warmup=0.1, floor=0.1)
    rates = [level(step, 100, schedule) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([step / 10 for step in range(1, 11)])
    assert rates[54] == pytest.approx(0.55) and rates[-1] == pytest.approx(0.1)
    assert all(one >= other for one, other in itertools.pairwise(rates[9:]))


def test_wsd_is_constant_then_linear() -> None:
    schedule = Schedule(shape="wsd", warmup=0.1, decay=0.2, floor=0.0)
    rates = [level(step, 100, schedule) for step in range(1, 101)]
    assert set(rates[9:80]) == {1.0}
    assert rates[80:] == pytest.approx([1 - step / 20 for step in range(1, 21)])


def test_infinite_cools_down_stays_and_anneals() -> None:
    schedule = Schedule(shape="infinite", warmup=0.1, cooldown=0.3, constant=0.5, decay=0.2, floor=0.0)
    rates = [level(step, 100, schedule) for step in range(1, 101)]
    assert rates[9] == 1.0 and rates[24] == pytest.approx(0.75) and rates[39] == pytest.approx(0.5)
    assert set(rates[40:80]) == {0.5}
    assert rates[-1] == 0 and rates[89] == pytest.approx(0.25)
    assert level(100, 100, schedule.model_copy(update={"decay": 0.0})) == 0.5


def test_decay_and_constant() -> None:
    assert [level(step, 4, Schedule(shape="decay", floor=0.0)) for step in range(1, 5)] == [0.75, 0.5, 0.25, 0]
    assert level(3, 100, Schedule(shape="constant", warmup=0.0)) == 1.0


def _drift(ema: Ema | None) -> tuple[float, torch.Tensor]:
    """Ten steps of gradient descent on one matrix, each gradient the same."""
    weight = nn.Parameter(torch.zeros(3, 3))
    average = Average({"weight": weight}, ema) if ema else None
    for step in range(1, 11):
        with torch.no_grad():
            weight -= 0.1 * torch.arange(9.0).reshape(3, 3)
        if average:
            average.after(step)
    return float(weight.detach().norm()), weight.detach()


def test_the_average_is_its_formula_and_drift_shrinks() -> None:
    weight = snapshot = torch.zeros(3, 3)
    for step in range(1, 11):
        weight = weight - 0.1 * torch.arange(9.0).reshape(3, 3)
        if step % 3 == 0:
            weight = 0.6 * weight + (1 - 0.6) * snapshot
            snapshot = weight
    norm, averaged = _drift(Ema(new=0.6, every=3))
    torch.testing.assert_close(averaged, weight)
    plain, _ = _drift(None)
    assert norm < 0.8 * plain
    assert [_drift(Ema(new=new))[0] / plain for new in (1.0, 0.92, 0.5)] == pytest.approx([1.0, 0.92, 0.5])


def test_only_new_rows_change_and_frozen_rows_do_not_decay() -> None:
    model = models.llama(50)
    settings = Settings(train="new_rows", lr=0.1, weight_decay=0.5)
    prepared = parameters.prepare(model, settings)
    weights, matrices = parameters.trained(model), parameters.embeddings(model)
    assert list(weights) == ["model.embed_tokens.weight"] and model.lm_head.weight is model.model.embed_tokens.weight
    before = {name: weight.detach().clone() for name, weight in prepared.model.named_parameters()}
    optimizer = parameters.optimizer_for(weights, settings, matrices)
    mask = parameters.RowMask(matrices, [7, 48])
    batch = _pack(torch.arange(24), (10, 14))
    for _ in range(3):
        Objective(model)(batch).backward()
        mask.apply()
        optimizer.step()
        optimizer.zero_grad()
    after = dict(model.named_parameters())
    changed = (after["model.embed_tokens.weight"] != before["model.embed_tokens.weight"]).any(1).nonzero().flatten()
    assert changed.tolist() == [7, 48]
    assert all(torch.equal(after[name], before[name]) for name in before if name != "model.embed_tokens.weight")


def test_decay_is_of_matrices_alone() -> None:
    model = models.llama(50, tied=False)
    decayed, others = parameters.optimizer_for(parameters.trained(model), Settings()).param_groups
    assert decayed["weight_decay"] == 0.1 and {weight.dim() for weight in decayed["params"]} == {2}
    assert others["weight_decay"] == 0.0 and len(others["params"]) == 5


def test_adapters_leave_tied_embeddings_tied_and_trained() -> None:
    model = models.llama(50)
    prepared = parameters.prepare(model, Settings(train="lora", lora=Lora(rank=4)))
    names = set(parameters.trained(prepared.model))
    assert "model.embed_tokens.weight" in names and len(names) == 1 + 2 * 7 * 2
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_the_distance_of_adapters_is_that_of_the_merged_weights() -> None:
    model = models.llama(50)
    start = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    prepared = parameters.prepare(model, Settings(train="lora", lora=Lora(rank=4)))
    begun = parameters.Start(model)
    assert begun.squared_distance(model) == 0
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight)
    distance = begun.squared_distance(model)
    assert prepared.peft is not None
    merged = dict(prepared.peft.merge_and_unload().named_parameters())
    direct = sum(float((merged[name].detach() - weight).double().square().sum()) for name, weight in start.items())
    assert distance == pytest.approx(direct, rel=1e-4) and direct > 0


@pytest.mark.parametrize("window", [None, 3])
def test_masks_are_their_definition(window: int | None) -> None:
    documents = torch.tensor([[0, 0, 0, 0, 0, 1, 1, 2, -1, -1], [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]])
    config = MistralConfig(**SMALL, sliding_window=window)
    dense = masks(documents, config, "sdpa")
    blocks = _blocks(documents, window)
    for row, column, batch in np.ndindex(10, 10, 2):
        one, other = documents[batch, row], documents[batch, column]
        wanted = bool(one == other) and column <= row and (window is None or row - column < window)
        assert bool(dense[batch, 0, row, column]) == wanted
        where = [torch.tensor(at) for at in (batch, 0, row, column)]
        assert bool(blocks.mask_mod(*where)) == wanted


def _of(kind: Callable[[Any], PreTrainedModel], config: Any) -> PreTrainedModel:
    torch.manual_seed(1)
    model = kind(config).eval()
    for weight in model.parameters():
        if weight.dim() > 1:
            nn.init.normal_(weight, std=0.2)
    return model


FAMILIES = {
    "mistral": (MistralForCausalLM, MistralConfig(**SMALL, sliding_window=4)),
    "gemma2": (
        Gemma2ForCausalLM,
        Gemma2Config(**SMALL, head_dim=16, sliding_window=4, final_logit_softcapping=3.0),
    ),
    "cohere": (CohereForCausalLM, CohereConfig(**SMALL, logit_scale=0.3)),
    "granite": (GraniteForCausalLM, GraniteConfig(**SMALL, logits_scaling=4.0)),
    "gpt2": (GPT2LMHeadModel, GPT2Config(vocab_size=200, n_embd=32, n_layer=2, n_head=2)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_packed_document_is_as_alone(family: str) -> None:
    model = _of(*FAMILIES[family])
    verify(model)
    tokens = torch.randint(3, 200, (30,))
    hidden = Objective(model).hidden(_pack(tokens, (11, 6, 13)))[0]
    logits = [model(input_ids=part[None]).logits[0] for part in tokens.split((11, 6, 13))]
    head = Objective(model).head
    own = hidden @ model.get_output_embeddings().weight.T * head.scale
    own = own if head.softcap is None else torch.tanh(own / head.softcap) * head.softcap
    torch.testing.assert_close(own, torch.cat(logits), atol=2e-4, rtol=1e-3)
    leaking = Objective(model).hidden(_pack(tokens, (30,)))[0]
    assert not torch.allclose(hidden[11:], leaking[11:], atol=1e-2)


def test_a_model_that_does_not_mind_masks_is_refused() -> None:
    config = MambaConfig(vocab_size=200, hidden_size=32, num_hidden_layers=2, state_size=4, pad_token_id=0)
    with pytest.raises(TrainError, match="MambaForCausalLM: "):
        verify(_of(MambaForCausalLM, config))


def test_a_head_that_does_more_is_refused() -> None:
    model = _of(*FAMILIES["granite"])
    inner = model.forward

    def doubled(**given: Any) -> Any:
        output = inner(**given)
        output.logits = output.logits * 2
        return output

    model.forward = doubled  # type: ignore[method-assign]
    with pytest.raises(TrainError, match="its head or its attention"):
        verify(model)


def test_flops_count_the_head_and_what_documents_see() -> None:
    model = models.llama(500, width=32)
    body = 2 * (4 * 32 * 32 + 3 * 32 * 64)
    flops = Flops(model)
    assert flops.of(10, 0) == 10 * 6 * (body + 500 * 32)
    assert flops.of(0, 7) == 7 * 12 * 2 * 32
    parameters.prepare(model, Settings(train="embeddings"))
    assert Flops(model).of(1, 0) == 4 * body + 6 * 500 * 32
    documents = torch.tensor([[0, 0, 0, 1, 1, -1]])
    columns = torch.stack([documents, documents, torch.tensor([[0, 1, 2, 0, 1, 0]]), documents]).int()
    assert pairs(columns) == 1 + 2 + 3 + 1 + 2


def test_bits_per_byte_are_those_of_each_document_alone() -> None:
    words = models.tokenizer()
    model = models.llama(len(words)).eval()
    nats = 0.0
    for text in models.TEXTS:
        tokens = torch.tensor([words.bos_token_id, *words.encode(text)])
        logits = model(input_ids=tokens[None]).logits[0, :-1]
        nats += nn.functional.cross_entropy(logits, tokens[1:], reduction="sum").item()
    size = sum(len(text.encode()) for text in models.TEXTS)
    text = held("river", models.TEXTS, words, 100)
    assert bits_per_byte(Objective(model), text, 2, ALONE) == pytest.approx(nats / math.log(2) / size, rel=1e-5)
    cut = held("river", models.TEXTS, words, 7)
    assert sum(int((window.labels != -100).sum()) for window in cut.windows) == sum(
        len(words.encode(text)) for text in models.TEXTS
    )


def test_bf16_checkpointed_and_plain_have_nearly_one_loss() -> None:
    batch = batch_of(torch.stack([column.int() for column in _pack(torch.arange(24), (10, 14)).values()]), ALONE.device)
    plain = Objective(models.llama(50))(batch)
    assert Objective(models.llama(50), "bf16")(batch).item() == pytest.approx(plain.item(), rel=1e-2)
    model = models.llama(50).train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    again = Objective(model)(batch)
    again.backward()
    assert again.item() == plain.item()
