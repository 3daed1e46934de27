"""What the transforms are made of: translated fields, answers of the model itself, code-switched questions."""

from collections.abc import Collection, Generator
from dataclasses import dataclass, field

from translate.codeswitch import code_switch
from translate.dictionary import Dictionary
from translate.engine import Message
from translate.transforms.grounded import MOST_TURNS
from translate.transforms.names import NAMINGS, Naming, known
from translate.transforms.rows import JOINED, Example, Field, Part, PartName, Piece, Row, plain

ALL: frozenset[PartName] = frozenset({"instruction", "input", "output"})
QUESTION: frozenset[PartName] = frozenset({"instruction", "input"})
Fields = tuple[Field, ...]
Asking = Generator[list[Part], list[str], Fields]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for all rows of a job."""

    target: str  # the language that rows are made in
    source: str = ""  # of the first side of aligned texts; examples carry their own
    seed: int = 0
    translate: frozenset[PartName] = field(default=ALL)  # by the transform `translated`
    dictionary: Dictionary | None = None  # for code-switching; from the examples' language or from the target
    switch: float = 0.3  # share of the words that are code-switched
    switched: frozenset[PartName] = field(default=QUESTION)  # parts whose words are
    naming: Naming = "english"  # of languages, in the templates of aligned text
    turns: int = 3  # of a conversation about a page

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", known(self.target))
        if self.source:
            object.__setattr__(self, "source", known(self.source))
        if unknown := (self.translate | self.switched) - ALL:
            raise ValueError(f"no parts {', '.join(sorted(unknown))}; there are {', '.join(sorted(ALL))}")
        if not 0 <= self.switch <= 1:
            raise ValueError(f"switch is {self.switch:g}; it is a share of the words, from 0 to 1")
        if self.naming not in NAMINGS:
            raise ValueError(f"naming is {self.naming!r}; it can be {' or '.join(NAMINGS)}")
        if not 1 <= self.turns <= MOST_TURNS:
            raise ValueError(f"{self.turns} turns; a conversation has 1 to {MOST_TURNS}")


def row(example: Example, transform: str, fields: Fields, direction: str = "", **beside: str) -> Row:
    name = f"{transform}/{direction}" if direction else transform
    return Row(f"{example.id}/{name}", example.id, transform, fields, example.chat, beside)


def translated(fields: Fields, parts: Collection[PartName], source: str, target: str) -> Asking:
    """The fields with some parts in the target language."""
    wanted = [at for at, each in enumerate(fields) if each.part in parts]
    texts = yield [Part("translate", fields[at].text, source, target) for at in wanted]
    made = list(fields)
    for at, text in zip(wanted, texts, strict=True):
        made[at] = plain(fields[at].part, fields[at].role, text, target)
    return tuple(made)


def answered(fields: Fields, language: str) -> Asking:
    """The fields with the model's own answers, each to what was said, and answered, before it."""
    made: list[Field] = []
    for each in fields:
        if each.role == "assistant":
            question = conversation(tuple(made))
            (text,) = yield [Part("answer", question[-1].content, language, language, question)]
            each = plain(each.part, each.role, text, language)
        made.append(each)
    return tuple(made)


def conversation(fields: Fields) -> tuple[Message, ...]:
    """As messages; what one role says in two fields (instruction and input) is one message."""
    messages: list[Message] = []
    for each in fields:
        if messages and messages[-1].role == each.role:
            messages[-1] = Message(each.role, f"{messages[-1].content}\n\n{each.text}")
        else:
            messages.append(Message(each.role, each.text))
    return tuple(messages)


def mixed(question: Fields, answer: Fields) -> Fields:
    """What users and system say in one version of the same fields, and assistants in another."""
    return tuple(b if a.loss else a for a, b in zip(question, answer, strict=True))


def single(example: Example) -> bool:
    """Whether it is one question and one answer."""
    return sum(each.loss for each in example.fields) == 1


def request(fields: Fields) -> tuple[str, ...]:
    """What the user says, field by field."""
    return tuple(each.text for each in fields if each.role == "user")


def switched(fields: Fields, settings: Settings) -> Fields | None:
    """The fields with words of some parts code-switched; None if no word was. They are in the dictionary's language."""
    dictionary = settings.dictionary
    assert dictionary is not None
    made, any_word = [], False
    for each in fields:
        if each.role != "system" and each.part in settings.switched:
            result = code_switch(
                each.text, dictionary, share=settings.switch, seed=settings.seed, language=dictionary.source
            )
            if result.spans:
                language = JOINED.join((dictionary.source, dictionary.target))
                each, any_word = Field(each.part, each.role, (Piece(result.text, language, each.text),)), True
        made.append(each)
    return tuple(made) if any_word else None
