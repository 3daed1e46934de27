"""Calibrating 1,000 languages x 40 metrics from a measured table: how time and memory grow with the documents.

    python -m tests.benchmarks.calibrate [documents ...]    default: 10000 100000 1000000

The table is made up (`documents`): languages by size as 1/rank, zero-inflated repetition, skewed lengths, ratios, each
language with levels of its own. It is crawl and reference at once, so there are two aggregations; each size runs in a
process of its own. `driver_mb`: the peak resident memory of the Python driver and of its JVM together; locally the JVM
is the executors too. `worker_mb`: the Python workers', all together. Limit: 2 GB at 10^6. One JSON line.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate import calibrate
from curate.plan import Opened
from curate.recipe import Dedup, Recipe, Spark
from curate.runfolder import RunFolder
from curate.session import session
from filters.columns import MEASURED, METRICS, SIGNALS
from thresholds.derive import derive
from thresholds.pool import families
from thresholds.rule import KNOWN_METRICS

SIZES = (10_000, 100_000, 1_000_000)
LANGUAGES = 1_000
DRIVER_MEMORY = "640m"  # the JVM takes as much again beside its heap
LIMIT_MB = 2048
_SCRIPTS = ("Latn", "Latn", "Latn", "Latn", "Latn", "Latn", "Cyrl", "Arab", "Deva", "Ethi")
_ROWS_A_FILE = 125_000
_READ = ("key", "id", "url", "language", "language_script", "language_score", "quality", "exact_hash", "minhash",
         "drop_reasons", "signals")  # fmt: skip
_SCHEMA = pa.schema([MEASURED.field(name) for name in _READ])


def labels() -> list[tuple[str, str]]:
    """English first, then a thousand codes in some order, each in one script."""
    codes = [code for code in sorted(families()) if code != "eng"][: LANGUAGES - 1]
    np.random.default_rng(1).shuffle(codes)
    return [("eng", "Latn"), *((code, _SCRIPTS[n % len(_SCRIPTS)]) for n, code in enumerate(codes))]


def documents(folder: Path, size: int) -> None:
    """A measured table without text, in files of some 100,000 rows."""
    random = np.random.default_rng(size)
    share = 1 / np.arange(1, LANGUAGES + 1)
    language = np.concatenate(
        [np.arange(LANGUAGES), random.choice(LANGUAGES, size - LANGUAGES, p=share / share.sum())]
    ).astype(np.int32)
    random.shuffle(language)
    folder.mkdir(parents=True)
    for start in range(0, size, _ROWS_A_FILE):
        part = language[start : start + _ROWS_A_FILE]
        keys = np.arange(start, start + len(part))
        pq.write_table(_measured(keys, part), folder / f"{start:09}.parquet", compression="zstd")


def _measured(keys: np.ndarray, language: np.ndarray) -> pa.Table:
    random = np.random.default_rng(int(keys[0]))
    codes, scripts = zip(*labels(), strict=True)
    names, rows = pa.array(language), len(keys)
    signals = [_signal(metric.unit, n, language, random) for n, metric in enumerate(METRICS)]
    columns = {
        "key": pa.array(keys),
        "id": pa.array([f"<urn:uuid:{key:032x}>" for key in keys.tolist()]),
        "url": pa.nulls(rows, pa.string()),
        "language": pa.DictionaryArray.from_arrays(names, pa.array(codes)).cast(pa.string()),
        "language_script": pa.DictionaryArray.from_arrays(names, pa.array(scripts)).cast(pa.string()),
        "language_score": pa.array(random.beta(8, 1 + language % 3, rows)),
        "quality": pa.nulls(rows, pa.float64()),
        "exact_hash": pa.array(random.integers(-(2**63), 2**63 - 1, rows)),
        "minhash": pa.nulls(rows, pa.binary()),
        "drop_reasons": pa.array([[]] * rows, pa.list_(pa.string())),
        "signals": pa.StructArray.from_arrays(signals, fields=list(SIGNALS)),
    }
    return pa.table([columns[name] for name in _READ], schema=_SCHEMA)


def _signal(unit: str, metric: int, language: np.ndarray, random: np.random.Generator) -> pa.Array:
    """Half the ratios are mostly zero, as repetition is; counts and lengths are log-normal."""
    level = 0.5 + np.random.default_rng(metric).random(LANGUAGES)[language]
    if unit != "ratio":
        return pa.array(np.exp(random.normal(1.5 if unit == "characters" else 6.0, 0.3, len(level)) * level))
    values = random.beta(1.2 * level, 6.0)
    return pa.array(np.where(random.random(len(level)) < 0.6, 0.0, values) if metric % 2 else values)


def measure(size: int) -> dict[str, float]:
    """Aggregate and derive one table in this process."""
    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as scratch:
        _apart(documents, Path(scratch, "run", "documents"), size)
        spark = session(Recipe(input=("-",), output="-", spark=Spark(driver_memory=DRIVER_MEMORY)))
        spark.range(1).count()  # the JVM is up
        run = Opened(RunFolder(str(Path(scratch, "run"))), Dedup(enabled=False), "none")
        started = time.perf_counter()
        found = calibrate.evidence(lambda: spark, [run], [run])
        aggregated = time.perf_counter()
        workers = _memory()["worker_mb"]  # they end when idle
        table = derive(found)
        derived = time.perf_counter()
        stored = sum(file.stat().st_size for file in Path(scratch, "run", "summary").rglob("*.parquet"))
    rules = sum(len(entry.rules) + len(entry.withheld) for entry in table.languages.values())
    return {
        "languages": len(table.languages),
        "cutoffs": rules,
        "aggregate_seconds": round((aggregated - started) / 2, 1),
        "derive_seconds": round(derived - aggregated, 1),
        "stored_mb": round(stored / 1e6, 1),
        **_memory() | {"worker_mb": workers},
    }


def _apart(work, *arguments: object) -> None:
    """In a fork, so that its memory is not in our peak."""
    child = os.fork()
    if child == 0:
        work(*arguments)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit("the table could not be made")


def _memory() -> dict[str, float]:
    """Peak resident memory (MB) of this process, its JVM, and the JVM's Python workers."""
    processes = _processes()
    peaks: dict[str, float] = defaultdict(float)
    waiting = [str(os.getpid())]
    while waiting:
        process = waiting.pop()
        waiting += [other for other, status in processes.items() if status["PPid"] == process]
        kind = "python" if process == str(os.getpid()) else "jvm" if processes[process]["Name"] == "java" else "worker"
        peaks[kind] += int(processes[process].get("VmHWM", "0 kB").split()[0]) / 1024
    return {
        "python_mb": round(peaks["python"]),
        "jvm_mb": round(peaks["jvm"]),
        "driver_mb": round(peaks["python"] + peaks["jvm"]),
        "worker_mb": round(peaks["worker"]),
    }


def _processes() -> dict[str, dict[str, str]]:
    """Each process's /proc/PID/status, by PID."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = path.read_text().splitlines()
        except OSError:  # it ended meanwhile
            continue
        found[path.parent.name] = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return found


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    figures = {}
    for size in [int(argument) for argument in sys.argv[1:]] or SIZES:
        command = [sys.executable, "-m", "tests.benchmarks.calibrate", "--one", str(size)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr[-4000:])
        figures[size] = json.loads(done.stdout.splitlines()[-1])
    over = [size for size, found in figures.items() if found["driver_mb"] > LIMIT_MB]
    metrics = len(KNOWN_METRICS)
    print(json.dumps({"benchmark": "calibrate", "metrics": metrics, "documents": figures, "over_limit": over}))
    if over:
        sys.exit(f"more than {LIMIT_MB} MB of driver memory at {over}")


if __name__ == "__main__":
    main()
