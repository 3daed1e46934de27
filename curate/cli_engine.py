"""The options by which a command is told which language model to ask."""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from curate.translate.engines import EngineSpec, digest
from translate.engine import Engine
from translate.server import Limits


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--engine, --model and how to reach it; the command gets `engine` and closes it."""

    @spec_options
    @wraps(command)
    def wrapped(spec: EngineSpec, **given: Any) -> Any:
        return command(engine=spec.open(), **given)

    return wrapped


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that opens engines itself, or has tasks do it: it gets `spec`."""

    @click.option(
        "--engine",
        "engine_name",
        required=True,
        help="An OpenAI-compatible server (http://host:8000/v1), vllm or seq2seq.",
    )
    @click.option("--model", required=True, help="The model's name at the server, or a folder or hub name.")
    @click.option("--revision", default="", help="Of the model; answers of another revision are not mixed with these.")
    @click.option("--key-variable", metavar="NAME", help="Environment variable that holds the server's key.")
    @click.option("--concurrency", default=32, show_default=True, type=click.IntRange(1), help="Requests at once.")
    @click.option(
        "--timeout",
        default=120.0,
        show_default=True,
        type=click.FloatRange(0, min_open=True),
        help="Seconds a request.",
    )
    @click.option(
        "--llm",
        "llm_options",
        multiple=True,
        metavar="KEY=VALUE",
        help="tensor_parallel_size=4; seq2seq: source=eng_Latn",
    )
    @wraps(command)
    def wrapped(engine_name: str, model: str, revision: str, **given: Any) -> Any:
        names = ("key_variable", "concurrency", "timeout", "llm_options")
        spec = _spec(engine_name, model, revision, **{name: given.pop(name) for name in names})
        return command(spec=spec, **given)

    return wrapped


def fallback_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--fallback and its model, below `spec_options`, whose patience it shares; the command gets `fallback`, or None."""

    @click.option(
        "--fallback", "fallback_name", metavar="ENGINE", help="For spans that --engine gave no usable answer."
    )
    @click.option("--fallback-model", help="Its model; an answer of it is known by that name.")
    @click.option("--fallback-revision", default="", help="Of its model.")
    @click.option("--fallback-key-variable", metavar="NAME", help="As --key-variable.")
    @click.option("--fallback-llm", "fallback_llm", multiple=True, metavar="KEY=VALUE", help="As --llm.")
    @wraps(command)
    def wrapped(fallback_name: str | None, fallback_model: str | None, spec: EngineSpec, **given: Any) -> Any:
        revision, key, llm = (given.pop(f"fallback_{name}") for name in ("revision", "key_variable", "llm"))
        if bool(fallback_name) != bool(fallback_model):
            raise click.UsageError("--fallback and --fallback-model belong together")
        if not fallback_name and (revision or key or llm):
            raise click.UsageError("options of a fallback need --fallback")
        second = None
        if fallback_name and fallback_model:
            second = _spec(
                fallback_name,
                fallback_model,
                revision,
                key_variable=key,
                llm_options=llm,
                concurrency=spec.limits.concurrency,
                timeout=spec.limits.timeout,
            )
            if second.open().identity == spec.open().identity:
                raise click.UsageError("--fallback is the same model again")
        return command(spec=spec, fallback=second, **given)

    return wrapped


def opened(name: str, model: str, revision: str, **given: Any) -> Engine:
    """The engine of the options of `engine_options`."""
    return _spec(name, model, revision, **given).open()


def _spec(
    name: str,
    model: str,
    revision: str,
    *,
    key_variable: str | None,
    concurrency: int,
    timeout: float,
    llm_options: tuple[str, ...],
) -> EngineSpec:
    if llm_options and name not in ("vllm", "seq2seq"):
        raise click.BadParameter("options of a model are for --engine vllm or seq2seq", param_hint="--llm")
    if key_variable and name in ("vllm", "seq2seq"):
        raise click.BadParameter("a key is for a server", param_hint="--key-variable")
    limits = Limits(concurrency=concurrency, timeout=timeout)
    if name in ("vllm", "seq2seq") and not revision and Path(model).is_dir():
        revision = digest(Path(model))
    options = _options(llm_options)
    return EngineSpec(
        name=name, model=model, revision=revision, options=options, key_variable=key_variable, limits=limits
    )


def _options(pairs: tuple[str, ...]) -> dict[str, Any]:
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"{pair!r}: write KEY=VALUE, as tensor_parallel_size=4", param_hint="--llm")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options
