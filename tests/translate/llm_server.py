"""A small OpenAI-compatible server, real HTTP on this machine, that answers as it is told: well, badly or not at all."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Reply = Callable[[dict[str, Any], int], "web.StreamResponse | Awaitable[web.StreamResponse]"]


def completion(text: str | None, *, finish: str = "stop", refusal: str | None = None) -> web.Response:
    """A chat completion as servers send it."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    usage = {"prompt_tokens": 11, "completion_tokens": 7}
    return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage})


def error(status: int, message: str, **headers: str) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status, headers=headers)


class LanguageServer:
    """`reply(body, n)` answers the nth request (from 0) whose body it has not seen before as the first, and so on.

    `requests` are the bodies in order of arrival, `headers` theirs, `busiest` the most that were answered at once;
    `current` is the last, as aiohttp's own.
    """

    def __init__(self, reply: Reply, *, models: dict[str, int | None] | None = None) -> None:
        self.reply, self.models = reply, models
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.busy = self.busiest = 0
        self._times: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "LanguageServer":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(client_max_size=1 << 26)
        app.router.add_get("/v1/models", self._list)
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_post("/v1/completions", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    async def _list(self, request: web.Request) -> web.Response:
        if self.models is None:
            return web.Response(status=404)
        rows = [{"id": name, "max_model_len": length} for name, length in self.models.items()]
        return web.json_response({"object": "list", "data": rows})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.current = request
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        name = json.dumps(body.get("messages") or body.get("prompt"))
        n = self._times[name] = self._times.get(name, -1) + 1
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            reply = self.reply(body, n)
            return await reply if asyncio.iscoroutine(reply) else reply  # type: ignore[return-value]
        finally:
            self.busy -= 1
