"""Conversations as JSON, one record or one a line: OpenAI's messages, ShareGPT's conversations, preference pairs.

The text of messages is translated as Markdown. Kept: roles, names, ids, tools and their calls and results, and
messages that are JSON themselves.
"""

import json
from collections.abc import Iterator

from translate.formats import markdown, names
from translate.formats.json_strings import Record, Value, check, decode, strings, style, text_of, within
from translate.spans import Block

_TEXT = names("content value text message prompt chosen rejected completion response")
_ROLE = names("role from type")
# Who says what no person reads, by the common names
_MACHINES = names(
    """tool tools function function_call function_response tool_call tool_calls tool_response tool_result observation
    ipython image image_url audio input_audio video file"""
)
_MACHINERY = names("tools functions tool_calls function_call function metadata")


def blocks(source: str) -> Iterator[Block]:
    """ValueError for what is not JSON."""
    return text_blocks(source, _TEXT)


def text_blocks(source: str, keys: frozenset[str]) -> Iterator[Block]:
    """Blocks of the strings under these keys, in arrays too, as Markdown."""
    check(source)
    values, records = strings(source)
    how, kept = style(source), _machinery(source, values, records)
    for value in values:
        if value.key in keys and not (value.container >= 0 and kept[value.container]):
            text, place = text_of(source, value)
            if not _is_json(text):
                yield from within(markdown.blocks(text), place, how)


def _machinery(source: str, values: list[Value], records: list[Record]) -> list[bool]:
    """Which objects are kept: those of a machine's role, under a key for machinery, and all in them."""
    kept = [record.key in _MACHINERY for record in records]
    for value in values:
        if value.key in _ROLE and value.container >= 0 and decode(source[value.start : value.end]) in _MACHINES:
            kept[value.container] = True
    for number, record in enumerate(records):
        kept[number] |= record.outer >= 0 and kept[record.outer]
    return kept


def _is_json(text: str) -> bool:
    """Whether a string is an object or array, as a call of a tool is."""
    bare = text.strip()
    if bare[:1] + bare[-1:] not in ("{}", "[]"):
        return False
    try:
        json.loads(bare)
    except (ValueError, RecursionError):
        return False
    return True
