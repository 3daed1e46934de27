"""What the answers say: precision of what is kept and of each rule, by language and site, and how far people agree."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from curate import decide
from curate.audit.answers import Answer, Filled
from curate.audit.estimate import Agreement, Part, Share, agreement, combined

# Dropped for their language alone: right where the text is in the language it was taken for, which nobody wanted
OF_LANGUAGE = ("screened", decide.UNWANTED)

Value = Callable[[Answer], float]


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of a language (None: of all). `precision`: worth training on as text of the language."""

    language: str | None
    documents: int
    precision: Share
    in_language: Share
    good: Share
    pii: Share
    unsafe: Share


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule dropped (None: all rules) of a language (None: of all). `precision`: deserved it."""

    rule: str | None
    language: str | None
    documents: int
    precision: Share


@dataclass(frozen=True, slots=True)
class Site:
    """What was kept of a site in a language."""

    language: str
    site: str
    precision: Share


@dataclass(frozen=True, slots=True)
class Agreed:
    """How far the annotators of a language agree on a question."""

    language: str
    question: str
    agreement: Agreement


@dataclass(frozen=True)
class Figures:
    """All of it. `documents` of a figure are those of the strata with an answer."""

    sampled: int
    judged: int
    kept: list[Kept]
    rules: list[Rule]
    sites: list[Site]
    agreement: list[Agreed]

    def as_data(self) -> dict[str, Any]:
        """For JSON and TOML: no nulls."""
        return _without_none(asdict(self))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A document with the answers of those who judged it."""

    id: str
    site: str | None
    weight: float
    answers: dict[str, Answer]

    def mean(self, value: Value) -> float:
        return math.fsum(map(value, self.answers.values())) / len(self.answers)


@dataclass(frozen=True)
class _Stratum:
    language: str
    rule: str | None
    documents: int
    judged: list[_Judged]

    def deserved(self, answer: Answer) -> bool:
        return answer.in_language != "no" if self.rule in OF_LANGUAGE else not answer.worth

    def part(self, value: Value) -> Part:
        return Part.of(self.documents, [(item.weight, item.mean(value)) for item in self.judged])


def figures(key: Mapping[str, Any], sheets: Sequence[Filled]) -> Figures:
    """From the key and the sheets: where several people judged a document, it counts as the mean of their answers."""
    strata = _strata(key, sheets)
    judged = [stratum for stratum in strata if stratum.judged]
    return Figures(
        sampled=len(key["items"]),
        judged=sum(len(stratum.judged) for stratum in judged),
        kept=_kept([stratum for stratum in judged if stratum.rule is None]),
        rules=_rules([stratum for stratum in judged if stratum.rule is not None]),
        sites=_sites(judged),
        agreement=list(_agreement(judged)),
    )


def _strata(key: Mapping[str, Any], sheets: Sequence[Filled]) -> list[_Stratum]:
    strata = [_Stratum(each["language"], each["rule"], each["documents"], []) for each in key["strata"]]
    for id_, item in key["items"].items():
        given = {sheet.name: sheet.answers[id_] for sheet in sheets if id_ in sheet.answers}
        answers = {name: answer for name, answer in given.items() if answer.judged}
        if answers:
            strata[item["stratum"]].judged.append(_Judged(id_, item["site"], item["weight"], answers))
    return strata


def _by_language(strata: Iterable[_Stratum]) -> dict[str | None, list[_Stratum]]:
    """The strata of each language; where there are several, of all of them under None."""
    found: dict[str | None, list[_Stratum]] = defaultdict(list)
    for stratum in strata:
        found[stratum.language].append(stratum)
    return dict(found) if len(found) < 2 else {None: [s for own in found.values() for s in own], **found}


def _share(strata: Sequence[_Stratum], value: Value) -> Share:
    found = combined([stratum.part(value) for stratum in strata])
    assert found is not None  # every stratum here has documents and answers
    return found


def _documents(strata: Iterable[_Stratum]) -> int:
    return sum(stratum.documents for stratum in strata)


def _kept(strata: Sequence[_Stratum]) -> list[Kept]:
    return [
        Kept(
            language,
            _documents(own),
            _share(own, lambda answer: answer.worth),
            _share(own, lambda answer: answer.in_language == "yes"),
            _share(own, lambda answer: answer.quality == "good"),
            _share(own, lambda answer: answer.pii),
            _share(own, lambda answer: answer.unsafe),
        )
        for language, own in _by_language(strata).items()
    ]


def _rules(strata: Sequence[_Stratum]) -> list[Rule]:
    """Each rule in each language; and all rules of a language together."""
    names: list[str | None] = [None, *sorted({stratum.rule for stratum in strata if stratum.rule})]
    found = []
    for name in names:
        own = [stratum for stratum in strata if name in (None, stratum.rule)]
        for language, part in _by_language(own).items():
            precision = combined([stratum.part(stratum.deserved) for stratum in part])
            if precision:
                found.append(Rule(name, language, _documents(part), precision))
    return found


def _sites(strata: Iterable[_Stratum]) -> list[Site]:
    """Of each site what was kept of it; all its documents in a language were drawn alike."""
    items: dict[tuple[str, str], list[_Judged]] = defaultdict(list)
    for stratum in strata:
        for item in stratum.judged:
            if stratum.rule is None and item.site:
                items[stratum.language, item.site].append(item)
    found = []
    for (language, site), own in items.items():
        part = Part.of(len(own), [(1.0, item.mean(lambda answer: answer.worth)) for item in own])
        share = combined([part])
        assert share is not None
        found.append(Site(language, site, share))
    return sorted(found, key=lambda each: (each.language, -each.precision.judged, -each.precision.share, each.site))


def _agreement(strata: Sequence[_Stratum]) -> Iterable[Agreed]:
    questions: dict[str, Callable[[Answer], str | None]] = {
        "in_language": lambda answer: answer.in_language,
        "quality": lambda answer: answer.quality,
        "worth": lambda answer: "yes" if answer.worth else "no",
    }
    for language in sorted({stratum.language for stratum in strata}):
        items = [item for stratum in strata if stratum.language == language for item in stratum.judged]
        for question, value in questions.items():
            given = ({name: value(answer) for name, answer in item.answers.items()} for item in items)
            found = agreement({name: answer for name, answer in row.items() if answer} for row in given)
            if found:
                yield Agreed(language, question, found)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_none(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value
