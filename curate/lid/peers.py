"""Whatever names the language of text, behind one interface: our models, and lingua to compare with."""

import importlib
from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow as pa

from filters.columns import UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT, label
from filters.labels import canonical
from filters.language import identify, known_labels
from filters.scripts import script

LINGUA = "lingua"


class Identifier(Protocol):
    """Batch in, batch out."""

    languages: frozenset[str]  # hin_Deva

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        """(hin_Deva, score from 0 to 1) of each text; und_Zzzz and 0 where there is no answer."""
        ...


class Ours:
    """A fastText model, or several that vote."""

    def __init__(self, model: str, cuts: Mapping[str, float] | None) -> None:
        self.languages = frozenset(label(*name) for name in known_labels(model))
        self._model, self._cuts = model, cuts

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        found = identify(pa.array(texts, pa.string()), model=self._model, cuts=self._cuts)
        columns = [found.field(name).to_pylist() for name in ("language", "language_script", "language_score")]
        return [(label(language, written), score) for language, written, score in zip(*columns, strict=True)]


class Lingua:
    """Peter M. Stahl's lingua: n-gram models of 75 languages, in its accurate mode, on as many threads as it takes.

    Built with all its languages, about 1.2 GB: knowing beforehand which occur would flatter it.
    """

    def __init__(self) -> None:
        try:
            lingua: Any = importlib.import_module("lingua")
        except ImportError:
            raise ValueError(f"model {LINGUA!r}: pip install lingua-language-detector (extra `bench`)") from None
        self._detector = lingua.LanguageDetectorBuilder.from_all_languages().build()
        codes = {str(each): each.iso_code_639_3.name.lower() for each in lingua.Language.all()}
        self._codes = codes
        self.languages = frozenset(label(*canonical(code)) for code in codes.values())

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        values = self._detector.compute_language_confidence_values_in_parallel(texts)
        written = script(pa.array(texts, pa.string())).to_pylist()
        return [self._answer(each, seen) for each, seen in zip(values, written, strict=True)]

    def _answer(self, values: list[Any], seen: str) -> tuple[str, float]:
        if not values or values[0].value == 0.0:
            return label(UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT), 0.0
        return label(*canonical(self._codes[str(values[0].language)], seen)), values[0].value


def identifier(model: str, cuts: Mapping[str, float] | None = None) -> Identifier:
    """`lingua`, or what `filters.language.identify` takes; `cuts` are for the latter alone."""
    return Lingua() if model == LINGUA else Ours(model, cuts)
