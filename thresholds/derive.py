"""From summaries of a crawl and a reference to a cutoff table: estimate, pool, guard, and say where each value is from."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from filters.columns import METRICS
from thresholds import fineweb2
from thresholds.methods import METHODS, Anchor, Bootstrapped, bootstrapped, language_score_cut, removed_share
from thresholds.pool import Estimate, shrink
from thresholds.rule import Provenance, Rule
from thresholds.summary import METRIC_INDEX, Moments, Summary
from thresholds.table import CutoffTable, LanguageCutoffs, TableError

ENGLISH = "eng_Latn"
POPULATIONS = ("crawl", "reference")
MOST_REMOVED = 0.75  # a rule that alone drops more is withheld (FineWeb-2 left such combinations out)
LEAST_DOCUMENTS = 5  # below, even the median of a language is a guess
DECIMALS = 4

# What FineWeb-2 adapts to each language; all else it holds fixed
ADAPTED: tuple[tuple[str, str], ...] = (
    ("duplicate_line_ratio", ">"),
    *((f"top_{n}gram_character_ratio", ">") for n in (2, 3, 4)),
    *((f"duplicate_{n}gram_character_ratio", ">") for n in range(5, 11)),
    ("terminal_punctuation_line_ratio", "<"),
    ("newline_word_ratio", ">"),
    ("mean_word_length", "<"),
    ("mean_word_length", ">"),
    ("alphabetic_word_ratio", "<"),
)
# Beyond these a cutoff says nothing about a language; ratios are bounded by 0 and 1.
BOUNDS: Mapping[str, tuple[float, float]] = {"mean_word_length": (1.0, 30.0), "newline_word_ratio": (0.0, 5.0)}
_RATIOS = frozenset(metric.name for metric in METRICS if metric.unit == "ratio") - BOUNDS.keys()


class CalibrationError(TableError):
    """A calibration that cannot be done: one line with what is missing and what would be right."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A method and the population it looks at."""

    method: str
    population: str

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise CalibrationError(f"unknown method {self.method!r}; known: {', '.join(METHODS)}")
        if self.population not in POPULATIONS:
            raise CalibrationError(f"unknown population {self.population!r}; known: {', '.join(POPULATIONS)}")


# FineWeb-2's choice for each group of rules, by ablation (table 5)
FINEWEB2: Mapping[str, Choice] = {
    "gopher_repetition": Choice("mean_std", "crawl"),
    "fineweb_quality": Choice("tail", "reference"),
    "gopher_quality": Choice("quantile", "reference"),
}


def choices(methods: Mapping[str, str]) -> dict[str, Choice]:
    """FINEWEB2 with some groups changed: `{"gopher_quality": "tail:reference"}`; the key `all` changes every group."""
    scheme = dict(FINEWEB2)
    for group, text in sorted(methods.items(), key=lambda item: item[0] != "all"):  # one group's own choice wins
        if group != "all" and group not in scheme:
            raise CalibrationError(f"unknown group of rules {group!r}; known: all, {', '.join(scheme)}")
        method, colon, population = text.partition(":")
        if not colon:
            raise CalibrationError(
                f"method {text!r}: write it with its population, as tail:reference or mean_std:crawl"
            )
        scheme.update(dict.fromkeys(scheme if group == "all" else [group], Choice(method, population)))
    return scheme


@dataclass(frozen=True)
class Evidence:
    """What is known of all languages: summaries by label, the crawl's and the reference's, and their names."""

    crawl: Mapping[str, Summary]
    reference: Mapping[str, Summary]
    crawl_name: str = "crawl"
    reference_name: str = "reference"

    def of(self, population: str) -> Mapping[str, Summary]:
        return self.crawl if population == "crawl" else self.reference

    def name(self, population: str) -> str:
        return self.crawl_name if population == "crawl" else self.reference_name

    @property
    def labels(self) -> list[str]:
        return sorted(set(self.crawl) | set(self.reference))

    def language(self, label: str) -> "Language":
        return Language(label, self.crawl.get(label), self.reference.get(label), self)


@dataclass(frozen=True)
class Language:
    """One language's evidence, read once: looking a summary up may read a file."""

    label: str
    crawl: Summary | None
    reference: Summary | None
    evidence: Evidence

    def of(self, population: str) -> Summary | None:
        return self.crawl if population == "crawl" else self.reference


def derive(
    evidence: Evidence,
    *,
    scheme: Mapping[str, Choice] = FINEWEB2,
    base: CutoffTable | None = None,
    stopwords: Mapping[str, tuple[str, ...]] | None = None,
    name: str = "derived",
) -> CutoffTable:
    """Cutoffs for every language of the evidence. Raises CalibrationError where English, the anchor, is missing.

    `base`: the table whose English rules are adapted (default: `english`). `stopwords`: by label; a language with a
    list gets FineWeb-2's rule of two.
    """
    english = (base or CutoffTable.load("english")).of(ENGLISH).rules
    adapted = [rule for rule in english if (rule.metric, rule.operator) in ADAPTED]
    final = _cutoffs(adapted, scheme, evidence)
    lists = stopwords or {}
    entries = {
        label: _language(evidence.language(label), adapted, _of_label(final, label), scheme, lists.get(label, ()))
        for label in evidence.labels
    }
    methods = ", ".join(
        f"{group} {choice.method} on {evidence.name(choice.population)}" for group, choice in scheme.items()
    )
    return CutoffTable(entries, name, f"derived: {methods}")


def _of_label(final: Mapping[str, Mapping[str, Estimate]], label: str) -> dict[str, Estimate]:
    """By reason."""
    return {reason: found[label] for reason, found in final.items() if label in found}


def _cutoffs(adapted: list[Rule], scheme: Mapping[str, Choice], evidence: Evidence) -> dict[str, dict[str, Estimate]]:
    """By reason and label: each rule's cutoff for every language. Reads each population once."""
    own: dict[str, dict[str, Estimate]] = {rule.reason: {} for rule in adapted}
    for name in sorted({choice.population for choice in scheme.values()}):
        rules = [rule for rule in adapted if scheme[rule.group].population == name]
        population = evidence.of(name)
        english = population.get(ENGLISH)
        anchors = {rule.reason: _anchor(rule, scheme[rule.group], english, evidence.name(name)) for rule in rules}
        for label, summary in population.items():
            for rule in rules:
                found = _own(summary, rule, scheme[rule.group], anchors[rule.reason])
                if found is not None:
                    own[rule.reason][label] = found
    labels = evidence.labels
    return {
        rule.reason: shrink(own[rule.reason], [label for label in labels if not _is_anchor(label, scheme[rule.group])])
        for rule in adapted
    }


def _is_anchor(label: str, choice: Choice) -> bool:
    """Every method but the tail gives English its own cutoff back."""
    return label == ENGLISH and choice.method != "tail"


def _own(summary: Summary, rule: Rule, choice: Choice, anchor: Anchor) -> Estimate | None:
    """What the language's own documents say; None where they are too few or the method is undefined."""
    documents = len(summary.of(rule.metric))
    if documents < LEAST_DOCUMENTS or _is_anchor(summary.label, choice):
        return None
    language = bootstrapped(summary, rule.metric, seed=rule.operator)
    found = METHODS[choice.method](language, anchor)
    return _estimate(found, language, rule.operator) if np.isfinite(found).all() else None


def check_english(english: Summary | None, choice: Choice, name: str) -> None:
    """Raises CalibrationError where the method carries English cutoffs over and the population has no English."""
    if choice.method != "tail" and (english is None or english.documents < LEAST_DOCUMENTS):
        raise CalibrationError(
            f"{name}: {choice.method} carries English cutoffs over, and {name} has fewer than {LEAST_DOCUMENTS} documents in"
            f" {ENGLISH}; add English to it, or choose a method that does without (tail, contrast)"
        )


def _anchor(rule: Rule, choice: Choice, english: Summary | None, name: str) -> Anchor:
    check_english(english, choice, name)
    if english is None or not len(english.of(rule.metric)):  # the tail looks at the language alone
        return Anchor(rule.operator, rule.cutoff, Bootstrapped(np.zeros(1), Moments(), 0))
    return Anchor(rule.operator, rule.cutoff, bootstrapped(english, rule.metric, seed=rule.operator))


def _estimate(found: np.ndarray, language: Bootstrapped, operator: str) -> Estimate:
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return Estimate(
        cutoff=float(found[0]),
        interval=(float(low), float(high)),
        documents=len(language),
        median=float(np.median(language.values)),
        deviation=language.exact.std,
        removed=removed_share(language.values, operator, float(found[0])),
    )


def _language(language: Language, adapted: list[Rule], cutoffs: Mapping[str, Estimate], scheme: Mapping[str, Choice],
              stopwords: tuple[str, ...]) -> LanguageCutoffs:  # fmt: skip
    """A language's rules in FineWeb-2's order, each with its provenance."""
    rules = [language_score_rule(language)]
    for group in ("gopher_repetition", "fineweb_quality", "gopher_quality"):
        for rule in adapted:
            if rule.group == group:
                rules.append(_derived(language, rule, cutoffs.get(rule.reason), scheme[group]))
        rules += fixed_rules(group, bool(stopwords))
    return judged(language, rules, stopwords)


def judged(language: Language, rules: list[Rule], stopwords: tuple[str, ...]) -> LanguageCutoffs:
    """The rules with the shares they remove; those that the guards object to are withheld, flagged."""
    found = [_guarded(rule, language) for rule in rules]
    shipped = tuple(rule for rule in found if rule.provenance.flag is None)
    withheld = tuple(rule for rule in found if rule.provenance.flag is not None)
    return LanguageCutoffs(shipped, stopwords, withheld)


def language_score_rule(language: Language) -> Rule:
    """The cut on the language score, from the language's own data: the reference, else the crawl."""
    for population in ("reference", "crawl"):
        summary, name = language.of(population), language.evidence.name(population)
        if summary is not None and len(scores := summary.of("language_score")) >= LEAST_DOCUMENTS:
            cut = language_score_cut(scores)
            provenance = Provenance(method="language_score", reference=name, documents=len(scores))
            return Rule(metric="language_score", operator="<", cutoff=cut, group="language", provenance=provenance)
    provenance = Provenance(method="language_score", documents=0, fallback="the lowest cut: too few documents")
    return Rule(metric="language_score", operator="<", cutoff=0.3, group="language", provenance=provenance)


def _derived(language: Language, rule: Rule, found: Estimate | None, choice: Choice) -> Rule:
    reference, summary = language.evidence.name(choice.population), language.of(choice.population)
    if _is_anchor(language.label, choice):
        documents = len(summary.of(rule.metric)) if summary else 0
        return replace(rule, provenance=Provenance(method="anchor", reference=reference, documents=documents))
    if found is None:
        flag = f"{choice.method} is undefined here: no language has documents for it, or English's median is 0"
        return replace(rule, provenance=Provenance(method=choice.method, reference=reference, flag=flag))
    cutoff = bounded(rule.metric, found.cutoff)
    low, high = (round(bounded(rule.metric, each), DECIMALS) for each in found.interval)
    fallback = found.fallback
    if cutoff != found.cutoff:
        fallback = "; ".join(filter(None, [fallback, f"bounded, was {found.cutoff:.4g}"]))
    provenance = Provenance(
        method=choice.method,
        reference=reference,
        documents=found.documents,
        interval=(low, high),
        fallback=fallback,
    )
    return replace(rule, cutoff=rounded(rule.operator, cutoff), provenance=provenance)


def bounded(metric: str, cutoff: float) -> float:
    low, high = BOUNDS.get(metric, (0.0, 1.0) if metric in _RATIOS else (0.0, math.inf))
    return min(max(cutoff, low), high)


def rounded(operator: str, cutoff: float) -> float:
    """To `DECIMALS`, outwards: a document exactly at the cutoff stays on the side of the kept."""
    scale = 10**DECIMALS
    outward = math.floor if operator.startswith("<") else math.ceil
    return outward(round(cutoff * scale, 6)) / scale


def fixed_rules(group: str, stopwords: bool) -> Iterator[Rule]:
    """What FineWeb-2 holds fixed in every language, of one group."""
    values = {"fineweb_quality": fineweb2.FIXED_FINEWEB, "gopher_quality": fineweb2.FIXED_GOPHER}.get(group, ())
    if group == "gopher_quality" and stopwords:
        values = (*values, fineweb2.FIXED_STOPWORDS)
    for metric, operator, cutoff in values:
        yield Rule(metric=metric, operator=operator, cutoff=cutoff, group=group, provenance=fineweb2.FIXED)


def _guarded(rule: Rule, language: Language) -> Rule:
    """The rule with the shares it removes, and a flag where one is out of bounds."""
    shares = {population: _removed(rule, language.of(population)) for population in POPULATIONS}
    flag = rule.provenance.flag or _objection(rule, shares)
    found = replace(rule.provenance, removed_crawl=shares["crawl"], removed_reference=shares["reference"], flag=flag)
    return replace(rule, provenance=found)


def _removed(rule: Rule, summary: Summary | None) -> float | None:
    if summary is None or not len(summary.values):
        return None
    return round(float(rule.fires(summary.values[:, METRIC_INDEX[rule.metric]]).mean()), DECIMALS)


def _objection(rule: Rule, shares: Mapping[str, float | None]) -> str | None:
    low, high = (0.0, 1.0) if rule.metric in _RATIOS else (0.0, math.inf)
    if rule.cutoff >= high if rule.operator.startswith(">") else rule.cutoff <= low:
        return "can never fire"
    for name, share in shares.items():
        if share is not None and share > MOST_REMOVED:
            return f"removes {share:.0%} of the {name}, more than {MOST_REMOVED:.0%}"
    return None
