"""Our signals and the `english` cutoffs beside datatrove's three FineWeb filters, CPU time on the same documents.

    python -m tests.benchmarks.signals [documents per language for datatrove, default 400]

datatrove runs with its default cutoffs, so it stops at a document's first failed rule: that is in its favour. Its word
tokenizers need the extra `bench`; a language whose tokenizer is not installed has our figures only. One JSON line:
by language MB/s (UTF-8) and microseconds of CPU a document of each, and how many times faster ours is.
"""

import json
import sys
import time
from collections.abc import Callable

import pyarrow as pa

from filters.segment import segment
from filters.signals import measure
from tests.benchmarks.corpora import documents
from thresholds.table import CutoffTable

ENGLISH = CutoffTable.load("english")


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def ours(texts: list[str], label: str) -> dict[str, float]:
    """Best of three over the whole set, the batch built before."""
    column, language = pa.array(texts), pa.array([label] * len(texts))
    measure(column, language)
    segments = segment(column)
    breaking = min(cpu_seconds(lambda: segment(column)) for _ in range(3))
    counting = min(cpu_seconds(lambda: measure(column, language, segments=segments)) for _ in range(3))
    megabytes = column.get_total_buffer_size() / 1e6
    return {
        "megabytes": round(megabytes, 2),
        "mb_per_s": round(megabytes / (breaking + counting), 1),
        "word_breaking_mb_per_s": round(megabytes / breaking, 1),
        "us_per_document": round(1e6 * (breaking + counting) / len(texts), 1),
    }


def filtered(column: pa.StringArray, language: pa.StringArray) -> pa.ListArray:
    """Signals and drop reasons: what the three filters decide."""
    scores = pa.array([1.0] * len(column))
    return ENGLISH.apply(measure(column, language), language, columns={"language_score": scores})


def datatrove_seconds(texts: list[str], language: str) -> float:
    """CPU seconds of the three filters; the tokenizer is loaded before."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    kinds = (GopherRepetitionFilter, GopherQualityFilter, FineWebQualityFilter)
    filters = [kind(language=language) for kind in kinds]
    prepared = [Document(text=text, id=str(i)) for i, text in enumerate(texts)]
    for each in filters:
        each.filter(Document(text=texts[0] + "\n.", id="warm"))
    return cpu_seconds(lambda: [each.filter(document) for document in prepared for each in filters])


def compare(texts: list[str], label: str, limit: int) -> dict[str, float | str]:
    result: dict[str, float | str] = {**ours(texts, label)}
    sample = texts[:: max(1, len(texts) // limit)][:limit]
    try:
        seconds = datatrove_seconds(sample, label)
    except (ImportError, KeyError, ValueError) as error:
        return result | {"datatrove": f"not run: {str(error).splitlines()[0][:100]}"}
    column, language = pa.array(sample), pa.array([label] * len(sample))
    same = min(cpu_seconds(lambda: filtered(column, language)) for _ in range(5))
    return result | {
        "datatrove_us_per_document": round(1e6 * seconds / len(sample)),
        "datatrove_mb_per_s": round(column.get_total_buffer_size() / 1e6 / seconds, 3),
        "times_faster": round(seconds / same, 1),
    }


def main() -> None:
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    languages = {label: compare(texts, label, limit) for label, texts in documents().items()}
    print(json.dumps({"benchmark": "signals", "languages": languages}))


if __name__ == "__main__":
    main()
