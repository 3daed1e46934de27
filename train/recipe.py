"""A training recipe: one TOML file for the whole way to a language, of which each command reads its own section.

    base = "models/llama"        a Hugging Face model folder
    output = "runs/hindi"        each command writes a folder in it; the next one starts from that

    [tokenizer]  [embeddings]  [data]  [cpt]  [sft]  [merge]  [evaluate]

Every user error is one line: the file, the key, and what would be right.
"""

import json
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel, ConfigDict, ValidationError

SECTIONS = ("tokenizer", "embeddings", "data", "cpt", "sft", "merge", "evaluate")


class TrainError(ValueError):
    """What keeps a command from working, in one line: what, where, and what would be right."""


class Section(BaseModel):
    """A section of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


S = TypeVar("S", bound=Section)


class Common(Section):
    """What all commands share."""

    base: str  # folder of the model to start from
    output: str
    seed: int = 1


@dataclass(frozen=True)
class Run:
    """The folders of a run: each command writes one, and starts from the newest that the commands before it wrote."""

    base: Path
    output: Path
    seed: int

    def folder(self, section: str) -> Path:
        return self.output / section

    def before(self, section: str, *steps: str) -> Path:
        """The model folder that `section` starts from: the last of `steps` that exists, else the base."""
        for step in reversed(steps):
            if (self.folder(step) / "config.json").is_file():
                return self.folder(step)
        return self.base


def read(recipe: str, section: str, model: type[S], settings: Sequence[str] = ()) -> tuple[Run, S]:
    """A section of the recipe at a path, or of a shipped one by its name. `settings`: cpt.steps=100 and the like.

    A section that is not in the file has its defaults. Raises TrainError.
    """
    raw = _parse(recipe)
    for setting in settings:
        _override(raw, setting)
    sections = {name: raw.pop(name) for name in SECTIONS if name in raw}
    common = _validated(Common, raw, recipe, "")
    run = Run(Path(common.base), Path(common.output), common.seed)
    return run, _validated(model, sections.get(section, {}), recipe, f"{section}.")


def shipped() -> tuple[str, ...]:
    """The names of the recipes in the package."""
    names = (entry.name for entry in resources.files("train").joinpath("recipes").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def command(work: Callable[[str, tuple[str, ...]], None]) -> click.Command:
    """`python -m train.NAME RECIPE [--set key=value]`; a TrainError is one line and exit code 2."""

    @click.command(help=(work.__doc__ or "").split("\n\n")[0])
    @click.argument("recipe")
    @click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Over the recipe, as cpt.steps=100; repeatable."
    )
    def main(recipe: str, settings: tuple[str, ...]) -> None:
        try:
            work(recipe, settings)
        except TrainError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)

    return main


def _parse(recipe: str) -> dict[str, Any]:
    try:
        if recipe in shipped():
            text = resources.files("train").joinpath(f"recipes/{recipe}.toml").read_text("utf-8")
        else:
            text = Path(recipe).read_text("utf-8")
        return tomllib.loads(text)
    except FileNotFoundError:
        names = ", ".join(shipped())
        raise TrainError(f"recipe {recipe}: no such file, and no shipped recipe; shipped: {names}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainError(f"recipe {recipe}: {error}") from None


def _override(raw: dict[str, Any], setting: str) -> None:
    """key=value; a value that is no JSON is a string."""
    key, equals, value = setting.partition("=")
    if not equals:
        raise TrainError(f"--set {setting}: write KEY=VALUE, as cpt.steps=100")
    *path, last = key.strip().split(".")
    for name in path:
        raw = raw.setdefault(name, {})
        if not isinstance(raw, dict):
            raise TrainError(f"--set {setting}: {name} is no section")
    try:
        raw[last] = json.loads(value)
    except ValueError:
        raw[last] = value


def _validated(model: type[S], raw: Any, recipe: str, prefix: str) -> S:
    try:
        return model.model_validate(_tuples(raw))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = prefix + ".".join(str(part) for part in first["loc"])
        raise TrainError(f"recipe {recipe}: {key.rstrip('.')}: {_explained(first, model)}") from None


def _explained(error: Any, model: type[BaseModel]) -> str:
    if error["type"] == "extra_forbidden":
        known = list(model.model_fields) + (list(SECTIONS) if model is Common else [])
        return f"unknown key; the keys are {', '.join(known)}" if len(error["loc"]) == 1 else "unknown key"
    if error["type"] == "missing":
        return "missing"
    given = str(error["input"])
    return f"{error['msg']}, not {given[:80]}"


def _tuples(value: Any) -> Any:
    """TOML's arrays as the tuples that frozen sections hold."""
    if isinstance(value, dict):
        return {key: _tuples(inner) for key, inner in value.items()}
    return tuple(_tuples(inner) for inner in value) if isinstance(value, list) else value
