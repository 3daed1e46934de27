"""Calibration by the name of a method: FineWeb-2's choice for each group of rules, changes to it, or contrast."""

from collections.abc import Mapping

from thresholds import contrast
from thresholds.derive import ENGLISH, CalibrationError, Evidence, check_english, choices, derive
from thresholds.preview import effects
from thresholds.summary import Summary
from thresholds.table import CutoffTable, LanguageCutoffs

CONTRAST = {"all": "contrast"}


def calibrate(
    evidence: Evidence,
    *,
    methods: Mapping[str, str] | None = None,
    budget: float = contrast.BUDGET,
    stopwords: Mapping[str, tuple[str, ...]] | None = None,
) -> CutoffTable:
    """Cutoffs for every language of the evidence. Raises CalibrationError for an unknown method or missing English.

    methods: by group of rules, as `method:population`; `{"all": "contrast"}` for `thresholds.contrast`, which `budget`
    (the share of the reference it may cost) belongs to; none: FineWeb-2's choice.
    """
    check_methods(methods or {})
    if methods == CONTRAST:
        return contrast.derive(evidence, budget=budget, stopwords=stopwords)
    return derive(evidence, scheme=choices(methods or {}), stopwords=stopwords)


def check_methods(methods: Mapping[str, str]) -> None:
    """Raises CalibrationError for what `calibrate` would not take."""
    if "contrast" in methods.values() and methods != CONTRAST:
        raise CalibrationError("contrast sets all rules together: give it alone, as all = contrast")
    if methods != CONTRAST:
        choices(methods)


def check_reference(reference: Mapping[str, Summary], name: str, methods: Mapping[str, str]) -> None:
    """Raises CalibrationError where a method needs English of the reference and there is none."""
    for choice in () if methods == CONTRAST else choices(methods).values():
        if choice.population == "reference":
            check_english(reference.get(ENGLISH), choice, name)


def removed_together(entry: LanguageCutoffs, summary: Summary | None) -> float | None:
    """Share of a summary's sample that at least one of the language's rules drops; None without documents."""
    if summary is None or not len(summary.values):
        return None
    return effects(summary, entry.rules).together
