"""`curate fluency`: tiny language models of native text, for the check `disfluent` of translations."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import click
from rich.text import Text

from curate.console import Commands, console
from curate.recipe import RecipeError
from curate.sources import list_inputs, plan_splits, read
from curate.sources.record import Record


@click.group(cls=Commands)
def fluency() -> None:
    """Language models of clean native text, which tell fluent translations from others."""


@fluency.command("train")
@click.argument("inputs", metavar="TEXT...", nargs=-1, required=True)
@click.argument("model", metavar="MODEL", type=click.Path(dir_okay=False, path_type=Path))
def train_(inputs: tuple[str, ...], model: Path) -> None:
    """Train on clean text of one language: JSONL, Parquet, WET or MediaWiki; MODEL is a file .npz."""
    from translate.fluency.model import train

    if not model.parent.is_dir():
        raise RecipeError(f"{model}: no such folder")
    trained = train(_texts(inputs))
    trained.save(model)
    usual = trained.native.signals[0]
    line = f"{len(trained.table.keys):,} n-grams; {len(usual):,} native sentences held out"
    console.print(Text(f"{model}: {line}, at the median {median(usual):.2f} bits a character"))


def _texts(inputs: tuple[str, ...]) -> Iterator[str]:
    for split in plan_splits(list_inputs(list(inputs))):
        for item in read(split):
            if isinstance(item, Record) and isinstance(item.payload, str):
                yield item.payload
