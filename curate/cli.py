"""The command line: thin over stages, manifest, thresholds and lid. A user's error is one line and exit status 2."""

import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import pyarrow.compute as pc
import tomli_w
from rich.table import Table
from rich.text import Text

from curate import manifest, plan, recipe, report
from curate.cli_affinity import affinity
from curate.cli_audit import audit
from curate.cli_benchmark import benchmark
from curate.cli_calibrate import calibrate_
from curate.cli_cutoffs import cutoffs
from curate.cli_diff import diff
from curate.cli_fluency import fluency
from curate.cli_forget import forget
from curate.cli_instruct import instruct
from curate.cli_judge import judge
from curate.cli_lid import lid
from curate.cli_mixed import mixed, train_words
from curate.cli_pdf import inspect_pages, pdf, print_pages
from curate.cli_preview import preview
from curate.cli_quality import quality
from curate.cli_romanize import romanize_
from curate.cli_translate import translate_
from curate.console import Commands, console, marked, one_line
from curate.runfolder import RunFolder, exists, join, open_parquet, walk
from curate.text_table import print_funnel
from filters.bands import CURVE, found_share
from filters.columns import label
from thresholds.table import CutoffTable


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="multicurate", prog_name="curate")
def main() -> None:
    """Common Crawl, PDFs and corpora into clean training shards for any language."""


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """RECIPE and its overrides; the command gets a `Recipe`."""

    @click.argument("name", metavar="RECIPE")
    @click.option(
        "--input", "-i", "inputs", multiple=True, help="Path, glob or URL to read instead of the recipe's; repeatable."
    )
    @click.option("--output", "-o", help="Run folder to write instead of the recipe's.")
    @click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key: --set extract.timeout_seconds=5"
    )
    @wraps(command)
    def wrapped(name: str, inputs: tuple[str, ...], output: str | None, settings: tuple[str, ...], **rest: Any) -> Any:
        return command(recipe.load(name, input=inputs, output=output, settings=settings), **rest)

    return wrapped


@main.command()
@recipe_options
def run(resolved: recipe.Recipe) -> None:
    """Curate the recipe's input into its run folder; run again to resume."""
    from curate import stages

    shown = stages.run(resolved, console)
    print_pages(RunFolder(resolved.output), console)
    print_funnel(shown, console)
    console.print(Text(f"\n{join(resolved.output, 'report.html')}  the same in detail", style="dim"))


@main.command("plan")
@recipe_options
@click.option("--pilot", metavar="SHARE", help="Measure this share of the input (1%) and estimate the whole.")
def plan_(resolved: recipe.Recipe, pilot: str | None) -> None:
    """Show what a run would do: the resolved recipe, the stages, the inputs found."""
    planned = plan.make(resolved)
    console.print(Text(tomli_w.dumps(recipe.without_none(resolved.model_dump(mode="json"))).rstrip()))
    console.print()
    console.print(_inputs_table(planned))
    console.print(_stages(planned))
    if resolved.dedup.enabled:
        console.print(_found_copies(resolved.dedup))
    if pilot:
        _print_pilot(resolved, _share(pilot))


def _inputs_table(planned: plan.Plan) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("input")
    for name in ("files", "MB"):
        table.add_column(name, justify="right")
    files: dict[str, dict[str, int]] = {}
    for split in (split for unit in (*planned.pdf_units, *planned.units) for split in unit.splits):
        sizes = files.setdefault(split.format, {})
        sizes[split.file] = sizes.get(split.file, 0) + split.bytes
    for format_, sizes in sorted(files.items()):
        table.add_row(format_, f"{len(sizes):,}", f"{sum(sizes.values()) / 1e6:,.1f}")
    return table


def _stages(planned: plan.Plan) -> Text:
    resolved = planned.recipe
    screen = f"screen for {', '.join(resolved.languages)}, then " if resolved.screened else ""
    copies = "exact and near copies" if resolved.dedup.enabled else "no dedup"
    ocr = f"OCR by {', then '.join(resolved.pdf.ocr)}" if resolved.pdf.ocr else "no OCR"
    pages = f"\npages    {len(planned.pdf_units):,} tasks: text layers, {ocr}, boxes" if planned.pdf_units else ""
    return Text(
        f"{pages}\nmeasure  {len(planned.units):,} tasks: {screen}{resolved.extract.extractor}, language ({resolved.language.model}),"
        f" signals, MinHash\ndecide   cutoffs {planned.table.name} ({len(planned.table.languages):,} entries), {copies}"
        f"\nwrite    {planned.folder.root}"
    )


def _found_copies(dedup: recipe.Dedup) -> Table:
    """Which share of the pairs at a similarity the band join finds."""
    table = Table(box=None, pad_edge=False, padding=(1, 2, 0, 0))
    table.add_column("similarity\nfound")
    for similarity in CURVE:
        found = found_share(similarity, dedup.bands, dedup.rows)
        table.add_column(f"{similarity:g}\n{found:.1%}", justify="right")
    return table


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise click.BadParameter(f"{text!r}: write a share like 1% or 0.01", param_hint="--pilot")
    return share


def _print_pilot(resolved: recipe.Recipe, share: float) -> None:
    from curate import stages

    estimate = stages.pilot(resolved, share, console)
    console.print(
        Text(
            f"\nfrom {estimate.share:.1%} of the input, the whole would take about\n"
            f"  {estimate.records:>14,} records\n"
            f"  {estimate.cpu_hours:>14,.2f} CPU-hours to measure\n"
            f"  {estimate.text_bytes / 1e9:>14,.3f} GB of text before any drop\n"
            f"  {estimate.documents_bytes / 1e9:>14,.3f} GB in documents/"
        )
    )


def _folder(root: str) -> RunFolder:
    folder = RunFolder(root.rstrip("/"))
    if not exists(folder.manifest):
        unfinished = exists(folder.run)
        raise recipe.RecipeError(
            f"{root}: {'the run is not finished; `curate run` again' if unfinished else 'no run folder: it has no manifest.json'}"
        )
    return folder


@main.command("report")
@click.argument("root", metavar="RUN")
def report_(root: str) -> None:
    """Print the funnel of a finished run and write its report.html anew."""
    from curate import summary

    print_funnel(summary.write(_folder(root)), console)


@main.command()
@click.argument("root", metavar="RUN")
@click.option("--reason", help="Only this drop or failure reason.")
@click.option("--language", help="Only this language, as hin_Deva.")
@click.option("--limit", default=10, show_default=True, help="Rows to print, or pages to draw.")
@click.option(
    "--pages",
    "drawings",
    type=click.Path(file_okay=False, path_type=Path),
    help="Draw pages of PDFs with their boxes into this folder instead; kept is a reason too.",
)
def inspect(root: str, reason: str | None, language: str | None, limit: int, drawings: Path | None) -> None:
    """Print dropped documents: why each was dropped, and the part that a rule objected to."""
    folder = _folder(root)
    if drawings:
        return inspect_pages(folder, drawings, reason=reason, language=language, limit=limit)
    table = CutoffTable.load(join(folder.root, "cutoffs.toml"))
    known: Counter[str] = Counter()
    printed = 0
    for path in walk(folder.dropped, ".parquet"):
        with open_parquet(path) as parquet:
            for batch in parquet.iter_batches(batch_size=1024):
                known.update(batch["reason"].to_pylist())
                for row in _chosen(batch, reason, language).to_pylist()[: limit - printed]:
                    _print_dropped(row, table)
                    printed += 1
    if not printed:
        names = ", ".join(f"{name} ({count:,})" for name, count in known.most_common())
        raise recipe.RecipeError(f"{root}: nothing was dropped for that; its reasons: {names or 'none'}")


def _chosen(batch: Any, reason: str | None, language: str | None) -> Any:
    if reason:
        batch = batch.filter(pc.equal(batch["reason"], reason))
    if language:
        batch = batch.filter(
            pc.equal(pc.binary_join_element_wise(batch["language"], batch["language_script"], "_"), language)
        )
    return batch


def _print_dropped(row: dict[str, Any], table: CutoffTable) -> None:
    name = label(row["language"], row["language_script"])
    rules = [rule for rule in table.of(name).rules if rule.reason == row["reason"]]
    sample = row["sample"] or ""
    why = row["reason"]
    for rule in rules:
        value = (row["signals"] or {}).get(rule.metric)
        why += f": {'' if value is None else f'{value:.4g} '}{rule.operator} {rule.cutoff:g}"
    console.print(Text(f"{one_line(name, 30)}  {one_line(why, 200)}", style="bold"))
    console.print(Text(one_line(row["url"] or row["id"] or "", 500), style="dim"))
    console.print(marked(sample, report.offending(sample, rules[0].metric if rules else "")), "\n")


@main.command()
@click.argument("root", metavar="RUN")
def verify(root: str) -> None:
    """Count a finished run again from its files: in = kept + dropped + failed."""
    checks = manifest.verify(_folder(root).root)
    for check in checks:
        console.print(Text(f"{'ok    ' if check.ok else 'WRONG '} {check.what}: {_brief(check.found)}"))
        if not check.ok:
            console.print(Text(f"       the manifest says {_brief(check.expected)}"))
    if not all(check.ok for check in checks):
        sys.exit(1)


def _brief(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value):,}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in sorted(value.items())) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


main.add_command(pdf)
main.add_command(romanize_)
main.add_command(translate_)
main.add_command(instruct)
main.add_command(fluency)
main.add_command(forget)
main.add_command(calibrate_)
main.add_command(preview)
main.add_command(diff)
main.add_command(audit)
main.add_command(cutoffs)
main.add_command(quality)
main.add_command(lid)
lid.add_command(mixed)
lid.add_command(train_words)
main.add_command(affinity)
main.add_command(judge)
main.add_command(benchmark)


if __name__ == "__main__":
    main()
