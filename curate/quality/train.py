"""Train a quality classifier: as many good windows as bad ones, of the same lengths, from every language alike.

A text's length tells good from bad in most seed data (articles are long, menus short), and fastText's mean over a
text's words would learn it from what is rare. So both classes are cut to windows of the same lengths: each length is
drawn once from the lengths of both, and then a window of it from a good and from a bad text.

Half of the windows have only the words that many texts of the language use, so that the score also rests on how a text
is written, and not on its subject alone: that of a news page is new to a model trained on an encyclopedia.
"""

import random
import tempfile
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import fasttext
import pyarrow as pa

from curate.fresh import apart
from curate.quality.corpus import Example, HeldOut, hold_out
from curate.recipe import RecipeError
from filters.quality import BAD, GOOD, MINIMUM_WORDS, lines, seal, words_with_letters
from filters.segment import segment

_ZEROED_BYTES = 32 << 20  # glibc's malloc takes a larger table from the system
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How windows are drawn and the model trained."""

    documents: int = 20  # of a language and class, below which the language is left out
    windows: int = 3000  # of a language and class, at most ...
    repeats: int = 8  # ... and at most so many a document of the class that has fewer
    longest: int = 400  # tokens of a window
    without_subject: float = 0.5  # share of the windows that keep only words which are ...
    common: int = 20  # ... in so many texts of the language
    dimension: int = 8
    buckets: int = 1 << 20  # hash table of the word pairs
    minimum_count: int = 3  # of a word
    ngram: int = 2
    rows: int = 200_000  # words and pairs left after pruning
    epochs: int = 5
    rate: float = 0.3
    seed: int = 1

    def __post_init__(self) -> None:
        if self.buckets * self.dimension * 4 < _ZEROED_BYTES:
            raise ValueError(f"buckets={self.buckets} x dimension={self.dimension}: take 8 million cells or more")


@dataclass(frozen=True, slots=True)
class Trained:
    """What a model was trained on. `left_out`: languages with too few documents, and why."""

    documents: dict[str, dict[str, int]]  # by language: good, bad
    windows: dict[str, int]
    left_out: dict[str, str]
    held_out: HeldOut


Tokens = list[str]


def tokenised(examples: Sequence[Example]) -> list[Tokens]:
    """The tokens of each text as the classifier reads them; none of a text too short to be scored."""
    found: list[Tokens] = []
    for start in range(0, len(examples), _BATCH):
        segments = segment(pa.array([each.text for each in examples[start : start + _BATCH]], pa.string()))
        enough = words_with_letters(segments) >= MINIMUM_WORDS
        found += [
            line.split(" ") if long else [] for line, long in zip(lines(segments).to_pylist(), enough, strict=True)
        ]
    return found


def _by_language(examples: Sequence[Example]) -> dict[str, dict[bool, list[Tokens]]]:
    """Texts by language and class, the shortest first."""
    grouped: dict[str, dict[bool, list[Tokens]]] = defaultdict(lambda: {True: [], False: []})
    for each, tokens in zip(examples, tokenised(examples), strict=True):
        if tokens:
            grouped[each.label][each.good].append(tokens)
    for classes in grouped.values():
        for own in classes.values():
            own.sort(key=len)
    return dict(sorted(grouped.items()))


def _enough(grouped: dict[str, dict[bool, list[Tokens]]], documents: int) -> dict[str, str]:
    """The languages to leave out, and why. Raises RecipeError if none is left."""
    short = {
        name: f"{len(classes[True]):,} good and {len(classes[False]):,} bad texts; each needs {documents}"
        for name, classes in grouped.items()
        if min(map(len, classes.values())) < documents
    }
    if len(short) == len(grouped):
        examples = "; ".join(f"{name} has {why}" for name, why in list(short.items())[:3])
        raise RecipeError(f"nothing to train on: {examples or 'the inputs hold no text'}")
    return short


def _window(texts: list[Tokens], lengths: list[int], length: int, chance: random.Random) -> Tokens:
    """A stretch of `length` tokens of a text that has as many."""
    text = texts[chance.randrange(min(bisect_left(lengths, length), len(texts) - 1), len(texts))]
    start = chance.randrange(max(1, len(text) - length + 1))
    return text[start : start + length]


def _common(classes: dict[bool, list[Tokens]], texts: int) -> set[str]:
    """Words in so many texts, and all tokens without a letter."""
    counts = Counter(token for own in classes.values() for text in own for token in set(text))
    return {token for token, count in counts.items() if count >= texts or not any(map(str.isalpha, token))}


def windows(classes: dict[bool, list[Tokens]], options: TrainingOptions, chance: random.Random) -> list[str]:
    """Lines for fastText, good and bad by turns, each pair of one length."""
    lengths = {good: list(map(len, texts)) for good, texts in classes.items()}
    longest = min(options.longest, *(own[-1] for own in lengths.values()))
    common = _common(classes, options.common)
    drawn = lengths[True] + lengths[False]
    half = len(lengths[True])  # so that each class gives half of the lengths
    found = []
    for _ in range(min(options.windows, options.repeats * min(map(len, classes.values())))):
        only_common = chance.random() < options.without_subject
        part = drawn[:half] if chance.random() < 0.5 else drawn[half:]
        length = min(chance.choice(part), longest)
        for good, name in ((True, GOOD), (False, BAD)):
            window = _window(classes[good], lengths[good], length, chance)
            window = [token for token in window if token in common] if only_common else window
            found.append(f"{name} {' '.join(window)}\n")
    return found


def _fit(lines: str, output: str, options: TrainingOptions) -> None:
    """Train on a file of lines and write the model, in a process that does nothing else."""
    model = fasttext.train_supervised(
        lines,
        dim=options.dimension,
        bucket=options.buckets,
        minCount=options.minimum_count,
        wordNgrams=options.ngram,
        epoch=options.epochs,
        lr=options.rate,
        loss="softmax",
        seed=options.seed,
        thread=1,  # more are faster, and the model differs from run to run
        verbose=0,
    )
    model.quantize(qnorm=True, dsub=2, cutoff=options.rows)
    model.save_model(output)


def train(
    examples: Sequence[Example],
    output: Path,
    options: TrainingOptions | None = None,
    *,
    held_out: HeldOut | None = None,
) -> Trained:
    """Train a quantised model on the examples without the held-out ones, by default a fifth, and write it with its card.

    Raises RecipeError if no language has enough good and bad texts.
    """
    options = options or TrainingOptions()
    held_out = hold_out(examples) if held_out is None else held_out
    grouped = _by_language([each for each in examples if not held_out.holds(each)])
    left_out = _enough(grouped, options.documents)
    chance, training, counts = random.Random(options.seed), [], Counter[str]()
    for name in (name for name in grouped if name not in left_out):
        own = windows(grouped[name], options, chance)
        training += own
        counts[name] = len(own)
    chance.shuffle(training)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        path.write_text("".join(training), encoding="utf-8")
        partial = Path(folder) / "model.ftz"
        apart(_fit, str(path), str(partial), options)
        documents = {
            name: {"good": len(grouped[name][True]), "bad": len(grouped[name][False])} for name in sorted(counts)
        }
        seal(partial, {"languages": documents, "held_out": held_out.dump(), "options": asdict(options)})
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(partial.read_bytes())
    return Trained(documents, dict(counts), left_out, held_out)
