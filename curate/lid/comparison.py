"""Evaluations of several models on the same texts, side by side: tables for the terminal, and a plot as SVG."""

from collections.abc import Sequence

from rich.table import Table

from curate.console import plain_table
from curate.lid.evaluation import Evaluation
from curate.report.markup import Markup, join, tag

_COLOURS = ("#1f5fbf", "#d4691e", "#2e8b57", "#8e44ad", "#b03060", "#555555")
_ROW, _COLUMN, _LABEL, _SCALE, _TOP = 13, 400, 84, 280, 64  # pixels
_ROWS_A_COLUMN = 48


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def summary(found: Sequence[Evaluation], known: Sequence[frozenset[str]]) -> Table:
    """One row a model: over the languages that count, then over those that every model knows."""
    names = "model", "texts", "languages", "accuracy", "macro-F1", "in all: languages", "accuracy", "macro-F1"
    table = plain_table(*names, "calibration error", "und", "texts/s", "MB/s")
    shared = frozenset.intersection(*known)
    for each in found:
        both, seconds = each.among(shared), max(each.seconds, 1e-9)
        counts = (f"{each.pairs.total():,}", str(len(each.gold)), _share(each.accuracy), _share(each.macro_f1))
        inside = (str(len(both.gold)), _share(both.accuracy), _share(both.macro_f1))
        speed = (f"{each.pairs.total() / seconds:,.0f}", f"{each.bytes / 1e6 / seconds:,.2f}")
        table.add_row(each.model, *counts, *inside, _share(each.calibration_error), f"{each.abstained:.1%}", *speed)
    return table


def languages(found: Sequence[Evaluation], known: Sequence[frozenset[str]]) -> Table:
    """Precision, recall and F1 of each language, the first model's worst first; a dash where a model lacks it."""
    columns = (f"{each.model}\n{name}" for each in found for name in ("P", "R", "F1"))
    table = plain_table("language", "texts", *columns)
    scores, ranks = [each.f1() for each in found], [each.precision_recall() for each in found]
    for name in sorted(found[0].gold, key=lambda name: (scores[0][name], name)):
        cells = []
        for f1, rank, labels in zip(scores, ranks, known, strict=True):
            cells += [_share(value if name in labels else None) for value in (*rank[name], f1[name])]
        table.add_row(name, f"{found[0].gold[name]:,}", *cells)
    return table


def confusions(found: Sequence[Evaluation], most: int = 20) -> Table:
    """The pairs that the models confuse most, with each one's count."""
    table = plain_table("is", "was taken for", *(each.model for each in found), left=2)
    pairs = dict.fromkeys((gold, answer) for each in found for gold, answer, _ in each.confusions(most))
    ranked = sorted(pairs, key=lambda pair: -max(each.pairs[pair] for each in found))
    for gold, answer in ranked[:most]:
        table.add_row(gold, answer, *(f"{each.pairs[gold, answer]:,}" for each in found))
    return table


def tables(found: Sequence[Evaluation], known: Sequence[frozenset[str]]) -> list[Table]:
    """For the terminal: the summary, every language, the most frequent confusions. known: each model's languages."""
    return [summary(found, known), languages(found, known), confusions(found)]


def _text(x: float, y: float, content: str, **attributes: str | int) -> Markup:
    return tag("text", content, x=f"{x:g}", y=f"{y:g}", **attributes)


def _axis(x: float, rows: int) -> Markup:
    """Guide lines at F1 0, 0.5, 0.9 and 1."""
    parts = []
    for share in (0.0, 0.5, 0.9, 1.0):
        at = f"{x + _LABEL + share * _SCALE:g}"
        parts.append(tag("line", x1=at, x2=at, y1=_TOP - 4, y2=_TOP + rows * _ROW, stroke="#ddd"))
        parts.append(_text(float(at), _TOP - 8, f"{share:g}", text_anchor="middle", fill="#777"))
    return join(*parts)


def _dots(x: float, y: float, name: str, found: Sequence[Evaluation], scores: Sequence[dict[str, float]]) -> Markup:
    parts = [_text(x + _LABEL - 8, y + 4, name, text_anchor="end")]
    for number in reversed(range(len(found))):  # the first model on top
        if name not in scores[number]:
            continue
        at, says = (
            x + _LABEL + scores[number][name] * _SCALE,
            f"{name}, {found[number].model}: {scores[number][name]:.3f}",
        )
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(
            tag("circle", tag("title", says), cx=f"{at:.1f}", cy=f"{y:g}", r="4", fill=colour, fill_opacity="0.8")
        )
    return join(*parts)


def _legend(found: Sequence[Evaluation]) -> Markup:
    parts, x = [], 16
    for number, each in enumerate(found):
        says = f"{each.model}  macro-F1 {each.macro_f1:.3f}"
        parts.append(tag("circle", cx=x, cy=32, r="5", fill=_COLOURS[number % len(_COLOURS)]))
        parts.append(_text(x + 10, 36, says, font_size=13))
        x += 34 + 8 * len(says)
    return join(*parts)


def plot(found: Sequence[Evaluation], known: Sequence[frozenset[str]]) -> str:
    """A dot a model and language at its F1, the first model's worst language first; self-contained SVG."""
    scores = [
        {name: share for name, share in each.f1().items() if name in labels}
        for each, labels in zip(found, known, strict=True)
    ]
    names = sorted(found[0].gold, key=lambda name: (scores[0].get(name, 0.0), name))
    columns = max(1, -(-len(names) // _ROWS_A_COLUMN))
    rows = -(-len(names) // columns)
    drawn = [_axis(column * _COLUMN, rows) for column in range(columns)]
    for place, name in enumerate(names):
        drawn.append(_dots(place // rows * _COLUMN, _TOP + (place % rows + 0.5) * _ROW, name, found, scores))
    head = _text(12, 16, f"F1 by language, {found[0].pairs.total():,} held-out texts", font_size=14, font_weight="bold")
    width, height = max(columns * _COLUMN, 640), _TOP + rows * _ROW + 12
    size: dict[str, str | int] = {"width": width, "height": height, "viewBox": f"0 0 {width} {height}"}
    style: dict[str, str | int] = {"font_family": "sans-serif", "font_size": 10, "style": "background:#fff"}
    return str(tag("svg", head, _legend(found), *drawn, **size, **style, xmlns="http://www.w3.org/2000/svg")) + "\n"
