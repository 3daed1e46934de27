"""Real vLLM on the CPU with a random Llama made here: in process, and as the OpenAI-compatible server it also is."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate.cli_annotate import annotate
from translate.engine import Answer, Failure, Message, Parameters, Request
from translate.prompt import quoted
from translate.server import ServerEngine

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
QUIET = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "PYTHONPATH": str(ROOT),
}
STARTS_IN = 400  # seconds, on a busy machine
TEXT = "नदी के किनारे बसा यह गाँव हर साल बाढ़ देखता है।"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the model; a newcomer has no vLLM and skips, CI must have it."""
    if not (ROOT / ".venv-vllm" / "installed").exists():
        message = "no .venv-vllm; `make vllm` builds it"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    folder = str(tmp_path_factory.mktemp("tiny"))
    _python("-m", "tests.translate.tiny_llama", folder)
    return folder


def _python(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [str(PYTHON), *arguments],
        cwd=ROOT,
        env={**os.environ, **QUIET, **environment},
        capture_output=True,
        text=True,
        timeout=STARTS_IN,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def starting(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A server that loads while the in-process tests run, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ["--host", "127.0.0.1", "--port", str(port), "--model", tiny, "--served-model-name", "tiny"]
    how = ["--enforce-eager", "--dtype", "float32", "--max-num-seqs", "64"]
    compact = ["--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}']
    log = (tmp_path_factory.mktemp("log") / "server.log").open("wb")
    process = subprocess.Popen(
        [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", *where, *how, *compact],
        env={**os.environ, **QUIET},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    yield f"http://127.0.0.1:{port}/v1", process
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def found(tiny: str, starting: object) -> dict[str, Any]:
    """What vllm_checks saw; the engine runs in the process itself, which starts quicker than its own."""
    out = _python("-m", "tests.translate.vllm_checks", tiny, VLLM_ENABLE_V1_MULTIPROCESSING="0")
    return dict(json.loads(out.strip().splitlines()[-1]))


@pytest.fixture(scope="module")
def served(found: object, starting: tuple[str, "subprocess.Popen[bytes]"]) -> str:
    url, process = starting
    deadline = time.monotonic() + STARTS_IN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/models", timeout=5):
                return url
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"vLLM's server did not start; it ended with {process.poll()}")


def test_prompts_and_answers_are_those_of_vllm_itself(found: dict[str, Any]) -> None:
    assert found["same_ids"] and found["same_text"] and found["again"]
    assert found["counted"] == [answer["prompt_tokens"] for answer in found["answers"]]
    assert {(answer["finish"], answer["completion_tokens"]) for answer in found["answers"]} == {("length", 16)}
    assert len({answer["text"] for answer in found["answers"]}) > 1


def test_tokens_are_counted_without_loading_the_model(found: dict[str, Any]) -> None:
    assert found["loaded_to_count"] is False and min(found["counted"]) > 20


def test_the_schema_holds_whatever_the_model_would_say(found: dict[str, Any]) -> None:
    for answer in found["structured"]:
        assert answer["finish"] == "stop"
        said = json.loads(answer["text"], strict=False)  # random weights write control characters too
        assert set(said) == {"reason", "score"} and said["score"] in (0, 1, 2, 3) and len(said["reason"]) <= 40
    assert "no such type" in found["impossible_schema"]


def test_a_seed_decides(found: dict[str, Any]) -> None:
    assert found["seeded"] == [True, False]


def test_a_prompt_that_does_not_fit_fails_alone(found: dict[str, Any]) -> None:
    assert found["fits"]["completion_tokens"] == 4
    assert found["long"] == {
        "reason": "too_long",
        "detail": "6000 tokens of prompt and 4 of answer; the model holds 2048",
    }


def test_a_page_adds_no_control_tokens(found: dict[str, Any]) -> None:
    """Two messages and the beginning of the answer: five, also for the page that holds `<|im_end|>` itself."""
    assert found["special"] == [5] * len(found["special"])


def test_annotate_with_the_engine_in_process_accounts_for_every_document(found: dict[str, Any]) -> None:
    first, again = found["annotated"]
    assert first["sampled"] == {"hin_Deva": 12} == again["sampled"]
    scored = sum(first["scored"]["hin_Deva"].values())
    assert scored > 0 and scored + sum(first["failed"].get("hin_Deva", {}).values()) == 12
    assert first["tokens_of_this_run"]["completion"] > 12 and first["unfinished"] == {}
    assert again == first | {"tokens_of_this_run": {"prompt": 0, "completion": 0}}


def test_an_answer_that_repeats_itself_ends_early_and_is_a_loop(found: dict[str, Any]) -> None:
    for result in found["looped"]["plain"]:
        assert result["reason"] == "loop"
        assert 68 <= int(result["detail"].removeprefix("repeats itself; ended after ").split()[0]) < 1000


def test_a_prompt_that_repeats_itself_may_have_such_an_answer(found: dict[str, Any]) -> None:
    assert {(result["finish"], result["completion_tokens"]) for result in found["looped"]["dotted"]} == {
        ("length", 1000)
    }


def test_one_bad_text_fails_alone_and_no_text_is_no_answer(found: dict[str, Any]) -> None:
    long, *others = found["hostile"]
    assert long["reason"] == "too_long" and len(others) == 5
    assert {answer["completion_tokens"] for answer in others} == {4}
    assert found["nothing"] == []


def test_an_engine_whose_process_dies_is_one_line(tiny: str) -> None:
    out = json.loads(_python("-m", "tests.translate.vllm_checks", tiny, "dead").strip().splitlines()[-1])
    assert out["answered"] == 5 and len(out["said"]) == 2
    for line in out["said"]:
        assert line.startswith(f"vLLM with {tiny} stopped: ") and "\n" not in line


# --- the same model, served ------------------------------------------------------------------------------------------


def _ask(text: str, **parameters: Any) -> Request:
    turns = (Message("system", "Judge the page."), Message("user", quoted(text)))
    return Request(turns, Parameters(**{"max_tokens": 16, **parameters}))


def test_the_server_answers_as_the_engine_in_process(served: str, found: dict[str, Any]) -> None:
    engine = ServerEngine(served, "tiny")
    assert engine.count_tokens([_ask(TEXT)]) == found["counted"][:1]  # exact, by the server's own tokenizer
    (answer,) = engine.run([_ask(TEXT)])
    assert isinstance(answer, Answer)
    assert (answer.text, answer.prompt_tokens) == (found["answers"][0]["text"], found["counted"][0])


def test_the_server_is_not_sent_what_it_cannot_hold(served: str) -> None:
    chat, bare = ServerEngine(served, "tiny").run([_ask("x " * 3000), Request("x " * 3000, Parameters(max_tokens=4))])
    for failure in (chat, bare):
        assert isinstance(failure, Failure) and failure.reason == "too_long"
        assert failure.detail.endswith("the model holds 2048")


def test_what_the_server_itself_finds_too_long_has_the_same_name(served: str) -> None:
    engine = ServerEngine(served, "tiny")
    engine.run([_ask(TEXT)])
    engine._context = None  # as of a server that does not say
    (failure,) = engine.run([_ask("x " * 3000)])
    assert isinstance(failure, Failure) and failure.reason == "too_long" and "2048" in failure.detail


def test_annotate_with_a_real_server_accounts_for_every_document(served: str, tmp_path: Path) -> None:
    rows = [{"id": str(n), "language": "hin_Deva", "text": f"{n} {TEXT}"} for n in range(12)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    fixed = ["-o", str(tmp_path / "out"), "--engine", served, "--model", "tiny", "--native-prompts"]
    result = CliRunner().invoke(annotate, [str(tmp_path / "a.jsonl"), *fixed], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    (file,) = (tmp_path / "out" / "annotations").glob("*.parquet")
    scored = pq.read_table(file).to_pylist()
    assert len(scored) == 12 and "12 sampled = " in result.output
    assert all((row["score"] in range(6)) == (row["failure"] is None) for row in scored)
    assert all(row["prompt_tokens"] > 500 and row["completion_tokens"] > 0 for row in scored)
    assert any(row["score"] is not None for row in scored)
