"""`curate calibrate`: cutoffs, or stopword lists, from measured runs."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.text import Text

from curate import plan
from curate.console import console, one_line, plain_table
from curate.recipe import Recipe, RecipeError
from curate.report.words import language
from curate.runfolder import exists, join
from thresholds.calibrate import calibrate, check_methods, removed_together
from thresholds.contrast import BUDGET
from thresholds.derive import Evidence
from thresholds.table import ANY_LANGUAGE, CutoffTable, LanguageCutoffs

TOP_LANGUAGES = 30


@click.command("calibrate")
@click.argument("crawls", metavar="MEASURED...", nargs=-1, required=True)
@click.option(
    "--reference", "references", multiple=True, metavar="RUN", help="A measured run of clean text; repeatable."
)
@click.option(
    "--output", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The TOML to write."
)
@click.option(
    "--method", "-m", "methods", multiple=True, metavar="[GROUP=]METHOD[:POPULATION]",
    help="tail, mean_std, median_ratio or quantile on crawl or reference, for all rules or one group; or contrast."
    " Default: FineWeb-2's choice for each group.",
)  # fmt: skip
@click.option("--budget", default=BUDGET, show_default=True, help="Share of the reference that contrast may cost.")
@click.option("--pages", is_flag=True, help="Cutoffs for the pages of PDFs of MEASURED, by quantile or tail, instead.")
@click.option("--stopwords", "lists", is_flag=True, help="Write stopword lists from the text of MEASURED instead.")
def calibrate_(
    crawls: tuple[str, ...],
    references: tuple[str, ...],
    output: Path,
    methods: tuple[str, ...],
    budget: float,
    pages: bool,
    lists: bool,
) -> None:
    """Derive cutoffs for every language of MEASURED run folders, several snapshots together, from them and a reference."""
    if pages:
        _write_pages(crawls, methods, output)
        return
    by_group = _by_group(methods)
    check_methods(by_group)
    if not 0 < budget < 1:
        raise click.BadParameter(f"{budget}: a share between 0 and 1", param_hint="--budget")
    opened = [plan.opened(root) for root in crawls]
    clean = [plan.opened(root) for root in references]
    if lists:
        _write_stopwords(opened, output)
        return
    if not clean:
        raise RecipeError("calibrate needs a --reference: a measured run of clean text in the same languages")
    from curate import calibrate as job
    from curate.session import session

    with console.status("calibrate: summaries"):
        evidence = job.evidence(lambda: session(Recipe(input=("-",), output="-")), opened, clean)
    with console.status(f"calibrate: cutoffs of {len(evidence.labels):,} languages"):
        table = calibrate(evidence, methods=by_group, budget=budget, stopwords=_measured_with(opened))
    output.write_text(table.dump(), "utf-8")
    _print(table, evidence)
    console.print(Text(f"\n{output}: {table.description}", style="dim"))


def _write_pages(runs: Sequence[str], methods: Sequence[str], output: Path) -> None:
    from curate.pdf.calibrate import page_cutoffs

    try:
        table = page_cutoffs([plan.opened(root).folder for root in runs], method=next(iter(methods), "quantile"))
    except ValueError as error:
        raise RecipeError(str(error)) from None
    output.write_text(table.dump(), "utf-8")
    rows = plain_table("language", "pages", "rules", "adapted")
    for label, entry in sorted(table.languages.items()):
        pages = max((rule.provenance.documents or 0 for rule in entry.rules), default=0)
        adapted = sum(rule.provenance.fallback is None for rule in entry.rules) if label != ANY_LANGUAGE else 0
        rows.add_row(
            Text.assemble(label, (f" {language(label)}", "dim")), f"{pages:,}", str(len(entry.rules)), str(adapted)
        )
    console.print(rows)
    console.print(Text(f"\n{output}: use it as pdf.cutoffs in a recipe", style="dim"))


def _by_group(methods: Sequence[str]) -> dict[str, str]:
    """`tail:reference` is for all groups, `gopher_quality=tail:reference` for one."""
    pairs = (text.rpartition("=") for text in methods)
    return {group or "all": method for group, _, method in pairs}


def _measured_with(runs: Sequence[plan.Opened]) -> dict[str, tuple[str, ...]]:
    """The stopword lists that the runs were measured with: others would count as another measuring."""
    lists: dict[str, tuple[str, ...]] = {}
    for run in runs:
        path = join(run.folder.root, "cutoffs.toml")
        if exists(path):
            lists |= CutoffTable.load(path).stopwords
    return lists


def _write_stopwords(runs: Sequence[plan.Opened], output: Path) -> None:
    from curate import calibrate as job
    from curate.session import session

    with console.status("calibrate: stopwords"):
        found = job.stopwords(session(Recipe(input=("-",), output="-")), runs)
    entries = {label: LanguageCutoffs(stopwords=words) for label, words in found.items()}
    output.write_text(CutoffTable(entries, "stopwords", "words above a frequency share of the text").dump(), "utf-8")
    table = plain_table("language", "words")
    for label, words in found.items():
        table.add_row(Text(label), Text(str(len(words))), Text(one_line(" ".join(words), 60)))
    console.print(table)
    console.print(Text(f"\n{output}: use it as words.stopwords in a recipe", style="dim"))


def _print(table: CutoffTable, evidence: Evidence) -> None:
    """The languages with most documents: how many there were, rules, and what all rules together remove."""
    rows = plain_table("language", "crawl", "reference", "rules", "withheld", "crawl cut", "reference cut")
    sizes = {label: evidence.crawl[label].documents if label in evidence.crawl else 0 for label in table.languages}
    shown = sorted(sizes, key=lambda label: (-sizes[label], label))[:TOP_LANGUAGES]
    for label in shown:
        entry, crawl, clean = table.of(label), evidence.crawl.get(label), evidence.reference.get(label)
        rows.add_row(
            Text.assemble(label, (f" {language(label)}", "dim")),
            f"{sizes[label]:,}",
            f"{clean.documents:,}" if clean else "–",
            str(len(entry.rules)),
            str(len(entry.withheld) or "–"),
            *(_percent(removed_together(entry, summary)) for summary in (crawl, clean)),
        )
    console.print(rows)
    if len(sizes) > len(shown):
        console.print(Text(f"and {len(sizes) - len(shown):,} languages more", style="dim"))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
