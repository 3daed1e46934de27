"""Several language models voting, each with its confidence calibrated; and cuts below which no answer is given.

A model's raw probabilities can't be summed with another's: lid.176's are too low, a small model's on short text too
high. So each is first made to mean what it says, on labelled text that it was not trained on: a temperature (Guo et al.
2017, "On Calibration of Modern Neural Networks") for the sharpness of all its answers, and how far each of its answers
may be trusted, since a model that lacks a language gives its texts, often with great confidence, to a neighbour.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from filters.columns import label

OTHERS = "other"  # the name under which cuts and trust hold for languages they don't name
SUFFIX = ".calibration.json"  # after the name of the model's file
_FORMAT = 1
_COLDEST, _HOTTEST = 0.05, 20.0
_POWER = 2  # of the trust in a model's answers, as its weight: 1 to 4 differ by 0.1 points of accuracy

Language = tuple[str, str]
Ranked = list[tuple[Language, float]]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What one model's answers are worth, measured on held-out text.

    precision: of the texts it takes for a language (hin_Deva), the share that are; `OTHERS` for the rest.
    f1: how well it knows a language: its weight when it votes on it.
    """

    temperature: float
    precision: Mapping[str, float] = field(default_factory=dict)
    f1: Mapping[str, float] = field(default_factory=dict)

    def save(self, path: Path, **about: object) -> None:
        """Write JSON, with what else is to be known about it."""
        stored = {"format": _FORMAT, **about, **asdict(self)}
        path.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", "utf-8")

    @staticmethod
    @lru_cache(maxsize=16)
    def load(path: Path) -> "Calibration":
        """Raises ValueError, naming the file and the command that writes it."""
        model = path.with_name(path.name.removesuffix(SUFFIX))
        advice = f"`curate lid calibrate LABELLED --model {model}` writes one"
        if not path.is_file():
            raise ValueError(f"no calibration {path}, which a vote needs; {advice}")
        try:
            return _read(json.loads(path.read_text("utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no calibration ({type(error).__name__}: {error}); {advice}") from None

    def tempered(self, ranked: Ranked) -> dict[Language, float]:
        """Probabilities at the temperature. What the model gave to languages below its threshold stays theirs."""
        powers = [max(score, 1e-9) ** (1 / self.temperature) for _, score in ranked]
        rest = max(0.0, 1.0 - sum(score for _, score in ranked))
        total = sum(powers) + (rest ** (1 / self.temperature) if rest > 1e-6 else 0.0)
        return {language: power / total for (language, _), power in zip(ranked, powers, strict=True)}

    def of(self, table: Mapping[str, float], language: Language) -> float:
        """A language's own figure in `precision` or `f1`, else that for others."""
        return table.get(label(*language), table.get(OTHERS, 1.0))


def _read(stored: dict[str, Any]) -> Calibration:
    if stored["format"] != _FORMAT:
        raise ValueError(f"format {stored['format']}, known is {_FORMAT}")
    temperature = float(stored["temperature"])
    if not _COLDEST <= temperature <= _HOTTEST:
        raise ValueError(f"temperature {temperature}, not from {_COLDEST} to {_HOTTEST}")
    return Calibration(temperature, _shares(stored["precision"]), _shares(stored["f1"]))


def _shares(table: dict[str, Any]) -> dict[str, float]:
    shares = {name: float(share) for name, share in table.items()}
    if not all(0 <= share <= 1 for share in shares.values()):
        raise ValueError("a share outside 0 to 1")
    return shares


def _one_vote(votes: Sequence[tuple[Calibration, dict[Language, float]]], language: Language) -> tuple[float, float]:
    """(rank, confidence) of a language from the models that know it.

    Both are means weighted by how well each model knows the language. Confidence is the mean of probabilities;
    for the rank each is taken times the precision of that answer, so that a sure vote for a neighbour doesn't win.
    """
    weight = rank = confidence = 0.0
    for calibration, probabilities in votes:
        trust = calibration.of(calibration.f1, language) ** _POWER
        probability = probabilities.get(language, 0.0)
        weight += trust
        confidence += trust * probability
        rank += trust * probability * calibration.of(calibration.precision, language)
    return (rank / weight, confidence / weight) if weight else (0.0, 0.0)


def _ranking(
    ranked: Sequence[Ranked], calibrations: Sequence[Calibration], knows: Sequence[frozenset[Language]]
) -> Ranked:
    tempered = [each.tempered(answer) for each, answer in zip(calibrations, ranked, strict=True)]
    found = {}
    for language in dict.fromkeys(name for answer in tempered for name in answer):
        votes = [
            (calibration, answer)
            for calibration, answer, known in zip(calibrations, tempered, knows, strict=True)
            if language in answer or language in known
        ]
        found[language] = _one_vote(votes, language)
    best = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    return [(language, confidence) for language, (_, confidence) in best]


def vote(
    votes: Sequence[Sequence[Ranked]], calibrations: Sequence[Calibration], known: Sequence[frozenset[Language]]
) -> list[Ranked]:
    """The languages of each text, best first, with calibrated probabilities, from what each model ranked.

    votes: by model, then by text. known: each model's languages; one that lacks a language has no vote on it, which is
    another thing than voting against it.
    """
    return [_ranking(answers, calibrations, known) for answers in zip(*votes, strict=True)]


def cut(cuts: Mapping[str, float], name: str) -> float:
    """The lowest score that a language's (hin_Deva) answers stand with."""
    return cuts.get(name, cuts.get(OTHERS, 0.0))
