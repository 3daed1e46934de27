"""Spans through the translation pipeline against the same spans given to LLM.chat directly.

One JSON line. The spans are the distinct ones of Debian's installation guide in English, by length; the pipeline asks
them in chunks as `curate translate` does, makes every check of each answer and writes the memory. vLLM runs on the CPU
in .venv-vllm (`make vllm`), in one process, the two ways in turn. `*_ratio`: throughput of the pipeline over that of
LLM.chat, by the least CPU time of the turns and by the least time on the clock (for a machine that does nothing else).

The models have random weights: `model` is large enough that nearly all the time is generation, as with a real one,
`tiny` is the worst case. They know no end, so answers are as long as their source in tokens; and as nothing that they
write is right, the checks cut nothing, else each span would be asked twice. `parts` are seconds of CPU of the pipeline
alone.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from tests.benchmarks.corpora import DATA
from translate.engine import Request, Result
from translate.request import TranslationPrompt

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
GUIDE = "debian_installguide_html.zip", "en"
HELP = "libreoffice_help_hi_km_tr.zip", "hi"  # Hindi text, for the tokenizer
SPANS = 1024
TURNS = 3
MODELS: dict[str, tuple[int, dict[str, Any]]] = {
    "model": (
        8000,
        {
            "hidden_size": 384,
            "intermediate_size": 1024,
            "num_hidden_layers": 16,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "initializer_range": 0.05,
            "tie_word_embeddings": True,
        },
    ),
    "tiny": (
        8000,
        {
            "hidden_size": 128,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "initializer_range": 0.1,
        },
    ),
}


# --- in vLLM's environment -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AsLong(TranslationPrompt):
    """The same prompt; the answer may have as many tokens as its source."""

    tokens: Any = None  # the tokenizer

    def request(self, text: str) -> Request:
        asked = super().request(text)
        return replace(asked, parameters=replace(asked.parameters, max_tokens=max(1, len(self.tokens.encode(text)))))


def inside(work: str, model: str, chunk: int) -> None:
    """Prints the figures of a model."""
    from tests.translate import tiny_llama
    from translate.offline import VllmEngine

    given = json.loads(Path(work, "spans.json").read_text("utf-8"))
    folder = str(Path(work, model))
    vocabulary, shape = MODELS[model]
    tiny_llama.save(folder, given["training"], vocabulary, shape)
    engine = VllmEngine(folder, enforce_eager=True, dtype="float32", max_num_seqs=128)
    ways = Ways(engine, AsLong("English", "Hindi", engine._load_tokenizer()), given["spans"], chunk, f"{work}/memory")
    print(json.dumps(ways.measured()))


@dataclass(frozen=True)
class Ways:
    """The two ways with one engine."""

    engine: Any
    prompt: AsLong
    spans: list[str]
    chunk: int
    folder: str

    def measured(self) -> dict[str, Any]:
        ways: dict[str, Callable[[], int]] = {"chat": self.chat, "pipeline": self.pipeline}
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        tokens = dict.fromkeys(ways, 0)
        self.engine.run([self.prompt.request(text) for text in self.spans[:64]])  # what is compiled once
        for _ in range(TURNS):
            for name, way in ways.items():
                self.engine._llm().reset_prefix_cache()
                took, tokens[name] = _seconds(way)
                spent[name].append(took)
        cpu, wall = ({name: min(each[n] for each in spent[name]) for name in ways} for n in (0, 1))
        return {
            "cpu_ratio": _ratio(cpu["chat"], cpu["pipeline"]),
            "wall_ratio": _ratio(wall["chat"], wall["pipeline"]),
            **{f"{name}_spans_per_second": round(len(self.spans) / wall[name], 1) for name in ways},
            **{f"{name}_tokens_per_second": round(tokens[name] / wall[name]) for name in ways},
            **{f"{name}_cpu_seconds": round(cpu[name], 2) for name in ways},
            "tokens": tokens,
            "parts": self._parts(),
        }

    def chat(self) -> int:
        """All spans at once to vLLM; returns the tokens of the answers."""
        from translate.offline import _sampling

        requests = [self.prompt.request(text) for text in self.spans]
        chats = [[{"role": turn.role, "content": turn.content} for turn in request.prompt] for request in requests]  # type: ignore[union-attr]
        outputs = self.engine._llm().chat(chats, [_sampling(request, False) for request in requests], use_tqdm=False)
        return sum(len(output.outputs[0].token_ids) for output in outputs)

    def pipeline(self) -> int:
        """In chunks, checked, written down; returns the tokens of the answers."""
        from curate.translate.memory import Memory

        memory, tokens = Memory(tempfile.mkdtemp(dir=Path(self.folder).parent)), 0
        for start in range(0, len(self.spans), self.chunk):
            texts = self.spans[start : start + self.chunk]
            rows = [row for row in self._asking().rows(self._keys(texts), texts) if row]
            memory.add(rows)
            tokens += sum(row["completion_tokens"] for row in rows)
        return tokens

    def _asking(self) -> Any:
        from curate.translate.asking import Asking
        from translate.checks.check import CUTOFFS

        none = {reason: cutoff._replace(direction="from", value=inf) for reason, cutoff in CUTOFFS.items()}
        return Asking(self.engine, self.prompt, "eng_Latn", "hin_Deva", none)

    def _keys(self, texts: list[str]) -> list[str]:
        from translate.engine import content_key

        return [content_key(self.engine.identity, self.prompt.request(text)) for text in texts]

    def _parts(self) -> dict[str, float]:
        from curate.translate.memory import Memory

        requests = [self.prompt.request(text) for text in self.spans]
        results: list[Result] = self.engine.run(requests)
        asking, memory = self._asking(), Memory(tempfile.mkdtemp(dir=Path(self.folder).parent))
        rows = [
            row | {"key": text, "source": text}
            for row, text in zip(asking._judged(self.spans, results), self.spans, strict=True)
        ]
        parts: dict[str, Callable[[], Any]] = {
            "requests_and_keys": lambda: self._keys(self.spans),
            "tokenise": lambda: self.engine._tokenise(requests),
            "checks": lambda: asking._judged(self.spans, results),
            "memory": lambda: memory.add(rows),
        }
        return {name: round(min(_seconds(part)[0][0] for _ in range(3)), 3) for name, part in parts.items()}


def _seconds(work: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Of CPU, of all threads, and by the clock; and what the work gave."""
    start, clock = time.process_time(), time.perf_counter()
    given = work()
    return (time.process_time() - start, time.perf_counter() - clock), given


def _ratio(chat: float, pipeline: float) -> float:
    return round(chat / pipeline, 3)


# --- outside ---------------------------------------------------------------------------------------------------------


def _spans(name: str, language: str) -> list[str]:
    """The distinct spans of the pages in a language."""
    from filters.charset import decode
    from translate.document import Document

    with zipfile.ZipFile(DATA / "html" / name) as archive:
        pages = [page for page in archive.namelist() if page.startswith(f"pages/{language}__")]
        texts = [decode(archive.read(page), "text/html") for page in pages]
    return list(dict.fromkeys(span.text for text in texts for span in Document.parse(text, "html").spans))


def _figures(model: str, work: str) -> dict[str, Any]:
    from curate.translate.job import CHUNK

    quiet = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    one_core = {"OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    command = [str(PYTHON), "-m", "tests.benchmarks.translate_throughput", work, model, str(CHUNK)]
    environment = {**os.environ, **quiet, **one_core}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    guide = sorted(_spans(*GUIDE), key=len)
    chosen = [guide[n * len(guide) // SPANS] for n in range(SPANS)]
    with tempfile.TemporaryDirectory() as work:
        content = {"spans": chosen, "training": guide + _spans(*HELP)}
        Path(work, "spans.json").write_text(json.dumps(content), "utf-8")
        figures = {model: _figures(model, work) for model in MODELS} if PYTHON.exists() else {}
    print(json.dumps({"benchmark": "translate_throughput", "spans": SPANS, **figures}))


if __name__ == "__main__":
    inside(sys.argv[1], sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 1 else main()
