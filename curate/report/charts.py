"""The charts: stacked bars in plain CSS, histograms in inline SVG. Complete without a script."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import isfinite, log1p

from curate.report.data import Funnel, Histogram, Report
from curate.report.markup import Markup, join, shorten, tag
from curate.report.words import GROUPS, group, language, number, share

TOP_LANGUAGES = 25
MORE_LANGUAGES = 475
LABEL_SHOWN = 24  # characters: a label is 8, but a hostile one is not

_TITLES = {"kept": "Kept", **{g.name: g.title for g in GROUPS}, "failed": "Could not be read"}

WIDTH, HEIGHT = 320, 150  # of a histogram's drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 8, 312, 30, 126


def groups(dropped: Mapping[str, int]) -> Counter[str]:
    """Documents per group of reasons."""
    totals: Counter[str] = Counter()
    for reason, count in dropped.items():
        totals[group(reason)] += count
    return totals


def who(label: str) -> Markup:
    """A language as its label and, where known, its name."""
    return join(
        tag("bdi", shorten(label, LABEL_SHOWN), class_="label"), " ", tag("span", language(label), class_="name")
    )


# Stacked bars


def _parts(kept: int, dropped: Mapping[str, int], failed: int = 0) -> list[tuple[str, int]]:
    totals = groups(dropped)
    return [("kept", kept), *((g.name, totals[g.name]) for g in GROUPS), ("failed", failed)]


def _bar(parts: list[tuple[str, int]], whole: int, largest: int) -> Markup:
    """`flex-grow` makes the segments; `--size` is the bar's length when counts are compared."""
    words = [(name, count, f"{_TITLES[name]}: {count:,} ({share(count, whole)})") for name, count in parts if count > 0]
    segments = [tag("i", class_=name, title=title, style=f"flex-grow:{count}") for name, count, title in words]
    size = 100 * whole / largest if largest else 0
    reading = "; ".join(title for _, _, title in words)
    return tag("div", *segments, class_="bar", role="img", aria_label=reading, style=f"--size:{size:.3f}%")


def _row(name: Markup, parts: list[tuple[str, int]], whole: int, largest: int, kind: str = "") -> Markup:
    return tag(
        "div",
        tag("div", name, class_="who"),
        tag("div", share(parts[0][1], whole), class_="percent"),
        tag("div", _bar(parts, whole, largest), class_="track"),
        tag("div", f"{whole:,}", class_="n"),
        class_=f"row {kind}".strip(),
    )


def _language_row(funnel: Funnel, largest: int) -> Markup:
    return _row(who(funnel.label), _parts(funnel.kept, funnel.dropped), funnel.documents, largest)


def _before_row(funnel: Funnel, largest: int) -> Markup:
    name = tag("span", "No language identified", class_="name")
    return _row(name, _parts(funnel.kept, funnel.dropped), funnel.documents, largest, "before")


def _total_row(report: Report) -> Markup:
    total = report.total
    parts = _parts(total.kept, all_dropped(report), total.failed)
    return _row(tag("span", "All records"), parts, total.records_in, total.records_in, "all")


def all_dropped(report: Report) -> Counter[str]:
    """Documents per reason over all languages, most first."""
    totals: Counter[str] = Counter()
    for funnel in report.funnel:
        totals.update(funnel.dropped)
    return Counter(dict(totals.most_common()))


def _legend(report: Report) -> Markup:
    total = report.total
    parts = [(name, count) for name, count in _parts(total.kept, all_dropped(report), total.failed) if count]
    items = (
        tag(
            "li", tag("i", class_=name), _TITLES[name], " ", tag("span", share(count, total.records_in), class_="quiet")
        )
        for name, count in parts
    )
    return tag("ul", *items, class_="legend")


def _switch() -> Markup:
    def choice(name: str, title: str, checked: bool) -> Markup:
        button = tag("input", type="radio", name="scale", id=f"scale-{name}", checked=checked)
        return join(button, tag("label", title, for_=f"scale-{name}"))

    choices = choice("share", "Share", True), choice("count", "Count", False)
    return tag("div", *choices, class_="switch", role="radiogroup", aria_label="Length of the bars")


def funnel_chart(report: Report) -> Markup:
    """A bar a language, most kept first; the radio buttons lengthen the bars by count (CSS alone)."""
    languages, before = report.languages, report.before_language
    largest = max((f.documents for f in report.funnel), default=0)
    top, more = languages[:TOP_LANGUAGES], languages[TOP_LANGUAGES:]
    shown = [_language_row(f, largest) for f in more[:MORE_LANGUAGES]]
    cut = f", the {len(shown):,} with most kept of them below" if len(more) > len(shown) else ""
    heads = [
        tag("div", text, class_=name)
        for text, name in (("Language", ""), ("Kept", "percent"), ("", ""), ("Documents in", "n"))
    ]
    return tag(
        "div",
        tag("div", _legend(report), _switch(), class_="controls"),
        tag("div", *heads, class_="row heads"),
        _total_row(report),
        *(_language_row(f, largest) for f in top),
        tag("details", tag("summary", f"and {len(more):,} more languages{cut}"), *shown) if more else None,
        _before_row(before, largest) if before else None,
        class_="chart",
    )


def reason_bars(reasons: Iterable[tuple[str, str, int, str]], whole: int) -> Markup:
    """Rows of (reason, CSS class, count, meaning): one bar each, the longest full."""
    rows = list(reasons)
    largest = max((count for _, _, count, _ in rows), default=0)
    return tag(
        "div",
        *(
            tag(
                "div",
                tag(
                    "div",
                    tag("bdi", shorten(reason, 60), class_="label"),
                    tag("span", meaning, class_="name"),
                    class_="who",
                ),
                tag(
                    "div",
                    tag("div", tag("i", class_=name), class_="bar", style=f"width:{100 * count / largest:.3f}%"),
                    class_="track",
                ),
                tag("div", f"{count:,}", class_="n"),
                tag("div", share(count, whole), class_="percent"),
                class_="row",
            )
            for reason, name, count, meaning in rows
            if count > 0
        ),
        class_="chart reasons",
    )


# Histograms. Bins are drawn equally wide, whatever their edges; a value lies at its bin plus the part of it.


def _position(value: float, edges: list[float]) -> float:
    if value <= edges[0]:
        return 0.0
    if value >= edges[-1]:
        return float(len(edges) - 1)
    i = bisect_right(edges, value) - 1
    return i + (value - edges[i]) / (edges[i + 1] - edges[i])


def _is_removed(position: float, cutoffs: list[tuple[str, float]]) -> bool:
    return any(position < at if operator.startswith("<") else position > at for operator, at in cutoffs)


def _bars(heights: list[float], cutoffs: list[tuple[str, float]], removed: bool) -> str:
    """SVG path of the bars on one side of the cutoffs; a bar that a cutoff crosses is split there."""
    unit = (RIGHT - LEFT) / len(heights)
    path = []
    for i, height in enumerate(heights):
        inside = sorted(at for _, at in cutoffs if i < at < i + 1)
        for start, end in pairwise([float(i), *inside, i + 1.0]):
            if height and _is_removed((start + end) / 2, cutoffs) is removed:
                x, width, tall = LEFT + start * unit, (end - start) * unit, height * (BOTTOM - TOP)
                path.append(f"M{x:.2f} {BOTTOM}v-{tall:.2f}h{width:.2f}v{tall:.2f}z")
    return "".join(path)


def _cutoff_line(operator: str, cutoff: float, position: float, bins: int, level: int) -> Markup:
    x = LEFT + (RIGHT - LEFT) * position / bins
    y = TOP - 8 - 12 * level
    flip = x > WIDTH / 2
    label = tag(
        "text",
        f"{operator} {number(cutoff)}",
        x=f"{x - 4 if flip else x + 4:.1f}",
        y=y + 3,
        text_anchor="end" if flip else "start",
    )
    return tag("g", tag("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=y - 6, y2=BOTTOM), label, class_="cutoff")


def _value(position: float, edges: list[float]) -> float:
    i = min(int(position), len(edges) - 2)
    return edges[i] + (position - i) * (edges[i + 1] - edges[i])


def _ticks(edges: list[float]) -> Markup:
    """Five values along the axis."""
    anchors = ("start", "middle", "middle", "middle", "end")
    values = (_value((len(edges) - 1) * part / 4, edges) for part in range(5))
    return join(
        *(
            tag(
                "text",
                f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}",
                x=LEFT + (RIGHT - LEFT) * part // 4,
                y=BOTTOM + 16,
                text_anchor=anchors[part],
            )
            for part, value in enumerate(values)
        )
    )


def is_drawable(histogram: Histogram) -> bool:
    """Finite ascending edges, one more than counts, and something counted."""
    edges, counts = histogram.edges, histogram.counts
    fits = len(edges) == len(counts) + 1 and any(counts)
    return fits and all(map(isfinite, edges)) and all(a < b for a, b in pairwise(edges))


def histogram_svg(histogram: Histogram) -> Markup:
    """One drawing: kept bins in the accent colour, removed ones muted, each cutoff a labelled line."""
    edges = [float(edge) for edge in histogram.edges]
    scaled = [log1p(count) if histogram.log_counts else float(count) for count in histogram.counts]
    heights = [value / max(scaled) for value in scaled]
    placed = [(operator, cutoff, _position(cutoff, edges)) for operator, cutoff in histogram.cutoffs]
    sides = [(operator, position) for operator, _, position in placed]
    return tag(
        "svg",
        tag("path", class_="stay", d=_bars(heights, sides, False)),
        tag("path", class_="gone", d=_bars(heights, sides, True)),
        tag("line", class_="axis", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM),
        *(_cutoff_line(*rule, len(heights), level) for level, rule in enumerate(placed[:2])),
        _ticks(edges),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"Histogram of {histogram.metric}, {histogram.label}",
    )
