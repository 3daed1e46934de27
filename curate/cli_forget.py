"""`curate forget`: take documents out of finished or unfinished runs."""

import click
from rich.text import Text

from curate import plan, recipe
from curate.console import console, plain_table
from curate.forgotten import Forgotten
from curate.runfolder import RunFolder, exists, join


@click.command()
@click.argument("roots", metavar="RUN...", nargs=-1, required=True)
@click.option("--url", "urls", multiple=True, help="A document's address; scheme, www. and fragment do not matter.")
@click.option("--id", "ids", multiple=True, help="A document's id.")
@click.option("--site", "sites", multiple=True, metavar="HOST", help="All documents of a host and its subdomains.")
@click.option("--reason", help="Why, for the record.")
def forget(
    roots: tuple[str, ...], urls: tuple[str, ...], ids: tuple[str, ...], sites: tuple[str, ...], reason: str | None
) -> None:
    """Take documents out of shards, samples and measured tables; a rerun does not bring them back."""
    from curate import forget as forgetting

    wanted = Forgotten.of(ids=ids, urls=urls, sites=sites)
    if not wanted:
        raise recipe.RecipeError("nothing to forget; name it with --url, --id or --site")
    folders = [_folder(root) for root in roots]  # all of them exist before the first is changed
    for folder in folders:
        outcome = forgetting.forget(folder, wanted, reason=reason)
        table = plain_table("file", "rows")
        for file, rows in sorted(outcome.rows.items()):
            table.add_row(Text(file), f"{rows:,}")
        console.print(Text(f"{folder.root}: {outcome.documents:,} documents forgotten"))
        if outcome.rows:
            console.print(table)
        _renew_report(folder)


def _folder(root: str) -> RunFolder:
    folder = RunFolder(plan.absolute(root))
    if not exists(folder.run):
        raise recipe.RecipeError(f"{root}: no run folder: it has no run.json")
    return folder


def _renew_report(folder: RunFolder) -> None:
    """report.html holds samples, so the old one is gone."""
    if not exists(folder.manifest):
        return
    from curate import summary

    summary.write(folder)
    console.print(Text(f"{join(folder.root, 'forgotten.json')}  what was asked and done", style="dim"))
