"""`curate lid`: train, evaluate, use and fetch language identification models."""

import hashlib
import math
import random
import string
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import fasttext
import fsspec
import pyarrow as pa
from rich.table import Table

from curate.lid_corpus import Document, contradicted, held_out, read_all
from filters.columns import UNKNOWN_LANGUAGE, label
from filters.labels import PREFIX
from filters.language import REMOTE_MODELS, identify, known_labels, model_folder, prepare

_NO_LETTERS = str.maketrans(
    dict.fromkeys(string.punctuation + string.digits + "।॥،؛؟۔。、「」『』，！？：“”‘’«»—–…", " ")
)
_ZEROED_BYTES = 32 << 20  # glibc's malloc may reuse dirty memory below this, never above
_PACKED = 1500
_BATCH = 1000  # texts identified at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How text is sampled and the model trained. The defaults made the default model."""

    characters: int = 60_000_000  # sampled in all, by windows that may overlap
    temperature: float = 2.5  # a language's part of them: its text to the power of 1 / temperature
    repeats: int = 6  # at most this many times the text of a language
    minimum: int = 30_000  # characters of training text below which a language is left out ...
    keep: tuple[str, ...] = ()  # ... unless it is one of these: hin_Deva
    longest: int = 4000  # characters of one example
    dimension: int = 16
    shortest_ngram: int = 1
    longest_ngram: int = 5
    buckets: int = 2_000_000  # hash table of the n-grams before pruning
    minimum_count: int = 4  # of a whole word
    epochs: int = 8  # before pruning and again after
    rate: float = 0.8
    rows: int = 208_000  # words and n-grams left after pruning; about 19 bytes each
    retrain: bool = True
    maximum_bytes: int = 4_000_000
    seed: int = 1
    threads: int = 1  # more are faster, and the model differs from run to run

    def __post_init__(self) -> None:
        """fastText 0.9.3 sets only a tenth of its table a thread; a table this large comes from the system zeroed."""
        needed = _ZEROED_BYTES // (4 * self.dimension)
        if self.buckets < needed:
            raise ValueError(f"buckets={self.buckets} with dimension={self.dimension}: take at least {needed}")


def _packed(texts: list[str]) -> list[str]:
    """Texts joined until each has at least `_PACKED` characters, so that short ones aren't all a language is seen as."""
    packed, waiting = [], ""
    for text in texts:
        waiting = f"{waiting}\n{text}" if waiting else text
        if len(waiting) >= _PACKED:
            packed.append(waiting)
            waiting = ""
    return [*packed, waiting] if waiting else packed


def _training_documents(inputs: list[str], options: TrainingOptions) -> dict[str, list[str]]:
    """Texts by label, without held-out, contradicted and too rare ones."""
    texts: dict[str, list[str]] = defaultdict(list)
    for document in read_all(inputs):
        unknown = document.label.startswith(UNKNOWN_LANGUAGE)
        if document.paragraphs and not unknown and not held_out(document.key) and not contradicted(document):
            texts[document.label].append("\n".join(document.paragraphs))
    enough = {name: kept for name, kept in texts.items() if sum(map(len, kept)) >= options.minimum}
    missing = set(options.keep) - set(texts)
    if missing:
        raise ValueError(f"no text for {', '.join(sorted(missing))}: `keep` takes labels that the inputs hold")
    chosen = enough | {name: texts[name] for name in options.keep}
    return {name: _packed(chosen[name]) for name in sorted(chosen)}


def _budgets(sizes: dict[str, int], options: TrainingOptions) -> dict[str, int]:
    """Characters to sample of each language."""
    weights = {name: size ** (1 / options.temperature) for name, size in sizes.items()}
    unit = options.characters / sum(weights.values())
    return {name: min(int(unit * weights[name]), options.repeats * size) for name, size in sizes.items()}


def _window(text: str, longest: int, chance: random.Random) -> str:
    """A paragraph (3 in 10) or any stretch, its length log-uniform from 20 to `longest` characters."""
    if chance.random() < 0.3:
        return chance.choice(text.split("\n"))[:longest]
    length = int(math.exp(chance.uniform(math.log(20), math.log(longest))))
    start = chance.randrange(max(1, len(text) - length + 1))
    start = text.find(" ", start, start + 20) + 1 or start  # at a word, where there are spaces
    return text[start : start + length]


def _varied(text: str, chance: random.Random) -> str:
    """Now and then in lower case, in capitals, or without punctuation and digits."""
    draw = chance.random()
    if draw < 0.08:
        return text.lower()
    if draw < 0.11:
        return text.upper()
    return text.translate(_NO_LETTERS) if draw < 0.2 else text


def examples(texts: dict[str, list[str]], options: TrainingOptions) -> list[str]:
    """Shuffled lines for fastText, sampled from texts by label."""
    chance = random.Random(options.seed)
    lines = []
    sizes = {name: sum(map(len, kept)) for name, kept in texts.items()}
    for name, budget in _budgets(sizes, options).items():
        lengths = [len(text) for text in texts[name]]
        while budget > 0:
            text = chance.choices(texts[name], lengths)[0]
            window = _varied(_window(text, options.longest, chance), chance)
            budget -= len(window) + 1
            lines.append(f"{PREFIX}{name} {prepare(window)}\n")
    chance.shuffle(lines)
    return lines


def _fit(path: str, options: TrainingOptions) -> Any:
    model = fasttext.train_supervised(
        path,
        dim=options.dimension,
        minn=options.shortest_ngram,
        maxn=options.longest_ngram,
        bucket=options.buckets,
        minCount=options.minimum_count,
        epoch=options.epochs,
        lr=options.rate,
        loss="softmax",
        seed=options.seed,
        thread=options.threads,
        verbose=1,
    )
    model.quantize(
        path, cutoff=options.rows, retrain=options.retrain, qnorm=True, thread=options.threads, epoch=options.epochs
    )
    return model


def train(inputs: list[str], output: Path, options: TrainingOptions | None = None) -> dict[str, int]:
    """Train a quantised fastText model on labelled files (`lid_corpus.read`), their held-out fifth left aside.

    Returns the characters of training text by label. Raises ValueError if the model is over `maximum_bytes`.
    """
    options = options or TrainingOptions()
    texts = _training_documents(inputs, options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(examples(texts, options))
        model = _fit(str(path), options)
    output.parent.mkdir(parents=True, exist_ok=True)
    model.save_model(str(output))
    size = output.stat().st_size
    if size > options.maximum_bytes:
        raise ValueError(f"{output} has {size:,} bytes, the limit is {options.maximum_bytes:,}: take fewer `rows`")
    return {name: sum(map(len, kept)) for name, kept in texts.items()}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Counts of (gold, answer), both `hin_Deva`, over texts in a language that the model knows."""

    pairs: Counter[tuple[str, str]]
    skipped: int  # texts in other languages

    @property
    def accuracy(self) -> float:
        """Share of the texts whose language and script are right."""
        return sum(n for (gold, answer), n in self.pairs.items() if gold == answer) / max(1, self.pairs.total())

    def f1(self) -> dict[str, float]:
        """F1 by gold language."""
        gold, answers = Counter[str](), Counter[str]()
        for (right, answer), n in self.pairs.items():
            gold[right] += n
            answers[answer] += n
        return {name: 2 * self.pairs[name, name] / (gold[name] + answers[name]) for name in sorted(gold)}

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the gold languages."""
        scores = self.f1()
        return sum(scores.values()) / max(1, len(scores))

    def confusions(self, most: int = 20) -> list[tuple[str, str, int]]:
        """(gold, answer, texts), most frequent first."""
        wrong = Counter({pair: n for pair, n in self.pairs.items() if pair[0] != pair[1]})
        return [(gold, answer, n) for (gold, answer), n in wrong.most_common(most)]


def _units(documents: Iterable[Document], sentences: bool) -> Iterator[tuple[str, str]]:
    for document in documents:
        for text in document.paragraphs if sentences else ("\n".join(document.paragraphs),):
            yield document.label, text


def evaluate(
    documents: Iterable[Document], *, model: str = "default", sentences: bool = False, among: set[str] | None = None
) -> Evaluation:
    """Identify whole documents, or each of their paragraphs, and compare language and script with the label.

    Only languages of the model count, or those in `among`.
    """
    known = among if among is not None else {label(*name) for name in known_labels(model)}
    pairs, skipped = Counter[tuple[str, str]](), 0
    units = _units(documents, sentences)
    while batch := list(islice(units, _BATCH)):
        counted = [(gold, text) for gold, text in batch if gold in known]
        skipped += len(batch) - len(counted)
        answers = identify(pa.array([text for _, text in counted], pa.string()), model=model).to_pylist()
        for (gold, _), answer in zip(counted, answers, strict=True):
            pairs[gold, label(answer["language"], answer["language_script"])] += 1
    return Evaluation(pairs, skipped)


def evaluate_files(inputs: list[str], *, model: str = "default", sentences: bool = False) -> Evaluation:
    """`evaluate` on the held-out documents of labelled files."""
    return evaluate((each for each in read_all(inputs) if held_out(each.key)), model=model, sentences=sentences)


def tables(evaluation: Evaluation, *, worst: int = 30) -> list[Table]:
    """For the terminal: the summary, the languages with the lowest F1, the most frequent confusions."""
    summary = Table("texts", "languages", "skipped", "accuracy", "macro-F1", title="Language identification")
    scores = evaluation.f1()
    counts = (evaluation.pairs.total(), len(scores), evaluation.skipped)
    summary.add_row(*(f"{n:,}" for n in counts), f"{evaluation.accuracy:.4f}", f"{evaluation.macro_f1:.4f}")
    languages = Table("language", "F1", title=f"Lowest {worst}")
    for name in sorted(scores, key=scores.__getitem__)[:worst]:
        languages.add_row(name, f"{scores[name]:.3f}")
    confused = Table("is", "was taken for", "texts", title="Confusions")
    for gold, answer, n in evaluation.confusions():
        confused.add_row(gold, answer, f"{n:,}")
    return [summary, languages, confused]


def predict(lines: Iterable[str], *, model: str = "default") -> Iterator[dict[str, Any]]:
    """The language columns of each line, in order, with the line as `text`."""
    source = (line.rstrip("\n") for line in lines)
    while batch := list(islice(source, _BATCH)):
        for text, answer in zip(batch, identify(pa.array(batch, pa.string()), model=model).to_pylist(), strict=True):
            yield {"text": text, **answer}


def fetch(model: str) -> Path:
    """Download a published model (`lid.176`, `glotlid`) to `model_folder()`; nothing to do if it is there."""
    if model not in REMOTE_MODELS:
        raise ValueError(f"unknown model {model!r}: `fetch` knows {', '.join(REMOTE_MODELS)}")
    remote = REMOTE_MODELS[model]
    target = model_folder() / remote.file
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        partial = Path(folder) / remote.file
        with fsspec.open(remote.url, "rb") as source, partial.open("wb") as sink:
            while block := source.read(1 << 20):
                digest.update(block)
                sink.write(block)
        if remote.sha256 and digest.hexdigest() != remote.sha256:
            raise ValueError(f"{remote.url}: sha256 {digest.hexdigest()}, expected {remote.sha256}")
        partial.rename(target)
    return target
