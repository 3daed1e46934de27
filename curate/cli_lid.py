"""`curate lid`: thin over curate/lid."""

import json
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from curate.console import Commands, console
from filters.language import JOIN, members, model_path

_FILE = click.Path(dir_okay=False, path_type=Path)
_MODEL = f"default, lid.176, glotlid or a fastText file; several, joined by {JOIN}, vote."


def _names(value: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in value.split(","))))


@click.group("lid", cls=Commands)
def lid() -> None:
    """Train, calibrate, evaluate, use and fetch language identification models."""


@lid.command("train")
@click.argument("inputs", nargs=-1, required=True)
@click.option(
    "--output", "-o", required=True, type=_FILE, help="The .ftz to write; its card and calibration lie beside it."
)
@click.option("--keep", default="", metavar="A,B", help="Labels to keep however little text they have.")
@click.option(
    "--minimum",
    default=30_000,
    show_default=True,
    help="Characters of training text that other labels need to be classes.",
)
@click.option(
    "--hard-negatives",
    is_flag=True,
    help="Train twice, and show close languages again where the first model confused them: better among these, and"
    " readier to answer one of them elsewhere.",
)
@click.option("--threads", default=1, show_default=True, help="More are faster, and the model differs from run to run.")
def train_(inputs: tuple[str, ...], output: Path, keep: str, minimum: int, hard_negatives: bool, threads: int) -> None:
    """Train a quantised fastText model on labelled files.

    INPUTS: JSONL or Parquet with the columns `text` and `lang` or `language` (and `language_script`, `id`), or the known
    sets by their file names. A fifth of the documents is held out for the figures in the card.
    """
    from curate.lid.sampling import TrainingOptions
    from curate.lid.training import train

    if output.suffix not in (".ftz", ".bin"):
        raise click.BadParameter(
            f"{str(output)!r}: name it .ftz, so that it is known as a model", param_hint="--output"
        )
    options = TrainingOptions(keep=_names(keep), minimum=minimum, hard_negatives=hard_negatives, threads=threads)
    chosen = train(list(inputs), output, options)
    for note in chosen.notes():
        console.print(Text(note, style="yellow"))
    console.print(Text(f"{output}: {len(chosen.texts):,} classes, {output.stat().st_size:,} bytes"))
    console.print(Text(f"{output.with_suffix('.md')}  its card", style="dim"))


@lid.command("calibrate")
@click.argument("inputs", nargs=-1, required=True)
@click.option("--model", required=True, help="Name or file of one model.")
@click.option("--output", "-o", type=_FILE, help="Instead of beside the model's file, where a vote finds it.")
def calibrate_(inputs: tuple[str, ...], model: str, output: Path | None) -> None:
    """Fit what a model's confidence means, so that it can vote with others; on half of the held-out documents."""
    from curate.lid.calibration import calibrate
    from curate.lid.corpus import held_out_of
    from filters.ensemble import SUFFIX

    path = model_path(model)
    target = output or path.with_name(path.name + SUFFIX)
    found = calibrate(held_out_of(list(inputs)), model)
    found.save(target, model=path.name)
    console.print(Text(f"{target}: temperature {found.temperature:g}, {len(found.precision) - 1:,} languages"))


@lid.command("cuts")
@click.argument("inputs", nargs=-1, required=True)
@click.option("--model", default="default", show_default=True, help=_MODEL)
@click.option(
    "--precision", default=0.95, show_default=True, type=click.FloatRange(0, 1), help="Of each language's answers."
)
@click.option("--output", "-o", required=True, type=_FILE, help="The TOML to write; `[language] cuts` of a recipe.")
def cuts_(inputs: tuple[str, ...], model: str, precision: float, output: Path) -> None:
    """Find for each language the score from which on the answers are right this often; below it: und."""
    from curate.lid import calibration
    from curate.lid.corpus import held_out_of

    found = calibration.cuts(held_out_of(list(inputs)), model, precision)
    calibration.save_cuts(output, found, model=model, precision=precision)
    never = [name for name, cut in found.items() if cut == calibration.UNREACHABLE]
    console.print(Text(f"{output}: {len(found):,} cuts"))
    if never:
        console.print(Text(f"never that precise, so always und: {', '.join(never)}", style="yellow"))


@lid.command("eval")
@click.argument("inputs", nargs=-1, required=True)
@click.option(
    "--model", "models", multiple=True, default=("default",), show_default=True, help=f"Repeatable: lingua, {_MODEL}"
)
@click.option("--sentences", is_flag=True, help="Judge each paragraph alone, not whole documents.")
@click.option("--most", type=click.IntRange(min=1), help="Texts of a language at most; lingua is slow.")
@click.option("--cuts", help="TOML of `curate lid cuts`, for the first model.")
@click.option("--plot", type=_FILE, help="Also draw F1 by language and model into this .svg.")
def eval_(
    inputs: tuple[str, ...],
    models: tuple[str, ...],
    sentences: bool,
    most: int | None,
    cuts: str | None,
    plot: Path | None,
) -> None:
    """Accuracy, precision, recall, confusions and speed on the held-out part of labelled files, models side by side.

    Languages that the first model knows count. Where a model votes or has cuts, on the half of the held-out documents
    that calibrations and cuts were not fitted on. Speed is CPU time, of all threads.
    """
    from curate.lid import comparison
    from curate.lid.calibration import load_cuts
    from curate.lid.corpus import for_calibration, held_out_of
    from curate.lid.evaluation import compare
    from curate.lid.peers import identifier

    if plot and plot.suffix != ".svg":
        raise click.BadParameter(f"{str(plot)!r}: the plot is an .svg", param_hint="--plot")
    limits = load_cuts(cuts, models[0]) if cuts else None
    named = [identifier(model, limits if model == models[0] else None) for model in models]
    fitted = bool(cuts) or any(len(members(model)) > 1 for model in models)
    documents = (each for each in held_out_of(list(inputs)) if not (fitted and for_calibration(each.key)))
    found = compare(documents, dict(zip(models, named, strict=True)), sentences=sentences, most=most)
    if not found[0].pairs:
        raise ValueError(f"no held-out text in a language that {models[0]} knows: a fifth of the documents is held out")
    known = [each.languages for each in named]
    for table in comparison.tables(found, known):
        console.print(table, "")
    if plot:
        plot.write_text(comparison.plot(found, known), "utf-8")
        console.print(Text(str(plot)))


@lid.command("predict")
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"), default="-")
@click.option("--model", default="default", show_default=True, help=_MODEL)
@click.option("--cuts", help="TOML of `curate lid cuts`.")
def predict_(file: Any, model: str, cuts: str | None) -> None:
    """Identify each line of FILE (default: standard input); one JSON object a line."""
    from curate.lid.calibration import load_cuts
    from curate.lid.use import predict

    for row in predict(file, model=model, cuts=load_cuts(cuts, model) if cuts else None):
        click.echo(json.dumps(row, ensure_ascii=False))


@lid.command("fetch")
@click.argument("model", metavar="NAME")
def fetch_(model: str) -> None:
    """Download a published model (lid.176, glotlid) to where recipes find it."""
    from curate.lid.use import fetch

    console.print(Text(str(fetch(model))))
