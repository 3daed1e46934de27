"""`curate affinity`: word lists that tell small languages from others, and how much of a crawl holds none of them."""

from pathlib import Path

import click
from rich.text import Text

from curate import plan
from curate.console import Commands, console, language_cell, one_line, plain_table
from curate.recipe import RecipeError

TOP_LANGUAGES = 40


@click.group("affinity", cls=Commands)
def affinity() -> None:
    """Find what was taken for a small language and is another: lists of words, contamination, a rule."""


@affinity.command("build")
@click.argument("inputs", nargs=-1, required=True)
@click.option(
    "--output", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the lists."
)
def build_(inputs: tuple[str, ...], output: Path) -> None:
    """Build lists from labelled text: for each language the words that are frequent in it and rare in the others.

    INPUTS: JSONL or Parquet with the columns `text` and `lang` or `language` (and `language_script`), such as the shards
    of a run over clean text. Give all languages at once: a word is rare elsewhere only among those given.
    """
    from curate.affinity import build

    lists = build(list(inputs))
    if len(lists) < 2:
        raise RecipeError(f"text in {len(lists)} language: lists need at least two, each tells one from the others")
    output.mkdir(parents=True, exist_ok=True)
    table = plain_table("language", "words")
    for name, words in sorted(lists.items(), key=lambda item: (-len(item[1]), item[0])):
        if words:
            (output / f"{name}.txt").write_text("".join(f"{word}\n" for word in words), "utf-8")
        if table.row_count < TOP_LANGUAGES:
            table.add_row(language_cell(name), f"{len(words):,}", Text(one_line(" ".join(words[:12]), 60)))
    console.print(table)
    console.print(
        Text(f"\n{output}: {sum(map(bool, lists.values())):,} lists; use it as words.affinity in a recipe", style="dim")
    )


@affinity.command("show")
@click.argument("root", metavar="RUN")
@click.option(
    "--lists", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Say whose words the others hold."
)
@click.option("--cutoffs", default="universal", show_default=True, help="Table to add the rule to.")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write that table here.")
def show_(root: str, lists: Path | None, cutoffs: str, output: Path | None) -> None:
    """Contamination of a measured run: bare documents, without a listed word, by language.

    Hinted: at an address that speaks for the language; these are not bare. Words of: whose listed words bare ones hold.
    With --output, languages where these are more than 10 % get the rule `affinity_word_ratio <= 0` (FineWeb-2).
    """
    from curate.affinity import CONTAMINATED, contamination, resemble, with_rules
    from filters.affinity import read_lists
    from thresholds.table import CutoffTable

    table = CutoffTable.load(cutoffs)
    found = contamination(plan.opened(root).folder)
    if lists:
        resemble(found, read_lists(lists))
    shown = plain_table(
        "language",
        "documents",
        "hinted",
        "bare",
        "share",
        *(["words of"] if lists else []),
    )
    for name, each in list(found.items())[:TOP_LANGUAGES]:
        seen = sum(each.looks_like.values())
        held = ", ".join(f"{other} {count / seen:.0%}" for other, count in each.looks_like.most_common(3))
        cells = [f"{each.documents:,}", f"{each.hinted:,}", f"{each.without:,}", f"{each.share:.1%}"]
        shown.add_row(language_cell(name), *cells, *([held] if lists else []))
    console.print(shown)
    if output:
        output.write_text(with_rules(table, found).dump(), "utf-8")
        chosen = sum(each.share > CONTAMINATED for each in found.values())
        console.print(
            Text(f"\n{output}: the rule for {chosen:,} languages; use it as cutoffs in a recipe", style="dim")
        )
