"""`curate judge`: answers of several systems, compared or scored by a language model."""

from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group
from rich.text import Text

from curate.cli_engine import engine_options
from curate.console import by_reason, console, one_line, plain_table
from curate.plan import absolute
from curate.recipe import RecipeError
from curate.runfolder import join
from translate.engine import Engine


@click.command("judge")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.argument("output", metavar="OUT")
@engine_options
@click.option(
    "--rubric", is_flag=True, help="Score each answer from 1 to 5 by criterion, in place of comparing answers."
)
@click.option(
    "--criterion",
    "criteria",
    multiple=True,
    metavar="NAME[=TEXT]",
    help="With --rubric: correctness, helpfulness, language, fluency, or one of your own with its text; repeatable."
    "  Default: these four.",
)
def judge(inputs: tuple[str, ...], output: str, engine: Engine, rubric: bool, criteria: tuple[str, ...]) -> None:
    """Have a language model judge answers to prompts.

    Rows of JSONL or Parquet: {"prompt": text, "answers": {system: text}, "reference": text}. The reference, which may be
    missing, is a good answer, in English or the prompt's language.

    Every two answers to a prompt are compared in both orders; a verdict counts where the two agree, else it is a tie.
    Into OUT/verdicts.parquet, or ratings.parquet with --rubric. Run again to resume: what the judge answered is never
    paid for twice.
    """
    from curate.judging import compared, rated
    from curate.remembered import Remembered

    if criteria and not rubric:
        raise click.UsageError("--criterion is for --rubric")
    root = absolute(output.rstrip("/"))
    chosen = _criteria(criteria)
    remembered = Remembered(engine, join(root, "answers"))
    try:
        if rubric:
            console.print(_ratings(rated(inputs, root, remembered, chosen), chosen))
        else:
            console.print(_verdicts(compared(inputs, root, remembered)))
    finally:
        remembered.close()
    paid = remembered.paid
    console.print(
        Text(
            f"paid: {paid['requests']:,} questions, {paid['prompt_tokens']:,} tokens of prompt,"
            f" {paid['completion_tokens']:,} of answers"
        )
    )


def _criteria(given: tuple[str, ...]) -> dict[str, str]:
    from translate.judge import shipped_criteria

    shipped = shipped_criteria()
    chosen = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not (text.strip() if equals else name in shipped):
            raise RecipeError(f"--criterion {one!r}: write NAME=TEXT, or one of {', '.join(shipped)}")
        chosen[name] = text.strip() or shipped[name]
    return chosen or shipped


def _verdicts(found: Any) -> Group:
    """A line a system, the strongest first, and what the verdicts are worth."""
    table = plain_table("system", "strength", "95 % interval", "wins", "ties", "losses", "characters")
    tally = found.tally
    values = tally.strengths
    order = sorted(range(len(tally.systems)), key=lambda n: -values.strength[n]) if values else []
    for n in order or range(len(tally.systems)):
        strength = (
            (f"{values.strength[n]:+.2f}", f"{values.low[n]:+.2f} to {values.high[n]:+.2f}") if values else ("–",) * 2
        )
        record = tally.records[n]
        counts = [f"{count:,}" for count in (record.wins, record.ties, record.losses)]
        length = f"{found.characters[tally.systems[n]]:,.0f}"
        table.add_row(Text(one_line(tally.systems[n], 40)), *strength, *counts, length)
    return Group(
        table, Text(f"\n{_worth(tally)}{_account('compared', tally.comparisons, tally.verdicts, 'verdicts', found)}")
    )


def _worth(tally: Any) -> str:
    lines = ""
    if tally.order_consistency is not None:
        lines += f"order consistency {tally.order_consistency:.1%} ({tally.consistent:,} of {tally.both_orders:,})\n"
    if tally.longer_share is not None:
        lines += (
            f"the longer answer won {tally.longer_share:.1%} ({tally.longer_wins:,} of {tally.unequal_wins:,} wins)\n"
        )
    return lines


def _ratings(found: Any, criteria: Mapping[str, str]) -> Group:
    """A line a system: the mean by criterion and over all."""
    table = plain_table("system", "rated", *criteria, "mean")
    for system in sorted(found.scores):
        by_criterion = found.scores[system]
        means = [_mean(by_criterion[name]) for name in criteria if name in by_criterion]
        cells = [f"{mean:.2f}" for mean in [*means, sum(means) / len(means)]] if means else ["–"] * (len(criteria) + 1)
        rated = sum(next(iter(by_criterion.values())).values()) if by_criterion else 0
        table.add_row(Text(one_line(system, 40)), f"{rated:,}", *cells)
    return Group(table, Text(f"\n{_account('answers', found.samples, found.rated, 'rated', found)}"))


def _mean(scores: Mapping[int, int]) -> float:
    return sum(score * count for score, count in scores.items()) / sum(scores.values())


def _account(what: str, total: int, done: int, named: str, found: Any) -> str:
    """in = done + failed, by reason; and what was passed over."""
    from curate.judging import unfinished

    trouble = getattr(found, "tally", found)
    lines = f"{total:,} {what} = {done:,} {named} + {by_reason(trouble.failures)} failed"
    if again := unfinished(trouble.failures):
        lines += f"\n{again:,} of them may be answered later: run the same command again"
    if trouble.again:
        lines += f"\nasked twice: {by_reason(trouble.again)}"
    if found.truncated:
        lines += f"\n{found.truncated:,} judged by the beginning of a text that is too long"
    if found.unread:
        lines += f"\nrows without anything to judge: {by_reason(found.unread)}"
    return lines
