"""The transforms of aligned and of native texts, as generators that ask for parts and return rows."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from translate.answer import Unread
from translate.codeswitch import code_switch
from translate.engine import Answer
from translate.parallel import TEMPLATES, rows_of
from translate.transforms import recipes
from translate.transforms.grounded import (
    backtranslation_prompt,
    conversation_prompt,
    read_backtranslation,
    read_conversation,
)
from translate.transforms.rows import JOINED, Aligned, Native, Part, Piece, Skipped, Steps, Text
from translate.transforms.steps import Settings
from translate.transforms.tasks import completion_row, translation_rows


def template(source: Aligned, settings: Settings, *, name: str) -> Steps:
    """Both directions of a template of `translate.parallel`."""
    yield from ()
    made = rows_of(source, name, settings.source, settings.target, settings.naming)
    skipped = next((one for one in made if isinstance(one, Skipped)), None)
    return skipped or [one for one in made if isinstance(one, Text)]


def translation(source: Aligned, settings: Settings) -> Steps:
    """The translation task from people's own translations, both ways."""
    yield from ()
    sides = ("\n".join(each[at] for each in source.segments) for at in (0, 1))
    return translation_rows(source.id, *sides, source=settings.source, target=settings.target)


def completion(source: Native, settings: Settings) -> Steps:
    """A sentence of a native text to be completed (SDRRL's D_comp)."""
    yield from ()
    made = completion_row(source.id, source.text, language=source.language, seed=settings.seed)
    return made if isinstance(made, Skipped) else [made]


def code_switched(source: Native, settings: Settings) -> Steps:
    """Pretraining text with some words in another language."""
    yield from ()
    dictionary = settings.dictionary
    if dictionary is None:
        raise ValueError("code_switched needs a dictionary; none is given")
    found = code_switch(source.text, dictionary, share=settings.switch, seed=settings.seed, language=source.language)
    if not found.spans:
        return Skipped(source.id, "code_switched", "nothing_switched")
    language = JOINED.join((dictionary.source, dictionary.target))
    return [Text(f"{source.id}/code_switched", source.id, "code_switched", (Piece(found.text, language, source.text),))]


def conversation(source: Native, settings: Settings) -> Steps:
    """A conversation about a page, written in the page's language, then translated (IndicLLMSuite, 2403.06350)."""
    prompt = conversation_prompt(source.title, source.text, turns=settings.turns, language=source.language)
    (written,) = yield [Part("answer", source.text, source.language, source.language, prompt, "conversation")]
    read = read_conversation(Answer(written, "stop"), id=source.id, language=source.language)
    if isinstance(read, Unread):
        return Skipped(source.id, "conversation", read.fault)
    return (yield from recipes.some_translated(read, settings, transform="conversation", parts=recipes.ALL))


def backtranslation(source: Native, settings: Settings) -> Steps:
    """The instruction that a native text answers (instruction backtranslation, arXiv 2308.06259)."""
    prompt = backtranslation_prompt(source.text, language=source.language)
    (written,) = yield [Part("answer", source.text, source.language, source.language, prompt, "instruction")]
    read = read_backtranslation(Answer(written, "stop"), source.text, id=source.id, language=source.language)
    if isinstance(read, Unread):
        return Skipped(source.id, "backtranslation", read.fault)
    return [recipes.row(read, "backtranslation", read.fields)]


ALIGNED: Mapping[str, Callable[[Aligned, Settings], Steps]] = MappingProxyType(
    {**{name: partial(template, name=name) for name in TEMPLATES}, "translation": translation}
)
NATIVE: Mapping[str, Callable[[Native, Settings], Steps]] = MappingProxyType(
    {
        "completion": completion,
        "code_switched": code_switched,
        "conversation": conversation,
        "backtranslation": backtranslation,
    }
)
