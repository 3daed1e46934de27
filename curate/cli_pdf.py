"""`curate pdf`: PDFs to shards in one command, and what became of their pages."""

from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from curate import recipe
from curate.console import by_reason, console
from curate.pdf.draw import draw_pages
from curate.runfolder import RunFolder, join, read_json
from curate.text_table import print_funnel


@click.command("pdf")
@click.argument("source", metavar="IN")
@click.argument("output", metavar="OUT")
@click.option("--language", "languages", multiple=True, help="Language of the PDFs, as hin_Deva; repeatable.")
@click.option(
    "--ocr", "engines", multiple=True, type=click.Choice(["tesseract", "paddle"]), help="Read scans; repeatable."
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key: --set pdf.dpi=300")
def pdf(
    source: str, output: str, languages: tuple[str, ...], engines: tuple[str, ...], settings: tuple[str, ...]
) -> None:
    """Curate PDFs: a file, folder, glob, zip or tar file, or WARC files that hold some.

    The same as `curate run pdf` with the recipe's [pdf] section set. OUT/pages holds every page with its boxes and
    signals; as the input of another run it spares reading the PDFs again.
    """
    from curate import stages

    given = [f"pdf.{key}={_toml(values)}" for key, values in (("languages", languages), ("ocr", engines)) if values]
    resolved = recipe.load("pdf", input=[source], output=output, settings=[*given, *settings])
    shown = stages.run(resolved, console)
    print_pages(RunFolder(resolved.output), console)
    print_funnel(shown, console)
    console.print(Text(f"\n{join(resolved.output, 'report.html')}  the same in detail", style="dim"))


def _toml(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def print_pages(folder: RunFolder, to: Console) -> None:
    """The pages of a finished run: the equations, and where the text is from. Nothing where it read none."""
    stages = read_json(folder.manifest)["stages"]
    if "pages" not in stages:
        return
    files, pages = stages["files"], stages["pages"]
    if files["in"]:
        to.print(Text(f"PDFs   {files['in']:,} in = {files['read']:,} read + {by_reason(files['failed'], 'failed')}"))
    dropped, failed = by_reason(pages["dropped"], "dropped"), by_reason(pages["failed"], "failed")
    to.print(Text(f"pages  {pages['in']:,} in = {pages['kept']:,} kept + {dropped} + {failed}"))
    if files["in"]:
        routes = ", ".join(f"{route} {count:,}" for route, count in sorted(pages["routes"].items()))
        to.print(Text(f"       text layers: {routes}; read by OCR {pages['recognised']:,}", style="dim"))
    to.print()


def inspect_pages(folder: RunFolder, output: Path, *, reason: str | None, language: str | None, limit: int) -> None:
    """Draw pages with their boxes into the folder `output`, those dropped for `reason` if given."""
    drawn = draw_pages(folder, output, reason=reason, language=language, limit=limit)
    for path, why in drawn:
        console.print(Text(f"{path}  {why}"), soft_wrap=True)
