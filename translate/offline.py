"""vLLM in this process: the model on this machine's GPUs, or on its CPU with vLLM's CPU build.

Prompts are tokenised here, in one batch, and handed over as token ids: so the length check costs nothing extra. vLLM
computes what prompts begin with in common once (prefix caching), keeps answers with a JSON schema to it, and ends those
that only repeat themselves.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import numpy as np

from translate.engine import Answer, EngineError, Failure, Identity, Request, Result, too_long, whole_characters

_CHANGES_NUMBERS = ("dtype", "quantization", "hf_overrides", "tokenizer")
_WITHOUT_SPACES = {"backend": "xgrammar", "disable_any_whitespace": True}  # else an answer can be blanks without end


# A loop is the same tokens this often in a row. A shorter period has a multiple among these, so that down to one token
# all are seen: after 68 tokens at the earliest, longer than a line of dashes. vLLM compares once a token and period, in
# Python: 5 microseconds a token for these sixteen, 11 if the short ones were named too.
_PERIODS = range(17, 33)
_TIMES = 4


class VllmEngine:
    """`LLM.generate` behind the protocol. `options` are LLM()'s own: tensor_parallel_size, max_model_len ..."""

    def __init__(self, model: str, *, revision: str = "", **options: Any) -> None:
        self._model, self._revision, self._options = model, revision, options
        self._loaded: Any = None
        self._tokenizer: Any = None

    @property
    def identity(self) -> Identity:
        changing = {name: self._options[name] for name in _CHANGES_NUMBERS if name in self._options}
        return Identity(self._model, self._revision, changing)

    def count_tokens(self, requests: Sequence[Request]) -> list[int]:
        """Exact; needs the tokenizer alone, not the model."""
        return [len(ids) for ids in self._tokenise(requests)]

    def run(self, requests: Sequence[Request]) -> list[Result]:
        llm, tokenised = self._llm(), self._tokenise(requests)
        context = llm.model_config.max_model_len
        results: list[Result | None] = [
            too_long(len(ids), request, context) for ids, request in zip(tokenised, requests, strict=True)
        ]
        fitting = [n for n, result in enumerate(results) if result is None]
        for n, result in zip(fitting, self._generate(requests, tokenised, fitting), strict=True):
            results[n] = result
        return [result for result in results if result is not None]

    def close(self) -> None:
        self._loaded = self._tokenizer = None

    def _generate(
        self, requests: Sequence[Request], tokenised: Sequence[list[int]], fitting: Sequence[int]
    ) -> list[Result]:
        if not fitting:
            return []
        prompts = [{"prompt_token_ids": tokenised[n]} for n in fitting]
        repeating = _repeating([tokenised[n] for n in fitting])
        sampling = [_sampling(requests[n], repeats) for n, repeats in zip(fitting, repeating, strict=True)]
        try:
            with _death_heard(self._llm()):
                outputs = self._llm().generate(prompts, sampling, use_tqdm=False)
        except Exception as error:  # a schema it can't follow, its engine process dead: vLLM has its own kinds
            raise EngineError(f"vLLM with {self._model} stopped: {_line(error)}") from error
        return [_result(output) for output in outputs]

    def _llm(self) -> Any:
        if self._loaded is None:
            vllm = _vllm()
            options = {"enable_prefix_caching": True, "structured_outputs_config": _WITHOUT_SPACES, **self._options}
            try:
                with _llvmlite_hidden():
                    self._loaded = vllm.LLM(model=self._model, revision=self._revision_to_load(), **options)
            except Exception as error:  # no such model, no memory, an option that LLM() does not know
                raise EngineError(f"vLLM cannot load {self._model}: {_line(error)}") from error
        return self._loaded

    def _revision_to_load(self) -> str | None:
        """A hub's revision; a digest that the caller made of a local folder is no such thing."""
        return None if not self._revision or self._revision.startswith("local:") else self._revision

    def _tokenise(self, requests: Sequence[Request]) -> list[list[int]]:
        """Token ids, as LLM.chat and LLM.generate would make them: a chat template writes its own special tokens."""
        tokenised: list[list[int]] = [[] for _ in requests]
        for chat in (True, False):
            rows = [n for n, request in enumerate(requests) if isinstance(request.prompt, tuple) is chat]
            if rows:
                texts = [self._text(requests[n]) for n in rows]
                batch = self._load_tokenizer()(texts, add_special_tokens=not chat)["input_ids"]
                for n, ids in zip(rows, batch, strict=True):
                    tokenised[n] = ids
        return tokenised

    def _text(self, request: Request) -> str:
        if isinstance(request.prompt, str):
            return whole_characters(request.prompt)
        messages = [{"role": turn.role, "content": whole_characters(turn.content)} for turn in request.prompt]
        try:
            return str(self._load_tokenizer().apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        except Exception as error:  # a template is the model's own program: it raises what it likes
            raise EngineError(
                f"{self._model}: its chat template does not take these messages: {_line(error)}"
            ) from error

    def _load_tokenizer(self) -> Any:
        if self._tokenizer is None:
            _vllm()
            from vllm.tokenizers import get_tokenizer

            try:
                name = self._options.get("tokenizer", self._model)
                self._tokenizer = get_tokenizer(name, revision=self._revision_to_load())
            except (ValueError, OSError) as error:
                raise EngineError(f"no tokenizer at {self._model}: {_line(error)}") from error
        return self._tokenizer


def _vllm() -> Any:
    try:
        import vllm
        from vllm.sampling_params import RepetitionDetectionParams  # noqa: F401
    except ImportError as error:
        raise EngineError(
            f"the engine vllm needs vLLM 0.17 or newer: pip install 'multicurate[vllm]' ({_line(error)})"
        ) from error
    return vllm


@contextmanager
def _llvmlite_hidden() -> Iterator[None]:
    """vLLM 0.32's CPU build reads `vars()` of all that any module holds; llvmlite's `lib` has any attribute, none right.

    So it can't load in a process that has used numba. Whoever holds the module goes on using it.
    """
    hidden = sys.modules.pop("llvmlite.binding.ffi", None)
    try:
        yield
    finally:
        if hidden is not None:
            sys.modules["llvmlite.binding.ffi"] = hidden


@contextmanager
def _death_heard(llm: Any) -> Iterator[None]:
    """An end to waiting for a process that was killed: vLLM notes its death, but goes on waiting for its answers.

    Seen in 0.32, by whose inner names this goes; an engine without them runs in this process and dies with it.
    """
    core = llm.llm_engine.engine_core
    if not (hasattr(core, "outputs_queue") and hasattr(core, "resources")):
        yield
        return
    done = Event()

    def watch() -> None:
        while not done.wait(1.0):
            if core.resources.engine_dead:
                core.outputs_queue.put_nowait(RuntimeError("dead"))  # which vLLM raises as its EngineDeadError
                return

    Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _repeating(prompts: Sequence[Sequence[int]]) -> list[bool]:
    """Whether each prompt's tokens loop themselves, as a table's dots do: then the answer may too."""
    ids = np.concatenate([np.append(np.asarray(ids, np.int64), -1 - n) for n, ids in enumerate(prompts)])
    ends = np.cumsum([len(prompt) + 1 for prompt in prompts])
    found = np.zeros(len(prompts), bool)
    for period in _PERIODS:
        unlike = np.flatnonzero(ids[period:] != ids[:-period])  # every prompt's end, a number of its own, is among them
        runs = np.diff(unlike, prepend=-1) - 1
        found[np.searchsorted(ends, unlike[runs >= period * (_TIMES - 1)], "right")] = True
    return [bool(each) for each in found]


def _sampling(request: Request, repeats: bool) -> Any:
    """`repeats`: the prompt does, so the answer may. So may lists in JSON: where there is a schema, it ends the answer."""
    from vllm import SamplingParams
    from vllm.sampling_params import RepetitionDetectionParams, StructuredOutputsParams

    wanted = request.parameters
    return SamplingParams(
        max_tokens=wanted.max_tokens,
        temperature=wanted.temperature,
        seed=wanted.seed if wanted.temperature else None,  # one generator a request; the likeliest token needs none
        stop=list(wanted.stop),
        structured_outputs=StructuredOutputsParams(json=dict(wanted.schema)) if wanted.schema else None,
        repetition_detection=None
        if repeats or wanted.schema
        else RepetitionDetectionParams(_PERIODS[-1], _PERIODS[0], _TIMES),
    )


def _result(output: Any) -> Result:
    written = output.outputs[0]
    if written.finish_reason == "repetition":
        return Failure("loop", f"repeats itself; ended after {len(written.token_ids)} tokens")
    if written.finish_reason not in ("stop", "length"):
        return Failure("server_error", f"vLLM ended the answer with {written.finish_reason}")
    return Answer(
        whole_characters(written.text), written.finish_reason, len(output.prompt_token_ids), len(written.token_ids)
    )


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
