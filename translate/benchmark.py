"""A benchmark in another language, checked by translating it back. Batch in, batch out.

Translated field by field with the masks and checks of a corpus. What a check, the comparison with the original or the
choices themselves object to is a flag for a human; no row is left out.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filters.labels import canonical
from translate.checks.check import check
from translate.checks.lengths import LengthLimits
from translate.checks.values import numbers
from translate.chrf import chrf
from translate.document import Document
from translate.engine import PASSING, Answer, Engine, EngineError, Failure, Request, Result, whole_characters
from translate.request import TranslationPrompt
from translate.transforms.names import known_pair, name

CUTOFF = 40.0  # chrF; chosen, not measured: what is usual differs by languages and engines
MOST_CHOICES = 26
MOST_CHARACTERS = 100_000  # of all its texts
_ALIKE = "the same as the translation of another choice, which means something else"
_CHOICE = re.compile(r"choices\[(\d+)\]")

Fields = dict[str, str]  # passage, question, choices[0], choices[1] ..., answer


@dataclass(frozen=True, slots=True)
class Item:
    """A question. `answer`: the index of a choice, the text of the answer where there are no choices, or None: unknown."""

    question: str
    choices: tuple[str, ...] = ()
    answer: int | str | None = None
    passage: str = ""

    @property
    def fields(self) -> Fields:
        """The texts in it that are not blank, by name."""
        found = {"passage": self.passage, "question": self.question}
        found |= {f"choices[{n}]": choice for n, choice in enumerate(self.choices)}
        found |= {"answer": self.answer} if isinstance(self.answer, str) else {}
        return {field: text for field, text in found.items() if text.strip()}

    def with_fields(self, fields: Mapping[str, str]) -> "Item":
        """The same with other texts; an answer that is an index stays as it is."""
        choices = tuple(fields.get(f"choices[{n}]", choice) for n, choice in enumerate(self.choices))
        answer = fields.get("answer", self.answer) if isinstance(self.answer, str) else self.answer
        question, passage = fields.get("question", self.question), fields.get("passage", self.passage)
        return Item(question, choices, answer, passage)


@dataclass(frozen=True, slots=True)
class Translated:
    """An item in the target language and back again, how alike it came back, and what to look at.

    A field that got no translation is as in the original. Flags are `field:reason`: a check of translate/checks or an
    engine's failure, with `back_` before it on the way back; chrf (below the cutoff); numbers_lost; unchanged (in a
    language of another script); alike (two choices became one; both are as in the original); confused (a choice came
    back more like another one).
    """

    item: Item
    back: Item
    chrf: Mapping[str, float]  # passage, question, choices (as one text), answer; without those that got no translation
    flags: tuple[str, ...] = ()

    @property
    def passing(self) -> bool:
        """Whether a rerun may do better: an engine was in trouble."""
        return any(flag.partition(":")[2].removeprefix("back_") in PASSING for flag in self.flags)


def read_item(row: Mapping[str, Any]) -> Item | str:
    """The item of a row with question, choices, answer and passage, or the name of what is wrong with it."""
    question, answer, passage = row.get("question"), row.get("answer"), row.get("passage")
    choices = [] if row.get("choices") is None else row["choices"]
    if not isinstance(question, str) or not question.strip():
        return "no_question"
    if not isinstance(choices, list | tuple) or not all(isinstance(each, str) for each in choices):
        return "malformed_choices"
    if len(choices) == 1 or len(choices) > MOST_CHOICES:
        return "too_few_choices" if len(choices) == 1 else "too_many_choices"
    if wrong := _wrong_answer(answer, len(choices)):
        return wrong
    if not isinstance(passage, str | None):
        return "malformed_passage"
    if sum(map(len, (question, passage or "", *choices, answer if isinstance(answer, str) else ""))) > MOST_CHARACTERS:
        return "too_large"
    clean = whole_characters
    known = clean(answer) if isinstance(answer, str) else answer
    return Item(clean(question), tuple(map(clean, choices)), known, clean(passage or ""))


def _wrong_answer(answer: object, choices: int) -> str | None:
    if answer is None or (isinstance(answer, str) and not choices):
        return None
    if isinstance(answer, bool) or not isinstance(answer, int) or not choices:
        return "malformed_answer"
    return None if 0 <= answer < choices else "answer_out_of_range"


def translate_items(
    items: Sequence[Item],
    engine: Engine,
    *,
    source: str,
    target: str,
    back_engine: Engine | None = None,
    cutoff: float = CUTOFF,
) -> list[Translated]:
    """Each item in `target` and, by `back_engine` (default: the same), in `source` again.

    A model that translates back what it wrote itself may undo its own mistakes: another one is the stricter check.
    ValueError for languages without a name or a cutoff outside 0 to 100, EngineError if an engine can't be used.
    """
    source, target = known_pair(source, target)
    if not 0 <= cutoff <= 100 or math.isnan(cutoff):
        raise ValueError(f"the cutoff is {cutoff:g}; chrF is from 0 to 100")
    there = _Translator(engine, source, target, set(), set())
    rows = there.items([item.fields for item in items])
    _make_distinct(rows, items, there)
    _flag_unchanged(rows, items, (source, target))
    back = _Translator(back_engine or engine, target, source, there.failed, set())
    returned = back.items([_changed(row.texts, item) for row, item in zip(rows, items, strict=True)])
    return [_compared(*each, cutoff) for each in zip(items, rows, returned, strict=True)]


# --- translating -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Row:
    """The texts of an item after an engine has seen them, and the flags."""

    texts: Fields
    flags: list[str]


@dataclass(frozen=True, slots=True)
class _Translator:
    engine: Engine
    source: str
    target: str
    left: set[str]  # spans that are in the target language already
    failed: set[str]  # spans that got no translation are added here

    def items(self, rows: Sequence[Fields]) -> list[_Row]:
        """The rows' texts translated; each distinct span is asked about once."""
        texts = list(dict.fromkeys(text for fields in rows for text in fields.values()))
        said = dict(zip(texts, self.texts(texts), strict=True))
        return [
            _Row(
                {field: said[text][0] for field, text in fields.items()},
                [f"{field}:{reason}" for field, text in fields.items() for reason in said[text][1]],
            )
            for fields in rows
        ]

    def texts(self, texts: Sequence[str], problem: str = "") -> list[tuple[str, list[str]]]:
        """Of each the translation and what is wrong with it; spans without one stay as they are.

        `problem`: what was wrong with an earlier translation.
        """
        documents = [Document.parse(text, "plain") for text in texts]
        spans = list(dict.fromkeys(span.text for document in documents for span in document.spans))
        asked = [span for span in spans if span not in self.left]
        found: dict[str, Answer | str] = dict(zip(asked, self._spans(asked, problem), strict=True))
        self.failed.update(span for span, each in found.items() if not isinstance(each, Answer))
        said = []
        for document in documents:
            of = [found.get(span.text) for span in document.spans]
            wrong = list(dict.fromkeys(each for each in of if isinstance(each, str)))
            said.append(
                (document.rebuild([each.text.strip() if isinstance(each, Answer) else None for each in of]), wrong)
            )
        return said

    def _spans(self, spans: Sequence[str], problem: str) -> list[Answer | str]:
        """An answer or the reason that there is none; what fails a check is asked for once more."""
        prompt = TranslationPrompt(name(self.source), name(self.target))
        first = [prompt.again(span, problem) if problem else prompt.request(span) for span in spans]
        said = self._judged(spans, _run(self.engine, first))
        wrong = [n for n, (_, again) in enumerate(said) if again]
        requests = [prompt.again(spans[n], str(said[n][0])) for n in wrong]
        second = self._judged([spans[n] for n in wrong], _run(self.engine, requests))
        for n, better in zip(wrong, second, strict=True):
            said[n] = better if isinstance(better[0], Answer) else said[n]
        return [each for each, _ in said]

    def _judged(self, spans: Sequence[str], results: Sequence[Result]) -> list[tuple[Answer | str, bool]]:
        """With whether asking again is of use."""
        answered = [(n, result) for n, result in enumerate(results) if isinstance(result, Answer)]
        problems = check(
            [spans[n] for n, _ in answered],
            [answer for _, answer in answered],
            source_language=self.source,
            target_language=self.target,
            limits=LengthLimits(),
        )
        said: list[tuple[Answer | str, bool]] = [
            (result.reason if isinstance(result, Failure) else result, False) for result in results
        ]
        for (n, _), problem in zip(answered, problems, strict=True):
            if problem:
                said[n] = problem.reason, True
        return said


def _run(engine: Engine, requests: Sequence[Request]) -> list[Result]:
    results = engine.run(requests) if requests else []
    if len(results) != len(requests):
        raise EngineError(f"the engine gave {len(results)} answers to {len(requests)} requests")
    return results


def _changed(texts: Fields, item: Item) -> Fields:
    """Those that are not as in the original: nothing else has to be translated back."""
    return {field: text for field, text in texts.items() if text != item.fields[field]}


# --- choices ---------------------------------------------------------------------------------------------------------


def _make_distinct(rows: Sequence[_Row], items: Sequence[Item], there: _Translator) -> None:
    """Choices that differ and were translated alike are asked for again; if they still are, they stay as they were."""
    alike = [(row, item, field) for row, item in zip(rows, items, strict=True) for field in _alike(row.texts, item)]
    texts = list(dict.fromkeys(item.fields[field] for _, item, field in alike))
    said = dict(zip(texts, there.texts(texts, _ALIKE), strict=True)) if texts else {}
    for row, item, field in alike:
        text, wrong = said[item.fields[field]]
        if not wrong:
            row.texts[field] = text
    for row, item in zip(rows, items, strict=True):
        while left := [field for field in _alike(row.texts, item) if row.texts[field] != item.fields[field]]:
            row.flags += [f"{field}:alike" for field in left]
            row.texts |= {field: item.fields[field] for field in left}


def _alike(texts: Fields, item: Item) -> list[str]:
    """Choices that another has the same translation as, but not the same original."""
    seen: dict[str, set[str]] = {}
    choices = [field for field in texts if _CHOICE.fullmatch(field)]
    for field in choices:
        seen.setdefault(_bare(texts[field]), set()).add(_bare(item.fields[field]))
    return [field for field in choices if len(seen[_bare(texts[field])]) > 1]


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".।。")


def _confused(fields: Fields, back: Fields) -> list[str]:
    """Choices that came back more like another one's original."""
    choices = [field for field in fields if _CHOICE.fullmatch(field)]
    found = []
    for field in choices:
        own = chrf(back[field], fields[field])
        if any(chrf(back[field], fields[other]) > own for other in choices if other != field):
            found.append(field)
    return found


# --- comparing -------------------------------------------------------------------------------------------------------


def _flag_unchanged(rows: Sequence[_Row], items: Sequence[Item], pair: tuple[str, str]) -> None:
    """Text for translation that has none, where the scripts differ: a name, or a gap that no check saw."""
    if canonical(pair[0])[1] == canonical(pair[1])[1]:
        return
    for row, item in zip(rows, items, strict=True):
        flagged = {flag.partition(":")[0] for flag in row.flags}
        row.flags += [
            f"{field}:unchanged"
            for field, text in row.texts.items()
            if field not in flagged and text == item.fields[field] and Document.parse(text, "plain").spans
        ]


def _compared(item: Item, row: _Row, returned: _Row, cutoff: float) -> Translated:
    fields = item.fields
    back = {**fields, **returned.texts}
    flagged = {flag.partition(":")[0] for flag in row.flags}
    there = {field: text for field, text in fields.items() if not (field in flagged and row.texts[field] == text)}
    scores = {field: chrf(_of(back, there, field), _of(fields, there, field)) for field in _compared_fields(there)}
    flags = [*row.flags, *(flag.replace(":", ":back_", 1) for flag in returned.flags)]
    flags += [f"{field}:chrf" for field, score in scores.items() if score < cutoff]
    flags += [f"{field}:numbers_lost" for field in fields if _lost(fields[field], row.texts[field], back[field])]
    flags += [f"{field}:confused" for field in _confused(fields, back)]
    return Translated(item.with_fields(row.texts), item.with_fields(back), scores, tuple(dict.fromkeys(flags)))


def _compared_fields(fields: Fields) -> list[str]:
    """Choices are compared as one text: one of two words is too short for a score."""
    return list(dict.fromkeys(_CHOICE.sub("choices", field) for field in fields))


def _of(fields: Fields, there: Fields, field: str) -> str:
    return fields[field] if field in fields else "\n".join(fields[each] for each in there if _CHOICE.fullmatch(each))


def _lost(original: str, translated: str, back: str) -> Counter[str]:
    """Values that are gone, there or on the way back. Values only there may have been words."""
    return (numbers(original) - numbers(translated)) + (numbers(original) - numbers(back))
