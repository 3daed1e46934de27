"""Instruction data that a language model writes: prompts for it, and readers of its answers.

Conversations about a Wikipedia page, in English, to be translated as any other (IndicLLMSuite, arXiv 2403.06350, lets
several models talk about a page; here one writes both sides). And instruction backtranslation: the instruction that a
native text would answer (arXiv 2308.06259, whose further step, models rating the pairs, is not here).
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, Field

from translate.answer import Unread, read_object
from translate.engine import Answer, Message
from translate.prompt import quoted, shortened, without_control_tokens
from translate.transforms.names import known, name
from translate.transforms.rows import Example, Form, plain

MOST_CHARACTERS = 12_000  # of a page or text; what follows is left out
MOST_TURNS = 20  # questions in a conversation


class _Turn(BaseModel):
    question: str = Field(min_length=1, max_length=4_000)
    answer: str = Field(min_length=1, max_length=16_000)


class _Conversation(BaseModel):
    turns: list[_Turn] = Field(min_length=1, max_length=MOST_TURNS)


class _Instruction(BaseModel):
    instruction: str = Field(min_length=1, max_length=4_000)


_FORMS: Mapping[Form, type[BaseModel]] = MappingProxyType({"conversation": _Conversation, "instruction": _Instruction})
# What the prompts ask for, for `Parameters.schema`; nothing of free text
SCHEMAS: Mapping[Form, Mapping[str, Any] | None] = MappingProxyType(
    {"": None, **{form: model.model_json_schema() for form, model in _FORMS.items()}}
)
_FILES: Mapping[Form, str] = MappingProxyType({"conversation": "conversation", "instruction": "backtranslation"})


@cache
def _template(form: Form) -> Mapping[str, str]:
    file = resources.files("translate").joinpath(f"prompts/{_FILES[form]}.toml")
    found: dict[str, str] = tomllib.loads(file.read_text("utf-8"))
    return found


def unread(form: Form, answer: Answer) -> Unread | None:
    """What is wrong with an answer that should be the object of a form; free text can be read always."""
    if form not in _FORMS:
        return None
    read = read_object(answer.text, _FORMS[form], cut_off=answer.finish == "length")
    return read if isinstance(read, Unread) else None


def again(form: Form, messages: Sequence[Message], problem: str) -> tuple[Message, ...]:
    """The prompt of a form, after an answer to it that was of no use."""
    system, *others = messages
    added = _template(form)["again"].format(problem=problem.replace("_", " "))
    return Message(system.role, system.content + added), *others


def conversation_prompt(title: str, page: str, *, turns: int, language: str = "eng_Latn") -> tuple[Message, ...]:
    """For a conversation about a page. ValueError unless 1 to `MOST_TURNS` turns, and for an unknown language."""
    if not 1 <= turns <= MOST_TURNS:
        raise ValueError(f"{turns} turns; a conversation has 1 to {MOST_TURNS}")
    asked = _template("conversation")["system"].format(language=name(language), turns=turns)
    topic = " ".join(without_control_tokens(title).split())[:200]
    return Message("system", asked), Message("user", quoted(f"{topic}\n\n{shortened(page, MOST_CHARACTERS)}"))


def read_conversation(answer: Answer, *, id: str, language: str = "eng_Latn") -> Example | Unread:
    """The conversation as an example for the transforms."""
    read = read_object(answer.text, _Conversation, cut_off=answer.finish == "length")
    if isinstance(read, Unread):
        return read
    language = known(language)
    said: list[tuple[Literal["input", "output"], Literal["user", "assistant"], str]] = []
    for turn in read.turns:
        if not (turn.question.strip() and turn.answer.strip()):
            return Unread("empty", "a turn without text")
        said += [("input", "user", turn.question.strip()), ("output", "assistant", turn.answer.strip())]
    return Example(id, language, tuple(plain(part, role, text, language) for part, role, text in said), chat=True)


def backtranslation_prompt(text: str, *, language: str) -> tuple[Message, ...]:
    """For the instruction that a native text answers. ValueError for an unknown language."""
    asked = _template("instruction")["system"].format(language=name(language))
    return Message("system", asked), Message("user", quoted(shortened(text, MOST_CHARACTERS)))


def read_backtranslation(answer: Answer, text: str, *, id: str, language: str) -> Example | Unread:
    """The instruction with the text, as much of it as the prompt held, for output. Verify its language: models drift."""
    read = read_object(answer.text, _Instruction, cut_off=answer.finish == "length")
    if isinstance(read, Unread):
        return read
    language, output = known(language), shortened(text, MOST_CHARACTERS)
    if not (read.instruction.strip() and output.strip()):
        return Unread("empty", "no instruction" if output.strip() else "no text")
    fields = (
        plain("instruction", "user", read.instruction.strip(), language),
        plain("output", "assistant", output, language),
    )
    return Example(id, language, fields)
