"""Records of data sets as examples, aligned texts and native texts, by the names that the usual sets give their fields.

Instructions: Alpaca (instruction, input, output), Dolly (context, response), messages (OpenAI's, whose content may be a
list of typed parts) and conversations (ShareGPT). Aligned texts: `source` and `target`, or a field a language, in the
record or in its `translation` (OPUS). A text is in `text`, its heading in `title`.
"""

from collections.abc import Mapping
from typing import Any, Literal

from filters.columns import label
from filters.labels import canonical
from translate.engine import Role
from translate.transforms.names import known
from translate.transforms.rows import Aligned, Example, Field, Native, PartName, Skipped, Source, plain

Kind = Literal["example", "aligned", "text"]
MOST_MESSAGES = 200  # of a conversation
MOST_SEGMENTS = 10_000  # of an aligned document

_ALPACA: tuple[tuple[PartName, Role, tuple[str, ...]], ...] = (
    ("instruction", "user", ("instruction",)),
    ("input", "user", ("input", "context")),
    ("output", "assistant", ("output", "response")),
)
_ROLES: Mapping[str, Role] = {"human": "user", "gpt": "assistant"}  # ShareGPT's
_PART_OF_ROLE: Mapping[str, PartName] = {"system": "instruction", "user": "input", "assistant": "output"}


def kind_of(record: Mapping[str, Any]) -> Kind | None:
    """What the record can be read as, by the names of its fields; None: as nothing."""
    if record.keys() & {"messages", "conversations", "instruction"}:
        return "example"
    return "text" if "text" in record else "aligned"


def read_example(record: Mapping[str, Any], *, id: str, language: str) -> Example | Skipped:
    """Skipped (not_an_example, empty) unless a question stands before an answer and both have text; a missing input is
    none. ValueError for an unknown language.
    """
    language = known(language)
    said = record.get("messages", record.get("conversations"))
    fields = _alpaca(record, language) if said is None else _messages(said, language)
    if fields is None:
        return Skipped(id, "", "not_an_example")
    if not _answered(fields):
        return Skipped(id, "", "empty")
    return Example(id, language, fields, chat=said is not None)


def read_aligned(record: Mapping[str, Any], *, id: str, source: str, target: str) -> Aligned | Skipped:
    """Skipped (not_aligned, empty) without a text in each language, or lists of as many. Labels as hin_Deva."""
    inside = record.get("translation")
    found = (
        inside if isinstance(inside, Mapping) else {key: record[key] for key in record if key != "id"}
    )  # no Indonesian
    sides = [_side(found, language, name) for language, name in ((source, "source"), (target, "target"))]
    if sides[0] is None or sides[1] is None or len(sides[0]) != len(sides[1]):
        return Skipped(id, "", "not_aligned")
    segments = tuple((a, b) for a, b in zip(sides[0], sides[1], strict=True) if a.strip() and b.strip())
    return Aligned(id, segments) if segments else Skipped(id, "", "empty")


def read_native(record: Mapping[str, Any], *, id: str, language: str) -> Native | Skipped:
    """Skipped (not_a_text, empty) without one. ValueError for an unknown language."""
    text, title = record.get("text"), record.get("title")
    if not isinstance(text, str):
        return Skipped(id, "", "not_a_text")
    if not text.strip():
        return Skipped(id, "", "empty")
    return Native(id, known(language), text, title if isinstance(title, str) else "")


def kind(source: Source) -> Kind:
    """What it is."""
    if isinstance(source, Example):
        return "example"
    return "aligned" if isinstance(source, Aligned) else "text"


# --- examples --------------------------------------------------------------------------------------------------------


def _alpaca(record: Mapping[str, Any], language: str) -> tuple[Field, ...] | None:
    fields: list[Field] = []
    for part, role, names in _ALPACA:
        text = next((record[name] for name in names if record.get(name)), "")
        if not isinstance(text, str):
            return None
        if text.strip():
            fields.append(plain(part, role, text, language))
    return tuple(fields)


def _messages(messages: object, language: str) -> tuple[Field, ...] | None:
    if not isinstance(messages, list) or len(messages) > MOST_MESSAGES:
        return None
    fields: list[Field] = []
    for message in messages:
        if not isinstance(message, Mapping):
            return None
        role, content = message.get("role", message.get("from")), _content(message)
        if not isinstance(role, str) or content is None:
            return None
        role = _ROLES.get(role, role)
        if role not in _PART_OF_ROLE:
            return None
        fields.append(plain(_PART_OF_ROLE[role], role, content, language))
    return tuple(fields)


def _content(message: Mapping[str, Any]) -> str | None:
    """A string, or those of a list of parts that are all text."""
    content = message.get("content", message.get("value"))
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    texts = [each.get("text", each.get("value")) if isinstance(each, Mapping) else None for each in content]
    if not all(isinstance(text, str) for text in texts) or any(each.get("type") != "text" for each in content):
        return None
    return "\n\n".join(map(str, texts))


def _answered(fields: tuple[Field, ...]) -> bool:
    """Whether a user begins, an assistant ends, and nobody says nothing."""
    roles = [each.role for each in fields if each.role != "system"]
    return roles[:1] == ["user"] and roles[-1] == "assistant" and all(each.text.strip() for each in fields)


# --- aligned texts ---------------------------------------------------------------------------------------------------


def _side(record: Mapping[str, Any], language: str, name: str) -> list[str] | None:
    """The segments of one language: a text, or a list of them."""
    value = record.get(name)
    if value is None:
        value = next((each for key, each in record.items() if _is_label(key, language)), None)
    if isinstance(value, str):
        return [value]
    whole = isinstance(value, list) and len(value) <= MOST_SEGMENTS and all(isinstance(one, str) for one in value)
    return value if whole else None


def _is_label(key: object, language: str) -> bool:
    return isinstance(key, str) and len(key) <= 16 and label(*canonical(key)) == language
