"""Accounting: what went in, what came out, at every stage; and `verify`, which counts it again from the files."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from curate import benchmarks, card
from curate.plan import Plan
from curate.runfolder import (
    RunFolder,
    exists,
    join,
    open_parquet,
    read_all_json,
    read_json,
    walk,
    write_bytes,
    write_json,
)
from curate.shards import hash_rows
from curate.sources.listing import PAGES_SUFFIX

PACKAGES = ("multicurate", "pyspark", "pyarrow", "trafilatura", "resiliparse", "fasttext", "icu4py", "ftfy")


class AccountingError(RuntimeError):
    """Records that cannot be accounted for: the run has failed."""


def build(plan: Plan, seconds: dict[str, float]) -> dict[str, Any]:
    """The manifest of a finished run. Raises AccountingError if a record is unaccounted for."""
    folder, fingerprint = plan.folder, plan.fingerprint
    measured = read_all_json(folder.measured_commits)
    written = read_all_json(folder.written_commits(fingerprint))
    pages = read_all_json(folder.pages_commits)
    stages = accounts(measured, written, pages)
    wrong = imbalances(stages)
    if wrong:
        raise AccountingError("; ".join(wrong))
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in PACKAGES},
        "recipe": plan.recipe.model_dump(mode="json"),
        "fingerprints": {"measure": plan.measure_key, "decisions": fingerprint},
        "input": {
            "files": plan.files,
            "bytes": plan.bytes,
            "other_records": dict(_sum(commit["skipped"] for commit in measured)),
            "parts": sum(commit.get("parts", 0) for commit in measured),
        },
        "stages": stages,
        "cpu_seconds": _rounded(commit["cpu_seconds"] for commit in measured),
        "seconds": {stage: round(value, 1) for stage, value in seconds.items()},
        **({"pages_cpu_seconds": _rounded(commit["cpu_seconds"] for commit in pages)} if pages else {}),
        "contamination": _contamination(plan, measured),
        "verification": _verification(plan),
        "boilerplate": dict(_sum(commit.get("boilerplate", {}) for commit in written)),
        **_files(written),
    }


def _files(written: list[dict[str, Any]]) -> dict[str, Any]:
    shards = sorted((shard for commit in written for shard in commit["shards"]), key=lambda shard: shard["file"])
    return {
        "content_hash": combined_hash(shard["hash"] for shard in shards),
        "shards": shards,
        "dropped": [commit["dropped"] for commit in written if commit["dropped"]],
    }


def refresh(folder: RunFolder) -> None:
    """The manifest and the card of a finished run whose files have changed since."""
    account = read_json(folder.manifest)
    written = read_all_json(folder.written_commits(account["fingerprints"]["decisions"]))
    measured, pages = read_all_json(folder.measured_commits), read_all_json(folder.pages_commits)
    account |= {"stages": accounts(measured, written, pages), **_files(written)}
    if wrong := imbalances(account["stages"]):
        raise AccountingError("; ".join(wrong))
    write_bytes(join(folder.root, "README.md"), card.render(account).encode("utf-8"))
    write_json(folder.manifest, account, indent=1)


def _verification(plan: Plan) -> dict[str, int] | None:
    """What looking again at the pairs of the band join found; None where the recipe does not."""
    path = plan.folder.verification(plan.cluster_fingerprint)
    return read_json(path) if exists(path) else None


def _contamination(plan: Plan, measured: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What was found of the benchmarks, without the list of records, which can be long; None where none were given."""
    if plan.settings.benchmarks is None:
        return None
    found = benchmarks.report(plan.settings.benchmarks, plan.recipe.decontaminate, measured)
    return {name: found[name] for name in ("action", "ngram", "documents", "benchmarks")}


def accounts(
    measured: list[dict[str, Any]], written: list[dict[str, Any]], pages: list[dict[str, Any]]
) -> dict[str, Any]:
    """Each stage's equation, from the commit records; pages and their files where there are any."""
    rows = sum(commit["rows"] for commit in measured)
    failed = _sum(commit["failed"] for commit in measured)
    languages: dict[str, Counter[str]] = {}
    for commit in written:
        for label, reasons in commit["reasons"].items():
            languages.setdefault(label, Counter()).update(reasons)
    dropped = _sum(languages.values())
    kept: Counter[str] = Counter()
    for commit in written:
        kept.update({shard["language"]: shard["rows"] for shard in commit["shards"]})
    funnel = {
        label: {"kept": kept[label], "dropped": dict(languages.get(label, {}))} for label in sorted({*kept, *languages})
    }
    return {
        **_pages(measured, pages),
        "measure": {"in": rows + sum(failed.values()), "rows": rows, "failed": dict(failed)},
        "decide": {"in": rows, "kept": sum(kept.values()), "dropped": dict(dropped)},
        "write": {
            "in": rows,
            "kept": sum(kept.values()),
            "dropped": sum((commit["dropped"] or {"rows": 0})["rows"] for commit in written),
        },
        "languages": funnel,
    }


def _pages(measured: list[dict[str, Any]], read: list[dict[str, Any]]) -> dict[str, Any]:
    """PDFs and their pages. A run that was given pages has no files to account for."""
    judged = [commit["pages"] for commit in measured]
    kept, dropped = sum(account["kept"] for account in judged), _sum(account["dropped"] for account in judged)
    failed_files, failed_pages = (_sum(c[name] for c in read) for name in ("failed_files", "failed_pages"))
    rows = sum(c["pages"] for c in read) if read else kept + sum(dropped.values())
    if not (rows or read):
        return {}
    files = sum(c["files"] for c in read)
    return {
        "files": {"in": files, "read": files - sum(failed_files.values()), "failed": dict(failed_files)},
        "pages": {
            "in": rows + sum(failed_pages.values()),
            "kept": kept,
            "dropped": dict(dropped),
            "failed": dict(failed_pages),
            "recognised": sum(c["recognised"] for c in read),
            "routes": dict(_sum(c["routes"] for c in read)),
        },
    }


def _page_imbalance(stages: dict[str, Any]) -> str | None:
    pages = stages.get("pages")
    if not pages:
        return None
    out = pages["kept"] + sum(pages["dropped"].values()) + sum(pages["failed"].values())
    return None if pages["in"] == out else f"pages: {pages['in']} in, {out} kept, dropped or failed"


def imbalances(stages: dict[str, Any]) -> list[str]:
    """A line for every stage where in = kept + dropped + failed does not hold."""
    measure, decide, write = (stages[name] for name in ("measure", "decide", "write"))
    wrong = [line for line in (_page_imbalance(stages),) if line]
    if decide["in"] != decide["kept"] + sum(decide["dropped"].values()):
        wrong.append(f"decide: {decide['in']} in, {decide['kept']} kept + {sum(decide['dropped'].values())} dropped")
    if write["in"] != write["kept"] + write["dropped"]:
        wrong.append(f"write: {write['in']} in, {write['kept']} kept + {write['dropped']} dropped")
    if measure["in"] != write["kept"] + write["dropped"] + sum(measure["failed"].values()):
        wrong.append(
            f"run: {measure['in']} in, but {write['kept']} kept, {write['dropped']} dropped, {measure['failed']} failed"
        )
    return wrong


def _sum(counts: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total


def _rounded(counts: Any) -> dict[str, float]:
    return {phase: round(value, 1) for phase, value in _sum(counts).items()}


def combined_hash(hashes: Any) -> str:
    """One hash of a set of shards, whatever their order."""
    digest = hashlib.blake2b(digest_size=16)
    for value in sorted(hashes):
        digest.update(value.encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `verify`: what, the manifest's figure, and the one counted from the files."""

    what: str
    expected: Any
    found: Any

    @property
    def ok(self) -> bool:
        return bool(self.expected == self.found)


def verify(root: str) -> list[Check]:
    """Count a finished run again from its files: rows of each part, reasons, and the hash of every shard's content."""
    folder = RunFolder(root)
    manifest = read_json(folder.manifest)
    stages = manifest["stages"]
    measured = {join(folder.documents, commit["file"]) for commit in read_all_json(folder.measured_commits)}
    with ThreadPoolExecutor(8) as pool:
        rows = sum(pool.map(_count, walk(folder.documents, ".parquet")))
        shards = list(pool.map(lambda shard: _shard(folder, shard), manifest["shards"]))
    failed, pages_failed = _failures(folder)
    dropped = _sum_values(folder.dropped, "reason")
    kept_files = sorted(folder.relative(path) for path in walk(folder.kept, ".parquet"))
    kept = sum(rows_ for rows_, _ in shards)
    return [
        *_forgotten(folder, stages["decide"]["dropped"]),
        *_page_checks(folder, stages, pages_failed),
        Check("measured files", sorted(measured), sorted(walk(folder.documents, ".parquet"))),
        Check("measured rows", stages["measure"]["rows"], rows),
        *_parts(folder, manifest["input"].get("parts", 0)),
        Check("failed, by reason", stages["measure"]["failed"], dict(failed)),
        Check("kept files", sorted(shard["file"] for shard in manifest["shards"]), kept_files),
        Check("kept rows", stages["write"]["kept"], kept),
        Check("dropped, by reason", stages["decide"]["dropped"], dict(dropped)),
        Check("kept content", manifest["content_hash"], combined_hash(hash_ for _, hash_ in shards)),
        Check(
            "in = kept + dropped + failed", stages["measure"]["in"], kept + sum(dropped.values()) + sum(failed.values())
        ),
    ]


def _failures(folder: RunFolder) -> tuple[Counter[str], Counter[str]]:
    """By reason: records that could not be measured; PDFs and pages that could not be read."""
    found: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for path in walk(folder.failed, ".parquet"):
        is_pages = path.rsplit("/", 1)[1].startswith("pages-")
        for batch in _batches(path, ["reason"]):
            found[is_pages].update(batch.column(0).to_pylist())
    return found


def _page_checks(folder: RunFolder, stages: dict[str, Any], failed: Counter[str]) -> list[Check]:
    """Nothing, unless the run read PDFs itself."""
    if "pages" not in stages or not stages["files"]["in"]:
        return []
    pages = stages["pages"]
    read = pages["in"] - sum(pages["failed"].values())
    expected = _sum((stages["files"]["failed"], pages["failed"]))
    return [
        Check("pages read", read, sum(_count(path) for path in walk(folder.pages, PAGES_SUFFIX))),
        Check("PDFs and pages failed, by reason", dict(expected), dict(failed)),
    ]


def _parts(folder: RunFolder, expected: int) -> list[Check]:
    """Nothing, unless records were split by language."""
    if not expected:
        return []
    found = sum(
        (part or 0) > 0
        for path in walk(folder.documents, ".parquet")
        for batch in _batches(path, ["part"])
        for part in batch.column(0).to_pylist()
    )
    return [Check("rows split off their record", expected, found)]


def _forgotten(folder: RunFolder, dropped: dict[str, int]) -> list[Check]:
    """Nothing, unless something was ever asked to be forgotten."""
    from curate import forget  # it builds on this module

    if not exists(folder.forgotten):
        return []
    blank, left = forget.remaining(folder)
    return [
        Check("forgotten", dropped.get("forgotten", 0), blank),
        Check("rows of the forgotten that are still there", 0, left),
    ]


def _count(path: str) -> int:
    with open_parquet(path) as parquet:
        return int(parquet.metadata.num_rows)


def _batches(path: str, columns: list[str]) -> Iterator[Any]:
    with open_parquet(path) as parquet:
        yield from parquet.iter_batches(batch_size=4096, columns=columns)


def _shard(folder: RunFolder, shard: dict[str, Any]) -> tuple[int, str]:
    """Rows and content hash of one shard; a missing one has none."""
    digest, rows = hashlib.blake2b(digest_size=16), 0
    try:
        for batch in _batches(join(folder.root, shard["file"]), ["id", "text"]):
            hash_rows(digest, batch)
            rows += len(batch)
    except FileNotFoundError:
        return 0, "missing"
    return rows, digest.hexdigest()


def _sum_values(folder: str, column: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for path in walk(folder, ".parquet"):
        for batch in _batches(path, [column]):
            total.update(batch.column(0).to_pylist())
    return total
