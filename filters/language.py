"""Language identification: fastText's answer, spelled `hin` + `Deva`, checked against the script of the text.

Models: `default` ships with the package (models/lid-default.md says what it knows), `lid.176` and `glotlid` are files
that the user fetches once, and any path to a fastText .bin or .ftz is a model too.
"""

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa

from filters.columns import LANGUAGE, UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT, label
from filters.labels import MEMBERS, PREFIX, canonical
from filters.scripts import SCRIPT_INDEX, letter_counts, majority_script

# Read of a document, a third each from its beginning, middle and end. On held-out pages 500 characters lost 0.08 points
# of accuracy, 1,000 lost 0.04, and 2,000 none, against the whole text.
MAXIMUM_CHARACTERS = 3000
ALTERNATIVES = 10  # in top_langs, at most
MINIMUM_SCORE = 0.01  # of an alternative (FineWeb-2)
MINIMUM_SCRIPT_SHARE = 0.05  # of the letters; a language whose script holds fewer cannot be the answer


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A published model: where it comes from and the file name it is kept under."""

    file: str
    url: str
    sha256: str | None  # None: not pinned


REMOTE_MODELS: dict[str, RemoteModel] = {
    "lid.176": RemoteModel(
        "lid.176.ftz",
        "https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz",
        "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
    ),
    "glotlid": RemoteModel("model_v3.bin", "https://huggingface.co/cis-lmu/glotlid/resolve/main/model_v3.bin", None),
}
_DEFAULT = Path(__file__).parent / "models" / "lid-default.ftz"


def model_folder() -> Path:
    """Where fetched models lie: $MULTICURATE_MODELS, else ~/.cache/multicurate/models."""
    return Path(os.environ.get("MULTICURATE_MODELS") or Path.home() / ".cache" / "multicurate" / "models")


def model_path(model: str) -> Path:
    """The file of a model, named or given as a path. Raises ValueError (no such name), FileNotFoundError (no file)."""
    if model == "default":
        return _DEFAULT
    if model in REMOTE_MODELS:
        remote = REMOTE_MODELS[model]
        path, advice = model_folder() / remote.file, f"put {remote.url} there, or set MULTICURATE_MODELS"
    elif model.endswith((".bin", ".ftz")):
        path, advice = Path(model), "give the path of a fastText .bin or .ftz"
    else:
        known = ", ".join(["default", *REMOTE_MODELS])
        raise ValueError(f"unknown language model {model!r}: known are {known}, or a path to a fastText .bin or .ftz")
    if not path.is_file():
        raise FileNotFoundError(f"language model {model!r}: no file {path}: {advice}")
    return path


@lru_cache(maxsize=4)
def _load(path: Path) -> Any:
    try:
        return fasttext.load_model(str(path))
    except ValueError as error:
        raise ValueError(f"{path} is no fastText model: {error}") from error


def known_labels(model: str = "default") -> frozenset[tuple[str, str]]:
    """(language, script) of every class of the model; the usual script where its labels name none."""
    return frozenset(canonical(name) for name in _load(model_path(model)).get_labels())


def prepare(text: str) -> str:
    """One line for fastText: a sample of at most `MAXIMUM_CHARACTERS`, whitespace collapsed, its control tokens cut."""
    if len(text) > MAXIMUM_CHARACTERS:
        third = MAXIMUM_CHARACTERS // 3
        middle = (len(text) - third) // 2
        text = f"{text[:third]} {text[middle : middle + third]} {text[-third:]}"
    if "__" in text or "</s>" in text:  # a label in the text would be skipped, an end of sentence would end the line
        text = text.replace(PREFIX, " ").replace("</s>", " ")
    return " ".join(text.split())


@lru_cache(maxsize=1024)
def _columns(script: str) -> list[int]:
    return [SCRIPT_INDEX[member] for member in MEMBERS.get(script, (script,)) if member in SCRIPT_INDEX]


def _holds(scripts: Collection[str], letters: np.ndarray) -> np.ndarray:
    """Whether each text holds a letter of one of the scripts: bool by row of `letters`."""
    columns = sorted({column for script in scripts for column in _columns(script)})
    return np.asarray(letters[:, columns].any(axis=1))


def _can_be(script: str, letters: np.ndarray) -> bool:
    """Whether the text holds enough letters of the script for a language written in it."""
    return bool(letters[_columns(script)].sum() >= MINIMUM_SCRIPT_SHARE * letters.sum())


def _ranked(names: list[str], scores: np.ndarray, seen: str) -> list[tuple[tuple[str, str], float]]:
    """Canonical languages, best first; model labels that mean the same one are added up."""
    total: dict[tuple[str, str], float] = {}
    for name, score in zip(names, scores.tolist(), strict=True):
        language = canonical(name, seen)
        total[language] = min(total.get(language, 0.0) + score, 1.0)  # fastText's float32 sums pass 1 by a little
    return sorted(total.items(), key=lambda item: -item[1])


def _answer(ranked: list[tuple[tuple[str, str], float]], letters: np.ndarray) -> dict[str, Any]:
    fitting = (each for each in ranked if _can_be(each[0][1], letters))
    (language, script), score = next(fitting, ((UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT), 0.0))
    top = {f"{label(*name)}_score": round(each, 6) for name, each in ranked}
    return {
        "language": language,
        "language_script": script,
        "language_score": score,
        "top_langs": json.dumps(top),
    }


_NOTHING = {
    "language": UNKNOWN_LANGUAGE,
    "language_script": UNKNOWN_SCRIPT,
    "language_score": 0.0,
    "top_langs": "{}",
}


def identify(text: pa.StringArray, *, model: str = "default", scripts: Collection[str] | None = None) -> pa.StructArray:
    """The language of each text, as `filters.columns.LANGUAGE`; never null.

    A text without letters (or null) is und, Zzzz, score 0. So is one where every alternative that the model gives at
    least `MINIMUM_SCORE` is written in a script that the text hardly holds (below `MINIMUM_SCRIPT_SHARE`).
    `language_score` is the model's probability of the answer. Labels without a script (lid.176) take the text's.

    scripts: the only ones of interest (ISO 15924). The model, which costs more than all the rest, is not asked about a
    text without a letter of these: it is und in the script of most of its letters, score 0.
    """
    text = text.fill_null("")  # a null may have bytes under it
    letters = letter_counts(text)
    rows = np.flatnonzero(letters.any(axis=1) if scripts is None else _holds(scripts, letters))
    written = majority_script(letters)
    answers: list[dict[str, Any]] = [_NOTHING | {"language_script": script} for script in written]
    if len(rows):
        lines = [prepare(each) for each in text.take(pa.array(rows)).to_pylist()]
        names, scores = _load(model_path(model)).predict(lines, k=ALTERNATIVES, threshold=MINIMUM_SCORE)
        for row, seen, best, score in zip(rows, written[rows], names, scores, strict=True):
            answers[row] = _answer(_ranked(best, score, seen), letters[row])
    return pa.array(answers, LANGUAGE)
