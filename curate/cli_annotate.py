"""`curate quality annotate`: a language model scores a sample against a rubric."""

from collections import Counter
from typing import Any

import click
from rich.console import Group
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from curate.annotate import Annotation, Folder, Outcome, Sample, load_rubric, sample
from curate.cli_engine import engine_options
from curate.console import by_reason, console, language_cell, plain_table
from filters.labels import canonical
from translate.engine import Engine


@click.command()
@click.argument("inputs", metavar="RUN_OR_FILES...", nargs=-1, required=True)
@click.option("--output", "-o", required=True, help="Folder of the scores; run again to resume.")
@engine_options
@click.option("--language", "languages", multiple=True, help="Only this language, as hin_Deva; repeatable.")
@click.option("--sample", "size", default=500, show_default=True, type=click.IntRange(1), help="Documents a language.")
@click.option("--rubric", "rubric_name", default="edu", show_default=True, help="A shipped rubric or a TOML file.")
@click.option("--native-prompts", is_flag=True, help="Prompt in the document's language where the rubric can.")
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would cost, and stop.")
@click.option("--price", nargs=2, type=float, metavar="IN OUT", help="Of a million prompt and completion tokens.")
@click.option("--tokens-per-second", type=click.FloatRange(0, min_open=True), help="Of the model, for hours.")
def annotate(
    inputs: tuple[str, ...],
    output: str,
    engine: Engine,
    languages: tuple[str, ...],
    size: int,
    rubric_name: str,
    native_prompts: bool,
    only_estimate: bool,
    price: tuple[float, float] | None,
    tokens_per_second: float | None,
) -> None:
    """Have a language model score a sample of each language against a rubric (educational value, 0 to 5)."""
    rubric = load_rubric(rubric_name)
    chosen = sample(inputs, size=size, languages=_labels(languages), characters=rubric.characters)
    annotation = Annotation(chosen, rubric, engine, Folder(output.rstrip("/")), native_prompts)
    _print_estimate(annotation, price, tokens_per_second)
    if not only_estimate:
        outcome = _watched(annotation)
        console.print(_account(outcome, chosen))
    engine.close()


def _labels(languages: tuple[str, ...]) -> tuple[str, ...]:
    labels = []
    for language in languages:
        found = canonical(language)
        if "und" in found:
            raise click.BadParameter(f"{language!r} is no language; write it as hin_Deva", param_hint="--language")
        labels.append("_".join(found))
    return tuple(labels)


def _print_estimate(annotation: Annotation, price: tuple[float, float] | None, tokens_per_second: float | None) -> None:
    documents, estimate = annotation.sample.documents, annotation.estimate()
    languages = len({document.language for document in documents})
    line = f"{len(documents):,} documents in {languages:,} languages; {estimate.questions:,} to ask about"
    if estimate.questions:
        line += (
            f": about {estimate.prompt_tokens:,} tokens of prompt, at most {estimate.completion_tokens:,} of answers"
        )
    if price:
        line += f", {estimate.price(*price):,.2f} at the prices given"
    if tokens_per_second:
        line += f", {estimate.hours(tokens_per_second):,.2g} hours at {tokens_per_second:,g} tokens/s"
    console.print(Text(line))


def _watched(annotation: Annotation) -> Outcome:
    columns = (
        TextColumn("annotate"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        row = bar.add_task("annotate", total=len(annotation.open))
        return annotation.run(lambda done: bar.update(row, completed=done))


def _account(outcome: Outcome, chosen: Sample) -> Group:
    """A line a language and the sum: sampled = scored + failed + unfinished."""
    table = plain_table("language", "sampled", "scored", "mean", "failed", "unfinished")
    for language in sorted(outcome.sampled):
        scores, totals = outcome.scores.get(language), _without_score(outcome, language)
        mean = f"{sum(s * n for s, n in scores.items()) / scores.total():.2f}" if scores else "–"
        scored = scores.total() if scores else 0
        table.add_row(language_cell(language), f"{outcome.sampled[language]:,}", f"{scored:,}", mean, *totals)
    return Group(table, Text(_sum(outcome, chosen)))


def _without_score(outcome: Outcome, language: str) -> tuple[str, str]:
    failed, unfinished = (
        sum(n for (name, _), n in place.items() if name == language) for place in (outcome.failed, outcome.unfinished)
    )
    return f"{failed:,}", f"{unfinished:,}"


def _sum(outcome: Outcome, chosen: Sample) -> str:
    scored = sum(scores.total() for scores in outcome.scores.values())
    line = f"\n{outcome.sampled.total():,} sampled = {scored:,} scored + {_reasons('failed', outcome.failed)}"
    line += f" + {_reasons('unfinished', outcome.unfinished)}"
    if outcome.unfinished:
        line += "\nrun the same command again for the unfinished ones"
    if chosen.unread:
        passed = ", ".join(f"{reason} {count:,}" for reason, count in chosen.unread.most_common())
        line += f"\npassed over before sampling: {passed}"
    return line + f"\npaid: {outcome.prompt_tokens:,} tokens of prompt, {outcome.completion_tokens:,} of answers"


def _reasons(what: str, counts: Any) -> str:
    summed = Counter[str]()
    for (_, reason), count in counts.items():
        summed[reason] += count
    return by_reason(summed, what)
