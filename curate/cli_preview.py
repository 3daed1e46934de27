"""`curate preview`: what cutoffs would remove from a measured run."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import zip_longest

import click
from pyspark.sql import SparkSession
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from curate import preview as previews
from curate.cli_cutoffs import check_label, condition, load_table
from curate.console import console, language_cell, marked, one_line, plain_table
from curate.plan import Opened, opened
from curate.recipe import Recipe, tuples
from curate.report.words import language as language_name
from curate.report.words import number, share
from curate.runfolder import RunFolder, exists, join, read_json
from thresholds.preview import Effect, Effects, effects
from thresholds.rule import KNOWN_METRICS, Rule
from thresholds.summary import Summary
from thresholds.table import CutoffTable, TableError

TOP_LANGUAGES = 20
TOP_RULES = 6  # whose documents are shown, unless a rule is named
_LANGUAGE, _FIGURE = 22, 9  # columns, without the blank after each


@click.command("preview")
@click.argument("root", metavar="RUN")
@click.option("--cutoffs", "table", help="Another table: a name, a TOML file or a run folder. Default: the run's own.")
@click.option("--language", help="One language in full, as hin_Deva, with documents near each cutoff.")
@click.option("--rule", "name", metavar="METRIC", help="One rule, by its metric or its drop reason.")
@click.option("--cutoff", type=float, help="With --rule: what it would remove at this value.")
@click.option(
    "--limit", default=2, type=click.IntRange(0), show_default=True, help="Documents to show on each side of a cutoff."
)
def preview(
    root: str, table: str | None, language: str | None, name: str | None, cutoff: float | None, limit: int
) -> None:
    """Show what cutoffs would remove from a measured run, and documents just on either side, without a new run."""
    if cutoff is not None and not name:
        raise TableError("--cutoff needs --rule: the metric whose cutoff it is")
    run = opened(root)
    rules = _Rules(_table(root, run, table), name, cutoff)
    with console.status("preview: the run's summary"):
        stored = previews.summaries(run, lambda: start_spark(run.folder))
    if language is None and name:
        _print_rule(stored, rules)
    elif language is None:
        _print_languages([rules.effects(summary) for summary in stored.values()])
    elif check_label(language) in stored:
        _print_language(run, stored[language], rules, limit)
    else:
        raise TableError(f"{root}: no measured documents of {language}; it has {', '.join(stored) or 'none'}"[:500])


def _table(root: str, run: Opened, table: str | None) -> CutoffTable:
    if table is None and not exists(join(run.folder.root, "cutoffs.toml")):
        raise TableError(f"{root}: it has no cutoffs.toml yet; give a table with --cutoffs")
    return load_table(table or root)


@dataclass(frozen=True)
class _Rules:
    """The table's rules, or one of them, perhaps at another value."""

    table: CutoffTable
    name: str | None
    cutoff: float | None

    def effects(self, summary: Summary) -> Effects:
        return effects(summary, self.of(summary.label))

    def of(self, label: str) -> list[Rule]:
        """All rules of a language; with a value to try, with it in place."""
        rules = list(self.table.of(label).rules)
        if self.cutoff is None:
            return rules
        tried = self.chosen(rules)
        if len({rule.reason for rule in tried}) > 1:
            raise TableError(f"--rule {self.name}: {' or '.join(sorted({r.reason for r in tried}))}? name one of them")
        new = [] if tried else self._new(self.cutoff)
        return [*(replace(rule, cutoff=self.cutoff) if rule in tried else rule for rule in rules), *new]

    def chosen(self, rules: Iterable[Rule]) -> list[Rule]:
        return [rule for rule in rules if self.name in (None, rule.metric, rule.reason)]

    def _new(self, cutoff: float) -> list[Rule]:
        """A rule that the language has not, where its name tells the side."""
        metric, _, side = (self.name or "").rpartition("_")
        if metric not in KNOWN_METRICS or side not in ("low", "high"):
            return []
        return [Rule(metric=metric, operator="<" if side == "low" else ">", cutoff=cutoff)]

    def check(self, rules: Iterable[Rule]) -> None:
        """Raises TableError where none of the rules is the named one."""
        known = list(rules)
        if self.name and not self.chosen(known):
            names = list(dict.fromkeys(rule.reason for rule in known))
            near = get_close_matches(self.name, names, 4, 0.3) or names[:4]
            raise TableError(
                f"--rule {self.name}: the table has no such rule, as {', '.join(near) or 'none'}; to try a new one, write"
                " METRIC_low or METRIC_high with --cutoff"
            )


def _print_language(run: Opened, summary: Summary, rules: _Rules, limit: int) -> None:
    found = rules.effects(summary)
    rules.check(effect.rule for effect in found.rules)
    chosen = set(rules.chosen(effect.rule for effect in found.rules))
    shown = sorted((effect for effect in found.rules if effect.rule in chosen), key=lambda effect: -effect.alone)
    console.print(Text(f"{found.label} {language_name(found.label)}", style="bold"))
    console.print(Text(_population(found), style="dim"))
    console.print(_effects_table(shown))
    if rules.cutoff is not None:
        _print_before(summary, rules)
    console.print(Text(f"all rules together: {share(found.together, 1)}"))
    removing = [effect.rule for effect in shown if effect.alone or rules.name]
    near = previews.examples(run, summary, removing[: None if rules.name else TOP_RULES], limit)
    for rule, documents in near.items():
        _print_examples(rule, documents)
    if len(removing) > len(near):
        rest = ", ".join(dict.fromkeys(rule.reason for rule in removing[len(near) :]))
        console.print(Text(f"\ndocuments of the other rules: --rule with {rest}", style="dim"))


def _population(found: Effects) -> str:
    looked = f", {found.sampled:,} of them looked at" if found.sampled < found.documents else ""
    return f"{found.documents:,} documents, one of each group of copies{looked}"


def _effects_table(shown: Sequence[Effect]) -> Table:
    table = plain_table("drop when", "documents", "removes", "no other does")
    for effect in shown:
        figures = f"{effect.measured:,}", share(effect.alone, 1), share(effect.only, 1)
        table.add_row(Text(condition(effect.rule)), *figures, style="" if effect.alone else "dim")
    return table


def _print_before(summary: Summary, rules: _Rules) -> None:
    """The same rule at the table's own cutoff, for comparison."""
    for effect in effects(summary, rules.table.of(summary.label).rules).rules:
        if rules.chosen([effect.rule]):
            figures = f"{share(effect.alone, 1)}, {share(effect.only, 1)} that no other rule does"
            console.print(Text(f"the table's {condition(effect.rule)} removes {figures}"))


def _print_examples(rule: Rule, documents: Sequence[previews.Example]) -> None:
    console.print(Text(f"\n{condition(rule)}", style="bold"))
    for document in documents:
        side = Text("removed", style="red") if document.removed else Text("kept   ", style="green")
        value = Text(f" {number(document.value):>7}  ").append(one_line(document.address, 300), style="dim")
        console.print(side.append_text(value))
        console.print(Padding(marked(document.text, document.marks), (0, 0, 0, 2)))


def _print_rule(stored: Mapping[str, Summary], rules: _Rules) -> None:
    """One rule in every language, at the table's cutoff and at the one to try; what it removes most comes first."""
    now = {label: rules.effects(summary) for label, summary in stored.items()}
    rules.check(effect.rule for each in now.values() for effect in each.rules)
    before = (
        {label: effects(stored[label], rules.table.of(label).rules) for label in now}
        if rules.cutoff is not None
        else now
    )
    tried = (f"at {rules.cutoff:g}\nremoves", "no other\ndoes") if rules.cutoff is not None else ()
    table = plain_table("language", "documents", "the table's", "removes", "no other\ndoes", *tried)
    rows = [row for label, each in now.items() for row in _pairs(before[label], each, rules)]
    ordered = sorted(rows, key=lambda row: -row[2].alone * row[0].documents)
    for found, old, new in ordered[:TOP_LANGUAGES]:
        cutoff = f"{old.rule.operator} {old.rule.cutoff:g}" if old else "no rule"
        cells = [*_shares(old), *(_shares(new) if tried else [])]
        table.add_row(language_cell(found.label), f"{found.documents:,}", cutoff, *cells)
    console.print(table)
    if len(ordered) > TOP_LANGUAGES:
        console.print(Text(f"not shown, which remove less: {len(ordered) - TOP_LANGUAGES:,}", style="dim"))


def _pairs(before: Effects, now: Effects, rules: _Rules) -> Iterable[tuple[Effects, Effect | None, Effect]]:
    """(language, the rule as the table has it, as it is tried)."""
    old = [effect for effect in before.rules if rules.chosen([effect.rule])]
    new = [effect for effect in now.rules if rules.chosen([effect.rule])]
    return ((now, *pair) for pair in zip_longest(old, new))


def _shares(effect: Effect | None) -> list[str]:
    return [share(effect.alone, 1), share(effect.only, 1)] if effect else ["–", "–"]


def _print_languages(found: Sequence[Effects]) -> None:
    """Languages that lose most documents first, and rules that remove most; as many as fit."""
    ordered = sorted(found, key=lambda each: (-each.together * each.documents, each.label))
    names = _most_removing(ordered)[: max(1, (console.width - _LANGUAGE - 1) // (_FIGURE + 1) - 2)]
    table = plain_table("language", "documents", "all rules")
    for name in names:
        table.add_column(Text(name.replace("_", " ")), justify="right", max_width=_FIGURE, overflow="ellipsis")
    for each in ordered[:TOP_LANGUAGES]:
        table.add_row(
            language_cell(each.label),
            f"{each.documents:,}",
            share(each.together, 1),
            *(_removed(each, name) for name in names),
        )
    table.add_section()
    table.add_row("all", *_total_cells(ordered, names), style="bold")
    console.print(table)
    if len(ordered) > TOP_LANGUAGES:
        console.print(Text(f"languages not shown, which lose less: {len(ordered) - TOP_LANGUAGES:,}", style="dim"))
    console.print(Text("\neach rule alone; with --language also the documents near each cutoff", style="dim"))


def _most_removing(found: Iterable[Effects]) -> list[str]:
    removed: Counter[str] = Counter()
    for each in found:
        for effect in each.rules:
            removed[effect.rule.reason] += math.ceil(effect.alone * each.documents)
    return [reason for reason, documents in removed.most_common() if documents]


def _removed(each: Effects, reason: str) -> str:
    """The largest share of the rules with this reason; a dash where the language has none."""
    shares = [effect.alone for effect in each.rules if effect.rule.reason == reason]
    return share(max(shares), 1) if shares else "–"


def _total_cells(found: Sequence[Effects], names: Sequence[str]) -> list[str]:
    documents = sum(each.documents for each in found)
    removed = [
        math.fsum(
            each.documents * max((e.alone for e in each.rules if e.rule.reason == name), default=0.0) for each in found
        )
        for name in names
    ]
    together = math.fsum(each.documents * each.together for each in found)
    return [f"{documents:,}", share(together, documents), *(share(part, documents) for part in removed)]


def start_spark(folder: RunFolder) -> SparkSession:
    """The session that the run was made with, as far as its manifest tells."""
    from curate.session import session

    if exists(folder.manifest):
        return session(Recipe.model_validate(tuples(read_json(folder.manifest)["recipe"])))
    return session(Recipe(input=("-",), output=folder.root))
