"""Stopwords of a language from its own text: the words above a frequency share (FineWeb-2, section 4.4).

A share and not the top k: languages differ in how few words make up their text. Words are compared as written, as
Gopher's rule does; numbers and symbols are no words. The share is lowered until `FEWEST` words are above it, which is
FineWeb-2's condition, and until its rule of two stopwords is harmless on clean text: in Tamil, Malayalam, Telugu and
Kannada FineWeb-2's condition alone leaves lists that 8 to 19 % of clean Wikipedia documents do not satisfy.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from filters.segment import ALPHABETIC, WORD_LIKE, Segments, segment

SHARES = (0.008, 0.005, 0.003, 0.002, 0.0015, 0.001, 0.0005)
FEWEST = 8
NEEDED = 2  # stopwords of a document, by Gopher's rule
MOST_WITHOUT = 0.02  # share of the documents that may have fewer
_LONG = 50  # tokens: shorter documents fall to Gopher's rule of length


def stopwords(text: pa.StringArray) -> tuple[str, ...]:
    """The list for these texts of one language, most frequent first; empty where there are fewer than FEWEST words."""
    segments = segment(text)
    counts = _counts(segments)
    total = sum(count for count, _ in counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1][0], item[1][1]))
    chosen: list[tuple[int, tuple[int, str]]] = []
    for share in SHARES:
        chosen = [item for item in ranked if item[1][0] > share * total]
        if len(chosen) >= FEWEST and _without(segments, [hash_ for hash_, _ in chosen]) <= MOST_WITHOUT:
            break
    return tuple(word for _, (_, word) in chosen) if len(chosen) >= FEWEST else ()


def _counts(segments: Segments) -> Mapping[int, tuple[int, str]]:
    """By hash: how often each word with a letter occurs, and the word."""
    tokens = segments.tokens
    tokens = tokens[(tokens["flags"] & ALPHABETIC > 0) & (tokens["flags"] & WORD_LIKE > 0)]
    hashes, first, counts = np.unique(tokens["hash"], return_index=True, return_counts=True)
    data = segments.data.tobytes()
    spans = zip(tokens["start"][first].tolist(), tokens["end"][first].tolist(), strict=True)
    spelled = (data[start:end].decode("utf-8", "replace") for start, end in spans)
    return dict(zip(hashes.tolist(), zip(counts.tolist(), spelled, strict=True), strict=True))


def _without(segments: Segments, listed: list[int]) -> float:
    """Share of the documents of more than `_LONG` tokens with fewer than NEEDED of the listed words."""
    document = np.repeat(np.arange(len(segments.valid)), np.diff(segments.first))
    hits = np.isin(segments.tokens["hash"], np.array(listed, np.uint64))
    pairs = np.unique(np.stack([document[hits].astype(np.uint64), segments.tokens["hash"][hits]]), axis=1)
    distinct = np.bincount(pairs[0].astype(np.int64), minlength=len(segments.valid))
    long = np.diff(segments.first) > _LONG
    return float((distinct[long] < NEEDED).mean()) if long.any() else 0.0
