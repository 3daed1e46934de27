"""The transforms that change the languages of an example: each a generator that asks for parts and returns rows."""

from collections.abc import Generator
from functools import partial
from typing import Literal, cast

from translate.dictionary import Dictionary
from translate.romanize import romanize
from translate.transforms.names import name
from translate.transforms.rows import Example, Field, Part, PartName, Piece, Skipped, Steps, plain
from translate.transforms.steps import (
    ALL,
    QUESTION,
    Fields,
    Settings,
    answered,
    mixed,
    request,
    row,
    single,
    switched,
    translated,
)

_Side = Literal["source", "target"]


def _some_translated(
    example: Example, settings: Settings, *, transform: str, parts: frozenset[PartName] | None = None
) -> Steps:
    wanted = settings.translate if parts is None else parts
    return [row(example, transform, (yield from translated(example.fields, wanted, example.language, settings.target)))]


# Any subset, by the settings
some_translated = partial(_some_translated, transform="translated")
# Instruction, input and output (Okapi, arXiv 2307.16039; Airavata)
okapi = partial(_some_translated, transform="okapi", parts=ALL)
# Input and output, under an English instruction (BLOOMZ, 2211.01786)
bloomz = partial(_some_translated, transform="bloomz", parts=ALL - {"instruction"})


def bactrian_x(example: Example, settings: Settings) -> Steps:
    """Instruction and input translated, the output written anew in the language (Bactrian-X, arXiv 2305.15011)."""
    asked = yield from translated(example.fields, QUESTION, example.language, settings.target)
    return [row(example, "bactrian_x", (yield from answered(asked, settings.target)))]


def cross_lingual(example: Example, settings: Settings) -> Steps:
    """Question in one language, answer in the other, both ways (cross-lingual tuning; SDRRL's D_TL and D_LT).

    The question ends by saying in which language to answer, for nothing else in it does; that is ours.
    """
    source, target = example.language, settings.target
    there = yield from translated(example.fields, ALL, source, target)
    made = []
    for question, answer, asked, wanted in (
        (example.fields, there, source, target),
        (there, example.fields, target, source),
    ):
        hint = yield from _from_english(f"Answer in {name(wanted)}.", asked)
        fields = _with_hint(mixed(question, answer), hint, asked)
        made.append(row(example, f"cross_lingual/{asked}-{wanted}", fields))
    return made


def _from_english(text: str, language: str) -> Generator[list[Part], list[str], str]:
    if language == "eng_Latn":
        return text
    (made,) = yield [Part("translate", text, "eng_Latn", language)]
    return made


def _with_hint(fields: Fields, hint: str, language: str) -> Fields:
    """At the end of what the user says first: of the input where there is one."""
    answer = next(at for at, each in enumerate(fields) if each.loss)
    first = max(at for at in range(answer) if fields[at].role == "user")
    last = fields[first]
    with_hint = Field(last.part, last.role, (*last.pieces, Piece(f"\n\n{hint}", language)))
    return (*fields[:first], with_hint, *fields[first + 1 :])


def taco(example: Example, settings: Settings) -> Steps:
    """One response in three labelled parts: instruction and response in English, then the response (arXiv 2311.10797)."""
    if not single(example):
        return Skipped(example.id, "taco", "many_turns")
    there = yield from translated(example.fields, ALL, example.language, settings.target)
    here = name(example.language)
    labels = (f"Instruction in {here}: ", f"\nResponse in {here}: ", f"\nResponse in {name(settings.target)}: ")
    fields = _with_thought(example, there, labels, settings)
    return [row(example, "taco", fields)]


def _with_thought(example: Example, there: Fields, labels: tuple[str, str, str], settings: Settings) -> Fields:
    """The translated question; an answer of the question again, its answer, and the translated answer."""
    texts = "\n".join(request(example.fields)), example.fields[-1].text, there[-1].text
    languages = example.language, example.language, settings.target
    pieces = [
        piece
        for label, text, language in zip(labels, texts, languages, strict=True)
        for piece in (Piece(label), Piece(text, language))
    ]
    return (*there[:-1], Field("output", "assistant", tuple(pieces)))


XLT = """Act as an expert who can {task} and works in {language}.
Request: {request}
First retell the request in {pivot}.
Then {task} step by step, in {pivot}.
Work through the steps until the request is answered.
At the end give the answer in {language}, in this format: {answer}"""
_XLT_LABELS = "Request in {pivot}: ", "\nSteps: ", "\nAnswer: "


def xlt_prompt(text: str, *, language: str, task: str, answer: str, pivot: str = "eng_Latn") -> str:
    """The six parts of cross-lingual-thought prompting (arXiv 2305.07004, section 2), in our words: role, the request,
    retelling it in English, the task's analysis, step by step, output format.

    `task`: what is done, as "answer the question"; `answer`: the format, as "Answer: ...". It is a prompt for models
    as they are; the paper trains none.
    """
    names = {"language": name(language), "pivot": name(pivot)}
    return XLT.format(**names, task=task, request=text, answer=answer)


def xlt(example: Example, settings: Settings) -> Steps:
    """XLT's prompt around the translated request, answered as it asks: retold, answered in English, then translated."""
    if not single(example):
        return Skipped(example.id, "xlt", "many_turns")
    there = yield from translated(example.fields, ALL, example.language, settings.target)
    pivot = name(example.language)
    marker = "\x00"
    prompt = xlt_prompt(
        marker,
        language=settings.target,
        task="answer the request",
        answer="Answer: the answer",
        pivot=example.language,
    )
    before, after = prompt.split(marker)
    asked = Piece("\n".join(request(there)), settings.target)
    system = tuple(each for each in there if each.role == "system")
    first = "input" if example.chat else "instruction"
    user = Field(cast(PartName, first), "user", (Piece(before), asked, Piece(after)))
    one, two, three = _XLT_LABELS
    output = _with_thought(example, there, (one.format(pivot=pivot), two, three), settings)[-1]
    return [row(example, "xlt", (*system, user, output))]


def code_switched(example: Example, settings: Settings) -> Steps:
    """What the user says has some words in another language, by dictionary; the answer has not (SDRRL, xCoT).

    A dictionary from the examples' language switches them as they are, one from the target their translation.
    """
    fields = example.fields
    if _dictionary(example, settings).source == settings.target:
        fields = yield from translated(fields, ALL, example.language, settings.target)
    made = switched(fields, settings)
    return [row(example, "code_switched", made)] if made else Skipped(example.id, "code_switched", "nothing_switched")


def _dictionary(example: Example, settings: Settings) -> Dictionary:
    wanted = (example.language, settings.target)
    found = settings.dictionary
    if found is None or (found.source, found.target) not in (wanted, wanted[::-1]):
        given = f"{found.source}-{found.target}" if found else "none"
        raise ValueError(
            f"code-switching {'-'.join(wanted)} needs a dictionary of that pair, either way; given: {given}"
        )
    return found


def sdrrl(example: Example, settings: Settings, *, question: _Side, answer: _Side) -> Steps:
    """The model's own answer A* to the question, each of both in either language (SDRRL, arXiv 2402.12204).

    The answer that the data has stays beside, in the column `gold`.
    """
    own = yield from answered(example.fields, example.language)
    asked = chosen = own
    if "target" in (question, answer):
        there = yield from translated(own, _parts_of(question, answer), example.language, settings.target)
        asked, chosen = (there if question == "target" else own), (there if answer == "target" else own)
    return [row(example, f"sdrrl_{question}_{answer}", mixed(asked, chosen), gold=_gold(example))]


def _parts_of(question: _Side, answer: _Side) -> frozenset[PartName]:
    return (QUESTION if question == "target" else frozenset()) | (ALL - QUESTION if answer == "target" else frozenset())


def _gold(example: Example) -> str:
    return "\n\n".join(each.text for each in example.fields if each.loss)


def sdrrl_code_switched(example: Example, settings: Settings) -> Steps:
    """SDRRL's code-switched questions, with A* in the language that they are switched from."""
    fields = yield from answered(example.fields, example.language)
    if _dictionary(example, settings).source == settings.target:
        fields = yield from translated(fields, ALL, example.language, settings.target)
    made = switched(fields, settings)
    if made is None:
        return Skipped(example.id, "sdrrl_code_switched", "nothing_switched")
    return [row(example, "sdrrl_code_switched", made, gold=_gold(example))]


def romanized(example: Example, settings: Settings) -> Steps:
    """The translation in Latin letters as people type it (RomanSetu, arXiv 2401.14280, uses IndicXlit)."""
    there = yield from translated(example.fields, ALL, example.language, settings.target)
    latin = romanize([each.text for each in there], language=settings.target)
    language = f"{settings.target[:3]}_Latn"
    both = zip(there, latin, strict=True)
    return [row(example, "romanized", tuple(plain(each.part, each.role, text, language) for each, text in both))]
