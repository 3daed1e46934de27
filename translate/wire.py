"""OpenAI's HTTP API as servers speak it: what is sent, and what may come back, believed only where it has the form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from translate.engine import Answer, EngineError, Failure, Request, Result, whole_characters

DETAIL = 300  # characters of a server's message that are kept

# In order of preference; a server that answers 400 gets the next. (response_format, name of the limit)
_DIALECTS = (
    ("json_schema", "max_tokens"),
    ("json_schema", "max_completion_tokens"),  # models that think before they answer
    ("json_object", "max_tokens"),
    ("json_object", "max_completion_tokens"),
    (None, "max_tokens"),
    (None, "max_completion_tokens"),
)
_TOO_LONG = ("context_length", "context length", "context window", "too many tokens", "max_model_len", "longer than")
_FILTERED = ("content_filter", "content_policy", "content management policy", "safety")


@dataclass(frozen=True, slots=True)
class Again:
    """The attempt failed; another may not. `after`: seconds that the server asked to be left alone."""

    failure: Failure
    after: float | None = None


@dataclass(frozen=True, slots=True)
class NextDialect:
    """The server did not understand the request as it was put."""


def request_body(request: Request, model: str, dialect: int) -> dict[str, Any]:
    """The JSON of a request in one of the dialects."""
    wanted = request.parameters
    format_, limit = _DIALECTS[dialect]
    body: dict[str, Any] = {"model": model, limit: wanted.max_tokens, "temperature": wanted.temperature}
    body["seed"] = wanted.seed
    if wanted.stop:
        body["stop"] = list(wanted.stop)
    if isinstance(request.prompt, str):
        body["prompt"] = whole_characters(request.prompt)
    else:
        turns = [{"role": turn.role, "content": whole_characters(turn.content)} for turn in request.prompt]
        body["messages"] = turns
    if wanted.schema is not None and format_ == "json_object":
        body["response_format"] = {"type": "json_object"}
    elif wanted.schema is not None and format_ == "json_schema":
        named = {"name": "answer", "strict": True, "schema": dict(wanted.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    return body


def read_answer(data: bytes) -> Result | Again:
    """The first choice of a 200 response."""
    try:
        body = json.loads(data)
        choice = body["choices"][0]
        message = choice.get("message") or {"content": choice.get("text")}
        refusal, text, finish = message.get("refusal"), message.get("content"), choice.get("finish_reason")
        usage = body.get("usage") or {}
        tokens = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        return Again(Failure("bad_response", f"no completion: {type(error).__name__} in {_shown(data)}"))
    if refusal or finish == "content_filter":
        return Failure("refused", whole_characters(str(refusal or "the server's content filter"))[:DETAIL])
    if not isinstance(text, str | None) or not all(isinstance(n, int) and 0 <= n < 2**31 for n in tokens):
        return Again(Failure("bad_response", f"a completion that is no text: {_shown(data)}"))
    if finish == "repetition":  # a vLLM server that was told to look for it
        return Failure("loop", "repeats itself")
    return Answer(whole_characters(text or ""), "length" if finish == "length" else "stop", *tokens)


def read_error(
    status: int, headers: Mapping[str, str], data: bytes, request: Request, dialect: int, where: str
) -> Failure | Again | NextDialect:
    """What an HTTP status other than 200 means for the request. EngineError where it is so for all of them."""
    said = _message(data)
    if status in (401, 403):
        raise EngineError(f"{where}: the key is refused (HTTP {status}): {said}")
    if status == 404 or 300 <= status < 400:
        raise EngineError(f"{where}: nothing there (HTTP {status}): {said}; the address usually ends in /v1")
    if status == 429:
        return Again(Failure("rate_limited", said), _seconds(headers.get("Retry-After")))
    if status == 408 or status >= 500:
        return Again(Failure("server_error", f"HTTP {status}: {said}"), _seconds(headers.get("Retry-After")))
    if status == 413 or any(sign in said.lower() for sign in _TOO_LONG):
        return Failure("too_long", said)
    if any(sign in said.lower() for sign in _FILTERED):
        return Failure("refused", said)
    if dialect + 1 < len(_DIALECTS) and (request.parameters.schema is not None or "max_completion_tokens" in said):
        return NextDialect()
    return Failure("bad_request", f"HTTP {status}: {said}")


def _message(data: bytes) -> str:
    """The error's own words, on one line."""
    try:
        body = json.loads(data)
        error = body.get("error", body)
        said = " ".join(str(error.get(name) or "") for name in ("code", "type", "message"))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return _shown(data)
    return whole_characters(" ".join(said.split()))[:DETAIL] or _shown(data)


def _shown(data: bytes) -> str:
    return " ".join(data[: 4 * DETAIL].decode("utf-8", "replace").split())[:DETAIL]


def _seconds(value: str | None) -> float | None:
    """Of a Retry-After header; a date in it is not worth reading."""
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None
