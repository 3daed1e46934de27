"""How well models name the language of labelled text, how sure they are of it, and how fast."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from curate.lid.corpus import Document, held_out_of
from curate.lid.peers import Identifier, identifier
from filters.columns import UNKNOWN_LANGUAGE

BATCH = 1000  # texts identified at a time
BINS = 15  # of the confidence, for the calibration error (Guo et al. 2017)


@dataclass(slots=True)
class Evaluation:
    """Counts of (gold, answer), both `hin_Deva`, over texts in a language that counts."""

    pairs: Counter[tuple[str, str]]
    skipped: int  # texts in other languages
    model: str = ""
    seconds: float = 0.0  # of CPU, over all threads
    bytes: int = 0
    bins: np.ndarray = field(default_factory=lambda: np.zeros((BINS, 3)))  # texts, right ones, sum of the scores

    @property
    def accuracy(self) -> float:
        """Share of the texts whose language and script are right."""
        return sum(n for (gold, answer), n in self.pairs.items() if gold == answer) / max(1, self.pairs.total())

    @property
    def gold(self) -> Counter[str]:
        """Texts by language."""
        return _summed((gold, n) for (gold, _), n in self.pairs.items())

    def precision_recall(self) -> dict[str, tuple[float, float]]:
        """By gold language; precision 0 of one that was never the answer."""
        gold, answers = self.gold, _summed((answer, n) for (_, answer), n in self.pairs.items())
        right = {name: self.pairs[name, name] for name in gold}
        return {name: (right[name] / max(1, answers[name]), right[name] / gold[name]) for name in sorted(gold)}

    def f1(self) -> dict[str, float]:
        """F1 by gold language."""
        both = self.precision_recall().items()
        return {name: 2 * precision * recall / ((precision + recall) or 1.0) for name, (precision, recall) in both}

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the gold languages."""
        scores = self.f1()
        return sum(scores.values()) / max(1, len(scores))

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: how far scores are from the share that is right, over `BINS` equal bins."""
        texts, right, scores = self.bins.T
        return float(np.abs(right - scores).sum() / max(1.0, texts.sum()))

    @property
    def abstained(self) -> float:
        """Share of the texts that are und."""
        return sum(n for (_, answer), n in self.pairs.items() if _is_unknown(answer)) / max(1, self.pairs.total())

    def confusions(self, most: int = 20) -> list[tuple[str, str, int]]:
        """(gold, answer, texts), most frequent first."""
        wrong = Counter({pair: n for pair, n in self.pairs.items() if pair[0] != pair[1]})
        return [(gold, answer, n) for (gold, answer), n in wrong.most_common(most)]

    def among(self, languages: Collection[str]) -> "Evaluation":
        """The same over texts in these languages alone; without speed and calibration."""
        kept = Counter({pair: n for pair, n in self.pairs.items() if pair[0] in languages})
        return Evaluation(kept, self.skipped + self.pairs.total() - kept.total(), self.model)

    def add(self, batch: Sequence[tuple[str, str]], named: Identifier) -> None:
        """Identify texts with their gold labels and count."""
        texts = [text for _, text in batch]
        start = time.process_time()
        answers = named.identify(texts)
        self.seconds += time.process_time() - start
        self.bytes += sum(len(text.encode("utf-8", "replace")) for text in texts)
        for (gold, _), (answer, score) in zip(batch, answers, strict=True):
            self.pairs[gold, answer] += 1
            if not _is_unknown(answer):
                self.bins[min(int(score * BINS), BINS - 1)] += (1, gold == answer, score)


def _summed(counts: Iterable[tuple[str, int]]) -> Counter[str]:
    total = Counter[str]()
    for name, n in counts:
        total[name] += n
    return total


def _is_unknown(answer: str) -> bool:
    return answer.startswith(UNKNOWN_LANGUAGE)


def units(documents: Iterable[Document], sentences: bool) -> Iterator[tuple[str, str]]:
    """(label, text) of whole documents, or of each of their paragraphs."""
    for document in documents:
        for text in document.paragraphs if sentences else ("\n".join(document.paragraphs),):
            yield document.label, text


def _at_most(texts: Iterable[tuple[str, str]], most: int | None) -> Iterator[tuple[str, str]]:
    """The first `most` of each language."""
    seen = Counter[str]()
    for name, text in texts:
        seen[name] += 1
        if most is None or seen[name] <= most:
            yield name, text


def compare(
    documents: Iterable[Document],
    models: Mapping[str, Identifier],
    *,
    sentences: bool = False,
    among: Collection[str] | None = None,
    most: int | None = None,
) -> list[Evaluation]:
    """Several models on the same texts, in batches in turn, so that they meet the same machine.

    Languages that the first model knows count, or those in `among`; of each, the first `most` texts.
    """
    named = list(models.values())
    counted = frozenset(among) if among is not None else named[0].languages
    found = [Evaluation(Counter(), 0, model) for model in models]
    texts = _at_most(units(documents, sentences), most)
    while batch := list(islice(texts, BATCH)):
        judged = [(gold, text) for gold, text in batch if gold in counted]
        for evaluation, each in zip(found, named, strict=True):
            evaluation.skipped += len(batch) - len(judged)
            evaluation.add(judged, each)
    return found


def evaluate(
    documents: Iterable[Document],
    *,
    model: str = "default",
    sentences: bool = False,
    among: Collection[str] | None = None,
) -> Evaluation:
    """Identify whole documents, or each of their paragraphs, and compare language and script with the label.

    Only languages of the model count, or those in `among`.
    """
    return compare(documents, {model: identifier(model)}, sentences=sentences, among=among)[0]


def evaluate_files(inputs: list[str], *, model: str = "default", sentences: bool = False) -> Evaluation:
    """`evaluate` on the held-out documents of labelled files."""
    return evaluate(held_out_of(inputs), model=model, sentences=sentences)
