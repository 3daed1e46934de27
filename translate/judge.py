"""A language model as judge: which of two answers is better, or scores by criterion. Batch in, batch out.

Judges prefer the answer that they see first (Zheng et al. 2023, arXiv 2306.05685), so each pair is asked about in both
orders, and only what both say counts. They prefer the longer one too (Dubois et al. 2024, arXiv 2404.04475): how
often that one won is in the tally, but nothing is corrected for it.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from translate.answer import Unread, read_object
from translate.engine import PASSING, Engine, EngineError, Failure, Message, Parameters, Request, Result
from translate.prompt import quoted, shortened, without_control_tokens

CHARACTERS = 16_000  # of a request, reference or answer; what follows is not shown
MAX_TOKENS = 512  # of the judge's answer
ECHOED = 1000  # characters of an unreadable answer that the judge is shown again
LOWEST, HIGHEST = 1, 5
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

Winner = Literal["first", "second", "tie"]


class _Choice(BaseModel):
    reason: str
    better: Literal["A", "B", "tie"]


class _Scores(BaseModel):
    reason: str
    scores: dict[str, Annotated[int, Field(strict=True, ge=LOWEST, le=HIGHEST)]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two answers to a request. The reference is a good answer, in English or the request's language; "": none."""

    prompt: str
    first: str
    second: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What both orders say. `winner` is None where one of them has no answer; a tie where they disagree."""

    winner: Winner | None
    forward: Winner | None = None  # with `first` shown first; None for equal answers, which nobody is asked about
    backward: Winner | None = None
    reasons: tuple[str, str] = ("", "")  # the judge's, of forward and backward
    failure: str | None = None
    detail: str | None = None
    again: tuple[str, ...] = ()  # why answers had to be asked for once more

    @property
    def consistent(self) -> bool | None:
        """Whether both orders say the same; None where they were not both answered."""
        return None if self.forward is None or self.backward is None else self.forward == self.backward

    @property
    def passing(self) -> bool:
        """Whether the engine's trouble, not the text or the model, is why there is none."""
        return self.failure in PASSING


@dataclass(frozen=True, slots=True)
class Sample:
    """An answer to a request, to be scored."""

    prompt: str
    answer: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Rating:
    """Whole numbers from 1 to 5, by criterion; none where there is a failure."""

    scores: Mapping[str, int]
    reason: str = ""
    failure: str | None = None
    detail: str | None = None
    again: tuple[str, ...] = ()

    @property
    def passing(self) -> bool:
        """As `Verdict.passing`."""
        return self.failure in PASSING


def compare(engine: Engine, comparisons: Sequence[Comparison]) -> list[Verdict]:
    """A verdict each. Equal answers are a tie without a question. EngineError if the engine can't be used."""
    asked = [n for n, each in enumerate(comparisons) if each.first.strip() != each.second.strip()]
    requests = [_pair(comparisons[n], swapped) for n in asked for swapped in (False, True)]
    heard = _ask(engine, requests, _read_choice, str(_prompts()["pairwise"]["shape"]))
    verdicts = [Verdict("tie")] * len(comparisons)
    for at, n in enumerate(asked):
        verdicts[n] = _verdict(heard[2 * at], heard[2 * at + 1])
    return verdicts


def rate(engine: Engine, samples: Sequence[Sample], criteria: Mapping[str, str]) -> list[Rating]:
    """Scores each, of criteria by name with what they ask. ValueError for no criterion or a name that is none."""
    if wrong := [name for name in criteria if not _NAME.fullmatch(name)]:
        raise ValueError(f"criterion {wrong[0]!r}: write a name of a-z, 0-9 and _")
    if not criteria:
        raise ValueError("no criterion to score by")
    shape = _shape(criteria)
    requests = [_scored(sample, criteria, shape) for sample in samples]
    heard = _ask(engine, requests, lambda result: _read_scores(result, criteria), shape)
    return [_rating(one, criteria) for one in heard]


def shipped_criteria() -> dict[str, str]:
    """Criteria with what they ask: correctness, helpfulness, language, fluency."""
    return dict(_prompts()["criteria"])


# --- requests --------------------------------------------------------------------------------------------------------


@cache
def _prompts() -> dict[str, Any]:
    return tomllib.loads(resources.files("translate").joinpath("prompts/judge.toml").read_text("utf-8"))


def _pair(comparison: Comparison, swapped: bool) -> Request:
    answers = (comparison.second, comparison.first) if swapped else (comparison.first, comparison.second)
    shown = [*_asked_for(comparison.prompt, comparison.reference)]
    shown += [("Answer A", answers[0]), ("Answer B", answers[1])]
    words = _prompts()["pairwise"]
    schema = {"better": {"type": "string", "enum": ["A", "B", "tie"]}}
    return _request(words["system"], shown, words["ask"], schema)


def _scored(sample: Sample, criteria: Mapping[str, str], shape: str) -> Request:
    words = _prompts()["rubric"]
    lines = "\n".join(f"- {name}: {' '.join(asks.split())}" for name, asks in criteria.items())
    system = words["system"].replace("{criteria}", lines).replace("{shape}", shape)
    score = {"type": "integer", "enum": list(range(LOWEST, HIGHEST + 1))}  # servers know enum that do not know minimum
    scores = _object(dict.fromkeys(criteria, score))
    shown = [*_asked_for(sample.prompt, sample.reference), ("Answer", sample.answer)]
    return _request(system, shown, words["ask"], {"scores": scores})


def _shape(criteria: Mapping[str, str]) -> str:
    scores = ", ".join(f'"{name}": {LOWEST} to {HIGHEST}' for name in criteria)
    return str(_prompts()["rubric"]["shape"]).replace("{scores}", scores)


def _asked_for(prompt: str, reference: str) -> list[tuple[str, str]]:
    return [("Request", prompt), *([("Reference answer", reference)] if reference.strip() else [])]


def _request(system: str, shown: Sequence[tuple[str, str]], ask: str, answered: dict[str, Any]) -> Request:
    material = "\n\n".join(f"{name}:\n{quoted(shortened(text, CHARACTERS))}" for name, text in shown)
    # The reason comes first: a choice that follows from it is better than one that it has to excuse
    schema = _object({"reason": {"type": "string", "maxLength": ECHOED}, **answered})
    messages = Message("system", system.strip()), Message("user", f"{material}\n\n{ask}")
    return Request(messages, Parameters(max_tokens=MAX_TOKENS, schema=schema))


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# --- answers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Heard:
    """What became of a question."""

    found: Any = None  # _Choice or _Scores
    failure: str | None = None
    detail: str | None = None
    again: str | None = None  # why it was asked once more
    text: str = ""  # of an answer that can't be read


_Read = Callable[[Result], _Heard]


def _ask(engine: Engine, requests: Sequence[Request], read: _Read, shape: str) -> list[_Heard]:
    """Each request, and once more, with what was wrong, where the answer is a refusal or can't be read."""
    heard = [read(result) for result in _run(engine, requests)]
    wrong = [n for n, one in enumerate(heard) if one.again]
    repaired = [_repaired(requests[n], heard[n], shape) for n in wrong]
    for n, result in zip(wrong, _run(engine, repaired), strict=True):
        heard[n] = _later(heard[n], read(result))
    return heard


def _run(engine: Engine, requests: Sequence[Request]) -> list[Result]:
    results = engine.run(requests) if requests else []
    if len(results) != len(requests):
        raise EngineError(f"the engine gave {len(results)} answers to {len(requests)} requests")
    return results


def _repaired(request: Request, heard: _Heard, shape: str) -> Request:
    assert not isinstance(request.prompt, str)
    ask = str(_prompts()["repair"]).replace("{shape}", shape).replace("{problem}", heard.detail or "")
    said = without_control_tokens(heard.text[:ECHOED]).strip() or "…"
    turns = Message("assistant", said), Message("user", without_control_tokens(ask))
    return Request((*request.prompt, *turns), request.parameters)


def _later(first: _Heard, second: _Heard) -> _Heard:
    """The second where it says something; that the longer prompt found no room says nothing of the answer before it."""
    said = second.found is not None or second.again or second.failure in PASSING
    kept = second if said else first
    return _Heard(kept.found, kept.failure, kept.detail, first.again)


def _read_choice(result: Result) -> _Heard:
    return _failed(result) if isinstance(result, Failure) else _read(result.text, _Choice, result.finish == "length")


def _read_scores(result: Result, criteria: Mapping[str, str]) -> _Heard:
    if isinstance(result, Failure):
        return _failed(result)
    heard = _read(result.text, _Scores, result.finish == "length")
    if heard.found is not None and {*heard.found.scores} != {*criteria}:
        wanted = ", ".join(criteria)
        return _Heard(None, "wrong_schema", f"scores: wanted {wanted} and no others", "wrong_schema", result.text)
    return heard


def _read(text: str, wanted: type[BaseModel], cut_off: bool) -> _Heard:
    read = read_object(text, wanted, cut_off=cut_off)
    return _Heard(None, read.fault, read.detail, read.fault, text) if isinstance(read, Unread) else _Heard(read)


def _failed(failure: Failure) -> _Heard:
    return _Heard(
        None, failure.reason, failure.detail, failure.reason if failure.reason == "refused" else None, failure.detail
    )


def _verdict(forward: _Heard, backward: _Heard) -> Verdict:
    said = _winner(forward, ("first", "second")), _winner(backward, ("second", "first"))
    agreed: Winner | None = said[0] if said[0] == said[1] else "tie"
    both = forward, backward
    # Passing trouble stands before what stays so: the pair is asked about again
    failed = sorted((one for one in both if one.failure), key=lambda one: one.failure not in PASSING)
    reasons = tuple(one.found.reason if one.found else "" for one in both)
    again = tuple(one.again for one in both if one.again)
    return Verdict(
        None if failed else agreed,
        *said,
        (reasons[0], reasons[1]),
        failed[0].failure if failed else None,
        failed[0].detail if failed else None,
        again,
    )


def _winner(heard: _Heard, shown: tuple[Winner, Winner]) -> Winner | None:
    if heard.found is None:
        return None
    choices: dict[str, Winner] = {"A": shown[0], "B": shown[1], "tie": "tie"}
    return choices[heard.found.better]


def _rating(heard: _Heard, criteria: Mapping[str, str]) -> Rating:
    again = (heard.again,) if heard.again else ()
    if heard.found is None:
        return Rating({}, "", heard.failure, heard.detail, again)
    return Rating({name: heard.found.scores[name] for name in criteria}, heard.found.reason, again=again)
