"""The data of a recipe: [[data.source]] sections as one stream of packs. `python -m train.data RECIPE` shows the mixture.

[[data.source]]
name = "kept"                              [[data.source]]
paths = ["runs/crawl/kept/*/*.parquet"]    name = "english"
by_folder = true                           paths = ["data/english.jsonl.gz"]
                                           share = [[0.0, 0.5], [0.3, 0.1]]
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from train.cpt import Cpt, plan
from train.folder import context_of, load_tokenizer
from train.recipe import Run, TrainError, command, read
from train.stream import coverage
from train.stream.encoder import Encoder
from train.stream.mixture import DataSection
from train.stream.stream import Stream

_DRY = 128  # packs
_POINTS = 101  # of the run, over which a share's mean is taken


def open_stream(recipe: str, settings: Sequence[str], run: Run) -> Callable[[Any], Stream]:
    """What makes the stream of a stage from its train.cpt.Reading.

    A stage goes on in the sources where the one before ended; OUTPUT/cpt-run/data has these places.
    """
    _, data = read(recipe, "data", DataSection, settings)

    def opened(reading: Any) -> Stream:
        before, after, total = reading.before, reading.before + reading.packs, reading.total
        stream = Stream(
            data, reading.tokenizer, length=reading.length, seed=run.seed, packs=reading.packs,
            start=before / total, end=after / total, finished=lambda state: _keep(_place(run, after), state),
        )  # fmt: skip
        if before:
            stream.follow(_kept(_place(run, before)))
        return stream

    return opened


def _place(run: Run, packs: int) -> Path:
    return run.folder("cpt-run") / "data" / f"after-{packs}-packs.json"


def _keep(path: Path, state: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(state), "utf-8")
        partial.rename(path)
    except OSError as error:
        raise TrainError(f"{path}: cannot be written: {error.strerror or error}") from None


def _kept(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise TrainError(f"{path}: where the stage before left the data is not to be read; train that again") from None


@dataclass
class _Dry:
    """What a dry run found: tokens of each source, and of all packs."""

    length: int
    tokens: Counter[str] = field(default_factory=Counter)
    padding: int = 0
    documents: int = 0
    cut: int = 0
    seconds: float = 0.0

    def line(self) -> str:
        whole = self.tokens.total()
        return (
            f"packs of {self.length:,}: padding {self.padding / (whole + self.padding):.2%},"
            f" {self.cut:,} of {self.documents:,} pieces cut, {whole / self.seconds:,.0f} tokens/s"
        )


def work(recipe: str, settings: tuple[str, ...]) -> None:
    """Show what the recipe's [data] gives: sources, shares of tokens, padding, tokens per second. Nothing is trained.

    With [data.coverage], choose documents that show each new token so many times: OUTPUT/data/coverage.parquet.
    """
    run, data = read(recipe, "data", DataSection, settings)
    stages = plan(read(recipe, "cpt", Cpt, settings)[1])
    folder = run.before("cpt", "tokenizer", "embeddings")
    tokenizer = load_tokenizer(_newest(run, folder))
    lengths = [_length(folder, stage) for stage in stages]
    whole = sum(stage.steps * stage.batch * length for stage, length in zip(stages, lengths, strict=True))
    for at, length in enumerate(dict.fromkeys(lengths)):
        stream = Stream(data, tokenizer, length=length, seed=run.seed, packs=_DRY)
        dry = _dry(stream)
        if not at:
            _table(stream, dry, whole)
        click.echo(dry.line())
    if data.coverage is not None:
        _cover(run, data, tokenizer, data.coverage.times)


def _newest(run: Run, folder: Path) -> Path:
    """The folder of the tokenizer that the model of `folder` has, or is to get by train.embeddings."""
    expanded = run.folder("tokenizer")
    return expanded if folder == run.base and (expanded / "tokenizer_config.json").is_file() else folder


def _length(folder: Path, stage: Cpt) -> int:
    """Of a stage's packs, as train.cpt has it. Raises TrainError."""
    context = context_of(folder)
    if stage.length and context and stage.length > context and stage.rope is None:
        raise TrainError(
            f"cpt.length: {stage.length:,} tokens, the model is made for {context:,}; cpt.rope makes it longer"
        )
    return stage.length or min(context or 4096, 4096)


def _dry(stream: Stream) -> _Dry:
    dry, start = _Dry(stream.length), time.perf_counter()
    for pack in stream:
        sizes = np.bincount(pack.document_ids + 1, minlength=len(pack.sources) + 1)
        dry.padding += int(sizes[0])
        for source, size in zip(pack.sources, sizes[1:].tolist(), strict=True):
            dry.tokens[source] += size
        ends = np.cumsum(sizes[1:]) - 1
        dry.documents += len(ends)
        dry.cut += int((pack.labels[ends] != -100).sum())
    dry.seconds = time.perf_counter() - start
    return dry


def _table(stream: Stream, dry: _Dry, whole: int) -> None:
    """whole: tokens of the run."""
    points = np.array([stream.shares.at(at) for at in np.linspace(0, 1, _POINTS)])
    click.echo(f"{'source':32}{'documents':>12}{'no text':>9}{'tokens about':>15}{'epochs':>8}{'start':>8}{'end':>8}{'mean':>8}{'found':>8}")  # fmt: skip
    for cursor, size, shares in zip(stream.cursors, stream.sizes, points.T, strict=True):
        found = dry.tokens[cursor.name] / dry.tokens.total()
        missing = cursor.without_text / max(1, cursor.seen)
        click.echo(
            f"{cursor.name:32}{cursor.rows:12,}{missing:9.2%}{size:15,.0f}{shares.mean() * whole / size:8.2f}"
            f"{shares[0]:8.2%}{shares[-1]:8.2%}{shares.mean():8.2%}{found:8.2%}"
        )
    click.echo(f"the run: {whole:,} tokens; found, and no text: in {_DRY} packs, to which the schedule is shortened")


def _cover(run: Run, data: DataSection, tokenizer: Any, times: int) -> None:
    old = load_tokenizer(run.base).get_vocab()
    wanted = [at for token, at in tokenizer.get_vocab().items() if old.get(token) != at]
    if not wanted:
        raise TrainError(
            f"data.coverage: the tokenizer is that of {run.base}: there is no new token; train.tokenizer makes them"
        )
    folder = run.folder("data")
    folder.mkdir(parents=True, exist_ok=True)
    encoder = Encoder(tokenizer, data.workers)
    try:
        chosen = coverage.write(folder / "coverage.parquet", data.source, encoder, wanted, times)
    finally:
        encoder.close()
    never = [token for token, left in chosen.lacking.items() if left == times]
    names = tokenizer.convert_ids_to_tokens(never)
    report = {"never": names, "seldom": len(chosen.lacking) - len(never)}
    (folder / "coverage.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), "utf-8")
    click.echo(
        f"{folder}/coverage.parquet: {len(chosen.documents):,} documents of {chosen.tokens:,} tokens show"
        f" {len(wanted) - len(chosen.lacking):,} of {len(wanted):,} new tokens {times} times or more;"
        f" {len(never):,} never occur (coverage.json)"
    )


if __name__ == "__main__":
    command(work)()
