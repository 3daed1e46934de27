"""What one measuring task is given, and what it counts."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from curate.benchmarks import Benchmarks
from curate.forgotten import Forgotten
from curate.pdf.documents import PageAccount, PageSettings
from curate.recipe import Recipe
from curate.sources.record import Split
from filters.url import Blocklist


@dataclass(frozen=True, slots=True)
class Unit:
    """What one task reads: one split, or several small files together."""

    index: int
    splits: tuple[Split, ...]

    @property
    def bytes(self) -> int:
        return sum(split.bytes for split in self.splits)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that measuring depends on; its hash is the measure fingerprint."""

    recipe: Recipe
    stopwords: dict[str, tuple[str, ...]]
    flagged_words: dict[str, tuple[str, ...]]
    blocklist: Blocklist  # loaded on the driver: an executor need not see its files
    benchmarks: Benchmarks | None = None
    # Not in the fingerprint: what is forgotten is blanked in what was measured before
    forgotten: Forgotten = field(default_factory=Forgotten)
    cuts: dict[str, float] = field(default_factory=dict)  # of language.cuts: the score below which a text is und
    affinity_words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pages: PageSettings = field(default_factory=PageSettings)  # how the pages of PDFs are judged


@dataclass
class Tally:
    """Counts of one task, for its commit record."""

    rows: int = 0
    parts: int = 0  # of these, beside the record that they were split off
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    pages: PageAccount = field(default_factory=PageAccount)
    lines_removed: Counter[str] = field(default_factory=Counter)  # by line rule
    contaminated: int = 0  # documents
    benchmark_documents: Counter[int] = field(default_factory=Counter)  # that hold a benchmark's record
    benchmark_ngrams: Counter[int] = field(default_factory=Counter)  # of it, in all of them
    text_bytes: int = 0
    cpu_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def contamination(self) -> dict[str, Any]:
        records = {str(n): [self.benchmark_documents[n], count] for n, count in sorted(self.benchmark_ngrams.items())}
        return {"documents": self.contaminated, "records": records}

    @contextmanager
    def cpu(self, phase: str) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            self.cpu_seconds[phase] += time.process_time() - start
