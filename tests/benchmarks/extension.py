"""A small English model extended to Hindi: initialisations of the new rows, and ways to keep English, side by side.

    python -m tests.benchmarks.extension                 quick: four initialisations, one seed; under 30 minutes on 2 cores
    python -m tests.benchmarks.extension --full          all initialisations, three seeds with their spread, Tamil too
    python -m tests.benchmarks.extension --replay        no replay, full, curriculum, EMA, LoRA

    --work FOLDER    default runs/extension; the English model is trained once in it, and used again

The English model is trained here from random weights on novels, by `train.cpt`; its tokenizer too. Everything then goes
through the commands' own functions: `train.tokenizer`, `train.embeddings`, `train.cpt`. One JSON line: bits per byte on
held-out Hindi and English at steps 0, 50, 200 and the last.
"""

import argparse
import gzip
import json
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomli_w
import torch
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.conftest import SHARED
from tests.train import freedict
from train import cpt, embeddings
from train import tokenizer as vocabulary
from train.folder import load_tokenizer
from train.optimisation import metrics

QUICK = ("random", "mean", "subtoken_mean", "distillation")
WITH_DICTIONARY = ("wechsel", "ofa")  # Hindi alone has one here
FULL = (
    "random", "mean", "mean_noise", "subtoken_mean", "subtoken_mean_matched", "first_piece", "last_piece",
    "focus", "word2vec", "hypernetwork", "vocadt", "distillation",
)  # fmt: skip
LANGUAGES = {"hin": "hi", "tam": "ta"}
CONTEXT = 256  # tokens a pack
BATCH = 16  # packs a step
STEPS = {"english": 500, "quick": 250, "full": 1000}
TOLD = (0, 50, 200)
ENGLISH_TOKENS = NEW_TOKENS = 4096
HELD = 40  # documents of a language
REPLAY: dict[str, dict[str, Any]] = {
    "none": {},
    "full": {"share": 0.2},
    "curriculum": {"share": [[0.0, 0.2], [0.1, 0.0]]},
    "ema": {"ema": {"new": 0.92, "every": 10}},
    "lora": {"train": "lora", "lora": {"rank": 32, "alpha": 64.0}},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--work", type=Path, default=Path("runs/extension"))
    given = parser.parse_args()
    start, cpu = time.perf_counter(), time.process_time()
    data = _data(given.work / "data")
    base = _english(given.work, data)
    languages = tuple(LANGUAGES) if given.full and not given.replay else ("hin",)
    seeds = (1, 2, 3) if given.full else (1,)
    kinds = tuple(REPLAY) if given.replay else FULL if given.full else QUICK
    found = {
        language: {
            kind: [_extended(given, base, data, language, kind, seed) for seed in seeds]
            for kind in (*kinds, *(WITH_DICTIONARY if given.full and not given.replay and language == "hin" else ()))
        }
        for language in languages
    }
    for language, by_kind in found.items():
        Console(stderr=True).print(_table(language, by_kind))
    spent = {"seconds": round(time.perf_counter() - start), "cpu_seconds": round(time.process_time() - cpu)}
    kind = "replay" if given.replay else "initialisation"
    print(json.dumps({"benchmark": "extension", "kind": kind, "full": given.full, **spent, "bits_per_byte": found}))


# --- data and the English model -----------------------------------------------------------------------------------


def _data(folder: Path) -> Path:
    """{eng,hin,tam}.jsonl and {eng,hin,tam}-held.jsonl, disjoint by document."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = {"eng": "english_novels", **{code: f"wikipedia_{short}" for code, short in LANGUAGES.items()}}
    for code, name in sources.items():
        with gzip.open(SHARED / "raw" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts = [part for line in lines for part in _parts(json.loads(line)["text"])]
        held = texts[:: max(1, len(texts) // HELD)][:HELD]
        _write(folder / f"{code}-held.jsonl", held)
        _write(folder / f"{code}.jsonl", (text for text in texts if text not in set(held)))
    return folder


def _parts(text: str, characters: int = 4000) -> list[str]:
    """Novels are one document each: cut at paragraphs, so that pages of all of them are held out."""
    parts, current = [], ""
    for paragraph in text.split("\n"):
        current += paragraph + "\n"
        if len(current) >= characters:
            parts.append(current)
            current = ""
    return [*parts, current] if current.strip() else parts


def _write(path: Path, texts: Iterable[str]) -> None:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")


def _english(work: Path, data: Path) -> Path:
    """The folder of the English model, trained if it is not there."""
    if not (work / "english" / "cpt" / "config.json").is_file():
        start = work / "random"
        _random_model(start, data)
        recipe = _recipe(work / "english", start, data, {"eng": {}}, {"steps": STEPS["english"], "lr": 2e-3})
        cpt.work(str(recipe), ())
    return work / "english" / "cpt"


def _random_model(folder: Path, data: Path) -> None:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    texts = (json.loads(line)["text"] for line in (data / "eng.jsonl").open(encoding="utf-8"))
    alphabet, special = pre_tokenizers.ByteLevel.alphabet(), ["<|end|>"]
    made.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=ENGLISH_TOKENS, special_tokens=special, initial_alphabet=alphabet)
    )
    words = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=special[0], pad_token=special[0])
    words.save_pretrained(folder)
    torch.manual_seed(1)
    shape = {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 4, "num_attention_heads": 4}
    config = LlamaConfig(
        **shape, vocab_size=len(words), max_position_embeddings=CONTEXT, tie_word_embeddings=False, eos_token_id=0
    )
    LlamaForCausalLM(config).save_pretrained(folder)


# --- the extension ------------------------------------------------------------------------------------------------


def _extended(
    given: argparse.Namespace, base: Path, data: Path, language: str, kind: str, seed: int
) -> dict[str, dict[str, float]]:
    """Bits per byte of the language and of English at the steps that are told."""
    tokenizer = _tokenizer(given.work, base, data, language)
    method, settings = ("subtoken_mean", REPLAY[kind]) if given.replay else (kind, {})
    name = f"{language}-{kind}-{seed}" + ("-full" if given.full else "") + ("-replay" if given.replay else "")
    steps = STEPS["full" if given.full else "quick"]
    share = settings.get("share")
    sources: dict[str, dict[str, Any]] = {language: {}, **({"eng": {"share": share}} if share else {})}
    trained = {key: value for key, value in settings.items() if key != "share"} | {"steps": steps, "lr": 1e-3}
    rows = {"input": method, "tokenizer": str(tokenizer), **_asked_by(method, data, language)}
    recipe = _recipe(given.work / name, base, data, sources, trained, rows, seed, watch=(language, "eng"))
    if not (given.work / name / "cpt" / "config.json").is_file():
        embeddings.work(str(recipe), ())
        cpt.work(str(recipe), ())
    told = {}
    for line in metrics.read(given.work / name / "cpt-run" / "metrics.jsonl"):
        if f"bits_per_byte/{language}" in line and line["step"] in (*TOLD, steps):
            told[str(line["step"])] = {code: line[f"bits_per_byte/{code}"] for code in (language, "eng")}
    return told


def _tokenizer(work: Path, base: Path, data: Path, language: str) -> Path:
    folder = work / f"{language}-vocabulary" / "tokenizer"
    if not (folder / "tokenizer.json").is_file():
        section = vocabulary.Expansion(texts={language: (str(data / f"{language}.jsonl"),)}, tokens=NEW_TOKENS)
        vocabulary.expand(base, folder, section)
    added = len(load_tokenizer(folder)) - len(load_tokenizer(base))
    print(f"{language}: {added:,} new tokens", file=sys.stderr)
    return folder


def _asked_by(method: str, data: Path, language: str) -> dict[str, Any]:
    """What a method reads besides the model; the learned ones are given few steps."""
    target, english = str(data / f"{language}.jsonl"), str(data / "eng.jsonl")
    if method in WITH_DICTIONARY:
        pairs = freedict.write(
            SHARED / "parallel" / "freedict" / f"eng-{language}.jsonl.gz", data / f"eng-{language}.tsv"
        )
        return {"texts": [target], "source_texts": [english], "dictionary": str(pairs)}
    if method == "focus":
        return {"texts": [target, english]}
    if method in ("word2vec", "hypernetwork", "vocadt", "distillation"):
        return {"texts": [target], "steps": 200}
    return {}


def _recipe(
    folder: Path,
    base: Path,
    data: Path,
    sources: dict[str, dict[str, Any]],
    trained: dict[str, Any],
    rows: dict[str, Any] | None = None,
    seed: int = 1,
    watch: tuple[str, ...] = ("eng",),
) -> Path:
    given = [{"name": code, "paths": [str(data / f"{code}.jsonl")], **more} for code, more in sources.items()]
    section = {
        "batch": BATCH, "micro_batch": BATCH, "length": CONTEXT, "watch_every": 50, "save_every": 500,
        "watch": {code: {"path": str(data / f"{code}-held.jsonl"), "documents": HELD} for code in watch}, **trained,
    }  # fmt: skip
    whole: dict[str, Any] = {"base": str(base), "output": str(folder), "seed": seed}
    whole |= {"data": {"source": given, "workers": 0}, "cpt": section} | ({"embeddings": rows} if rows else {})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(tomli_w.dumps(whole), "utf-8")
    return folder / "recipe.toml"


def _table(language: str, found: dict[str, list[dict[str, dict[str, float]]]]) -> Table:
    table = Table(title=f"{language}: bits per byte, {language} / English", box=None)
    steps = list(next(iter(found.values()))[0])
    table.add_column("")
    for step in steps:
        table.add_column(f"step {step}", justify="right")
    for kind, runs in found.items():
        cells = []
        for step in steps:
            pair = [[run[step][code] for run in runs] for code in (language, "eng")]
            cells.append(" / ".join(_spread(values) for values in pair))
        table.add_row(kind, *cells)
    return table


def _spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f}" + (f"±{statistics.stdev(values):.3f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
