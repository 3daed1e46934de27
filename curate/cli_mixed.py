"""`curate lid mixed` and `curate lid train-words`: text in several languages, and the model that tells its words apart."""

import json
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
from rich.text import Text

from curate.console import console


@click.command("mixed")
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"), default="-")
@click.option("--model", default="default", show_default=True, help="Name or file.")
def mixed(file: Any, model: str) -> None:
    """Find the languages of each line and word of FILE, a page (default: standard input).

    Prints a JSON object a line, with its runs of words in one language, and one of the whole page: its code-mixing index
    (0 to 100) and its languages with their shares of the letters.
    """
    from filters.codemix import mixtures

    text = file.read()
    (found,) = mixtures(pa.array([text], pa.string()), model=model)
    for line in found.lines:
        runs = [run for run in found.runs if run.start < line.end and run.end > line.start]
        words = [[run.language, text[max(run.start, line.start) : min(run.end, line.end)].strip()] for run in runs]
        _print(language=line.language, text=text[line.start : line.end], words=words)
    _print(code_mixing_index=found.code_mixing_index, languages=dict(found.languages))


def _print(**values: Any) -> None:
    click.echo(json.dumps(values, ensure_ascii=False))


@click.command("train-words")
@click.argument("inputs", nargs=-1, required=True)
@click.option(
    "--output", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The .ftz to write."
)
@click.option("--threads", default=1, show_default=True, help="More are faster, and the model differs from run to run.")
def train_words(inputs: tuple[str, ...], output: Path, threads: int) -> None:
    """Train the model of single words in Latin script that `language.mixed` and `lid mixed` use; a fifth is held out.

    INPUTS as for `lid train`, in one language each: words borrowed from another are what it shall tell apart.
    """
    from curate.word_model import train

    words = train(list(inputs), output, threads=threads)
    console.print(Text(f"{output}: {len(words):,} languages, {output.stat().st_size:,} bytes"))
