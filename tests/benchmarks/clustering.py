"""Time and memory of duplicate clusters: 10^5, 10^6 and 10^7 synthetic signatures on local[2].

    python -m tests.benchmarks.clustering [largest power of ten, default 7]

A fifth of the documents are near copies (nine values in ten) of a neighbour. Run a second time with 100,000 documents of one
signature in it, each a text of its own, which makes 14 buckets of 100,000. Limits: ten times the documents in at most 12
times the time, from 10^6 to 10^7, the large buckets change nothing of that, 12 GB. Writing the signatures is not timed.
Components on a chain of 10,000 and a star of 1,000,000 are checked in tests/curate/test_dedup.py.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate import decide, dedup
from curate.recipe import Recipe, Spark
from curate.session import read_parquet, session
from tests.benchmarks.cost import cost

CHUNK = 100_000  # documents written by a task
SAME = 100_000
LEAST_TIMES, MOST_BYTES = 12, 12e9
COLUMNS = "key long, exact_hash long, minhash binary"


def chunk(number: int, same: bool) -> pa.RecordBatch:
    """Documents number * CHUNK and on; with `same` all of one signature."""
    rng = np.random.default_rng(number)
    values = rng.integers(0, 1 << 16, (CHUNK, 112), dtype=np.uint16)
    copies = np.arange(4, CHUNK, 5)
    values[copies] = np.where(rng.random((len(copies), 112)) < 0.9, values[copies - 1], values[copies])
    if same:
        values[:] = values[0]
    keys = np.arange(number * CHUNK, (number + 1) * CHUNK)
    packed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(224), CHUNK, [None, pa.py_buffer(values)])
    return pa.record_batch([keys, keys, packed.cast(pa.binary())], names=["key", "exact_hash", "minhash"])


def measured(documents: int, same: bool, verify: bool) -> dict[str, Any]:
    """Seconds to cluster so many documents, and what came out."""
    spark = session(Recipe(input=("-",), output="-", spark=Spark(master="local[2]", driver_memory="6g")))
    spark.sparkContext.setLogLevel("OFF")
    chunks = documents // CHUNK

    def make(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield chunk(number, same and number == 0)

    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as scratch:
        spark.range(0, chunks, 1, chunks).mapInArrow(make, COLUMNS).write.parquet(f"file://{scratch}/signatures")
        frame = read_parquet(spark, f"{scratch}/signatures")
        start = time.perf_counter()
        how = dedup.by_estimate(frame, 0.7) if verify else None
        store = decide._checkpoint(spark, f"{scratch}/rounds")
        found = dedup.clusters(frame, bands=14, rows=8, checkpoint=store, verification=how)
        rows = found.members.count()
        seconds = time.perf_counter() - start
        figures = {"figures": found.figures.dump()} if found.figures else {}
        return {"seconds": round(seconds, 1), "members": rows, **figures}


def in_a_process(documents: int, same: bool = False, verify: bool = False) -> dict[str, Any]:
    """`measured` in a fresh process, with the memory that it and its JVM took."""
    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as scratch:
        result = Path(scratch, "result.json")
        arguments = [str(documents), str(int(same)), str(int(verify)), str(result)]
        took = cost([sys.executable, "-m", "tests.benchmarks.clustering", "--one", *arguments])
        return json.loads(result.read_text()) | {"peak_gb": round(took.peak_bytes / 1e9, 2)}


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        documents, same, verify = map(int, sys.argv[2:5])
        Path(sys.argv[5]).write_text(json.dumps(measured(documents, bool(same), bool(verify))))
        return
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    figures: dict[str, Any] = {}
    for power in range(5, largest + 1):
        figures[f"1e{power}"] = in_a_process(10**power)
        figures[f"1e{power}_large_buckets"] = in_a_process(10**power, same=True)
    figures[f"1e{min(largest, 6)}_verified"] = in_a_process(10 ** min(largest, 6), verify=True)
    if largest >= 7:
        figures["times"] = round(figures["1e7"]["seconds"] / figures["1e6"]["seconds"], 1)
        figures["times_large_buckets"] = round(figures["1e7_large_buckets"]["seconds"] / figures["1e6"]["seconds"], 1)
    print(json.dumps({"benchmark": "clustering", **figures}))


if __name__ == "__main__":
    main()
