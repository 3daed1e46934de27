"""The model card that training writes beside a model, in Markdown."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from curate.lid.evaluation import Evaluation
from curate.lid.sampling import Selection, TrainingOptions

_POOR = 0.9  # F1 below which a class is named among the limits


def _table(header: str, rows: Iterable[Iterable[object]]) -> str:
    columns = header.split("|")
    lines = [header, "|".join("---" for _ in columns), *("|".join(map(str, row)) for row in rows)]
    return "\n".join(f"|{line}|" for line in lines)


def _changed(options: TrainingOptions) -> str:
    default, used = asdict(TrainingOptions()), asdict(options)
    changed = [f"{name}={used[name]!r}" for name in used if used[name] != default[name]]
    return ", ".join(changed) or "none"


def _figures(name: str, evaluation: Evaluation) -> tuple[object, ...]:
    shares = (evaluation.accuracy, evaluation.macro_f1, evaluation.calibration_error)
    return name, f"{evaluation.pairs.total():,}", len(evaluation.gold), *(f"{share:.4f}" for share in shares)


def _classes(chosen: Selection, whole: Evaluation, parts: Evaluation) -> Iterable[tuple[object, ...]]:
    scores, judged = whole.precision_recall(), whole.gold
    sentences = parts.f1()
    for name, characters in chosen.characters.items():
        precision, recall = (f"{share:.3f}" for share in scores[name]) if name in scores else ("–", "–")
        of_parts = f"{sentences[name]:.3f}" if name in sentences else "–"
        yield name, f"{chosen.documents[name]:,}", f"{characters:,}", judged[name], precision, recall, of_parts


def _limits(chosen: Selection, whole: Evaluation, parts: Evaluation) -> list[str]:
    poor = sorted((share, name) for name, share in parts.f1().items() if share < _POOR)
    unjudged = sorted(set(chosen.texts) - set(whole.gold))
    confused = ", ".join(f"{gold} for {answer} ({n:,})" for gold, answer, n in parts.confusions(12))
    lines = [
        f"Sentences below F1 {_POOR}: {', '.join(f'{name} {share:.2f}' for share, name in poor) or 'no class'}.",
        f"Sentences most often mistaken: {confused or 'none'}.",
        f"No held-out text, so nothing is known of: {', '.join(unjudged) or 'no class'}.",
        "Held-out text is from the same sources as the training text: expect less of others.",
        "A language that is no class here comes out as a class near it, often with a high score.",
    ]
    return [f"- {line}" for line in [*lines, *(note[0].upper() + note[1:] + "." for note in chosen.notes())]]


def text(
    model: Path,
    inputs: list[str],
    chosen: Selection,
    options: TrainingOptions,
    whole: Evaluation,
    parts: Evaluation,
) -> str:
    """The card: what the model is, how it was made, what it was trained on, held-out figures, limits.

    whole, parts: its evaluation on held-out documents and on their paragraphs.
    """
    content = model.read_bytes()
    sections = [
        f"# {model.name}",
        f"A quantised fastText language identification model: {len(chosen.texts):,} classes `iso3_Script`,"
        f" {len(content):,} bytes, sha256 `{hashlib.sha256(content).hexdigest()}`.",
        "## Training",
        "From " + ", ".join(f"`{each}`" for each in inputs) + " by `curate lid train`.",
        f"Options other than those that `TrainingOptions` begins with: {_changed(options)}.",
        "A fifth of the documents, by a hash of their key, is held out; so is every translation of one, where the set"
        " says which are. Documents whose letters contradict their label are left out of training, not of evaluation.",
        "## Held-out figures",
        _table(
            "texts | n | languages | accuracy | macro-F1 | calibration error",
            [_figures("documents", whole), _figures("sentences", parts)],
        ),
        "## Limits",
        "\n".join(_limits(chosen, whole, parts)),
        "## Classes",
        "What each was trained on; precision and recall on held-out documents; F1 on their sentences.",
        _table(
            "class | documents | characters | held out | precision | recall | F1 of sentences",
            _classes(chosen, whole, parts),
        ),
    ]
    return "\n\n".join(sections) + "\n"
