"""`curate translate`: a corpus in another language, its documents' structure untouched."""

from typing import Any, cast, get_args

import click
from rich.text import Text

from curate.cli_engine import engine_options
from curate.console import console, one_line
from curate.plan import absolute
from curate.recipe import Recipe, RecipeError
from curate.report.words import language as named
from curate.runfolder import join
from filters.labels import canonical
from translate.document import Format
from translate.engine import Engine


@click.command("translate")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.argument("output", metavar="OUT")
@click.option("--from", "source", required=True, metavar="LANGUAGE", help="Of the documents, as eng_Latn.")
@click.option("--to", "target", required=True, metavar="LANGUAGE", help="To translate into, as hin_Deva.")
@engine_options
@click.option(
    "--format", "format_", default="plain", show_default=True, type=click.Choice(get_args(Format)),
    help="Of the documents; chat and instruction: JSON, a record a line.",
)  # fmt: skip
@click.option("--memory", help="Folder of translations, shared with other corpora. Default: OUT/memory.")
@click.option(
    "--on-failure", default="keep", show_default=True, type=click.Choice(["keep", "drop"]),
    help="A document with spans that have no translation: keep these as they are, or drop it.",
)  # fmt: skip
@click.option(
    "--accept", "accepted", multiple=True, metavar="CHECK", help="A check not to make, as copied; repeatable."
)
def translate_(
    inputs: tuple[str, ...],
    output: str,
    source: str,
    target: str,
    engine: Engine,
    format_: str,
    memory: str | None,
    on_failure: Any,
    accepted: tuple[str, ...],
) -> None:
    """Translate documents span by span: JSONL, Parquet, WET or MediaWiki; chat and instruction data, a record a line.

    An answer is checked (language, script, length, numbers, placeholders, loops, preambles ...); a span whose answer fails
    twice stays as it is, and is counted under the reason. Code, URLs, mathematics, numbers and markup stay as they are. Each distinct span is asked once, over all documents
    and runs that share a memory. Run again to resume; what was answered is never paid for twice.
    """
    from curate.session import session
    from curate.translate.job import Translation, run
    from curate.translate.memory import Memory
    from curate.translate.work import Pair

    labels = [_label(name) for name in (source, target)]
    names = (named(labels[0]) or labels[0], named(labels[1]) or labels[1])
    pair = Pair(labels[0], labels[1], names, cast(Format, format_), on_failure)
    root = output.rstrip("/")
    job = Translation(inputs, root, pair, engine, Memory(absolute(memory or join(root, "memory"))), accepted)
    try:
        job.asking  # noqa: B018  (a mistyped check stops here)
    except ValueError as error:
        raise RecipeError(str(error)) from None
    account = run(job, session(Recipe(input=inputs, output=root)), console)
    engine.close()
    _print(account)


def _label(name: str) -> str:
    code, script = canonical(name)
    if "und" in (code, script) or script == "Zzzz":
        raise RecipeError(f"{name!r} is no language; write it with its script, as hin_Deva")
    return f"{code}_{script}"


def _print(account: dict[str, Any]) -> None:
    asked = account["asked"].get("spans", 0)
    kept = sum(account["untranslated"].values())
    console.print(
        Text(
            f"spans      {account['spans']:,} in the documents written, {asked:,} asked now,"
            f" {kept:,} left as they are{_reasons(account['untranslated'])}"
        )
    )
    dropped, failed = account["dropped"], account["failed"]
    console.print(
        Text(
            f"documents  {account['in']:,} in = {account['written']:,} written + {sum(dropped.values()):,} dropped"
            f"{_reasons(dropped)} + {sum(failed.values()):,} failed{_reasons(failed)}"
        )
    )


def _reasons(counts: dict[str, int]) -> str:
    named = ", ".join(f"{one_line(reason, 40)} {count:,}" for reason, count in sorted(counts.items()))
    return f" ({named})" if named else ""
