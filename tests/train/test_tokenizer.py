"""Vocabulary expansion end to end, on tokenizers trained here in English."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from click.testing import CliRunner
from sentencepiece import sentencepiece_model_pb2 as sentencepiece_model
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaTokenizer, PreTrainedTokenizerFast

from train.folder import load_tokenizer
from train.recipe import TrainError
from train.stream.shards import texts
from train.tokenization import marks
from train.tokenization.base import Base
from train.tokenization.extension import splits
from train.tokenization.pieces import unreachable
from train.tokenizer import Expansion, expand, main

ENGLISH = """The river runs past the old mill and the houses of the village, where the miller's daughter waited.
It's a long way from the market to the harbour; they walked there in the morning and came back after dark.
She wrote: “the naïve café owner didn't pay” — and nobody answered… 3 of 4 letters were lost in 1892.
What would the teacher say about the weather, the water, the winter, or the words that we were reading?
Слово за словом, словарь словами полон, и дело за делом."""
CODE = "def walk(river, *, days=3):\n    for day in range(days):\n        river.step(day)\n    return river['level'] != 0\n"
SENTENCES = {
    "hin_Deva": "नदी के किनारे पुरानी चक्की है|किताबें और किताबों की दुकान|विद्यार्थियों ने क्‍षमा माँगी, फिर हिन्दी पढ़ी।",
    "tam_Taml": "ஆற்றின் கரையில் பழைய ஆலை|மாணவர்கள் தமிழ்ப் புத்தகங்களைப் படித்தார்கள்|மழையில் மரங்கள் நனைந்தன.",
}


def corpus(folder: Path) -> dict[str, tuple[str, ...]]:
    paths = {}
    for name, text in SENTENCES.items():
        words = text.replace("|", " ").split()
        rows = [" ".join(words[at % len(words) :] + words[: at % 7]) + f" {at}" for at in range(120)]
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"text": row}, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        paths[name] = (str(path),)
    kept = folder / "english.jsonl"
    kept.write_text("".join(json.dumps({"text": text}) + "\n" for text in [*ENGLISH.split("\n"), CODE]), "utf-8")
    return paths


def config(folder: Path, rows: int) -> None:
    LlamaConfig(vocab_size=rows, hidden_size=8, num_hidden_layers=1, num_attention_heads=1).save_pretrained(folder)


def byte_level(folder: Path, pattern: str | None = None, **model: Any) -> Path:
    fast = Tokenizer(models.BPE(**model))
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    fast.pre_tokenizer = (
        split if pattern is None else pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), split])
    )
    fast.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    fast.train_from_iterator(ENGLISH.split("\n") * 3, trainer)
    fast.add_special_tokens([AddedToken("<|begin|>", special=True), AddedToken("<|end|>", special=True)])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=fast, bos_token="<|begin|>", eos_token="<|end|>")
    wrapped.save_pretrained(folder)
    config(folder, len(wrapped))
    return folder


def sentencepiece_bpe(folder: Path, *, kind: str = "bpe") -> Path:
    text = folder / "english.txt"
    folder.mkdir(exist_ok=True)
    text.write_text(ENGLISH + "\n" + ENGLISH, "utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "tokenizer"),
        model_type=kind,
        vocab_size=480 if kind == "bpe" else 380,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return folder


def llama(folder: Path) -> Path:
    """As Llama 2's folder: a tokenizer.model, and a tokenizer.json made of it."""
    sentencepiece_bpe(folder)
    loaded = LlamaTokenizer.from_pretrained(folder)
    loaded.add_special_tokens({"pad_token": "<pad>"})
    loaded.save_pretrained(folder)
    config(folder, len(loaded))
    return folder


def unigram(folder: Path) -> Path:
    sentencepiece_bpe(folder, kind="unigram")
    proto = sentencepiece_model.ModelProto()
    proto.ParseFromString((folder / "tokenizer.model").read_bytes())
    fast = Tokenizer(models.Unigram([(p.piece, p.score) for p in proto.pieces], unk_id=0, byte_fallback=True))
    fast.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    fast.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    PreTrainedTokenizerFast(tokenizer_object=fast, unk_token="<unk>").save_pretrained(folder)
    return folder


BASES = {
    "GPT-2": byte_level,
    "Llama 3": lambda folder: byte_level(
        folder,
        r"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ignore_merges=True,
    ),
    "Llama 2": llama,
}


@pytest.fixture(scope="module", params=BASES)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return BASES[request.param](tmp_path_factory.mktemp("base") / "model")


def section(folder: Path, **changes: Any) -> Expansion:
    kept = {"english": (str(folder / "english.jsonl"),)}
    return Expansion(**{"texts": corpus(folder), "keep": kept, "tokens": 120, "min_count": 2, **changes})


@pytest.mark.parametrize("method", ["continued", "append"])
def test_new_tokens_come_behind_and_english_stays(base: Path, tmp_path: Path, method: str) -> None:
    before = load_tokenizer(base)
    report = expand(base, tmp_path / "out", section(tmp_path, method=method))
    after = load_tokenizer(tmp_path / "out")
    old, new = before.get_vocab(), after.get_vocab()
    assert {token: new[token] for token in old} == old
    made = sorted(set(new.values()) - set(old.values()))
    assert made == list(range(len(old), len(old) + report["new_tokens"])) and len(made) > 80
    assert after.all_special_ids == before.all_special_ids
    assert report["unreachable_tokens"] == 0
    assert report["kept"]["english"]["same_ids"] == 1.0
    for text in [*ENGLISH.split("\n"), CODE]:
        assert after(text)["input_ids"] == before(text)["input_ids"]
    for name, figures in report["languages"].items():
        assert figures["after"]["fertility"] < figures["before"]["fertility"] / 2, name
    assert all(after_ or not report["round_trips_before"][name] for name, after_ in report["round_trips"].items())
    assert json.loads((tmp_path / "out" / "expansion.json").read_text())["new_tokens"] == report["new_tokens"]
    assert not (tmp_path / "out" / "config.json").exists()  # a folder with one is a model's


def test_each_token_is_its_text(base: Path, tmp_path: Path) -> None:
    expand(base, tmp_path / "out", section(tmp_path))
    fast = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    old = Base(load_tokenizer(base).backend_tokenizer).size
    pieces = {piece: at for piece, at in fast.get_vocab().items() if at >= old}
    assert unreachable(fast, list(pieces)) == set()
    spoken = {at for text in SENTENCES.values() for word in text.split("|") for at in fast.encode(" " + word).ids}
    assert len(spoken & set(pieces.values())) > 30


def test_the_trainer_ends_where_the_tokenizer_gets(base: Path, tmp_path: Path) -> None:
    """Every word of the corpus has no two neighbours that spell a new piece, and was not cut otherwise than learnt."""
    expand(base, tmp_path / "out", section(tmp_path))
    after = Base(Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json")))
    old = Base(load_tokenizer(base).backend_tokenizer).size
    rows = list(texts([path for paths in corpus(tmp_path).values() for path in paths]))
    for word in after.count_words(rows):
        tokens = [token.value for token in after.fast.model.tokenize(word)]
        for left, right in pairwise(tokens):
            assert after.vocabulary.get(left + right, 0) < old, (word, tokens)


def test_sentencepiece_agrees(tmp_path: Path) -> None:
    report = expand(llama(tmp_path / "base"), tmp_path / "out", section(tmp_path))
    assert report["same_as_sentencepiece"] > 0.9
    slow = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "out" / "tokenizer.model"))
    fast = load_tokenizer(tmp_path / "out")
    for text in SENTENCES.values():
        assert slow.encode(text) == fast.encode(text, add_special_tokens=False)
    assert slow.id_to_piece(len(fast) - 1) == fast.convert_ids_to_tokens(len(fast) - 1)
    scores = [slow.get_score(at) for at in range(len(load_tokenizer(tmp_path / "base")), len(fast))]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == len(scores)


def test_marks_are_kept_in_words(tmp_path: Path) -> None:
    base = byte_level(tmp_path / "base")
    narrow = expand(base, tmp_path / "narrow", section(tmp_path, pre_tokenizer="keep"))
    wide = expand(base, tmp_path / "wide", section(tmp_path))
    for name in SENTENCES:
        one, other = narrow["languages"][name]["after"], wide["languages"][name]["after"]
        assert one["words_cut"] > 0.5 and other["words_cut"] == 0
        assert other["fertility"] < one["fertility"]
    assert wide["pre_tokenizer_changed"] and not narrow["pre_tokenizer_changed"]


@pytest.mark.parametrize("text", [ENGLISH, CODE, "cafe\u0301 ❤\ufe0f 👩🏽\u200d💻 1\ufe0f\u20e3", "don't  we're\n\n"])
def test_widened_pre_tokenizers_cut_english_as_before(tmp_path: Path, text: str) -> None:
    for name in ("GPT-2", "Llama 3"):
        fast = load_tokenizer(BASES[name](tmp_path / name)).backend_tokenizer
        assert marks.widened(fast).encode(text).ids == fast.encode(text).ids


def test_ascii_pieces_only_where_asked(tmp_path: Path) -> None:
    texts = tmp_path / "swahili.jsonl"
    rows = [f"watoto wanasoma vitabu vya shule nyumbani {at}" for at in range(120)]
    texts.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    base = byte_level(tmp_path / "base")
    changes: dict[str, Any] = {"texts": {"swa_Latn": (str(texts),)}}
    with pytest.raises(TrainError, match=r"set tokenizer\.ascii = true"):
        expand(base, tmp_path / "out", section(tmp_path, **changes))
    report = expand(base, tmp_path / "out", section(tmp_path, **changes, ascii=True))
    assert report["new_tokens"] > 10 and "Ġwanasoma" in load_tokenizer(tmp_path / "out").get_vocab()


def test_weights_decide_who_gets_tokens(tmp_path: Path) -> None:
    base, made = byte_level(tmp_path / "base"), []
    for weight in (0.01, 100.0):
        changes: dict[str, Any] = {"weights": {"tam_Taml": weight}, "tokens": 60}
        expand(base, tmp_path / "out", section(tmp_path, **changes))
        tokenizer = load_tokenizer(tmp_path / "out")
        texts = [tokenizer.decode([at]) for at in range(len(tokenizer) - 60, len(tokenizer))]
        made.append(sum(any("\u0b80" <= each <= "\u0bff" for each in text) for text in texts))
    assert made[0] < 10 and made[1] > 45


def test_unigram_takes_a_mixture(tmp_path: Path) -> None:
    base = unigram(tmp_path / "base")
    with pytest.raises(TrainError, match=r'method: "continued" is no way to extend a Unigram tokenizer.*"mixture"'):
        expand(base, tmp_path / "out", section(tmp_path))
    report = expand(base, tmp_path / "out", section(tmp_path, method="mixture"))
    assert report["unreachable_tokens"] == 0 and report["kept"]["english"]["same_ids"] == 1.0
    assert report["new_tokens"] > 40
    for figures in report["languages"].values():
        assert figures["after"]["fertility"] < figures["before"]["fertility"] / 2
    with pytest.raises(TrainError, match='"mixture" is no way to extend a byte-level BPE tokenizer'):
        expand(byte_level(tmp_path / "gpt2"), tmp_path / "out2", section(tmp_path, method="mixture"))


def test_old_sentencepieces_merge_through_new_halves() -> None:
    assert list(splits("abcd", {"a": 0, "bcd": 1, "ab": 2, "d": 3})) == [("a", "bcd")]


def test_a_class_that_transformers_builds_anew_is_refused(tmp_path: Path) -> None:
    """Its tokenizer.json says one thing about words, the class another (huggingface/transformers#45488)."""
    base = byte_level(tmp_path / "base", r"\p{N}|[^\p{N}]+")
    settings = base / "tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "tokenizer_class": "GPT2Tokenizer"}))
    with pytest.raises(TrainError, match=r"loads GPT2Tokenizer, which cuts \d+ of \d+ texts unlike"):
        expand(base, tmp_path / "out", section(tmp_path))
    assert not (tmp_path / "out").exists()


def test_other_kinds_are_refused(tmp_path: Path) -> None:
    fast = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=fast, unk_token="[UNK]").save_pretrained(tmp_path / "base")
    with pytest.raises(TrainError, match="a WordPiece tokenizer that is none of byte-level BPE"):
        expand(tmp_path / "base", tmp_path / "out", section(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": {"tel_Telu": 2.0}}, r"tokenizer\.weights: tel_Telu is not in"),
        ({"weights": {"tam_Taml": 0.0}}, "a weight is more than 0"),
        ({"texts": {"hin_Deva": ("nowhere/*.parquet",)}}, "nowhere"),
        ({"column": "body"}, "body"),
    ],
)
def test_bad_sections(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainError, match=message):
        expand(byte_level(tmp_path / "base"), tmp_path / "out", section(tmp_path, **changes))


def test_the_command(tmp_path: Path) -> None:
    base, paths = byte_level(tmp_path / "base"), corpus(tmp_path)
    recipe = tmp_path / "recipe.toml"
    texts = "\n".join(f"{name} = {json.dumps(list(each))}" for name, each in paths.items())
    head = f'base = "{base}"\noutput = "{tmp_path / "run"}"\n[tokenizer]\ntokens = 50\n'
    recipe.write_text(f"{head}[tokenizer.texts]\n{texts}\n")
    result = CliRunner().invoke(main, [str(recipe), "--set", "tokenizer.min_count=2"])
    assert result.exit_code == 0, result.output
    assert "50 of 50 tokens made, 0 unreachable" in result.output
    assert len(load_tokenizer(tmp_path / "run" / "tokenizer")) == len(load_tokenizer(base)) + 50
    refused = CliRunner().invoke(main, [str(recipe), "--set", "tokenizer.method=mixture"])
    assert refused.exit_code == 2 and refused.output.startswith("Error: tokenizer.method")
