"""From what a model wrote to the object that was asked for, or the name of what is wrong with it."""

import re
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

Fault = Literal["empty", "refused", "cut_short", "not_json", "wrong_schema"]
Wanted = TypeVar("Wanted", bound=BaseModel)

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
# How models begin to say no, in the languages we prompt in and a few more. Looked for in answers that are no object.
_REFUSAL = re.compile(
    r"\b(?:I(?:'|’)?m (?:very )?sorry|I am (?:very )?sorry|I can(?:no|'|’)t|I (?:am|'m|’m) (?:not able|unable)|I won(?:'|’)t"
    r"|I must decline|as an AI|my apologies|I apologi[sz]e)\b"
    r"|\b(?:lo siento|no puedo|je suis désolée?|je ne peux pas|es tut mir leid|ich kann nicht|desculpe|mi dispiace"
    r"|samahani|siwezi|maaf)\b"
    r"|क्षमा (?:कर|चाह)|मा(?:फ़|फ़|फ)ी? ?(?:कर|चाह)|मैं यह नहीं कर|மன்னிக்க|என்னால் (?:இதை|முடியாது)|معذرت|میں یہ نہیں کر"
    r"|দুঃখিত|ক্ষমা কর|క్షమించ|抱歉|对不起|對不起|無法|无法|申し訳|죄송|извините|простите|عذرا|آسف",
    re.IGNORECASE,
)
_BEGINNING = 400  # characters in which a refusal shows


@dataclass(frozen=True, slots=True)
class Unread:
    """An answer that is not what was asked for, and what to tell the model about it."""

    fault: Fault
    detail: str


def read_object(text: str, wanted: type[Wanted], *, cut_off: bool) -> Wanted | Unread:
    """The answer as a `wanted`: the whole of it, but for a thought before and a code fence around.

    An object somewhere inside prose does not count: it may be one that the model quotes from the page. `cut_off` says
    that the limit on tokens ended the answer.
    """
    bare = _THOUGHT.sub("", text)
    if fenced := _FENCE.match(bare):
        bare = fenced[1]
    if not bare.strip():
        return Unread("cut_short" if cut_off else "empty", "no answer")
    try:
        return wanted.model_validate_json(bare.strip())
    except ValidationError as error:
        return _unread(bare.strip(), error, cut_off)


def _unread(text: str, error: ValidationError, cut_off: bool) -> Unread:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    problem = f"{where}: {first['msg']}" if where else first["msg"]
    if first["type"] != "json_invalid":
        return Unread("wrong_schema", problem[:200])
    if not text.startswith("{") and _REFUSAL.search(text[:_BEGINNING]):
        return Unread("refused", text[:200])
    return Unread("cut_short" if cut_off and text.startswith("{") else "not_json", problem[:200])
