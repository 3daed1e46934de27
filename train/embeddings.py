"""Rows for new tokens: `python -m train.embeddings RECIPE` writes OUTPUT/embeddings, a model folder, and a report in it."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor
from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerBase

from train.folder import check_pair, load_model, load_tokenizer, publish
from train.initialisation import simple, space
from train.initialisation.vocabulary import VocabularyChange, assemble, compare
from train.recipe import Section, TrainError, command, read
from train.stream.shards import texts as documents

REPORT = "embeddings.json"
Simple = Literal[
    "random", "mean", "mean_noise", "subtoken_mean", "subtoken_mean_matched", "first_piece", "last_piece"
]  # fmt: skip
Weighted = Literal["wechsel", "ofa", "focus"]
Learned = Literal["vocadt", "distillation", "word2vec", "hypernetwork"]
_FILES = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "chat_template*")
_QUANTILES = (0.05, 0.5, 0.95)
_CHECKED = 64  # tokens on which logits are compared
_HELD_EVERY = 20  # of so many documents one is for the bits per byte, until there are enough
_HELD = 16  # documents
_HELD_CHARACTERS = 4000  # of each


class Embeddings(Section):
    """The section [embeddings]."""

    # For the input matrix, and the output matrix where they are tied; a learned method makes both
    input: Simple | Weighted | Learned = "subtoken_mean"
    # For the output matrix of an untied model; like the input's where it is not given
    output: Simple | Weighted | None = None
    # Folder of the new tokenizer; OUTPUT/tokenizer where it is not given
    tokenizer: str | None = None
    # Rows are filled up to a multiple, so that matrices divide evenly
    pad_to: int = Field(64, ge=1)
    # Text with the new tokens, globs of Parquet or .jsonl(.gz): wechsel, ofa, focus and the learned methods learn from
    # it (focus from text of both languages, as it weighs the old tokens in it); the report has bits per byte on it
    texts: tuple[str, ...] = ()
    # Text in the base's language: wechsel and ofa
    source_texts: tuple[str, ...] = ()
    column: str = "text"
    # A word of the base's language, a tab and one of the new language a line: wechsel and ofa
    dictionary: str | None = None
    # fastText's word vectors (.bin, .vec) instead of texts: the base's language and the new one, aligned where there is
    # no dictionary (wechsel, ofa); one file for all languages (ofa); one of token strings (focus)
    vectors: tuple[str, ...] = Field((), max_length=2)
    # Threads of fastText; with more than one no two runs are alike
    threads: int = Field(1, ge=1)
    # Of OFA's factorisation of the matrix; the whole matrix where it is not given
    rank: int | None = Field(None, ge=1)
    # Of a learned method
    steps: int = Field(1000, ge=1)


def new_rows(
    method: str,
    change: VocabularyChange,
    matrix: Tensor,
    *,
    seed: int,
    deviation: float,
    made: space.Space | None = None,
    rank: int | None = None,
) -> Tensor:
    """fp32 [new tokens, d]. deviation: the model's own at its initialisation, for `random`; made: of weighted methods."""
    generator = torch.Generator().manual_seed(seed)
    if method == "random":
        return simple.random(change, matrix, generator=generator, deviation=deviation)
    if method == "mean_noise":
        return simple.mean_noise(change, matrix, generator=generator)
    if made is not None:
        return space.rows(method, made, change, matrix, rank=rank if method == "ofa" else None)
    if not change.added:
        return torch.zeros(0, matrix.shape[1])
    rows: Tensor = getattr(simple, method)(change, matrix)
    return rows


def expand(
    model: PreTrainedModel,
    old: PreTrainedTokenizerBase,
    new: PreTrainedTokenizerBase,
    section: Embeddings,
    *,
    seed: int = 1,
) -> dict[str, Any]:
    """Give the model, in place, the rows of a new tokenizer; the report. Raises TrainError."""
    change = compare(old, new)
    config = model.config.get_text_config()
    tied = bool(config.tie_word_embeddings)
    _check(config, section, tied=tied)
    before = _logits(model, list(change.kept.values()))
    learned = section.input in get_args(Learned)
    methods: dict[str, str] = {"input": section.input, "output": section.output or section.input}
    if learned:
        methods = dict.fromkeys(methods, "subtoken_mean")  # what it starts from
    wanted = {methods["input"]} if tied else set(methods.values())
    spaces = _spaces(wanted, space.Change(change, old, new), section)
    height = -(-change.size // section.pad_to) * section.pad_to
    report: dict[str, Any] = {"kept": len(change.kept), "added": len(change.added), "rows": height, "tied": tied}
    report["moved"] = sum(new_id != old_id for new_id, old_id in change.kept.items())
    report["spaces"] = {method: made.facts for method, made in spaces.items()}
    deviation = float(getattr(config, "initializer_range", 0.02))
    make = {
        name: partial(
            new_rows, method, change, seed=seed + place, deviation=deviation, made=spaces.get(method), rank=section.rank
        )
        for place, (name, method) in enumerate(methods.items())
    }
    norms = _resize(model, change, make, height, tied=tied)
    _renumber(model, change, new)
    if getattr(given := model.get_input_embeddings(), "padding_idx", None) is not None:
        given.padding_idx = config.pad_token_id  # a stale one would keep a real token's row from learning
    if learned:
        _learn(model, change, new, section, seed=seed)
    report |= {name: {"method": section.input if learned else methods[name]} | norms[name] for name in norms}
    for name, layer in zip(norms, (model.get_input_embeddings(), model.get_output_embeddings()), strict=False):
        rows = layer.weight.detach()[list(change.added)]
        report[name] |= {"new_norms": _norms(rows), "zero_rows": int((rows.norm(dim=1) == 0).sum())}
    report["logit_difference"] = float((before - _logits(model, list(change.kept))).abs().max())
    return report


def _check(config: Any, section: Embeddings, *, tied: bool) -> None:
    if getattr(config, "vocab_size_per_layer_input", None):
        raise TrainError("the model has embeddings in every layer (Gemma 3n); train has no rows for these")
    if tied and section.output not in (None, section.input):
        raise TrainError("embeddings.output: the model's matrices are tied, one method makes both; leave it out")
    if section.input in get_args(Learned):
        if section.output is not None:
            raise TrainError(f"embeddings.output: {section.input} makes both matrices; leave it out")
        if not section.texts:
            raise TrainError(f"embeddings.texts: {section.input} learns from text with the new tokens")


def _spaces(methods: set[str], change: space.Change, section: Embeddings) -> dict[str, space.Space]:
    material = space.Material(
        texts=partial(_read, section.texts, section.column) if section.texts else None,
        source_texts=partial(_read, section.source_texts, section.column) if section.source_texts else None,
        files=tuple(map(Path, section.vectors)),
        pairs=Path(section.dictionary) if section.dictionary else None,
        threads=section.threads,
    )
    return {method: space.make(method, change, material) for method in sorted(methods & set(get_args(Weighted)))}


@torch.no_grad()
def _resize(
    model: PreTrainedModel,
    change: VocabularyChange,
    make: dict[str, Callable[[Tensor], Tensor]],
    height: int,
    *,
    tied: bool,
) -> dict[str, dict[str, Any]]:
    """New matrices in place; the old rows' norms for each matrix made."""
    given, written = model.get_input_embeddings(), model.get_output_embeddings()
    made: dict[str, Tensor] = {}
    norms: dict[str, dict[str, Any]] = {}
    for name, layer in (("input", given),) if tied else (("input", given), ("output", written)):
        matrix = layer.weight.detach().clone()
        made[name] = assemble(change, matrix, make[name](matrix), height)
        norms[name] = {"old_norms": _norms(matrix[list(change.kept.values())])}
    bias = getattr(written, "bias", None)
    biases = None if bias is None else _biases(change, bias.detach().clone(), height)
    model.resize_token_embeddings(height, mean_resizing=False)
    model.get_input_embeddings().weight.copy_(made["input"])
    if not tied:
        model.get_output_embeddings().weight.copy_(made["output"])
    if biases is not None:
        model.get_output_embeddings().bias.copy_(biases)
    return norms


def _learn(
    model: PreTrainedModel, change: VocabularyChange, new: PreTrainedTokenizerBase, section: Embeddings, *, seed: int
) -> None:
    from train.initialisation.learned import LEARNED

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    texts = _read(section.texts, section.column)
    LEARNED[section.input](model, change, new, texts, steps=section.steps, seed=seed)
    model.to("cpu")


def _read(paths: Sequence[str], column: str) -> Iterator[str]:
    """The documents to learn from: all but those held out."""
    return (text for text, held in _parted(paths, column) if not held)


def _held(paths: Sequence[str], column: str) -> list[str]:
    held = (text for text, held in _parted(paths, column) if held)
    return [text[:_HELD_CHARACTERS] for text in islice(held, _HELD)]


def _parted(paths: Sequence[str], column: str) -> Iterator[tuple[str, bool]]:
    for at, text in enumerate(documents(paths, column=column)):
        yield text, at % _HELD_EVERY == 0 and at < _HELD_EVERY * _HELD


def _biases(change: VocabularyChange, bias: Tensor, height: int) -> Tensor:
    rows = simple.subtoken_mean(change, bias[:, None])[:, 0] if change.added else torch.zeros(0)
    return assemble(change, bias, rows, height)


def _norms(rows: Tensor) -> list[float]:
    """The 5 %, 50 % and 95 % quantiles."""
    if not len(rows):
        return []
    ordered = rows.float().norm(dim=1).sort().values
    return [round(float(ordered[int(share * (len(ordered) - 1))]), 4) for share in _QUANTILES]


@torch.no_grad()
def _logits(model: PreTrainedModel, kept: list[int]) -> Tensor:
    """Logits over the kept tokens, in their order, after tokens of them spread evenly over the vocabulary."""
    ids = torch.tensor([kept[:: max(1, len(kept) // _CHECKED)][:_CHECKED]], device=model.device)
    training = model.training
    logits = model.eval()(input_ids=ids).logits[0][:, kept].float().cpu()
    model.train(training)
    return logits


def _renumber(model: PreTrainedModel, change: VocabularyChange, new: PreTrainedTokenizerBase) -> None:
    """The ids of special tokens in the configs, where tokens have moved; the new tokenizer's where the token is gone."""
    places: dict[int, int] = {}
    for new_id, old_id in change.kept.items():
        places.setdefault(old_id, new_id)
    configs = [model.config, model.config.get_text_config(), model.generation_config]
    for config in {id(each): each for each in configs if each is not None}.values():
        for key, value in list(vars(config).items()):
            if not key.endswith("token_id") or value is None:
                continue
            fallback = getattr(new, key, None)
            if isinstance(value, list):
                setattr(config, key, [places[each] for each in value if each in places])
            elif isinstance(value, int):
                setattr(config, key, places.get(value, fallback))


def write(run_base: Path, tokenizer: Path, output: Path, section: Embeddings, *, seed: int) -> dict[str, Any]:
    """The model of a folder with the tokenizer of another. Raises TrainError."""
    old, new = load_tokenizer(run_base), load_tokenizer(tokenizer)
    model = load_model(run_base)  # in fp32, whatever it is stored in: rows are made, and learned, in it
    check_pair(model, old, run_base)
    held = {
        name: _held(paths, section.column)
        for name, paths in (("texts", section.texts), ("source_texts", section.source_texts))
        if paths
    }
    before = _bits(model, old, held)
    report = expand(model, old, new, section, seed=seed)
    check_pair(model, new, output)
    after = _bits(model, new, held)
    report["bits_per_byte"] = {name: {"base": before[name], "new": after[name]} for name in before}
    model.to(_stored_dtype(run_base))

    def fill(folder: Path) -> None:
        model.save_pretrained(folder)
        # as they are: transformers would write some tokenizers otherwise than it read them
        for path in {path for pattern in _FILES for path in tokenizer.glob(pattern) if path.is_file()}:
            shutil.copyfile(path, folder / path.name)
        (folder / REPORT).write_text(json.dumps(report, indent=1), "utf-8")

    publish(output, fill)
    return report


def _bits(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: dict[str, list[str]]) -> dict[str, float]:
    from train.evaluation.text import score
    from train.optimisation.distributed import World

    alone = World(0, 1, next(model.parameters()).device)
    return {name: score(name, held, model, tokenizer, alone).bits_per_byte for name, held in texts.items() if held}


def _stored_dtype(folder: Path) -> torch.dtype:
    """What the folder's config says that its weights are in; fp32 where it doesn't."""
    config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    found = config.dtype or config.get_text_config().dtype
    return found if isinstance(found, torch.dtype) else torch.float32


def work(recipe: str, settings: tuple[str, ...]) -> None:
    """Rows for new tokens in both embedding matrices."""
    run, section = read(recipe, "embeddings", Embeddings, settings)
    tokenizer = Path(section.tokenizer) if section.tokenizer else run.folder("tokenizer")
    if not tokenizer.is_dir():
        raise TrainError(f"{tokenizer}: no such folder; python -m train.tokenizer writes it, or name one in embeddings.tokenizer")  # fmt: skip
    report = write(run.base, tokenizer, run.folder("embeddings"), section, seed=run.seed)
    print(json.dumps(report))


main = command(work)

if __name__ == "__main__":
    main()
