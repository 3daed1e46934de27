"""The client of OpenAI-compatible servers against a real one that misbehaves in every way that we know of."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.translate.llm_server import LanguageServer, completion, error
from translate.engine import Answer, EngineError, Failure, Message, Parameters, Request
from translate.server import Limits, ServerEngine

QUICK = Limits(concurrency=4, timeout=10, attempts=3, pause=0.01, response_bytes=4096)
HASTY = replace(QUICK, timeout=1)
SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}


def _ask(text: str = "नदी", **parameters: Any) -> Request:
    return Request((Message("user", text),), Parameters(**{"max_tokens": 20, **parameters}))


def _engine(server: LanguageServer, **options: Any) -> ServerEngine:
    return ServerEngine(server.url, "judge", **{"limits": QUICK, **options})


def _echo(body: dict[str, Any], n: int) -> web.Response:
    return completion(body["messages"][-1]["content"])


def test_answers_come_back_in_order_and_no_more_are_asked_at_once_than_allowed() -> None:
    async def late(body: dict[str, Any], n: int) -> web.Response:
        await asyncio.sleep(0.03 if "0" in body["messages"][-1]["content"] else 0.005)
        return _echo(body, n)

    texts = [f"गाँव {n}" for n in range(24)]
    with LanguageServer(late) as server:
        answers = _engine(server).run([_ask(text) for text in texts])
        assert answers == [Answer(text, "stop", 11, 7) for text in texts]
        assert server.busiest == QUICK.concurrency
        assert len(server.requests) == 24


def test_what_is_sent_is_what_was_asked() -> None:
    with LanguageServer(_echo) as server:
        _engine(server).run([_ask("a\ud800b", max_tokens=5, temperature=0.5, seed=3, stop=("\n",), schema=SCHEMA)])
        (body,) = server.requests
    format_ = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    assert body == {
        "model": "judge",
        "messages": [{"role": "user", "content": "a\ufffdb"}],
        "max_tokens": 5,
        "temperature": 0.5,
        "seed": 3,
        "stop": ["\n"],
        "response_format": format_,
    }


def test_a_bare_prompt_is_completed() -> None:
    with LanguageServer(
        lambda body, n: web.json_response({"choices": [{"text": body["prompt"] + "!", "finish_reason": "length"}]})
    ) as server:
        assert _engine(server).run([Request("नदी", Parameters(max_tokens=1))]) == [Answer("नदी!", "length", 0, 0)]


def test_the_key_comes_from_the_environment_and_only_when_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-secret")
    monkeypatch.delenv("NO_KEY", raising=False)
    with LanguageServer(_echo) as server:
        _engine(server, key_variable="JUDGE_KEY").run([_ask()])
        _engine(server).run([_ask()])
        assert server.headers[0]["Authorization"] == "Bearer sk-secret"
        assert "Authorization" not in server.headers[1]
        with pytest.raises(EngineError, match="NO_KEY is not set"):
            _engine(server, key_variable="NO_KEY")


# --- trouble that passes ---------------------------------------------------------------------------------------------

TROUBLE = {
    "busy": (lambda: error(429, "slow down", **{"Retry-After": "0.02"}), "rate_limited"),
    "broken": (lambda: error(503, "overloaded"), "server_error"),
    "a page": (lambda: web.Response(text="<html>नमस्ते</html>", content_type="text/html"), "bad_response"),
    "no choices": (lambda: web.json_response({"choices": []}), "bad_response"),
    "no object": (lambda: web.json_response(["हाँ"]), "bad_response"),
    "a number": (lambda: completion(5), "bad_response"),  # type: ignore[arg-type]
    "nested": (lambda: web.Response(text="[" * 2000 + "]" * 2000), "bad_response"),
    "cut off": (lambda: web.Response(text='{"choices": [{"mess'), "bad_response"),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_that_passes_is_waited_out(trouble: str) -> None:
    make, _ = TROUBLE[trouble]
    with LanguageServer(lambda body, n: make() if n < 2 else _echo(body, n)) as server:
        assert _engine(server).run([_ask("गाँव")]) == [Answer("गाँव", "stop", 11, 7)]
        assert len(server.requests) == 3


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_that_stays_is_a_failure_by_name(trouble: str) -> None:
    make, reason = TROUBLE[trouble]
    with LanguageServer(lambda body, n: make()) as server:
        (failure,) = _engine(server).run([_ask()])
        assert isinstance(failure, Failure) and (failure.reason, failure.passing) == (reason, True)
        assert len(server.requests) == QUICK.attempts


def test_a_server_is_left_alone_as_long_as_it_asks() -> None:
    busy = lambda body, n: error(429, "later", **{"Retry-After": "0.3"}) if n == 0 else _echo(body, n)  # noqa: E731
    with LanguageServer(busy) as server:
        start = time.monotonic()
        assert isinstance(_engine(server).run([_ask()])[0], Answer)
        assert time.monotonic() - start > 0.3


def test_a_request_that_hangs_times_out_and_the_others_do_not_wait() -> None:
    async def hang(body: dict[str, Any], n: int) -> web.Response:
        if "hang" in body["messages"][-1]["content"]:
            await asyncio.sleep(30)
        return _echo(body, n)

    with LanguageServer(hang) as server:
        start = time.monotonic()
        results = _engine(server, limits=HASTY).run([_ask("hang"), *(_ask(f"गाँव {n}") for n in range(8))])
        assert time.monotonic() - start < 10
    assert results[0] == Failure("timeout", "no answer in 1 s")
    assert all(isinstance(result, Answer) for result in results[1:])


def test_a_server_that_drips_or_hangs_up_is_no_better() -> None:
    async def drip(body: dict[str, Any], n: int) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 1000
        await response.prepare(server.current)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    with LanguageServer(drip) as server:
        assert _engine(server, limits=HASTY).run([_ask()]) == [Failure("timeout", "no answer in 1 s")]

    def hang_up(body: dict[str, Any], n: int) -> web.Response:
        server.current.transport.close()  # type: ignore[union-attr]
        return _echo(body, n)

    with LanguageServer(hang_up) as server:
        (failure,) = _engine(server).run([_ask()])
        assert isinstance(failure, Failure) and failure.reason == "connection"


# --- trouble that lasts ----------------------------------------------------------------------------------------------

LASTING = {
    "too_long": lambda: error(400, "This model's maximum context length is 2048 tokens."),
    "too_large": lambda: completion("x" * 5000),
    "refused": lambda: completion(None, refusal="मैं इसमें मदद नहीं कर सकता।"),
    "bad_request": lambda: error(400, "temperature must be below 2"),
}


@pytest.mark.parametrize("reason", LASTING)
def test_trouble_that_lasts_is_not_asked_again(reason: str) -> None:
    with LanguageServer(lambda body, n: LASTING[reason]()) as server:
        (failure,) = _engine(server).run([_ask()])
        assert isinstance(failure, Failure) and (failure.reason, failure.passing) == (reason, False)
        assert failure.detail and len(server.requests) == 1


def test_an_answer_that_the_server_ended_for_its_repetition_is_a_loop() -> None:
    with LanguageServer(lambda body, n: completion("नदी नदी नदी", finish="repetition")) as server:
        (failure,) = _engine(server).run([_ask()])
        assert isinstance(failure, Failure) and (failure.reason, failure.passing) == ("loop", False)


def test_a_content_filter_is_a_refusal() -> None:
    for reply in (completion("", finish="content_filter"), error(400, "flagged by content_filter")):
        body = reply.body
        status = reply.status
        with LanguageServer(
            lambda _, n, body=body, status=status: web.Response(
                body=body, status=status, content_type="application/json"
            )
        ) as server:
            (failure,) = _engine(server).run([_ask()])
            assert isinstance(failure, Failure) and failure.reason == "refused"


def test_a_compressed_flood_is_cut_off() -> None:
    def flood(body: dict[str, Any], n: int) -> web.Response:
        response = web.Response(body=b'{"choices": [{"message": {"content": "' + b"0" * 50_000_000 + b'"}}]}')
        response.enable_compression()
        return response

    with LanguageServer(flood) as server:
        limits = Limits(timeout=20, attempts=1, response_bytes=1 << 16)
        (failure,) = _engine(server, limits=limits).run([_ask()])
    assert failure == Failure("too_large", "a response of more than 65536 bytes")


def test_lone_surrogates_in_an_answer_become_whole_characters() -> None:
    text = '{"choices": [{"message": {"content": "a\\ud800b", "refusal": null}, "finish_reason": "stop"}]}'
    with LanguageServer(lambda body, n: web.Response(text=text)) as server:
        assert _engine(server).run([_ask()]) == [Answer("a\ufffdb", "stop", 0, 0)]


# --- what concerns every request ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "key is refused"), (403, "key is refused"), (404, "nothing there"), (307, "nothing there")],
)
def test_a_wrong_key_model_or_address_stops_everything(status: int, says: str) -> None:
    with LanguageServer(
        lambda body, n: web.Response(status=status, headers={"Location": "http://elsewhere.example/"})
    ) as server:
        with pytest.raises(EngineError, match=rf"127.0.0.1.*judge: .*{says}.*{status}"):
            _engine(server).run([_ask(str(n)) for n in range(40)])
        assert len(server.requests) <= 2 * QUICK.concurrency


def test_a_server_that_is_not_there_and_an_address_that_is_none() -> None:
    with LanguageServer(_echo) as server:
        url = server.url
    with pytest.raises(EngineError, match=r"http://127.*cannot be reached"):
        ServerEngine(url, "judge", limits=QUICK).run([_ask()])
    for wrong in ("ftp://host/v1", "http://", "localhost:8000"):
        with pytest.raises(EngineError, match="no server's address"):
            ServerEngine(wrong, "judge")
    with pytest.raises(EngineError, match="no key in a server's address"):
        ServerEngine("https://me:secret@host/v1", "judge")


def test_an_unknown_model_is_named_with_the_known_ones() -> None:
    with LanguageServer(_echo, models={"qwen": None, "llama": 4096}) as server:
        with pytest.raises(EngineError, match="no model 'judge'; it has qwen, llama"):
            _engine(server).run([_ask()])
        assert not server.requests


# --- dialects ----------------------------------------------------------------------------------------------------------


def _takes(*formats: str | None, limit: str = "max_tokens") -> Any:
    def reply(body: dict[str, Any], n: int) -> web.Response:
        format_ = body.get("response_format", {}).get("type")
        if limit not in body:
            return error(400, f"Unsupported parameter; use '{limit}' instead")
        return completion('{"score": 3}') if format_ in formats else error(400, f"unknown response_format {format_}")

    return reply


@pytest.mark.parametrize(
    ("takes", "tried"),
    [
        (_takes("json_schema"), 1),
        (_takes("json_schema", limit="max_completion_tokens"), 2),
        (_takes("json_object"), 3),
        (_takes(None), 5),
    ],
)
def test_a_server_that_knows_no_schema_is_asked_as_it_can(takes: Any, tried: int) -> None:
    """And what it can is remembered: the second batch needs no trying."""
    with LanguageServer(takes) as server:
        engine = _engine(server)
        assert engine.run([_ask("एक", schema=SCHEMA)]) == [Answer('{"score": 3}', "stop", 11, 7)]
        assert len(server.requests) == tried
        assert engine.run([_ask("दो", schema=SCHEMA)]) == [Answer('{"score": 3}', "stop", 11, 7)]
        assert len(server.requests) == tried + 1


def test_a_request_that_no_dialect_helps_fails_alone() -> None:
    reply = lambda body, n: error(422, "no") if "बुरा" in json.dumps(body, ensure_ascii=False) else completion("{}")  # noqa: E731
    with LanguageServer(reply) as server:
        bad, good = _engine(server).run([_ask("बुरा", schema=SCHEMA), _ask("भला", schema=SCHEMA)])
    assert bad == Failure("bad_request", "HTTP 422: no") and isinstance(good, Answer)


def test_tokens_are_estimated_where_the_server_does_not_count() -> None:
    with LanguageServer(_echo) as server:
        (tokens,) = _engine(server).count_tokens([_ask("न" * 100)])
    assert tokens == 108  # a third of 300 bytes, and the chat template's
