"""The sections below the funnel. Each returns nothing where there is nothing to show, and says what it left out."""

from collections.abc import Mapping, Sequence

from curate.report.charts import all_dropped, histogram_svg, is_drawable, reason_bars, who
from curate.report.data import Cluster, Cutoff, Funnel, Histogram, Report, Sample, Site
from curate.report.markup import Child, Markup, join, link, marked, shorten, tag
from curate.report.words import MEANING, group, meaning, number, share, size

TABLE_ROWS = 1000
REASON_COLUMNS = 16
HISTOGRAMS_OPEN, HISTOGRAMS = 6, 30  # a metric
SAMPLES = 20  # a reason
SITES, CLUSTERS, MEMBERS = 200, 50, 20
SAMPLE_SHOWN, MEMBER_SHOWN = 500, 200  # characters


def section(name: str, title: str, *body: Child, note: Child = None) -> Markup:
    return tag("section", tag("h2", title), note and tag("p", note, class_="note"), *body, id=name)


def largest_of(shown: int, total: int, what: str) -> str:
    return f"The {shown:,} largest of {total:,} {what}." if shown < total else f"{total:,} {what}."


def cell(shown: Child, value: float | None = None, **attributes: str) -> Markup:
    """A number when `value` is given: right-aligned, sorted by it."""
    if value is None:
        return tag("td", shown, **attributes)
    return tag(
        "td", shown, class_="n", data_value=f"{value:.6g}" if isinstance(value, float) else str(value), **attributes
    )


def count(value: int) -> Markup:
    return cell(f"{value:,}" if value else "–", value)


def head(title: Child, *, numeric: bool = False, hue: str = "") -> Markup:
    return tag("th", title, class_=f"n {hue}".strip() if numeric else None, scope="col")


def table(heads: Sequence[Markup], rows: Sequence[Markup], *, sortable: bool = True) -> Markup:
    """The table scrolls in a container of its own."""
    body = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), class_="sortable" if sortable else None)
    return tag("div", body, class_="scroll", tabindex=0)


def _heads(text: str = "", numeric: str = "", after: str = "") -> list[Markup]:
    """Comma-separated titles: text columns, numbers, text columns."""
    return [
        *(head(title) for title in text.split(",")),
        *(head(title, numeric=True) for title in numeric.split(",")),
        *(head(title) for title in after.split(",") if after),
    ]


def _breakable(name: str) -> Markup:
    """A long snake_case name may wrap after an underscore."""
    return join(*(join(part, "_", Markup("<wbr>")) for part in name.split("_")[:-1]), name.split("_")[-1])


def reason_name(reason: str) -> Markup:
    return tag("bdi", tag("i", class_=f"dot {group(reason)}"), shorten(reason, 60), class_="label")


def stages(report: Report) -> Markup | None:
    def row(stage: str, records_in: int, kept: int, dropped: int, failed: int, unaccounted: int) -> Markup:
        verdict = "adds up" if not unaccounted else f"{unaccounted:,} unaccounted for"
        verdict_cell = tag("td", verdict, class_="alert" if unaccounted else "quiet")
        return tag("tr", tag("td", stage), *map(count, (records_in, kept, dropped, failed)), verdict_cell)

    rows = [row(s.name, s.records_in, s.kept, s.dropped, s.failed, s.unaccounted) for s in report.run.stages]
    heads = [*_heads("Stage", "in,= kept,+ dropped,+ failed"), head("")]
    return section("stages", "Stages", table(heads, rows, sortable=False)) if rows else None


def reasons(report: Report) -> Markup | None:
    dropped = all_dropped(report)
    rows = [(reason, group(reason), n, meaning(reason)) for reason, n in dropped.items()]
    rows += [(reason, "failed", n, "could not be read") for reason, n in report.failed.items()]
    if not rows:
        return None
    rows.sort(key=lambda row: -row[2])
    note = largest_of(min(len(rows), 60), len(rows), "reasons; a document counts once, under its first")
    return section("reasons", "Why documents went", reason_bars(rows[:60], report.run.records), note=note)


def funnel_table(report: Report) -> Markup | None:
    """A row a language with a column a reason, the most frequent reasons first."""
    columns = list(all_dropped(report))[:REASON_COLUMNS]
    languages = [*report.languages, *filter(None, [report.before_language])]
    shown = languages[:TABLE_ROWS]

    def row(funnel: Funnel) -> Markup:
        rest = sum(n for reason, n in funnel.dropped.items() if reason not in columns)
        return tag(
            "tr",
            tag("th", who(funnel.label), scope="row"),
            count(funnel.documents),
            tag("td", f"{funnel.kept:,}", class_="n strong", data_value=funnel.kept),
            cell(share(funnel.kept, funnel.documents), funnel.kept / funnel.documents if funnel.documents else 0.0),
            cell(size(funnel.kept_bytes), funnel.kept_bytes),
            *(count(funnel.dropped.get(reason, 0)) for reason in columns),
            count(rest),
        )

    if not languages:
        return None
    heads = _heads("Language", "In,Kept,Kept %,Text")
    heads += [head(tag("bdi", _breakable(shorten(r, 60))), numeric=True, hue=group(r)) for r in columns]
    heads.append(head("other", numeric=True))
    note = largest_of(len(shown), len(languages), "rows. Select a column's name to sort by it")
    return section("table", "Languages by reason", table(heads, [row(f) for f in shown]), note=note)


def histograms(report: Report) -> Markup | None:
    by_metric: dict[str, list[Histogram]] = {}
    for histogram in filter(is_drawable, report.histograms):
        by_metric.setdefault(histogram.metric, []).append(histogram)
    if not by_metric:
        return None
    note = "Bars are documents; muted ones lie beyond the cutoff, where the rule drops them."
    return section("histograms", "Metrics and cutoffs", *(_metric(m, hs) for m, hs in by_metric.items()), note=note)


def _metric(metric: str, found: list[Histogram]) -> Markup:
    found = sorted(found, key=lambda h: -sum(h.counts))
    top, more = found[:HISTOGRAMS_OPEN], found[HISTOGRAMS_OPEN:HISTOGRAMS]
    hidden = f"{len(more):,} more languages" + (f" of {len(found):,}" if len(found) > HISTOGRAMS else "")
    return join(
        tag("h3", tag("bdi", shorten(metric, 60), class_="label"), tag("span", MEANING.get(metric, ""), class_="name")),
        tag("div", *map(_histogram, top), class_="cards"),
        tag("details", tag("summary", hidden), tag("div", *map(_histogram, more), class_="cards")) if more else None,
    )


def _histogram(histogram: Histogram) -> Markup:
    removed = f"removes {share(histogram.removed, 1)}" if histogram.cutoffs else "no cutoff"
    scale = ", log scale" if histogram.log_counts else ""
    caption = tag("figcaption", tag("span", who(histogram.label)), tag("span", removed, class_="removed"))
    foot = tag(
        "p", f"{sum(histogram.counts):,} documents, tallest bar {max(histogram.counts):,}{scale}", class_="quiet"
    )
    return tag("figure", caption, histogram_svg(histogram), foot, class_="card")


def samples(report: Report) -> Markup | None:
    by_reason: dict[str, list[Sample]] = {}
    for sample in report.samples:
        by_reason.setdefault(sample.reason, []).append(sample)
    if not by_reason:
        return None
    totals = all_dropped(report)
    order = sorted(by_reason, key=lambda reason: -totals[reason])
    blocks = [_samples(reason, by_reason[reason], totals[reason], first=not i) for i, reason in enumerate(order)]
    note = "What each reason dropped, the offending part marked where it can be pointed at."
    return section("samples", "Dropped documents", *blocks, note=note)


def _samples(reason: str, found: list[Sample], total: int, first: bool) -> Markup:
    shown = found[:SAMPLES]
    counted = f"{len(shown):,} of {total:,}" if total else f"{len(shown):,}"
    summary = tag("summary", reason_name(reason), " ", tag("span", f"{counted} documents", class_="quiet"))
    note = meaning(reason) and tag("p", meaning(reason), class_="note")
    return tag("details", summary, note or None, tag("div", *map(_sample, shown), class_="samples"), open=first)


def _sample(sample: Sample) -> Markup:
    rule = None
    if sample.operator and sample.cutoff is not None:
        rule = tag("span", f"{number(sample.value)} {sample.operator} {number(sample.cutoff)}", class_="rule")
    text = sample.text[:SAMPLE_SHOWN]
    return tag(
        "article",
        tag("header", tag("span", who(sample.label)), rule),
        tag("p", link(sample.url), class_="address"),
        sample.explanation and tag("p", sample.explanation, class_="note", dir="auto"),
        tag("p", marked(text, list(sample.mark)), class_="text", dir="auto", lang=bcp47(sample.label)),
        class_="card",
    )


def bcp47(label: str) -> str | None:
    """hin_Deva as hin-Deva, so that the browser chooses the right glyphs; nothing for what is no label."""
    language, _, script = label.partition("_")
    plain = label.isascii() and len(language) == 3 and len(script) == 4 and (language + script).isalpha()
    return f"{language}-{script}" if plain else None


def _pairs(pairs: Mapping[str, int] | Mapping[str, float], whole: float, limit: int = 2) -> Markup:
    items = [
        tag("span", tag("bdi", shorten(n, 36), class_="label"), " ", share(v, whole))
        for n, v in list(pairs.items())[:limit]
    ]
    return tag("td", tag("span", *items, class_="pairs"))


def sites(report: Report) -> Markup | None:
    found = sorted(report.sites, key=lambda site: (-site.documents, site.host))

    def row(site: Site) -> Markup:
        return tag(
            "tr",
            tag("th", tag("bdi", shorten(site.host, 80), dir="ltr", class_="url"), scope="row"),
            count(site.documents),
            tag("td", f"{site.kept:,}", class_="n strong", data_value=site.kept),
            cell(share(site.kept, site.documents), site.kept / site.documents if site.documents else 0.0),
            _pairs(site.languages, 1),
            _pairs(site.reasons, site.documents),
        )

    if not found:
        return None
    heads = _heads("Host", "In,Kept,Kept %", "Languages,Dropped for")
    note = largest_of(len(found[:SITES]), max(len(found), report.sites_total or 0), "hosts")
    return section("sites", "Sites", table(heads, [row(site) for site in found[:SITES]]), note=note)


def clusters(report: Report) -> Markup | None:
    found = sorted(report.clusters, key=lambda cluster: -cluster.size)
    if not found:
        return None
    total = max(len(found), report.clusters_total or 0)
    note = f"{len(found[:CLUSTERS]):,} examples of {total:,} clusters. One copy of each is kept: the best that passes."
    return section("clusters", "Copies of one text", *map(_cluster, found[:CLUSTERS]), note=note)


def _cluster(cluster: Cluster) -> Markup:
    why = f": {cluster.why}" if cluster.why else ""
    keeper = join("kept ", link(cluster.keeper_url)) if cluster.keeper_url else f"no copy kept{why}"
    shown = cluster.members[:MEMBERS]
    items = (
        tag(
            "li",
            tag(
                "p",
                link(m.url),
                " ",
                reason_name(m.reason) if m.reason else tag("span", "kept", class_="rule"),
                tag("span", " ", size(m.bytes).replace(" ", "\u00a0"), class_="quiet") if m.bytes is not None else None,
                class_="address",
            ),
            tag("p", f"Why this copy: {cluster.why}.", class_="note") if cluster.why and not m.reason else None,
            tag("p", shorten(m.text, MEMBER_SHOWN), class_="text", dir="auto"),
            class_="card",
        )
        for m in shown
    )
    rest = cluster.size - len(shown)
    more = tag("p", f"and {rest:,} more", class_="note") if rest > 0 else None
    return tag(
        "details", tag("summary", f"{cluster.size:,} copies, ", keeper), tag("ul", *items, class_="members"), more
    )


def cutoffs(report: Report) -> Markup | None:
    rank = {funnel.label: i for i, funnel in enumerate(report.languages)}
    found = sorted(report.cutoffs, key=lambda c: rank.get(c.label, len(rank)))

    def row(rule: Cutoff) -> Markup:
        compared = tag("td", f"{rule.operator} {number(rule.cutoff)}", class_="n rule", data_value=f"{rule.cutoff:.6g}")
        name = tag("td", tag("bdi", shorten(rule.metric, 60), class_="label"))
        return tag(
            "tr", tag("th", who(rule.label), scope="row"), name, compared, tag("td", rule.provenance, dir="auto")
        )

    if not found:
        return None
    heads = _heads("Language,Metric", "Dropped where", "Where the cutoff comes from")
    shown = found[:TABLE_ROWS]
    note = f"{len(found):,} rules" + (
        f"; the {len(shown):,} of the languages with most kept are shown" if len(shown) < len(found) else ""
    )
    body = tag(
        "details",
        tag("summary", "Show the cutoffs"),
        table(heads, [row(rule) for rule in shown]),
        open=len(shown) <= 60,
    )
    return section("cutoffs", "Cutoffs", body, note=f"{note}. cutoffs.toml in the run folder holds them all.")


def recipe(report: Report) -> Markup:
    versions = (tag("div", tag("dt", name), tag("dd", version)) for name, version in report.run.versions.items())
    text = tag("pre", report.run.recipe, tabindex=0, dir="ltr")
    return section("recipe", "Recipe and versions", text, tag("dl", *versions, class_="versions"))
