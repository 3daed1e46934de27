"""The rules for pages of PDFs: a cutoff table over the page metrics, and the genres that some of them don't hold for."""

import math
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.pdf.page_columns import PAGE_METRIC_NAMES, PAGE_METRICS
from thresholds.derive import DECIMALS, ENGLISH, MOST_REMOVED, rounded
from thresholds.methods import Anchor, Bootstrapped, quantile, removed_share, tail
from thresholds.rule import DOCUMENT_METRICS, Provenance, Rule
from thresholds.summary import Moments
from thresholds.table import ANY_LANGUAGE, CutoffTable, LanguageCutoffs, TableError

SHIPPED_PAGES = ("pages", "setu-pages")
UNIDENTIFIED = "und_Zzzz"  # a page of no known language has the rules of `*`
PROSE = "prose"  # the genre for which every rule holds
LEAST_PAGES = 30  # of a language; the share that a rule should drop is less than one page of fewer
PAGE_METHODS = {"quantile": quantile, "tail": tail}
_RATIOS = frozenset(metric.name for metric in PAGE_METRICS if metric.unit == "ratio")


@cache
def waived() -> Mapping[str, frozenset[str]]:
    """By genre (verse, title, table, comic, prose), the metrics whose rules do not apply."""
    toml = resources.files("thresholds").joinpath("tables/genres.toml").read_text("utf-8")
    return {PROSE: frozenset(), **{genre: frozenset(metrics) for genre, metrics in tomllib.loads(toml).items()}}


@dataclass(frozen=True)
class PageRules:
    """A cutoff table whose metrics are all PAGE_METRICS. Raises TableError where one is not."""

    table: CutoffTable
    genres: Mapping[str, frozenset[str]] = field(default_factory=waived)

    def __post_init__(self) -> None:
        for label, entry in self.table.languages.items():
            for rule in entry.rules:
                if rule.metric not in PAGE_METRIC_NAMES:
                    raise TableError(
                        f"cutoffs {self.table.name}, {label}: {rule.metric} is no metric of a page; known:"
                        f" {', '.join(PAGE_METRIC_NAMES)}"
                    )

    @classmethod
    def load(cls, path: str) -> "PageRules":
        """Read a TOML file, or a shipped table by its name: pages, setu-pages. Raises TableError."""
        if path not in SHIPPED_PAGES:
            return cls(CutoffTable.load(path))
        return cls(
            CutoffTable.parse(resources.files("thresholds").joinpath(f"tables/{path}.toml").read_text("utf-8"), path)
        )

    def of(self, language: str, genre: str = PROSE) -> tuple[Rule, ...]:
        """The rules that hold for a page, in the order in which their reasons are counted. Raises ValueError."""
        if genre not in self.genres:
            raise ValueError(f"unknown genre {genre!r}; known: {', '.join(self.genres)}")
        return tuple(rule for rule in self.table.of(language).rules if rule.metric not in self.genres[genre])

    def reasons(
        self, signals: pa.StructArray, languages: Sequence[str | None], genres: Sequence[str]
    ) -> list[list[str]]:
        """Why each page is dropped, in the order of its language's rules; an empty list: it is kept.

        signals: of type PAGE_SIGNALS; a page without any (null) is kept. languages, genres: one a page. A genre waives
        the rules of some metrics. Raises ValueError for an unknown genre.
        """
        found: list[list[str]] = [[] for _ in languages]
        names = np.array(genres, object)
        for genre in sorted(set(genres)):
            rows = np.flatnonzero(names == genre)
            at = pa.array(rows, pa.int64())
            judged = self._only(genre).apply(
                signals.take(at),
                pa.array([label or UNIDENTIFIED for label in languages], pa.string()).take(at),
                columns={name: pc.struct_field(signals, name).take(at) for name in _SHARED},
            )
            for row, reasons in zip(rows.tolist(), judged.to_pylist(), strict=True):
                found[row] = reasons
        return found

    def _only(self, genre: str) -> CutoffTable:
        """The table without what the genre waives."""
        entries = {label: replace(entry, rules=self.of(label, genre)) for label, entry in self.table.languages.items()}
        return replace(self.table, languages=entries)


_SHARED = [name for name in DOCUMENT_METRICS if name in PAGE_METRIC_NAMES]  # a cutoff table takes them as columns


def explain(rule: Rule, value: float) -> str:
    """A reason with its value and cutoff: `vertical_coverage_low: 0.31 < 0.5`."""
    return f"{rule.reason}: {value:.4g} {rule.operator} {rule.cutoff:g}"


def derive_page_cutoffs(
    signals: pa.StructArray,
    languages: Sequence[str | None],
    *,
    base: PageRules,
    method: str = "quantile",
    reference: str = "pages",
) -> CutoffTable:
    """The base's cutoffs of every language, adapted to the measured pages of each one that has enough of them.

    method: `quantile` removes of a language what the base removes of English pages; `tail` a tenth by each rule. A rule
    keeps its cutoff, and says why in `fallback`, where the pages are too few or the derived one would drop most or none.
    Raises TableError for an unknown method, or where English is needed and has too few pages.
    """
    if method not in PAGE_METHODS:
        raise TableError(f"unknown method {method!r}; known: {', '.join(PAGE_METHODS)}")
    columns = {name: _floats(signals, name) for name in PAGE_METRIC_NAMES}
    labels = np.array([label or "" for label in languages], object)
    english = np.flatnonzero(labels == ENGLISH)
    if method == "quantile" and len(english) < LEAST_PAGES:
        raise TableError(
            f"{reference}: quantile carries English cutoffs over, and needs {LEAST_PAGES} pages in {ENGLISH}"
        )
    entries = {ANY_LANGUAGE: base.table.of(ANY_LANGUAGE)}
    for label in sorted(set(labels) - {""}):
        rows, rules = np.flatnonzero(labels == label), base.table.of(label).rules
        entries[label] = LanguageCutoffs(
            tuple(
                _derived(rule, label, columns[rule.metric][rows], columns[rule.metric][english], method, reference)
                for rule in rules
            )
        )
    return CutoffTable(entries, "derived-pages", f"{base.table.name}, adapted: {method} on {reference}")


def _floats(signals: pa.StructArray, metric: str) -> np.ndarray:
    found: np.ndarray = pc.struct_field(signals, metric).fill_null(np.nan).to_numpy(zero_copy_only=False)
    return found


def _derived(rule: Rule, label: str, values: np.ndarray, english: np.ndarray, method: str, reference: str) -> Rule:
    own, anchor = _population(values, f"{label} {rule.reason}"), _population(english, f"{ENGLISH} {rule.reason}")
    if method == "quantile" and label == ENGLISH:  # which gives itself its own cutoff back
        return replace(rule, provenance=Provenance(method="anchor", reference=reference, documents=len(own)))
    if len(own) < LEAST_PAGES or (method == "quantile" and not len(anchor)):
        return _kept(rule, f"{len(own)} pages: too few", len(own))
    found = PAGE_METHODS[method](own, Anchor(rule.operator, rule.cutoff, anchor))
    most = 1.0 if rule.metric in _RATIOS else math.inf
    cutoff = rounded(rule.operator, min(max(float(found[0]), 0.0), most))
    removed = removed_share(own.values, rule.operator, cutoff)
    if removed > MOST_REMOVED or (cutoff <= 0 if rule.operator.startswith("<") else cutoff >= most):
        return _kept(rule, f"{method} gives {cutoff:g}, which drops {removed:.0%}", len(own))
    low, high = (round(float(each), DECIMALS) for each in np.quantile(found[1:], [0.025, 0.975]))
    return replace(
        rule,
        cutoff=cutoff,
        provenance=Provenance(
            method=method, reference=reference, documents=len(own), interval=(low, high), removed_reference=round(removed, DECIMALS)
        ),
    )  # fmt: skip


def _population(values: np.ndarray, seed: str) -> Bootstrapped:
    """Without moments: neither method looks at them."""
    return Bootstrapped(np.sort(values[~np.isnan(values)]), Moments(), zlib.crc32(seed.encode()))


def _kept(rule: Rule, why: str, pages: int) -> Rule:
    return replace(
        rule, provenance=replace(rule.provenance, documents=pages, fallback=f"{why}; the cutoff is not adapted")
    )
