"""Words that tell a language from the others: FineWeb-2's precision filter for small languages (Penedo et al. 2025).

The affinity of a word to a language is its share of the word: f(word, language) / sum over all languages of f(word, l),
with f the word's frequency among the words of a language. Words of high affinity that are frequent in their language
are its list. A document that holds none of them, at an address that does not speak for the language, is hardly in it:
of some languages most of a crawl is like that, taken for them by the identification model.

Words are those of `filters.segment` with a letter, compared folded (`filters.characters.fold`).
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from filters.columns import label
from filters.labels import canonical
from filters.segment import ALPHABETIC, Segments, hash_words, segment
from filters.url_language import speaks_for

AFFINITY = 0.85
PERCENTILE = 95  # of the frequencies of a language's words; rarer ones are not listed
MINIMUM_COUNT = 3  # of a word; of small texts even the 95th percentile may be one occurrence
_MERGE = 32  # batches whose counts are kept apart

Counts = tuple[np.ndarray, np.ndarray]  # folded hashes, uint64, sorted; occurrences, int64


def _merged(chunks: Iterable[Counts]) -> Counts:
    hashes, counts = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    unique, inverse = np.unique(hashes, return_inverse=True)
    return unique, np.bincount(inverse, counts).astype(np.int64)


def word_documents(segments: Segments) -> tuple[np.ndarray, np.ndarray]:
    """(folded hash, document) of each word."""
    rows = np.flatnonzero(segments.tokens["flags"] & ALPHABETIC)
    return segments.tokens["folded"][rows], np.searchsorted(segments.first, rows, "right") - 1


class WordCounts:
    """How often each word occurs in each language. Memory: 16 bytes for each word of a language."""

    def __init__(self) -> None:
        self._chunks: dict[str, list[Counts]] = {}

    def add(self, text: pa.StringArray, language: pa.StringArray) -> None:
        """Count the words of texts; `language` has labels like `hin_Deva`."""
        hashes, documents = word_documents(segment(text))
        labels = language.dictionary_encode()
        codes = labels.indices.to_numpy(zero_copy_only=False)[documents]
        order = np.argsort(codes, kind="stable")
        edges = np.searchsorted(codes[order], np.arange(len(labels.dictionary) + 1))
        for name, begin, end in zip(labels.dictionary.to_pylist(), edges, edges[1:], strict=False):
            if begin == end:
                continue
            chunks = self._chunks.setdefault(name, [])
            chunks.append(np.unique(hashes[order[begin:end]], return_counts=True))
            if len(chunks) >= _MERGE:
                self._chunks[name] = [_merged(chunks)]

    def of(self, language: str) -> Counts:
        return _merged(self._chunks[language])

    def lists(self, *, affinity: float = AFFINITY, percentile: float = PERCENTILE) -> dict[str, np.ndarray]:
        """Folded hashes of each language's words of high affinity, the most frequent first; uint64."""
        counts = {name: self.of(name) for name in sorted(self._chunks)}
        words, total = self._totals(counts)
        found = {}
        for name, (hashes, count) in counts.items():
            share = count / count.sum() / total[np.searchsorted(words, hashes)]
            least = max(MINIMUM_COUNT, np.percentile(count, percentile))
            chosen = np.flatnonzero((share >= affinity) & (count >= least))
            found[name] = hashes[chosen[np.argsort(-count[chosen], kind="stable")]]
        return found

    @staticmethod
    def _totals(counts: Mapping[str, Counts]) -> tuple[np.ndarray, np.ndarray]:
        """All words, sorted, and the sum of each one's frequencies in the languages."""
        hashes = np.concatenate([hashes for hashes, _ in counts.values()] or [np.empty(0, np.uint64)])
        frequency = np.concatenate([count / count.sum() for _, count in counts.values()] or [np.empty(0)])
        words, inverse = np.unique(hashes, return_inverse=True)
        return words, np.bincount(inverse, frequency, len(words))


class Spellings:
    """Finds the words behind the hashes of lists, in texts read again."""

    def __init__(self, lists: Mapping[str, np.ndarray]) -> None:
        self._lists = lists
        self._missing = {name: set(hashes.tolist()) for name, hashes in lists.items()}
        self._found: dict[str, dict[int, str]] = {name: {} for name in lists}

    def add(self, text: pa.StringArray, language: pa.StringArray) -> None:
        """Look at texts, of labels as they were counted."""
        segments = segment(text)
        for row, name in enumerate(language.to_pylist()):
            missing = self._missing.get(name)
            if missing:
                tokens = segments.tokens[segments.first[row] : segments.first[row + 1]]
                hashes, at = np.unique(tokens["folded"], return_index=True)
                wanted = [
                    (key, where) for key, where in zip(hashes.tolist(), at.tolist(), strict=True) if key in missing
                ]
                for key, where in wanted:
                    word = (
                        segments.data[tokens[where]["start"] : tokens[where]["end"]]
                        .tobytes()
                        .decode("utf-8", "replace")
                    )
                    self._found[name][key] = word.lower()
                    missing.discard(key)

    def words(self) -> dict[str, list[str]]:
        """The words of each list, in its order."""
        return {
            name: [self._found[name][key] for key in hashes.tolist() if key in self._found[name]]
            for name, hashes in self._lists.items()
        }


def affinity_word_ratio(
    segments: Segments, language: pa.StringArray, url: pa.StringArray, lists: Mapping[str, Collection[str]]
) -> pa.DoubleArray:
    """Words on the list of the document's language, per word with a letter.

    Null without a list, without words, and where the URL speaks for the language (`filters.url_language`): so the rule
    `affinity_word_ratio <= 0` is FineWeb-2's filter. `language`: labels; `lists`: words by label.
    """
    labels = np.array(language.to_pylist(), object)
    hashes, documents = word_documents(segments)
    words = np.bincount(documents, minlength=len(labels))
    listed = np.zeros(len(labels))
    for name in sorted({name for name in set(labels.tolist()) if lists.get(name)}):
        mine = np.flatnonzero((labels == name)[documents])
        on_list = np.isin(hashes[mine], hash_words(sorted(lists[name]))[1])
        listed += np.bincount(documents[mine[on_list]], minlength=len(labels))
    known = np.array([bool(lists.get(name)) for name in labels.tolist()], bool)
    asked = known & (words > 0) & segments.valid
    asked[asked] = ~speaks_for(url.filter(pa.array(asked)), language.filter(pa.array(asked)))
    return pa.array(listed / np.maximum(words, 1), mask=~asked)


def read_lists(folder: Path) -> dict[str, tuple[str, ...]]:
    """The words of <lang_Script>.txt files, one a line. ValueError where there are none, or a name is no label."""
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise ValueError(f"{folder}: no <lang_Script>.txt files in it; `curate affinity build` makes them")
    for file in files:
        if label(*canonical(file.stem)) != file.stem:
            raise ValueError(f"{file}: {file.stem} is no label such as hin_Deva; name the file after its language")
    return {file.stem: tuple(filter(None, map(str.strip, file.read_text("utf-8").splitlines()))) for file in files}
