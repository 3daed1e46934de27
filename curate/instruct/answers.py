"""Parts that transforms ask for, made by engines through the memory of translations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, get_args

from curate.instruct.recall import Known, Recall
from curate.report.words import language as named
from curate.translate.asking import Asking
from curate.translate.memory import MEMORY, Memory
from translate.checks.check import Cutoff, Reason, check
from translate.checks.lengths import LengthLimits
from translate.document import Document
from translate.engine import (
    Answer,
    Engine,
    EngineError,
    LastingReason,
    Message,
    Parameters,
    Request,
    Result,
    content_key,
)
from translate.prompt import without_control_tokens
from translate.request import TranslationPrompt
from translate.transforms.grounded import SCHEMAS, again, unread
from translate.transforms.rows import Form, Part

CHUNK = 512  # requests between two writes
_NOT_AGAIN = {*get_args(LastingReason)} - {"loop"}  # of the engine: the same request would fare the same
_OF_ANSWERS: tuple[Reason, ...] = ("empty", "stopped_by_length", "refusal", "loop")
Row = dict[str, Any]
_WARMER = 0.7  # temperature at which free text is asked for again: at 0 it would come out the same


@dataclass
class Engines:
    """One engine for translations and answers, what it may be accepted with, and the memory of what it said."""

    engine: Engine
    memory: Memory
    cutoffs: Mapping[Reason, Cutoff]
    max_tokens: int = 1024
    asked: int = 0  # times, of what the memory got
    why: dict[Part, str] = field(default_factory=dict)  # of the parts that failed

    @cached_property
    def _recall(self) -> Recall:
        recall = Recall(self.memory)
        recall.refresh()
        return recall

    def made(self, parts: Sequence[Part]) -> dict[Part, str | None]:
        """Each part's text, or None; only what the memory lacks is asked for."""
        requests = {part: dict(self._requests(part)) for part in parts}
        known = self._recall.answers({key for each in requests.values() for key in each})
        for part, wanted in self._open(requests, known):
            known |= self._ask(part, wanted)
        return {part: self._text(part, list(each), known) for part, each in requests.items()}

    def _requests(self, part: Part) -> Iterator[tuple[str, str | Request]]:
        """Key and span of a translation; key and request of an answer."""
        identity = self.engine.identity
        if part.kind == "translate":
            prompt = _prompt(part.source, part.target)
            for span in Document.parse(part.text, "markdown").spans:
                yield content_key(identity, prompt.request(span.text)), span.text
            return
        said = tuple(Message(each.role, without_control_tokens(each.content)) for each in part.messages)
        request = Request(said, Parameters(max_tokens=self.max_tokens, schema=SCHEMAS[part.form]))
        yield content_key(identity, request), request

    def _open(
        self, requests: Mapping[Part, Mapping[str, str | Request]], known: Known
    ) -> Iterator[tuple[Part, dict[str, Any]]]:
        """What is not known, by kind, languages and form, a chunk at a time."""
        groups: dict[tuple[str, str, str, Form], tuple[Part, dict[str, str | Request]]] = {}
        for part, each in requests.items():
            group = groups.setdefault((part.kind, part.source, part.target, part.form), (part, {}))[1]
            group.update({key: one for key, one in each.items() if key not in known})
        for part, wanted in groups.values():
            keys = list(wanted)
            for at in range(0, len(keys), CHUNK):
                yield part, {key: wanted[key] for key in keys[at : at + CHUNK]}

    def _ask(self, part: Part, wanted: dict[str, Any]) -> Known:
        keys, given = list(wanted), list(wanted.values())
        if part.kind == "translate":
            prompt = _prompt(part.source, part.target)
            rows = Asking(self.engine, prompt, part.source, part.target, self.cutoffs).rows(keys, given)
        else:
            rows = self._answered(part, keys, given)
        found = [row for row in rows if row]
        if not found:
            raise EngineError(f"the engine answered none of {len(keys)} requests; run again to go on")
        self.asked += sum(row["asked"] for row in found)
        self.memory.add(found)
        self._recall.refresh()
        return {row["key"]: (row["translation"], row["reason"]) for row in found}

    def _answered(self, part: Part, keys: list[str], requests: list[Request]) -> list[Row | None]:
        """A row of the memory a request; what can't be used is asked for once more."""
        rows = self._judged(part, requests)
        wrong = [n for n, row in enumerate(rows) if row and row["reason"] not in (None, *_NOT_AGAIN)]
        once_more = [_once_more(part.form, requests[n], (rows[n] or {})["reason"]) for n in wrong]
        second = self._judged(part, once_more) if wrong else []
        for n, row in zip(wrong, second, strict=True):
            rows[n] = _better(rows[n] or {}, row)
        names = {"model": self.engine.identity.model}
        given = zip(keys, requests, rows, strict=True)
        return [row and {**row, **names, "key": key, "source": _said(request)} for key, request, row in given]

    def _judged(self, part: Part, requests: list[Request]) -> list[Row | None]:
        results = self.engine.run(requests)
        if len(results) != len(requests):
            raise EngineError(f"the engine gave {len(results)} answers to {len(requests)} requests")
        return [self._judge(part, request, result) for request, result in zip(requests, results, strict=True)]

    def _judge(self, part: Part, request: Request, result: Result) -> Row | None:
        """None where the trouble may pass."""
        row: Row = dict.fromkeys(MEMORY.names) | {"asked": 1, "prompt_tokens": 0, "completion_tokens": 0}
        if not isinstance(result, Answer):
            return None if result.passing else row | {"reason": result.reason, "detail": result.detail}
        row |= {"prompt_tokens": result.prompt_tokens, "completion_tokens": result.completion_tokens}
        cutoffs = {reason: self.cutoffs[reason] for reason in _OF_ANSWERS if reason in self.cutoffs}
        languages: dict[str, Any] = {"source_language": part.source, "target_language": part.target}
        (problem,) = check([_said(request)], [result], **languages, limits=LengthLimits(), cutoffs=cutoffs)
        if problem:
            return row | {"reason": problem.reason, "detail": problem.detail}
        if fault := unread(part.form, result):
            return row | {"reason": fault.fault, "detail": fault.detail}
        return row | {"translation": result.text}

    def _text(self, part: Part, keys: list[str], known: Known) -> str | None:
        texts = {key: known.get(key, (None, "unanswered")) for key in keys}
        if failed := next((why for text, why in texts.values() if text is None), None):
            self.why[part] = failed
            return None
        if part.kind == "answer":
            return texts[keys[0]][0]
        document, prompt = Document.parse(part.text, "markdown"), _prompt(part.source, part.target)
        identity = self.engine.identity
        made = [texts[content_key(identity, prompt.request(span.text))][0] for span in document.spans]
        try:
            return document.rebuild(made)
        except ValueError:
            self.why[part] = "placeholders"
            return None


def _once_more(form: Form, request: Request, problem: str) -> Request:
    """The prompt with what was wrong, of a form; free text, whose prompt is part of the data, by chance."""
    if form and isinstance(request.prompt, tuple):
        return replace(request, prompt=again(form, request.prompt, problem))
    return replace(request, parameters=replace(request.parameters, temperature=_WARMER))


def _better(first: Row, second: Row | None) -> Row:
    """The second answer where it is one; the first reason else. Both were paid for."""
    if second is None:
        return first
    chosen = second if second["reason"] is None else first
    return chosen | {name: first[name] + second[name] for name in ("asked", "prompt_tokens", "completion_tokens")}


def _said(request: Request) -> str:
    """What the text that the answer belongs to is taken to be."""
    return request.prompt[-1].content if isinstance(request.prompt, tuple) else request.prompt


def _prompt(source: str, target: str) -> TranslationPrompt:
    return TranslationPrompt(named(source) or source, named(target) or target)
