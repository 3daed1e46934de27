"""The figures and examples of a run's report, from its narrow columns; text is read for a few samples only."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
import tomli_w
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from curate import decide, lookup, report
from curate.plan import absolute
from curate.recipe import Recipe, tuples, without_none
from curate.runfolder import RunFolder, join, read_json, write_bytes
from curate.session import read_parquet, session
from filters.columns import METRIC_NAMES, METRICS, label
from thresholds.rule import DOCUMENT_METRICS, Rule
from thresholds.table import CutoffTable

HISTOGRAM_DOCUMENTS = 200_000
HISTOGRAM_LANGUAGES = 8
HISTOGRAM_METRICS = 6
BINS = 40
SAMPLES = 6  # a reason
SAMPLE_ROWS = 20_000  # dropped rows looked at
SITES = 30
CLUSTERS = 8
MEMBERS = 4


def write(folder: RunFolder) -> report.Report:
    """report.html of a finished run anew, from its files. Returns what it shows."""
    account = read_json(folder.manifest)
    settings = Recipe.model_validate(tuples(account["recipe"]))
    table = CutoffTable.load(join(folder.root, "cutoffs.toml"))
    shown = build(session(settings), RunFolder(absolute(folder.root)), account, table)
    write_bytes(join(folder.root, "report.html"), report.render(shown).encode("utf-8"))
    return shown


@dataclass(frozen=True)
class _Run:
    spark: SparkSession
    folder: RunFolder
    manifest: dict[str, Any]
    table: CutoffTable

    @property
    def decisions(self) -> DataFrame:
        return decide.read(self.spark, self.folder, self.manifest["fingerprints"]["decisions"])


def build(spark: SparkSession, folder: RunFolder, manifest: dict[str, Any], table: CutoffTable) -> report.Report:
    """Everything that report.html and the terminal's funnel show."""
    run = _Run(spark, folder, manifest, table)
    funnel = _funnel(run)
    largest = [row.label for row in sorted(funnel, key=lambda row: -row.documents) if row.label != "und_Zzzz"]
    sites, sites_total = _sites(run)
    clusters, clusters_total = _clusters(run)
    return report.Report(
        run=_run(run),
        funnel=funnel,
        failed=manifest["stages"]["measure"]["failed"],
        histograms=_histograms(run, largest[:HISTOGRAM_LANGUAGES]),
        samples=_samples(run),
        sites=sites,
        sites_total=sites_total,
        clusters=clusters,
        clusters_total=clusters_total,
        cutoffs=_cutoffs(run, largest),
    )


def _run(run: _Run) -> report.Run:
    manifest = run.manifest
    stages = manifest["stages"]
    measure, write = stages["measure"], stages["write"]
    failed = sum(measure["failed"].values())
    return report.Run(
        name=run.folder.root.rstrip("/").rsplit("/", 1)[-1],
        created=manifest["created"],
        duration_seconds=sum(manifest["seconds"].values()),
        recipe=tomli_w.dumps(without_none(manifest["recipe"])),
        versions=manifest["versions"],
        files=manifest["input"]["files"],
        bytes=manifest["input"]["bytes"],
        records=measure["in"],
        stages=(
            *_page_stages(stages),
            report.Stage(name="measure", records_in=measure["in"], kept=measure["rows"], dropped=0, failed=failed),
            report.Stage(
                name="decide",
                records_in=stages["decide"]["in"],
                kept=stages["decide"]["kept"],
                dropped=sum(stages["decide"]["dropped"].values()),
                failed=0,
            ),
            report.Stage(name="write", records_in=write["in"], kept=write["kept"], dropped=write["dropped"], failed=0),
        ),
    )


def _page_stages(stages: dict[str, Any]) -> list[report.Stage]:
    """Of PDFs: a file is read or failed, a page kept, dropped or failed."""
    if "pages" not in stages:
        return []
    files, pages = stages["files"], stages["pages"]
    dropped, failed = sum(pages["dropped"].values()), sum(pages["failed"].values())
    of_pages = report.Stage(name="pages", records_in=pages["in"], kept=pages["kept"], dropped=dropped, failed=failed)
    not_read = sum(files["failed"].values())
    of_files = report.Stage(name="PDFs", records_in=files["in"], kept=files["read"], dropped=0, failed=not_read)
    return [of_files, of_pages] if files["in"] else [of_pages]


def _funnel(run: _Run) -> list[report.Funnel]:
    kept_bytes: Counter[str] = Counter()
    for shard in run.manifest["shards"]:
        kept_bytes[shard["language"]] += shard["text_bytes"]
    rows = []
    for name, counts in run.manifest["stages"]["languages"].items():
        order = {rule.reason: n for n, rule in enumerate(run.table.of(name).rules)}
        dropped = dict(sorted(counts["dropped"].items(), key=lambda item: _position(item[0], order)))
        documents = counts["kept"] + sum(dropped.values())
        rows.append(
            report.Funnel(
                label=name, documents=documents, dropped=dropped, kept=counts["kept"], kept_bytes=kept_bytes[name]
            )
        )
    return sorted(rows, key=lambda row: (-row.kept, -row.documents, row.label))


def _position(reason: str, order: dict[str, int]) -> tuple[int, int, str]:
    """Recipe order: what reading dropped, then the rules, then the copies."""
    if reason in order:
        return 1, order[reason], reason
    return (2 if reason in decide.COPIES else 0), 0, reason


def _cutoffs(run: _Run, labels: list[str]) -> list[report.Cutoff]:
    return [
        report.Cutoff(
            label=name, metric=rule.metric, operator=rule.operator, cutoff=rule.cutoff, provenance=_origin(rule)
        )
        for name in labels
        for rule in run.table.of(name).rules
    ]


def _origin(rule: Rule) -> str:
    origin = rule.provenance
    parts = [
        origin.method,
        origin.reference,
        origin.documents and f"{origin.documents:,} documents",
        origin.fallback,
    ]
    return ", ".join(str(part) for part in parts if part)


def _histograms(run: _Run, labels: list[str]) -> list[report.Histogram]:
    """Of each large language, the metrics whose rules removed most, over the documents that were measured."""
    documents = read_parquet(run.spark, run.folder.documents).where("signals is not null")
    documents = documents.withColumn("label", F.concat_ws("_", "language", "language_script")).where(
        F.col("label").isin(*labels)
    )
    every = max(1, run.manifest["stages"]["measure"]["rows"] // HISTOGRAM_DOCUMENTS)
    rows = documents.where(F.pmod(F.xxhash64("key"), F.lit(every)) == 0).select(
        "label", *DOCUMENT_METRICS, *(f"signals.{name}" for name in METRIC_NAMES)
    )
    table = rows.toArrow()
    shown = []
    for name in labels:
        own = table.filter(pc.equal(table["label"], name))
        values = {rule.metric: _values(own[rule.metric]) for rule in run.table.of(name).rules}
        removed = {rule: float(rule.fires(values[rule.metric]).mean()) for rule in run.table.of(name).rules if len(own)}
        metrics = dict.fromkeys(
            rule.metric for rule in sorted(removed, key=lambda rule: -removed[rule]) if removed[rule]
        )
        for metric in list(metrics)[:HISTOGRAM_METRICS]:
            rules = [rule for rule in removed if rule.metric == metric]
            shown.append(_histogram(name, metric, values[metric], rules, sum(removed[rule] for rule in rules)))
    return shown


def _values(column: Any) -> np.ndarray:
    return column.combine_chunks().cast("double").fill_null(np.nan).to_numpy(zero_copy_only=False)


def _histogram(name: str, metric: str, values: np.ndarray, rules: list[Rule], removed: float) -> report.Histogram:
    values = values[np.isfinite(values)]
    cutoffs = [(rule.operator, rule.cutoff) for rule in rules]
    edges = _edges(metric, values, [cutoff for _, cutoff in cutoffs])
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    return report.Histogram(
        metric=metric,
        label=name,
        edges=edges.tolist(),
        counts=counts.tolist(),
        cutoffs=cutoffs,
        removed=removed,
        log_counts=bool(counts.max(initial=0) > 100 * max(1, int(np.median(counts)))),
    )


_UNITS = {metric.name: metric.unit for metric in METRICS}


def _edges(metric: str, values: np.ndarray, cutoffs: list[float]) -> np.ndarray:
    """Forty bins up to the 99th percentile and beyond the cutoffs; counts, which span decades, on a log scale."""
    low, high = np.quantile(values, [0.0, 0.99]) if len(values) else (0.0, 1.0)
    near = [cutoff for cutoff in cutoffs if cutoff <= 20 * max(high, 1e-9)]  # a limit far off would hide the rest
    high = max(high, *(1.25 * cutoff for cutoff in near), 1e-9) if near else max(high, 1e-9)
    if _UNITS.get(metric) == "count" and high > 100:
        return np.unique(np.geomspace(max(1.0, low), high, BINS + 1))
    return np.linspace(min(0.0, low), high, BINS + 1)


def _samples(run: _Run) -> list[report.Sample]:
    """A few dropped documents of each reason, from different languages where there are some."""
    if not run.manifest["dropped"]:
        return []
    dropped = read_parquet(run.spark, run.folder.dropped).where("sample is not null and sample != ''")
    order = F.xxhash64("id", "source.file", "source.offset")
    every = max(1, sum(part["rows"] for part in run.manifest["dropped"]) // SAMPLE_ROWS)
    chosen = (
        dropped.where(F.pmod(order, F.lit(every)) == 0)
        .groupBy("reason", "language", "language_script", F.pmod(order, F.lit(3)).alias("part"))
        .agg(F.min_by(F.struct("url", "sample", "signals"), order).alias("row"), F.min(order).alias("order"))
        .toArrow()
        .to_pylist()
    )
    by_reason: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(chosen, key=lambda row: (row["part"], row["order"])):
        by_reason.setdefault(row["reason"], []).append(row)
    return [_sample(run, row) for reason in sorted(by_reason) for row in by_reason[reason][:SAMPLES]]


def _sample(run: _Run, row: dict[str, Any]) -> report.Sample:
    name, text = label(row["language"], row["language_script"]), row["row"]["sample"]
    rule = next((rule for rule in run.table.of(name).rules if rule.reason == row["reason"]), None)
    signals = row["row"]["signals"] or {}
    return report.Sample(
        reason=row["reason"],
        label=name,
        url=row["row"]["url"],
        text=text,
        mark=report.offending(text, rule.metric) if rule else (),
        value=signals.get(rule.metric) if rule else None,
        operator=rule.operator if rule else None,
        cutoff=rule.cutoff if rule else None,
    )


def _sites(run: _Run) -> tuple[list[report.Site], int]:
    decisions = run.decisions.where("host is not null")
    kept = F.when(F.size("drop_reasons") == 0, 1).otherwise(0)
    hosts = decisions.groupBy("host").agg(F.count("*").alias("documents"), F.sum(kept).alias("kept"))
    total = hosts.count()
    largest = hosts.orderBy(F.desc("documents"), "host").limit(SITES).collect()
    names = [row.host for row in largest]
    details = (
        decisions.where(F.col("host").isin(*names))
        .groupBy("host", "label", F.get("drop_reasons", F.lit(0)).alias("reason"))
        .count()
        .collect()
    )
    languages: dict[str, Counter[str]] = {name: Counter() for name in names}
    reasons: dict[str, Counter[str]] = {name: Counter() for name in names}
    for row in details:
        languages[row.host][row.label] += row["count"]
        if row.reason is not None:
            reasons[row.host][row.reason] += row["count"]
    sites = [
        report.Site(
            host=row.host,
            documents=row.documents,
            kept=row.kept,
            languages={name: count / row.documents for name, count in languages[row.host].most_common(5)},
            reasons=dict(reasons[row.host].most_common(5)),
        )
        for row in largest
    ]
    return sites, total


def _clusters(run: _Run) -> tuple[list[report.Cluster], int]:
    """The largest clusters, each with the copy that is kept and a few others."""
    copies = run.decisions.where("cluster_size > 1")
    sizes = copies.groupBy("cluster_id").agg(F.first("cluster_size").alias("size"))
    total = sizes.count()
    largest = sizes.orderBy(F.desc("size"), "cluster_id").limit(CLUSTERS).collect()
    gone = F.size("drop_reasons") > 0
    passes = F.size(F.array_except("drop_reasons", F.array(*map(F.lit, decide.COPIES)))) == 0
    member = F.struct(gone.alias("gone"), "key", F.get("drop_reasons", F.lit(0)).alias("reason"), "bytes")
    shown = (
        copies.where(F.col("cluster_id").isin(*(row.cluster_id for row in largest)))
        .groupBy("cluster_id")
        .agg(
            F.slice(F.array_sort(F.collect_list(member)), 1, MEMBERS).alias("members"),
            F.count_if(passes).alias("passing"),
            F.max(F.when(passes, F.col("bytes"))).alias("most_bytes"),
        )
        .collect()
    )
    by_cluster = {row.cluster_id: row for row in shown}
    keys = [member.key for row in shown for member in row.members]
    rows = lookup.rows(run.folder, keys, ("url", "id", "text", "quality"))
    return [_cluster(row.size, by_cluster[row.cluster_id], rows) for row in largest], total


def _cluster(size: int, shown: Any, rows: dict[int, dict[str, Any]]) -> report.Cluster:
    keeper = next((member for member in shown.members if not member.gone), None)
    members = [
        report.Member(
            url=_address(rows[member.key]),
            reason=(member.reason or "") if member.gone else "",
            text=(rows[member.key]["text"] or "")[:200],
            bytes=member.bytes,
        )
        for member in shown.members
    ]
    return report.Cluster(
        size=size,
        keeper_url=_address(rows[keeper.key]) if keeper else "",
        members=members,
        why=_why_kept(keeper, shown, rows[keeper.key]["quality"]) if keeper else _why_none(shown),
    )


def _why_none(shown: Any) -> str:
    if any(member.reason == decide.INDEXED for member in shown.members):
        return "an earlier run kept one"
    return "none passes the filters" if not shown.passing else "the best was dropped after the duplicates were found"


def _address(row: dict[str, Any]) -> str:
    return row["url"] or row["id"]


def _why_kept(keeper: Any, shown: Any, quality: float | None) -> str:
    """The first point of the policy that sets the keeper apart: see `decide.with_duplicates`."""
    if shown.passing == 1:
        return "the only copy that passes the filters"
    among = f"of {shown.passing:,} copies that pass the filters"
    if quality is not None:
        return f"{among}, the best: quality {quality:.3f}"
    if keeper.bytes == shown.most_bytes:
        return f"{among}, the longest; of equally long ones the smallest id"
    return f"{among}, the one with most characters"
