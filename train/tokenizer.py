"""Vocabulary expansion: `python -m train.tokenizer RECIPE` writes OUTPUT/tokenizer, and a report in it.

New tokens come after all tokens there are, which keep their ids. Nothing is written that transformers would load
otherwise than it was measured.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from rich.console import Console
from tokenizers import Tokenizer

from train.folder import load_tokenizer, publish
from train.recipe import Section, TrainError, command, read
from train.tokenization import admission, corpus, marks, pieces, report
from train.tokenization.base import Base
from train.tokenization.extension import extended, extended_proto
from train.tokenization.report import HARD, check_loading, check_slow, measure
from train.tokenization.report import ids as encode

REPORT = "expansion.json"
_SHOWN = 100  # documents of each text on which the ways to load a tokenizer are compared
_KEPT = 5_000_000  # characters read of a kept text
_KEPT_SIZE = 2_000  # of which each so many count as a document


class Expansion(Section):
    """The section [tokenizer]."""

    # A language each: globs of Parquet, .jsonl and .jsonl.gz files
    texts: dict[str, tuple[str, ...]] = Field(min_length=1)
    # How much a language counts beside the others, in characters; 1 where it is not named
    weights: dict[str, float] = {}
    column: str = "text"
    # Texts whose tokens should stay as they are, English and code: measured, not learnt from
    keep: dict[str, tuple[str, ...]] = {}
    # New tokens, of all languages together
    tokens: int = Field(16_000, gt=0)
    # continued: merges after the base's own, over its pieces. append: trained apart, put behind. Both for BPE.
    # mixture: for Unigram, which has no merges
    method: Literal["continued", "append", "mixture"] = "continued"
    # Whether words that the base cuts at combining marks stay so. marks: they stay whole (train/tokenization/marks.py);
    # programs that know pre-tokenizers by name (llama.cpp) must be told
    pre_tokenizer: Literal["keep", "marks"] = "marks"
    # Make tokens of ASCII alone too. For languages in Latin letters; English ids then change
    ascii: bool = False
    # A piece occurs so often, counted with weights
    min_count: int = Field(5, ge=1)
    # Read of each language at most
    characters: int = Field(50_000_000, gt=0)


def expand(base: Path, output: Path, section: Expansion) -> dict[str, Any]:
    """Write the base folder's tokenizer with new tokens to `output`; the report. Raises TrainError."""
    loaded = load_tokenizer(base)
    if (base / "tokenizer.json").is_file():
        check_loading(base, ())
    fast = _bare(loaded.backend_tokenizer)
    wide = Base(marks.widened(fast) if section.pre_tokenizer == "marks" else fast)
    _check(wide, section)
    corpora = {
        name: corpus.read(name, paths, column=section.column, characters=section.characters)
        for name, paths in section.texts.items()
    }
    new, scores = _pieces(wide, section, corpora)
    after = extended(wide, new, scores)
    kept = {name: _kept(paths, section.column) for name, paths in section.keep.items()}
    made = _report(section, fast, after, wide, new, corpora, kept)
    shown = [text for name, each in corpora.items() for text in each.measure[:_SHOWN]]
    shown += [text for texts in kept.values() for text in texts[:_SHOWN]]

    def write(folder: Path) -> None:
        loaded.save_pretrained(folder)
        after.save(str(folder / "tokenizer.json"))
        _settle_class(base, folder, shown)
        made["same_as_sentencepiece"] = _write_proto(base, folder, Base(fast), after, new, scores, shown)
        (folder / REPORT).write_text(json.dumps(made, ensure_ascii=False, indent=1), "utf-8")

    publish(output, write)
    return made


def _bare(fast: Tokenizer) -> Tokenizer:
    """Without truncation and padding, which would hide tokens from the measures."""
    copy = Tokenizer.from_str(fast.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _check(base: Base, section: Expansion) -> None:
    if (base.kind == "Unigram") != (section.method == "mixture"):
        why = (
            "it has no merges to go on from or to append to, and BPE's scores are priorities where Unigram's are"
            ' probabilities; "mixture" adds pieces with their probabilities'
            if base.kind == "Unigram"
            else 'it has no probabilities to mix; use "continued" or "append"'
        )
        raise TrainError(f'tokenizer.method: "{section.method}" is no way to extend a {base.kind} tokenizer: {why}')
    if unknown := sorted(set(section.weights) - set(section.texts)):
        raise TrainError(f"tokenizer.weights: {unknown[0]} is not in tokenizer.texts: {', '.join(section.texts)}")
    if any(weight <= 0 for weight in section.weights.values()):
        raise TrainError("tokenizer.weights: a weight is more than 0")


def _pieces(base: Base, section: Expansion, corpora: dict[str, corpus.Corpus]) -> tuple[list[str], list[float]]:
    """New pieces, and Unigram's scores."""
    words = corpus.weighed({name: base.count_words(each.learn) for name, each in corpora.items()}, section.weights)
    own: Counter[str] = Counter()
    for each in corpora.values():
        own += admission.letters(corpus.characters(each.learn))
    if section.method == "mixture":
        found, scores = pieces.unigram(base, words, own, tokens=section.tokens, ascii=section.ascii)
    else:
        continued, scores = section.method == "continued", []
        found = pieces.merged(
            base,
            words,
            own,
            tokens=section.tokens,
            least=section.min_count,
            ascii=section.ascii,
            continued=continued,
        )
    if not found:
        raise TrainError(
            "tokenizer.texts: no piece with a letter beyond ASCII occurs tokenizer.min_count times; for a language in"
            " ASCII letters set tokenizer.ascii = true"
        )
    return found, scores


def _kept(paths: tuple[str, ...], column: str) -> list[str]:
    """Long documents in parts: a share of a few novels would say little."""
    parts: list[str] = []
    for text in corpus.texts(paths, column=column):
        parts += (text[at : at + _KEPT_SIZE] for at in range(0, len(text), _KEPT_SIZE))
        if len(parts) * _KEPT_SIZE >= _KEPT:
            break
    if not parts:
        raise TrainError(f"tokenizer.keep: no text in {', '.join(paths)}")
    return parts


def _report(
    section: Expansion,
    fast: Tokenizer,
    after: Tokenizer,
    base: Base,
    new: list[str],
    corpora: dict[str, corpus.Corpus],
    kept: dict[str, list[str]],
) -> dict[str, Any]:
    before_trips, after_trips = report.round_trips(fast), report.round_trips(after)
    lost = [name for name, whole in before_trips.items() if whole and not after_trips[name]]
    if lost:
        raise TrainError(f"tokenizer: {HARD[lost[0]]!r} ({lost[0]}) no longer comes back from its tokens, as it did")
    held_out = {name: each.measure for name, each in corpora.items()}
    used = {token for texts in held_out.values() for found in encode(after, texts) for token in found}
    return {
        "kind": base.kind,
        "method": section.method,
        "size_before": base.size,
        "size_after": base.size + len(new),
        "asked_tokens": section.tokens,
        "new_tokens": len(new),
        "unreachable_tokens": len(pieces.unreachable(after, new)),
        "new_tokens_in_held_out_texts": sum(token >= base.size for token in used),
        "pre_tokenizer": section.pre_tokenizer,
        "pre_tokenizer_changed": base.layout["pre_tokenizer"] != Base(fast).layout["pre_tokenizer"],
        "languages": {
            name: _compared(fast, after, texts, lambda each, some: {"words_cut": round(marks.cut_share(each, some), 4)})
            for name, texts in held_out.items()
        },
        "kept": {
            name: {**_compared(fast, after, texts), "same_ids": round(report.unchanged(fast, after, texts), 6)}
            for name, texts in kept.items()
        },
        "round_trips_before": before_trips,
        "round_trips": after_trips,
    }


def _compared(
    before: Tokenizer,
    after: Tokenizer,
    texts: list[str],
    more: Callable[[Tokenizer, list[str]], dict[str, float]] = lambda fast, texts: {},
) -> dict[str, Any]:
    one, other = measure(before, texts), measure(after, texts)
    return {
        "documents": one.documents,
        "bytes": one.bytes,
        "words": one.words,
        "before": {**one.figures(), **more(before, texts)},
        "after": {**other.figures(), **more(after, texts)},
    }


def _settle_class(base: Path, folder: Path, texts: list[str]) -> None:
    """Keep the base's tokenizer class where it loads tokenizer.json as it is, else name the class that does.

    Checked beside the model's config.json, which the class depends on too, and once more as saved again.
    Raises TrainError.
    """
    config = folder / "config.json"
    if (base / "config.json").is_file():
        shutil.copyfile(base / "config.json", config)
    try:
        check_loading(folder, texts)
    except TrainError:
        path = folder / "tokenizer_config.json"
        settings = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**settings, "tokenizer_class": "TokenizersBackend"}, indent=2), "utf-8")
        check_loading(folder, texts)
    again = folder / "again"
    load_tokenizer(folder).save_pretrained(again)
    if config.is_file():
        shutil.copyfile(config, again / "config.json")
    check_loading(again, texts)
    shutil.rmtree(again)
    config.unlink(missing_ok=True)


def _write_proto(
    base: Path, folder: Path, old: Base, after: Tokenizer, new: list[str], scores: list[float], texts: list[str]
) -> float | None:
    """tokenizer.model, where the base has a SentencePiece model; the share of texts that it cuts like tokenizer.json."""
    path = base / "tokenizer.model"
    (folder / path.name).unlink(missing_ok=True)
    if old.kind == "byte-level BPE" or not path.is_file():
        return None  # Llama 3's tokenizer.model is tiktoken's
    data = path.read_bytes()
    made = extended_proto(old, data, new, scores, str(path))
    (folder / path.name).write_bytes(made)
    return round(check_slow(old.fast, data, after, made, texts), 4)


def _work(recipe: str, settings: tuple[str, ...]) -> None:
    """Add tokens for new languages to the base's tokenizer."""
    run, section = read(recipe, "tokenizer", Expansion, settings)
    made = expand(run.base, run.folder("tokenizer"), section)
    console = Console()
    console.print(report.table(made))
    console.print(
        f"{made['new_tokens']:,} of {made['asked_tokens']:,} tokens made, {made['unreachable_tokens']} unreachable;"
        f" {sum(made['round_trips'].values())} of {len(HARD)} hard texts come back whole"
        f" ({sum(made['round_trips_before'].values())} before); {run.folder('tokenizer') / REPORT}"
    )


main = command(_work)

if __name__ == "__main__":
    main()
