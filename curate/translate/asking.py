"""A chunk of spans to the engine: asked, checked, what is wrong asked once more, and kept as rows of the memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curate.translate.memory import MEMORY
from translate.checks.check import CUTOFFS, REASONS, Cutoff, Reason, check
from translate.checks.lengths import LengthLimits
from translate.engine import PASSING, Answer, Engine, EngineError, Failure, Request, Result
from translate.request import TranslationPrompt

Row = dict[str, Any]


def cutoffs(accepted: Sequence[str]) -> Mapping[Reason, Cutoff]:
    """The checks without those that are accepted. ValueError for a name that is none."""
    if unknown := sorted({*accepted} - {*REASONS}):
        raise ValueError(f"no check {unknown[0]!r}; the checks are {', '.join(REASONS)}")
    return {reason: cutoff for reason, cutoff in CUTOFFS.items() if reason not in accepted}


@dataclass(frozen=True)
class Asking:
    """An engine, what it is told, and what its answers must be.

    The limits of length are the fixed ones: limits learned on the way would judge a span by what was asked before it.
    """

    engine: Engine
    prompt: TranslationPrompt
    source: str  # eng_Latn
    target: str
    cutoffs: Mapping[Reason, Cutoff]
    models: Mapping[str, Any] = field(default_factory=dict)  # that check answers too: keywords of `check`

    def rows(self, keys: Sequence[str], texts: Sequence[str]) -> list[Row | None]:
        """A row of MEMORY a span; None where the engine's trouble may pass: the next run asks again."""
        return [None if row["reason"] in PASSING else row for row in self.asked(keys, texts)]

    def asked(self, keys: Sequence[str], texts: Sequence[str]) -> list[Row]:
        """A row a span, also where the trouble may pass (`reason` in PASSING); such a row is not for the memory."""
        rows = self._judged(texts, self._results([self.prompt.request(text) for text in texts]))
        wrong = [n for n, row in enumerate(rows) if row["reason"] in CUTOFFS]
        again = [self.prompt.again(texts[n], str(rows[n]["reason"])) for n in wrong]
        second = self._judged([texts[n] for n in wrong], self._results(again)) if wrong else []
        for n, better in zip(wrong, second, strict=True):
            rows[n] = _better(rows[n], better)
        model = self.engine.identity.model
        given = zip(keys, texts, rows, strict=True)
        return [{**row, "key": key, "source": text, "model": model} for key, text, row in given]

    def _results(self, requests: list[Request]) -> list[Result]:
        results = self.engine.run(requests)
        if len(results) != len(requests):
            raise EngineError(f"the engine gave {len(results)} answers to {len(requests)} requests")
        return results

    def _judged(self, texts: Sequence[str], results: Sequence[Result]) -> list[Row]:
        rows = [_row(result) for result in results]
        answered = [n for n, result in enumerate(results) if isinstance(result, Answer)]
        answers = [result for result in results if isinstance(result, Answer)]
        found = check(
            [texts[n] for n in answered],
            answers,
            source_language=self.source,
            target_language=self.target,
            limits=LengthLimits(),
            cutoffs=self.cutoffs,
            **self.models,
        )
        for n, answer, problem in zip(answered, answers, found, strict=True):
            if problem:
                rows[n] |= {"reason": problem.reason, "detail": problem.detail}
            else:
                rows[n]["translation"] = answer.text.strip()
        return rows


def _row(result: Result) -> Row:
    row: Row = dict.fromkeys(MEMORY.names) | {"asked": 1, "prompt_tokens": 0, "completion_tokens": 0}
    if isinstance(result, Failure):
        return row | {"reason": result.reason, "detail": result.detail}
    return row | {"prompt_tokens": result.prompt_tokens, "completion_tokens": result.completion_tokens}


def _better(first: Row, second: Row) -> Row:
    """The second answer where it is one; the first reason else. Both were paid for."""
    chosen = second if second["reason"] is None else first
    sums = {name: first[name] + second[name] for name in ("asked", "prompt_tokens", "completion_tokens")}
    return chosen | sums
