"""`curate romanize`: a corpus in Latin letters."""

from importlib.util import find_spec
from typing import Any

import click
from rich.text import Text

from curate.console import by_reason, console, language_cell, plain_table
from curate.recipe import Recipe, RecipeError


@click.command("romanize")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.argument("output", metavar="OUT")
@click.option("--language", help="Of all documents, as hin_Deva. Default: as each row says, else as its text shows.")
@click.option(
    "--scheme", default="natural", show_default=True, help="natural: as people type it; iso, iast, itrans ..."
)
def romanize_(inputs: tuple[str, ...], output: str, language: str | None, scheme: str) -> None:
    """Write documents in Latin letters: a run's kept/, JSONL, Parquet, WET or MediaWiki, to a folder a language.

    Numbers, Latin text and URLs stay. A document with letters of its script left is dropped as `leftover`. Run again to
    resume.
    """
    from curate.romanize import Task, run
    from curate.session import session
    from translate.romanize import romanize

    if missing := [name for name in ("indic_transliteration", "uroman") if find_spec(name) is None]:
        raise RecipeError(f"romanize needs {' and '.join(missing)}: pip install 'multicurate[romanize]'")
    try:
        romanize([], language=language or "hin_Deva", scheme=scheme)
    except ValueError as error:
        raise RecipeError(str(error)) from None
    spark = session(Recipe(input=inputs, output=output))
    account = run(spark, list(inputs), output, Task(language, scheme), console)
    _print(account)
    console.print(Text(f"\n{output}: scheme {scheme}", style="dim"))


def _print(account: dict[str, Any]) -> None:
    table = plain_table("language", "documents", "MB in", "MB out")
    for label, count in sorted(account["written"].items(), key=lambda item: (-item[1], item[0])):
        sizes = (f"{account[name][label] / 1e6:,.2f}" for name in ("bytes_in", "bytes_out"))
        table.add_row(language_cell(label), f"{count:,}", *sizes)
    console.print(table)
    dropped, failed = (by_reason(account[name]) for name in ("dropped", "failed"))
    written = sum(account["written"].values())
    console.print(Text(f"\n{account['in']:,} in = {written:,} written + {dropped} dropped + {failed} failed"))
