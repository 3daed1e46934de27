"""Two cutoff tables beside each other: each language's rules slot by slot, and a summary over languages."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from thresholds.rule import Rule
from thresholds.table import ANY_LANGUAGE, CutoffTable, slots_of

Slot = tuple[str, str, int]  # metric, operator, n-th use of that pair


@dataclass(frozen=True, slots=True)
class Pair:
    """A language's rule in both tables; None where a table has none for the slot."""

    slot: Slot
    a: Rule | None
    b: Rule | None

    @property
    def difference(self) -> float | None:
        """B's cutoff less A's."""
        return self.b.cutoff - self.a.cutoff if self.a and self.b else None

    @property
    def within(self) -> bool | None:
        """Whether B's cutoff lies within A's interval; None where there is no interval or no pair."""
        interval = self.a.provenance.interval if self.a else None
        return interval[0] <= self.b.cutoff <= interval[1] if interval and self.b else None


@dataclass(frozen=True, slots=True)
class LanguagePair:
    """One language in both tables. `default_a`, `default_b`: the table has no entry of its own, `*` speaks for it."""

    label: str
    pairs: tuple[Pair, ...]
    default_a: bool = False
    default_b: bool = False

    @property
    def changed(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.difference != 0]


@dataclass(frozen=True)
class Comparison:
    """Languages that both tables have rules for, and those that only one has."""

    languages: tuple[LanguagePair, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotChange:
    """One slot over all languages."""

    slot: Slot
    both: int  # languages with the rule in both tables
    changed: int
    median: float | None  # difference, of the changed ones
    within: int  # changed languages whose cutoff in B lies within A's interval
    judged: int  # changed languages that have an interval
    only_a: int
    only_b: int


def compare(a: CutoffTable, b: CutoffTable, languages: Iterable[str] = ()) -> Comparison:
    """Every language of either table, or `languages` alone; one without an entry is what `*` says, if anything."""
    labels = list(languages) or sorted(set(a.languages) | set(b.languages))
    only_a = tuple(label for label in labels if a.of(label).rules and not _has(b, label))
    only_b = tuple(label for label in labels if b.of(label).rules and not _has(a, label))
    both = (label for label in labels if label not in only_a + only_b and (_has(a, label) or _has(b, label)))
    return Comparison(tuple(_language(a, b, label) for label in both), only_a, only_b)


def _has(table: CutoffTable, label: str) -> bool:
    return label in table.languages or ANY_LANGUAGE in table.languages


def _language(a: CutoffTable, b: CutoffTable, label: str) -> LanguagePair:
    left, right = (dict(zip(slots_of(rules), rules, strict=True)) for rules in (a.of(label).rules, b.of(label).rules))
    pairs = tuple(Pair(slot, left.get(slot), right.get(slot)) for slot in dict.fromkeys([*left, *right]))
    return LanguagePair(label, pairs, label not in a.languages, label not in b.languages)


def by_slot(languages: Iterable[LanguagePair]) -> list[SlotChange]:
    """One row a slot, the one that changed in most languages first."""
    pairs = sorted((pair for language in languages for pair in language.pairs), key=lambda pair: pair.slot)
    rows = [_slot(slot, list(group)) for slot, group in groupby(pairs, key=lambda pair: pair.slot)]
    return sorted(rows, key=lambda row: -(row.changed + row.only_a + row.only_b))


def _slot(slot: Slot, pairs: list[Pair]) -> SlotChange:
    changed = [pair for pair in pairs if pair.difference]
    differences = [pair.difference for pair in changed if pair.difference is not None]
    return SlotChange(
        slot,
        both=sum(pair.difference is not None for pair in pairs),
        changed=len(changed),
        median=median(differences) if differences else None,
        within=sum(pair.within is True for pair in changed),
        judged=sum(pair.within is not None for pair in changed),
        only_a=sum(pair.b is None for pair in pairs),
        only_b=sum(pair.a is None for pair in pairs),
    )
