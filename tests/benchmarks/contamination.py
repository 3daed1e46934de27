"""Looking for benchmarks in real documents: speed beside the word breaking it rests on, and what is found by chance.

    python -m tests.benchmarks.contamination

The benchmarks are maths questions, translated news in 128 languages and Wikipedia paragraphs (3.7 million 13-grams);
the documents are of other sources. What is found all the same is counted, and a few passages are shown. MB/s is CPU
time of one core on documents that hold nothing of what is looked for, `tests.benchmarks.corpora` giving them. One JSON
line.
"""

import json
from collections.abc import Iterable

import pyarrow as pa

from filters import contamination
from filters.contamination import Finder, Ngrams
from filters.segment import segment
from tests.benchmarks.corpora import _records, documents
from tests.benchmarks.signals import cpu_seconds

WIKIPEDIAS = ("bn", "gu", "hi", "kn", "ml", "mr", "pa", "sd", "ta", "te", "ur")


def benchmark_texts() -> list[str]:
    found = [str(value) for row in _records("sft/gsm8k_1500.jsonl.gz") for value in row.values()]
    found += ["\n".join(row["lines"]) for row in _records("text/ntrex128.jsonl.gz")]
    return found + ["\n".join(row["paragraphs"]) for row in _records("text/xquad_contexts.jsonl.gz")]


def unrelated() -> list[str]:
    names = [f"raw/wikipedia_{name}.jsonl.gz" for name in WIKIPEDIAS]
    names += ["raw/hindi_pd_literature.jsonl.gz", "text/masakhanews.jsonl.gz"]
    return [row["text"] for name in names for row in _records(name) if row.get("text")]


def ngrams(texts: Iterable[str]) -> Ngrams:
    return contamination.index([contamination.ngrams_of(pa.array(texts), 13)], 13)


def speed(texts: list[str], looked_for: Ngrams) -> dict[str, float]:
    column = pa.array(texts)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    segments = segment(column, dictionary=False)
    finder = Finder(looked_for)
    finder.find(segments)
    alone = min(cpu_seconds(lambda: finder.find(segments)) for _ in range(3))
    breaking = min(cpu_seconds(lambda: segment(column)) for _ in range(3))
    return {"mb_per_s": round(megabytes / alone, 1), "word_breaking_mb_per_s": round(megabytes / breaking, 1)}


def main() -> None:
    texts, news = unrelated(), ngrams(benchmark_texts())
    passages = Finder(news).find(segment(pa.array(texts)))
    found = [text[slice(*each.spans[0])] for text, each in zip(texts, passages, strict=True) if each]
    other = ngrams(texts)  # for those that are news themselves
    print(
        json.dumps(
            {
                "benchmark": "contamination",
                "ngrams": len(news.keys),
                "unrelated_documents": len(texts),
                "found": len(found),
                "passages": found[:5],
                "speed": {
                    label: speed(each, news if label in ("eng_Latn", "hin_Deva") else other)
                    for label, each in documents().items()
                },
            },
            ensure_ascii=False,
        )
    )


if __name__ == "__main__":
    main()
