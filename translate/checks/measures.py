"""What is measured of translations: a number and a short note each, for a batch at a time. No cutoffs here."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any
from unicodedata import category

import numpy as np
import pyarrow as pa

from filters.columns import label
from filters.labels import MEMBERS, UNKNOWN, canonical
from filters.language import Language, identify, known_labels
from filters.scripts import SCRIPT_INDEX, letter_counts
from translate.checks import phrases, values
from translate.checks.lengths import LengthLimits, log_ratio
from translate.engine import Answer, whole_characters
from translate.fluency.model import FluencyModel
from translate.mask import PLACEHOLDER, check_placeholders, protected
from translate.similarity import PairModel

Measured = tuple[float, str]  # the score, and what was seen
NOTHING: Measured = (0.0, "")

MAXIMUM_CHARACTERS = 20_000  # of a text, for what is compared piece by piece
_NGRAM = 8  # characters
_LEAST_NGRAMS = 24
_LEAST_LETTERS = 8  # for a share of scripts
_RUN = 4  # words in a row that a translation has from its source by no accident
_LEAST_WORDS = 3  # for a copy: fewer may be a name or a term
_LEAST_FOR_LANGUAGE = 30  # letters; half for scripts in which a letter is a syllable or a word
_SYLLABLES = {"Hani", "Jpan", "Hang", "Ethi", "Yiii"}
# A word, or a letter where no spaces stand between words
_MARKS = "".join(character for character in map(chr, range(0x300, 0x10000)) if category(character)[0] == "M")
_WORD = re.compile(
    r"[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"
    rf"|[^\W\d_](?:[^\W\d_]|[{_MARKS}\u200c\u200d])*"
)
_ASCII_WORD = re.compile(r"[A-Za-z]{2,}")
_BREAK = re.compile(r"[\n\r\u2028\u2029]")
_MARKUP = re.compile(r"```|\*\*|(?m:^#{1,6} )|</?[A-Za-z][^<>\n]{0,80}>|(?m:^\* )|\\boxed")
_END = re.compile(r"[.!?:…。！？।॥؟۔።፧។៕။།།॥᙮։;]")
# Texts of these are taken for one another too easily, or are the same in writing
_NEIGHBOURS = tuple(
    frozenset(group.split())
    for group in (
        "bos hrv srp slv cnr", "ind zsm", "nob nno dan", "cmn yue wuu lzh", "zul xho nde ssw nbl", "fas prs",
        "tsn nso sot", "azj tur", "hin mai bho awa", "tat bak", "por glg", "kin run", "arb mey arz acm apc ary shi",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Batch:
    """Masked sources and what was answered to each, of one pair of languages (labels in any spelling)."""

    sources: Sequence[str]
    answers: Sequence[Answer]
    source_language: str
    target_language: str
    limits: LengthLimits
    fluency: FluencyModel | None = None  # of native text in the target's language
    similarity: PairModel | None = None
    estimation: PairModel | None = None

    def take(self, rows: Sequence[int]) -> "Batch":
        """Some of its texts."""
        sources, answers = [self.sources[row] for row in rows], [self.answers[row] for row in rows]
        return replace(self, sources=sources, answers=answers)

    def each(self, measure: Callable[[str, str], Measured]) -> list[Measured]:
        """Of every source and its answer's text."""
        return [measure(source, answer.text) for source, answer in zip(self.sources, self.answers, strict=True)]


def empty(batch: Batch) -> list[Measured]:
    """1 without a letter or digit outside the placeholders."""
    return [(float(not any(map(str.isalnum, PLACEHOLDER.sub("", each.text)))), "") for each in batch.answers]


def stopped_by_length(batch: Batch) -> list[Measured]:
    """1 where the limit on tokens ended the answer."""
    return [(float(each.finish == "length"), "") for each in batch.answers]


def placeholders(batch: Batch) -> list[Measured]:
    """1 for dropped, doubled, invented or crossed ones."""
    return batch.each(_placeholders)


def _placeholders(source: str, answer: str) -> Measured:
    if not any(bracket in text for text in (source, answer) for bracket in "<＜"):
        return NOTHING
    problem = check_placeholders(source, answer)
    return (1.0, f"{problem.kind} {' '.join(problem.placeholders[:8])}") if problem else NOTHING


def line_breaks(batch: Batch) -> list[Measured]:
    """Line breaks inside the answer, more than in the source."""
    return batch.each(lambda source, answer: (float(_breaks(answer) - _breaks(source)), ""))


def _breaks(text: str) -> int:
    return len(_BREAK.findall(text.strip()))


def markup_added(batch: Batch) -> list[Measured]:
    """Pieces of Markdown or HTML, more than in the source."""
    return batch.each(_markup)


def _markup(source: str, answer: str) -> Measured:
    new = Counter(_MARKUP.findall(answer)) - Counter(_MARKUP.findall(source))
    return float(new.total()), " ".join(new)[:80]


def refusal(batch: Batch) -> list[Measured]:
    """1 where a model says that it will not."""
    return batch.each(lambda source, answer: _found(phrases.refusal(source, answer)))


def preamble(batch: Batch) -> list[Measured]:
    """1 where a translation is announced or commented on."""
    return batch.each(lambda source, answer: _found(phrases.preamble(source, answer)))


def _found(phrase: str) -> Measured:
    return (1.0, phrase[:80]) if phrase else NOTHING


def copied(batch: Batch) -> list[Measured]:
    """Share of words that source and answer have in common; 0 where neither has `_LEAST_WORDS` that are no names."""
    return batch.each(_copied)


def _copied(source: str, answer: str) -> Measured:
    before, after = _words(source), _words(answer)
    if min(before.total(), after.total()) < _LEAST_WORDS:
        return NOTHING
    return 2 * (before & after).total() / (before.total() + after.total()), ""


def _words(text: str) -> Counter[str]:
    """Folded, without those that begin with a capital inside a sentence: names stay as they are."""
    text = text[:MAXIMUM_CHARACTERS]
    words = _WORD.findall(text)
    plain = [word for word in words if not word[0].isupper()]
    kept = words if text.isupper() or len(plain) >= _LEAST_WORDS else plain
    return Counter(word.casefold() for word in kept)


def partly_copied(batch: Batch) -> list[Measured]:
    """Runs of `_RUN` words that stand in the source too, and are no name."""
    return batch.each(_partly_copied)


def _partly_copied(source: str, answer: str) -> Measured:
    runs = _runs(source)
    found = [run for run in _runs(answer) if run in runs and sum(not word[0].isupper() for word in run) >= _RUN // 2]
    return float(len(found)), " ".join(found[0])[:80] if found else ""


def _runs(text: str) -> dict[tuple[str, ...], None]:
    words = [word for word in text[:MAXIMUM_CHARACTERS].split() if word.isalpha()]
    return dict.fromkeys(zip(*(islice(words, at, None) for at in range(_RUN)), strict=False))


def changed_addresses(batch: Batch) -> list[Measured]:
    """URLs outside placeholders that are gone or new."""
    return batch.each(values.changed_addresses)


def changed_numbers(batch: Batch) -> list[Measured]:
    """Numbers outside placeholders that became others."""
    return batch.each(values.changed_numbers)


def length_ratio(batch: Batch) -> list[Measured]:
    """How far from the pair's usual ratio: 1 at the pair's own limit on that side."""
    limits = batch.limits.of((batch.source_language, batch.target_language))
    ratios = (log_ratio(source, answer.text) for source, answer in zip(batch.sources, batch.answers, strict=True))
    return [
        (abs(limits.distance(ratio)), f"{2**ratio:.2f} of the source, usual {2**limits.median:.2f}") for ratio in ratios
    ]


def unfinished(batch: Batch) -> list[Measured]:
    """How far below the pair's usual length, where the source ends as a sentence does and the answer does not."""
    limits = batch.limits.of((batch.source_language, batch.target_language))
    return batch.each(lambda source, answer: _unfinished(source, answer, limits.distance))


def _unfinished(source: str, answer: str, distance: Callable[[float], float]) -> Measured:
    if not _END.search(source[-3:]) or _END.search(answer.rstrip()[-3:]):
        return NOTHING
    return max(0.0, -distance(log_ratio(source, answer))), f"ends with {answer.rstrip()[-20:]}"


def loop(batch: Batch) -> list[Measured]:
    """Share of the answer that stood in it before, less that of the source."""
    return batch.each(_loop)


def _loop(source: str, answer: str) -> Measured:
    repeated = _repeated(answer)
    return max(0.0, repeated - _repeated(source)) if repeated else 0.0, ""


def _repeated(text: str) -> float:
    """Of its character n-grams, those seen before: 0.5 of a text written twice."""
    text = text[-MAXIMUM_CHARACTERS:]
    total = len(text) - _NGRAM + 1
    if total < _LEAST_NGRAMS:
        return 0.0
    return 1 - len({text[at : at + _NGRAM] for at in range(total)}) / total


def other_script(batch: Batch) -> list[Measured]:
    """Share of the letters that are not in the script of the target's language, without what is protected.

    Nor are words of the source that have a capital counted: names of products stay as they are.
    """
    script = canonical(batch.target_language)[1]
    texts = [PLACEHOLDER.sub(" ", each.text) for each in batch.answers]
    shares = _other_share(texts, script)
    suspect = np.flatnonzero(shares > 0)
    stripped = [_without_names(batch.sources[row], texts[row]) for row in suspect]
    shares[suspect] = np.minimum(shares[suspect], _other_share(stripped, script))
    return [(float(share), f"{share:.0%} of the letters are not {script}" if share else "") for share in shares]


def _other_share(texts: list[str], script: str) -> np.ndarray:
    counts = letter_counts(strings(texts))
    columns = [SCRIPT_INDEX[name] for name in MEMBERS.get(script, (script,)) if name in SCRIPT_INDEX]
    total = counts.sum(axis=1)
    own = counts[:, columns].sum(axis=1)
    return np.where((total >= _LEAST_LETTERS) & bool(columns), 1 - own / np.maximum(total, 1), 0.0)


def _without_names(source: str, answer: str) -> str:
    """Without protected parts, and ASCII words that stand in the source and have a capital."""
    pieces, at = [], 0
    for start, end in protected(answer):
        pieces.append(answer[at:start])
        at = end
    text = " ".join([*pieces, answer[at:]])
    known = {word for word in _ASCII_WORD.findall(source) if word != word.lower()}
    return _ASCII_WORD.sub(lambda word: " " if word[0] in known else word[0], text)


def other_language(batch: Batch) -> list[Measured]:
    """The probability of languages other than the target's and its neighbours, where the text is long enough.

    0 where the model's first answer is the target's language, one that it mistakes for it, or none. Where it does not
    know the target's, only the source's language counts.
    """
    source, target = canonical(batch.source_language), canonical(batch.target_language)
    texts = [PLACEHOLDER.sub(" ", each.text) for each in batch.answers]
    letters = letter_counts(strings(texts)).sum(axis=1)
    least = _LEAST_FOR_LANGUAGE / 2 if target[1] in _SYLLABLES else _LEAST_FOR_LANGUAGE
    rows = np.flatnonzero(letters >= least)
    measured = [NOTHING] * len(texts)
    for row, each in zip(rows.tolist(), identify(strings([texts[row] for row in rows])).to_pylist(), strict=True):
        found = (each["language"], each["language_script"])
        if found not in (target, UNKNOWN):
            measured[row] = _against(found, each, source, target), label(*found)
    return measured


def _against(found: Language, answer: Mapping[str, Any], source: Language, target: Language) -> float:
    if target not in known_labels():
        return float(answer["language_score"]) if found == source else 0.0
    near = _near(target)
    if found in near:
        return 0.0
    ranked = json.loads(answer["top_langs"])
    return 1.0 - sum(ranked.get(f"{label(*each)}_score", 0.0) for each in near)


@lru_cache(maxsize=1024)
def _near(target: Language) -> frozenset[Language]:
    """The language and its neighbours, in the script that it is written in."""
    codes = frozenset().union({target[0]}, *(group for group in _NEIGHBOURS if target[0] in group))
    return frozenset(each for each in known_labels() if each[0] in codes and each[1] == target[1])


def strings(texts: Sequence[str]) -> pa.StringArray:
    """As a column; lone surrogates become U+FFFD."""
    return pa.array([whole_characters(text) for text in texts], pa.string())
