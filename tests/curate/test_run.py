"""The main job on the sample crawl, end to end: every record where it belongs, resumable, and counted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from curate import manifest, recipe, stages
from curate.recipe import RecipeError
from filters.columns import DROPPED, FAILED, KEPT

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples"
QUIET = Console(quiet=True)


def demo(output: Path, *settings: str) -> recipe.Recipe:
    return recipe.load(
        "demo",
        input=[str(SAMPLES / "crawl" / "*.warc.gz")],
        output=str(output),
        settings=[f"urls.blocklist=['{SAMPLES / 'blocklist'}']", *settings],
    )


@pytest.fixture(scope="module")
def run(spark, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("demo") / "run"
    stages.run(demo(output), QUIET)
    return output


def rows(folder: Path) -> list[dict]:
    files = sorted(folder.glob("**/*.parquet"))
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


@pytest.fixture(scope="module")
def expected() -> list[dict]:
    return [json.loads(line) for line in (SAMPLES / "expected.jsonl").read_text("utf-8").splitlines()]


def test_every_record_ends_where_the_sample_says(run: Path, expected: list[dict]) -> None:
    kept = {row["url"] for row in rows(run / "kept")}
    dropped = {row["url"]: row["reason"] for row in rows(run / "dropped")}
    failed = rows(run / "failed")
    copied = {row["original"] for row in expected if row["outcome"] == "copy"}
    wrong = []
    for row in expected:
        where = "kept" if row["url"] in kept else "dropped" if row["url"] in dropped else "failed"
        if row["outcome"] == "copy" or row["url"] in copied:
            continue  # which of the copies is kept is the next test's
        if where != row["outcome"]:
            wrong.append((row["kind"], row["label"], row["url"], where, dropped.get(row["url"])))
    assert not wrong
    assert len(failed) == sum(row["outcome"] == "failed" for row in expected)
    assert len(kept) + len(dropped) + len(failed) == len(expected) and kept and dropped


def test_one_copy_of_each_cluster_is_kept(run: Path, expected: list[dict]) -> None:
    kept = {row["url"]: row for row in rows(run / "kept")}
    dropped = {row["url"]: row for row in rows(run / "dropped")}
    copies = [row for row in expected if row["outcome"] == "copy"]
    assert len(copies) >= 10
    for row in copies:
        pair = [kept.get(url) or dropped[url] for url in (row["url"], row["original"])]
        assert pair[0]["cluster_id"] == pair[1]["cluster_id"], row["url"]
        cluster = [kept[url] for url in kept if kept[url]["cluster_id"] == pair[0]["cluster_id"]]
        assert len(cluster) == 1 and cluster[0]["minhash_cluster_size"] >= 2
        gone = [dropped[url]["reason"] for url in (row["url"], row["original"]) if url in dropped]
        assert set(gone) <= {"duplicate_exact", "duplicate_near"} and gone


def test_language_and_script_are_those_of_the_sample(run: Path, expected: list[dict]) -> None:
    labels = {row["url"]: f"{row['language']}_{row['language_script']}" for row in rows(run / "kept")}
    judged = [(row["url"], row["label"]) for row in expected if row["url"] in labels and row["kind"] != "code_mixed"]
    right = sum(labels[url] == label for url, label in judged)
    assert len(judged) > 100
    assert right / len(judged) >= 0.97, [(url, labels[url], label) for url, label in judged if labels[url] != label]


def test_reasons_are_named_for_what_was_wrong(run: Path, expected: list[dict]) -> None:
    reasons = {row["url"]: row["drop_reasons"] for row in rows(run / "dropped")}
    by_kind: dict[str, set[str]] = {}
    for row in expected:
        by_kind.setdefault(row["kind"], set()).update(reasons.get(row["url"], []))
    assert by_kind["http_status"] == {"http_status"}
    assert by_kind["image"] == {"content_type"}
    assert by_kind["revisit"] == {"revisit"}
    assert by_kind["blocked"] == {"url_blocked"}
    assert "non_symbol_words_low" in by_kind["short"]


def test_personal_data_is_replaced_and_prices_and_dates_survive(run: Path, expected: list[dict]) -> None:
    texts = {row["url"]: row["text"] for row in rows(run / "kept")}
    pages = [texts[row["url"]] for row in expected if row["kind"] == "pii"]
    assert pages and all("@example.org" not in text for text in pages)
    assert any("email@example.com" in text for text in pages)


def test_files_have_the_schemas_of_the_contract(run: Path) -> None:
    for folder, schema in (("kept", KEPT), ("dropped", DROPPED), ("failed", FAILED)):
        for file in (run / folder).glob("**/*.parquet"):
            assert pq.read_schema(file).equals(schema)
    assert {path.name for path in (run / "kept").iterdir()} >= {
        "hin_Deva",
        "hin_Latn",
        "tha_Thai",
        "arb_Arab",
        "kor_Hang",
    }


def test_others_open_the_shards(run: Path) -> None:
    import datasets
    import duckdb
    import polars

    count = ds.dataset([str(path) for path in (run / "kept").glob("*/*.parquet")]).count_rows()
    pattern = f"{run}/kept/*/*.parquet"
    assert duckdb.sql(f"select count(*) from '{pattern}'").fetchall() == [(count,)]
    assert polars.scan_parquet(pattern).select(polars.len()).collect().item() == count
    loaded = datasets.load_dataset("parquet", data_files=pattern, split="train", streaming=True)
    assert sum(1 for _ in loaded) == count


def test_verify_agrees_and_notices_a_lost_row(run: Path, tmp_path: Path) -> None:
    import shutil

    assert all(check.ok for check in manifest.verify(str(run)))
    damaged = tmp_path / "damaged"
    shutil.copytree(run, damaged)
    shard = next((damaged / "kept").glob("*/*.parquet"))
    pq.write_table(pq.ParquetFile(shard).read().slice(1), shard)
    wrong = {check.what for check in manifest.verify(str(damaged)) if not check.ok}
    assert wrong == {"kept rows", "kept content", "in = kept + dropped + failed"}


def test_a_rerun_does_nothing_and_other_cutoffs_measure_nothing(run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.glob("**/*.parquet") if "decisions" not in str(path)}
    stages.run(demo(run), QUIET)
    assert before == {
        path: path.stat().st_mtime_ns for path in run.glob("**/*.parquet") if "decisions" not in str(path)
    }
    kept = len(rows(run / "kept"))
    stages.run(demo(run, "cutoffs=english"), QUIET)
    measured = {path: stamp for path, stamp in before.items() if path.parent.name == "documents"}
    assert measured == {path: path.stat().st_mtime_ns for path in (run / "documents").glob("*.parquet")}
    assert len(rows(run / "kept")) < kept
    assert all(check.ok for check in manifest.verify(str(run)))
    stages.run(demo(run), QUIET)
    assert len(rows(run / "kept")) == kept


def test_the_folder_of_another_run_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds another run: it was measured with other settings of extract"):
        stages.run(demo(run, "extract.extractor=plain"), QUIET)
    with pytest.raises(RecipeError, match="holds another run: it read"):
        stages.run(demo(run).model_copy(update={"input": (str(SAMPLES / "sample.jsonl.gz"),)}), QUIET)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RecipeError, match="is not empty and holds no run"):
        stages.run(demo(tmp_path), QUIET)


def test_all_formats_in_one_run(spark, tmp_path: Path) -> None:
    names = ("sample.jsonl.gz", "sample.warc.wet.gz", "sample.html", "dump.xml")
    kept_shard = recipe.load("demo", input=[str(SAMPLES / name) for name in names], output=str(tmp_path / "run"))
    stages.run(kept_shard, QUIET)
    formats = Counter(Path(row["source"]["file"]).name for row in rows(tmp_path / "run" / "documents"))
    assert set(formats) == set(names)
    parquet = recipe.load("demo", input=[str(tmp_path / "run" / "kept")], output=str(tmp_path / "again"))
    stages.run(parquet, QUIET)
    first, again = (
        sorted((row["id"], row["text"]) for row in rows(tmp_path / name / "kept")) for name in ("run", "again")
    )
    assert first == again and first


def content(folder: Path) -> Counter:
    kept = Counter(("kept", row["id"], row["text"], row["cluster_id"]) for row in rows(folder / "kept"))
    dropped = Counter(
        ("dropped", row["id"], tuple(row["drop_reasons"]), row["cluster_id"]) for row in rows(folder / "dropped")
    )
    return (
        kept
        + dropped
        + Counter(("failed", row["file"], row["offset"], row["reason"]) for row in rows(folder / "failed"))
    )


def killed_at(output: Path, pattern: str, *settings: str, count: int = 1) -> None:
    """The demo as a process of its own, killed with its JVM and workers when `count` paths of the folder match."""
    crawl = ["-i", str(SAMPLES / "crawl" / "*.warc.gz"), "-o", str(output)]
    options = [f"urls.blocklist=['{SAMPLES / 'blocklist'}']", "spark.master=local[1]", *settings]
    command = [sys.executable, "-m", "curate.cli", "run", "demo", *crawl]
    command += [part for option in options for part in ("--set", option)]
    process = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 180
    while len(list(output.glob(pattern))) < count:
        assert process.poll() is None and time.monotonic() < deadline, "the run ended or hung before it could be killed"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def times(paths: Iterable[Path]) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in paths}


def hash_of(folder: Path) -> str:
    return json.loads((folder / "manifest.json").read_text())["content_hash"]


def test_kill_in_the_middle_then_run_again(spark, tmp_path: Path) -> None:
    settings = ["limits.split_bytes=20000"]
    stages.run(demo(tmp_path / "whole", *settings), QUIET)
    output = tmp_path / "killed"
    killed_at(output, "documents/_commits/0*.json", *settings, count=2)
    finished = times(output.glob("documents/_commits/0*.json"))
    units = len(json.loads((output / "run.json").read_text())["units"])
    assert 2 <= len(finished) < units, "killed too late to prove anything"
    stages.run(demo(output, *settings), QUIET)
    assert times(finished) == finished, "a finished unit was read twice"
    assert content(output) == content(tmp_path / "whole")
    assert hash_of(output) == hash_of(tmp_path / "whole")


def test_kills_while_verifying_deciding_and_writing(spark, tmp_path: Path) -> None:
    """One run killed three times: what was finished by then is not done again, and the end is the same."""
    settings = ["limits.split_bytes=20000", "dedup.verify='estimate'"]
    stages.run(demo(tmp_path / "whole", *settings), QUIET)
    output = tmp_path / "killed"
    killed_at(output, "clusters/*/_rounds/evidence", *settings)
    measured = times(output.glob("documents/*.parquet"))
    assert measured and not list(output.glob("clusters/*/_SUCCESS")), "killed too late to prove anything"
    killed_at(output, "decisions/*/_rounds/filtered", *settings)
    clusters = times(output.glob("clusters/*/_SUCCESS"))
    assert clusters and not list(output.glob("decisions/*/_SUCCESS")), "killed too late to prove anything"
    killed_at(output, "kept/**/*.parquet", *settings)
    assert not (output / "manifest.json").exists(), "killed too late to prove anything"
    stages.run(demo(output, *settings), QUIET)
    assert times(measured) == measured and times(clusters) == clusters, "finished work was done again"
    assert content(output) == content(tmp_path / "whole")
    assert hash_of(output) == hash_of(tmp_path / "whole")
