"""The report as one self-contained HTML page: no request leaves it, and it runs no script but its own."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from curate.report import sections
from curate.report.charts import funnel_chart
from curate.report.data import Report
from curate.report.markup import Markup, join, shorten, tag
from curate.report.words import duration, moment, share, size

_SECTIONS = (
    sections.reasons,
    sections.funnel_table,
    sections.stages,
    sections.histograms,
    sections.samples,
    sections.sites,
    sections.clusters,
    sections.cutoffs,
    sections.recipe,
)


def render(report: Report) -> str:
    """The whole page, UTF-8 encodable whatever the crawl held. Everything from `report` is escaped."""
    body = [made for make in _SECTIONS if (made := make(report))]
    page = tag("main", _header(report), funnel_chart(report), *body)
    return "<!doctype html>\n" + tag("html", _head(report), tag("body", page, _script()), lang="en")


@cache
def _resource(name: str) -> str:
    return files("curate.report").joinpath(name).read_text(encoding="utf-8")


def _script() -> Markup:
    return Markup(f"<script>{_resource('report.js')}</script>")


def _policy() -> str:
    digest = b64encode(sha256(_resource("report.js").encode()).digest()).decode()
    allowed = f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _head(report: Report) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy()),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{shorten(report.run.name, 80)} – curation report"),
        Markup(f"<style>{_resource('report.css')}</style>"),
    )


def _header(report: Report) -> Markup:
    run = report.run
    facts = [
        moment(run.created),
        f"took {duration(run.duration_seconds)}",
        f"{run.files:,} files, {size(run.bytes)}",
        f"{len(report.languages):,} languages",
        f"{size(sum(f.kept_bytes for f in report.funnel))} of text kept",
    ]
    title = tag("h1", tag("bdi", shorten(run.name, 120)))
    return tag(
        "header",
        title,
        tag("ul", *(tag("li", fact) for fact in facts), class_="facts"),
        _equation(report),
        class_="top",
    )


def _equation(report: Report) -> Markup:
    """in = kept + dropped + failed, and an alarm where it is not so."""
    total = report.total

    def term(sign: str, count: int, word: str, name: str = "") -> Markup:
        percent = tag("span", share(count, total.records_in), class_="quiet") if sign else None
        value = tag("span", tag("b", f"{count:,}"), tag("small", word, " ", percent), class_=f"term {name}".strip())
        return tag("span", tag("span", sign, class_="sign") if sign else None, value, class_="side")

    line = tag(
        "p",
        term("", total.records_in, "records in"),
        term("=", total.kept, "kept", "kept"),
        term("+", total.dropped, "dropped"),
        term("+", total.failed, "failed"),
        class_="equation",
    )
    alarm = f"This does not add up: {total.unaccounted:,} records are not accounted for."
    return join(line, tag("p", alarm, class_="alert", role="alert") if total.unaccounted else None)
