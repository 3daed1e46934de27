"""Any server that speaks OpenAI's HTTP API: vLLM's own, llama.cpp, TGI, Ollama, or a paid one.

What is known to differ between servers is found out as it comes up: whether they keep answers to a JSON schema, what
they call the limit on tokens, whether they tokenise for others. A server may be slow, overloaded, broken or hostile:
every wait and every size is bounded, and what it sends is checked before it is believed.
"""

import asyncio
import json
import os
import random
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from translate.engine import (
    EngineError,
    Failure,
    Identity,
    Request,
    Result,
    estimated_tokens,
    surely_fits,
    too_long,
)
from translate.wire import Again, NextDialect, read_answer, read_error, request_body

LONGEST_PAUSE = 60.0  # seconds between attempts, also where the server asks for more
TIMEOUT_ATTEMPTS = 2  # a request that timed out twice is likely to hang again

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How patient and how trusting the client is."""

    concurrency: int = 32  # requests at once
    timeout: float = 120.0  # seconds for one attempt, from connecting to the last byte
    attempts: int = 5  # of one request, where the server is busy, fails or cannot be reached
    pause: float = 1.0  # seconds before the second attempt; doubles from then on, give or take half
    response_bytes: int = 1 << 20  # of one response, decompressed


class ServerEngine:
    """POST {url}/chat/completions, or /completions for a bare prompt.

    The key is read from the environment variable named `key_variable`, and none is sent without it. EngineError for an
    address that is none, an unset variable, a refused key, an unknown model, a server that can't be reached at first.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        revision: str = "",
        key_variable: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EngineError(f"{url!r} is no server's address; it should look like http://localhost:8000/v1")
        if parts.username or parts.password:
            raise EngineError("no key in a server's address: name an environment variable that holds it")
        self._url, self._model, self._revision = url.rstrip("/"), model, revision
        self._headers = _headers(key_variable)
        self._limits = limits or Limits()
        self._dialect = 0  # of `request_body`; the first that this server is known to take
        self._context: int | None = None
        self._known = self._tokenizes = False

    @property
    def identity(self) -> Identity:
        return Identity(self._model, self._revision)

    def count_tokens(self, requests: Sequence[Request]) -> list[int]:
        return _wait(self._with_session(self._count_all(requests)))

    def run(self, requests: Sequence[Request]) -> list[Result]:
        return _wait(self._with_session(self._answer_all(requests)))

    def close(self) -> None:
        """Connections last as long as a batch."""

    # --- a batch ---------------------------------------------------------------------------------------------------

    async def _with_session(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            async with aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._limits.timeout),
                connector=aiohttp.TCPConnector(limit=self._limits.concurrency),
            ) as self._session:
                if not self._known:
                    await self._get_to_know()
                return await work
        finally:
            work.close()

    async def _answer_all(self, requests: Sequence[Request]) -> list[Result]:
        gate = asyncio.Semaphore(self._limits.concurrency)

        async def one(request: Request) -> Result:
            async with gate:  # held while pausing: a busy server gets fewer requests at once
                return await self._check_length(request) or await self._answer(request)

        return await _all(one(request) for request in requests)

    async def _count_all(self, requests: Sequence[Request]) -> list[int]:
        gate = asyncio.Semaphore(self._limits.concurrency)

        async def one(request: Request) -> int:
            async with gate:
                exact = await self._tokens(request)
                return estimated_tokens(request) if exact is None else exact

        return await _all(one(request) for request in requests)

    # --- one request -----------------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Result:
        """Ask until there is an answer, a failure that lasts, or no attempt left."""
        attempt, dialect = 1, self._dialect
        while True:
            outcome = await self._once(request, dialect)
            if isinstance(outcome, NextDialect):
                dialect += 1
                continue
            if not isinstance(outcome, Again):
                if not isinstance(outcome, Failure):
                    self._dialect = max(self._dialect, dialect)
                return outcome
            last = TIMEOUT_ATTEMPTS if outcome.failure.reason == "timeout" else self._limits.attempts
            if attempt >= min(last, self._limits.attempts):
                return outcome.failure
            await asyncio.sleep(self._pause(attempt, outcome.after))
            attempt += 1

    def _pause(self, attempt: int, asked: float | None) -> float:
        doubled = self._limits.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # not all at the same moment
        return min(doubled if asked is None else asked, LONGEST_PAUSE)

    async def _once(self, request: Request, dialect: int) -> Result | Again | NextDialect:
        chat = not isinstance(request.prompt, str)
        body = request_body(request, self._model, dialect)
        try:
            status, headers, data = await self._post("chat/completions" if chat else "completions", body)
        except TimeoutError:
            return Again(Failure("timeout", f"no answer in {self._limits.timeout:g} s"))
        except (aiohttp.ClientError, OSError) as error:
            return Again(Failure("connection", _line(error)))
        if data is None:
            return Failure("too_large", f"a response of more than {self._limits.response_bytes} bytes")
        if status == 200:
            return read_answer(data)
        return read_error(status, headers, data, request, dialect, f"{self._url} with {self._model}")

    async def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes | None]:
        """Status, headers and body; no body where it is over the limit."""
        async with self._session.post(f"{self._url}/{path}", json=body, allow_redirects=False) as response:
            return response.status, response.headers, await self._bounded(response)

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes | None:
        data = bytearray()
        async for part in response.content.iter_any():
            data += part
            if len(data) > self._limits.response_bytes:
                return None
        return bytes(data)

    # --- what the server says of itself ------------------------------------------------------------------------------

    async def _get_to_know(self) -> None:
        """Its models, if it lists them, and how much this one holds. EngineError if nobody is there."""
        try:
            async with self._session.get(f"{self._url}/models", allow_redirects=False) as response:
                status, data = response.status, await self._bounded(response)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise EngineError(f"{self._url} cannot be reached: {_line(error)}") from error
        if status in (401, 403):
            raise EngineError(f"{self._url} refuses the key (HTTP {status}); give a variable that holds a valid one")
        if status == 200 and (listed := _models(data)):
            if self._model not in listed:
                raise EngineError(f"{self._url} has no model {self._model!r}; it has {', '.join(listed)[:500]}")
            self._context = listed[self._model]
        self._known = True
        self._tokenizes = self._context is not None  # vLLM's server tells the one and does the other

    async def _check_length(self, request: Request) -> Failure | None:
        """Without asking where no tokenizer could make it too long; where nobody knows, the server is to judge."""
        if self._context is None or surely_fits(request, self._context):
            return None
        tokens = await self._tokens(request)
        return None if tokens is None else too_long(tokens, request, self._context)

    async def _tokens(self, request: Request) -> int | None:
        """Exact tokens of the prompt, from vLLM's /tokenize; None where the server has no such thing."""
        if not self._tokenizes:
            return None
        said: dict[str, Any] = {"model": self._model}
        if isinstance(request.prompt, str):
            said["prompt"] = request.prompt
        else:
            said["messages"] = [{"role": turn.role, "content": turn.content} for turn in request.prompt]
        try:
            status, _, data = await self._post("../tokenize", said)
            count = json.loads(data or b"")["count"] if status == 200 else None
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, KeyError, TypeError):
            return None
        self._tokenizes = status != 404
        return count if isinstance(count, int) else None


def _headers(key_variable: str | None) -> dict[str, str]:
    if key_variable is None:
        return {}
    key = os.environ.get(key_variable, "").strip()
    if not key:
        raise EngineError(f"the environment variable {key_variable} is not set; it should hold the server's key")
    return {"Authorization": f"Bearer {key}"}


def _models(data: bytes | None) -> dict[str, int | None]:
    """The listed models and the tokens that each holds, where the server says so."""
    try:
        rows = json.loads(data or b"")["data"]
        return {str(row["id"]): _positive(row.get("max_model_len")) for row in rows}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


async def _all(work: Any) -> list[Any]:
    """Results in order; the first error ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
    return [task.result() for task in tasks]


def _wait(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, also where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
