"""One protocol for every language model: a batch of requests in, as many results out, in order. No file I/O.

A result is an answer or a named failure; nothing that a text or a model does raises. What makes an engine unusable for
every request (address, key, model, options) is an `EngineError`, raised once. An answer is a function of the engine's
identity and the request, so both together name it: `content_key`, under which a cache can keep what was paid for.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, get_args

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length"]  # length: cut off by max_tokens

# What may go otherwise if asked again later: worth no place in a cache
PassingReason = Literal["timeout", "rate_limited", "server_error", "connection", "bad_response"]
LastingReason = Literal["too_long", "too_large", "refused", "bad_request", "loop"]  # loop: of the answer
PASSING: frozenset[str] = frozenset(get_args(PassingReason))


class EngineError(ValueError):
    """An engine that can answer no request at all: one line that says what, where, and what would be right."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """How the answer is sampled. All of it is part of the content key."""

    max_tokens: int  # of the answer
    temperature: float = 0.0  # 0: the likeliest token each time
    seed: int = 0
    stop: tuple[str, ...] = ()  # strings that end the answer and are not part of it
    # JSON schema of the answer. Enforced where the backend can; so the prompt must state it too, and the caller check
    schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise EngineError(f"max_tokens is {self.max_tokens}; an answer needs at least 1")
        if self.temperature < 0:
            raise EngineError(f"temperature is {self.temperature:g}; it must be 0 or more")


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt that is completed as it stands, or messages that go through the model's chat template.

    What all requests share belongs first and the text last: engines compute a common beginning once.
    """

    prompt: str | tuple[Message, ...]
    parameters: Parameters

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of all the text."""
        texts = [self.prompt] if isinstance(self.prompt, str) else [message.content for message in self.prompt]
        return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote; it holds no lone surrogates. Token counts are the engine's, 0 where it does not say."""

    text: str
    finish: Finish
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no answer: a name to count by and a line for people."""

    reason: PassingReason | LastingReason
    detail: str

    @property
    def passing(self) -> bool:
        """Whether the same request may be answered later."""
        return self.reason in PASSING


Result = Answer | Failure


@dataclass(frozen=True, slots=True)
class Identity:
    """Which model answers. Where it runs is no part of it: moving a server must not lose what was paid for."""

    model: str
    revision: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)  # that change the numbers: dtype, quantization ...


class Engine(Protocol):
    """A model that can be asked. Made cheaply; loads or connects at the first use."""

    @property
    def identity(self) -> Identity: ...

    def count_tokens(self, requests: Sequence[Request]) -> list[int]:
        """Tokens of each prompt: exact where the backend can tokenise, else about (see `estimated_tokens`)."""
        ...

    def run(self, requests: Sequence[Request]) -> list[Result]:
        """One result a request, in order. A prompt that leaves no room for its answer is `too_long` and not submitted.

        Raises EngineError for what concerns every request.
        """
        ...

    def close(self) -> None:
        """Free what the engine holds; it can't be used afterwards."""
        ...


def content_key(identity: Identity, request: Request) -> str:
    """32 hexadecimal digits that name an answer: the same model asked the same thing in the same way."""
    content = {"identity": asdict(identity), "request": asdict(request)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))  # ASCII: lone surrogates are \\uXXXX
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


BYTES_PER_TOKEN = 3.0  # few tokenizers do worse in any script; most do better
MESSAGE_TOKENS = 8  # of a chat template around each message


def estimated_tokens(request: Request) -> int:
    """Tokens of a prompt when nobody can tokenise it; rather too many than too few."""
    return round(request.bytes / BYTES_PER_TOKEN) + MESSAGE_TOKENS * _messages(request)


def _messages(request: Request) -> int:
    return 0 if isinstance(request.prompt, str) else len(request.prompt)


def surely_fits(request: Request, context: int) -> bool:
    """Whether prompt and answer fit into `context` tokens whatever the tokenizer: no token is shorter than a byte."""
    most = request.bytes + 4 * MESSAGE_TOKENS * max(1, _messages(request))
    return most + request.parameters.max_tokens <= context


def too_long(prompt_tokens: int, request: Request, context: int) -> Failure | None:
    """The failure of a request that the context window can't hold."""
    if prompt_tokens + request.parameters.max_tokens <= context:
        return None
    need = f"{prompt_tokens} tokens of prompt and {request.parameters.max_tokens} of answer"
    return Failure("too_long", f"{need}; the model holds {context}")


def whole_characters(text: str) -> str:
    """Lone surrogates, which JSON can write and UTF-8 cannot, become U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


ENGINES = ("http://HOST/v1", "https://HOST/v1", "vllm", "seq2seq", "echo")


def open_engine(
    name: str, *, model: str, revision: str = "", options: Mapping[str, Any] | None = None, **server: Any
) -> Engine:
    """The engine of a name: an OpenAI-compatible server's address, `vllm` or `seq2seq` in this process, or `echo`.

    `options` go to vLLM's LLM(), or are those of `Seq2SeqEngine`; `server` are keywords of `ServerEngine`. EngineError for an unknown name.
    """
    from translate.echo import EchoEngine

    if name.startswith(("http://", "https://")):
        from translate.server import ServerEngine

        return ServerEngine(name, model, revision=revision, **server)
    if name == "vllm":
        from translate.offline import VllmEngine

        return VllmEngine(model, revision=revision, **(options or {}))
    if name == "seq2seq":
        from translate.seq2seq import Seq2SeqEngine

        return Seq2SeqEngine(model, revision=revision, **(options or {}))
    if name == "echo":
        return EchoEngine()
    raise EngineError(f"unknown engine {name!r}; the engines are {', '.join(ENGINES)}")
