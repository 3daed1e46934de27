"""Scores from a language model: sample, ask what was not asked before, write chunk by chunk, account for every document.

An answer is kept under the hash of all that it depends on (text, prompt, model, parameters). So a rerun after a kill
pays again for at most the chunk in flight, and a larger sample pays only for what it adds.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from curate.annotate.folder import VERDICT, Folder, Outcome, Verdict
from curate.annotate.rubric import Judgement, NoScore, Rubric
from curate.annotate.sample import Document, Sample
from curate.recipe import RecipeError
from translate.engine import Answer, Engine, EngineError, Failure, Request, Result, content_key

CHUNK = 128  # requests between two writes
ASKED = 3  # times at most: once, and twice with what was wrong with the answer
COUNTED = 64  # prompts whose tokens are counted for the estimate


@dataclass(frozen=True, slots=True)
class Question:
    """A request, and the documents with the same text that its answer is for."""

    key: str
    request: Request
    language: str  # of the prompt
    documents: list[Document]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Before anything is paid: what asking once costs at most. Answers that must be asked for again come on top."""

    questions: int
    prompt_tokens: int
    completion_tokens: int  # at most

    def price(self, prompt: float, completion: float) -> float:
        """In the currency of `prompt` and `completion`, the prices of a million tokens."""
        return (self.prompt_tokens * prompt + self.completion_tokens * completion) / 1e6

    def hours(self, tokens_per_second: float) -> float:
        return (self.prompt_tokens + self.completion_tokens) / tokens_per_second / 3600


# --- questions -----------------------------------------------------------------------------------------------------


def questions(documents: Iterable[Document], rubric: Rubric, engine: Engine, *, native: bool) -> list[Question]:
    """One a distinct text and prompt, in the order of the documents."""
    found: dict[str, Question] = {}
    for document in documents:
        language = rubric.language_for(document.language, native=native)
        request = rubric.request(document.text, language)
        key = content_key(engine.identity, request)
        found.setdefault(key, Question(key, request, language, [])).documents.append(document)
    return list(found.values())


def estimate(asked: Sequence[Question], engine: Engine, rubric: Rubric) -> Estimate:
    """Tokens counted on a part, by the engine's own tokenizer where it has one, and scaled by bytes."""
    if not asked:
        return Estimate(0, 0, 0)
    part = asked[:: max(1, len(asked) // COUNTED)][:COUNTED]
    counted = sum(engine.count_tokens([question.request for question in part]))
    share = sum(question.request.bytes for question in part) / sum(question.request.bytes for question in asked)
    return Estimate(len(asked), round(counted / share), len(asked) * rubric.max_tokens)


# --- asking --------------------------------------------------------------------------------------------------------


def judge(engine: Engine, rubric: Rubric, asked: Sequence[Question]) -> list[Verdict]:
    """A verdict a question. Answers that can't be read are asked for again, with what was wrong with them."""
    verdicts = [Verdict() for _ in asked]
    waiting = {n: question.request for n, question in enumerate(asked)}
    for _ in range(ASKED):
        results = engine.run(list(waiting.values())) if waiting else []
        waiting = {
            n: again
            for n, result in zip(list(waiting), results, strict=True)
            if (again := _heard(verdicts[n], result, rubric, asked[n]))
        }
    return verdicts


def _heard(verdict: Verdict, result: Result, rubric: Rubric, question: Question) -> Request | None:
    """Take a result into the verdict; what to ask next, if anything."""
    verdict.asked += 1
    if isinstance(result, Failure):
        # A repaired prompt that is too long says nothing of the text: the answer before it stays the reason
        if verdict.failure is None or result.passing:
            verdict.failure, verdict.detail = result.reason, result.detail
        return None
    verdict.prompt_tokens += result.prompt_tokens
    verdict.completion_tokens += result.completion_tokens
    read = rubric.read(result)
    if isinstance(read, Judgement):
        verdict.score, verdict.reason, verdict.failure, verdict.detail = read.score, read.reason, None, None
        return None
    return _unread(verdict, result, read, rubric, question)


def _unread(verdict: Verdict, answer: Answer, read: NoScore, rubric: Rubric, question: Question) -> Request:
    verdict.failure, verdict.detail = read.fault, read.detail
    return rubric.repaired(question.request, question.language, answer.text, read.detail)


# --- all of it -------------------------------------------------------------------------------------------------------


def settings(rubric: Rubric, engine: Engine, *, native: bool) -> dict[str, Any]:
    """What all scores of a folder have in common."""
    identity = engine.identity
    return {
        "model": identity.model,
        "revision": identity.revision,
        "options": dict(identity.options),
        "rubric": rubric.name,
        "rubric_version": rubric.version,
        "rubric_fingerprint": rubric.fingerprint,
        "native_prompts": native,
    }


@dataclass
class Annotation:
    """A sample and a judge, brought together: what is known, what is to be asked, and `run` to ask it."""

    sample: Sample
    rubric: Rubric
    engine: Engine
    folder: Folder
    native: bool = False

    def __post_init__(self) -> None:
        if not self.sample.documents:
            seen = ", ".join(f"{language} ({n:,})" for language, n in self.sample.seen.most_common(20))
            raise RecipeError(
                f"nothing to annotate: no document with text in the languages asked for; {seen or 'none'}"
            )
        self._settings = settings(self.rubric, self.engine, native=self.native)
        self.folder.check(self._settings)
        self._questions = questions(self.sample.documents, self.rubric, self.engine, native=self.native)
        self._verdicts = self.folder.verdicts()

    @property
    def open(self) -> list[Question]:
        """What was not answered before."""
        return [question for question in self._questions if question.key not in self._verdicts]

    def estimate(self) -> Estimate:
        return estimate(self.open, self.engine, self.rubric)

    def run(self, progress: Callable[[int], None] = lambda done: None) -> Outcome:
        """Ask, chunk by chunk; `progress` gets the number of questions done. EngineError if the engine is gone."""
        self.folder.claim(self._settings)
        outcome, unfinished = Outcome(), dict[str, Verdict]()
        asked = self.open
        self._add_known()
        for start in range(0, len(asked), CHUNK):
            chunk = asked[start : start + CHUNK]
            verdicts = judge(self.engine, self.rubric, chunk)
            self._publish(chunk, verdicts, outcome)
            unfinished |= {q.key: v for q, v in zip(chunk, verdicts, strict=True) if v.passing}
            if all(verdict.passing for verdict in verdicts):
                raise EngineError(_gone(verdicts))
            progress(start + len(chunk))
        return self._finish(outcome, unfinished)

    def _add_known(self) -> None:
        """Rows of documents whose text was answered before under another id: they cost nothing."""
        written = self.folder.written()
        self.folder.add(
            [
                self._row(question, document, verdict)
                for question in self._questions
                if (verdict := self._verdicts.get(question.key))
                for document in question.documents
                if (question.key, document.id, document.file) not in written
            ]
        )

    def _publish(self, chunk: Sequence[Question], verdicts: Sequence[Verdict], outcome: Outcome) -> None:
        rows = []
        for question, verdict in zip(chunk, verdicts, strict=True):
            outcome.prompt_tokens += verdict.prompt_tokens
            outcome.completion_tokens += verdict.completion_tokens
            if not verdict.passing:
                self._verdicts[question.key] = verdict
                rows += [self._row(question, document, verdict) for document in question.documents]
        self.folder.add(rows)

    def _finish(self, outcome: Outcome, unfinished: dict[str, Verdict]) -> Outcome:
        left = []
        for question in self._questions:
            verdict = self._verdicts.get(question.key) or unfinished[question.key]
            for document in question.documents:
                outcome.add(document, verdict)
                if verdict.passing:
                    left.append(self._row(question, document, verdict))
        outcome.check()
        self.folder.finish(left, outcome)
        return outcome

    def _row(self, question: Question, document: Document, verdict: Verdict) -> dict[str, Any]:
        """Of ANNOTATIONS."""
        identity = self.engine.identity
        return {
            "key": question.key,
            "id": document.id,
            "file": document.file,
            "language": document.language,
            "text": document.text,
            "truncated": document.truncated,
            **{name: getattr(verdict, name) for name in VERDICT},
            "model": identity.model,
            "revision": identity.revision,
            "rubric": self.rubric.name,
            "rubric_version": self.rubric.version,
            "prompt_language": question.language,
        }


def _gone(verdicts: Sequence[Verdict]) -> str:
    reasons = Counter(verdict.failure for verdict in verdicts)
    named = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
    return (
        f"the engine answered none of {len(verdicts):,} requests ({named}: {verdicts[-1].detail}); run again to go on"
    )
