"""The report of a run: one plain object, `Report`, and the self-contained page and terminal table made from it."""

from curate.report.data import (
    Cluster,
    Cutoff,
    Funnel,
    Histogram,
    Member,
    Report,
    Run,
    Sample,
    Site,
    Stage,
)
from curate.report.offending import offending
from curate.report.page import render

__all__ = [
    "Cluster",
    "Cutoff",
    "Funnel",
    "Histogram",
    "Member",
    "Report",
    "Run",
    "Sample",
    "Site",
    "Stage",
    "offending",
    "render",
]
