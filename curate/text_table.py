"""The funnel in a terminal: a row a language, as wide as the terminal but at most 100 columns."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.report.data import Funnel, Report
from curate.report.markup import shorten, visible
from curate.report.words import language, share

WIDTH = 100  # columns
TOP_LANGUAGES = 20
_LANGUAGE, _COUNT, _SHARE = 22, 9, 6  # columns without the blank after each


def print_funnel(report: Report, console: Console) -> None:
    console.print(funnel_table(report, width=min(console.width, WIDTH)))
    console.print(_equation(report))
    if report.total.unaccounted:
        console.print(Text(f"{report.total.unaccounted:,} records are not accounted for", style="bold red"))


def funnel_table(report: Report, *, width: int = WIDTH) -> Table:
    """The languages with most kept, the rest as one row, and the total; as many reasons as fit, the others as one."""
    totals = _sum(report.funnel, "all")
    room = width - (_LANGUAGE + 1) - 2 * (_COUNT + 1) - (_SHARE + 1)
    fitting = max(room // (_COUNT + 1) - 1, 0)
    reasons = sorted(totals.dropped, key=lambda reason: -totals.dropped[reason])[:fitting]
    table = _empty_table([*reasons, "other"])
    for funnel in _rows(report):
        table.add_row(*_cells(funnel, reasons))
    table.add_section()
    table.add_row(*_cells(totals, reasons), style="bold")
    return table


def _empty_table(reasons: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("language", no_wrap=True, max_width=_LANGUAGE)
    for name in ("in", "kept", "%"):
        table.add_column(name, justify="right", no_wrap=True)
    for reason in reasons:
        # words, so that the heading wraps between them
        heading = Text(_plain(reason.replace("_", " "), 40))
        table.add_column(heading, justify="right", max_width=_COUNT, overflow="ellipsis")
    return table


def _rows(report: Report) -> list[Funnel]:
    languages, before = report.languages, report.before_language
    top, rest = languages[:TOP_LANGUAGES], languages[TOP_LANGUAGES:]
    more = [_sum(rest, f"{len(rest):,} more")] if rest else []
    return [*top, *more, *filter(None, [before])]


def _sum(funnels: Sequence[Funnel], label: str) -> Funnel:
    dropped: dict[str, int] = {}
    for funnel in funnels:
        for reason, count in funnel.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return Funnel(
        label=label,
        documents=sum(f.documents for f in funnels),
        dropped=dropped,
        kept=sum(f.kept for f in funnels),
        kept_bytes=sum(f.kept_bytes for f in funnels),
    )


def _cells(funnel: Funnel, reasons: Sequence[str]) -> list[Text]:
    """Text, not strings: rich would read markup in a string, and a label or reason may come from the crawl."""
    other = sum(count for reason, count in funnel.dropped.items() if reason not in reasons)
    counts = [*(funnel.dropped.get(reason, 0) for reason in reasons), other]
    return [
        Text.assemble(_plain(funnel.label, 16), (f" {language(funnel.label)}", "dim")),
        Text(_compact(funnel.documents)),
        Text(_compact(funnel.kept), style="green"),
        Text(share(funnel.kept, funnel.documents)),
        *(Text(_compact(count) if count else "–") for count in counts),
    ]


def _plain(text: str, limit: int) -> str:
    """One line without control characters: an escape sequence from the crawl must not reach the terminal."""
    return shorten(visible(" ".join(text.split())), limit)


def _compact(count: int) -> str:
    """At most nine columns, so that the table fits: 12,345,678 as 12.3M."""
    if count < 10_000_000:
        return f"{count:,}"
    return f"{count / 1e6:,.1f}M" if count < 1e9 else f"{count / 1e9:,.1f}B"


def _equation(report: Report) -> Text:
    total = report.total
    reasons = ", ".join(f"{_plain(reason, 40)} {count:,}" for reason, count in report.failed.items())
    failed = f"{total.failed:,} failed" + (f" ({shorten(reasons, 200)})" if reasons else "")
    return Text(f"\n{total.records_in:,} in = {total.kept:,} kept + {total.dropped:,} dropped + {failed}")
