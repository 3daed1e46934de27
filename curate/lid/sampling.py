"""Labelled documents -> lines that fastText trains on: which classes, how much of each, and in which pieces."""

import math
import random
import string
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from curate.lid.corpus import Document, contradicted, held_out
from filters.columns import UNKNOWN_LANGUAGE
from filters.labels import PREFIX
from filters.language import prepare

_NO_LETTERS = str.maketrans(
    dict.fromkeys(string.punctuation + string.digits + "।॥،؛؟۔。、「」『』，！？：“”‘’«»—–…", " ")
)
_ZEROED_BYTES = 32 << 20  # glibc's malloc may reuse dirty memory below this, never above
_PACKED = 1500
_NAMED = 20  # of what was left out
LEAST_KEPT = 1000  # characters of a class that `keep` names: a few sentences teach nothing but themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How text is sampled and the model trained. The defaults made the default model."""

    characters: int = 60_000_000  # sampled in all, by windows that may overlap
    temperature: float = 2.5  # a language's part of them: its text to the power of 1 / temperature
    repeats: int = 6  # at most this many times the text of a language
    minimum: int = 30_000  # characters of training text below which a language is left out ...
    keep: tuple[str, ...] = ()  # ... unless it is one of these: hin_Deva
    longest: int = 4000  # characters of one example
    dimension: int = 16
    shortest_ngram: int = 1
    longest_ngram: int = 5
    buckets: int = 2_000_000  # hash table of the n-grams before pruning
    minimum_count: int = 4  # of a whole word
    epochs: int = 8  # before pruning and again after
    rate: float = 0.8
    rows: int = 208_000  # words and n-grams left after pruning; about 19 bytes each
    retrain: bool = True
    maximum_bytes: int = 4_000_000
    hard_negatives: bool = False  # a first model shows which close languages to look at again: curate/lid/hard.py
    seed: int = 1
    threads: int = 1  # more are faster, and the model differs from run to run

    def __post_init__(self) -> None:
        """fastText 0.9.3 sets only a tenth of its table a thread; a table this large comes from the system zeroed."""
        needed = _ZEROED_BYTES // (4 * self.dimension)
        if self.buckets < needed:
            raise ValueError(f"buckets={self.buckets} with dimension={self.dimension}: take at least {needed}")


@dataclass(frozen=True, slots=True)
class Selection:
    """Training text by class, and what was left aside on the way to it."""

    texts: dict[str, list[str]]
    documents: Counter[str] = field(default_factory=Counter)  # by class, those left out among them
    left_out: dict[str, int] = field(default_factory=dict)  # classes with too little text: its characters
    unmapped: Counter[str] = field(default_factory=Counter)  # labels that name no language: documents
    contradicted: Counter[str] = field(default_factory=Counter)  # documents in another script than their label

    @property
    def characters(self) -> dict[str, int]:
        """Of training text, by class."""
        return {name: sum(map(len, kept)) for name, kept in self.texts.items()}

    def notes(self) -> list[str]:
        """What the user should know, a line each."""
        lines = []
        if self.left_out:
            most = sorted(Counter(self.left_out).most_common(_NAMED))
            each = (f"{name} ({self.documents[name]:,} documents, {n:,} characters)" for name, n in most)
            more = len(self.left_out) - len(most)
            lines.append(f"left out, too little text: {', '.join(each)}{f' and {more:,} more' if more else ''}")
        if self.unmapped:
            each = (f"{name!r} ({n:,} documents)" for name, n in self.unmapped.most_common(_NAMED))
            lines.append(
                f"left out, labels that name no language: {', '.join(each)}; write them as hin, hi or hin_Deva"
            )
        if self.contradicted:
            each = (f"{name} ({n:,} documents)" for name, n in self.contradicted.most_common(_NAMED))
            lines.append(f"left out, in another script than their label: {', '.join(each)}")
        return lines


def _packed(texts: list[str]) -> list[str]:
    """Texts joined until each has at least `_PACKED` characters, so that short ones aren't all a language is seen as."""
    packed, waiting = [], ""
    for text in texts:
        waiting = f"{waiting}\n{text}" if waiting else text
        if len(waiting) >= _PACKED:
            packed.append(waiting)
            waiting = ""
    return [*packed, waiting] if waiting else packed


def select(documents: Iterable[Document], options: TrainingOptions) -> Selection:
    """The documents to train on: not held out, not contradicted by their script, in classes with enough text.

    Raises ValueError for a class that `options.keep` names and that has too little text even so, and for a single class.
    """
    found, texts = Selection({}), defaultdict[str, list[str]](list)
    for document in documents:
        if document.label.startswith(UNKNOWN_LANGUAGE):
            found.unmapped[document.named or document.label] += 1
        elif not document.paragraphs:
            texts[document.label] += []  # an empty class is to be named among those left out
        elif not held_out(document.key):
            if contradicted(document):
                found.contradicted[document.label] += 1
            else:
                texts[document.label].append("\n".join(document.paragraphs))
    return _with_enough(found, texts, options)


def _with_enough(found: Selection, texts: dict[str, list[str]], options: TrainingOptions) -> Selection:
    sizes = {name: sum(map(len, kept)) for name, kept in sorted(texts.items())}
    found.documents.update({name: len(kept) for name, kept in texts.items()})
    for name in sorted(options.keep):
        if name not in sizes:
            raise ValueError(f"no text for {name}: `keep` takes labels that the inputs hold")
        if sizes[name] < LEAST_KEPT:
            raise ValueError(
                f"{name}: {found.documents[name]} documents of {sizes[name]:,} characters to train on;"
                f" a class that `keep` names needs {LEAST_KEPT:,}"
            )
    chosen = [name for name, size in sizes.items() if size >= options.minimum or name in options.keep]
    if len(chosen) < 2:
        most = ", ".join(f"{name} {size:,}" for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:5])
        raise ValueError(
            f"{len(chosen)} classes have the {options.minimum:,} characters of training text that one needs, and a"
            f" model needs two; the inputs have {most or 'no labelled text'}; give more text or lower `minimum`"
        )
    found.texts.update({name: _packed(texts[name]) for name in chosen})
    found.left_out.update({name: size for name, size in sizes.items() if name not in found.texts})
    return found


def budgets(sizes: dict[str, int], options: TrainingOptions) -> dict[str, int]:
    """Characters to sample of each language."""
    weights = {name: size ** (1 / options.temperature) for name, size in sizes.items()}
    unit = options.characters / sum(weights.values())
    return {name: min(int(unit * weights[name]), options.repeats * size) for name, size in sizes.items()}


def window(text: str, longest: int, chance: random.Random) -> str:
    """A paragraph (3 in 10) or any stretch, its length log-uniform from 20 to `longest` characters."""
    if chance.random() < 0.3:
        return chance.choice(text.split("\n"))[:longest]
    length = int(math.exp(chance.uniform(math.log(20), math.log(longest))))
    start = chance.randrange(max(1, len(text) - length + 1))
    start = text.find(" ", start, start + 20) + 1 or start  # at a word, where there are spaces
    return text[start : start + length]


def varied(text: str, chance: random.Random) -> str:
    """Now and then in lower case, in capitals, or without punctuation and digits."""
    draw = chance.random()
    if draw < 0.08:
        return text.lower()
    if draw < 0.11:
        return text.upper()
    return text.translate(_NO_LETTERS) if draw < 0.2 else text


def examples(texts: dict[str, list[str]], options: TrainingOptions) -> list[str]:
    """Shuffled lines for fastText, sampled from texts by label."""
    chance = random.Random(options.seed)
    lines = []
    sizes = {name: sum(map(len, kept)) for name, kept in texts.items()}
    for name, budget in budgets(sizes, options).items():
        lengths = [len(text) for text in texts[name]]
        while budget > 0:
            text = chance.choices(texts[name], lengths)[0]
            piece = varied(window(text, options.longest, chance), chance)
            budget -= len(piece) + 1
            lines.append(f"{PREFIX}{name} {prepare(piece)}\n")
    chance.shuffle(lines)
    return lines
