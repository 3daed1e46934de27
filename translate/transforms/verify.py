"""Whether every part of a row is in the language that it claims."""

import json
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import pyarrow as pa

from filters.columns import label
from filters.labels import MEMBERS, canonical
from filters.language import identify, known_labels
from filters.scripts import SCRIPT_INDEX, letter_counts
from translate.mask import protected
from translate.transforms.rows import JOINED, Row

FEWEST_LETTERS = 4  # for the script to be looked at
FEWEST_FOR_LANGUAGE = 40  # for the language: names and single words may be of any
LOWEST_SCORE = 0.1  # that the claimed language must have, among neighbours such as Maithili and Bhojpuri
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


def verify_languages(rows: Sequence[Row], *, model: str = "default") -> list[list[Problem]]:
    """The problems of each row, by script and `filters.language`; code, URLs, numbers and labels are not looked at.

    Of a language that the model doesn't know, and of short text, only the script is. Code-switched text may be in
    either of its languages.
    """
    claims = _claims(rows)
    problems: list[list[Problem]] = [[] for _ in rows]
    texts = pa.array([claim.text for claim in claims], pa.string())
    letters, found = letter_counts(texts), identify(texts, model=model).to_pylist()
    known = {label(*each) for each in known_labels(model)}
    for claim, counts, answer in zip(claims, letters, found, strict=True):
        if problem := _problem(claim, counts.tolist(), answer, known):
            problems[claim.row].append(problem)
    return problems


def _claims(rows: Sequence[Row]) -> list[_Claim]:
    """One for each language of a field, its pieces together."""
    return [
        _Claim(
            at,
            number,
            field.part,
            language,
            "\n".join(_bare(piece.text) for piece in field.pieces if piece.language == language),
        )
        for at, row in enumerate(rows)
        for number, field in enumerate(row.fields)
        for language in field.languages
    ]


def _bare(text: str) -> str:
    """Without code, other protected parts and what can't be encoded."""
    text = _FENCED.sub("\n", text)
    pieces, at = [], 0
    for start, end in protected(text):
        pieces.append(text[at:start])
        at = end
    return " ".join([*pieces, text[at:]]).encode("utf-8", "replace").decode()


def _problem(claim: _Claim, counts: list[int], answer: dict[str, str], known: set[str]) -> Problem | None:
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
    if any(seen == each or scores.get(f"{each}_score", 0.0) >= LOWEST_SCORE for each in allowed):
        return None
    return Problem(claim.field, claim.part, claim.language, seen, "wrong_language")


def _columns(languages: list[str]) -> set[int]:
    scripts = [canonical(each)[1] for each in languages]
    return {SCRIPT_INDEX[member] for script in scripts for member in MEMBERS.get(script, (script,))}
