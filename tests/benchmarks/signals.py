"""Our signals beside datatrove's three FineWeb filters on the same documents, and the whole measure pass; CPU time.

    python -m tests.benchmarks.signals [documents per language for datatrove, default 400]

One JSON line; by language, each figure the least of several runs, in one process:

- `mb_per_s` (UTF-8): word breaking and signals, on batches of 512 documents as the pipeline has them;
- `measure_pass_mb_per_s`: all that a document of text goes through: repair, language identification, PII,
  segmentation, signals, MinHash and the exact hash, with the share of each. Quality classification does not exist yet;
- `times_faster`: datatrove with cutoffs at which nothing fires, so that it computes all of its 25 metrics, against
  `measure`, which computes those and 13 more. `times_faster_with_cutoffs`: against `measure` and `CutoffTable.apply`;
- `times_faster_early_exit`: datatrove with its default cutoffs stops at a document's first failed rule.

datatrove's filters run in a row on each document, so that they share its word cache as in its pipelines. Its word
tokenizers need the extra `bench`; a language whose tokenizer is not installed has our figures only.

What was tried or thought through for the kernels and did not pay:

- pruning n-grams compared as text by those one word shorter: equal texts may be cut differently, so it is not sound;
- other prefixes than 12 code points for that: 8 let 1.2 n-grams a word through over all six lengths, 12 let 0.6, and
  below 16 are a third of the English 5-grams, of which so long a prefix says nothing;
- sieves with 4, 8, 32 or 64 slots a key instead of 16: too many false alarms, or too large for the first-level cache;
- fewer branches to decode three bytes, fewer variables in the loop over a word's characters: both 10 to 20 % slower;
- fewer calls to ICU: icu4py has no bulk interface, and Thai, Chinese and Japanese spend nine tenths of their time there.

What paid: one test where two alternatives alternate at random (letters and marks in Hindi), because compilers split
`a and b` into two branches; unsigned indices, because numba looks for negative ones; collecting the places of rare
characters without a branch; a sieve before every hash table; decoding once.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc

from filters import clean, language, minhash
from filters.segment import segment
from filters.signals import measure
from tests.benchmarks.corpora import documents
from thresholds.table import CutoffTable

ENGLISH, UNIVERSAL = CutoffTable.load("english"), CutoffTable.load("universal")
BATCH = 512
Batches = list[tuple[pa.StringArray, pa.StringArray]]


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def least(work: Callable[[], object], times: int = 5) -> float:
    return min(cpu_seconds(work) for _ in range(times))


def batches(texts: list[str], label: str) -> Batches:
    parts = [pa.array(texts[start : start + BATCH], pa.string()) for start in range(0, len(texts), BATCH)]
    return [(part, pa.array([label] * len(part))) for part in parts]


@contextmanager
def timed(spent: dict[str, float], step: str) -> Iterator[None]:
    start = time.process_time()
    yield
    spent[step] = spent.get(step, 0.0) + time.process_time() - start


def whole_pass(texts: list[str], spent: dict[str, float]) -> None:
    """The calls of `curate.measure` on one batch of records that are text already; adds to `spent` by step."""
    with timed(spent, "repair"):
        text = clean.repair(clean.strings(texts))
    with timed(spent, "language"):
        found = language.identify(text)
    with timed(spent, "pii"):
        clean.pii(text)
    labels = pc.binary_join_element_wise(found.field("language"), found.field("language_script"), "_")
    with timed(spent, "segment"):
        segments = segment(text)
    with timed(spent, "signals"):
        measure(text, labels, stopwords=UNIVERSAL.stopwords, segments=segments)
    with timed(spent, "minhash"):
        minhash.pack(minhash.signatures(text, labels, segments=segments))
    with timed(spent, "exact_hash"):
        minhash.exact_hash(text)


def measure_pass(texts: list[str], megabytes: float) -> dict[str, object]:
    """MB/s of the whole pass and the share of each step, of the quickest of three runs."""
    runs: list[dict[str, float]] = []
    for _ in range(3):
        runs.append({})
        for start in range(0, len(texts), BATCH):
            whole_pass(texts[start : start + BATCH], runs[-1])
    best = min(runs, key=lambda spent: sum(spent.values()))
    total = sum(best.values())
    return {
        "measure_pass_mb_per_s": round(megabytes / total, 1),
        "measure_pass_shares": {name: round(seconds / total, 3) for name, seconds in best.items()},
    }


def on_each(given: Batches, work: Callable[[pa.StringArray, pa.StringArray], object]) -> None:
    """One batch after the other, each result freed before the next, as in the pipeline."""
    for text, labels in given:
        work(text, labels)


def ours(texts: list[str], label: str) -> dict[str, object]:
    given = batches(texts, label)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    breaking = least(lambda: on_each(given, lambda text, labels: segment(text)))
    both = least(lambda: on_each(given, measure))
    return {
        "megabytes": round(megabytes, 2),
        "mb_per_s": round(megabytes / both, 1),
        "word_breaking_mb_per_s": round(megabytes / breaking, 1),
        "us_per_document": round(1e6 * both / len(texts), 1),
        **measure_pass(texts, megabytes),
    }


def filtered(text: pa.StringArray, labels: pa.StringArray) -> pa.ListArray:
    """Signals and drop reasons: what the three filters decide."""
    return ENGLISH.apply(measure(text, labels), labels, columns={"language_score": pa.array([1.0] * len(text))})


# At these cutoffs nothing fires, and every metric is computed. 0 or None would turn a test off.
NEVER: dict[str, dict[str, object]] = {
    "GopherRepetitionFilter": {
        **dict.fromkeys(("dup_line_frac", "dup_para_frac", "dup_line_char_frac", "dup_para_char_frac"), 2.0),
        "top_n_grams": tuple((n, float("inf")) for n in (2, 3, 4)),
        "dup_n_grams": tuple((n, 2.0) for n in range(5, 11)),
    },
    "GopherQualityFilter": {
        **dict.fromkeys(("max_doc_words", "max_avg_word_length", "max_symbol_word_ratio"), float("inf")),
        **dict.fromkeys(("max_bullet_lines_ratio", "max_ellipsis_lines_ratio"), 2.0),
        **dict.fromkeys(("min_doc_words", "min_avg_word_length", "max_non_alpha_words_ratio", "min_stop_words"), -1),
    },
    "FineWebQualityFilter": {
        "line_punct_thr": -1.0,
        "short_line_thr": 2.0,
        "char_duplicates_ratio": 2.0,
        "new_line_ratio": float("inf"),
    },
}


def datatrove_seconds(texts: list[str], label: str, *, early_exit: bool) -> float:
    """CPU seconds of the three filters in a row on each document; the tokenizer is loaded before."""
    from datatrove.data import Document
    from datatrove.pipeline import filters as theirs

    filters = [
        getattr(theirs, name)(language=label, **({} if early_exit else options)) for name, options in NEVER.items()
    ]
    prepared = [Document(text=text, id=str(i)) for i, text in enumerate(texts)]
    for each in filters:
        each.filter(Document(text=texts[0] + "\n.", id="warm"))
    verdicts: list[object] = []

    def run() -> None:
        verdicts[:] = [each.filter(document) for document in prepared for each in filters]

    seconds = least(run, 2)
    assert early_exit or all(verdict is True for verdict in verdicts), "a cutoff fired"
    return seconds


def compare(texts: list[str], label: str, limit: int) -> dict[str, object]:
    result = ours(texts, label)
    sample = texts[:: max(1, len(texts) // limit)][:limit]
    try:
        every_metric = datatrove_seconds(sample, label, early_exit=False)
        early_exit = datatrove_seconds(sample, label, early_exit=True)
    except (ImportError, KeyError, ValueError) as error:
        return result | {"datatrove": f"not run: {str(error).splitlines()[0][:100]}"}
    given = batches(sample, label)
    signals_only = least(lambda: on_each(given, measure), 9)
    with_cutoffs = least(lambda: on_each(given, filtered), 9)
    size = sum(len(text.encode()) for text in sample) / 1e6
    return result | {
        "datatrove_us_per_document": round(1e6 * every_metric / len(sample)),
        "datatrove_mb_per_s": round(size / every_metric, 3),
        "same_documents_us": round(1e6 * signals_only / len(sample), 1),
        "same_documents_with_cutoffs_us": round(1e6 * with_cutoffs / len(sample), 1),
        "times_faster": round(every_metric / signals_only, 1),
        "times_faster_with_cutoffs": round(every_metric / with_cutoffs, 1),
        "times_faster_early_exit": round(early_exit / signals_only, 1),
    }


def main() -> None:
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    languages = {label: compare(texts, label, limit) for label, texts in documents().items()}
    print(json.dumps({"benchmark": "signals", "quality_classification": "does not exist yet", "languages": languages}))


if __name__ == "__main__":
    main()
