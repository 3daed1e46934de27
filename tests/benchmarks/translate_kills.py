"""Translation that is killed ten times against one that is left alone: the same output, and hardly a span paid twice.

`python -m tests.benchmarks.translate_kills` prints one JSON line. 10,000 documents of real sentences in many languages, about a
third of the spans in several of them, go through `curate translate` and an OpenAI-compatible server that runs by itself,
writes down every request, and answers always the same: the text, but for one in 25 nothing or too much, of which
half are right when asked again and half are left to a second model. With one engine in the driver, and with `--workers 2`.

A kill is SIGKILL at a random moment: of the driver alone, or of its whole process group with the JVM. Every third comes
at a random second; the others come after a random number of answers, since most of the time passes in starting Spark.

- `identical`: rows of the killed run, by id, hash to what those of the undisturbed run do; `lost`: documents missing.
- `paid_twice`: requests that the server had answered before, over all ten kills; `most`: chunks that can have been in
  flight, kills by workers by spans of a chunk. `paid_twice_undisturbed` must be 0.
- `killed_in`: how many of the kills met which stage.
"""

import asyncio
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
from aiohttp import web

from curate.translate.job import CHUNK
from tests.benchmarks.corpora import _records

DOCUMENTS, SENTENCES, KILLS = 10_000, 9_000, 10
ROOT = Path(__file__).resolve().parents[2]
ACCEPTED = ("copied", "partly_copied", "wrong_script", "wrong_language", "unfinished", "numbers_changed")


# --- the server, a process of its own --------------------------------------------------------------------------------


def serve(port_file: str) -> None:
    """Answers until it is told to end; GET /log gives and forgets how often each request was answered."""
    times: Counter[bytes] = Counter()

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        system, text = (turn["content"] for turn in body["messages"])
        said = f"{body['model']}\0{system}\0{text}".encode("utf-8", "surrogatepass")
        times[hashlib.blake2b(said, digest_size=16).digest()] += 1
        message = {"role": "assistant", "content": _reply(body["model"], system, text)}
        usage = {"prompt_tokens": 9, "completion_tokens": 9}
        return web.json_response({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})

    async def log(request: web.Request) -> web.Response:
        counts = {"requests": times.total(), "twice": times.total() - len(times)}
        if "forget" in request.query:
            times.clear()
        return web.json_response(counts)

    async def run() -> None:
        app = web.Application(client_max_size=1 << 26)
        app.add_routes([web.post("/v1/chat/completions", answer), web.get("/log", log)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        Path(port_file).write_text(str(port))
        await asyncio.Event().wait()

    asyncio.run(run())


def _reply(model: str, system: str, text: str) -> str:
    draw = hashlib.blake2b(text.encode("utf-8", "surrogatepass")).digest()[0]
    again = "An earlier answer was refused" in system
    if model == "one" and draw < 10 and not (again and draw % 2):
        return "" if draw < 5 else f"{text} <77>"
    return text


# --- runs ------------------------------------------------------------------------------------------------------------


def _sentences() -> Iterator[str]:
    for name in ("text/ntrex128.jsonl.gz", "text/masakhanews.jsonl.gz"):
        for row in _records(name):
            yield from row.get("lines") or str(row.get("text") or "").splitlines()


def _corpus(path: Path) -> None:
    draw = random.Random(1)
    found = sorted({line.strip() for line in _sentences() if 20 < len(line) < 300})
    chosen = draw.sample(found, SENTENCES)
    with path.open("w") as file:
        for n in range(DOCUMENTS):
            row = {"id": f"{n:05d}", "text": "\n\n".join([chosen[n % SENTENCES], *draw.sample(chosen[:3000], 1)])}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


class Runs:
    """Runs of the command with one server, corpus and number of workers."""

    def __init__(self, folder: Path, port: int, workers: int) -> None:
        self._folder, self._port, self._workers = folder, port, workers

    def start(self, output: Path) -> subprocess.Popen[bytes]:
        url = f"http://127.0.0.1:{self._port}/v1"
        command = [sys.executable, "-m", "curate.cli", "translate", str(self._folder / "corpus.jsonl"), str(output)]
        command += ["--from", "eng_Latn", "--to", "hin_Deva", "--engine", url, "--model", "one"]
        command += ["--fallback", url, "--fallback-model", "two", "--workers", str(self._workers)]
        command += [part for name in ACCEPTED for part in ("--accept", name)]
        log = (self._folder / "log").open("ab")
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)

    def log(self, *, forget: bool = False) -> dict[str, int]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/log{'?forget' if forget else ''}") as reply:
            return dict(json.load(reply))

    def undisturbed(self) -> dict[str, Any]:
        start, output = time.monotonic(), self._folder / "undisturbed"
        if self.start(output).wait() != 0:
            raise RuntimeError((self._folder / "log").read_text()[-2000:])
        return {"seconds": time.monotonic() - start, "hash": _hash(output), **self.log(forget=True)}

    def killed(self, whole: dict[str, Any]) -> dict[str, Any]:
        draw, output, stages = random.Random(self._workers), self._folder / f"killed-{self._workers}", Counter[str]()
        kills = 0
        while kills < KILLS:
            process = self.start(output)
            if not self._wait(process, kills, draw, whole):
                break
            kills += 1
            stages[_stage(output)] += 1
            print(f"kill {kills} of {KILLS}, {self._workers} workers", file=sys.stderr)
            (os.kill if kills % 2 else os.killpg)(process.pid, signal.SIGKILL)
            process.wait()
        if self.start(output).wait() != 0:
            raise RuntimeError((self._folder / "log").read_text()[-2000:])
        return {"kills": kills, "killed_in": dict(stages), "hash": _hash(output), **self.log(forget=True)}

    def _wait(self, process: subprocess.Popen[bytes], kills: int, draw: random.Random, whole: dict[str, Any]) -> bool:
        """Until the moment of the kill; False where the run has ended before it."""
        before = self.log()["requests"]
        end = time.monotonic() + (draw.uniform(1, whole["seconds"] / 2) if kills % 3 == 0 else 600)
        answers = before + draw.uniform(0, 2 * max(0, whole["requests"] - before) / (KILLS - kills))
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
            given = self.log()["requests"]
            if kills % 3 and given > answers:
                return True
            if kills % 3 and given >= whole["requests"]:  # nothing may be left to ask
                end = min(end, time.monotonic() + draw.uniform(0, 5))
        return process.poll() is None


def _stage(output: Path) -> str:
    if list(output.glob("_commits/*.json")):
        return "rebuild"
    if list(output.glob("memory/*.parquet")):
        return "ask"
    return "spans" if (output / "_plan.json").exists() else "start"


def _hash(output: Path) -> str:
    """Of all rows, by id; and how many there are."""
    table = ds.dataset(str(output / "hin_Deva"), format="parquet").to_table().sort_by("id")
    rows = table.drop_columns(["source"]).to_pylist()
    digest = hashlib.blake2b(digest_size=16)
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True).encode())
    return f"{len(rows)}:{len({row['id'] for row in rows})}:{digest.hexdigest()}"


def _figures(runs: Runs, whole: dict[str, Any], workers: int) -> dict[str, Any]:
    killed = runs.killed(whole)
    return {
        "identical": whole["hash"] == killed["hash"],
        "lost": DOCUMENTS - int(killed["hash"].split(":")[1]),
        "kills": killed["kills"],
        "killed_in": killed["killed_in"],
        "paid_twice": killed["twice"],
        "most": killed["kills"] * max(1, workers) * CHUNK,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), Path(name) / "port"
        _corpus(folder / "corpus.jsonl")
        server = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.translate_kills", str(port)], cwd=ROOT)
        try:
            while not (port.exists() and port.read_text()):
                time.sleep(0.1)
            runs = {workers: Runs(folder, int(port.read_text()), workers) for workers in (0, 2)}
            whole = runs[0].undisturbed()
            modes = {"one_process": 0, "two_tasks": 2}
            figures = {mode: _figures(runs[workers], whole, workers) for mode, workers in modes.items()}
        finally:
            server.terminate()
            server.wait()
    alone = {"requests": whole["requests"], "paid_twice_undisturbed": whole["twice"]}
    alone |= {"undisturbed_seconds": round(whole["seconds"], 1)}
    print(json.dumps({"benchmark": "translate_kills", "documents": DOCUMENTS} | alone | figures))


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) > 1 else main()
