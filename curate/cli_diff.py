"""`curate diff`: which documents other decisions judge differently."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import click
from rich.table import Table
from rich.text import Text

from curate import diff as diffs
from curate.cli_cutoffs import check_label
from curate.cli_preview import TOP_LANGUAGES, start_spark
from curate.console import console, language_cell, one_line, plain_table
from curate.report.words import share

TEXT_CHARACTERS = 150


@click.command("diff")
@click.argument("a", metavar="RUN_A")
@click.argument("b", metavar="RUN_B")
@click.option("--language", "languages", multiple=True, help="Only this language, as hin_Deva; repeatable.")
@click.option("--reason", help="Only changes from or to this drop reason.")
@click.option("--limit", default=10, type=click.IntRange(0), show_default=True, help="Documents to print.")
def diff(a: str, b: str, languages: tuple[str, ...], reason: str | None, limit: int) -> None:
    """Show which documents two runs judge differently: run folders, or RUN/decisions/FINGERPRINT, also of one run."""
    sides = diffs.side(a), diffs.side(b)
    for language in languages:
        check_label(language)
    with console.status("diff: the decisions of both"):
        found = diffs.compare(start_spark(sides[1].folder), *sides, languages=languages, reason=reason, samples=limit)
    _print_sides((a, b), sides, found)
    changes = [count for count in found.counts if count.change and reason in (None, count.reason_a, count.reason_b)]
    if not changes:
        console.print(Text("\nno document changes" + (f" from or to {reason}" if reason else "")))
        return
    console.print()
    console.print(_by_language(found.counts, changes))
    console.print()
    console.print(_by_reason(found.counts, changes))
    for sample in found.samples:
        _print_sample(sample)


def _print_sides(paths: Sequence[str], sides: Sequence[diffs.Side], found: diffs.Diff) -> None:
    for name, path, side in zip("AB", paths, sides, strict=True):
        here = [count for count in found.counts if (count.in_a if name == "A" else count.in_b)]
        documents = sum(count.documents for count in here)
        kept = sum(c.documents for c in here if (c.reason_a if name == "A" else c.reason_b) is None)
        where = f"{one_line(path.rstrip('/').removesuffix(side.fingerprint), 200)}, decisions {side.fingerprint[:8]}"
        console.print(Text(f"{name}  {where}: {documents:,} documents, {kept:,} kept"))
    alone = [sum(c.documents for c in found.counts if not getattr(c, f"in_{name}")) for name in "ba"]
    if found.by_key:
        console.print(Text("the same measured documents", style="dim"))
    else:
        console.print(Text(f"matched by id: {alone[0]:,} documents are only in A, {alone[1]:,} only in B"))


def _by_language(counts: Iterable[diffs.Count], changes: Iterable[diffs.Count]) -> Table:
    """The languages with most changes, and all of them."""
    rows: dict[str, Counter[str]] = {}
    for count in counts:
        if count.both:
            row = rows.setdefault(count.label, Counter())
            row.update(documents=count.documents, a=count.documents * (count.reason_a is None))
            row.update(b=count.documents * (count.reason_b is None))
    for count in changes:
        rows[count.label].update({count.change or "": count.documents, "changed": count.documents})
    heads = ("documents", "kept\nin A", "kept\nin B", *(name.replace(" ", "\n") for name in diffs.CHANGES), "changed")
    table = plain_table("language", *heads)
    changed = sorted((label for label in rows if rows[label]["changed"]), key=lambda x: (-rows[x]["changed"], x))
    for label in changed[:TOP_LANGUAGES]:
        table.add_row(language_cell(label), *_change_cells(rows[label]))
    if len(changed) > TOP_LANGUAGES:
        rest = sum((rows[label] for label in changed[TOP_LANGUAGES:]), Counter())
        table.add_row(f"{len(changed) - TOP_LANGUAGES:,} more", *_change_cells(rest))
    table.add_section()
    table.add_row("all", *_change_cells(sum(rows.values(), Counter())), style="bold")
    return table


def _change_cells(row: Mapping[str, int]) -> list[str]:
    counts = [row[name] for name in ("documents", "a", "b")]
    changes = [f"{row[name]:,}" if row[name] else "–" for name in diffs.CHANGES]
    return [*(f"{count:,}" for count in counts), *changes, share(row["changed"], row["documents"])]


def _by_reason(counts: Iterable[diffs.Count], changes: Iterable[diffs.Count]) -> Table:
    """Per drop reason what it gained and lost; the shares are of all documents on both sides."""
    documents = sum(count.documents for count in counts if count.both)
    rows: dict[str, Counter[str]] = {}
    for count in changes:
        for reason, side in ((count.reason_a, "lost"), (count.reason_b, "gained")):
            if reason is not None:
                rows.setdefault(reason, Counter())[f"{side} {count.change}"] += count.documents
    names = (f"gained {diffs.DROPPED}", f"lost {diffs.KEPT}", f"gained {diffs.OTHER}", f"lost {diffs.OTHER}")
    heads = ("now\ndropped", "share", "now\nkept", "share", "takes\nover", "gives\nway")
    table = plain_table("reason", *heads)
    for reason, row in sorted(rows.items(), key=lambda item: (-item[1].total(), item[0])):
        new, old, to, from_ = (row[name] for name in names)
        dropped, kept = ((_count(n), share(n, documents) if n else "") for n in (new, old))
        cells = (*dropped, *kept, _count(to), _count(from_))
        table.add_row(Text(one_line(reason, 80), overflow="fold"), *cells)
    return table


def _count(count: int) -> str:
    return f"{count:,}" if count else "–"


def _print_sample(sample: diffs.Sample) -> None:
    before, after = (", ".join(reasons) or "kept" for reasons in (sample.reasons_a, sample.reasons_b))
    console.print(
        Text(f"\n{one_line(sample.label, 30)}  {one_line(before, 200)} → {one_line(after, 200)}", style="bold")
    )
    console.print(Text(one_line(sample.address, 300), style="dim"))
    console.print(Text(one_line(sample.text, TEXT_CHARACTERS)))
