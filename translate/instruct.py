"""Instruction data for cross-lingual transfer: named transforms over examples and conversations, batch in, batch out.

No engine is called here. `needs` says what must be translated or answered, again after each answer until it says
nothing; `build` makes the rows:

    answers = {}
    while parts := needs(example, "taco", settings, answers):
        answers |= {part: made by an engine, or None where it failed, for part in parts}
    rows = build(example, "taco", settings, answers)

A Part is the same for the same text: what several transforms or rows need is made once.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from translate.transforms import recipes, tasks, texts
from translate.transforms.chance import check_ratios, draw
from translate.transforms.records import read_example
from translate.transforms.rows import Aligned, Answers, Example, Made, Native, Part, Row, Skipped, Source, Steps, Text
from translate.transforms.steps import Settings
from translate.transforms.verify import Problem, verify_languages

__all__ = [
    "LINES",
    "TRANSFORMS",
    "Answers",
    "Example",
    "Part",
    "Problem",
    "Row",
    "Settings",
    "Skipped",
    "build",
    "drawn",
    "needs",
    "read_example",
    "takes",
    "verify_languages",
]

TRANSFORMS: Mapping[str, Callable[[Example, Settings], Steps]] = MappingProxyType(
    {
        "translated": recipes.some_translated,
        "okapi": recipes.okapi,
        "bloomz": recipes.bloomz,
        "bactrian_x": recipes.bactrian_x,
        "cross_lingual": recipes.cross_lingual,
        "taco": recipes.taco,
        "xlt": recipes.xlt,
        "code_switched": recipes.code_switched,
        "completion": tasks.completion,
        "translation": tasks.translation,
        "sdrrl_source_source": partial(recipes.sdrrl, question="source", answer="source"),
        "sdrrl_source_target": partial(recipes.sdrrl, question="source", answer="target"),
        "sdrrl_target_source": partial(recipes.sdrrl, question="target", answer="source"),
        "sdrrl_target_target": partial(recipes.sdrrl, question="target", answer="target"),
        "sdrrl_code_switched": recipes.sdrrl_code_switched,
        "romanized": recipes.romanized,
    }
)
LINES: Mapping[str, str] = MappingProxyType(
    {
        "translated": "any of instruction, input, output translated (parts=...)",
        "okapi": "instruction, input and output translated (Okapi, 2307.16039; Airavata)",
        "bloomz": "input and output translated under an English instruction (BLOOMZ, 2211.01786)",
        "bactrian_x": "question translated, answered anew in the language (Bactrian-X, 2305.15011)",
        "cross_lingual": "question in one language, answer in the other, both ways (SDRRL, 2402.12204)",
        "taco": "answer thought through in the source language first (TaCo, 2311.10797)",
        "xlt": "cross-lingual-thought prompt around the question (XLT, 2305.07004)",
        "code_switched": "some words by dictionary in the other language (xCoT, 2401.07037; SDRRL)",
        "completion": "a sentence to complete, best of native text (SDRRL, 2402.12204)",
        "translation": "translation task, both ways; of aligned texts by people, or of translated answers (x-LLM, 2308.04948)",
        "sdrrl_source_source": "question and the model's own answer (SDRRL, 2402.12204)",
        "sdrrl_source_target": "the same, answer translated (SDRRL)",
        "sdrrl_target_source": "the same, question translated (SDRRL)",
        "sdrrl_target_target": "the same, both translated (SDRRL)",
        "sdrrl_code_switched": "the same, question code-switched (SDRRL)",
        "romanized": "translated, in Latin letters (RomanSetu, 2401.14280)",
        "alma": "aligned text under a translation prompt (ALMA, 2309.11674)",
        "tower": "aligned text, each side after its language's name (Tower, 2402.17733)",
        "alternating": "documents with every other sentence in the other language (OpenHathi, 2023)",
        "interleaved": "documents with each sentence followed by its translation",
        "concatenated": "a document, then its translation",
        "conversation": "a conversation about a page, then translated (IndicLLMSuite, 2403.06350)",
        "backtranslation": "the instruction that a native text answers (2308.06259)",
    }
)
_NO_ANSWERS: Answers = MappingProxyType({})


def drawn(example: Example, ratios: Mapping[str, float], seed: int) -> list[str]:
    """The transforms that the example goes through: each with the chance that `ratios` gives it.

    A function of seed, the example's id and the transform alone. ValueError for an unknown transform or share.
    """
    check_ratios(ratios, tuple(TRANSFORMS))
    return [transform for transform, share in ratios.items() if draw(seed, example.id, transform) < share]


def needs(example: Source, transform: str, settings: Settings, answers: Answers = _NO_ANSWERS) -> list[Part]:
    """The parts to make next; none when `build` can be called, or when a failed one makes it pointless to go on.

    ValueError for an unknown transform, and for settings that it can't work with.
    """
    made = _driven(example, transform, settings, answers)
    return [part for part in made if isinstance(part, Part)] if isinstance(made, list) else []


def build(example: Source, transform: str, settings: Settings, answers: Answers) -> Made:
    """The rows; or Skipped, with failed_translate, failed_answer (an engine gave nothing) or the transform's reason.

    ValueError if parts are missing that `needs` names.
    """
    made = _driven(example, transform, settings, answers)
    if isinstance(made, Skipped):
        return made
    if any(isinstance(one, Part) for one in made):
        raise ValueError(f"{transform} of {example.id}: {len(made)} parts are not answered yet; see needs()")
    return [one for one in made if isinstance(one, Row | Text)]  # type: ignore[return-value]


def takes(transform: str) -> tuple[str, ...]:
    """The kinds of records (`translate.transforms.records`) that a transform can be made of."""
    tables = {"example": TRANSFORMS, "aligned": texts.ALIGNED, "text": texts.NATIVE}
    return tuple(kind for kind, table in tables.items() if transform in table)


def _steps(source: Source, transform: str, settings: Settings) -> Steps:
    if isinstance(source, Aligned):
        return texts.ALIGNED[transform](source, settings)
    if isinstance(source, Native):
        return texts.NATIVE[transform](source, settings)
    return TRANSFORMS[transform](source, settings)


def _driven(example: Source, transform: str, settings: Settings, answers: Answers) -> list[Part] | Made:
    """What the transform comes to with these answers: the parts it can't go on without, or what it made."""
    if transform not in LINES:
        raise ValueError(f"unknown transform {transform!r}; known: {', '.join(LINES)}")
    if isinstance(example, Example) and example.language == settings.target:
        raise ValueError(f"{example.id} is in the target language, {settings.target}, already")
    steps = _steps(example, transform, settings)
    try:
        parts = next(steps)
        while True:
            if missing := [part for part in dict.fromkeys(parts) if part not in answers]:
                return missing
            texts = [(answers[part] or "").strip() for part in parts]
            if not all(texts):
                return Skipped(example.id, transform, f"failed_{parts[texts.index('')].kind}")
            parts = steps.send(texts)
    except StopIteration as stop:
        made: Made = stop.value
        return made
