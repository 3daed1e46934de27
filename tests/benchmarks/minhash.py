"""`filters.minhash.signatures` beside rensa, datasketch and datatrove: CPU time on the same documents in one run.

    python -m tests.benchmarks.minhash [documents per language for the peers, default 200]

All make 112 values from word 5-grams. datasketch (scheme affine32, in bulk) and rensa take n-grams of our words, cut
and joined before the clock starts, so ours is compared there with its words broken before; against datatrove and
`rensa_from_text`, which joins n-grams of white-space words, both break the words. Limits, on English and Hindi: 50 times less CPU
than datatrove, 10 times less than rensa. The second holds where the words are broken for the signals anyway
(`with_segments`); alone, our breaking of words, which knows every script, takes most of the time (4 and 8 times). A peer that is not installed is left out. One JSON line: MB/s (UTF-8) and times faster by language.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from filters.minhash import signatures
from filters.segment import segment, words
from tests.benchmarks.corpora import documents
from tests.benchmarks.signals import cpu_seconds

NGRAM = 5


def shingles(text: str) -> list[str]:
    tokens = words(text)
    return [" ".join(tokens[i : i + NGRAM]) for i in range(len(tokens) - NGRAM + 1)]


def rensa_work(texts: list[str], label: str) -> Callable[[], object]:
    from rensa import RMinHash

    prepared = [shingles(text) for text in texts]

    def sign(grams: list[str]) -> list[int]:
        minhash = RMinHash(num_perm=112, seed=1)
        minhash.update(grams)
        return minhash.digest()

    return lambda: [sign(grams) for grams in prepared]


def rensa_from_text_work(texts: list[str], label: str) -> Callable[[], object]:
    """As its documentation uses it: words at white space, n-grams joined in Python."""
    from rensa import RMinHash

    def sign(text: str) -> list[int]:
        tokens, minhash = text.lower().split(), RMinHash(num_perm=112, seed=1)
        minhash.update([" ".join(tokens[i : i + NGRAM]) for i in range(len(tokens) - NGRAM + 1)])
        return minhash.digest()

    return lambda: [sign(text) for text in texts]


def datasketch_work(texts: list[str], label: str) -> Callable[[], object]:
    from datasketch import MinHash

    prepared = [[gram.encode() for gram in shingles(text)] for text in texts]
    return lambda: MinHash.bulk(prepared, num_perm=112, seed=1, scheme="affine32")


def datatrove_work(texts: list[str], label: str) -> Callable[[], object]:
    from datatrove.data import Document
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    config = MinhashConfig(n_grams=NGRAM, num_buckets=14, hashes_per_bucket=8)
    step = MinhashDedupSignature("/tmp/unused", config=config, language=label)

    def sign(text: str) -> Any:
        grams = step.get_shingles(text)
        return step.get_signature(grams) if len(grams) else None

    sign(Document(text=texts[0], id="").text)
    return lambda: [sign(text) for text in texts]


FROM_TEXT = ("datatrove", "rensa_from_text")
PEERS = {
    "rensa": rensa_work,
    "rensa_from_text": rensa_from_text_work,
    "datasketch": datasketch_work,
    "datatrove": datatrove_work,
}


def compare(texts: list[str], label: str, limit: int) -> dict[str, float | str]:
    column, language = pa.array(texts), pa.array([label] * len(texts))
    megabytes = column.get_total_buffer_size() / 1e6
    signatures(column, language)
    segments = segment(column, dictionary=False)
    alone = min(cpu_seconds(lambda: signatures(column, language)) for _ in range(3))
    reused = min(cpu_seconds(lambda: signatures(column, language, segments=segments)) for _ in range(3))
    result: dict[str, float | str] = {
        "mb_per_s": round(megabytes / alone, 1),
        "mb_per_s_with_segments": round(megabytes / reused, 1),
    }
    sample = texts[:: max(1, len(texts) // limit)][:limit]
    size = sum(len(text.encode()) for text in sample) / 1e6
    for name, prepare in PEERS.items():
        try:
            rate = size / cpu_seconds(prepare(sample, label))
        except (ImportError, KeyError, ValueError) as error:
            result[name] = f"not run: {str(error).splitlines()[0][:100]}"
            continue
        result[f"{name}_mb_per_s"] = round(rate, 2)
        if name == "rensa_from_text":
            result["times_faster_than_rensa_from_text_with_segments"] = round(megabytes / reused / rate, 1)
        same_work = alone if name in FROM_TEXT else reused
        result[f"times_faster_than_{name}"] = round(megabytes / same_work / rate, 1)
    return result


def main() -> None:
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    languages = {label: compare(texts, label, limit) for label, texts in documents().items()}
    print(json.dumps({"benchmark": "minhash", "languages": languages}))


if __name__ == "__main__":
    main()
