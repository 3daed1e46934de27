"""A span as a request to a model that translates: the instruction first, which engines compute once, the text last."""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

from translate.engine import Message, Parameters, Request
from translate.prompt import without_control_tokens

_LEAST_TOKENS = 64
_TOKENS_PER_CHARACTER = 4  # of the source: a byte-level tokenizer needs three a letter in most scripts, and some room


@dataclass(frozen=True)
class TranslationPrompt:
    """The instruction for a pair of languages, by their names in English."""

    source: str
    target: str

    @cached_property
    def system(self) -> str:
        return str(_template()["system"]).format(source=self.source, target=self.target)

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.blake2b(self.system.encode(), digest_size=8).hexdigest()

    def request(self, text: str) -> Request:
        """For a span's text with its placeholders; what looks like a model's control token is defused."""
        return _request(self.system, text)

    def again(self, text: str, problem: str) -> Request:
        """The same, after an answer that failed the check `problem`."""
        added = str(_template()["again"]).format(problem=problem.replace("_", " "), target=self.target)
        return _request(self.system + added, text)


def _request(system: str, text: str) -> Request:
    most = _LEAST_TOKENS + _TOKENS_PER_CHARACTER * len(text)
    messages = Message("system", system), Message("user", without_control_tokens(text))
    return Request(messages, Parameters(max_tokens=most))


@cache
def _template() -> dict[str, object]:
    return tomllib.loads(resources.files("translate").joinpath("prompts/translation.toml").read_text("utf-8"))
