"""The language of each line of a text that may hold several.

Each line is identified by itself, and Viterbi's algorithm weighs that against the lines around it: a line of two words
says little, and a change of language costs something. A line longer than `LONGEST` characters is cut at the end of a
sentence, or at a space, so that a page without line breaks can hold several languages too.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from filters.columns import UNKNOWN_LANGUAGE, label
from filters.labels import MEMBERS
from filters.language import identify
from filters.scripts import SCRIPT_INDEX, letter_counts
from filters.switching import best_path

LONGEST = 400  # characters of a unit ...
READ = 200  # ... and of these the first so many are identified
MOST_LINES = 2000  # of a page that are looked at one by one; of a longer page, neighbours together
# Tuned on pages joined from two languages and on pages in one, `python -m tests.benchmarks.codemix`
HALF_TRUSTED = 20  # letters of a line at which its own identification counts half
CHANGE = 2.0  # log-likelihood that a change of language costs
_FLOOR = 1e-4
_BATCH = 10_000  # lines identified at a time
_LANGUAGES = 8  # of a text, at most
_UNIT = re.compile(
    rf"[^\n]{{{LONGEST // 2},{LONGEST}}}?[.!?।॥።۔؟。！？](?=\s|[^\x00-\x7f])|[^\n]{{1,{LONGEST}}}(?:\s|$)|[^\n]{{1,{LONGEST}}}"
)


class Run(NamedTuple):
    """A stretch of a text in one language."""

    start: int  # code points of the text, half-open
    end: int
    language: str  # hin_Deva


class _Unit(NamedTuple):
    start: int
    end: int
    letters: dict[int, int]  # by index of the script
    scores: dict[str, float]  # probability by language, of those whose script it is in


def _spans(text: str) -> list[tuple[int, int]]:
    """The lines, line ends left out, long ones cut; of a page with very many lines several together."""
    spans, start = [], 0
    for line in text.split("\n"):
        if len(line) > LONGEST:
            spans += [(start + found.start(), start + found.end()) for found in _UNIT.finditer(line)]
        elif line:
            spans.append((start, start + len(line)))
        start += len(line) + 1
    together = -(-len(spans) // MOST_LINES)
    if together <= 1:
        return spans
    groups = [spans[at : at + together] for at in range(0, len(spans), together)]
    return [(group[0][0], group[-1][1]) for group in groups]


@cache
def written_with(language: str) -> frozenset[int]:
    """Indices (`filters.scripts.SCRIPTS`) of the scripts that a language, as hin_Deva, is written in."""
    script = language.partition("_")[2]
    return frozenset(SCRIPT_INDEX[each] for each in MEMBERS.get(script, (script,)) if each in SCRIPT_INDEX)


def _written_in(language: str, letters: Mapping[int, int]) -> bool:
    """Whether at least half of the letters are of a script that the language is written in."""
    return 2 * sum(letters.get(script, 0) for script in written_with(language)) >= sum(letters.values())


def _scores(answer: dict[str, Any], letters: Mapping[int, int]) -> dict[str, float]:
    if answer["language"] == UNKNOWN_LANGUAGE:
        return {}
    found = {name.removesuffix("_score"): score for name, score in json.loads(answer["top_langs"]).items()}
    found[label(answer["language"], answer["language_script"])] = answer["language_score"]
    return {name: score for name, score in found.items() if _written_in(name, letters)}


def _identified(lines: Iterator[str], model: str) -> Iterator[tuple[dict[int, int], dict[str, float]]]:
    """(letters, scores) of each line; some thousands at a time, because letters are counted in a wide table."""
    while batch := list(islice(lines, _BATCH)):
        array = pa.array(batch, pa.string())
        answers = identify(array, model=model).to_pylist()
        for answer, counts in zip(answers, letter_counts(array), strict=True):
            scripts = np.flatnonzero(counts)
            letters = dict(zip(scripts.tolist(), counts[scripts].tolist(), strict=True))
            yield letters, _scores(answer, letters)


def _units(texts: list[str], model: str) -> list[list[_Unit]]:
    spans = [_spans(text) for text in texts]
    lines = (
        text[start : min(end, start + READ)] for text, each in zip(texts, spans, strict=True) for start, end in each
    )
    found = _identified(lines, model)
    return [[_Unit(start, end, *next(found)) for start, end in each] for each in spans]


def _evidence(unit: _Unit, languages: list[str]) -> list[float]:
    """Log-likelihood of each language: of a short line nearly the same for all in its script."""
    total = sum(unit.letters.values())
    trust = total / (total + HALF_TRUSTED)
    fits = [_written_in(name, unit.letters) for name in languages]
    even = (1 - trust) / max(1, sum(fits))
    return [
        math.log((trust * unit.scores.get(name, 0.0) + even if fit else 0.0) + _FLOOR)
        for name, fit in zip(languages, fits, strict=True)
    ]


def _labelled(units: list[_Unit]) -> list[Run]:
    mass: Counter[str] = Counter()
    for unit in units:
        total = sum(unit.letters.values())
        mass.update({name: score * total for name, score in unit.scores.items()})
    languages = [name for name, _ in mass.most_common(_LANGUAGES)]
    if not languages:
        return []
    path = best_path(np.array([_evidence(unit, languages) for unit in units]), CHANGE).tolist()
    return [Run(unit.start, unit.end, languages[at]) for unit, at in zip(units, path, strict=True)]


def line_languages(text: pa.StringArray, *, model: str = "default") -> list[list[Run]]:
    """The lines of each text that are not empty, each with its language, in order; none for a text without letters.

    A line without letters has the language of the lines around it.
    """
    texts = [each or "" for each in text.to_pylist()]
    return [_labelled(units) for units in _units(texts, model)]
