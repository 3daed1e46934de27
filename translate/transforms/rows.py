"""Instruction data as rows: what comes in (`Example`), what must be made first (`Part`), and what goes out (`Row`)."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from translate.engine import Message, Role
from translate.transforms.names import known

PartName = Literal["instruction", "input", "output"]
JOINED = "+"  # between the languages of code-switched text

_PART_OF_ROLE: Mapping[str, PartName] = {"system": "instruction", "user": "input", "assistant": "output"}
_ALPACA: tuple[tuple[PartName, Role], ...] = (("instruction", "user"), ("input", "user"), ("output", "assistant"))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A source row of which a transform made nothing, and why: a reason to count by."""

    source_id: str
    transform: str
    reason: str


class Piece(NamedTuple):
    """Text in one language (hin_Deva; eng_Latn+hin_Deva where code-switched), or a label or template: ""."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """Instruction, input or output of an example, or a message of a conversation. The loss is on the assistant's."""

    part: PartName
    role: Role
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def languages(self) -> list[str]:
        """In the order of their first appearance, without those of labels."""
        return list(dict.fromkeys(piece.language for piece in self.pieces if piece.language))

    @property
    def loss(self) -> bool:
        return self.role == "assistant"


@dataclass(frozen=True, slots=True)
class Example:
    """A source row, all in one language. `chat`: it came as messages, and its rows go out so."""

    id: str
    language: str
    fields: tuple[Field, ...]
    chat: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of training data with where it came from. `beside`: columns that are kept but not trained on."""

    id: str
    source_id: str
    transform: str
    fields: tuple[Field, ...]
    chat: bool = False
    beside: Mapping[str, str] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Columns. Of a conversation `messages`, with `loss` and `languages` one a message; else one a part."""
        provenance = {"id": self.id, "source_id": self.source_id, "transform": self.transform, **self.beside}
        if self.chat:
            messages = [{"role": each.role, "content": each.text} for each in self.fields]
            loss, languages = [each.loss for each in self.fields], [each.languages for each in self.fields]
            return {"messages": messages, **provenance, "loss": loss, "languages": languages}
        return {
            **{part: self._joined(part) for part, _ in _ALPACA},
            **provenance,
            "loss": {each.part: each.loss for each in self.fields},
            "languages": {each.part: each.languages for each in self.fields},
        }

    def _joined(self, part: PartName) -> str:
        return "\n\n".join(each.text for each in self.fields if each.part == part)


class Part(NamedTuple):
    """Text that an engine must make before a row can be built.

    translate: `text` from `source` to `target`. answer: the model's answer, in `target`, to `messages`.
    """

    kind: Literal["translate", "answer"]
    text: str
    source: str
    target: str
    messages: tuple[Message, ...] = ()


Answers = Mapping[Part, str | None]  # None: the engine failed
Made = list[Row] | Skipped
# A transform: asks for parts, one list after another, is sent their texts in order, and returns what it made
Steps = Generator[list[Part], list[str], Made]


def plain(part: PartName, role: Role, text: str, language: str) -> Field:
    """A field in one language."""
    return Field(part, role, (Piece(text, language),))


def read_example(record: Mapping[str, Any], *, id: str, language: str) -> Example | Skipped:
    """{instruction, input, output} or {messages: [{role, content}]}.

    Skipped (not_an_example, empty) unless a question stands before an answer and both have text; a missing input is
    none. ValueError for an unknown language.
    """
    language = known(language)
    chat = "messages" in record
    fields = _messages(record["messages"], language) if chat else _alpaca(record, language)
    if fields is None:
        return Skipped(id, "", "not_an_example")
    if not _answered(fields):
        return Skipped(id, "", "empty")
    return Example(id, language, fields, chat)


def _alpaca(record: Mapping[str, Any], language: str) -> tuple[Field, ...] | None:
    texts = [record.get(part) or "" for part, _ in _ALPACA]
    if not all(isinstance(text, str) for text in texts):
        return None
    both = zip(_ALPACA, texts, strict=True)
    return tuple(plain(part, role, text, language) for (part, role), text in both if text.strip())


def _messages(messages: object, language: str) -> tuple[Field, ...] | None:
    if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
        return None
    fields: list[Field] = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if not isinstance(role, str) or role not in _PART_OF_ROLE or not isinstance(content, str):
            return None
        fields.append(plain(_PART_OF_ROLE[role], role, content, language))  # type: ignore[arg-type]
    return tuple(fields)


def _answered(fields: tuple[Field, ...]) -> bool:
    """Whether a user begins, an assistant ends, and nobody says nothing."""
    roles = [each.role for each in fields if each.role != "system"]
    return roles[:1] == ["user"] and roles[-1] == "assistant" and all(each.text.strip() for each in fields)
