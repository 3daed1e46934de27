"""Translation in Spark tasks with an engine each, and by a second engine where the first fails."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyspark
import pytest
from aiohttp import web
from rich.console import Console

from curate.translate.ask import _choose_gpus
from curate.translate.desk import Desk, Visitor
from curate.translate.engines import EngineSpec
from curate.translate.job import Translation, run
from curate.translate.memory import Memory
from curate.translate.work import Pair
from tests.curate.translate_runs import ACCEPTED, asked, echo, jsonl, translate, written
from tests.translate.llm_server import LanguageServer, completion, error

WORDS = ("नदी", "川", "river", "ποτάμι", "نهر", "நதி", "แม่น้ำ", "река", "강", "jõgi")


def many(count: int) -> list[str]:
    draw = random.Random(3)
    return [f"{' '.join(draw.choices(WORDS, k=draw.randrange(2, 30)))} number {n} ends here." for n in range(count)]


def in_tasks(server: LanguageServer, source: str, output: Path, workers: int = 2) -> Translation:
    pair = Pair("eng_Latn", "hin_Deva", ("English", "Hindi"))
    spec, memory = EngineSpec(name=server.url, model="one"), Memory(str(output / "memory"))
    return Translation((source,), str(output), pair, spec, memory, ACCEPTED, workers=workers, chunk=16)


def test_tasks_with_an_engine_each_write_what_one_process_does(spark: Any, tmp_path: Path) -> None:
    texts = many(300)
    source = jsonl(tmp_path / "a.jsonl", *texts)
    with LanguageServer(echo) as server:
        found = run(in_tasks(server, source, tmp_path / "tasks"), spark, Console(quiet=True))
        once = Counter(map(asked, server.requests))
        run(in_tasks(server, source, tmp_path / "here", workers=0), spark, Console(quiet=True))
    assert written(tmp_path / "tasks") == written(tmp_path / "here") == {str(n): text for n, text in enumerate(texts)}
    assert set(once.values()) == {1} and len(once) == found["asked"]["spans"] == 300
    files = list((tmp_path / "tasks" / "memory").glob("*.parquet"))
    assert len(files) == 19, "a file a chunk of 16"
    assert not list((tmp_path / "tasks").glob("_todo*"))
    assert found["asked"]["completion_tokens"] == 300 * 7


def test_an_error_in_a_task_is_a_line_and_the_rest_is_kept(spark: Any, tmp_path: Path) -> None:
    def refuse(body: dict[str, Any], n: int) -> web.StreamResponse:
        return error(401, "no such key") if len(server.requests) > 100 else completion(asked(body))

    source = jsonl(tmp_path / "a.jsonl", *many(200))
    with LanguageServer(refuse) as server, pytest.raises(ValueError, match="the key is refused") as raised:
        run(in_tasks(server, source, tmp_path / "out"), spark, Console(quiet=True))
    assert "\n" not in str(raised.value)
    before = pl.read_parquet(str(tmp_path / "out" / "memory" / "*.parquet"))
    assert 16 <= len(before) < 200
    with LanguageServer(echo) as server:
        run(in_tasks(server, source, tmp_path / "out"), spark, Console(quiet=True))
        assert len(server.requests) == 200 - len(before)
    assert len(written(tmp_path / "out")) == 200


def test_a_piece_whose_holder_vanishes_is_handed_out_again() -> None:
    desk = Desk(3)
    with desk.opened("127.0.0.1", "127.0.0.1") as address:
        first, second = Visitor(address), Visitor(address)
        assert [first.next({}), second.next({})] == [0, 1]
        first.close()
        taken, end = [second.next({"spans": 5})], time.monotonic() + 30
        while not {0, 2} <= {*taken} and time.monotonic() < end:  # that the first is gone is not known at once
            taken.append(second.next({}))
        assert {0, 2} <= {*taken} and second.next({"spans": 1}) is None
        assert desk.counts["spans"] == 6
        stranger = Visitor(type(address)(address.host, address.port, "guess"))
        with pytest.raises(ConnectionError):
            stranger.next({"spans": 1000})
        assert desk.counts["spans"] == 6
        second.fail("broken")
        second.close()


@pytest.mark.parametrize(
    "visible, workers, expected",
    [
        ("0,1,2,3", 4, ["0", "1", "2", "3"]),
        ("4,5,6,7", 2, ["4,5", "6,7"]),
        ("0,1", 3, ["0", "1", "0"]),
        ("1", 2, ["1", "1"]),
        ("", 2, ["", ""]),
    ],
)
def test_workers_of_a_machine_share_its_gpus(
    monkeypatch: pytest.MonkeyPatch, visible: str, workers: int, expected: list[str]
) -> None:
    found = []
    for worker in range(workers):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        _choose_gpus(worker, workers)
        found.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert found == expected


CLUSTER = """
import os, sys, time
import pyarrow as pa
from curate.recipe import Recipe, Spark
from curate.session import session
from curate.translate.ask import _choose_gpus

script, root = sys.argv[1:]
conf = {f"spark.{who}.resource.gpu.amount": "2" for who in ("worker", "executor")}
conf |= {f"spark.{who}.resource.gpu.discoveryScript": script for who in ("worker", "executor")}
conf |= {"spark.task.resource.gpu.amount": "1", "spark.executor.memory": "512m", "spark.executorEnv.PYTHONPATH": root}
conf |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false"}
settings = Spark(master="local-cluster[1,4,1024]", driver_memory="512m", conf=conf)
spark = session(Recipe(input=("-",), output="-", spark=settings))

def work(batches):
    for batch in batches:
        _choose_gpus(batch.column(0)[0].as_py(), 0)
        time.sleep(2)
        yield pa.record_batch([[os.environ["CUDA_VISIBLE_DEVICES"]]], names=["gpu"])

print(*(row.gpu for row in spark.range(0, 2, 1, 2).mapInArrow(work, "gpu string").collect()))
spark.stop()
"""


def test_a_task_sees_the_gpu_that_spark_gave_it(tmp_path: Path) -> None:
    """A cluster on this machine, whose worker says that it has two GPUs."""
    script = tmp_path / "gpus.sh"
    script.write_text('#!/bin/sh\necho \'{"name": "gpu", "addresses": ["5", "7"]}\'\n')
    script.chmod(0o755)
    root, home = Path(__file__).resolve().parents[2], Path(pyspark.__file__).parent
    environment = {**os.environ, "SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-c", CLUSTER, str(script), str(root)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert sorted(done.stdout.split()) == ["5", "7"], done.stderr[-2000:]


# --- a fallback -------------------------------------------------------------------------------------------------------


def two_models(body: dict[str, Any], n: int) -> web.StreamResponse:
    """The first says nothing of rivers, the second nothing of bridges."""
    nothing = "river" if body["model"] == "one" else "bridge"
    return completion("" if nothing in asked(body) else asked(body).replace(".", "!"))


TEXTS = ("The town is old.", "The river is wide.", "A bridge over the river.", "नदी शांत है। The river is calm.")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_the_first_engine_cannot_goes_to_the_second(spark: Any, tmp_path: Path, workers: str) -> None:
    source, memory = jsonl(tmp_path / "a.jsonl", *TEXTS), str(tmp_path / "memory")
    with LanguageServer(two_models) as server:
        fallback = ("--fallback", server.url, "--fallback-model", "two", "--memory", memory, "--workers", workers)
        result = translate(server, source, str(tmp_path / "out"), *fallback)
        assert result.exit_code == 0, result.output
        paid = len(server.requests)
        assert Counter(body["model"] for body in server.requests) == {"one": 4 + 1 + 3, "two": 3 + 1}
        without = translate(server, source, str(tmp_path / "alone"), "--memory", memory)
        assert len(server.requests) == paid, "what the first said is known"
        other = translate(server, source, str(tmp_path / "out"), "--memory", memory)
    assert list(written(tmp_path / "out").values()) == [
        "The town is old!", "The river is wide!", TEXTS[2], "नदी शांत है। The river is calm!",
    ]  # fmt: skip
    assert "1 left as they are (empty 1)" in result.output and "2 of them by two" in result.output
    rows = pl.read_parquet(str(tmp_path / "out" / "hin_Deva" / "*.parquet"), hive_partitioning=False)
    assert list(rows["by_fallback"]) == [0, 1, 0, 1] and list(rows["untranslated"]) == [0, 0, 1, 0]
    known = pl.read_parquet(f"{memory}/*.parquet").filter(pl.col("translation").is_not_null())
    assert dict(zip(known["source"], known["model"], strict=True)) == {
        TEXTS[0]: "one", TEXTS[1]: "two", "नदी शांत है।": "one", "The river is calm.": "two",
    }  # fmt: skip
    assert "3 left as they are (empty 3)" in without.output, "no answer of the second model without it"
    assert other.exit_code == 1 and "other settings of fallback" in other.output


def test_a_fallback_is_named_wholly_and_is_another_model(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "a.jsonl", "One.")
    with LanguageServer(echo) as server:
        half = translate(server, source, str(tmp_path / "out"), "--fallback", server.url)
        same = translate(server, source, str(tmp_path / "out"), "--fallback", server.url, "--fallback-model", "one")
    assert half.exit_code == 2 and "belong together" in half.output
    assert same.exit_code == 2 and "the same model again" in same.output
