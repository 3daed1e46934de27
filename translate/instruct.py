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

from translate.transforms import recipes, tasks
from translate.transforms.chance import check_ratios, draw
from translate.transforms.rows import Answers, Example, Made, Part, Row, Skipped, Steps, read_example
from translate.transforms.steps import Settings
from translate.transforms.verify import Problem, verify_languages

__all__ = [
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
_NO_ANSWERS: Answers = MappingProxyType({})


def drawn(example: Example, ratios: Mapping[str, float], seed: int) -> list[str]:
    """The transforms that the example goes through: each with the chance that `ratios` gives it.

    A function of seed, the example's id and the transform alone. ValueError for an unknown transform or share.
    """
    check_ratios(ratios, tuple(TRANSFORMS))
    return [transform for transform, share in ratios.items() if draw(seed, example.id, transform) < share]


def needs(example: Example, transform: str, settings: Settings, answers: Answers = _NO_ANSWERS) -> list[Part]:
    """The parts to make next; none when `build` can be called, or when a failed one makes it pointless to go on.

    ValueError for an unknown transform, and for settings that it can't work with.
    """
    made = _driven(example, transform, settings, answers)
    return [part for part in made if isinstance(part, Part)] if isinstance(made, list) else []


def build(example: Example, transform: str, settings: Settings, answers: Answers) -> Made:
    """The rows; or Skipped, with failed_translate, failed_answer (an engine gave nothing) or the transform's reason.

    ValueError if parts are missing that `needs` names.
    """
    made = _driven(example, transform, settings, answers)
    if isinstance(made, Skipped):
        return made
    rows = [one for one in made if isinstance(one, Row)]
    if len(rows) < len(made):
        raise ValueError(f"{transform} of {example.id}: {len(made)} parts are not answered yet; see needs()")
    return rows


def _driven(example: Example, transform: str, settings: Settings, answers: Answers) -> list[Part] | Made:
    """What the transform comes to with these answers: the parts it can't go on without, or what it made."""
    if transform not in TRANSFORMS:
        raise ValueError(f"unknown transform {transform!r}; known: {', '.join(TRANSFORMS)}")
    if example.language == settings.target:
        raise ValueError(f"{example.id} is in the target language, {settings.target}, already")
    steps = TRANSFORMS[transform](example, settings)
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
