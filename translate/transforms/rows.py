"""Training data as rows: what comes in, what must be made first (`Part`), and what goes out (`Row`, `Text`)."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from translate.engine import Message, Role

PartName = Literal["instruction", "input", "output", "text"]
ALPACA: tuple[tuple[PartName, Role], ...] = (("instruction", "user"), ("input", "user"), ("output", "assistant"))
JOINED = "+"  # between the languages of code-switched text


@dataclass(frozen=True, slots=True)
class Skipped:
    """A source row of which a transform made nothing, and why: a reason to count by."""

    source_id: str
    transform: str
    reason: str


class Piece(NamedTuple):
    """Text in one language (hin_Deva), or a label or template: "". Code-switched it is eng_Latn+hin_Deva, the language
    of the sentences first; `before` is then the text as it was before.
    """

    text: str
    language: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """Instruction, input or output of an example, a message of a conversation, or a text. The loss is on the
    assistant's, and a text is the assistant's."""

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


# --- what comes in ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Example:
    """Questions and answers, all in one language. `chat`: they came as messages, and their rows go out so."""

    id: str
    language: str
    fields: tuple[Field, ...]
    chat: bool = False


@dataclass(frozen=True, slots=True)
class Aligned:
    """A sentence with its translation, or a document of such: (source, target) segments in order."""

    id: str
    segments: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Native:
    """A text as somebody wrote it, in one language."""

    id: str
    language: str
    text: str
    title: str = ""


Source = Example | Aligned | Native


# --- what goes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A row of pretraining text."""

    id: str
    source_id: str
    transform: str
    pieces: tuple[Piece, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The text as the one field of a row."""
        return (Field("text", "assistant", self.pieces),)

    @property
    def text(self) -> str:
        return self.fields[0].text

    @property
    def languages(self) -> list[str]:
        """In the order of their first appearance."""
        return self.fields[0].languages

    def record(self) -> dict[str, Any]:
        """Columns."""
        provenance = {"id": self.id, "source_id": self.source_id, "transform": self.transform}
        return {"text": self.text, **provenance, "languages": self.languages}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of instruction data with where it came from. `beside`: columns that are kept but not trained on."""

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
            **{part: self._joined(part) for part, _ in ALPACA},
            **provenance,
            "loss": {each.part: each.loss for each in self.fields},
            "languages": {each.part: each.languages for each in self.fields},
        }

    def _joined(self, part: PartName) -> str:
        return "\n\n".join(each.text for each in self.fields if each.part == part)


# --- in between ------------------------------------------------------------------------------------------------------

Form = Literal[
    "", "conversation", "instruction"
]  # of an answer: free text, or a JSON object of translate.transforms.grounded


class Part(NamedTuple):
    """Text that an engine must make before a row can be built.

    translate: `text` from `source` to `target`. answer: the model's answer, in `target`, to `messages`.
    """

    kind: Literal["translate", "answer"]
    text: str
    source: str
    target: str
    messages: tuple[Message, ...] = ()
    form: Form = ""


Answers = Mapping[Part, str | None]  # None: the engine failed
Made = list[Row] | list[Text] | Skipped
# A transform: asks for parts, one list after another, is sent their texts in order, and returns what it made
Steps = Generator[list[Part], list[str], Made]


def plain(part: PartName, role: Role, text: str, language: str) -> Field:
    """A field in one language."""
    return Field(part, role, (Piece(text, language),))
