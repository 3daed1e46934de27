"""`curate audit`: a blind sample for people to judge, and what their answers say."""

import json
from collections.abc import Iterable, Sequence

import click
import tomli_w
from rich.table import Table
from rich.text import Text

from curate.audit import answers, design, verified
from curate.audit.estimate import Share
from curate.audit.figures import Figures, Kept, Rule, figures
from curate.cli_cutoffs import check_label
from curate.cli_preview import start_spark
from curate.console import Commands, console, language_cell, one_line, plain_table
from curate.report.words import share as percent
from curate.runfolder import write_bytes

TOP_ROWS = 40  # of one table; the file has all


@click.group("audit", cls=Commands)
def audit() -> None:
    """Have people judge a blind sample of a run: precision of what it kept and of each rule."""


@audit.command("sample")
@click.argument("root", metavar="RUN")
@click.option(
    "--output", "-o", required=True, metavar="FOLDER", help="New folder for the sheets; the key lies beside it."
)
@click.option("--language", "languages", multiple=True, help="Only this language, as hin_Deva; repeatable.")
@click.option(
    "--per-stratum",
    type=click.IntRange(1),
    default=design.PER_STRATUM,
    show_default=True,
    help="Documents of what was kept, and of what each rule dropped; the default gives at most ±10 points at 95 %.",
)
@click.option(
    "--per-site", type=click.IntRange(1), default=design.PER_SITE, show_default=True, help="Of these, most of one site."
)
@click.option(
    "--sites",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help=f"Also {design.OF_SITE} documents of each of a language's largest sites, so that they can be verified.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another number draws other documents.")
def sample_(
    root: str, output: str, languages: tuple[str, ...], per_stratum: int, per_site: int, sites: int, seed: int
) -> None:
    """Draw documents that were kept and that each rule dropped, and write sheets that do not say which is which."""
    from curate import diff
    from curate.audit.sample import sample

    side = diff.side(root)
    for language in languages:
        check_label(language)
    drawn = design.Design(per_stratum, per_site, sites, seed)
    with console.status("audit: drawing documents"):
        written = sample(start_spark(side.folder), side, output, drawn, languages)
    table = plain_table("language", "documents", "strata")
    for language, documents in written.sheets.items():
        strata = sum(stratum.place.language == language for stratum in written.strata)
        table.add_row(language_cell(language), f"{documents:,}", f"{strata:,}")
    console.print(table)
    if written.unread:
        rules = sorted({one_line(stratum.place.rule or "kept", 80) for stratum in written.unread})
        console.print(Text(f"\nno text to look at: {', '.join(rules)}", style="dim"))
    console.print(Text(f"\n{output}  a page, a CSV and a JSONL for each language: fill in one of them"))
    console.print(Text(f"{written.key}  the key; not for those who fill in"))


@audit.command("read")
@click.argument("sheets", metavar="SHEET...", nargs=-1, required=True)
@click.option("--key", "key_path", required=True, help="The .key.json of the sample.")
@click.option("--output", "-o", help="Write all figures to this .json or .toml.")
@click.option("--verified", "list_path", metavar="FILE", help="Write the list of sites that are good enough.")
@click.option(
    "--bar",
    type=click.FloatRange(0, 1, max_open=True),
    default=verified.BAR,
    show_default=True,
    help="Such a site's precision: the lower end of its 95 % interval.",
)
@click.option(
    "--least",
    type=click.IntRange(1),
    default=verified.LEAST,
    show_default=True,
    help="Its documents that were judged, at least.",
)
def read_(
    sheets: tuple[str, ...], key_path: str, output: str | None, list_path: str | None, bar: float, least: int
) -> None:
    """Precision by language, rule and site from filled sheets, one an annotator, and how far the annotators agree."""
    if output and not output.endswith((".json", ".toml")):
        raise click.BadParameter(f"{output}: a name that ends in .json or .toml", param_hint="--output")
    key = answers.load_key(key_path)
    filled = answers.read(sheets, key)
    found = figures(key, filled)
    _print_half_filled(filled)
    if not found.judged:
        raise design.AuditError("none of the sheets has an answered document")
    _print_figures(found, bar, least)
    if output:
        data = found.as_data()
        text = json.dumps(data, ensure_ascii=False, indent=1) if output.endswith(".json") else tomli_w.dumps(data)
        write_bytes(output, text.encode("utf-8"))
    if list_path:
        write_bytes(list_path, verified.dump(found.sites, bar, least).encode("utf-8"))
        sites = len(verified.passing(found.sites, bar, least))
        console.print(Text(f'\n{list_path}  {sites:,} sites; for a recipe: [audit] verified = "{list_path}"'))
        if not sites:
            console.print(Text("a larger sample of the largest sites: curate audit sample --sites 10", style="dim"))


def _print_half_filled(filled: Iterable[answers.Filled]) -> None:
    lines = [f"{sheet.name}: {line}" for sheet in filled for line in sheet.half]
    for line in lines[: answers.LINES]:
        console.print(Text(f"{line}; counted as unanswered", style="dim"))
    if len(lines) > answers.LINES:
        console.print(Text(f"and {len(lines) - answers.LINES:,} more", style="dim"))


def _print_figures(found: Figures, bar: float, least: int) -> None:
    console.print(Text(f"{found.judged:,} of {found.sampled:,} documents judged; intervals are 95 %\n"))
    if found.kept:
        console.print(_kept_table(found.kept))
    if found.rules:
        console.print(Text("\ndropped: which share deserved it", style="bold"))
        console.print(_rules_table(found.rules))
    if found.sites:
        console.print(Text(f"\nsites: verified from {bar:.0%} at the lower end, {least:,} judged", style="bold"))
        console.print(_sites_table(found, bar, least))
    if found.agreement:
        console.print(Text("\nagreement", style="bold"))
        console.print(_agreement_table(found))


def _kept_table(kept: Sequence[Kept]) -> Table:
    heads = ("documents", "judged", "precision", "95 %", "in the\nlanguage", "good", "personal\ndata", "unsafe")
    table = plain_table("kept", *heads)
    for each in kept:
        others = (each.in_language, each.good, each.pii, each.unsafe)
        cells = [percent(other.share, 1) for other in others]
        table.add_row(_language(each.language), f"{each.documents:,}", *_cells(each.precision), *cells)
    return table


def _rules_table(rules: Sequence[Rule]) -> Table:
    table = plain_table("rule", "language", "documents", "judged", "precision", "95 %", left=2)
    for each in rules[:TOP_ROWS]:
        name = Text(one_line(each.rule, 80) if each.rule else "all rules", overflow="fold")
        table.add_row(name, _language(each.language), f"{each.documents:,}", *_cells(each.precision))
    _add_rest(table, len(rules))
    return table


def _sites_table(found: Figures, bar: float, least: int) -> Table:
    table = plain_table("site", "language", "judged", "precision", "95 %", "verified", left=2)
    passing = verified.passing(found.sites, bar, least)
    ordered = sorted(found.sites, key=lambda site: (site not in passing, -site.precision.judged))
    for each in ordered[:TOP_ROWS]:
        mark = "yes" if each in passing else "–"
        name = Text(one_line(each.site, 60), overflow="fold")
        table.add_row(name, _language(each.language), *_cells(each.precision), mark)
    _add_rest(table, len(found.sites))
    return table


def _agreement_table(found: Figures) -> Table:
    table = plain_table("language", "question", "documents", "annotators", "agree", "kappa", left=2)
    for each in found.agreement:
        agreed = each.agreement
        kappa = "–" if agreed.kappa is None else f"{agreed.kappa:.2f} {agreed.kind}"
        cells = (f"{agreed.items:,}", f"{agreed.annotators:,}", percent(agreed.agreed, 1), kappa)
        table.add_row(_language(each.language), each.question, *cells)
    return table


def _language(label: str | None) -> Text:
    return language_cell(label) if label else Text("all")


def _cells(share: Share) -> list[str]:
    return [f"{share.judged:,}", percent(share.share, 1), f"{100 * share.low:.0f}–{100 * share.high:.0f}"]


def _add_rest(table: Table, rows: int) -> None:
    if rows > TOP_ROWS:
        table.add_row(Text(f"{rows - TOP_ROWS:,} more in --output", style="dim"))
