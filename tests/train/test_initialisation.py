"""Rows for new tokens, against slow computations of their definitions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, trainers
from torch import Tensor
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tests.train.models import SPECIAL, TEXTS, llama, tokenizer
from train.embeddings import Embeddings, Learned, expand, write
from train.evaluation.text import score
from train.folder import check_pair, load_model, load_tokenizer
from train.initialisation import simple
from train.initialisation.learned import LEARNED
from train.initialisation.vocabulary import VocabularyChange, assemble, compare
from train.optimisation.distributed import World
from train.recipe import TrainError
from train.tokenizer import Expansion
from train.tokenizer import expand as expand_tokenizer


def small() -> PreTrainedTokenizerFast:
    return tokenizer(280)


def extended(old: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Three merges by hand: a whole letter, a part of a letter's bytes, and a word of two tokens."""
    layout = json.loads(old.backend_tokenizer.to_str())
    vocabulary, merges = layout["model"]["vocab"], layout["model"]["merges"]
    for left, right in (("à", "¥"), ("à¥", "Ĥ"), ("z", "q")):
        if left + right not in vocabulary:
            vocabulary[left + right] = len(vocabulary)
            merges.append([left, right])
    made = Tokenizer.from_str(json.dumps(layout))
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token=SPECIAL[0], bos_token=SPECIAL[1], eos_token=SPECIAL[2])  # fmt: skip


def replaced() -> PreTrainedTokenizerFast:
    """Another vocabulary, in which special tokens have other names and places."""
    layout = json.loads(tokenizer(320).backend_tokenizer.to_str())
    names = dict(zip(SPECIAL, ("<p>", "<s>", "</s>"), strict=True))
    size = len(layout["model"]["vocab"])
    moved = {names.get(token, token): (at + 7) % size for token, at in layout["model"]["vocab"].items()}
    layout["model"]["vocab"] = moved
    for each in layout["added_tokens"]:
        each["content"] = names[each["content"]]
        each["id"] = moved[each["content"]]
    made = Tokenizer.from_str(json.dumps(layout))
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<p>", bos_token="<s>", eos_token="</s>")


@pytest.fixture(scope="module")
def change() -> VocabularyChange:
    return compare(small(), tokenizer())


@pytest.fixture(scope="module")
def matrix() -> Tensor:
    torch.manual_seed(3)
    return torch.randn(len(small()) + 9, 16)  # with padding


def test_an_extended_vocabulary_keeps_every_id() -> None:
    old = small()
    change = compare(old, extended(old))
    assert change.kept == {at: at for at in range(len(old))}
    assert [len(pieces) for pieces in change.pieces] == [2] * len(change.added) and change.added


def test_pieces_spell_the_new_token(change: VocabularyChange) -> None:
    old, new = small(), tokenizer()
    names, tokens = new.convert_ids_to_tokens(list(change.added)), old.convert_ids_to_tokens
    assert len(change.added) == len(new) - len(set(old.get_vocab()) & set(new.get_vocab()))
    for name, pieces in zip(names, change.pieces, strict=True):
        assert "".join(tokens(list(pieces))) == name and len(pieces) > 1


def test_a_replaced_vocabulary_is_aligned_by_string_and_role() -> None:
    old, new = small(), replaced()
    change = compare(old, new)
    ours, theirs = old.get_vocab(), new.get_vocab()
    wanted = {at: ours[token] for token, at in theirs.items() if token in ours}
    wanted |= {theirs[name]: ours[old_name] for name, old_name in zip(("<p>", "<s>", "</s>"), SPECIAL, strict=True)}
    assert change.kept == wanted
    assert set(change.added) == set(theirs.values()) - wanted.keys()


def test_subtoken_mean_first_and_last(change: VocabularyChange, matrix: Tensor) -> None:
    mean = torch.stack([sum((matrix[piece] for piece in pieces), torch.zeros(16)) / len(pieces) for pieces in change.pieces])  # fmt: skip
    assert torch.allclose(simple.subtoken_mean(change, matrix), mean, atol=1e-6)
    assert all(torch.equal(row, matrix[p[0]]) for row, p in zip(simple.first_piece(change, matrix), change.pieces, strict=True))  # fmt: skip
    assert all(torch.equal(row, matrix[p[-1]]) for row, p in zip(simple.last_piece(change, matrix), change.pieces, strict=True))  # fmt: skip
    median = matrix[: len(small())].norm(dim=1).sort().values[(len(small()) - 1) // 2]
    for row, wanted in zip(simple.subtoken_mean_matched(change, matrix), mean, strict=True):
        assert torch.allclose(row, wanted / wanted.norm() * median, atol=1e-5)


def test_the_mean_leaves_padding_out(change: VocabularyChange, matrix: Tensor) -> None:
    rows = simple.mean(change, matrix)
    assert torch.allclose(rows, matrix[: len(small())].mean(0).expand_as(rows), atol=1e-6)


def test_noise_has_the_rows_covariance(matrix: Tensor) -> None:
    many = VocabularyChange({at: at for at in range(len(small()))}, tuple(range(300, 40_300)), ())
    singular = matrix.clone()
    singular[:, 3] = singular[:, 5]  # not positive definite
    rows = simple.mean_noise(many, singular, generator=torch.Generator().manual_seed(1)).double()
    old = singular[: len(small())].double()
    wanted = 1e-5 * torch.cov(old.T, correction=0)
    assert torch.allclose(rows.mean(0), old.mean(0), atol=1e-4)
    assert (torch.cov(rows.T) - wanted).norm() / wanted.norm() < 0.05


def test_random_has_the_models_deviation(matrix: Tensor) -> None:
    many = VocabularyChange({0: 0}, tuple(range(1, 5_001)), ())
    rows = simple.random(many, matrix, generator=torch.Generator().manual_seed(1), deviation=0.02)
    assert rows.std().item() == pytest.approx(0.02, rel=0.02) and abs(rows.mean().item()) < 1e-3


def test_assembled_rows(change: VocabularyChange, matrix: Tensor) -> None:
    half = matrix.bfloat16()
    whole = assemble(change, half, simple.subtoken_mean(change, half), 448)
    assert all(torch.equal(whole[new], half[old]) for new, old in change.kept.items())
    assert torch.equal(whole[447], half[: len(small())].float().mean(0).bfloat16())
    assert (whole.float().norm(dim=1) > 0).all() and whole.dtype == torch.bfloat16


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("other", [tokenizer, replaced])
def test_old_tokens_keep_their_logits(tied: bool, other: object) -> None:
    old, new = small(), other()  # type: ignore[operator]
    model, base = llama(len(old), tied=tied), llama(len(old), tied=tied)
    report = expand(model, old, new, Embeddings(input="subtoken_mean", output=None if tied else "first_piece"))
    assert report["logit_difference"] < 1e-5 and report["input"]["zero_rows"] == 0
    assert model.config.vocab_size == report["rows"] == -(-len(new) // 64) * 64
    assert model.config.eos_token_id == new.eos_token_id and model.generation_config.pad_token_id == new.pad_token_id
    assert model.get_input_embeddings().padding_idx == new.pad_token_id
    given, written = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert (given.data_ptr() == written.data_ptr()) == tied
    change = compare(old, new)
    source = base.get_output_embeddings().weight
    for at, pieces in zip(change.added, change.pieces, strict=True):
        wanted = source[list(pieces)].mean(0) if tied else source[pieces[0]]
        assert torch.allclose(written[at], wanted, atol=1e-6)


def test_random_rows_of_two_matrices_differ() -> None:
    model = llama(len(small()), tied=False)
    expand(model, small(), tokenizer(), Embeddings(input="random"))
    added = list(compare(small(), tokenizer()).added)
    given, written = model.get_input_embeddings().weight[added], model.get_output_embeddings().weight[added]
    assert torch.cosine_similarity(given, written).abs().mean() < 0.3


def test_two_methods_for_one_matrix_are_refused() -> None:
    with pytest.raises(TrainError, match="tied, one method makes both"):
        expand(llama(len(small())), small(), tokenizer(), Embeddings(output="mean"))


def test_the_command_writes_a_folder(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from train.embeddings import main

    old, new, runs = small(), tokenizer(), tmp_path / "run"
    llama(len(old)).save_pretrained(tmp_path / "base")
    old.save_pretrained(tmp_path / "base")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'base = "{tmp_path}/base"\noutput = "{runs}"\n', "utf-8")
    failed = CliRunner().invoke(main, [str(recipe)])
    assert failed.exit_code == 2 and failed.output.count("\n") == 1 and "train.tokenizer" in failed.output
    new.save_pretrained(runs / "tokenizer")
    done = CliRunner().invoke(main, [str(recipe)])
    assert done.exit_code == 0, done.output
    words = load_tokenizer(runs / "embeddings")
    check_pair(load_model(runs / "embeddings"), words, runs / "embeddings")
    assert [words.encode(text) for text in TEXTS] == [new.encode(text) for text in TEXTS]
    assert (runs / "embeddings" / "tokenizer.json").read_bytes() == (runs / "tokenizer" / "tokenizer.json").read_bytes()


def gpt2(rows: int) -> PreTrainedModel:
    torch.manual_seed(6)
    return GPT2LMHeadModel(GPT2Config(vocab_size=rows, n_embd=16, n_layer=1, n_head=2, n_positions=64, bos_token_id=1, eos_token_id=2))  # fmt: skip


def gemma(rows: int) -> PreTrainedModel:
    """Tied, inputs scaled, logits capped."""
    torch.manual_seed(6)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    return Gemma2ForCausalLM(Gemma2Config(**shape, num_key_value_heads=1, head_dim=8, vocab_size=rows, final_logit_softcapping=5.0, pad_token_id=0))  # fmt: skip


def gemma3(rows: int) -> PreTrainedModel:
    """The scale is a part of the input matrix's layer."""
    torch.manual_seed(6)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    return Gemma3ForCausalLM(Gemma3TextConfig(**shape, num_key_value_heads=1, head_dim=8, vocab_size=rows, pad_token_id=0))  # fmt: skip


@pytest.mark.parametrize("family", [gpt2, gemma, gemma3])
def test_tied_families(family: Callable[[int], PreTrainedModel], tmp_path: Path) -> None:
    old, new = small(), tokenizer()
    family(len(old) + 5).bfloat16().save_pretrained(tmp_path / "base")
    old.save_pretrained(tmp_path / "base")
    new.save_pretrained(tmp_path / "tokenizer")
    text = tmp_path / "texts.jsonl"
    text.write_text("".join(json.dumps({"text": each}) + "\n" for each in TEXTS), "utf-8")
    section = Embeddings(input="subtoken_mean_matched", texts=(str(text),))
    report = write(tmp_path / "base", tmp_path / "tokenizer", tmp_path / "out", section, seed=1)
    assert report["tied"] and report["logit_difference"] < 1e-5
    before, after = load_model(tmp_path / "base"), load_model(tmp_path / "out")
    check_pair(after, new, tmp_path)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"
    change = compare(old, new)
    source, made = before.get_input_embeddings().weight, after.get_input_embeddings().weight
    assert torch.equal(made[list(change.kept)], source[list(change.kept.values())])
    wanted = simple.subtoken_mean_matched(change, source.detach()).bfloat16().float()
    assert torch.equal(made[list(change.added)], wanted)
    scored = [score("texts", TEXTS[:1], each, words, World(0, 1, torch.device("cpu"))).bits_per_byte for each, words in ((before, old), (after, new))]  # fmt: skip
    assert [report["bits_per_byte"]["texts"][name] for name in ("base", "new")] == pytest.approx(scored, rel=1e-2)


def sentencepiece(size: int) -> PreTrainedTokenizerFast:
    """As SentencePiece's BPE: ▁ for a space, bytes for characters without a piece."""
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])  # fmt: skip
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=pieces, show_progress=False)
    made.train_from_iterator(TEXTS[:1] * 3, trainer)
    layout = json.loads(made.to_str())
    layout["added_tokens"] = [each for each in layout["added_tokens"] if not each["content"].startswith("<0x")]
    fast = Tokenizer.from_str(json.dumps(layout))
    return PreTrainedTokenizerFast(tokenizer_object=fast, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def test_sentencepiece_with_hindi(tmp_path: Path) -> None:
    old = sentencepiece(320)
    old.save_pretrained(tmp_path / "base")
    text = tmp_path / "hindi.jsonl"
    text.write_text("".join(json.dumps({"text": f"{TEXTS[1]} {at}"}) + "\n" for at in range(80)), "utf-8")
    expand_tokenizer(tmp_path / "base", tmp_path / "tokenizer", Expansion(texts={"hin_Deva": (str(text),)}, tokens=30))
    new = load_tokenizer(tmp_path / "tokenizer")
    change = compare(old, new)
    assert change.kept == {at: at for at in range(len(old))} and len(change.added) > 10
    for at, pieces in zip(change.added, change.pieces, strict=True):
        token = new.convert_ids_to_tokens(at)
        spelt = old.convert_ids_to_tokens(list(pieces))
        parts = [bytes([int(each[3:5], 16)]) if each.startswith("<0x") else each.encode() for each in spelt]
        assert b"".join(parts) == token.encode()
    assert any(len(pieces) == 3 for pieces in change.pieces)  # a letter, from its bytes
    model, base = llama(len(old), tied=False), llama(len(old), tied=False)
    assert expand(model, old, new, Embeddings())["logit_difference"] < 1e-5
    source = base.get_output_embeddings().weight
    wanted = torch.stack([source[list(pieces)].mean(0) for pieces in change.pieces])
    assert torch.allclose(model.get_output_embeddings().weight[list(change.added)], wanted, atol=1e-6)


@pytest.mark.parametrize("method", get_args(Learned))
def test_learned_methods_change_new_rows_alone(method: str, tmp_path: Path) -> None:
    old, new = small(), tokenizer()
    text = tmp_path / "texts.jsonl"
    text.write_text("".join(json.dumps({"text": each}) + "\n" for each in TEXTS * 5), "utf-8")
    model, base = llama(len(old)), llama(len(old))
    report = expand(model, old, new, Embeddings(input=method, texts=(str(text),), steps=2))
    assert report["input"]["method"] == method and report["logit_difference"] < 1e-5
    change = compare(old, new)
    rows = model.get_input_embeddings().weight[list(change.added)]
    start = simple.subtoken_mean(change, base.get_input_embeddings().weight.detach())
    assert torch.isfinite(rows).all() and not torch.equal(rows, start)


def test_learned_methods_need_text() -> None:
    assert set(LEARNED) == set(get_args(Learned))
    with pytest.raises(TrainError, match=r"embeddings\.texts: vocadt learns from text"):
        expand(llama(len(small())), small(), tokenizer(), Embeddings(input="vocadt"))
    with pytest.raises(TrainError, match=r"embeddings\.output: vocadt makes both"):
        expand(llama(len(small()), tied=False), small(), tokenizer(), Embeddings(input="vocadt", output="mean", texts=("x",)))  # fmt: skip
