"""Language identification: fastText's answer, spelled `hin` + `Deva`, checked against the script of the text.

Models: `default` ships with the package (models/lid-default.md says what it knows), `lid.176` and `glotlid` are files
that the user fetches once, and any path to a fastText .bin or .ftz is a model too. Several, joined by `+`
(`default+lid.176`), vote: see filters/ensemble.py.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from filters import ensemble, fasttext_file
from filters.columns import LANGUAGE, UNKNOWN_LANGUAGE, label
from filters.labels import MEMBERS, PREFIX, UNKNOWN, canonical
from filters.scripts import SCRIPT_INDEX, SCRIPTS, letter_counts, majority_script

# Read of a document, a third each from its beginning, middle and end. On held-out pages 500 characters lost 0.08 points
# of accuracy, 1,000 lost 0.04, and 2,000 none, against the whole text.
MAXIMUM_CHARACTERS = 3000
ALTERNATIVES = 10  # in top_langs, at most
MINIMUM_SCORE = 0.01  # of an alternative (FineWeb-2)
MINIMUM_SCRIPT_SHARE = 0.05  # of the letters; a language whose script holds fewer cannot be the answer
JOIN = "+"  # between the models of an ensemble

Language = tuple[str, str]  # ISO 639-3, ISO 15924
Ranked = list[tuple[Language, float]]  # best first
_NONE = (UNKNOWN, 0.0)


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
SHIPPED = Path(__file__).parent / "models"
_DEFAULT = SHIPPED / "lid-default.ftz"


def model_folder() -> Path:
    """Where fetched models lie: $MULTICURATE_MODELS, else ~/.cache/multicurate/models."""
    return Path(os.environ.get("MULTICURATE_MODELS") or Path.home() / ".cache" / "multicurate" / "models")


def _is_name(model: str) -> bool:
    return model == "default" or model in REMOTE_MODELS or model.endswith((".bin", ".ftz"))


def members(model: str) -> tuple[str, ...]:
    """The models that vote in `default+lid.176`; of one model, itself. A path that has a + in it stays whole."""
    parts = tuple(model.split(JOIN))
    return parts if len(parts) > 1 and all(map(_is_name, parts)) else (model,)


def model_path(model: str) -> Path:
    """The file of one model, named or given as a path. Raises ValueError (no such name), FileNotFoundError (no file)."""
    if model == "default":
        return _DEFAULT
    if model in REMOTE_MODELS:
        remote = REMOTE_MODELS[model]
        path, advice = model_folder() / remote.file, f"put {remote.url} there, or set MULTICURATE_MODELS"
    elif _is_name(model):
        path, advice = Path(model), "give the path of a fastText .bin or .ftz"
    else:
        known = ", ".join(["default", *REMOTE_MODELS])
        raise ValueError(
            f"unknown language model {model!r}: known are {known}, or a path to a fastText .bin or .ftz;"
            f" several, joined by {JOIN}, vote"
        )
    if not path.is_file():
        raise FileNotFoundError(f"language model {model!r}: no file {path}: {advice}")
    return path


def calibration_path(model: str) -> Path:
    """Where the calibration of one model lies: shipped, by the model's name, else beside the model's file."""
    path = model_path(model)
    shipped = SHIPPED / f"{path.name}{ensemble.SUFFIX}"
    beside = path.with_name(shipped.name)
    return shipped if model in ("default", *REMOTE_MODELS) and shipped.is_file() and not beside.is_file() else beside


def known_labels(model: str = "default") -> frozenset[Language]:
    """(language, script) of every class of the models; the usual script where their labels name none.

    Raises ValueError if a model has labels but none that names a language: a classifier of something else.
    """
    known: set[Language] = set()
    for member in members(model):
        path = model_path(member)
        labels = fasttext_file.labels(path)
        named = {canonical(name) for name in labels} - {UNKNOWN}
        if not named:
            raise ValueError(
                f"{path}: none of its {len(labels):,} labels names a language ({', '.join(labels[:3])} ...);"
                " give a model with labels like __label__hin_Deva or __label__hi"
            )
        known |= named
    return frozenset(known)


def prepare(text: str) -> str:
    """One line for fastText: a sample of at most `MAXIMUM_CHARACTERS`, no whitespace but spaces, its control tokens cut."""
    if len(text) > MAXIMUM_CHARACTERS:
        third = MAXIMUM_CHARACTERS // 3
        middle = (len(text) - third) // 2
        text = f"{text[:third]} {text[middle : middle + third]} {text[-third:]}"
    if "__" in text or "</s>" in text:  # a label in the text would be skipped, an end of sentence would end the line
        text = text.replace(PREFIX, " ").replace("</s>", " ")
    # What is printable holds no whitespace but spaces; of these fastText takes any number for one.
    return text if text.isprintable() else " ".join(text.split())


def _columns(script: str) -> list[int]:
    return [SCRIPT_INDEX[member] for member in MEMBERS.get(script, (script,)) if member in SCRIPT_INDEX]


# A column for each script a language may be written in: those of `letter_counts`, then the composite ones.
_COLUMN: dict[str, int] = SCRIPT_INDEX | {name: len(SCRIPTS) + at for at, name in enumerate(MEMBERS)}


def _with_composites(letters: np.ndarray) -> np.ndarray:
    """Letters by text and `_COLUMN`."""
    return np.hstack([letters, *(letters[:, _columns(name)].sum(axis=1, keepdims=True) for name in MEMBERS)])


def _holds(scripts: Collection[str], letters: np.ndarray) -> np.ndarray:
    """Whether each text holds a letter of one of the scripts: bool by row of `letters`."""
    columns = sorted({column for script in scripts for column in _columns(script)})
    return np.asarray(letters[:, columns].any(axis=1))


class _Spelled(dict[str, Language]):
    """A model's labels -> languages, in texts of one script: a look-up for each of many, and no call."""

    def __init__(self, seen: str) -> None:
        self._seen = seen

    def __missing__(self, name: str) -> Language:
        self[name] = canonical(name, self._seen)
        return self[name]


_spelled = lru_cache(maxsize=512)(_Spelled)


def _ranked(names: list[str], scores: np.ndarray, seen: str) -> Ranked:
    """Canonical languages, best first; model labels that mean the same one are added up."""
    spelled, values = _spelled(seen), scores.tolist()
    if values and values[0] > 1.0:  # fastText's float32 sums pass 1 by a little
        values[0] = 1.0
    if len(names) == 1:  # as often as not
        return [(spelled[names[0]], values[0])]
    languages = [spelled[name] for name in names]
    if len(set(languages)) == len(languages):
        return list(zip(languages, values, strict=True))
    total: dict[Language, float] = {}
    for language, score in zip(languages, values, strict=True):
        total[language] = min(total.get(language, 0.0) + score, 1.0)
    return sorted(total.items(), key=lambda item: -item[1])


def candidates(lines: list[str], written: Collection[str], model: str) -> list[Ranked]:
    """What one model makes of each line (see `prepare`): its `ALTERNATIVES`, of at least `MINIMUM_SCORE`.

    written: the script of each line (ISO 15924), for labels that name none.
    """
    names, scores = fasttext_file.load(model_path(model)).predict(lines, k=ALTERNATIVES, threshold=MINIMUM_SCORE)
    return [_ranked(*each) for each in zip(names, scores, written, strict=True)]


def _voted(lines: list[str], written: Collection[str], model: str) -> list[Ranked]:
    voters = members(model)
    if len(voters) == 1:
        return candidates(lines, written, model)
    votes = [candidates(lines, written, voter) for voter in voters]
    calibrations = [ensemble.Calibration.load(calibration_path(voter)) for voter in voters]
    known = [known_labels(voter) for voter in voters]
    ranked = ensemble.vote(votes, calibrations, known)
    return [[*each[:1], *(other for other in each[1:ALTERNATIVES] if other[1] >= MINIMUM_SCORE)] for each in ranked]


def _first_fitting(ranked: Ranked, counts: np.ndarray, needed: float) -> tuple[Language, float]:
    """The best whose script holds at least `needed` of the text's letters (`_with_composites`, one row).

    None where the best is a label that names no language (`other`): the next one would be a guess.
    """
    fitting = (each for each in ranked if counts[_COLUMN[each[0][1]]] >= needed)
    return _NONE if ranked and ranked[0][0] == UNKNOWN else next(fitting, _NONE)


def _answers(ranked: list[Ranked], letters: np.ndarray) -> list[tuple[Language, float]]:
    """For each text the best language that its letters can be: see `MINIMUM_SCRIPT_SHARE`."""
    counts, needed = _with_composites(letters), MINIMUM_SCRIPT_SHARE * letters.sum(axis=1)
    best = [_COLUMN[each[0][0][1]] if each else 0 for each in ranked]  # column 0 holds no letters
    fits = counts[np.arange(len(ranked)), best] >= needed
    return [
        each[0] if first else _first_fitting(each, counts[row], needed[row])
        for row, (each, first) in enumerate(zip(ranked, fits.tolist(), strict=True))
    ]


class _Keys(dict[Language, str]):
    """A language -> its key in `top_langs`."""

    def __missing__(self, language: Language) -> str:
        self[language] = f'"{label(*language)}_score": '
        return self[language]


_KEYS = _Keys()  # bounded by the classes of the models in use


def _written(score: float) -> str:
    """As json.dumps writes round(score, 6), of a score from 0.0001 to 1."""
    digits = f"{score:.6f}".rstrip("0")
    return digits if digits[-1] != "." else f"{digits}0"


def _json(ranked: Ranked) -> str:
    """As json.dumps writes it, several times as fast; the names hold only letters and a _."""
    return "{" + ", ".join([_KEYS[name] + _written(score) for name, score in ranked]) + "}"


def _cut(answers: list[tuple[Language, float]], cuts: Mapping[str, float]) -> list[tuple[Language, float]]:
    return [_NONE if each[1] < ensemble.cut(cuts, label(*each[0])) else each for each in answers]


def _spread(found: list[Any], rows: np.ndarray, nothing: list[Any]) -> list[Any]:
    """What was found for some rows among what the others have."""
    for row, each in zip(rows.tolist(), found, strict=True):
        nothing[row] = each
    return nothing


def identify(
    text: pa.StringArray,
    *,
    model: str = "default",
    scripts: Collection[str] | None = None,
    cuts: Mapping[str, float] | None = None,
) -> pa.StructArray:
    """The language of each text, as `filters.columns.LANGUAGE`; never null.

    A text without letters (or null) is und, Zzzz, score 0. So is one where every alternative that the model gives at
    least `MINIMUM_SCORE` is written in a script that the text hardly holds (below `MINIMUM_SCRIPT_SHARE`).
    `language_score` is the model's probability of the answer; of an ensemble, the calibrated one. Labels without a
    script (lid.176) take the text's.

    scripts: the only ones of interest (ISO 15924). The model, which costs more than all the rest, is not asked about a
    text without a letter of these: it is und in the script of most of its letters, score 0.
    cuts: the score below which an answer is und, Zzzz, score 0, by language (hin_Deva); `ensemble.OTHERS` for those
    not named. `top_langs` still says what was in question.
    """
    text = text.fill_null("")  # a null may have bytes under it
    letters = letter_counts(text)
    rows = np.flatnonzero(letters.any(axis=1) if scripts is None else _holds(scripts, letters))
    written = majority_script(letters)
    lines = [prepare(each) for each in (text if len(rows) == len(text) else text.take(pa.array(rows))).to_pylist()]
    ranked = _voted(lines, written[rows], model) if lines else []
    answers, top = _answers(ranked, letters[rows]), [_json(each) for each in ranked]
    if cuts:
        answers = _cut(answers, cuts)
    if len(rows) < len(text):
        answers = _spread(answers, rows, [((UNKNOWN_LANGUAGE, script), 0.0) for script in written])
        top = _spread(top, rows, ["{}"] * len(text))
    columns = (
        pa.array([language for (language, _), _ in answers], pa.string()),
        pa.array([script for (_, script), _ in answers], pa.string()),
        pa.array([score for _, score in answers], pa.float64()),
        pa.array(top, pa.string()),
    )
    return pa.StructArray.from_arrays(columns, fields=list(LANGUAGE))
