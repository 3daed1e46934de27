"""`curate quality`: annotate, train, evaluate and use quality classifiers."""

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from curate.cli_annotate import annotate
from curate.cli_cutoffs import check_label
from curate.console import Commands, console, language_cell, one_line, plain_table
from curate.quality.corpus import Example, HeldOut, read, read_scored, sampled
from curate.recipe import RecipeError

SHOWN = 20  # sources


@click.group("quality", cls=Commands)
def quality() -> None:
    """Tell good texts from bad: have a model judge some, train a cheap classifier, test it, use it."""


quality.add_command(annotate)


def _with_examples(command: Callable[..., Any]) -> Callable[..., Any]:
    """POSITIVES and --negatives, or --scored; the command gets a sample of the examples."""

    @click.argument("positives", nargs=-1)
    @click.option("--negatives", "-n", multiple=True, help="Files or run folders of bad texts; repeatable.")
    @click.option(
        "--scored", multiple=True, help="Instead: files with a `score`, as `annotate` writes them; repeatable."
    )
    @click.option("--cut", type=float, help="Of --scored: texts with this score or more are good.")
    @click.option("--language", "languages", multiple=True, help="Only this language, as hin_Deva; repeatable.")
    @wraps(command)
    def wrapped(positives: tuple[str, ...], languages: tuple[str, ...], **rest: Any) -> Any:
        given = _examples(positives, *(rest.pop(name) for name in ("negatives", "scored", "cut")))
        for name in languages:
            check_label(name)
        return command(sampled(each for each in given if not languages or each.label in languages), **rest)

    return wrapped


def _examples(
    positives: tuple[str, ...], negatives: tuple[str, ...], scored: tuple[str, ...], cut: float | None
) -> Iterable[Example]:
    if scored:
        if positives or negatives or cut is None:
            raise click.UsageError("--scored goes with --cut, and without POSITIVES and --negatives")
        return read_scored(scored, cut)
    if not positives or not negatives:
        raise click.UsageError("give files of good texts, and of bad ones with --negatives; or --scored with --cut")
    return (each for good, inputs in ((True, positives), (False, negatives)) for each in read(inputs, good=good))


_OUTPUT = click.Path(dir_okay=False, path_type=Path)


@quality.command("train")
@_with_examples
@click.option("--output", "-o", required=True, type=_OUTPUT, help="The .ftz to write.")
def train_(examples: list[Example], output: Path) -> None:
    """Train one quantised classifier for all languages of the inputs; a fifth of the sources is held out."""
    from curate.quality.train import train

    if output.suffix != ".ftz":
        raise click.BadParameter(f"{output}: a model's file ends in .ftz", param_hint="--output")
    found = train(examples, output)
    table = plain_table("language", "good", "bad", "windows")
    for name, documents in found.documents.items():
        table.add_row(language_cell(name), *(f"{n:,}" for n in (*documents.values(), found.windows[name])))
    console.print(table)
    for name, why in found.left_out.items():
        console.print(Text(f"left out: {name}, {why}", style="yellow"))
    for name, good in sorted(found.held_out.by_document):
        kind = "good" if good else "bad"
        console.print(
            Text(f"one source only of {kind} {name}: documents of it are held out, not sources", style="yellow")
        )
    console.print(Text(f"{output}: {output.stat().st_size:,} bytes"))


@quality.command("eval")
@_with_examples
@click.option("--model", "-m", required=True, help="The .ftz, or a folder of them.")
@click.option("--all", "everything", is_flag=True, help="Judge every text: none of them was trained on.")
@click.option("--leave-one-out", is_flag=True, help="Also train anew without each of the largest sources.")
@click.option("--plot", type=_OUTPUT, help="Draw the calibration curve to this .svg.")
def eval_(examples: list[Example], model: str, everything: bool, leave_one_out: bool, plot: Path | None) -> None:
    """AUC and calibration on the held-out texts of the files trained on; is the score only length, language, source?"""
    from curate.quality import evaluate
    from curate.quality.plot import calibration

    held_out = _held_out(model)
    judged, without = evaluate.judge((e for e in examples if everything or held_out.holds(e)), model)
    if not len(judged.score):
        raise RecipeError(f"{model}: none of the texts is held out and in a language it knows; --all judges every text")
    found = evaluate.figures(judged)
    console.print(_figures_table(found))
    share = evaluate.language_share(judged)
    console.print(Text(f"\n{len(judged.score):,} texts scored, {without:,} without a score"))
    console.print(Text(f"the language explains {share:.1%} of the score's variance within good and within bad texts\n"))
    console.print(_reliability_table(evaluate.reliability(judged)))
    sources = evaluate.by_source(judged)[:SHOWN]
    if leave_one_out:
        sources = evaluate.leave_one_out(examples, held_out)
    console.print()
    console.print(_sources_table(sources))
    if plot:
        plot.write_text(calibration(judged), encoding="utf-8")
        console.print(Text(str(plot), style="dim"))


def _held_out(model: str) -> HeldOut:
    from filters.quality import by_language

    parts = [HeldOut.parse(each.card["held_out"]) for each in by_language(model).values()]
    return HeldOut(
        frozenset().union(*(part.sources for part in parts)), frozenset().union(*(part.by_document for part in parts))
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _figures_table(found: list[Any]) -> Table:
    """As they are; then with as many good as bad texts in each decile of the length."""
    names = (
        "language",
        "good",
        "bad",
        "AUC [95 %]",
        "length alone",
        "in deciles",
        "lengths matched",
        "length",
        "error",
    )
    table = plain_table(*names)
    for each in found:
        table.add_row(
            language_cell(each.label),
            *(f"{each.good:,}", f"{each.bad:,}", str(each.auc or "–"), _number(each.length), _number(each.deciles)),
            *(str(each.matched or "–"), _number(each.matched_length), _number(each.error)),
        )
    return table


def _reliability_table(bins: list[Any]) -> Table:
    table = plain_table("P(good)", "observed", "texts", left=0)
    for each in bins:
        table.add_row(_number(each.predicted), _number(each.observed), f"{each.texts:,}")
    return table


def _sources_table(found: list[Any]) -> Table:
    table = plain_table("language", "source", "class", "texts", "AUC against the rest", "left out", left=3)
    for each in found:
        kind = "good" if each.good else "bad"
        cells = language_cell(each.label), Text(one_line(each.source, 40)), kind
        table.add_row(*cells, f"{each.texts:,}", str(each.auc or "–"), str(each.left_out or "–"))
    return table


@quality.command("score")
@click.argument("inputs", nargs=-1, required=True)
@click.option("--model", "-m", required=True, help="The .ftz, or a folder of them.")
@click.option("--output", "-o", required=True, help="The .parquet to write: file, row, id, label, quality.")
def score_(inputs: tuple[str, ...], model: str, output: str) -> None:
    """Score the texts of files, or what a run kept; `quality.model` in a recipe scores while measuring."""
    from curate.quality import score

    rows, scored = score.write(inputs, model, output)
    console.print(Text(f"{output}: {rows:,} texts, {scored:,} of them with a score"))
