"""Whether every part of a row is in the language that it claims."""

import json
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from filters.columns import label
from filters.labels import MEMBERS, canonical
from filters.language import identify, known_labels
from filters.scripts import SCRIPT_INDEX, letter_counts
from translate.mask import protected
from translate.transforms.rows import JOINED, Field, Row, Text

FEWEST_LETTERS = 4  # for the script to be looked at
FEWEST_FOR_LANGUAGE = 40  # for the language: names and single words may be of any
# A part is in another language if that one scores at least the first and the claimed one below the second. Of English
# parts of Alpaca with 40 to 60 letters these refuse 4 % (0 and 0.1: 9 %), and of lines in other languages 96 %, not 98
FOUND_SCORE = 0.4
LOWEST_SCORE = 0.03  # neighbours such as Maithili and Bhojpuri share a text
_SCRIPT_SHARE = 0.5  # of the letters
_EAST_ASIAN = 3  # letters of an alphabet that a Chinese, Japanese or Korean one says as much as, about
_FENCED = re.compile(r"^```.*?(?:^```|\Z)", re.DOTALL | re.MULTILINE)


class Problem(NamedTuple):
    """A part that is not what it claims. `found`: the language or the script seen instead."""

    field: int  # of row.fields
    part: str
    claimed: str
    found: str
    kind: Literal["wrong_script", "wrong_language"]


class _Claim(NamedTuple):
    row: int
    field: int
    part: str
    language: str
    text: str
    before: str  # it was code-switched, if it was


def verify_languages(rows: Sequence[Row | Text], *, model: str = "default") -> list[list[Problem]]:
    """The problems of each row, by script and `filters.language`; code, URLs, numbers and labels are not looked at.

    Of a language that the model doesn't know, and of short text, only the script is. Code-switched text may be in the
    scripts of both its languages; its language is judged before it was switched, for the model, which knows no text in
    two, finds a third in every fifth of English and Swahili. Its switched words are a dictionary's.
    """
    claims = _claims(rows)
    problems: list[list[Problem]] = [[] for _ in rows]
    letters = letter_counts(pa.array([claim.text for claim in claims], pa.string()))
    found = identify(pa.array([claim.before for claim in claims], pa.string()), model=model).to_pylist()
    known = {label(*each) for each in known_labels(model)}
    for claim, counts, answer in zip(claims, letters, found, strict=True):
        if problem := _problem(claim, counts.tolist(), answer, known):
            problems[claim.row].append(problem)
    return problems


def _claims(rows: Sequence[Row | Text]) -> list[_Claim]:
    """One for each language of a field, its pieces together."""
    return [
        _claim(at, number, field, language)
        for at, row in enumerate(rows)
        for number, field in enumerate(row.fields)
        for language in field.languages
    ]


def _claim(row: int, number: int, field: Field, language: str) -> _Claim:
    pieces = [piece for piece in field.pieces if piece.language == language]
    text = "\n".join(_bare(piece.text) for piece in pieces)
    before = "\n".join(_bare(piece.before) for piece in pieces if piece.before)
    return _Claim(row, number, field.part, language, text, before or text)


def _bare(text: str) -> str:
    """Without code, other protected parts and what can't be encoded."""
    text = _FENCED.sub("\n", text)
    pieces, at = [], 0
    for start, end in protected(text):
        pieces.append(text[at:start])
        at = end
    return " ".join([*pieces, text[at:]]).encode("utf-8", "replace").decode()


def _problem(claim: _Claim, counts: list[int], answer: dict[str, Any], known: set[str]) -> Problem | None:
    allowed, letters = claim.language.split(JOINED), sum(counts)
    if letters < FEWEST_LETTERS:
        return None
    seen = label(answer["language"], answer["language_script"])
    own = sum(counts[column] for column in _columns(allowed))
    weight = _EAST_ASIAN if any(canonical(each)[1] in MEMBERS for each in allowed) else 1
    if weight * own < _SCRIPT_SHARE * (letters + (weight - 1) * own):
        return Problem(claim.field, claim.part, claim.language, answer["language_script"], "wrong_script")
    if letters < FEWEST_FOR_LANGUAGE or not known.issuperset(allowed):
        return None
    scores = json.loads(answer["top_langs"])
    switched = claim.before is not claim.text
    claimed = allowed[:1] if switched else allowed
    highest = max(scores.get(f"{each}_score", 0.0) for each in claimed)
    if seen in claimed or highest >= LOWEST_SCORE or answer["language_score"] < FOUND_SCORE:
        return None
    return Problem(claim.field, claim.part, claim.language, seen, "wrong_language")


def _columns(languages: list[str]) -> set[int]:
    scripts = [canonical(each)[1] for each in languages]
    return {SCRIPT_INDEX[member] for script in scripts for member in MEMBERS.get(script, (script,))}
