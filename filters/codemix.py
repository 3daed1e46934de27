"""Code-mixed text: which languages a text holds, how mixed it is, and its parts by language.

The code-mixing index is that of Das and Gambäck (2014), "Identifying Languages at the Word Level in Code-Mixed Indian
Social Media Text": CMI = 100 * (1 - max(w_i) / (n - u)), w_i the words in language i, n all tokens, u those without a
language. Here n - u counts the tokens with a letter; names have the language that they look like.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import pyarrow as pa

from filters.columns import label
from filters.language import identify
from filters.mixed_lines import Run, line_languages
from filters.mixed_words import Words, word_languages
from filters.segment import Segments, segment

MINIMUM_SHARE = 0.01  # of the letters, of a language that is listed
# What makes a part of its own: enough text (without spaces), enough of the whole, and sure of its language when looked at alone
PART_CHARACTERS = 100
PART_SHARE = 0.1
PART_SCORE = 0.8


class Mixture(NamedTuple):
    """What one text is made of."""

    lines: list[Run]
    runs: list[Run]  # of words in one language; what lies between them belongs to none
    code_mixing_index: float | None  # 0 to 100; None without words
    languages: list[tuple[str, float]]  # hin_Deva and its share of the letters, the largest first


def _runs(words: Words) -> list[Run]:
    """Neighbouring words in one language together."""
    runs: list[Run] = []
    for start, end, language in zip(words.starts.tolist(), words.ends.tolist(), words.languages, strict=True):
        if runs and runs[-1].language == language:
            runs[-1] = Run(runs[-1].start, end, language)
        else:
            runs.append(Run(start, end, language))
    return runs


def code_mixing_index(languages: Sequence[str]) -> float | None:
    """Of the languages of a text's words, 0 to 100; None without words."""
    if not languages:
        return None
    return 100.0 * (1 - Counter(languages).most_common(1)[0][1] / len(languages))


def _shares(words: Words) -> list[tuple[str, float]]:
    letters: Counter[str] = Counter()
    for language, length in zip(words.languages, (words.ends - words.starts).tolist(), strict=True):
        letters[language] += length
    total = letters.total()
    found = sorted(letters.items(), key=lambda each: (-each[1], each[0]))
    return [(name, round(count / total, 4)) for name, count in found if count >= MINIMUM_SHARE * total]


def mixtures(text: pa.StringArray, *, model: str = "default", segments: Segments | None = None) -> list[Mixture]:
    """What each text is made of; of a null, nothing. `segments`: those of the same `text`."""
    lines = line_languages(text, model=model)
    words = word_languages(segments or segment(text), lines, model=model)
    return [
        Mixture(mine, _runs(each), code_mixing_index(each.languages), _shares(each))
        for mine, each in zip(lines, words, strict=True)
    ]


class Part(NamedTuple):
    """The lines of a text in one language, joined by line ends."""

    language: str
    text: str


def parts(text: pa.StringArray, lines: Sequence[Sequence[Run]], *, model: str = "default") -> list[list[Part]]:
    """Each text by language, in the order in which the languages begin; an empty list: it is not to be split.

    Lines of a language that has too few stay with the lines before them. A text whose parts are not surely in different
    languages (`PART_SCORE`, each looked at alone) is not split: close languages take turns in one text.
    """
    texts = [each or "" for each in text.to_pylist()]
    proposed = [_proposed(each, mine) for each, mine in zip(texts, lines, strict=True)]
    flat = [part for each in proposed for part in each]
    answers = identify(pa.array([part.text for part in flat], pa.string()), model=model).to_pylist() if flat else []
    sure = [
        label(answer["language"], answer["language_script"]) == part.language and answer["language_score"] >= PART_SCORE
        for part, answer in zip(flat, answers, strict=True)
    ]
    ends = list(accumulate(map(len, proposed)))
    return [each if all(sure[end - len(each) : end]) else [] for each, end in zip(proposed, ends, strict=True)]


def _proposed(text: str, lines: Sequence[Run]) -> list[Part]:
    if len({line.language for line in lines}) < 2:
        return []
    sizes: Counter[str] = Counter()
    for line in lines:
        sizes[line.language] += sum(map(len, text[line.start : line.end].split()))
    needed = max(PART_CHARACTERS, PART_SHARE * sizes.total())
    enough = {name for name, size in sizes.items() if size >= needed}
    if len(enough) < 2:
        return []
    joined: dict[str, list[tuple[int, int]]] = {}
    current = next(line.language for line in lines if line.language in enough)
    for line in lines:
        current = line.language if line.language in enough else current
        joined.setdefault(current, []).append((line.start, line.end))
    return [Part(name, _joined(text, spans)) for name, spans in joined.items()]


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The spans with what lies between neighbours, so that blank lines and spaces stay as they are."""
    pieces: list[str] = []
    for at, (start, end) in enumerate(spans):
        if at:
            between = text[spans[at - 1][1] : start]
            pieces.append(between if between.isspace() or not between else "\n")
        pieces.append(text[start:end])
    return "".join(pieces)
