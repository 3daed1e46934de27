"""`curate translate`: a corpus in another language, its documents' structure untouched."""

import os
from functools import cache
from typing import Any, cast, get_args

import click
from rich.text import Text

from curate.cli_engine import fallback_options, spec_options
from curate.console import by_reason, console
from curate.plan import absolute
from curate.recipe import Recipe, RecipeError, Spark
from curate.report.words import LANGUAGES
from curate.report.words import language as named
from curate.runfolder import join
from curate.translate.engines import EngineSpec
from filters.labels import canonical
from translate.document import Format


@click.command("translate")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.argument("output", metavar="OUT")
@click.option("--from", "source", required=True, metavar="LANGUAGE", help="Of the documents, as eng_Latn.")
@click.option("--to", "target", required=True, metavar="LANGUAGE", help="To translate into, as hin_Deva.")
@spec_options
@fallback_options
@click.option(
    "--workers", default=0, show_default=True, type=click.IntRange(0),
    help="Spark tasks with an engine each, on the GPU that Spark gives them; 0: one engine, in this process.",
)  # fmt: skip
@click.option(
    "--format", "format_", type=click.Choice(get_args(Format)),
    help="Of the documents; chat and instruction: JSON, a record a line. Default: by a file's name, else plain.",
)  # fmt: skip
@click.option("--memory", help="Folder of translations, shared with other corpora. Default: OUT/memory.")
@click.option(
    "--on-failure", default="keep", show_default=True, type=click.Choice(["keep", "drop"]),
    help="A document with spans that have no translation: keep these as they are, or drop it.",
)  # fmt: skip
@click.option(
    "--accept", "accepted", multiple=True, metavar="CHECK", help="A check not to make, as copied; repeatable."
)
@click.option(
    "--fluency", metavar="MODEL[=CUTOFF]",
    help="Of `curate fluency train` in the target's language; rejects what is stranger than this share of native text, 0.99.",
)  # fmt: skip
@click.option(
    "--similarity", metavar="FOLDER=CUTOFF",
    help="A sentence encoder (LaBSE and its kin): rejects a cosine of source and translation at or under it.",
)  # fmt: skip
@click.option("--qe", metavar="FOLDER=CUTOFF", help="A quality estimation model: rejects a score at or under it.")
def translate_(
    inputs: tuple[str, ...],
    output: str,
    source: str,
    target: str,
    spec: EngineSpec,
    fallback: EngineSpec | None,
    workers: int,
    format_: str | None,
    memory: str | None,
    on_failure: Any,
    accepted: tuple[str, ...],
    fluency: str | None,
    similarity: str | None,
    qe: str | None,
) -> None:
    """Translate documents span by span.

    Markdown, HTML and text files, each a document; JSONL, Parquet, WET, WARC or MediaWiki; chat and instruction data, a
    record a line. Code, URLs, mathematics, numbers and markup stay as they are.

    An answer is checked (language, script, length, numbers, placeholders, loops, preambles ...). A span whose answer
    fails twice goes to the fallback; without one, or where that fails too, it stays as it is, and is counted under the
    reason. Each distinct span is asked once, over all documents and runs that share a memory. Run again to resume; what
    was answered is never paid for twice.
    """
    from curate.session import session
    from curate.translate.job import Translation, run
    from curate.translate.memory import Memory
    from curate.translate.models import CheckModel, CheckModels
    from curate.translate.work import Pair

    labels = (_label(source), _label(target))
    if labels[0] == labels[1]:
        raise RecipeError(f"--from and --to are both {labels[0]}")
    names = (named(labels[0]) or labels[0], named(labels[1]) or labels[1])
    pair = Pair(*labels, names, cast(Format | None, format_), on_failure)
    root = output.rstrip("/")
    where = Memory(absolute(memory or join(root, "memory")))
    models = CheckModels(
        CheckModel.read(fluency, "--fluency", needs_cutoff=False),
        CheckModel.read(similarity, "--similarity", needs_cutoff=True),
        CheckModel.read(qe, "--qe", needs_cutoff=True),
    )
    job = Translation(inputs, root, pair, spec, where, accepted, fallback, models, workers)
    try:
        job.cutoffs, job.naming, models.open()
    except (ValueError, OSError) as error:
        raise RecipeError(str(error)) from None
    recipe = Recipe(input=inputs, output=root, spark=Spark(master=_master(workers)))
    _print(run(job, session(recipe), console))


def _master(workers: int) -> str | None:
    """On this machine, a slot for each worker: one that waits on a GPU or a server needs hardly a core."""
    return f"local[{workers}]" if workers > (os.cpu_count() or 1) else None


def _label(name: str) -> str:
    code, script = canonical(name)
    if "und" in (code, script) or script == "Zzzz" or code not in _languages():
        raise RecipeError(f"{name!r} is no language that is known here; write it with its script, as hin_Deva")
    return f"{code}_{script}"


@cache
def _languages() -> frozenset[str]:
    """ISO 639-3 codes: FineWeb-2's, those that have a name here, and those of the shipped identifier of languages."""
    from filters.language import known_labels
    from thresholds.pool import families

    return frozenset({*families(), *LANGUAGES, *(code for code, _ in known_labels())}) - {"und"}


def _print(account: dict[str, Any]) -> None:
    from curate.translate.work import UNANSWERED

    asked = account["asked"].get("spans", 0)
    console.print(
        Text(
            f"spans      {account['spans']:,} in the documents written, {asked:,} asked now,"
            f" {by_reason(account['untranslated'], 'left as they are')}"
        )
    )
    if fallback := account["by_fallback"]:
        console.print(Text(f"           {fallback:,} of them by {account['fallback']['model']}"))
    if unanswered := account["untranslated"].get(UNANSWERED, 0) + account["dropped"].get(UNANSWERED, 0):
        console.print(Text(f"           {unanswered:,} unanswered: run the same command again for these"))
    dropped, failed = account["dropped"], account["failed"]
    console.print(
        Text(
            f"documents  {account['in']:,} in = {account['written']:,} written + {by_reason(dropped, 'dropped')}"
            f" + {by_reason(failed, 'failed')}"
        )
    )
