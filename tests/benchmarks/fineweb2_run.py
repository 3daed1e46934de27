"""A crawl to shards by FineWeb-2's steps: `curate run` beside datatrove's local executor, CPU time of everything.

    python -m tests.benchmarks.fineweb2_run [CRAWL [LANGUAGE]]

CRAWL is a folder that tools/make_warc.py --text --near-copies 0.2 wrote; without it one is made. LANGUAGE:
only the comparison that wants this language, which is worth having on a larger crawl. Both read the same WARC
files with two processes, extract by trafilatura with the same options, identify by the same model, cut by FineWeb-2's
per-language values, deduplicate by MinHash 14 x 8, mask e-mail and IP addresses. datatrove runs its own blocks in
FineWeb-2's order: extraction and language; per language the four MinHash stages; per language its three filters on what
is left, then its formatters. It is given what helps it: one process for all small languages (nothing starts anew for
each), white-space words where its tokenizer for a language is not installed, and no report. Ours counts the JVM.
Limits: 3 times less CPU; 4 times less when only Hindi is wanted, the screen on, datatrove dropping after its language ID.
"""

import json
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import yaml

from filters.language import model_path
from tests.benchmarks.corpora import DATA
from tests.benchmarks.cost import cost

CONFIGS = DATA / "lists" / "fineweb2_configs.zip"
WHITE_SPACE = "ace_Arab"  # a language that datatrove cuts at white space
WANTED = "hin_Deva"


@cache
def config(label: str) -> dict[str, Any]:
    """FineWeb-2's values for a language; {} where it has none."""
    with zipfile.ZipFile(CONFIGS) as archive:
        name = f"configs/{label}.yml"
        return yaml.safe_load(archive.read(name)) if name in archive.namelist() else {}


def read_and_identify(crawl: Path, output: Path, wanted: str) -> None:
    """Pages to text by language, above FineWeb-2's score for it."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import LambdaFilter
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    files = len(list(crawl.glob("*.warc.gz")))
    steps = [
        WarcReader(str(crawl), glob_pattern="*.warc.gz"),
        Trafilatura(favour_precision=False, deduplicate=False, timeout=10),
        LambdaFilter(lambda document: identified(document, wanted)),
        JsonlWriter(str(output / "texts"), output_filename="${language}/${rank}.jsonl.gz"),
    ]
    LocalPipelineExecutor(steps, tasks=files, workers=2, logging_dir=str(output / "logs")).run()


@cache
def _model() -> Any:
    import fasttext

    return fasttext.load_model(str(model_path("default"))).f


def identified(document: Any, wanted: str) -> bool:
    """As datatrove's LanguageFilter for GlotLID: every label scored, those above 0.01 kept."""
    pairs = _model().predict(document.text.replace("\n", " ") + "\n", -1, 0.0, "strict")
    if not pairs:
        return False
    scores = {name.split("__")[2]: score for score, name in pairs}
    best, score = max(scores.items(), key=lambda pair: pair[1])
    document.metadata |= {"language": best, "language_score": score}
    document.metadata |= {f"top_{name}": value for name, value in scores.items() if value > 0.01}
    return wanted in ("", best) and score >= config(best).get("language_score", 0.3)


@cache
def tokenized_as(label: str) -> str:
    """The language itself where datatrove's tokenizer for it runs here."""
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    try:
        load_word_tokenizer.__wrapped__(label).word_tokenize(
            "one two"
        )  # one that is thrown away: a used one has no copy
        return label
    except Exception:
        return WHITE_SPACE


def deduplicate(output: Path, label: str) -> None:
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    settings = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    reader = JsonlReader(str(output / "texts" / label))
    signatures, buckets, clusters = (str(output / name / label) for name in ("signatures", "buckets", "clusters"))
    language = tokenized_as(label)
    run(output, 1, [reader, MinhashDedupSignature(signatures, config=settings, language=language)])
    run(output, 14, [MinhashDedupBuckets(signatures, buckets, config=settings)])
    run(output, 1, [MinhashDedupCluster(buckets, clusters, config=settings, save_cluster_size=True)])
    kept = MinhashDedupFilter(clusters, load_cluster_sizes=True)
    run(output, 1, [reader, kept, JsonlWriter(str(output / "unique" / label))])


def filter_(output: Path, label: str) -> None:
    """FineWeb-2's filters and formatters, in its order and with its values."""
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
    from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter, SymbolLinesFormatter
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    language, own = tokenized_as(label), config(label)
    pairs = {name: [tuple(each) for each in own[name]] for name in ("top_n_grams", "dup_n_grams") if name in own}
    names = ("min_avg_word_length", "max_avg_word_length", "max_non_alpha_words_ratio")
    words = {name: own[name] for name in names if name in own}
    lines = {name: own[name] for name in ("line_punct_thr", "new_line_ratio") if name in own}
    repetition = GopherRepetitionFilter(
        language=language,
        dup_line_frac=own.get("dup_line_frac", 0.3),
        dup_para_frac=0,
        dup_line_char_frac=0,
        dup_para_char_frac=0,
        **pairs,
    )
    steps = [
        JsonlReader(str(output / "unique" / label)),
        repetition,
        FineWebQualityFilter(language=language, short_line_thr=999, char_duplicates_ratio=0.1, **lines),
        GopherQualityFilter(language=language, min_stop_words=2, stop_words=own.get("stopwords"), **words),
        FTFYFormatter(),
        PIIFormatter(),
        SymbolLinesFormatter(symbols_to_remove=["|"]),
        JsonlWriter(str(output / "kept" / label)),
    ]
    run(output, 1, steps)


def run(output: Path, tasks: int, steps: list[Any]) -> None:
    """In a fork of this process, so that nothing is loaded anew: datatrove cannot copy a tokenizer that was used."""
    child = get_context("fork").Process(target=_run, args=(output, tasks, steps))
    child.start()
    child.join()
    if child.exitcode:
        sys.exit(f"a stage of datatrove ended with status {child.exitcode}")


def _run(output: Path, tasks: int, steps: list[Any]) -> None:
    from datatrove.executor import LocalPipelineExecutor

    with tempfile.TemporaryDirectory(dir=output) as logs:
        LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=logs).run()


def by_language(output: Path) -> None:
    """Deduplicate and filter each language, and say what that cost: exact, because every fork is waited for."""
    for label in sorted(path.name for path in (output / "texts").iterdir()):
        deduplicate(output, label)
        if any((output / "unique" / label).glob("*.jsonl.gz")):
            filter_(output, label)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(each.ru_utime + each.ru_stime for each in used)
    (output / "found.json").write_text(json.dumps({"kept": sum(_rows(output / "kept")), "cpu_seconds": cpu}))


def datatrove(crawl: Path, output: Path, wanted: str) -> dict[str, float]:
    """What its two parts cost together. The first has processes that nobody waits for, the second very short ones."""
    output.mkdir()
    command = [sys.executable, "-m", "tests.benchmarks.fineweb2_run"]
    reading = cost([*command, "--read", str(crawl), str(output), wanted])
    rest = cost([*command, "--by-language", str(output)])
    found = json.loads((output / "found.json").read_text())
    return {
        "seconds": round(reading.seconds + rest.seconds, 1),
        "cpu_seconds": round(reading.cpu_seconds + found["cpu_seconds"], 1),
        "cpu_seconds_reading": round(reading.cpu_seconds, 1),
        "peak_gb": round(max(reading.peak_bytes, rest.peak_bytes) / 1e9, 2),
        "kept": found["kept"],
    }


def _rows(folder: Path) -> Iterator[int]:
    import gzip

    for path in folder.rglob("*.jsonl.gz"):
        with gzip.open(path) as lines:
            yield sum(1 for _ in lines)


def compare(crawl: Path, scratch: Path, wanted: str) -> dict[str, Any]:
    """What both cost on the crawl, and the documents kept."""
    name = wanted or "all"
    ours, theirs, table = scratch / f"ours-{name}", scratch / f"theirs-{name}", scratch / "fineweb2.toml"
    command = [sys.executable, "-m", "curate.cli", "run", "web", "-i", f"{crawl}/*.warc.gz", "-o", str(ours)]
    options = [f"cutoffs={table}", "spark.master=local[2]", *([f'languages=["{wanted}"]'] if wanted else [])]
    found = cost([*command, *(part for option in options for part in ("--set", option))]).dump()
    manifest = json.loads((ours / "manifest.json").read_text())
    found |= {"kept": manifest["stages"]["decide"]["kept"], "measure_cpu": manifest["cpu_seconds"]}
    peer = datatrove(crawl, theirs, wanted)
    times = round(peer["cpu_seconds"] / found["cpu_seconds"], 2)
    return {"ours": found, "datatrove": peer, "cpu_times_less": times}


def main() -> None:
    if sys.argv[1:2] == ["--read"]:
        return read_and_identify(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
    if sys.argv[1:2] == ["--by-language"]:
        return by_language(Path(sys.argv[2]))
    with tempfile.TemporaryDirectory(prefix="multicurate-bench-") as temporary:
        scratch = Path(temporary)
        crawl = Path(sys.argv[1]) if len(sys.argv) > 1 else scratch / "crawl"
        if len(sys.argv) == 1:
            make = [sys.executable, str(DATA.parent / "tools" / "make_warc.py"), "--text", "--near-copies", "0.2"]
            subprocess.run([*make, "--out", str(crawl)], check=True, stdout=subprocess.DEVNULL)
        importing = ["cutoffs", "import", str(CONFIGS), "-o", str(scratch / "fineweb2.toml")]
        subprocess.run([sys.executable, "-m", "curate.cli", *importing], check=True, stdout=subprocess.DEVNULL)
        wanted = sys.argv[2:3] or ["", WANTED]
        figures = {name or "all": compare(crawl, scratch, name) for name in wanted}
    print(json.dumps({"benchmark": "fineweb2_run", **figures}))


if __name__ == "__main__":
    main()
