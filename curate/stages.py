"""The run, as the algorithm reads: plan, measure, decide, write, account, report. A rerun does only what is missing."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pyarrow as pa
import xxhash
from pyspark.sql import DataFrame, SparkSession
from rich.console import Console

from curate import benchmarks, calibrate, card, decide, forget, manifest, report, shards, summary
from curate import plan as planning
from curate.dedup import index
from curate.measure import measure_unit
from curate.pdf.stage import read_pages, read_units
from curate.plan import Plan
from curate.progress import Counters, watch
from curate.quality import keep
from curate.recipe import MIB, Recipe
from curate.runfolder import (
    RunFolder,
    exists,
    filesystem,
    join,
    read_all_json,
    remove,
    remove_partial,
    walk,
    write_bytes,
    write_json,
)
from curate.session import session
from curate.work import Settings, Unit
from thresholds.calibrate import calibrate as derive_cutoffs
from thresholds.calibrate import check_reference
from thresholds.table import CutoffTable

ACCOUNT = pa.schema([("unit", pa.int64()), ("rows", pa.int64())])


def run(recipe: Recipe, console: Console) -> report.Report:
    """Curate: from the recipe's input to its run folder. Returns what the report shows."""
    plan = planning.make(recipe)
    spark = session(recipe)
    seconds: dict[str, float] = {}
    if recipe.derives:
        _check_reference(spark, recipe)
    if plan.pdf_units:
        planning.save_pages(plan)
        with _timed(seconds, "pages"):
            read_pages(spark, plan, console)
        plan = planning.make(recipe)
    planning.save(plan)
    forget.enforce(plan.folder, recipe.forget.list)
    with _timed(seconds, "measure"):
        measure(spark, plan, console)
    if recipe.derives:
        with _timed(seconds, "calibrate"), console.status("calibrate: summaries and cutoffs"):
            plan = replace(plan, table=derived(spark, plan))
    if recipe.quality.keep != 1.0:
        with _timed(seconds, "decide"), console.status("decide: the quality to keep"):
            documents = decide.measured(spark, plan.folder)
            plan = replace(plan, table=keep.with_cutoffs(documents, plan.table, recipe))
    with _timed(seconds, "decide"):
        decisions = decided(spark, plan, console)
    with _timed(seconds, "write"):
        write(spark, plan, decisions, console)
    if plan.index:
        index.add(spark, plan.index, decide.kept(spark, plan.folder, decisions), plan.fingerprint)
    account = manifest.build(plan, seconds)
    if plan.settings.benchmarks:
        found = benchmarks.report(
            plan.settings.benchmarks, recipe.decontaminate, read_all_json(plan.folder.measured_commits)
        )
        write_json(plan.folder.contamination, found, indent=1)
    shown = summary.build(spark, plan.folder, account, plan.table)
    write_bytes(join(plan.folder.root, "report.html"), report.render(shown).encode("utf-8"))
    write_bytes(join(plan.folder.root, "cutoffs.toml"), plan.table.dump().encode("utf-8"))
    write_bytes(join(plan.folder.root, "README.md"), card.render(account).encode("utf-8"))
    write_json(plan.folder.manifest, account, indent=1)
    return shown


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start


def measure(spark: SparkSession, plan: Plan, console: Console) -> None:
    """Measure what has no commit record yet, the largest first; then remove what no record names."""
    done = {commit["unit"] for commit in read_all_json(plan.folder.measured_commits)}
    pending = sorted((unit for unit in plan.units if unit.index not in done), key=lambda unit: -unit.bytes)
    if pending:
        remove(plan.folder.manifest)  # the run is unfinished again
        run_units(spark, pending, plan.settings, plan.folder, console)
    _remove_unpublished(plan.folder)


def run_units(spark: SparkSession, units: list[Unit], settings: Settings, folder: RunFolder, console: Console) -> None:
    """One Spark task a unit. Text stays in the Python workers; only counts come back."""
    counters = Counters(spark.sparkContext)
    root = folder.root

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                commit = measure_unit(units[number], settings, root, progress=counters.add)
                yield pa.record_batch([[commit["unit"]], [commit["rows"]]], schema=ACCOUNT)

    job = spark.range(0, len(units), 1, len(units)).mapInArrow(work, "unit long, rows long")
    watch(
        "measure",
        console,
        job.collect,
        total=sum(unit.bytes for unit in units),
        done=lambda: counters.bytes.value,
        note=lambda seconds: _rate(counters.records.value, counters.bytes.value, seconds),
    )


def _rate(records: int, bytes_: int, seconds: float) -> str:
    seconds = max(seconds, 1e-9)
    return f"{records:,} records, {records / seconds:,.0f}/s, {bytes_ / MIB / seconds:.1f} MiB/s"


def _remove_unpublished(folder: RunFolder) -> None:
    """What killed or repeated attempts left behind."""
    published = {commit["file"] for commit in read_all_json(folder.measured_commits)}
    published |= {commit["failures"] for commit in read_all_json(folder.pages_commits)}
    for part in (folder.documents, folder.failed):
        for path in walk(part, ".parquet"):
            if path.rsplit("/", 1)[1] not in published:
                remove(path)
        remove_partial(part)


def _check_reference(spark: SparkSession, recipe: Recipe) -> None:
    """What the reference lacks must not come to light only when all is measured."""
    references = [planning.opened(root) for root in recipe.calibrate.reference]
    found = calibrate.evidence(lambda: spark, [], references)
    check_reference(found.reference, found.reference_name, recipe.calibrate.methods)


def derived(spark: SparkSession, plan: Plan) -> CutoffTable:
    """The cutoffs of `cutoffs = "derive"`: from this run's documents and the recipe's reference."""
    settings = plan.recipe.calibrate
    own = planning.opened(plan.folder.root)
    references = [planning.opened(root) for root in settings.reference]
    found = calibrate.evidence(lambda: spark, [own], references)
    return derive_cutoffs(found, methods=settings.methods, budget=settings.budget, stopwords=plan.table.stopwords)


def decided(spark: SparkSession, plan: Plan, console: Console) -> DataFrame:
    """The decisions of this plan, made now unless they lie there already."""
    fingerprint = plan.fingerprint
    if exists(join(plan.folder.decisions(fingerprint), "_SUCCESS")):
        return decide.read(spark, plan.folder, fingerprint)
    with console.status("decide: cutoffs and duplicates"):
        given = plan.recipe, plan.table, plan.folder, fingerprint, plan.cluster_fingerprint
        return decide.decide(spark, *given, index=plan.index)


def write(spark: SparkSession, plan: Plan, decisions: DataFrame, console: Console) -> None:
    """Write the shards that have no commit record yet; shards of other decisions make room first."""
    folder, fingerprint = plan.folder, plan.fingerprint
    _remove_other_shards(folder, fingerprint)
    done = {commit["task"] for commit in read_all_json(folder.written_commits(fingerprint))}
    tasks = [task for task in shards.plan(decisions, plan.recipe.write.shard_bytes) if task.index not in done]
    if not tasks:
        return
    remove(folder.manifest)
    files = {commit["unit"]: commit["file"] for commit in read_all_json(folder.measured_commits)}
    counters, root, group = Counters(spark.sparkContext), folder.root, plan.recipe.write.row_group_bytes
    sites = plan.verified

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                task = tasks[number]
                given = {n: files[n] for n in task.units}, group, sites
                commit = shards.write_task(task, root, fingerprint, *given)
                rows = sum(shard["rows"] for shard in commit["shards"])
                counters.add(rows, 1)
                yield pa.record_batch([[task.index], [rows]], schema=ACCOUNT)

    job = spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(work, "unit long, rows long")
    watch(
        "write",
        console,
        job.collect,
        total=len(tasks),
        done=lambda: counters.bytes.value,
        note=lambda seconds: f"{counters.records.value:,} rows kept",
    )


def _remove_other_shards(folder: RunFolder, fingerprint: str) -> None:
    """Make room: shards of other decisions go, and so do the records that they were written."""
    for commit in walk(join(folder.root, "decisions"), ".json"):
        if "/_written/" in commit and f"/{fingerprint}/" not in commit:
            remove(commit)
    for part in (folder.kept, folder.dropped):
        for path in walk(part, ".parquet"):
            if not path.endswith(f"-{fingerprint[:8]}.parquet"):
                remove(path)
        remove_partial(part)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a whole run would take, scaled up from a pilot by input bytes. Without the JVM's share."""

    share: float  # of the input bytes that the pilot read
    records: int
    cpu_hours: float  # measuring, one core
    documents_bytes: int  # documents/ on disk
    text_bytes: int  # text, before any drop


def pilot(recipe: Recipe, share: float, console: Console) -> Estimate:
    """Measure about `share` (0..1) of the input in a scratch folder, and say what the whole would cost.

    The units are chosen by a hash of their number: the same on every call, and not just the first files.
    """
    with tempfile.TemporaryDirectory(prefix="multicurate-pilot-") as scratch:
        plan = planning.make(recipe.model_copy(update={"output": join(scratch, "run")}))
        folder, spark, last = plan.folder, session(recipe), len(plan.units)
        chosen, pdfs = _part(plan.units, share), _part(plan.pdf_units, share)
        scales = _scale(plan.units, chosen), _scale(plan.pdf_units, pdfs)
        if pdfs:
            read_units(spark, pdfs, recipe, folder, console)
            chosen += [Unit(last + n, (split,)) for n, split in enumerate(planning.pages_read(folder))]
        if chosen:
            run_units(spark, chosen, plan.settings, folder, console)
        pages = read_all_json(folder.pages_commits)
        commits = [(commit, scales[commit["unit"] >= last]) for commit in read_all_json(folder.measured_commits)]
        stored = sum(_size(join(folder.documents, commit["file"])) * scale for commit, scale in commits)
    cpu = sum(sum(commit["cpu_seconds"].values()) * scale for commit, scale in commits)
    cpu += sum(sum(commit["cpu_seconds"].values()) for commit in pages) * scales[1]
    return Estimate(
        share=1 / max(scales),
        records=round(sum((commit["rows"] + sum(commit["failed"].values())) * scale for commit, scale in commits)),
        cpu_hours=cpu / 3600,
        documents_bytes=round(stored),
        text_bytes=round(sum(commit["text_bytes"] * scale for commit, scale in commits)),
    )


def _scale(units: Sequence[Unit], chosen: Sequence[Unit]) -> float:
    """Bytes of all over bytes of the chosen."""
    return sum(unit.bytes for unit in units) / max(1, sum(unit.bytes for unit in chosen)) if units else 1.0


def _size(path: str) -> int:
    fs, inner = filesystem(path)
    return int(fs.size(inner))


def _part(units: Sequence[Unit], share: float) -> list[Unit]:
    """Units of about this share of their bytes, at least one of any."""
    order = sorted(units, key=lambda unit: xxhash.xxh3_64_intdigest(str(unit.index).encode()))
    whole, held, chosen = sum(unit.bytes for unit in units), 0, list[Unit]()
    for unit in order:
        if chosen and held + unit.bytes / 2 > share * whole:
            break
        chosen.append(unit)
        held += unit.bytes
    return chosen
