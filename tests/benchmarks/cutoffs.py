"""What cutoffs keep of clean text and remove of junk, by method and language, on halves that calibration never saw.

    python -m tests.benchmarks.cutoffs [--swap]

Clean and junk text: `tests.benchmarks.clean` and `junk`. The reference is the calibrate half of the clean text; the crawl
is that half (at most twice as many documents as junk) and the calibrate half of the junk. `--swap` calibrates on the test
half instead: the settings of contrast were chosen while looking at the test half, so this is the fresher judgement.

Languages are given, not identified, and the cut on the language score is left out: the filters alone are judged. Clean
documents of fewer than 50 words are not counted as clean: a rule that FineWeb-2 holds fixed drops them, whatever is
derived, and they are fragments (in Dakshina's Wikipedia up to half of the documents).

`kept` is of clean, `removed` of junk, means over languages. For contrast the budget is varied; at the share of junk that
another method removes, what contrast keeps is read off between two budgets. `ahead` is the share of languages in which
that is more, `level` the same, `behind` less, `short`: contrast does not reach that share of junk with these budgets.

Tried and left: contrast with the metrics that FineWeb-2 adapts alone (ahead of its methods in about half of the
languages); one set of levels for all languages (behind where a language's clean text is unlike the others'); levels by
gain per loss without a limit on the step (it spends the budget on one rule); a least gain of a step (at twice its loss it
ends at 2 % whatever the budget); a rule against text of one line, which told
these corpora apart, not clean from junk.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash

from filters.columns import METRIC_NAMES
from filters.signals import GOPHER_STOPWORDS, measure
from tests.benchmarks.clean import ENOUGH, clean
from tests.benchmarks.corpora import DATA
from tests.benchmarks.junk import junk
from thresholds.calibrate import CONTRAST, calibrate
from thresholds.derive import ENGLISH, Evidence
from thresholds.methods import METHODS
from thresholds.rule import KNOWN_METRICS
from thresholds.stopwords import stopwords
from thresholds.summary import METRIC_INDEX, Summary, summarise
from thresholds.table import CutoffTable, LanguageCutoffs

BUDGETS = (0.0005, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3)
FEWEST_WORDS = 50
GOAL = 0.75
_BATCH = 2_000


@dataclass(frozen=True)
class Corpus:
    """Every document: its label, split, kind (clean, or a kind of junk), hash, and metrics (n, KNOWN_METRICS)."""

    label: np.ndarray
    split: np.ndarray
    kind: np.ndarray
    hash: np.ndarray
    values: np.ndarray
    english_stopwords: np.ndarray  # how many of Gopher's eight English words a document has

    @property
    def is_clean(self) -> np.ndarray:
        return self.kind == "clean"

    @property
    def languages(self) -> list[str]:
        return sorted(set(self.label.tolist()))

    def rows(self, label: str, chosen: np.ndarray) -> np.ndarray:
        return self.values[chosen & (self.label == label)]

    def summaries(self, chosen: np.ndarray) -> dict[str, Summary]:
        numbers = np.flatnonzero(chosen)
        found = summarise(self.label[chosen], self.hash[chosen], numbers, self.values[chosen])
        return {summary.label: summary for summary in found}


def corpus(calibrate_half: str) -> tuple[Corpus, dict[str, tuple[str, ...]]]:
    """All documents measured, and stopwords from the clean calibrate half."""
    good = clean(DATA)
    documents = [(each.label, each.split, "clean", each.text) for each in good]
    documents += [(each.label, each.split, each.kind, each.text) for each in junk(DATA, good)]
    lists = {
        label: stopwords(pa.array([d[3] for d in documents if d[:3] == (label, calibrate_half, "clean")]))
        for label in {each.label for each in good}
    }
    values = np.concatenate(list(_measured(documents, lists)))
    hashes = [xxhash.xxh3_64_intdigest(text.encode()) - 2**63 for *_, text in documents]
    columns = [np.array([document[n] for document in documents]) for n in range(3)]
    everywhere = dict.fromkeys(lists, GOPHER_STOPWORDS[ENGLISH])
    english = np.concatenate(list(_measured(documents, everywhere)))[:, METRIC_INDEX["stopwords"]]
    return Corpus(*columns, np.array(hashes, np.int64), values, english), lists


def _measured(documents: list[tuple[str, str, str, str]], lists: dict[str, tuple[str, ...]]) -> Iterator[np.ndarray]:
    for start in range(0, len(documents), _BATCH):
        part = documents[start : start + _BATCH]
        signals = measure(pa.array([d[3] for d in part]), pa.array([d[0] for d in part]), stopwords=lists)
        values = np.full((len(part), len(KNOWN_METRICS)), np.nan)
        for name in METRIC_NAMES:
            column = signals.field(name).fill_null(np.nan)
            values[:, METRIC_INDEX[name]] = column.to_numpy(zero_copy_only=False)
        yield values


def evidence(found: Corpus, half: str) -> Evidence:
    seen = found.split == half
    in_crawl = seen & ~found.is_clean
    for label in found.languages:
        clean_rows = np.flatnonzero(seen & found.is_clean & (found.label == label))
        most = 2 * int((in_crawl & (found.label == label)).sum())
        in_crawl[clean_rows[np.argsort(found.hash[clean_rows])][:most]] = True
    return Evidence(found.summaries(in_crawl), found.summaries(seen & found.is_clean))


def fires(entry: LanguageCutoffs, rows: np.ndarray) -> np.ndarray:
    """Documents that any rule but the language score's drops."""
    dropped = np.zeros(len(rows), bool)
    for rule in entry.rules:
        if rule.metric != "language_score":
            dropped |= rule.fires(rows[:, METRIC_INDEX[rule.metric]])
    return dropped


@dataclass(frozen=True)
class Score:
    """One table in one language: shares of clean kept and junk removed, and the clean documents judged."""

    kept: float
    removed: float
    documents: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of `kept`."""
        n, z = self.documents, 1.96
        centre = (self.kept + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * (self.kept * (1 - self.kept) / n + z * z / (4 * n * n)) ** 0.5
        return round(centre - half, 3), round(centre + half, 3)


def judge(table: CutoffTable, found: Corpus, half: str) -> dict[str, Score]:
    long = found.values[:, METRIC_INDEX["non_symbol_words"]] >= FEWEST_WORDS
    unseen, scores = found.split == half, {}
    for label in found.languages:
        good = found.rows(label, unseen & found.is_clean & long)
        bad = found.rows(label, unseen & ~found.is_clean)
        entry = table.of(label)
        scores[label] = Score(1 - fires(entry, good).mean(), fires(entry, bad).mean(), len(good))
    return scores


def english_everywhere(languages: list[str]) -> CutoffTable:
    rules = CutoffTable.load("english").of(ENGLISH)
    return CutoffTable(dict.fromkeys(languages, rules))


def tables(known: Evidence, lists: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, CutoffTable]]:
    """English values, FineWeb-2's choice, and each of the four methods on both populations for all rules."""
    english = english_everywhere(known.labels)
    yield "english", english.with_stopwords(lists)
    yield "fineweb2", calibrate(known, stopwords=lists)
    for method in METHODS:
        for population in ("reference", "crawl"):
            name = f"{method}:{population}"
            yield name, calibrate(known, methods={"all": name}, stopwords=lists)


def english_with_its_stopwords(found: Corpus, half: str, chosen: list[str]) -> dict[str, float]:
    """Clean text that FineWeb's English filters keep as they are: with English stopwords, whatever the language."""
    unseen = (found.split == half) & found.is_clean
    unseen &= found.values[:, METRIC_INDEX["non_symbol_words"]] >= FEWEST_WORDS
    entry, kept = CutoffTable.load("english").of(ENGLISH), {}
    for label in chosen:
        rows = unseen & (found.label == label)
        dropped = fires(entry, found.values[rows]) | (found.english_stopwords[rows] < 2)
        kept[label] = round(1 - dropped.mean(), 3)
    return kept


def means(scores: Mapping[str, Score], chosen: list[str]) -> dict[str, float]:
    kept, removed = (np.array([getattr(scores[label], name) for label in chosen]) for name in ("kept", "removed"))
    return {
        "kept": round(kept.mean(), 3), "least_kept": round(kept.min(), 3),
        "removed": round(removed.mean(), 3), "least_removed": round(removed.min(), 3),
    }  # fmt: skip


def against(curves: Mapping[str, list[Score]], scores: Mapping[str, Score], chosen: list[str]) -> dict[str, float]:
    """Contrast beside another method, at the share of junk which that one removes."""
    ahead = []
    for label in chosen:
        points = sorted((each.removed, each.kept) for each in curves[label])
        removed, kept = np.array(points).T
        best = np.maximum.accumulate(kept[::-1])[::-1]  # what some budget keeps that removes at least as much
        there = np.interp(scores[label].removed, removed, best) if scores[label].removed <= removed[-1] else np.nan
        ahead.append(there - scores[label].kept)
    difference = np.array(ahead)
    return {
        "ahead": round(float((difference > 1e-9).mean()), 3),
        "level": round(float((abs(difference) <= 1e-9).mean()), 3),
        "behind": round(float((difference < -1e-9).mean()), 3),
        "short": round(float(np.isnan(difference).mean()), 3),
        "kept_more": round(float(np.nanmean(difference)), 3),
    }


def by_kind(table: CutoffTable, found: Corpus, half: str) -> dict[str, float]:
    """Share removed of each kind of junk, over all languages."""
    shares = {}
    for kind in sorted(set(found.kind.tolist()) - {"clean"}):
        chosen = (found.split == half) & (found.kind == kind)
        dropped = [fires(table.of(label), found.rows(label, chosen)) for label in found.languages]
        shares[kind] = round(float(np.concatenate(dropped).mean()), 3)
    return shares


def main() -> None:
    half, other = ("test", "calibrate") if "--swap" in sys.argv else ("calibrate", "test")
    start = time.process_time()
    found, lists = corpus(half)
    known = evidence(found, half)
    languages = found.languages
    large = [label for label in languages if known.reference[label].documents >= ENOUGH]
    scores = {name: judge(table, found, other) for name, table in tables(known, lists)}
    contrasts = {b: calibrate(known, methods=CONTRAST, budget=b, stopwords=lists) for b in BUDGETS}
    judged = {budget: judge(table, found, other) for budget, table in contrasts.items()}
    curves = {label: [each[label] for each in judged.values()] for label in languages}
    default = scores["fineweb2"]
    result = {
        "benchmark": "cutoffs",
        "calibrated_on": half,
        "languages": len(languages),
        "languages_with_60": len(large),
        "documents": {"clean": int(found.is_clean.sum()), "junk": int((~found.is_clean).sum())},
        "methods": {name: {"all": means(s, languages), "with_60": means(s, large)} for name, s in scores.items()},
        "contrast": {b: {"all": means(s, languages), "with_60": means(s, large)} for b, s in judged.items()},
        "contrast_against": {
            name: {"all": against(curves, s, languages), "with_60": against(curves, s, large)} for name, s in scores.items()
        },
        "english_with_its_stopwords_on": english_with_its_stopwords(found, other, large),
        "english_on": {label: round(scores["english"][label].kept, 3) for label in large},
        "fineweb2_on": {
            label: {"kept": round(default[label].kept, 3), "interval": default[label].interval,
                    "removed": round(default[label].removed, 3), "documents": default[label].documents}
            for label in large
        },
        "fineweb2_below_goal": [label for label in large if default[label].kept < GOAL],
        "junk_by_kind": {
            "fineweb2": by_kind(calibrate(known, stopwords=lists), found, other),
            "contrast": by_kind(contrasts[0.05], found, other),
        },
        "cpu_seconds": round(time.process_time() - start),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
