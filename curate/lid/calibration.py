"""What a model's answers are worth: calibrations for voting, and per-language cuts at a precision, from labelled text."""

import math
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import tomli_w

from curate.lid.corpus import Document, for_calibration
from curate.lid.evaluation import units
from curate.lid.peers import Ours
from filters.columns import UNKNOWN_LANGUAGE, label
from filters.ensemble import OTHERS, Calibration, Ranked
from filters.language import candidates, known_labels, prepare
from filters.scripts import letter_counts, majority_script

_TEMPERATURES = np.geomspace(0.25, 4.0, 81)  # tried; a step is 3.5 %
_FLOOR = 1e-4  # probability of a language that the model does not offer
_PRIOR = 0.1  # of a language's texts, by which its precision is drawn to that of all
_LEAST_ANSWERS = 20  # for a cut of its own
UNREACHABLE = 1.01  # a cut above every score
MOST = 2000  # texts of a language and kind


@dataclass(frozen=True, slots=True)
class Judged:
    """A text's gold language, what a model ranks for it, and the text's weight: each language and kind weighs the same."""

    gold: str
    ranked: Ranked
    weight: float


def _labelled(documents: Iterable[Document]) -> list[tuple[str, str, bool]]:
    """(label, text, whether it is a sentence) of the documents for calibration and of their paragraphs, in languages."""
    chosen = [each for each in documents if for_calibration(each.key) and not each.label.startswith(UNKNOWN_LANGUAGE)]
    seen: Counter[tuple[str, bool]] = Counter()
    found = []
    for sentences in (False, True):
        for name, text in units(chosen, sentences):
            seen[name, sentences] += 1
            if seen[name, sentences] <= MOST:
                found.append((name, text, sentences))
    return found


def _weights(labelled: Sequence[tuple[str, str, bool]]) -> list[float]:
    counts = Counter((name, sentences) for name, _, sentences in labelled)
    return [1 / counts[name, sentences] for name, _, sentences in labelled]


def judge(documents: Iterable[Document], model: str) -> list[Judged]:
    """What one model ranks for the documents set aside for calibration."""
    labelled = _labelled(documents)
    texts = [text for _, text, _ in labelled]
    written = majority_script(letter_counts(pa.array(texts, pa.string())))
    ranked = candidates([prepare(text) for text in texts], written, model)
    each = zip(labelled, ranked, _weights(labelled), strict=True)
    return [Judged(name, answer, weight) for (name, _, _), answer, weight in each]


def _loss(judged: Sequence[Judged], temperature: float) -> float:
    """Weighted log loss of the gold languages."""
    at, loss = Calibration(temperature), 0.0
    for each in judged:
        probabilities = {label(*name): share for name, share in at.tempered(each.ranked).items()}
        loss -= each.weight * math.log(max(probabilities.get(each.gold, 0.0), _FLOOR))
    return loss


def _temperature(judged: Sequence[Judged]) -> float:
    """The temperature of least loss, by thirds: the loss falls, then rises."""
    low, high = 0, len(_TEMPERATURES) - 1
    while high - low > 2:
        third = (high - low) // 3
        left, right = low + third, high - third
        if _loss(judged, _TEMPERATURES[left]) < _loss(judged, _TEMPERATURES[right]):
            high = right
        else:
            low = left
    return float(min(_TEMPERATURES[low : high + 1], key=lambda each: _loss(judged, each)))


def _trust(judged: Sequence[Judged]) -> tuple[dict[str, float], dict[str, float]]:
    """(precision, F1) by language that there was text in; `OTHERS` their mean."""
    gold, answers, right = (
        defaultdict[str, float](float),
        defaultdict[str, float](float),
        defaultdict[str, float](float),
    )
    for each in judged:
        answer = label(*each.ranked[0][0]) if each.ranked else ""
        gold[each.gold] += each.weight
        answers[answer] += each.weight
        right[answer] += each.weight * (answer == each.gold)
    prior = sum(right.values()) / sum(answers.values())
    smooth = {name: right[name] + _PRIOR * prior for name in gold}
    precision = {name: smooth[name] / (answers[name] + _PRIOR) for name in gold if answers[name]}
    recall = {name: smooth[name] / (gold[name] + _PRIOR) for name in precision}
    f1 = {name: 2 * precision[name] * recall[name] / (precision[name] + recall[name]) for name in precision}
    return _with_mean(precision), _with_mean(f1)


def _with_mean(shares: Mapping[str, float]) -> dict[str, float]:
    rounded = {name: round(min(1.0, share), 4) for name, share in sorted(shares.items())}
    return rounded | {OTHERS: round(sum(shares.values()) / max(1, len(shares)), 4)}


def calibrate(documents: Iterable[Document], model: str) -> Calibration:
    """Fit one model's calibration on every other held-out document, whole and by paragraph.

    The temperature is that of least log loss over languages that the model knows; precision and F1 are over all, so that
    a model is trusted less in a language that it takes others for. Raises ValueError without text in a known language.
    """
    judged = judge(documents, model)
    known = {label(*name) for name in known_labels(model)}
    inside = [each for each in judged if each.gold in known]
    if not inside:
        raise ValueError(f"no held-out text in a language that {model} knows: give labelled files with some")
    return Calibration(round(_temperature(inside), 4), *_trust(judged))


def _lowest(scores: Sequence[tuple[float, float, bool]], precision: float) -> float:
    """The lowest score from which on the answers, (score, weight, right), reach the precision; on `_LEAST_ANSWERS`."""
    score, weight, right = (np.array(column, float) for column in zip(*sorted(scores, reverse=True), strict=True))
    reached = np.cumsum(weight * right) >= precision * np.cumsum(weight)
    last = np.append(score[1:] != score[:-1], True)  # of equal scores: a cut takes all or none
    good = np.flatnonzero(reached & last & (np.arange(len(score)) >= _LEAST_ANSWERS - 1))
    return math.floor(score[good[-1]] * 1e4) / 1e4 if len(good) else UNREACHABLE


def cuts(documents: Iterable[Document], model: str, precision: float) -> dict[str, float]:
    """The score from which on a model's answers are right this often, by language, and for `OTHERS`.

    Each language is taken to be as frequent as any other; where one is rarer than those it is confused with, it will be
    right less often. `UNREACHABLE` where even the surest answers are not: that language always becomes und.
    """
    labelled = _labelled(documents)
    answers = Ours(model, None).identify([text for _, text, _ in labelled])
    scores = defaultdict[str, list[tuple[float, float, bool]]](list)
    for (gold, _, _), (answer, score), weight in zip(labelled, answers, _weights(labelled), strict=True):
        scores[answer].append((score, weight, answer == gold))
    every = [each for answer, some in scores.items() if not answer.startswith(UNKNOWN_LANGUAGE) for each in some]
    enough = {name for name, some in scores.items() if len(some) >= _LEAST_ANSWERS}
    own = {name: _lowest(scores[name], precision) for name in sorted(enough & {name for name, _, _ in labelled})}
    return own | {OTHERS: _lowest(every, precision) if every else 0.0}


def save_cuts(path: Path, found: Mapping[str, float], *, model: str, precision: float) -> None:
    """Write cuts as TOML, with the model whose scores they are on."""
    path.write_text(tomli_w.dumps({"model": model, "precision": precision, "cuts": dict(found)}), "utf-8")


def load_cuts(path: str, model: str) -> dict[str, float]:
    """Cuts by language. Raises ValueError for a file that is none, and for cuts made for another model."""
    try:
        stored = tomllib.loads(Path(path).read_text("utf-8"))
        made_for, found = str(stored["model"]), {str(name): float(cut) for name, cut in stored["cuts"].items()}
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; `curate lid cuts` writes such a file") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: no cuts ({type(error).__name__}: {error}); `curate lid cuts` writes such a file"
        ) from None
    if made_for != model:
        raise ValueError(f"{path}: cuts on the scores of {made_for}, not of {model}")
    return found
