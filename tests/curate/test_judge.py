"""`curate judge` and `curate benchmark` against a real HTTP server: tables, files, resuming, bad input in one line."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from curate.cli import main
from curate.remembered import CHUNK
from tests.translate.llm_server import LanguageServer, completion, error
from tests.translate.test_benchmark import CHOICES, ITEM, PASSAGE, QA, by_hand
from tests.translate.test_judge import QUESTIONS, always_first, by, chosen, keyword, longer, scored, shown
from translate.bradley_terry import strengths
from translate.server import Limits

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, rows: list[Any]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return str(path)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def curate(command: str, source: str, out: Path, server: LanguageServer, *more: str) -> Result:
    fixed = ["--engine", server.url, "--model", "gpt", "--concurrency", "4", *more]
    return CliRunner().invoke(main, [command, source, str(out), *fixed], env={"COLUMNS": "160"})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that waits milliseconds before it tries again, not seconds."""
    monkeypatch.setattr("curate.cli_engine.Limits", partial(Limits, attempts=2, pause=0.01))


def answered(rows: int) -> list[dict[str, Any]]:
    """Of three systems: the keyword about 5, 4 and 3 times on average, and the more of other words."""
    return [
        {
            "id": f"{n}",
            "prompt": f"{QUESTIONS[n % len(QUESTIONS)]} {n}",
            "answers": {
                "strong": "पहाड़ " * (5 + n % 3 - 1) + "x",
                "middle": "पहाड़ " * (4 + n // 3 % 3 - 1) + "நீண்ட" * 8,
                "weak": "पहाड़ " * (5 if n % 5 == 4 else 2) + "நீண்ட" * 20,
            },
        }
        for n in range(rows)
    ]


# --- judge -----------------------------------------------------------------------------------------------------------


def test_the_table_has_the_planted_order_and_the_file_every_comparison(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", answered(27))
    with LanguageServer(by(keyword)) as server:
        result = curate("judge", source, tmp_path / "out", server)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("system"))
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == ["strong", "middle", "weak"]
    rows = rows_of(tmp_path / "out" / "verdicts.parquet")
    assert len(rows) == 81 and {row["failure"] for row in rows} == {None} and {row["model"] for row in rows} == {"gpt"}
    numbers = {"strong": 0, "middle": 1, "weak": 2}
    outcome = [0.5 if row["winner"] == "tie" else float(row["winner"] == row["first"]) for row in rows]
    sides = [pa.array([numbers[row[side]] for row in rows]).to_numpy() for side in ("first", "second")]
    wanted = strengths(sides[0], sides[1], pa.array(outcome).to_numpy(), 3)
    assert f"{wanted.strength[0]:+.2f}" in lines[at + 1] and f"{wanted.strength[2]:+.2f}" in lines[at + 3]
    won = sum(row["winner"] == "strong" for row in rows)
    assert str(won) in lines[at + 1].split()
    assert "order consistency 100.0% (81 of 81)" in result.output
    assert "81 compared = 81 verdicts + 0 failed" in result.output
    assert "paid: 162 questions, 1,782 tokens of prompt, 1,134 of answers" in result.output


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (always_first, "order consistency 0.0% (0 of 9)"),
        (longer, "the longer answer won 100.0% (9 of 9 wins)"),
    ],
)
def test_judges_that_follow_place_or_length_show(tmp_path: Path, rule: Any, said: str) -> None:
    rows = [{"prompt": f"क्यों {n}?", "answers": {"a": "ক" * (n + 1), "b": "খ" * (9 - n)}} for n in range(10) if n != 4]
    with LanguageServer(by(rule)) as server:
        result = curate("judge", write(tmp_path / "a.jsonl", rows), tmp_path / "out", server)
    assert result.exit_code == 0 and said in result.output, result.output
    if rule is always_first:
        assert {row["winner"] for row in rows_of(tmp_path / "out" / "verdicts.parquet")} == {"tie"}
        assert "the longer answer" not in result.output and "+0.00" in result.output


def test_a_rerun_pays_for_nothing_twice_and_a_new_system_for_its_pairs(tmp_path: Path) -> None:
    rows = answered(6)
    first = [row | {"answers": {name: row["answers"][name] for name in ("strong", "weak")}} for row in rows]
    with LanguageServer(by(keyword)) as server:
        one = curate("judge", write(tmp_path / "a.jsonl", first), tmp_path / "out", server)
        again = curate("judge", str(tmp_path / "a.jsonl"), tmp_path / "out", server)
        assert len(server.requests) == 12
        assert "paid: 12 questions" in one.output and "paid: 0 questions" in again.output
        assert one.output.replace("paid: 12", "").splitlines()[:-1] == again.output.splitlines()[:-1]
        curate("judge", write(tmp_path / "a.jsonl", rows), tmp_path / "out", server)
        assert len(server.requests) == 36
    assert len(rows_of(tmp_path / "out" / "verdicts.parquet")) == 18


@pytest.mark.usefixtures("impatient")
def test_what_has_no_verdict_is_counted_by_reason_and_trouble_is_asked_again(tmp_path: Path) -> None:
    rows = [{"prompt": f"{word}?", "answers": {"a": "ஒன்று", "b": "இரண்டு"}} for word in ("मना", "टूटा", "ठीक", "बंद")]
    down = True

    def reply(body: dict[str, Any], n: int) -> web.Response:
        asked = shown(body)["Request"]
        if asked == "बंद?" and down:
            return error(400, "no")  # lasting
        if asked == "टूटा?" and down:
            return web.Response(status=200, text="{", content_type="application/json")
        return completion("I'm sorry, but I can't do that.") if asked == "मना?" else chosen("A")

    with LanguageServer(reply) as server:
        result = curate("judge", write(tmp_path / "a.jsonl", rows), tmp_path / "out", server)
        assert result.exit_code == 0, result.output
        assert "4 compared = 1 verdicts + 3 (bad_request 1, bad_response 1, refused 1) failed" in result.output
        assert "1 of them may be answered later" in result.output and "asked twice: 2 (refused 2)" in result.output
        down = False
        asked = len(server.requests)
        result = curate("judge", str(tmp_path / "a.jsonl"), tmp_path / "out", server)
    assert "4 compared = 2 verdicts + 2 (bad_request 1, refused 1) failed" in result.output, result.output
    assert len(server.requests) == asked + 2
    failures = [row["failure"] for row in rows_of(tmp_path / "out" / "verdicts.parquet")]
    assert failures == ["refused", None, None, "bad_request"]


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    rows = answered(60)
    hold = CHUNK + 20

    async def reply(body: dict[str, Any], n: int) -> web.Response:
        while len(server.requests) > hold and not released:
            await asyncio.sleep(0.02)
        return chosen(keyword(shown(body)))

    released = False
    source = write(tmp_path / "a.jsonl", rows)
    command = [sys.executable, "-m", "curate.cli", "judge", source, str(tmp_path / "out"), "--model", "gpt"]
    with LanguageServer(reply) as server:
        process = subprocess.Popen(
            [*command, "--engine", server.url, "--concurrency", "4"], cwd=ROOT, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 60
        while len(server.requests) <= hold and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "out" / "verdicts.parquet").exists()
        released = True
        before = len(server.requests)
        result = curate("judge", source, tmp_path / "out", server)
    assert result.exit_code == 0, result.output
    assert len(server.requests) - before == 360 - CHUNK
    assert "180 compared = 180 verdicts + 0 failed" in result.output


def test_scores_by_criterion(tmp_path: Path) -> None:
    rows = [
        {"prompt": "எங்கே?", "answers": {"a": "மலை", "b": "மலையில் இருந்து"}, "reference": "From the hills."},
        {"prompt": "क्या?", "answers": {"a": "नदी"}},
    ]

    def reply(body: dict[str, Any], n: int) -> web.Response:
        seen = shown(body)
        return scored({"tone": 5 if "Reference answer" in seen else 2, "fluency": 3 if len(seen["Answer"]) < 5 else 4})

    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")  # b is null in the second row
    with LanguageServer(reply) as server:
        given = ["--rubric", "--criterion", "tone=it is kind", "--criterion", "fluency"]
        result = curate("judge", str(tmp_path / "a.parquet"), tmp_path / "out", server, *given)
    assert result.exit_code == 0, result.output
    table = [line.split() for line in result.output.splitlines()]
    assert ["a", "2", "3.50", "3.00", "3.25"] in table and ["b", "1", "5.00", "4.00", "4.50"] in table
    assert "3 answers = 3 rated + 0 failed" in result.output
    found = {(row["id"], row["system"]): dict(row["scores"]) for row in rows_of(tmp_path / "out" / "ratings.parquet")}
    assert sorted(map(str, found.values())) == sorted(
        map(str, ({"tone": 5, "fluency": 3}, {"tone": 5, "fluency": 4}, {"tone": 2, "fluency": 3}))
    )


def test_rows_that_hold_nothing_to_judge_are_counted(tmp_path: Path) -> None:
    good = {"prompt": "ਕਿਉਂ?", "answers": {"a": "ੳ", "b": "ਅ\ud800"}, "reference": None}
    bad = [{}, {"prompt": "p"}, {"prompt": "p", "answers": {"a": "x"}}, {"prompt": "p", "answers": {"a": 1, "b": "x"}}]
    bad += [{"prompt": " ", "answers": {}}, {"prompt": "p", "answers": []}, good | {"reference": 3}, [1]]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [good, *bad]) + "{no", "utf-8")
    with LanguageServer(by(keyword)) as server:
        result = curate("judge", str(path), tmp_path / "out", server)
    assert result.exit_code == 0, result.output
    counted = "9 (malformed 4, no_answers 2, no_prompt 2, one_answer 1)"
    assert "1 compared = 1 verdicts" in result.output and f"anything to judge: {counted}" in result.output


@pytest.mark.parametrize(
    ("rows", "given", "message"),
    [
        ([{"prompt": "p"}], [], "no two answers to a prompt in the input; rows not read: no_answers 1"),
        ([], [], "no two answers to a prompt in the input; it is empty"),
        ([{"prompt": "p", "answers": {"tie": "a", "b": "c"}}], [], "a system is called tie"),
        ([{"prompt": "p", "answers": {f"s{n}": "a" for n in range(101)}}], [], "more than 100 systems"),
        ([{"prompt": "p", "answers": {"a": "b"}}], ["--criterion", "fluency"], "--criterion is for --rubric"),
        ([{"prompt": "p", "answers": {"a": "b"}}], ["--rubric", "--criterion", "wit"], "write NAME=TEXT, or one of"),
        ([{"prompt": "p", "answers": {"a": "b"}}], ["--rubric", "--criterion", "W!=x"], "write a name of a-z"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, rows: list[Any], given: list[str], message: str) -> None:
    with LanguageServer(by(keyword)) as server:
        result = curate("judge", write(tmp_path / "a.jsonl", rows), tmp_path / "out", server, *given)
    assert result.exit_code in (1, 2) and message in result.output, result.output
    assert "Traceback" not in result.output and not server.requests


@pytest.mark.usefixtures("impatient")
def test_an_engine_that_answers_nothing_stops_the_run(tmp_path: Path) -> None:
    with LanguageServer(lambda body, n: error(503, "busy")) as server:
        result = curate("judge", write(tmp_path / "a.jsonl", answered(2)), tmp_path / "out", server)
    assert result.exit_code == 1 and "the engine answered none of 12 requests (server_error 12" in result.output
    assert not (tmp_path / "out" / "verdicts.parquet").exists()


# --- benchmark -------------------------------------------------------------------------------------------------------

ROWS: list[Any] = [
    {
        "id": "q1",
        "question": ITEM.question,
        "choices": list(CHOICES),
        "answer": 2,
        "passage": PASSAGE,
        "subject": "नदी",
    },
    {"question": QA.question, "answer": QA.answer},
    {"question": QA.question, "choices": list(CHOICES), "answer": 4},
    {"question": "  "},
]


def benchmark(tmp_path: Path, reply: Callable[[dict[str, Any], int], Any], *more: str) -> tuple[Result, LanguageServer]:
    with LanguageServer(reply) as server:
        source = write(tmp_path / "b.jsonl", ROWS)
        return curate("benchmark", source, tmp_path / "out", server, "--from", "en", "--to", "hi", *more), server


def test_a_benchmark_in_another_language_and_what_could_not_be_read(tmp_path: Path) -> None:
    result, server = benchmark(tmp_path, by_hand())
    assert result.exit_code == 0, result.output
    assert "4 in = 2 translated (0 flagged) + 2 failed (answer_out_of_range 1, no_question 1)" in result.output
    one, other = rows_of(tmp_path / "out" / "benchmark.parquet")
    assert one["choices"] == ["गंगा", "सिंधु", "नर्मदा", "इनमें से कोई नहीं"] and one["answer"] == 2 and one["id"] == "q1"
    assert one["source_choices"] == one["back_choices"] == list(CHOICES) and one["back_passage"] == PASSAGE
    assert json.loads(one["other"]) == {"subject": "नदी"} and one["language"] == "hin_Deva" and one["flags"] == []
    assert other["answer_text"] == "उसे गाँव के लोगों ने बनाया।" and other["answer"] is None and other["choices"] == []
    assert dict(other["chrf"]) == pytest.approx({"question": 100, "answer": 100})
    failed = rows_of(tmp_path / "out" / "failed.parquet")
    assert [row["reason"] for row in failed] == ["answer_out_of_range", "no_question"]
    paid = len(server.requests)
    again, server = benchmark(tmp_path, by_hand())
    assert not server.requests and "paid: 0 spans" in again.output and f"paid: {paid} spans" in result.output


def test_rows_below_the_cutoff_are_flagged_and_kept(tmp_path: Path) -> None:
    result, _ = benchmark(tmp_path, by_hand({"नदी के किनारे की चक्की किसने बनाई?": "What is this tall green tree?"}))
    assert "2 translated (1 flagged)" in result.output and "question:chrf" in result.output
    assert [row["flags"] for row in rows_of(tmp_path / "out" / "benchmark.parquet")] == [[], ["question:chrf"]]


def test_a_second_engine_translates_back_and_pays_on_its_own(tmp_path: Path) -> None:
    with LanguageServer(by_hand({"गंगा": "the Yamuna"})) as second:
        given = ["--back-engine", second.url, "--back-model", "other"]
        result, first = benchmark(tmp_path, by_hand(), *given)
    row = rows_of(tmp_path / "out" / "benchmark.parquet")[0]
    assert row["back_choices"][0] == "the Yamuna" and (row["translated_by"], row["back_by"]) == ("gpt", "other")
    assert f"paid: {len(first.requests) + len(second.requests)} spans" in result.output


@pytest.mark.usefixtures("impatient")
def test_an_engine_in_trouble_is_asked_again_by_the_next_run(tmp_path: Path) -> None:
    def reply(body: dict[str, Any], n: int) -> Any:
        asked = body["messages"][-1]["content"]
        return web.Response(text="{", content_type="application/json") if asked == QA.question else by_hand()(body, n)

    result, _ = benchmark(tmp_path, reply)
    assert "1 rows may be bettered" in result.output and "question:bad_response" in result.output
    result, server = benchmark(tmp_path, by_hand())
    assert "(0 flagged)" in result.output and len(server.requests) == 2  # there and back


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--to", "en"], "both eng_Latn"),
        (["--to", "tlh"], "no name for language 'tlh'"),
        (["--back-engine", "vllm"], "--back-engine and --back-model belong together"),
        (["--back-revision", "1"], "need --back-engine"),
    ],
)
def test_mistakes_in_benchmark_are_one_line(tmp_path: Path, given: list[str], message: str) -> None:
    result, server = benchmark(tmp_path, by_hand(), *given)
    assert result.exit_code in (1, 2) and message in result.output and not server.requests, result.output


def test_a_seq2seq_model_translates_back_with_its_codes_exchanged() -> None:
    from curate.cli_benchmark import _back
    from curate.translate.engines import EngineSpec

    none = {"back_engine": None, "back_model": None, "back_revision": "", "back_key_variable": None, "back_llm": ()}
    spec = EngineSpec(name="seq2seq", model="nllb", options={"source": "eng_Latn", "target": "hin_Deva", "beams": 4})
    assert dict(_back(spec, **none).options) == {"source": "hin_Deva", "target": "eng_Latn", "beams": 4}  # type: ignore[arg-type]
