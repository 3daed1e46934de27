"""datatrove's numbers, read out of its own filters, and its verdicts at given cutoffs: what parity is measured with.

A `Spy` in a cutoff's place sees every value that the filter compares with it and never lets it drop: one call of each
filter gives all its metrics, computed by datatrove's code alone.
"""

import importlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from filters.segment import words
from filters.signals import measure
from thresholds.rule import Rule
from thresholds.table import CutoffTable, LanguageCutoffs

MODULES = {
    "GopherRepetition": ("gopher_repetition_filter", "GopherRepetitionFilter"),
    "GopherQuality": ("gopher_quality_filter", "GopherQualityFilter"),
    "FineWebQuality": ("fineweb_quality_filter", "FineWebQualityFilter"),
}
# (our metric, operator that drops, datatrove's filter, its option); top_n_grams/2 is that entry of a list
TESTS: tuple[tuple[str, str, str, str], ...] = (
    ("duplicate_paragraph_ratio", ">", "GopherRepetition", "dup_para_frac"),
    ("duplicate_paragraph_character_ratio", ">", "GopherRepetition", "dup_para_char_frac"),
    ("duplicate_line_ratio", ">", "GopherRepetition", "dup_line_frac"),
    ("duplicate_line_character_ratio", ">", "GopherRepetition", "dup_line_char_frac"),
    *((f"top_{n}gram_character_ratio", ">", "GopherRepetition", f"top_n_grams/{n}") for n in (2, 3, 4)),
    *((f"duplicate_{n}gram_character_ratio", ">", "GopherRepetition", f"dup_n_grams/{n}") for n in range(5, 11)),
    ("non_symbol_words", "<", "GopherQuality", "min_doc_words"),
    ("non_symbol_words", ">", "GopherQuality", "max_doc_words"),
    ("mean_word_length", "<", "GopherQuality", "min_avg_word_length"),
    ("mean_word_length", ">", "GopherQuality", "max_avg_word_length"),
    ("hash_word_ratio", ">", "GopherQuality", "max_symbol_word_ratio"),
    ("ellipsis_word_ratio", ">", "GopherQuality", "max_symbol_word_ratio"),
    ("bullet_line_ratio", ">", "GopherQuality", "max_bullet_lines_ratio"),
    ("ellipsis_line_ratio", ">", "GopherQuality", "max_ellipsis_lines_ratio"),
    ("alphabetic_word_ratio", "<", "GopherQuality", "max_non_alpha_words_ratio"),
    ("stopwords", "<", "GopherQuality", "min_stop_words"),
    ("terminal_punctuation_line_ratio", "<", "FineWebQuality", "line_punct_thr"),
    ("short_line_ratio", ">", "FineWebQuality", "short_line_thr"),
    ("duplicate_nonblank_line_character_ratio", ">", "FineWebQuality", "char_duplicates_ratio"),
    ("newline_word_ratio", ">", "FineWebQuality", "new_line_ratio"),
)
# Both sides of a metric at its median would drop all but the median: there, in a whole filter, one side is on
OTHER_SIDE = {("non_symbol_words", ">"), ("mean_word_length", "<")}
METRICS = tuple(dict.fromkeys(metric for metric, *_ in TESTS))
_SMALLEST = float(np.nextafter(0, 1))


class Spy:
    """A cutoff that remembers what it was compared with, and is on neither side of it."""

    __array_ufunc__ = None  # numpy's floats leave the comparison to us

    def __init__(self) -> None:
        self.seen: list[float] = []

    def __lt__(self, value: float) -> bool:
        self.seen.append(float(value))
        return False

    __gt__ = __lt__


Breaker = Callable[[str], list[str]]


@contextmanager
def filters(breaker: Breaker) -> Iterator[dict[str, type]]:
    """datatrove's classes by name, splitting words with `breaker` until the block ends; the last text is remembered."""
    remembered = lru_cache(maxsize=1)(breaker)
    modules = {
        name: importlib.import_module(f"datatrove.pipeline.filters.{module}") for name, (module, _) in MODULES.items()
    }
    before = {name: module.split_into_words for name, module in modules.items()}
    for module in modules.values():
        module.split_into_words = lambda text, language: remembered(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean word length of a text without words is NaN
            yield {name: getattr(module, MODULES[name][1]) for name, module in modules.items()}
    finally:
        for name, module in modules.items():
            module.split_into_words = before[name]


def own_breaker(label: str) -> Breaker:
    """datatrove's tokenizer of the language. Raises ImportError (not installed), LookupError or ValueError (none)."""
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    tokenizer = load_word_tokenizer(label)
    tokenizer.word_tokenize("a b")
    return tokenizer.word_tokenize


def _configured(kinds: dict[str, type], cutoffs: dict[str, dict[str, Any]], stopwords: Sequence[str]) -> dict[str, Any]:
    """The three filters with these cutoffs by option."""
    built = {}
    for name, kind in kinds.items():
        options: dict[str, Any] = {}
        for option, cutoff in cutoffs[name].items():
            listed, _, n = option.partition("/")
            options[listed] = (*options.get(listed, ()), (int(n), cutoff)) if n else cutoff
        if name == "GopherQuality":
            options["stop_words"] = list(stopwords)
        built[name] = kind(**options)
    return built


def theirs(kinds: dict[str, type], texts: Sequence[str], stopwords: Sequence[str]) -> dict[str, np.ndarray]:
    """datatrove's values by metric, float64 (documents,); NaN where it compared nothing."""
    from datatrove.data import Document

    spies: dict[str, dict[str, Spy]] = {name: {} for name in kinds}
    for _, _, name, option in TESTS:
        spies[name].setdefault(option, Spy())
    built = _configured(kinds, spies, stopwords)
    values = {metric: np.full(len(texts), np.nan) for metric in METRICS}
    for row, text in enumerate(texts):
        for options in spies.values():
            for spy in options.values():
                spy.seen.clear()
        document = Document(text, str(row))
        for each in built.values():
            each.filter(document)
        for metric, _, name, option in TESTS:
            seen = spies[name][option].seen
            if seen:  # the one option of two metrics sees the ellipses second
                values[metric][row] = seen[-1] if metric == "ellipsis_word_ratio" else seen[0]
    return values


def ours(texts: Sequence[str], label: str, stopwords: Sequence[str]) -> tuple[pa.StructArray, dict[str, np.ndarray]]:
    """Signals, and the values of METRICS as `theirs` has them."""
    signals = measure(pa.array(texts, pa.string()), pa.array([label] * len(texts)), stopwords={label: stopwords})
    return signals, {
        metric: signals.field(metric).fill_null(np.nan).to_numpy(zero_copy_only=False) for metric in METRICS
    }


def frequent_words(texts: Sequence[str], count: int = 8) -> list[str]:
    """A stopword list of the documents themselves: the most frequent words of letters."""
    counted = Counter(word for text in texts for word in words(text) if word[:1].isalpha())
    return [word for word, _ in counted.most_common(count)]


def medians(values: dict[str, np.ndarray]) -> dict[tuple[str, str], float]:
    """The median by (metric, operator); one cutoff where datatrove has one option for two metrics: the larger."""
    found = {(metric, operator): float(np.nanmedian(values[metric])) for metric, operator, *_ in TESTS}
    shared = max(found["hash_word_ratio", ">"], found["ellipsis_word_ratio", ">"])
    return found | {("hash_word_ratio", ">"): shared, ("ellipsis_word_ratio", ">"): shared}


def english() -> dict[tuple[str, str], float]:
    """FineWeb's English values by rule: datatrove's defaults."""
    rules = CutoffTable.load("english").of("eng_Latn").rules
    known = {(metric, operator) for metric, operator, *_ in TESTS}
    return {(rule.metric, rule.operator): rule.cutoff for rule in rules if (rule.metric, rule.operator) in known}


def fires(values: dict[str, np.ndarray], cutoffs: dict[tuple[str, str], float]) -> dict[tuple[str, str], np.ndarray]:
    """bool (documents,) by rule: what it alone drops."""
    return {
        (metric, operator): Rule(metric=metric, operator=operator, cutoff=cutoff).fires(values[metric])
        for (metric, operator), cutoff in cutoffs.items()
    }


def our_drops(signals: pa.StructArray, label: str, cutoffs: dict[tuple[str, str], float]) -> dict[str, np.ndarray]:
    """bool (documents,) by filter: what our table with that filter's rules drops."""
    dropped = {}
    for name in MODULES:
        rules = tuple(
            Rule(metric=metric, operator=operator, cutoff=cutoffs[metric, operator])
            for metric, operator, filter_name, _ in TESTS
            if filter_name == name and (metric, operator) in cutoffs
        )
        table = CutoffTable({label: LanguageCutoffs(rules)})
        reasons = table.apply(signals, pa.array([label] * len(signals)))
        dropped[name] = np.array([bool(why) for why in reasons.to_pylist()])
    return dropped


def their_drops(
    kinds: dict[str, type], texts: Sequence[str], stopwords: Sequence[str], cutoffs: dict[tuple[str, str], float]
) -> dict[str, np.ndarray]:
    """bool (documents,) by filter: datatrove's own verdicts.

    A cutoff of 0 would turn its tests off, so "above 0" is "above the smallest float"; nothing is below 0.
    """
    from datatrove.data import Document

    chosen: dict[str, dict[str, float | None]] = {name: {} for name in kinds}
    for metric, operator, name, option in TESTS:
        cutoff = cutoffs.get((metric, operator))
        chosen[name][option] = _SMALLEST if cutoff == 0 and operator == ">" else cutoff
    built = _configured(kinds, chosen, stopwords)
    documents = [Document(text, str(row)) for row, text in enumerate(texts)]
    verdicts: dict[str, list[bool]] = {name: [] for name in built}
    for document in documents:
        for name, each in built.items():
            verdicts[name].append(each.filter(document) is not True)
    return {name: np.array(found) for name, found in verdicts.items()}


@dataclass(frozen=True)
class Parity:
    """Agreement of one language's documents with datatrove, for one word breaker."""

    documents: int
    unequal: dict[str, int]  # by metric: documents whose value is not datatrove's, to the last bit
    rules: dict[tuple[str, str], float]  # by rule at its median: share of documents with the same verdict
    own_medians: dict[tuple[str, str], float]  # as `rules`, each system at its own median
    filters: dict[str, float]  # by filter, every rule at its median (one side of each metric)
    dropped: dict[str, float]  # by filter: share that datatrove drops then
    defaults: dict[str, float]  # as `filters`, at datatrove's default cutoffs
    defaults_dropped: dict[str, float]


def compare(texts: Sequence[str], label: str, breaker: Breaker) -> Parity:
    """Ours and datatrove's on the same documents, cutoffs at our medians."""
    stopwords = frequent_words(texts)
    signals, mine = ours(texts, label, stopwords)
    cutoffs = medians(mine)
    one_sided = {rule: cutoff for rule, cutoff in cutoffs.items() if rule not in OTHER_SIDE}
    with filters(breaker) as kinds:
        other = theirs(kinds, texts, stopwords)
        drops = [their_drops(kinds, texts, stopwords, each) for each in (one_sided, english())]
    own = [our_drops(signals, label, each) for each in (one_sided, english())]
    same, at_cutoffs = fires(mine, cutoffs), fires(other, cutoffs)
    at_own = fires(other, medians(other))
    agreed = [{name: float((a[name] == b[name]).mean()) for name in MODULES} for a, b in zip(own, drops, strict=True)]
    dropped = [{name: float(each[name].mean()) for name in MODULES} for each in drops]
    return Parity(
        len(texts),
        {metric: int((~_equal(mine[metric], other[metric])).sum()) for metric in METRICS},
        {rule: float((same[rule] == at_cutoffs[rule]).mean()) for rule in same},
        {rule: float((same[rule] == at_own[rule]).mean()) for rule in same},
        agreed[0],
        dropped[0],
        agreed[1],
        dropped[1],
    )


def _equal(mine: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (mine == other) | (np.isnan(mine) & np.isnan(other))
