"""Choosing documents that show each new token a number of times, so that its row is learned from few tokens.

Greedy by gain a token, in passes of falling thresholds (Badanidiyuru and Vondrak, SODA 2014): a document's gain is how
many of its tokens are wanted still; each pass takes, in order, those whose gain is at least a share of their length. A
last pass drops what became needless. Memory is a counter a token and a place a document taken. The measure is ours: DataSelect (2412.10244) ranks sentences for the same end by a formula
that we did not have.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from train.stream.encoder import Encoder
from train.stream.mixture import Source
from train.stream.shards import texts

_THRESHOLDS = (0.8, 0.4, 0.2, 0.1, 0.0)  # gain a token; the last takes whatever has a wanted token at all
_BATCH = 64  # documents a tokenising call
_AHEAD = 8  # calls
_ROWS = 1024  # a row group


@dataclass(frozen=True)
class Chosen:
    """documents: their places, ascending. tokens: in them. lacking: how often each token is still wanted, if at all."""

    documents: list[int]
    tokens: int
    lacking: dict[int, int]


def choose(documents: Callable[[], Iterable[np.ndarray]], wanted: Collection[int], times: int) -> Chosen:
    """Documents in which each of the wanted ids is `times` times, or as often as it occurs at all.

    documents: gives the ids of each document, from the first on, at every call; called at most six times.
    """
    last = max(wanted, default=0) + 1  # in the place of all ids that are not wanted
    need, seen = np.zeros(last + 1, np.int64), np.zeros(last + 1, np.int64)
    need[list(wanted)] = times
    left = need.copy()
    taken: dict[int, int] = {}  # document -> its tokens
    for threshold in _THRESHOLDS:
        for at, (size, ids, counts) in enumerate(_counted(documents() if left.any() else (), last)):
            gains = np.minimum(counts, left[ids])
            if at not in taken and gains.any() and gains.sum() >= threshold * size:
                left[ids] -= gains
                seen[ids] += counts
                taken[at] = size
    surplus = seen - (need - left)
    for at, (_, ids, counts) in enumerate(_counted(documents(), last)):
        if at in taken and np.all(counts <= surplus[ids]):  # later ones made it needless
            surplus[ids] -= counts
            del taken[at]
    lacking = {int(token): int(left[token]) for token in np.flatnonzero(left)}
    return Chosen(sorted(taken), sum(taken.values()), lacking)


def _counted(documents: Iterable[np.ndarray], last: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(tokens, ids, how often each is there) of each document."""
    for tokens in documents:
        yield len(tokens), *np.unique(np.minimum(tokens, last), return_counts=True)


def write(path: Path, sources: Collection[Source], encoder: Encoder, wanted: Collection[int], times: int) -> Chosen:
    """Choose from all documents of the sources; text and source of the chosen ones as Parquet. Raises TrainError."""
    chosen = choose(lambda: _tokenised((text for _, text in _documents(sources)), encoder), wanted, times)
    places = set(chosen.documents)
    rows = ((name, text) for at, (name, text) in enumerate(_documents(sources)) if at in places)
    partial = path.with_name(f".{path.name}.partial")
    with pq.ParquetWriter(partial, pa.schema({"text": pa.string(), "source": pa.string()}), compression="zstd") as file:
        while batch := list(islice(rows, _ROWS)):
            names, found = zip(*batch, strict=True)
            file.write_table(pa.table({"text": pa.array(found), "source": pa.array(names)}))
    partial.rename(path)
    return chosen


def _documents(sources: Iterable[Source]) -> Iterator[tuple[str, str]]:
    for source in sources:
        for text in texts(source.paths, column=source.column):
            yield source.name, text


def _tokenised(documents: Iterator[str], encoder: Encoder) -> Iterator[np.ndarray]:
    calls = deque[Future[list[np.ndarray]]]()
    while batch := list(islice(documents, _BATCH)):
        calls.append(encoder.submit(batch))
        if len(calls) > _AHEAD:
            yield from calls.popleft().result()
    for call in calls:
        yield from call.result()
