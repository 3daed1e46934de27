"""MinHash deduplication from JSON lines to what is left: ours, datatrove's four stages and text-dedup's local script.

    python -m tests.benchmarks.dedup_jobs [documents, default 1000000] [PYTHON of an environment with text-dedup]

The same short documents for all (`short_documents`), English and Hindi apart, because datatrove's signatures take one
language a job; 14 bands of 8, 5-grams, two processes or cores each. Ours comes twice: `job` does what the peers do, from
the same functions as a run (signatures in Python workers, clusters in the JVM, the first document of a cluster kept);
`run` is the whole `curate run`, with extraction's clean-up, language, signals, cutoffs, PII and the report besides. Limits: 10 times less
CPU than datatrove; no slower than text-dedup. text-dedup wants other packages than ours: an environment of its own.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet as pq

from tests.benchmarks.cost import cost
from tests.benchmarks.short_documents import write

BANDS, ROWS, NGRAM, BATCH = 14, 8, 5, 2000
LABELS = {"eng": "eng_Latn", "hin": "hin_Deva"}
LONGEST = 2 * 3600  # seconds


def job(texts: Path, output: Path, language: str) -> None:
    """Ours, deduplication alone."""
    from curate import decide, dedup
    from curate.recipe import Recipe, Spark
    from curate.session import read_parquet, session

    spark = session(Recipe(input=("-",), output="-", spark=Spark(master="local[2]")))
    files, label = sorted(texts.glob(f"{language}-*.jsonl.gz")), LABELS[language]

    def sign(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from signed(files[number], number, label, output)

    columns = "key long, exact_hash long, minhash binary"
    spark.range(0, len(files), 1, len(files)).mapInArrow(sign, columns).write.parquet(f"file://{output}/signatures")
    frame = read_parquet(spark, f"{output}/signatures")
    store = decide._checkpoint(spark, f"{output}/rounds")
    members = dedup.clusters(frame, bands=BANDS, rows=ROWS, checkpoint=store).members
    copies = members.where("key != cluster_id").selectExpr("shiftright(key, 32) unit", "key").toArrow()

    def keep(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield kept(number, copies.filter(pc.equal(copies["unit"], number))["key"], output)

    (output / "kept").mkdir()
    rows = spark.range(0, len(files), 1, len(files)).mapInArrow(keep, "rows long").groupBy().sum("rows").first()
    (output / "rows.json").write_text(json.dumps(rows[0]))


def signed(path: Path, number: int, label: str, output: Path) -> Iterator[pa.RecordBatch]:
    """(key, exact_hash, minhash) of one file's documents, which are written beside it."""
    from filters import minhash

    table = pyarrow.json.read_json(path)
    keys = pa.array(range(number << 32, (number << 32) + len(table)), pa.int64())
    (output / "texts").mkdir(parents=True, exist_ok=True)
    pq.write_table(table.append_column("key", keys), output / "texts" / f"{number}.parquet", compression="zstd")
    for start in range(0, len(table), BATCH):
        text = table["text"].slice(start, BATCH).combine_chunks()
        packed = minhash.pack(minhash.signatures(text, pa.array([label] * len(text)), ngram=NGRAM))
        columns = [keys.slice(start, BATCH), minhash.exact_hash(text), packed]
        yield pa.record_batch(columns, names=["key", "exact_hash", "minhash"])


def kept(number: int, copies: pa.ChunkedArray, output: Path) -> pa.RecordBatch:
    table = pq.read_table(output / "texts" / f"{number}.parquet")
    left = table.filter(pc.invert(pc.is_in(table["key"], copies.combine_chunks())))
    pq.write_table(left, output / "kept" / f"{number}.parquet", compression="zstd")
    return pa.record_batch([[len(left)]], names=["rows"])


def datatrove(texts: Path, output: Path, language: str) -> None:
    """datatrove's example of MinHash deduplication, with FineWeb-2's parameters and local executors."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.parquet import ParquetWriter

    config = MinhashConfig(n_grams=NGRAM, num_buckets=BANDS, hashes_per_bucket=ROWS)
    reader = JsonlReader(str(texts), glob_pattern=f"{language}-*.jsonl.gz")
    folders = [str(output / name) for name in ("signatures", "buckets", "clusters", "kept")]
    signatures, buckets, clusters, left = folders
    tasks = min(8, len(list(texts.glob(f"{language}-*.jsonl.gz"))))
    stages = [
        (tasks, [reader, MinhashDedupSignature(signatures, config=config, language=LABELS[language])]),
        (BANDS, [MinhashDedupBuckets(signatures, buckets, config=config)]),
        (1, [MinhashDedupCluster(buckets, clusters, config=config)]),
        (tasks, [reader, MinhashDedupFilter(clusters), ParquetWriter(left, compression="zstd")]),
    ]
    for number, (count, steps) in enumerate(stages):
        LocalPipelineExecutor(steps, tasks=count, workers=2, logging_dir=str(output / f"logs{number}")).run()
    rows = sum(pq.read_metadata(path).num_rows for path in Path(left).rglob("*.parquet"))
    (output / "rows.json").write_text(json.dumps(rows))


def text_dedup(python: str, texts: Path, output: Path, language: str) -> list[str]:
    """Its command on the same files."""
    source = [
        "--path",
        "json",
        "--data_files",
        f"{texts}/{language}-*.jsonl.gz",
        "--split",
        "train",
        "--use_auth_token",
        "false",
        "--hash_func",
        "xxh3",
    ]
    how = [
        "--ngram",
        str(NGRAM),
        "--b",
        str(BANDS),
        "--r",
        str(ROWS),
        "--num_perm",
        str(BANDS * ROWS),
        "--num_proc",
        "2",
    ]
    places = ["--cache_dir", str(output / "cache"), "--output", str(output / "kept"), "--column", "text"]
    return [python, "-m", "text_dedup.minhash", *source, *how, *places, "--batch_size", "10000"]


def compare(documents: int, language: str, python: str | None) -> dict[str, Any]:
    """What each costs on the same files, and the documents left."""
    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as scratch:
        texts = Path(scratch, "texts")
        write(texts, language, documents)
        figures: dict[str, Any] = {}
        for name in ("job", "datatrove"):
            output = Path(scratch, name)
            command = [sys.executable, "-m", "tests.benchmarks.dedup_jobs", "--one", name, str(texts), str(output)]
            figures[name] = cost([*command, language], timeout=LONGEST).dump()
            figures[name]["left"] = json.loads((output / "rows.json").read_text())
        command = [sys.executable, "-m", "curate.cli", "run", "web", "-i", f"{texts}/*.jsonl.gz"]
        options = ["--set", "spark.master=local[2]", "-o", f"{scratch}/run"]
        figures["run"] = cost([*command, *options]).dump()
        if python:
            figures["text_dedup"] = cost(text_dedup(python, texts, Path(scratch, "text_dedup"), language)).dump()
    for name in ("job", "run"):
        figures[f"cpu_times_less_than_datatrove_{name}"] = _ratio(figures, name, "datatrove", "cpu_seconds")
        if python:
            figures[f"times_faster_than_text_dedup_{name}"] = _ratio(figures, name, "text_dedup", "seconds")
    return figures


def _ratio(figures: dict[str, Any], ours: str, peer: str, what: str) -> float:
    return round(figures[peer][what] / figures[ours][what], 1)


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        name, texts, output, language = sys.argv[2:]
        {"job": job, "datatrove": datatrove}[name](Path(texts), Path(output), language)
        return
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    python = sys.argv[2] if len(sys.argv) > 2 else None
    languages = {language: compare(documents, language, python) for language in LABELS}
    print(json.dumps({"benchmark": "dedup_jobs", "documents": documents, **languages}))


if __name__ == "__main__":
    main()
