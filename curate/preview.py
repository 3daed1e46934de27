"""What cutoffs would do to a measured run: from its stored summary and a few texts, without another pass over it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate import calibrate
from curate.lookup import rows as documents_of
from curate.plan import Opened
from curate.report import offending
from curate.report.offending import Span
from thresholds.preview import Neighbour, nearest
from thresholds.rule import Rule
from thresholds.summary import Summary

SEARCHED = 20_000  # characters of a text in which the offending part is looked for
BEFORE, SHOWN = 60, 300  # characters before the first mark, and in all
LINES = 8  # of a snippet


@dataclass(frozen=True, slots=True)
class Example:
    """A document on one side of a cutoff; `marks` are ranges of `text`, a part of the whole."""

    removed: bool
    value: float
    address: str  # url, else id
    text: str
    marks: tuple[Span, ...]


def summaries(run: Opened, start: calibrate.Start) -> calibrate.StoredSummaries:
    """The run's documents, one a duplicate cluster, without a language cut; made now if no summary is stored yet."""
    return calibrate.reference(start, [run])


def examples(run: Opened, summary: Summary, rules: Iterable[Rule], count: int) -> Mapping[Rule, list[Example]]:
    """Of each rule, up to `count` documents just on either side of its cutoff, those removed first."""
    near = {rule: nearest(summary, rule, count) for rule in rules}
    documents = documents_of(run.folder, (each.key for sides in near.values() for side in sides for each in side))
    return {
        rule: [
            _example(rule, each, documents[each.key], removed=removed)
            for removed, side in ((True, sides[0]), (False, sides[1]))
            for each in side
        ]
        for rule, sides in near.items()
    }


def _example(rule: Rule, near: Neighbour, document: dict[str, Any], *, removed: bool) -> Example:
    text = (document["text"] or "")[:SEARCHED]
    shown, marks = snippet(text, offending(text, rule.metric))
    return Example(removed, near.value, document["url"] or document["id"] or "", shown, marks)


def snippet(text: str, spans: Sequence[Span]) -> tuple[str, tuple[Span, ...]]:
    """The part of the text where the first span is, and the spans in it: a few lines, cut between words if it can be."""
    start = _word_start(text, spans[0][0] - BEFORE) if spans and spans[0][0] > SHOWN - BEFORE else 0
    part = "\n".join(text[start : start + SHOWN].split("\n")[:LINES])
    if not text[start + len(part) : start + len(part) + 1].isspace() and start + len(part) < len(text):
        part = re.sub(r"\s\S{0,30}$", "", part)
    part = part.rstrip()
    end = start + len(part)
    head, tail = "… " if start else "", " …" if text[end:].strip() else ""
    shift = len(head) - start
    marks = tuple((max(a, start) + shift, min(b, end) + shift) for a, b in spans if a < end and b > start)
    return head + part + tail, marks


def _word_start(text: str, near: int) -> int:
    """Where the next word begins, unless that is far off, as where words have no spaces between them."""
    gap = re.compile(r"\S{0,30}\s+").match(text, near)
    return gap.end() if gap else near
