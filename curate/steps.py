"""datatrove's filters and formatters, or a user's own, as steps of a recipe: on each batch, before it is measured.

Steps run on the repaired text, in the recipe's order. What a step makes of the text is what is measured and kept. A
filter finds in `Document.metadata` what FineWeb-2 has there (language, language_script, language_score, top_langs, url,
date, dump, file_path), and the language is always that of the text it is given. A document that a filter drops is
measured too, with the text that the filter was given, and no later step sees it.

What a block writes into the metadata is not kept. A block that raises costs the document at hand (`step_error`); one
that hangs or eats memory is not guarded against. A worker builds each block once, so one that remembers what it saw
(datatrove's SamplerFilter) need not say the same again in a rerun.
"""

import hashlib
import importlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from curate.recipe import RecipeError, Step

NO_TEXT_LEFT = "no_text_left"
REASON_CHARACTERS = 80
_ERROR_CHARACTERS = 300
_PLAIN = "The old bridge was repaired last week. Now the children can walk to school again, and nobody has to wait.\n"


@dataclass(slots=True)
class Draft:
    """A document on its way through the steps."""

    id: str
    text: str
    metadata: dict[str, Any]  # of the record
    identity: dict[str, Any] | None = None  # as filters.columns.LANGUAGE; None: that of `text` is not known yet
    reason: str | None = None  # why a filter dropped it
    error: str | None = None  # what a block raised

    @property
    def goes_on(self) -> bool:
        return self.reason is None and self.error is None


@dataclass(frozen=True, slots=True)
class Block:
    """A built step. `name` is what its drop reasons begin with."""

    name: str
    path: str
    step: Any  # BaseFilter or BaseFormatter
    is_filter: bool

    def run(self, drafts: Sequence[Draft]) -> None:
        """Format or judge each; those it raises on get an error."""
        size = max(1, self.step.batch_size) if self.is_filter else 1
        for start in range(0, len(drafts), size):
            self._attempt(drafts[start : start + size])

    def _attempt(self, drafts: Sequence[Draft]) -> None:
        try:
            outcomes = self._judged(drafts) if self.is_filter else [self._formatted(draft) for draft in drafts]
        except Exception as error:  # whatever user code raises
            if len(drafts) == 1:
                drafts[0].error = _line(f"{self.path}: {type(error).__name__}: {error}")
                return
            for draft in drafts:
                self._attempt([draft])
            return
        for draft, (text, reason) in zip(drafts, outcomes, strict=True):
            self._settle(draft, text, reason)

    def _formatted(self, draft: Draft) -> tuple[str, None]:
        return _checked(self.step.format(draft.text)), None

    def _judged(self, drafts: Sequence[Draft]) -> list[tuple[str, str | None]]:
        """(text, drop reason or None) of each."""
        documents = [_document(draft) for draft in drafts]
        results = list(self.step.filter_batch(documents))
        if len(results) != len(documents):
            raise ValueError(f"filter_batch gave {len(results)} results for {len(documents)} documents")
        return [(_checked(each.text), self._reason(result)) for each, result in zip(documents, results, strict=True)]

    def _reason(self, result: Any) -> str | None:
        passed, why = result if isinstance(result, tuple) else (result, None)
        if passed:
            return None
        return f"{self.name}:{_line(str(why))[:REASON_CHARACTERS]}" if why else self.name

    def _settle(self, draft: Draft, text: str, reason: str | None) -> None:
        if reason is None and draft.text.strip() and not text.strip():
            reason = f"{self.name}:{NO_TEXT_LEFT}"
        draft.reason = reason
        if reason is None and text != draft.text:
            draft.text, draft.identity = text, None


def _checked(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"the text became {type(text).__name__}, must be str")
    return text


def _line(text: str) -> str:
    return " ".join(text.split())[:_ERROR_CHARACTERS]


def _document(draft: Draft) -> Any:
    from datatrove.data import Document

    metadata = {**draft.metadata, **(draft.identity or {})}
    return Document(draft.text, draft.id, metadata={key: value for key, value in metadata.items() if value is not None})


_built: dict[str, tuple[Block, ...]] = {}  # of this worker: a model is loaded once, not once a task


def blocks(steps: Sequence[Step]) -> tuple[Block, ...]:
    """The recipe's blocks, built on first use in this process."""
    key = repr(steps)
    if key not in _built:
        _built.clear()
        _built[key] = _build(steps)
    return _built[key]


def check(steps: Sequence[Step], languages: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What measuring depends on: path, options and version of each block.

    Builds each and tries it on a plain text, so that a missing package, a wrong option or a block that always raises
    stops the run before any work. Raises RecipeError.
    """
    for number, block in enumerate(_build(steps)):
        language, _, script = (languages[0] if languages else "eng_Latn").partition("_")
        identity = {"language": language, "language_script": script, "language_score": 1.0, "top_langs": "{}"}
        draft = Draft("sample", _PLAIN * 3, {"url": "https://example.org/", "date": "2026-01-01T00:00:00Z"}, identity)
        block.run([draft])
        if draft.error:
            raise RecipeError(f"steps.{number}.block: fails on a plain text: {draft.error}")
    return [
        {"block": step.block, "options": step.model_dump(mode="json")["options"], "code": _code(step)} for step in steps
    ]


def _code(step: Step) -> str:
    """datatrove's version; of another block also a hash of its file."""
    known = f"datatrove {version('datatrove')}"
    module = step.block.rpartition(".")[0]
    if module.split(".")[0] == "datatrove":
        return known
    file = getattr(sys.modules[module], "__file__", None)
    content = Path(file).read_bytes() if file and Path(file).is_file() else b""
    return f"{known}, {hashlib.blake2b(content, digest_size=16).hexdigest()}"


def _build(steps: Sequence[Step]) -> tuple[Block, ...]:
    built: list[Block] = []
    for number, step in enumerate(steps):
        kind, is_filter = _class(step.block, f"steps.{number}.block")
        name = _name(kind)
        uses = sum(re.fullmatch(rf"{name}(_\d+)?", block.name) is not None for block in built)
        built.append(
            Block(f"{name}_{uses + 1}" if uses else name, step.block, _instance(kind, step, number), is_filter)
        )
    return tuple(built)


def _name(kind: type) -> str:
    """`datatrove_c4_quality` for datatrove's C4QualityFilter, `my_own` for a user's MyOwnFilter."""
    words = re.sub(r"(Filter|Formatter)$", "", kind.__name__) or kind.__name__
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", words).lower()
    return f"datatrove_{snake}" if kind.__module__.split(".")[0] == "datatrove" else snake


def _class(path: str, where: str) -> tuple[type, bool]:
    """The block's class, and whether it is a filter."""
    try:
        from datatrove.pipeline.filters.base_filter import BaseFilter
        from datatrove.pipeline.formatters.base import BaseFormatter
    except ImportError as error:
        raise RecipeError(
            f"{where}: steps need datatrove: pip install 'multicurate[datatrove]' ({_line(str(error))})"
        ) from None
    module_name, _, name = path.rpartition(".")
    module = _module(module_name, where)
    known = [
        each
        for each, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, BaseFilter | BaseFormatter)
        and getattr(kind, "run", None) in (BaseFilter.run, BaseFormatter.run)
    ]
    kind = getattr(module, name, None)
    if name not in known or not isinstance(kind, type):
        problem = "has no" if kind is None else "cannot run as a step:"
        raise RecipeError(
            f"{where}: {module_name} {problem} {name}; a step is a subclass of datatrove's BaseFilter or BaseFormatter"
            f" that leaves run() alone; there: {', '.join(known) or 'none'}"
        )
    return kind, issubclass(kind, BaseFilter)


def _module(name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            advice = "put its folder on PYTHONPATH, on a cluster give its file to --py-files"
            raise RecipeError(f"{where}: no module {error.name}; {advice}") from None
        raise RecipeError(f"{where}: {name} cannot be imported: {_line(str(error))}") from None
    except Exception as error:  # whatever user code raises
        raise RecipeError(f"{where}: {name} cannot be imported: {_line(f'{type(error).__name__}: {error}')}") from None


def _instance(kind: type, step: Step, number: int) -> Any:
    if "exclusion_writer" in step.options:
        raise RecipeError(f"steps.{number}.options: exclusion_writer: what a step drops is in dropped/ as it is")
    try:
        return kind(**step.options)
    except ImportError as error:
        # the package that datatrove asks for here would overwrite the module `fasttext` that language ID uses
        advice = "use [language] and cutoffs instead" if "fasttext" in str(error) else _line(str(error))
        raise RecipeError(f"steps.{number}.block: {step.block} needs a package that is missing: {advice}") from None
    except Exception as error:  # whatever user code raises
        problem = _line(f"{type(error).__name__}: {error}")
        raise RecipeError(f"steps.{number}.options: {step.block} does not take these: {problem}") from None
