"""Train a quantised fastText model, and write its card and its calibration beside it."""

import random
import tempfile
from pathlib import Path
from typing import Any

import fasttext

from curate.fresh import apart
from curate.lid import calibration, card
from curate.lid.corpus import held_out_of, read_all
from curate.lid.evaluation import evaluate
from curate.lid.hard import REPEATS, hard_negatives
from curate.lid.sampling import Selection, TrainingOptions, examples, select
from filters.ensemble import SUFFIX


def _fit(lines: list[str], path: Path, options: TrainingOptions) -> Any:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    return fasttext.train_supervised(
        str(path),
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


def _negatives(lines: list[str], texts: dict[str, list[str]], options: TrainingOptions) -> list[str]:
    """The lines that a first model confuses with a close language."""
    with tempfile.TemporaryDirectory() as folder:
        return hard_negatives(_fit(lines, Path(folder) / "train.txt", options), texts, options)


def _write(lines: list[str], output: Path, options: TrainingOptions) -> None:
    """Train on the lines, quantise, save."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        model = _fit(lines, path, options)
        model.quantize(
            str(path),
            cutoff=options.rows,
            retrain=options.retrain,
            qnorm=True,
            thread=options.threads,
            epoch=options.epochs,
        )
        model.save_model(str(output))


def train(inputs: list[str], output: Path, options: TrainingOptions | None = None) -> Selection:
    """Train a quantised fastText model on labelled files (`corpus.read`), their held-out fifth left aside.

    Beside `output` it writes the model's card (.md), with figures on the held-out fifth, and its calibration. Raises
    ValueError if the text isn't enough for two classes, or the model is over `maximum_bytes`.
    """
    options = options or TrainingOptions()
    chosen = select(read_all(inputs), options)
    output.parent.mkdir(parents=True, exist_ok=True)
    lines = examples(chosen.texts, options)
    if options.hard_negatives and (found := apart(_negatives, lines, chosen.texts, options)):
        lines += REPEATS * found
        random.Random(options.seed).shuffle(lines)
    apart(_write, lines, output, options)
    size = output.stat().st_size
    if size > options.maximum_bytes:
        raise ValueError(f"{output} has {size:,} bytes, the limit is {options.maximum_bytes:,}: take fewer `rows`")
    _describe(inputs, output, chosen, options)
    return chosen


def _describe(inputs: list[str], output: Path, chosen: Selection, options: TrainingOptions) -> None:
    documents = list(held_out_of(inputs))
    whole, parts = (evaluate(documents, model=str(output), sentences=each) for each in (False, True))
    output.with_suffix(".md").write_text(card.text(output, inputs, chosen, options, whole, parts), "utf-8")
    if whole.pairs:
        calibration.calibrate(documents, str(output)).save(output.with_name(output.name + SUFFIX), model=output.name)
