"""What a report shows, as plain data: `json.dumps(dataclasses.asdict(report))` works, and nothing here is HTML.

Every string may come from the crawl and is hostile until it is escaped; the renderers do that. Lists may be longer than
a page can show; the renderers cap them and say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

BEFORE_LANGUAGE = "und_Zzzz"  # the label of what was dropped before its language was known


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage's accounting; the page says so where `records_in` is not kept + dropped + failed."""

    name: str
    records_in: int
    kept: int
    dropped: int
    failed: int

    @property
    def unaccounted(self) -> int:
        return self.records_in - self.kept - self.dropped - self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    name: str
    created: str  # ISO 8601
    duration_seconds: float
    recipe: str  # the resolved recipe, TOML
    versions: Mapping[str, str]  # package -> version
    files: int
    bytes: int  # on disk, as read
    records: int  # read or failed to be read: what the equation must add up to
    stages: Sequence[Stage] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """One language. Each dropped document counts once, under the first of its reasons."""

    label: str  # hin_Deva; BEFORE_LANGUAGE for what was dropped before
    documents: int
    dropped: Mapping[str, int]  # reason -> documents, in recipe order
    kept: int
    kept_bytes: int  # UTF-8 bytes of text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """A rule in force: a document of this language is dropped where `metric operator cutoff` holds."""

    label: str
    metric: str
    operator: str  # <, <=, >, >=
    cutoff: float
    provenance: str  # method, reference, sample size, fallback: one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    metric: str
    label: str
    edges: Sequence[float]  # ascending, one more than counts; need not be evenly spaced
    counts: Sequence[int]  # documents
    cutoffs: Sequence[tuple[str, float]] = ()  # (operator, cutoff), read as in Cutoff
    removed: float = 0.0  # share (0..1) of the documents that the cutoffs remove
    log_counts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One dropped document. `value operator cutoff` is why, where the reason is a rule."""

    reason: str
    label: str
    url: str | None
    text: str  # the first 500 characters
    mark: Sequence[tuple[int, int]] = ()  # half-open code-point ranges of text, as `offending` returns them
    value: float | None = None
    operator: str | None = None
    cutoff: float | None = None
    explanation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    host: str
    documents: int
    kept: int
    languages: Mapping[str, float]  # label -> share (0..1) of the host's documents, largest first
    reasons: Mapping[str, int]  # reason -> documents, largest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    url: str
    reason: str  # why this copy went, empty where it was kept
    text: str  # the first 200 characters
    bytes: int | None = None  # UTF-8, of the whole text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """An example of near-duplicates; `members` may be a part of the `size` documents."""

    size: int
    keeper_url: str  # empty where no copy passed
    members: Sequence[Member]
    why: str = ""  # this copy was kept, or none


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    run: Run
    funnel: Sequence[Funnel]
    failed: Mapping[str, int] = field(default_factory=dict)  # reason -> records that could not be read
    histograms: Sequence[Histogram] = ()
    samples: Sequence[Sample] = ()
    sites: Sequence[Site] = ()
    sites_total: int | None = None  # how many hosts there are, where `sites` holds the largest only
    clusters: Sequence[Cluster] = ()
    clusters_total: int | None = None
    cutoffs: Sequence[Cutoff] = ()

    @property
    def total(self) -> Stage:
        """The whole run as one equation, summed from the funnel rather than taken from `run`."""
        return Stage(
            name="run",
            records_in=self.run.records,
            kept=sum(f.kept for f in self.funnel),
            dropped=sum(sum(f.dropped.values()) for f in self.funnel),
            failed=sum(self.failed.values()),
        )

    @property
    def languages(self) -> list[Funnel]:
        """The funnel of the known languages, most kept documents first."""
        known = (f for f in self.funnel if f.label != BEFORE_LANGUAGE)
        return sorted(known, key=lambda f: (-f.kept, -f.documents, f.label))

    @property
    def before_language(self) -> Funnel | None:
        return next((f for f in self.funnel if f.label == BEFORE_LANGUAGE), None)
