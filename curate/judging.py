"""The job of `curate judge`: answers of systems compared or scored by a language model, into Parquet.

Rows are taken a batch at a time; what the judge says is kept as soon as it is said (curate/remembered.py), so a rerun
pays for nothing twice, and adding a system pays for its pairs alone. The table is written anew by every run.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Any

import pyarrow as pa

from curate.instruct.reading import read_rows
from curate.page import stable_id
from curate.recipe import RecipeError
from curate.remembered import Remembered
from curate.sheets import Sheets
from curate.sources import list_inputs
from curate.sources.record import Failure, InputError, Split
from translate.engine import PASSING, whole_characters
from translate.judge import CHARACTERS, Comparison, Rating, Sample, Verdict, compare, rate
from translate.tally import Tally, tally

BATCH = 64  # rows
TIE = "tie"
MOST_SYSTEMS = 100  # all pairs of them are compared

_STRINGS = ("file", "id")
_PLACE = [*(pa.field(name, pa.string()) for name in _STRINGS), pa.field("offset", pa.int64())]
_TROUBLE = [
    pa.field("failure", pa.string()),  # null: there is a verdict
    pa.field("detail", pa.string()),
    pa.field("again", pa.list_(pa.string())),  # why answers of the judge had to be asked for once more
    pa.field("model", pa.string()),
    pa.field("revision", pa.string()),
]
VERDICTS = pa.schema(
    [
        *_PLACE,
        pa.field("first", pa.string()),  # system
        pa.field("second", pa.string()),
        pa.field("winner", pa.string()),  # system or tie; null: no verdict
        pa.field("forward", pa.string()),  # the same, as said with the first shown first
        pa.field("backward", pa.string()),
        pa.field("consistent", pa.bool_()),  # null: not both are there
        pa.field("first_characters", pa.int64()),
        pa.field("second_characters", pa.int64()),
        pa.field("forward_reason", pa.string()),
        pa.field("backward_reason", pa.string()),
        pa.field("truncated", pa.bool_()),  # whether the judge saw only the beginning of something
        *_TROUBLE,
    ]
)
RATINGS = pa.schema(
    [
        *_PLACE,
        pa.field("system", pa.string()),
        pa.field("scores", pa.map_(pa.string(), pa.int32())),  # by criterion; empty: none
        pa.field("reason", pa.string()),
        pa.field("truncated", pa.bool_()),
        *_TROUBLE,
    ]
)


@dataclass(frozen=True, slots=True)
class Answers:
    """A row: what was asked, and what each system answered."""

    place: Mapping[str, Any]
    prompt: str
    answers: Mapping[str, str]
    reference: str


@dataclass(slots=True)
class Compared:
    """What came of pairs. `unread`: rows that hold nothing to judge, by reason."""

    tally: Tally
    characters: dict[str, float]  # of an answer on average, by system
    unread: Counter[str]
    truncated: int


@dataclass(slots=True)
class Rated:
    """What came of scores."""

    scores: dict[str, dict[str, Counter[int]]] = field(default_factory=dict)  # system, criterion
    samples: int = 0
    rated: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    truncated: int = 0


def compared(inputs: Sequence[str], root: str, engine: Remembered) -> Compared:
    """All pairs of each row's answers, into verdicts.parquet. RecipeError for an input without two answers to a prompt."""
    unread, lengths, rows = Counter[str](), dict[str, Counter[int]](), Counter[str]()
    pairs: list[tuple[str, str]] = []
    comparisons: list[Comparison] = []
    verdicts: list[Verdict] = []
    with Sheets(root, "verdicts.parquet") as sheets:
        for batch in _batches(inputs, unread, least=2):
            asked = [(row, pair) for row in batch for pair in combinations(sorted(row.answers), 2)]
            given = [Comparison(row.prompt, row.answers[a], row.answers[b], row.reference) for row, (a, b) in asked]
            said = compare(engine, given)
            written = [_verdict_row(*each, engine) for each in zip(asked, given, said, strict=True)]
            sheets.add("", written, VERDICTS)
            rows["truncated"] += sum(row["truncated"] for row in written)
            pairs += [pair for _, pair in asked]
            comparisons += given
            verdicts += said
            for row in batch:
                for system, answer in row.answers.items():
                    lengths.setdefault(system, Counter()).update({0: 1, 1: len(answer)})
    if not comparisons:
        raise RecipeError(nothing("no two answers to a prompt", unread))
    characters = {system: count[1] / count[0] for system, count in lengths.items()}
    return Compared(tally(pairs, comparisons, verdicts), characters, unread, rows["truncated"])


def rated(inputs: Sequence[str], root: str, engine: Remembered, criteria: Mapping[str, str]) -> Rated:
    """Each answer of each row by each criterion, into ratings.parquet. RecipeError for an input without an answer."""
    result = Rated()
    with Sheets(root, "ratings.parquet") as sheets:
        for batch in _batches(inputs, result.unread, least=1):
            asked = [(row, system) for row in batch for system in sorted(row.answers)]
            samples = [Sample(row.prompt, row.answers[system], row.reference) for row, system in asked]
            said = rate(engine, samples, criteria)
            written = [_rating_row(*each, engine) for each in zip(asked, samples, said, strict=True)]
            sheets.add("", written, RATINGS)
            result.truncated += sum(row["truncated"] for row in written)
            for (_, system), rating in zip(asked, said, strict=True):
                _add(result, system, rating)
    if not result.samples:
        raise RecipeError(nothing("no answer to a prompt", result.unread))
    return result


def nothing(what: str, unread: Mapping[str, int]) -> str:
    """That the input holds nothing to work on, and why."""
    why = ", ".join(f"{reason} {count:,}" for reason, count in sorted(unread.items()))
    return f"{what} in the input" + (f"; rows not read: {why}" if why else "; it is empty")


def _add(result: Rated, system: str, rating: Rating) -> None:
    result.samples += 1
    result.again.update(rating.again)
    by_criterion = result.scores.setdefault(system, {})
    if rating.failure:
        result.failures[rating.failure] += 1
        return
    result.rated += 1
    for criterion, score in rating.scores.items():
        by_criterion.setdefault(criterion, Counter())[score] += 1


def unfinished(failures: Mapping[str, int]) -> int:
    """Of failures, those that the next run asks again."""
    return sum(count for reason, count in failures.items() if reason in PASSING)


# --- rows ------------------------------------------------------------------------------------------------------------


def _batches(inputs: Sequence[str], unread: Counter[str], *, least: int) -> Iterator[list[Answers]]:
    rows = _read(inputs, unread, least)
    while batch := list(islice(rows, BATCH)):
        yield batch


def _read(inputs: Sequence[str], unread: Counter[str], least: int) -> Iterator[Answers]:
    systems: set[str] = set()
    for split in splits(inputs, "judge"):
        for item in read_rows(split):
            found = item.reason if isinstance(item, Failure) else _answers(*item, split.file, least)
            if isinstance(found, str):
                unread[found] += 1
                continue
            systems.update(found.answers)
            if TIE in systems:
                raise RecipeError(
                    f"{split.file}: a system is called {TIE}, as verdicts without a winner are; rename it"
                )
            if len(systems) > MOST_SYSTEMS:
                raise RecipeError(f"{split.file}: more than {MOST_SYSTEMS} systems; answers is {{system: text}}")
            yield found


def splits(inputs: Sequence[str], command: str) -> list[Split]:
    """JSONL and Parquet files. InputError for others."""
    files = list_inputs(inputs)
    if other := next((file for file in files if file.format not in ("jsonl", "parquet")), None):
        raise InputError(f"{other.path}: of format {other.format}; {command} reads jsonl, parquet")
    return [Split(file=file.path, format=file.format, bytes=file.bytes) for file in files]


def _answers(offset: int, row: Mapping[str, Any], file: str, least: int) -> Answers | str:
    """A row, or why it is none."""
    prompt, given, reference = row.get("prompt"), row.get("answers"), row.get("reference")
    if not isinstance(prompt, str) or not prompt.strip():
        return "no_prompt"
    if not isinstance(given, dict):
        return "no_answers"
    answers = {name: text for name, text in given.items() if text is not None}
    texts = [*answers, *answers.values(), *([] if reference is None else [reference])]
    if not all(isinstance(text, str) for text in texts) or not all(name.strip() for name in answers):
        return "malformed"
    if len(answers) < least:
        return "one_answer" if answers else "no_answers"
    clean = {whole_characters(name): whole_characters(text) for name, text in answers.items()}
    place = {"file": file, "id": id_of(row, file, offset), "offset": offset}
    return Answers(place, whole_characters(prompt), clean, whole_characters(reference or ""))


def id_of(row: Mapping[str, Any], file: str, offset: int) -> str:
    """The row's own, else one of its place."""
    own = row.get("id")
    return whole_characters(str(own)) if isinstance(own, str | int) and own != "" else stable_id(file, offset)


def _verdict_row(
    asked: tuple[Answers, tuple[str, str]], comparison: Comparison, verdict: Verdict, engine: Remembered
) -> dict[str, Any]:
    """Of VERDICTS."""
    row, (first, second) = asked
    named = {"first": first, "second": second, "tie": TIE, None: None}
    said = {name: named[getattr(verdict, name)] for name in ("winner", "forward", "backward")}
    lengths = {"first_characters": len(comparison.first), "second_characters": len(comparison.second)}
    reasons = dict(zip(("forward_reason", "backward_reason"), map(whole_characters, verdict.reasons), strict=True))
    shown = (comparison.prompt, comparison.first, comparison.second, comparison.reference)
    systems = {"first": first, "second": second, "consistent": verdict.consistent}
    return {**row.place, **systems, **said, **lengths, **reasons, **_trouble(verdict, shown, engine)}


def _rating_row(asked: tuple[Answers, str], sample: Sample, rating: Rating, engine: Remembered) -> dict[str, Any]:
    """Of RATINGS."""
    row, system = asked
    shown = (sample.prompt, sample.answer, sample.reference)
    scores = {"system": system, "scores": dict(rating.scores), "reason": whole_characters(rating.reason)}
    return {**row.place, **scores, **_trouble(rating, shown, engine)}


def _trouble(said: Verdict | Rating, shown: Sequence[str], engine: Remembered) -> dict[str, Any]:
    model = {"model": engine.identity.model, "revision": engine.identity.revision}
    trouble = {"failure": said.failure, "detail": said.detail, "again": list(said.again)}
    return {"truncated": any(len(text) > CHARACTERS for text in shown), **trouble, **model}
