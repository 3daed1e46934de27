"""A rule is data: the metric, the operator and the cutoff at which a document is dropped, and where the cutoff is from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from filters.columns import METRIC_NAMES
from filters.pdf.page_columns import PAGE_METRIC_NAMES

# Metrics that are columns of the document itself, not fields of `signals`.
DOCUMENT_METRICS: tuple[str, ...] = ("language_score", "quality")
KNOWN_METRICS: tuple[str, ...] = (*DOCUMENT_METRICS, *METRIC_NAMES)
_RULE_METRICS = tuple(dict.fromkeys((*KNOWN_METRICS, *PAGE_METRIC_NAMES)))  # pages of PDFs have tables of their own

OPERATORS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a cutoff comes from. None: not known, or not applicable."""

    method: str | None = None  # given, fixed, anchor, tail, mean_std, median_ratio, quantile, contrast, language_score
    reference: str | None = None  # the corpus or publication
    documents: int | None = None  # of the language, that the cutoff was computed from
    interval: tuple[float, float] | None = None  # 95 %, bootstrap
    fallback: str | None = None  # what decided beside, or instead of, the language's own documents
    removed_crawl: float | None = None  # share of the crawl's documents that this rule alone drops
    removed_reference: float | None = None  # the same of the reference
    flag: str | None = None  # why a derived rule is withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Drop a document when `metric operator cutoff` holds. A null metric never fires.

    Raises ValueError for an unknown metric or operator, or a cutoff that is no finite number.
    """

    metric: str
    operator: str
    cutoff: float
    group: str = "custom"  # gopher_repetition, gopher_quality, fineweb_quality, setu, language ...
    provenance: Provenance = Provenance()

    def __post_init__(self) -> None:
        if self.metric not in _RULE_METRICS:
            raise ValueError(f"unknown metric {self.metric!r}; known: {', '.join(_RULE_METRICS)}")
        if self.operator not in OPERATORS:
            raise ValueError(f"unknown operator {self.operator!r} for {self.metric}; known: {' '.join(OPERATORS)}")
        if isinstance(self.cutoff, bool) or not isinstance(self.cutoff, int | float) or not np.isfinite(self.cutoff):
            raise ValueError(f"the cutoff of {self.metric} is {self.cutoff!r}, must be a finite number")

    @property
    def reason(self) -> str:
        """The drop reason: the metric and the side on which it failed, the same for every language."""
        return f"{self.metric}_{'low' if self.operator.startswith('<') else 'high'}"

    def fires(self, values: np.ndarray) -> np.ndarray:
        """Which of `values` (float64, NaN for null) the rule drops."""
        return OPERATORS[self.operator](values, self.cutoff)  # NaN compares false with everything
