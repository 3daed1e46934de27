"""The language of each word of a text that may hold several: code-mixing within a line.

A word in a script that only one of the text's languages is written in is of that language. Between languages of one
script (Hindi in Latin letters, and English) a model of single words decides, and Viterbi's algorithm weighs that
against the words around it and the language of the line. An identification model trained on running text cannot do
this: on Telugu-English it was behind always answering Telugu, because English words are part of its Telugu.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from filters import fasttext_file
from filters.columns import UNKNOWN_LANGUAGE, label
from filters.hashing import decode, kernel
from filters.labels import canonical, usual_script
from filters.language import identify
from filters.mixed_lines import Run, written_with
from filters.scripts import SCRIPT_INDEX, SCRIPTS, script_table
from filters.segment import ALPHABETIC, Segments
from filters.switching import best_path

MODEL = Path(__file__).parent / "models" / "words-default.ftz"
# Tuned on Telugu-English, Hindi-English and pages in one language: `python -m tests.benchmarks.codemix`
CHANGE = 0.3  # log-likelihood that a change of language between two words costs
OWN_LINE = 0.5  # that the language of the line has ahead of the others
ALWAYS = "eng_Latn"  # mixed into text in any language
_LANGUAGES = 5  # of a text, at most, and English
_FLOOR = 1e-3
_ALTERNATIVES = 10
_FOREIGN_WORDS = 200  # of one script, that are looked at together
_LONGEST = 60  # characters of a word that are looked at
_LATIN = SCRIPT_INDEX["Latn"]


class Words(NamedTuple):
    """The words of one text (its tokens with a letter), in order."""

    starts: np.ndarray  # int64 (words,) code points of the text
    ends: np.ndarray
    languages: list[str]  # hin_Deva; und_Deva where only the script is known


@kernel
def _first_scripts(data, starts, ends, script_of, scripts):  # type: ignore[no-untyped-def]
    """The script of the first letter of each token that has one."""
    for i in range(len(starts)):
        position, end = np.int64(starts[i]), np.int64(ends[i])
        while position < end:
            code, size = decode(data, position, end)
            position += size
            if script_of[code]:
                scripts[i] = script_of[code]
                break


def _plain(word: str) -> str:
    """Without accents, as people romanize; scholars' ISO 15919 (iṃṭlō) reads like that too."""
    return "".join(each for each in unicodedata.normalize("NFD", word) if not unicodedata.combining(each))


def _candidates(lines: Sequence[Run]) -> list[str]:
    """The languages that the words of a text may be in, most of it first."""
    share: Counter[str] = Counter()
    for line in lines:
        share[line.language] += line.end - line.start
    found = [name for name, _ in share.most_common(_LANGUAGES)]
    return found if ALWAYS in found else [*found, ALWAYS]


def _romanized(languages: Sequence[str]) -> bool:
    return any(name.endswith("_Latn") and usual_script(name[:3]) != "Latn" for name in languages)


class _Group(NamedTuple):
    """The words of one text in one script."""

    row: int
    tokens: np.ndarray  # positions in the flat arrays
    languages: list[str]  # that are written in it
    own: np.ndarray  # number of the language of each word's line, -1: none of these
    plain: bool  # compared without accents


class _Flat(NamedTuple):
    """All words of a batch: one entry each."""

    data: np.ndarray
    first: np.ndarray  # of each text
    starts: np.ndarray  # bytes of `data`
    ends: np.ndarray
    folded: np.ndarray
    scripts: np.ndarray
    points: list[tuple[np.ndarray, np.ndarray]]  # by text: code points where each word starts and ends


def _flat(segments: Segments) -> _Flat:
    rows = np.flatnonzero(segments.tokens["flags"] & ALPHABETIC)
    tokens = segments.tokens[rows]
    starts, ends = tokens["start"].astype(np.int64), tokens["end"].astype(np.int64)
    scripts = np.zeros(len(rows), np.int64)
    _first_scripts(segments.data, starts, ends, script_table(), scripts)
    first = np.searchsorted(rows, segments.first)
    points = []
    for row in range(len(first) - 1):
        begin, end, mine = int(segments.offsets[row]), int(segments.offsets[row + 1]), slice(first[row], first[row + 1])
        before = np.concatenate([[0], np.cumsum((segments.data[begin:end] & 0xC0) != 0x80)])
        points.append((before[starts[mine] - begin], before[ends[mine] - begin]))
    return _Flat(segments.data, first, starts, ends, tokens["folded"], scripts, points)


def _own_lines(starts: np.ndarray, lines: Sequence[Run], languages: Sequence[str]) -> np.ndarray:
    if not lines:
        return np.full(len(starts), -1)
    numbers = {name: at for at, name in enumerate(languages)}
    known = np.array([numbers.get(line.language, -1) for line in lines])
    at = np.searchsorted([line.start for line in lines], starts, "right") - 1
    return np.where(at >= 0, known[at], -1)


def _groups(flat: _Flat, lines: Sequence[Sequence[Run]]) -> Iterator[_Group]:
    for row, mine in enumerate(lines):
        begin, end = flat.first[row], flat.first[row + 1]
        candidates = _candidates(mine)
        plain = _romanized(candidates)
        for script in np.unique(flat.scripts[begin:end]).tolist():
            inside = np.flatnonzero(flat.scripts[begin:end] == script)
            languages = [name for name in candidates if script in written_with(name)]
            own = _own_lines(flat.points[row][0][inside], mine, languages)
            yield _Group(row, begin + inside, languages, own, plain and script == _LATIN)


@cache
def _model_languages() -> dict[str, str]:
    return {name: label(*canonical(name)) for name in fasttext_file.load(MODEL).get_labels()}


def _spelled(flat: _Flat, token: int, plain: bool) -> str:
    text = flat.data[flat.starts[token] : flat.ends[token]].tobytes().decode("utf-8", "replace")[:_LONGEST].lower()
    return _plain(text) if plain else text


def _scored(flat: _Flat, groups: list[_Group]) -> Iterator[tuple[_Group, np.ndarray]]:
    """Each group with log-likelihoods (words, languages). A word that occurs often is scored once."""
    if not groups:
        return
    keys = np.concatenate([flat.folded[group.tokens] ^ np.uint64(group.plain) for group in groups])
    plain = np.concatenate([np.full(len(group.tokens), group.plain) for group in groups])
    tokens = np.concatenate([group.tokens for group in groups])
    _, chosen, inverse = np.unique(keys, return_index=True, return_inverse=True)
    spelled = [
        _spelled(flat, token, flag) for token, flag in zip(tokens[chosen].tolist(), plain[chosen].tolist(), strict=True)
    ]
    names, scores = fasttext_file.load(MODEL).predict(spelled, k=_ALTERNATIVES, threshold=0.0)
    numbers = {name: at for at, name in enumerate(sorted(set(_model_languages().values())))}
    language = {name: numbers[each] for name, each in _model_languages().items()}
    found = np.full((len(spelled), _ALTERNATIVES), -1)
    score = np.zeros((len(spelled), _ALTERNATIVES))
    for row, (mine, values) in enumerate(zip(names, scores, strict=True)):
        found[row, : len(mine)], score[row, : len(mine)] = [language[name] for name in mine], values
    start = 0
    for group in groups:
        rows = inverse[start : start + len(group.tokens)]
        start += len(group.tokens)
        wanted = np.array([numbers.get(name, -2) for name in group.languages])
        yield group, np.log((score[rows, :, None] * (found[rows, :, None] == wanted)).sum(axis=1) + _FLOOR)


def _foreign(flat: _Flat, group: _Group, model: str) -> str:
    """The language of words in a script that no line of their text is in, looked at together."""
    words = " ".join(_spelled(flat, token, False) for token in group.tokens[:_FOREIGN_WORDS].tolist())
    found = identify(pa.array([words]), model=model).to_pylist()[0]
    if flat.scripts[group.tokens[0]] in written_with(name := label(found["language"], found["language_script"])):
        return name
    return label(UNKNOWN_LANGUAGE, SCRIPTS[flat.scripts[group.tokens[0]]])


def word_languages(segments: Segments, lines: Sequence[Sequence[Run]], *, model: str = "default") -> list[Words]:
    """The words of each text, each with its language.

    segments: of the texts. lines: of each text, from `filters.mixed_lines.line_languages`. model: identifies words in
    a script that none of the lines is in.
    """
    flat = _flat(segments)
    languages = np.empty(len(flat.starts), object)
    unsure = []
    for group in _groups(flat, lines):
        if len(group.languages) > 1:
            unsure.append(group)
        else:
            languages[group.tokens] = group.languages[0] if group.languages else _foreign(flat, group, model)
    for group, evidence in _scored(flat, unsure):
        at = np.flatnonzero(group.own >= 0)
        evidence[at, group.own[at]] += OWN_LINE
        languages[group.tokens] = np.array(group.languages, object)[best_path(evidence, CHANGE)]
    return [
        Words(starts, ends, languages[flat.first[row] : flat.first[row + 1]].tolist())
        for row, (starts, ends) in enumerate(flat.points)
    ]
