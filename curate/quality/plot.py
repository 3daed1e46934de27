"""The calibration curve as SVG."""

from html import escape

from curate.quality.evaluate import Judged, reliability

_SIZE, _EDGE = 320, 44  # pixels of the square, and around it


def calibration(judged: Judged) -> str:
    """Observed share of good texts against the predicted P(good), each language in grey, all together in blue."""
    curves = [judged.where(judged.label == name) for name in judged.languages]
    parts = [_line(each, "#bbb", 1, name) for each, name in zip(curves, judged.languages, strict=True)]
    parts.append(_line(judged, "#1f6fb4", 2.5, "all"))
    whole = _SIZE + 2 * _EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" font-family="sans-serif" font-size="11">'
        f'<rect width="{whole}" height="{whole}" fill="#fff"/>'
        f'<rect x="{_EDGE}" y="{_EDGE}" width="{_SIZE}" height="{_SIZE}" fill="none" stroke="#888"/>'
        f'<line x1="{_EDGE}" y1="{_EDGE + _SIZE}" x2="{_EDGE + _SIZE}" y2="{_EDGE}" stroke="#ddd" stroke-dasharray="4"/>'
        f"{''.join(parts)}{_ticks()}</svg>\n"
    )


def _place(predicted: float, observed: float) -> str:
    return f"{_EDGE + _SIZE * predicted:.1f},{_EDGE + _SIZE * (1 - observed):.1f}"


def _line(judged: Judged, colour: str, width: float, name: str) -> str:
    bins = reliability(judged)
    points = " ".join(_place(each.predicted, each.observed) for each in bins)
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="{1.5 * width}" fill="{colour}"><title>{escape(name)}: {each.texts:,} texts</title></circle>'
        for each in bins
        for x, y in [_place(each.predicted, each.observed).split(",")]
    )
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>{dots}'


def _ticks() -> str:
    marks = []
    for tenth in range(0, 11, 2):
        at = _SIZE * tenth / 10
        marks.append(f'<text x="{_EDGE + at}" y="{_EDGE + _SIZE + 16}" text-anchor="middle">{tenth / 10:g}</text>')
        marks.append(f'<text x="{_EDGE - 6}" y="{_EDGE + _SIZE - at + 4}" text-anchor="end">{tenth / 10:g}</text>')
    middle = _EDGE + _SIZE / 2
    marks.append(f'<text x="{middle}" y="{_EDGE + _SIZE + 34}" text-anchor="middle">predicted P(good)</text>')
    marks.append(
        f'<text transform="translate(14,{middle}) rotate(-90)" text-anchor="middle">observed share of good</text>'
    )
    return "".join(marks)
