"""`curate cutoffs`: look at cutoff tables, compare them, bring others' in and write ours in others' form."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

import click
import fsspec
from rich.table import Table
from rich.text import Text

from curate.console import Commands, console, one_line, plain_table
from curate.report.markup import visible
from curate.report.words import language as language_name
from curate.report.words import number, share
from curate.runfolder import exists, filesystem, join
from thresholds import compare, fineweb2
from thresholds.rule import Provenance, Rule
from thresholds.table import ANY_LANGUAGE, SHIPPED, CutoffTable, LanguageCutoffs, TableError, slots_of

DEFAULT_FILE, DEFAULT_TABLE = "cutoffs.toml", "universal"
SHOWN_WHOLE = 3  # languages; of more, unless they are named, a summary is shown
_LABEL = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}|\*")
_NEARLY = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z]{4})?")


@click.group(cls=Commands)
def cutoffs() -> None:
    """Look at cutoff tables, compare them, bring others' in and out."""


def load_table(where: str) -> CutoffTable:
    """A shipped table by name, a TOML file, or a run folder's own. Raises TableError."""
    if where in SHIPPED:
        return CutoffTable.load(where)
    fs, inner = filesystem(where)
    path = where
    if fs.isdir(inner):
        path = join(where.rstrip("/"), DEFAULT_FILE)
        if not exists(path):
            raise TableError(
                f"{where}: a folder without {DEFAULT_FILE}: no finished run; give a run folder or a TOML file"
            )
    if "://" not in path:
        return CutoffTable.load(path)
    with fsspec.open(path, "rt", encoding="utf-8") as file:
        return CutoffTable.parse(file.read(), path)


def is_label(text: str) -> bool:
    return bool(_LABEL.fullmatch(text))


def check_label(text: str) -> str:
    """The label itself. Raises TableError for what is none."""
    if not is_label(text):
        raise TableError(f"{text!r} is no language; write its ISO 639-3 code and script, as hin_Deva")
    return text


def _table_first(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """(table, languages): a first argument that is no label is the table."""
    first, *rest = arguments or ("",)
    if first and not is_label(first):
        if _NEARLY.fullmatch(first) and first not in SHIPPED and not Path(first).exists():
            check_label(first)
        return first, [check_label(each) for each in rest]
    where = DEFAULT_FILE if Path(DEFAULT_FILE).is_file() else DEFAULT_TABLE
    return where, [check_label(each) for each in arguments]


def _entry(table: CutoffTable, where: str, label: str) -> LanguageCutoffs:
    """The language's entry, or that of `*`. Raises TableError where the table has neither."""
    if label in table.languages or ANY_LANGUAGE in table.languages:
        return table.of(label)
    near = [each for each in table.languages if each[:3] == label[:3]] or list(table.languages)
    more = ", ..." if len(near) > 8 else ""
    raise TableError(f"{where}: no cutoffs for {label}; it has {', '.join(near[:8]) or 'no language'}{more}")


# --- show ----------------------------------------------------------------------------------------------------------


@cutoffs.command("show")
@click.argument("arguments", nargs=-1, metavar="[TABLE] [LANGUAGE]...")
@click.option("--all", "whole", is_flag=True, help="Every language's rules, however many there are.")
def cutoffs_show(arguments: tuple[str, ...], whole: bool) -> None:
    """Print a table's rules: a shipped one by name (english, universal, setu), a TOML file, or a run folder's own.

    Default: ./cutoffs.toml if there is one, else universal. Without a language: of a large table, a summary.
    """
    where, labels = _table_first(arguments)
    table = load_table(where)
    entries = {label: _entry(table, where, label) for label in labels} or table.languages
    console.print(Text(f"{one_line(where, 200)}  {one_line(table.description, 200)}", style="dim"))
    if len(entries) > SHOWN_WHOLE and not labels and not whole:
        console.print(_ranges(entries))
        console.print(Text(f"\n{len(entries):,} languages; name those to see in full, or --all", style="dim"))
        return
    for label, entry in entries.items():
        _print_language(label, entry, borrowed=label not in table.languages)


def _print_language(label: str, entry: LanguageCutoffs, *, borrowed: bool) -> None:
    of = "  the rules of *, every language not listed" if borrowed else ""
    heading = Text(f"\n{one_line(label, 30)}", style="bold")
    console.print(heading.append(f" {language_name(label)}{of}", style="not bold dim"))
    if entry.rules:
        _print_rules(entry.rules)
    if entry.withheld:
        console.print(Text("\nwithheld: derived, not applied", style="bold"))
        _print_rules(entry.withheld)
    if entry.stopwords:
        console.print(Text(f"stopwords: {one_line(' '.join(entry.stopwords), 2000)}", style="dim"))


def _print_rules(rules: Sequence[Rule]) -> None:
    """Columns that no rule fills are left out; what takes many words stands once, below, by number."""
    notes: dict[str, int] = {}
    origins = [rule.provenance for rule in rules]
    cells = {
        "drop when": [condition(rule) for rule in rules],
        "95 %": [f"{o.interval[0]:g}–{o.interval[1]:g}" if o.interval else "" for o in origins],
        "docs": ["" if o.documents is None else f"{o.documents:,}" for o in origins],
        "crawl": [_removed(o.removed_crawl) for o in origins],
        "ref": [_removed(o.removed_reference) for o in origins],
        "note": [" ".join(str(notes.setdefault(note, len(notes) + 1)) for note in _notes(o)) for o in origins],
    }
    shown = {name: column for name, column in cells.items() if any(column)}
    table = plain_table(*shown)
    for row in zip(*shown.values(), strict=True):
        table.add_row(*(Text(visible(cell)) for cell in row))
    console.print(table)
    if "crawl" in shown or "ref" in shown:
        console.print(
            Text("crawl, ref: the share of the crawl and of the reference that it removes alone", style="dim")
        )
    for note, number_ in notes.items():
        console.print(Text(f"{number_} {one_line(note, 300)}", style="dim"))


def _notes(origin: Provenance) -> list[str]:
    """Method and reference, fallback, and why a rule is withheld."""
    source = ", ".join(filter(None, [origin.method, origin.reference]))
    fallback = origin.fallback and f"fallback: {origin.fallback}"
    return [note for note in (source, fallback, origin.flag) if note]


def condition(rule: Rule) -> str:
    """`metric > cutoff`."""
    return f"{rule.metric} {rule.operator} {rule.cutoff:g}"


def _removed(part: float | None) -> str:
    return "" if part is None else share(part, 1)


def _ranges(entries: Mapping[str, LanguageCutoffs]) -> Table:
    """Each rule's cutoffs over the languages."""
    found: dict[compare.Slot, list[float]] = {}
    for entry in entries.values():
        for slot, rule in zip(slots_of(entry.rules), entry.rules, strict=True):
            found.setdefault(slot, []).append(rule.cutoff)
    table = plain_table("drop when", "languages", "lowest", "median", "highest")
    for slot, values in found.items():
        figures = (min(values), median(values), max(values))
        table.add_row(slot_name(slot), f"{len(values):,}", *(number(value) for value in figures))
    return table


def slot_name(slot: compare.Slot) -> Text:
    metric, operator, use = slot
    return Text(f"{metric} {operator}" + (f" (rule {use + 1})" if use else ""), overflow="fold")


# --- diff ----------------------------------------------------------------------------------------------------------


@cutoffs.command("diff")
@click.argument("a")
@click.argument("b")
@click.argument("languages", nargs=-1, metavar="[LANGUAGE]...")
@click.option("--all", "whole", is_flag=True, help="Every language in detail, however many there are.")
def cutoffs_diff(a: str, b: str, languages: tuple[str, ...], whole: bool) -> None:
    """Compare two tables: cutoffs that differ, rules that only one has, and whether B lies within A's interval.

    A and B: shipped tables, TOML files or run folders. Without a language: of large tables, a summary by rule.
    """
    tables = load_table(a), load_table(b)
    for label in languages:
        check_label(label)
        if not any(table.of(label).rules for table in tables):
            raise TableError(f"{label}: neither {a} nor {b} has cutoffs for it")
    found = compare.compare(*tables, languages)
    console.print(Text(f"A  {one_line(a, 200)}\nB  {one_line(b, 200)}", style="dim"))
    changed = [language for language in found.languages if language.changed]
    if len(changed) > SHOWN_WHOLE and not languages and not whole:
        console.print()
        console.print(_slot_changes(found.languages))
    else:
        for language in found.languages if languages else changed:
            _print_pairs(language)
    _print_totals(found, changed)


def _print_pairs(language: compare.LanguagePair) -> None:
    defaults = [name for name, default in (("A", language.default_a), ("B", language.default_b)) if default]
    note = f"  {' and '.join(defaults)}: the rules of *" if defaults and language.label != ANY_LANGUAGE else ""
    heading = Text(f"\n{one_line(language.label, 30)}", style="bold")
    console.print(heading.append(f" {language_name(language.label)}{note}", style="not bold dim"))
    judged = any(pair.within is not None for pair in language.pairs)
    table = plain_table("drop when", "A", "B", "B - A", *(["in A's 95 %"] if judged else []))
    for pair in language.changed:
        within = [{True: "yes", False: "no", None: ""}[pair.within]] if judged else []
        table.add_row(slot_name(pair.slot), _cutoff(pair.a), _cutoff(pair.b), _difference(pair.difference), *within)
    if language.changed:
        console.print(table)
    console.print(Text(_pairs_line(language), style="dim"))


def _cutoff(rule: Rule | None) -> str:
    return f"{rule.cutoff:g}" if rule else "–"


def _difference(value: float | None) -> str:
    return "" if value is None else f"{value:+.4g}"


def _pairs_line(language: compare.LanguagePair) -> str:
    pairs = language.pairs
    moved = [pair for pair in pairs if pair.difference]
    judged = [pair for pair in moved if pair.within is not None]
    parts = [
        f"{sum(pair.difference == 0 for pair in pairs)} the same",
        f"{len(moved)} changed" + (f" ({sum(bool(p.within) for p in judged)} within A's interval)" if judged else ""),
        f"{sum(pair.b is None for pair in pairs)} only in A",
        f"{sum(pair.a is None for pair in pairs)} only in B",
    ]
    return f"{len(pairs)} rules: {', '.join(parts)}"


def _slot_changes(languages: Iterable[compare.LanguagePair]) -> Table:
    rows = compare.by_slot(languages)
    judged = any(row.judged for row in rows)
    names = ("in both", "changed", "median", "only A", "only B", *(["in A's 95 %"] if judged else []))
    table = plain_table("drop when", *names)
    for row in rows:
        within = [f"{row.within:,} of {row.judged:,}" if row.judged else ""] if judged else []
        counts = (row.both, row.changed), (row.only_a, row.only_b)
        first, second = ([f"{count:,}" if count else "–" for count in pair] for pair in counts)
        table.add_row(slot_name(row.slot), *first, _difference(row.median), *second, *within)
    return table


def _print_totals(found: compare.Comparison, changed: Sequence[compare.LanguagePair]) -> None:
    console.print(Text(f"\n{len(changed):,} of {_languages(len(found.languages))} in both differ", style="bold"))
    for name, labels in (("A", found.only_a), ("B", found.only_b)):
        if labels:
            more = ", ..." if len(labels) > 12 else ""
            shown = one_line(", ".join(labels[:12]) + more, 400)
            console.print(Text(f"only in {name}: {_languages(len(labels))}: {shown}"))


# --- import and export ---------------------------------------------------------------------------------------------


@cutoffs.command("import")
@click.argument("source", metavar="FINEWEB2")
@click.option("--output", "-o", required=True, type=click.Path(dir_okay=False), help="The TOML file to write.")
@click.option("--language", "languages", multiple=True, help="Only this label; repeatable. Default: all.")
def cutoffs_import(source: str, output: str, languages: tuple[str, ...]) -> None:
    """Read FineWeb-2's per-language YAML files (folder, zip or one .yml) into a cutoff table."""
    table = fineweb2.read(source, languages)
    Path(output).write_text(table.dump(), "utf-8")
    rules = sum(len(entry.rules) for entry in table.languages.values())
    console.print(Text(f"{output}: {len(table.languages):,} languages, {rules:,} rules"))


@cutoffs.command("export")
@click.argument("table", metavar="TABLE")
@click.argument("languages", nargs=-1, metavar="[LANGUAGE]...")
@click.option("--output", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder.")
def cutoffs_export(table: str, languages: tuple[str, ...], output: Path) -> None:
    """Write a table as FineWeb-2's YAML files, one a language, and say what they cannot hold."""
    made = fineweb2.export(load_table(table), languages)
    output.mkdir(parents=True, exist_ok=True)
    for label, text in made.files.items():
        (output / f"{label}.yml").write_text(text, "utf-8")
    console.print(Text(f"{output}: {_languages(len(made.files))}"))
    _print_unlike("not in FineWeb-2's form, left out", made.lost)
    _print_unlike("FineWeb-2's own code drops by these too", made.added)
    if made.skipped:
        console.print(Text(f"no language, left out: {one_line(', '.join(made.skipped), 200)}"))


def _languages(count: int) -> str:
    return "1 language" if count == 1 else f"{count:,} languages"


def _print_unlike(heading: str, rules: Mapping[tuple[str, str, float], int]) -> None:
    if rules:
        table = plain_table(heading, "languages")
        for (metric, operator, cutoff), languages in sorted(rules.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(Text(f"  {metric} {operator} {cutoff:g}"), f"{languages:,}")
        console.print(table)
