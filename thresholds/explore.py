"""One language's signals, cutoffs and documents as tables to look at: what the notebooks show.

Tables are pandas'. Shares are in 0..1 of a summary's sampled documents, one that has no value of the metric included.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from filters.columns import METRICS
from thresholds import contrast
from thresholds.calibrate import CONTRAST, calibrate, removed_together
from thresholds.derive import CalibrationError, Evidence
from thresholds.methods import METHODS
from thresholds.preview import effects
from thresholds.rule import KNOWN_METRICS, Provenance, Rule
from thresholds.summary import METRIC_INDEX, Summary
from thresholds.table import CutoffTable, LanguageCutoffs, TableError

# How each population is drawn: told apart by colour-blind readers and in grey print
LINES: Mapping[str, dict[str, Any]] = {
    "crawl": {"color": "#D55E00", "linestyle": "-"},
    "reference": {"color": "#00466E", "linestyle": "--"},
    "English": {"color": "black", "linestyle": ":"},
}
MARKS: Mapping[str, dict[str, Any]] = {
    "crawl": {"color": LINES["crawl"]["color"], "marker": "o"},
    "reference": {"color": LINES["reference"]["color"], "marker": "s"},
    "both": {"color": "black", "marker": "D"},
}
FINEWEB2, FIXED = "FineWeb-2's choice", "fixed rules alone"
# Every method on either population, FineWeb-2's choice and contrast, as `thresholds.calibrate.calibrate` takes them
TRIED: Mapping[str, Mapping[str, str]] = {
    **{
        f"{method} of {population}": {"all": f"{method}:{population}"}
        for method in METHODS
        for population in ("crawl", "reference")
    },
    FINEWEB2: {},
    "contrast": CONTRAST,
}
UNITS: Mapping[str, str] = {metric.name: metric.unit for metric in METRICS}
MEANINGS: Mapping[str, str] = {
    "language_score": "how sure the language identification is",
    "quality": "score of the quality model",
    **{metric.name: metric.meaning for metric in METRICS},
}


def language(summaries: Mapping[str, Summary], label: str, where: str) -> Summary:
    """The language's summary. Raises TableError, with the languages that there are, where it has none."""
    if label not in summaries:
        raise TableError(f"{where}: no documents of {label}; it has {', '.join(summaries) or 'none'}"[:500])
    return summaries[label]


def signals(summary: Summary) -> pd.DataFrame:
    """The sampled documents: a row a document, by its key, a column a metric; NaN where it does not apply."""
    return pd.DataFrame(summary.values, index=pd.Index(summary.key, name="key"), columns=list(KNOWN_METRICS))


def differences(crawl: Summary, reference: Summary, english: Summary | None = None) -> pd.DataFrame:
    """By metric, the most different first: the widest gap between the two cumulated shares, and the medians.

    gap: in 0..1 (Kolmogorov and Smirnov's distance); by_chance: what two samples of these sizes from the same documents
    stay below 95 times in 100. A metric that either has no values of is left out.
    """
    rows = []
    for metric in KNOWN_METRICS:
        left, right = crawl.of(metric), reference.of(metric)
        if not len(left) or not len(right):
            continue
        rows.append(
            {
                "metric": metric,
                "gap": _gap(left, right),
                "by_chance": min(1.0, 1.358 * ((len(left) + len(right)) / (len(left) * len(right))) ** 0.5),
                "crawl": _median(crawl, metric),
                "reference": _median(reference, metric),
                "English": _median(english, metric),
            }
        )
    columns = ["metric", "gap", "by_chance", "crawl", "reference", "English"]
    table = pd.DataFrame(rows, columns=columns).set_index("metric")
    return table.sort_values("gap", ascending=False, kind="stable")


def _gap(left: np.ndarray, right: np.ndarray) -> float:
    """Both sorted."""
    at = np.concatenate([left, right])
    shares = (np.searchsorted(values, at, "right") / len(values) for values in (left, right))
    return float(np.abs(next(shares) - next(shares)).max())


def _median(summary: Summary | None, metric: str) -> float:
    values = np.empty(0) if summary is None else summary.of(metric)
    return float(np.median(values)) if len(values) else float("nan")


def by_method(
    evidence: Evidence,
    *,
    budget: float = contrast.BUDGET,
    stopwords: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[dict[str, CutoffTable], dict[str, str]]:
    """(the table of each way in TRIED, why there is none of the others), by name. `budget`: contrast's."""
    tables: dict[str, CutoffTable] = {}
    impossible: dict[str, str] = {}
    for name, methods in TRIED.items():
        try:
            tables[name] = calibrate(evidence, methods=methods, budget=budget, stopwords=stopwords)
        except CalibrationError as error:
            impossible[name] = str(error)
    return tables, impossible


def cutoffs(tables: Mapping[str, CutoffTable], label: str) -> pd.DataFrame:
    """A row a table and rule of the language, those withheld included: cutoff, interval, and what it removes alone."""
    rows = [
        {
            "table": name,
            "rule": f"{rule.metric} {rule.operator}",
            "cutoff": rule.cutoff,
            "low": rule.provenance.interval[0] if rule.provenance.interval else np.nan,
            "high": rule.provenance.interval[1] if rule.provenance.interval else np.nan,
            "crawl": rule.provenance.removed_crawl,
            "reference": rule.provenance.removed_reference,
            "method": rule.provenance.method,
            "documents": rule.provenance.documents,
            "fallback": rule.provenance.fallback,
            "withheld": rule.provenance.flag,
        }
        for name, table in tables.items()
        for rule in (*table.of(label).rules, *table.of(label).withheld)
    ]
    columns = ["table", "rule", "cutoff", "low", "high", "crawl", "reference", "method", "documents", "fallback"]
    return pd.DataFrame(rows, columns=[*columns, "withheld"])


def together(tables: Mapping[str, CutoffTable], label: str, evidence: Evidence) -> pd.DataFrame:
    """By table: the share of the crawl and of the reference that its rules together remove, NaN without documents.

    Before them, as FIXED, the rules that the first table has from no method: they are the same in each.
    """
    entries = {name: table.of(label) for name, table in tables.items()}
    first = next(iter(entries.values()), LanguageCutoffs()).rules
    fixed = LanguageCutoffs(tuple(rule for rule in first if rule.provenance.method in ("fixed", "language_score")))
    populations = {name: evidence.of(name).get(label) for name in ("crawl", "reference")}
    rows = {
        name: [removed_together(entry, summary) for summary in populations.values()]
        for name, entry in {FIXED: fixed, **entries}.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(populations), dtype=float)


def removed(summaries: Mapping[str, Summary], rules: Sequence[Rule]) -> pd.DataFrame:
    """A row a rule: for each of the summaries, by its name, the share that it removes, and that no other rule does."""
    columns: dict[tuple[str, str], list[float]] = {}
    for name, summary in summaries.items():
        found = effects(summary, rules).rules
        columns[name, "removes"] = [effect.alone for effect in found]
        columns[name, "no other does"] = [effect.only for effect in found]
    names = pd.Index([f"{rule.metric} {rule.operator} {rule.cutoff:g}" for rule in rules], name="drop when")
    return pd.DataFrame(columns, index=names)


def shares(summaries: Mapping[str, Summary], rule: Rule, *, points: int = 200) -> pd.DataFrame:
    """What the rule would remove of each of the summaries if its cutoff were another; a row a cutoff, ascending.

    The cutoffs are those between the 1st and the 99th percentile of all values, and the rule's own.
    """
    values = np.concatenate([summary.of(rule.metric) for summary in summaries.values()])
    ends = np.quantile(values, [0.01, 0.99]) if len(values) else np.array([rule.cutoff, rule.cutoff])
    tried = np.union1d(np.linspace(min(ends[0], rule.cutoff), max(ends[1], rule.cutoff), points), [rule.cutoff])
    columns = {name: [_share(summary, replace(rule, cutoff=float(cutoff))) for cutoff in tried]
               for name, summary in summaries.items()}  # fmt: skip
    return pd.DataFrame(columns, index=pd.Index(tried, name="cutoff"))


def _share(summary: Summary, rule: Rule) -> float:
    fired = rule.fires(summary.values[:, METRIC_INDEX[rule.metric]])
    return float(fired.mean()) if len(fired) else float("nan")


def rule_of(table: CutoffTable, label: str, metric: str, operator: str) -> Rule | None:
    """The language's first rule on that side of the metric, applied or withheld; None where it has none."""
    entry = table.of(label)
    return next((r for r in (*entry.rules, *entry.withheld) if (r.metric, r.operator) == (metric, operator)), None)


def settled(
    table: CutoffTable, label: str, rule: Rule, reason: str, summaries: Mapping[str, Summary] | None = None
) -> CutoffTable:
    """The table with this rule for the language in place of any on the same side of the metric: a person's decision.

    The rest of the language's rules stay; where it had no entry of its own, those of `*` become its own. `reason`: who
    decided, and why; an empty one raises TableError. `summaries`: `crawl` and `reference`, for the shares it removes.
    """
    if not reason.strip():
        raise TableError("a cutoff that a person gives needs a reason: who looked at what, and why there")
    shares_ = {name: round(_share(summary, rule), 4) for name, summary in (summaries or {}).items()}
    provenance = Provenance(
        method="given",
        reference=reason.strip(),
        removed_crawl=shares_.get("crawl"),
        removed_reference=shares_.get("reference"),
    )
    entry = table.of(label)
    rules = _in_place(entry.rules, replace(rule, provenance=provenance))
    withheld = tuple(other for other in entry.withheld if not _same_side(other, rule))
    return replace(table, languages={**table.languages, label: LanguageCutoffs(rules, entry.stopwords, withheld)})


def _same_side(a: Rule, b: Rule) -> bool:
    return a.metric == b.metric and a.operator[0] == b.operator[0]


def _in_place(rules: Iterable[Rule], rule: Rule) -> tuple[Rule, ...]:
    """Where the first rule on its side was, all others there left out; last if there was none."""
    before = list(rules)
    place = next((n for n, other in enumerate(before) if _same_side(other, rule)), len(before))
    return (*before[:place], rule, *(other for other in before[place:] if not _same_side(other, rule)))


def documents_html(table: pd.DataFrame) -> str:
    """Documents as an HTML table, everything in it escaped: strangers wrote it.

    The column `text` keeps its lines and its own direction; `marks`, if there is one, holds half-open ranges of it, in
    order and apart, which are highlighted.
    """
    shown = [name for name in table.columns if name != "marks"]
    head = "".join(
        f'<th style="text-align:start{_WIDE if name == "text" else ""}">{escape(str(name))}</th>' for name in shown
    )
    rows = [
        "".join(_cell(name, row[name], row.get("marks", ())) for name in shown)
        for row in table.to_dict("records")
    ]  # fmt: skip
    return (
        f'<table style="width:100%;table-layout:auto"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"
    )


_WIDE = ";width:70%"
_CELL = "text-align:start;vertical-align:top"
_SHORT = 16  # characters that are not broken over lines


def _cell(column: Any, value: Any, marks: Sequence[tuple[int, int]]) -> str:
    if column == "text":
        return (
            f'<td dir="auto" style="{_CELL};white-space:pre-wrap;overflow-wrap:anywhere">{_marked(value, marks)}</td>'
        )
    written = f"{value:.4g}" if isinstance(value, float) else str(value)
    wrap = "white-space:nowrap" if len(written) <= _SHORT else "overflow-wrap:anywhere"
    return f'<td dir="auto" style="{_CELL};{wrap}">{escape(written)}</td>'


def _marked(text: str, marks: Sequence[tuple[int, int]]) -> str:
    parts, done = [], 0
    for start, end in marks:
        parts += [escape(text[done:start]), f"<mark>{escape(text[start:end])}</mark>"]
        done = end
    return "".join(parts) + escape(text[done:])
