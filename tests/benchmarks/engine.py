"""What the engine protocol costs: vLLM in process against LLM.chat alone, and the client of servers by itself.

One JSON line. vLLM runs on the CPU in .venv-vllm (`make vllm`) with a tiny random Llama, so that little time is the
model's and the share of the protocol is as large as it can be. `vllm_ratio`: throughput through the protocol over that
of LLM.chat, same requests, the least CPU time of five in turn; `vllm_wall_ratio` by the clock, for a machine that does
nothing else. `server_requests_per_second`: ServerEngine against a server that answers at once, both in one process.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from translate.engine import Message, Parameters, Request

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
REQUESTS = 512
TEXT = "नदी के किनारे बसा यह गाँव हर साल बाढ़ देखता है। The river rises in the hills. "


def requests() -> list[Request]:
    system = Message("system", "Repeat the text.")
    wanted = Parameters(max_tokens=16)
    return [Request((system, Message("user", f"{n} {TEXT * (1 + n % 4)}")), wanted) for n in range(REQUESTS)]


def inside(model: str) -> None:
    """In vLLM's environment: prints vllm_ratio and the seconds of both."""
    from vllm import SamplingParams

    from translate.offline import VllmEngine

    engine = VllmEngine(model, enforce_eager=True, dtype="float32", max_num_seqs=128)
    many = requests()
    chats = [[{"role": turn.role, "content": turn.content} for turn in request.prompt] for request in many]  # type: ignore[union-attr]
    sampling = SamplingParams(max_tokens=16, temperature=0)
    ways = {"chat": lambda: engine._llm().chat(chats, sampling, use_tqdm=False), "protocol": lambda: engine.run(many)}
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(5):
        for name, work in ways.items():
            engine._llm().reset_prefix_cache()
            spent[name].append(_seconds(work))
    cpu, wall = ({name: min(each[n] for each in spent[name]) for name in ways} for n in (0, 1))
    ratios = {"vllm_ratio": cpu["chat"] / cpu["protocol"], "vllm_wall_ratio": wall["chat"] / wall["protocol"]}
    seconds = {"vllm_cpu_seconds": cpu, "vllm_wall_seconds": wall}
    print(json.dumps({name: round(ratio, 3) for name, ratio in ratios.items()} | seconds))


def _seconds(work: Any) -> tuple[float, float]:
    """Of CPU, of all threads, and by the clock."""
    start, clock = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - start, time.perf_counter() - clock


def _vllm() -> dict[str, Any]:
    quiet = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    environment = {**os.environ, **quiet, "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    with tempfile.TemporaryDirectory() as folder:
        for command in (["tests.translate.tiny_llama", folder], ["tests.benchmarks.engine", folder]):
            done = subprocess.run(
                [PYTHON, "-m", *command], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
            )
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _server() -> float:
    from tests.translate.llm_server import LanguageServer, completion
    from translate.server import ServerEngine

    with LanguageServer(lambda body, n: completion("ठीक")) as server:
        engine = ServerEngine(server.url, "judge")
        engine.run(requests())
        return REQUESTS / min(_seconds(lambda: engine.run(requests()))[1] for _ in range(3))


def main() -> None:
    figures = {"benchmark": "engine", "requests": REQUESTS, "server_requests_per_second": round(_server())}
    print(json.dumps(figures | (_vllm() if PYTHON.exists() else {"vllm_ratio": None})))


if __name__ == "__main__":
    inside(sys.argv[1]) if len(sys.argv) > 1 else main()
