"""`curate benchmark`: a benchmark in another language, checked by translating it back."""

from dataclasses import replace
from typing import Any

import click
from rich.console import Group
from rich.table import Table
from rich.text import Text

from curate.cli_engine import _spec, spec_options
from curate.console import console, plain_table
from curate.plan import absolute
from curate.runfolder import join
from curate.translate.engines import EngineSpec
from translate.transforms.names import known_pair


@click.command("benchmark")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.argument("output", metavar="OUT")
@click.option("--from", "source", required=True, metavar="LANGUAGE", help="Of the benchmark, as eng_Latn.")
@click.option("--to", "target", required=True, metavar="LANGUAGE", help="To translate into, as hin_Deva.")
@spec_options
@click.option("--back-engine", metavar="ENGINE", help="That translates back. Default: --engine, the milder check.")
@click.option("--back-model", help="Its model.")
@click.option("--back-revision", default="", help="Of its model.")
@click.option("--back-key-variable", metavar="NAME", help="As --key-variable.")
@click.option("--back-llm", multiple=True, metavar="KEY=VALUE", help="As --llm.")
@click.option(
    "--cutoff", type=click.FloatRange(0, 100),
    help="chrF of original and back-translation below which a row is flagged. Default: 40.",
)  # fmt: skip
def benchmark(
    inputs: tuple[str, ...], output: str, source: str, target: str, spec: EngineSpec, cutoff: float | None, **back: Any
) -> None:
    """Translate a benchmark and check it by translating it back.

    Rows of JSONL or Parquet: question; choices, a list, with answer, the index of the right one from 0, or answer, a
    text; passage, which may be missing. Into OUT/benchmark.parquet, with the original and the back-translation beside
    the translation, and in `flags` why a human should look at the row. Run again to resume; what was answered is never
    paid for twice.
    """
    from curate.benchmark_job import Job, run
    from curate.remembered import Remembered
    from translate.benchmark import CUTOFF

    pair = known_pair(source, target)
    second = _back(spec, **back)
    root = absolute(output.rstrip("/"))
    there = Remembered(spec.open(), join(root, "answers"))
    returning = there if second == spec else Remembered(second.open(), join(root, "answers"))
    try:
        console.print(_account(run(Job(inputs, root, *pair, there, returning, CUTOFF if cutoff is None else cutoff))))
    finally:
        there.close()
        returning.close()
    paid = there.paid if returning is there else there.paid + returning.paid
    console.print(
        Text(
            f"paid: {paid['requests']:,} spans, {paid['prompt_tokens']:,} tokens of prompt,"
            f" {paid['completion_tokens']:,} of answers"
        )
    )


def _back(
    spec: EngineSpec,
    *,
    back_engine: str | None,
    back_model: str | None,
    back_revision: str,
    back_key_variable: str | None,
    back_llm: tuple[str, ...],
) -> EngineSpec:
    """The engine of the way back: the same, with source and target exchanged where it is bound to them."""
    if bool(back_engine) != bool(back_model):
        raise click.UsageError("--back-engine and --back-model belong together")
    if back_engine and back_model:
        return _spec(
            back_engine,
            back_model,
            back_revision,
            key_variable=back_key_variable,
            llm_options=back_llm,
            concurrency=spec.limits.concurrency,
            timeout=spec.limits.timeout,
        )
    if back_revision or back_key_variable or back_llm:
        raise click.UsageError("options of the engine that translates back need --back-engine")
    if spec.name != "seq2seq":
        return spec
    codes = spec.options.get("source"), spec.options.get("target")
    if not all(codes):
        raise click.UsageError("a model of one direction can't translate back: give --back-engine and --back-model")
    return replace(spec, options={**spec.options, "source": codes[1], "target": codes[0]})


def _account(account: Any) -> Group:
    """Means by field, rows by flag, and the sum."""
    scores = plain_table("field", "rows", "mean chrF", "lowest")
    for name, values in account.chrf.items():
        scores.add_row(name, f"{len(values):,}", f"{sum(values) / len(values):.1f}", f"{min(values):.1f}")
    flags = plain_table("flag", "rows")
    for name, count in account.flags.most_common():
        flags.add_row(name, f"{count:,}")
    failed = ", ".join(f"{reason} {count:,}" for reason, count in sorted(account.failed.items()))
    total = account.rows + account.failed.total()
    lines = (
        f"{total:,} in = {account.rows:,} translated ({account.flagged:,} flagged) + {account.failed.total():,} failed"
    )
    lines += f" ({failed})" if failed else ""
    if account.passing:
        lines += f"\n{account.passing:,} rows may be bettered: run the same command again"
    shown: list[Table | Text] = [flags, Text()] if account.flags else []
    return Group(scores, Text(), *shown, Text(lines))
