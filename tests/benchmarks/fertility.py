"""Vocabulary expansion: how much shorter held-out text becomes, and against a tokenizer of the language alone.

`python -m tests.benchmarks.fertility` takes Hindi, Tamil and Bengali Wikipedia; `--text F.jsonl.gz` any text instead.
Both are measured on a byte-level and a SentencePiece BPE tokenizer trained here on English novels, in documents that
neither has seen. One JSON line; with --want, exit code 1 unless 8,000 new tokens make every text's fertility (tokens a
word) at least so many times less. `alone`: a tokenizer trained on the language alone, with as many tokens and the same
cuts between words, by the library `tokenizers` or by SentencePiece itself.
"""

import argparse
import gzip
import json
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sentencepiece
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaTokenizer, PreTrainedTokenizerFast

from tests.benchmarks.corpora import DATA
from train.tokenization import admission, corpus, marks
from train.tokenization.base import Base
from train.tokenization.extension import extended
from train.tokenization.pieces import merged, unreachable
from train.tokenization.report import measure, round_trips, unchanged
from train.tokenizer import Expansion, expand

LANGUAGES = ("hi", "ta", "bn")
SIZES = (1_000, 2_000, 4_000, 8_000, 16_000)
ALONE = (8_000, 16_000)
_VOCABULARY = 16_000  # of the base
_LEAST = 2
_READ = 50_000_000


def _english() -> tuple[list[str], list[str]]:
    """Lines of twelve novels, and the other three in parts of 2,000 characters."""
    with gzip.open(DATA / "raw/english_novels.jsonl.gz", "rt", encoding="utf-8") as file:
        books = [json.loads(line)["text"] for line in file]
    held = [book[at : at + 2_000] for book in books[::5] for at in range(0, len(book), 2_000)]
    return [line for at, book in enumerate(books) if at % 5 for line in book.splitlines() if line], held


def _code() -> list[str]:
    """Python's own library."""
    paths = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    return [path.read_text("utf-8") for path in paths][:150]


def _byte_level(texts: Iterable[str], size: int, pre_tokenizer: Any = None) -> Tokenizer:
    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    fast.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    return fast


def _sentencepiece(texts: Iterable[str], size: int, prefix: Path) -> Tokenizer:
    """Llama 2's settings; the fast tokenizer that transformers makes of it."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=str(prefix),
        model_type="bpe",
        vocab_size=size,
        byte_fallback=True,
        character_coverage=0.9995,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        max_sentence_length=1 << 20,
        num_threads=1,
        minloglevel=2,
    )
    return LlamaTokenizer.from_pretrained(prefix.parent).backend_tokenizer


def _density(fast: Tokenizer, documents: list[str]) -> float:
    return measure(fast, documents).figures()["bytes_per_token"]


def _language(kind: str, fast: Tokenizer, paths: list[str], folder: Path, kept: dict[str, list[str]]) -> dict[str, Any]:
    """Every figure of one language on one base."""
    read = corpus.read("text", paths, column="text", characters=_READ)
    own = admission.letters(corpus.characters(read.learn))
    wide = Base(marks.widened(fast))

    def made(base: Base, *, continued: bool = True) -> list[str]:
        words = base.count_words(read.learn)
        return merged(base, words, own, tokens=SIZES[-1], least=_LEAST, ascii=False, continued=continued)

    start = time.process_time()
    pieces = made(wide)
    seconds = time.process_time() - start
    before, by_size = measure(fast, read.measure), {size: extended(wide, pieces[:size]) for size in SIZES}
    measured = {size: measure(each, read.measure) for size, each in by_size.items()}
    lines = [line for text in read.learn for line in text.splitlines() if line]
    alone = {}
    for size in ALONE:
        if kind == "byte-level":
            one = _byte_level(read.learn, size + 256, wide.fast.pre_tokenizer)
        else:
            one = _sentencepiece(lines, size + 259, folder / str(size) / "tokenizer")
        alone[size] = _density(one, read.measure)
    densities = {size: each.figures()["bytes_per_token"] for size, each in measured.items()}
    last = by_size[SIZES[-1]]
    return {
        "held_out_mb": round(before.bytes / 1e6, 2),
        "learnt_from_mb": round(sum(len(text.encode()) for text in read.learn) / 1e6, 1),
        "seconds_for_16k": round(seconds, 1),
        "new_tokens": len(pieces),
        "fertility_before": before.figures()["fertility"],
        "fertility": {size: each.figures()["fertility"] for size, each in measured.items()},
        "fertility_falls": {size: round(before.tokens / each.tokens, 2) for size, each in measured.items()},
        "bytes_per_token_before": before.figures()["bytes_per_token"],
        "bytes_per_token": densities,
        "bytes_per_token_alone": alone,
        "of_alone": {size: round(densities[size] / value, 3) for size, value in alone.items()},
        "words_cut_at_marks": {
            "keep": round(marks.cut_share(fast, read.measure), 3),
            "marks": marks.cut_share(last, read.measure),
        },
        "bytes_per_token_16k_keep": _density(extended(Base(fast), made(Base(fast))), read.measure),
        "bytes_per_token_16k_append": _density(extended(wide, made(wide, continued=False)), read.measure),
        "unreachable": len(unreachable(last, pieces)),
        "round_trips": f"{sum(round_trips(last).values())} of {len(round_trips(last))}, before {sum(round_trips(fast).values())}",
        "same_ids": {name: round(unchanged(fast, last, texts), 5) for name, texts in kept.items()},
    }


def _whole_command(fast: Tokenizer, folder: Path, texts: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """All languages together by the command, with its checks of fast = slow = AutoTokenizer."""
    model = (folder / "tokenizer.model").is_file()
    loaded = LlamaTokenizer.from_pretrained(folder) if model else PreTrainedTokenizerFast(tokenizer_object=fast)
    loaded.save_pretrained(folder)
    start = time.process_time()
    report = expand(folder, folder / "expanded", Expansion(texts=texts, tokens=SIZES[-1], min_count=_LEAST))
    languages = report["languages"].items()
    return {
        "seconds": round(time.process_time() - start, 1),
        "new_tokens": report["new_tokens"],
        "same_as_sentencepiece": report["same_as_sentencepiece"],
        "fertility_falls": {
            name: round(each["before"]["fertility"] / each["after"]["fertility"], 2) for name, each in languages
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", help="Parquet or .jsonl(.gz), a glob; a column `text`")
    parser.add_argument("--want", type=float)
    options = parser.parse_args()
    wiki = {name: (str(DATA / f"raw/wikipedia_{name}.jsonl.gz"),) for name in LANGUAGES}
    texts = {"text": (options.text,)} if options.text else wiki
    lines, english = _english()
    kept = {"english": english, "code": _code()}
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for kind in ("byte-level", "sentencepiece"):
            folder = Path(temporary) / kind
            if kind == "byte-level":
                fast = _byte_level(lines, _VOCABULARY)
            else:
                fast = _sentencepiece(lines, _VOCABULARY, folder / "tokenizer")
            made = {name: _language(kind, fast, list(paths), folder / name, kept) for name, paths in texts.items()}
            figures[kind] = {**made, "all_16k_together": _whole_command(fast, folder, texts)}
    print(json.dumps({"benchmark": "fertility", **figures}))
    falls = [made[name]["fertility_falls"][8_000] for made in figures.values() for name in texts]
    if options.want and min(falls) < options.want:
        sys.exit(1)


if __name__ == "__main__":
    main()
