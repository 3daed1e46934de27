"""Documents, engines and languages that are not as they should be: a clear error, or a record and the others go on."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import Result

from tests.curate.translate_runs import account, asked, echo, jsonl, translate, written
from tests.translate.llm_server import LanguageServer, completion, error

GOOD = "The town is old."


def outcome(tmp_path: Path, reply: Callable[..., Any], *texts: str, more: Any = ()) -> Result:
    source = jsonl(tmp_path / "a.jsonl", *texts)
    with LanguageServer(reply) as server:
        return translate(server, source, str(tmp_path / "out"), *more)


def test_a_span_longer_than_the_context_stays_and_is_counted(spark: Any, tmp_path: Path) -> None:
    long = "नदी के पास " * 80 + "a town."

    def narrow(body: dict[str, Any], n: int) -> web.StreamResponse:
        said = f"This model's maximum context length is 500 tokens, and {body['max_tokens']} were asked for."
        return error(400, said) if body["max_tokens"] > 500 else echo(body, n)

    result = outcome(tmp_path, narrow, GOOD, f"{GOOD} {long} The end is near.")
    assert result.exit_code == 0, result.output
    assert account(tmp_path / "out")["untranslated"] == {"too_long": 1}
    assert written(tmp_path / "out") == {"0": GOOD, "1": f"{GOOD} {long} The end is near."}


@pytest.mark.parametrize("piece", ["नदी x ", "川", "a", "\u202e", "https://river.example/"])
def test_a_document_of_one_line_of_five_megabytes(spark: Any, tmp_path: Path, piece: str) -> None:
    line = piece * (5_000_000 // len(piece.encode()))
    result = outcome(tmp_path, echo, GOOD, line)
    assert result.exit_code == 0, result.output
    assert written(tmp_path / "out") == {"0": GOOD, "1": line}


def test_lone_surrogates_and_bidirectional_controls(spark: Any, tmp_path: Path) -> None:
    chat = r'{"messages": [{"role": "user", "content": "A \ud83d b, the river."}, {"role": "assistant", "content": "\udfff"}]}'
    (tmp_path / "chat.jsonl").write_text(chat + "\n" + chat.replace(r"\ud83d", "town") + "\n")
    controls = "The \u202eriver\u202c is \u2067wide\u2069 \u200f\u200eand \u061cold."
    source = jsonl(tmp_path / "a.jsonl", "A \ud83d b, the river.", controls, GOOD)
    with LanguageServer(echo) as server:
        plain = translate(server, source, str(tmp_path / "out"))
        talk = translate(server, str(tmp_path / "chat.jsonl"), str(tmp_path / "talk"), "--format", "chat")
    assert plain.exit_code == 0, plain.output
    assert written(tmp_path / "out") == {"0": "A \ufffd b, the river.", "1": controls, "2": GOOD}
    assert talk.exit_code == 0, talk.output
    assert account(tmp_path / "talk")["written"] == 2
    texts = list(written(tmp_path / "talk").values())
    assert texts[1] == chat.replace(r"\ud83d", "town"), "what was not translated is as it was"
    assert json.loads(texts[0])["messages"][1]["content"] == "\udfff"


async def hang() -> web.StreamResponse:
    await asyncio.sleep(30)
    return completion("late")


def test_a_server_that_hangs_now_and_then_costs_those_spans_until_the_next_run(spark: Any, tmp_path: Path) -> None:
    def slow(body: dict[str, Any], n: int) -> Any:
        return hang() if "river" in asked(body) else echo(body, n)

    given = (GOOD, "The river is wide.", "शहर पुराना है।")
    result = outcome(tmp_path, slow, *given, more=("--timeout", "0.5"))
    assert result.exit_code == 0, result.output
    assert "(unanswered 1)" in result.output and "1 unanswered: run the same command again" in result.output
    assert account(tmp_path / "out")["asked"]["timeout"] == 1
    again = outcome(tmp_path, lambda body, n: completion(asked(body).replace("wide", "wider")), *given)
    assert again.exit_code == 0 and "1 asked now, 0 left as they are" in again.output, again.output
    assert written(tmp_path / "out") == {"0": GOOD, "1": "The river is wider.", "2": given[2]}


def test_a_server_that_only_hangs_is_an_error(spark: Any, tmp_path: Path) -> None:
    result = outcome(tmp_path, lambda body, n: hang(), GOOD, "The river.", more=("--timeout", "0.3"))
    assert result.exit_code == 1 and "answered none of 2 requests (timeout 2)" in result.output
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_server_that_says_nothing_is_asked_twice_and_counted(spark: Any, tmp_path: Path) -> None:
    result = outcome(tmp_path, lambda body, n: completion(None), GOOD, "नदी।")
    assert result.exit_code == 0, result.output
    assert account(tmp_path / "out")["untranslated"] == {"empty": 2}
    assert account(tmp_path / "out")["asked"]["again"] == 2 and written(tmp_path / "out") == {"0": GOOD, "1": "नदी।"}


def test_an_engine_with_the_wrong_number_of_answers_is_an_error(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from translate.echo import EchoEngine

    class Short(EchoEngine):
        def run(self, requests: Any) -> Any:
            return super().run(requests)[1:]

    monkeypatch.setattr("curate.translate.engines.open_engine", lambda name, **given: Short())
    result = outcome(tmp_path, echo, GOOD, "नदी।")
    assert result.exit_code == 1 and result.output.splitlines()[-1].endswith("the engine gave 1 answers to 2 requests")


@pytest.mark.parametrize(
    "to, message",
    [
        ("und", "'und' is no language"),
        ("xqq_Latn", "'xqq_Latn' is no language"),
        ("hin_Qqqq", "'hin_Qqqq' is no language"),
        ("\u202ehin", "is no language"),
        ("en", "--from and --to are both eng_Latn"),
    ],
)
def test_a_pair_that_is_none_is_an_error_before_any_work(tmp_path: Path, to: str, message: str) -> None:
    source = jsonl(tmp_path / "a.jsonl", GOOD)
    with LanguageServer(echo) as server:
        result = translate(server, source, str(tmp_path / "out"), to=to)
        assert not server.requests
    assert result.exit_code == 1 and message in result.output and not (tmp_path / "out").exists()


def test_placeholders_that_an_accepted_answer_lost_leave_the_source(spark: Any, tmp_path: Path) -> None:
    result = outcome(
        tmp_path, lambda body, n: completion("The `ls` lists."), "Use `ls -la` now.", more=("--accept", "placeholders")
    )
    assert result.exit_code == 0, result.output
    assert account(tmp_path / "out")["untranslated"] == {"placeholders": 1}


def test_answers_under_other_checks_are_not_mixed(spark: Any, tmp_path: Path) -> None:
    source, memory = jsonl(tmp_path / "a.jsonl", GOOD), ("--memory", str(tmp_path / "memory"))
    with LanguageServer(lambda body, n: completion(f"{asked(body)} {'loop ' * 60}")) as server:
        translate(server, source, str(tmp_path / "strict"), *memory)
        lax = ("--accept", "loop", "--accept", "length_ratio", *memory)
        result = translate(server, source, str(tmp_path / "lax"), *lax)
    assert written(tmp_path / "strict") == {"0": GOOD}
    assert "loop loop" in written(tmp_path / "lax")["0"], result.output
