"""Rubrics: what a judge is told and how its answers are read. A rubric is data (rubrics/*.toml here, or your own)."""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from curate.recipe import RecipeError
from filters.labels import canonical
from translate.answer import Unread, read_object
from translate.engine import Answer, Message, Parameters, Request
from translate.prompt import quoted, without_control_tokens

ENGLISH = "eng_Latn"
ECHOED = 1000  # characters of an unreadable answer that the model is shown again

Label = Annotated[str, Field(pattern=r"^[a-z]{3}_[A-Z][a-z]{3}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Fault = Literal["empty", "refused", "cut_short", "not_json", "wrong_schema", "out_of_range"]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Prompt(_Data):
    """The words of one language."""

    rubric: Words  # the system message, the same for all texts
    ask: Words  # behind the text
    repair: Words  # after an answer that could not be read; {problem} says why


class Judgement(_Data):
    """The answer asked for."""

    reason: str
    score: int


@dataclass(frozen=True, slots=True)
class NoScore:
    """An answer that gives no score, by name and in a line."""

    fault: Fault
    detail: str


class Rubric(_Data):
    """A scale, and the prompts that explain it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(ge=1)
    lowest: int
    highest: int
    characters: int = Field(ge=100)  # of the text that the judge sees
    max_tokens: int = Field(ge=16)  # of its answer
    reason_characters: int = Field(ge=20)
    prompts: dict[Label, Prompt]  # English among them: it stands in for languages that have none

    @cached_property
    def fingerprint(self) -> str:
        """Changes with every word of the rubric."""
        return hashlib.blake2b(self.model_dump_json().encode(), digest_size=8).hexdigest()

    @cached_property
    def parameters(self) -> Parameters:
        return Parameters(max_tokens=self.max_tokens, schema=_schema(self))

    def language_for(self, label: str, *, native: bool) -> str:
        """The language to prompt in about a text in `label`."""
        return label if native and label in self.prompts else ENGLISH

    def request(self, text: str, language: str) -> Request:
        """The question about a text, which stands last but for one line, so that the rubric is computed once."""
        prompt = self.prompts[language]
        page = f"{quoted(text)}\n\n{prompt.ask}"
        return Request((Message("system", prompt.rubric), Message("user", page)), self.parameters)

    def repaired(self, request: Request, language: str, answer: str, problem: str) -> Request:
        """The same question, with the answer that could not be read and what was wrong with it."""
        assert not isinstance(request.prompt, str)
        ask = self.prompts[language].repair.replace("{problem}", problem)
        turns = (Message("assistant", without_control_tokens(answer[:ECHOED]) or "…"), Message("user", ask))
        return Request((*request.prompt[:2], *turns), request.parameters)

    def read(self, answer: Answer) -> Judgement | NoScore:
        found = read_object(answer.text, Judgement, cut_off=answer.finish == "length")
        if isinstance(found, Unread):
            return NoScore(found.fault, found.detail)
        if not self.lowest <= found.score <= self.highest:
            return NoScore("out_of_range", f"score: {found.score} is not from {self.lowest} to {self.highest}"[:200])
        return found


def _schema(rubric: Rubric) -> dict[str, Any]:
    """The reason comes first: a score that follows from it is better than one that it has to excuse."""
    scale = list(range(rubric.lowest, rubric.highest + 1))
    return {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "maxLength": rubric.reason_characters},
            "score": {"type": "integer", "enum": scale},  # servers know enum that do not know minimum
        },
        "required": ["reason", "score"],
        "additionalProperties": False,
    }


def load_rubric(name: str) -> Rubric:
    """A shipped rubric by name, or the TOML file at a path. RecipeError in one line for anything else."""
    if name in (known := shipped()):
        content = (resources.files("curate.annotate") / "rubrics" / f"{name}.toml").read_text(encoding="utf-8")
    elif Path(name).suffix == ".toml" and Path(name).is_file():
        content = Path(name).read_text(encoding="utf-8")
    else:
        raise RecipeError(f"no rubric {name!r}; give the path of a .toml file or one of {', '.join(known)}")
    try:
        rubric = Rubric.model_validate(tomllib.loads(content))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name}: not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RecipeError(f"{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return _checked(rubric, name)


def _checked(rubric: Rubric, name: str) -> Rubric:
    if ENGLISH not in rubric.prompts:
        raise RecipeError(
            f"{name}: prompts.{ENGLISH} is missing; it serves the languages without a prompt of their own"
        )
    if not rubric.lowest < rubric.highest <= rubric.lowest + 100:
        raise RecipeError(f"{name}: lowest {rubric.lowest}, highest {rubric.highest}: a scale has 2 to 101 steps")
    unknown = [label for label in rubric.prompts if "_".join(canonical(label)) != label]
    if unknown:
        raise RecipeError(f"{name}: prompts.{unknown[0]}: write it {'_'.join(canonical(unknown[0]))}")
    return rubric


def shipped() -> list[str]:
    files = (resources.files("curate.annotate") / "rubrics").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
