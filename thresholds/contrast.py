"""Contrast: cutoffs that remove the most of a crawl at a stated loss of the reference, all rules taken together.

The four methods that FineWeb-2 compared set each cutoff alone, so that ten rules which cut a tenth each cut half of the
clean text. Here a cutoff is a *level*: the share of a language's reference beyond it. Levels are chosen together, greedily:
time and again the step that removes most of the crawl still left, per document of the reference it costs, until the
rules together cost `BUDGET` of the reference.

- Levels transfer between languages where cutoffs do not, so a language's documents are weighed against those of all
  others, n / (n + OWN_DOCUMENTS). One with a reference and no crawl takes the levels of all; one without a reference has
  nowhere to place them, and keeps the fixed rules.
- Beyond the range of a small reference a level's cutoff is its median and deviation and the others' position there
  (see `thresholds.pool`): own weight n p / (n p + TAIL_DOCUMENTS) at level p.
- The loss is counted on documents that did not help to place the cutoffs (`FOLDS`). Unseen documents still cost more,
  since the steps that looked cheap are the ones taken: at a budget of 5 %, 5 % in languages with 60 documents or more
  and 8 % over 115 languages, most of which have 37 (`tests.benchmarks.cutoffs`).

Prior art: greedy weighted cover, and PRIM's patient steps (Friedman and Fisher 1999). What differs from a crawl to a
reference is not all junk: a reference of one genre makes contrast remove others. Look at the preview.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from thresholds.derive import DECIMALS, Evidence, Language, bounded, fixed_rules, judged, language_score_rule, rounded
from thresholds.methods import Bootstrapped, bootstrapped
from thresholds.rule import Provenance, Rule
from thresholds.summary import METRIC_INDEX, Summary, summarise
from thresholds.table import CutoffTable, LanguageCutoffs

BUDGET = 0.05
OWN_DOCUMENTS = 100
TAIL_DOCUMENTS = 2
FOLDS = 4
GROUP = "contrast"
LEVELS = np.array([0.0005, 0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08,
                   0.1, 0.12, 0.15, 0.2])  # fmt: skip
_NEVER = len(LEVELS)
_STEP = 0.004  # loss of the reference that a step of more than one level may cost
_SMOOTHING = 0.002  # added to a step's loss: a step that happens to cost nothing is not worth everything
_OWN_ROWS, _POOLED_ROWS = 2_000, 20_000  # documents looked at
_FEWEST = 5

CANDIDATES: tuple[tuple[str, str], ...] = (
    ("duplicate_line_ratio", ">"),
    ("duplicate_line_character_ratio", ">"),
    ("duplicate_nonblank_line_character_ratio", ">"),
    *((f"top_{n}gram_character_ratio", ">") for n in (2, 3, 4)),
    ("top_2gram_character_ratio", "<"),  # prose repeats its function words; a list of words does not
    *((f"duplicate_{n}gram_character_ratio", ">") for n in range(5, 11)),
    ("repeated_5gram_ratio", ">"),
    ("repeated_character_10gram_ratio", ">"),
    ("terminal_punctuation_line_ratio", "<"),
    ("short_line_ratio", ">"),
    ("mean_words_per_line", "<"),
    ("newline_word_ratio", ">"),
    ("bullet_line_ratio", ">"),
    ("ellipsis_line_ratio", ">"),
    ("mean_word_length", "<"),
    ("mean_word_length", ">"),
    ("alphabetic_word_ratio", "<"),
    ("alphabetic_word_ratio", ">"),  # prose has punctuation
    ("symbol_character_ratio", ">"),
    ("digit_character_ratio", ">"),
    ("script_ratio", "<"),
    ("foreign_letter_ratio", ">"),
)


@dataclass(frozen=True)
class _Rows:
    """Documents as the first level, for each candidate, at which it drops them: int8 (documents, CANDIDATES)."""

    reference: np.ndarray
    crawl: np.ndarray
    documents: int  # of the reference, of those that the fixed rules leave


def derive(
    evidence: Evidence,
    *,
    budget: float = BUDGET,
    stopwords: Mapping[str, tuple[str, ...]] | None = None,
    name: str = "contrast",
) -> CutoffTable:
    """A cutoff table by contrast of the evidence's crawl with its reference. FineWeb-2's fixed rules stay."""
    positions = _positions(evidence.reference)
    rows = {label: _rows(evidence.language(label), positions) for label in evidence.labels}
    pool = _Pool(rows)
    lists = stopwords or {}
    entries: dict[str, LanguageCutoffs] = {}
    for label in evidence.labels:
        language, (chosen, weight) = evidence.language(label), pool.levels(label, budget)
        rules = [language_score_rule(language)]
        for group in ("fineweb_quality", "gopher_quality"):
            rules += fixed_rules(group, bool(lists.get(label)))
        rules += _rules(language.reference, chosen, positions, weight, evidence.reference_name)
        entries[label] = judged(language, rules, lists.get(label, ()))
    description = (
        f"contrast of {evidence.crawl_name} with {evidence.reference_name}, budget {budget:g} of the reference"
    )
    return CutoffTable(entries, name, description)


def _share(operator: str) -> np.ndarray:
    """The quantile of each level."""
    return LEVELS if operator == "<" else 1.0 - LEVELS


def _positions(reference: Mapping[str, Summary]) -> np.ndarray:
    """(CANDIDATES, LEVELS): where each level lies in deviations from the median, over all languages alike."""
    standardised: list[list[np.ndarray]] = [[] for _ in CANDIDATES]
    for summary in reference.values():
        for place, (metric, _) in enumerate(CANDIDATES):
            values = summary.of(metric)
            if len(values) >= _FEWEST and values.std() > 0:
                spread = values[np.linspace(0, len(values) - 1, min(len(values), 60)).astype(int)]
                standardised[place].append((spread - np.median(values)) / values.std())
    return np.array(
        [
            np.quantile(np.concatenate(found), _share(operator)) if found else np.zeros(_NEVER)
            for found, (_, operator) in zip(standardised, CANDIDATES, strict=True)
        ]
    )


def _tail_weight(documents: int, level: np.ndarray | float) -> np.ndarray | float:
    return documents * level / (documents * level + TAIL_DOCUMENTS)


def _cutoffs(values: np.ndarray, operator: str, position: np.ndarray) -> np.ndarray:
    """The cutoff at each level for sorted reference values; one that never fires where they are too few."""
    if len(values) < _FEWEST:
        return np.full(_NEVER, -np.inf if operator == "<" else np.inf)
    weight = _tail_weight(len(values), LEVELS)
    found = weight * np.quantile(values, _share(operator)) + (1 - weight) * (
        np.median(values) + values.std() * position
    )
    return np.maximum.accumulate(found) if operator == "<" else np.minimum.accumulate(found)


def _levels(values: np.ndarray, cutoffs: list[np.ndarray]) -> np.ndarray:
    """For documents (n, KNOWN_METRICS) the first level of each candidate that drops them, `_NEVER` if none."""
    found = np.full((len(values), len(CANDIDATES)), _NEVER, np.int8)
    for place, (metric, operator) in enumerate(CANDIDATES):
        column = values[:, METRIC_INDEX[metric]]
        sign = 1.0 if operator == "<" else -1.0  # cutoffs times sign ascend with the level
        first = np.searchsorted(sign * cutoffs[place], sign * column, "right")
        found[:, place] = np.where(np.isnan(column), _NEVER, first)
    return found


def _rows(language: Language, positions: np.ndarray) -> _Rows:
    none = np.empty((0, len(CANDIDATES)), np.int8)
    if language.reference is None:
        return _Rows(none, none, 0)
    clean = _unfixed(language.reference.values[:_OWN_ROWS])
    fold = np.arange(len(clean)) % FOLDS  # the sample is in order of hash
    parts = [_levels(clean[fold == k], _all_cutoffs(clean[fold != k], positions)) for k in range(FOLDS)]
    junk = none
    if language.crawl is not None:
        junk = _levels(_unfixed(language.crawl.values[:_OWN_ROWS]), _all_cutoffs(clean, positions))
    return _Rows(np.concatenate(parts), junk, len(clean))


def _all_cutoffs(clean: np.ndarray, positions: np.ndarray) -> list[np.ndarray]:
    found = []
    for (metric, operator), position in zip(CANDIDATES, positions, strict=True):
        column = clean[:, METRIC_INDEX[metric]]
        found.append(_cutoffs(np.sort(column[~np.isnan(column)]), operator, position))
    return found


def _unfixed(values: np.ndarray) -> np.ndarray:
    """Without the documents that the fixed rules drop: they can teach the others nothing."""
    dropped = np.zeros(len(values), bool)
    for group in ("fineweb_quality", "gopher_quality"):
        for rule in fixed_rules(group, False):
            dropped |= rule.fires(values[:, METRIC_INDEX[rule.metric]])
    return values[~dropped]


class _Pool:
    """The documents of all languages, each language with the same weight; levels by greedy steps."""

    def __init__(self, rows: Mapping[str, _Rows]) -> None:
        self._rows = {label: each for label, each in rows.items() if len(each.reference) and len(each.crawl)}
        self._most = max(10, _POOLED_ROWS // max(1, len(self._rows)))
        self._shared: dict[float, np.ndarray] = {}

    def levels(self, label: str, budget: float) -> tuple[np.ndarray, float]:
        """(level of each candidate or -1, weight of the language's own documents)."""
        own = self._rows.get(label)
        if own is None:
            if budget not in self._shared:
                self._shared[budget] = self._greedy(None, 0.0, budget)
            return self._shared[budget], 0.0
        alone = len(self._rows) == 1
        weight = 1.0 if alone else own.documents / (own.documents + OWN_DOCUMENTS)
        return self._greedy(label, weight, budget), weight

    def _greedy(self, label: str | None, weight: float, budget: float) -> np.ndarray:
        chosen = np.full(len(CANDIDATES), -1)
        reference, its_weights = self._weighted("reference", label, weight)
        crawl, their_weights = self._weighted("crawl", label, weight)
        lost = 0.0
        while len(reference) and len(crawl):
            loss, gain = _beyond(reference, its_weights), _beyond(crawl, their_weights)
            gain[np.arange(_NEVER) <= chosen[:, None]] = 0.0
            small = (loss <= _STEP) | (np.arange(_NEVER) == chosen[:, None] + 1)
            allowed = (gain > 0) & (lost + loss <= budget) & small
            if not allowed.any():
                break
            worth = np.where(allowed, gain / (loss + _SMOOTHING), -1.0)
            place, level = np.unravel_index(worth.argmax(), worth.shape)
            chosen[place], lost = level, lost + loss[place, level]
            left, still = reference[:, place] > level, crawl[:, place] > level
            reference, its_weights = reference[left], its_weights[left]
            crawl, their_weights = crawl[still], their_weights[still]
        return chosen

    def _weighted(self, population: str, label: str | None, weight: float) -> tuple[np.ndarray, np.ndarray]:
        """(levels, weights) of all documents: `weight` for the language's own, the rest shared alike by the others."""
        others = max(1, len(self._rows) - (label is not None))
        parts, weights = [], []
        for name, rows in self._rows.items():
            levels = getattr(rows, population)
            share = weight if name == label else (1 - weight) / others
            levels = levels if name == label else levels[: self._most]
            parts.append(levels)
            weights.append(np.full(len(levels), share / max(1, len(levels))))
        if not parts:
            return np.empty((0, len(CANDIDATES)), np.int8), np.empty(0)
        return np.concatenate(parts), np.concatenate(weights)


def _beyond(levels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(CANDIDATES, LEVELS): weight of the documents that each candidate drops at each level."""
    width = _NEVER + 1
    cells = levels + np.arange(len(CANDIDATES)) * width
    counted = np.bincount(cells.ravel(), np.repeat(weights, len(CANDIDATES)), len(CANDIDATES) * width)
    return counted.reshape(len(CANDIDATES), width)[:, :_NEVER].cumsum(axis=1)


def _rules(
    summary: Summary | None, chosen: np.ndarray, positions: np.ndarray, weight: float, reference: str
) -> list[Rule]:
    """The chosen levels as cutoffs of a language, with the interval that its own documents leave."""
    if summary is None:
        return []
    values = _unfixed(summary.values)
    names, numbers = [summary.label] * len(values), np.arange(len(values))
    clean = summarise(names, numbers, numbers, values)  # its moments are of these documents alone
    rules = []
    for place in np.flatnonzero(chosen >= 0):
        metric, operator = CANDIDATES[place]
        if not clean or len(clean[0].of(metric)) < _FEWEST:
            continue
        language, level = bootstrapped(clean[0], metric, seed=operator), chosen[place]
        placed = float(_cutoffs(language.values, operator, positions[place])[level])
        tail = float(_tail_weight(len(language), LEVELS[level]))
        ends = placed + _deviations(language, operator, level, positions[place], tail)
        low, high = (round(bounded(metric, end), DECIMALS) for end in ends.tolist())
        provenance = Provenance(
            method=f"contrast at {LEVELS[level]:g}",
            reference=reference,
            documents=len(language),
            interval=(low, high),
            fallback=f"all languages: own weight {weight:.2f} in the level, {tail:.2f} in the tail",
        )
        cutoff = rounded(operator, bounded(metric, placed))
        rules.append(Rule(metric=metric, operator=operator, cutoff=cutoff, group=GROUP, provenance=provenance))
    return rules


def _deviations(language: Bootstrapped, operator: str, level: int, position: np.ndarray, tail: float) -> np.ndarray:
    """How far below and above its estimate a cutoff lies in 95 % of the resamples; (2,)."""
    own = language.quantile(float(_share(operator)[level]))
    placed = tail * own + (1 - tail) * (language.median + language.std * position[level])
    return np.quantile(placed[1:] - placed[0], [0.025, 0.975])
