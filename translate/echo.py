"""An engine that repeats what it is given, word for word or through a dictionary: exact, quick, and needs no model."""

import re
from collections.abc import Mapping, Sequence

from translate.engine import Answer, Failure, Identity, Request, Result, too_long, whole_characters

_TOKEN = re.compile(r"\s*\S+|\s+")  # a word with the space before it
_WORD = re.compile(r"[^\s!-/:-@\[-`{-~।॥،؛؟۔、。，！？«»“”]+")  # \w would end at the vowel signs of Brahmic scripts


class EchoEngine:
    """Answers with the last message, or the prompt; words in `words` are replaced. A token is a word."""

    def __init__(self, words: Mapping[str, str] | None = None, *, context: int = 1 << 20) -> None:
        self._words = dict(words or {})
        self._context = context

    @property
    def identity(self) -> Identity:
        return Identity("echo", options={"words": self._words} if self._words else {})

    def count_tokens(self, requests: Sequence[Request]) -> list[int]:
        return [sum(len(_TOKEN.findall(text)) for text in _texts(request)) for request in requests]

    def run(self, requests: Sequence[Request]) -> list[Result]:
        return [self._answer(*pair) for pair in zip(requests, self.count_tokens(requests), strict=True)]

    def close(self) -> None:
        pass

    def _answer(self, request: Request, prompt_tokens: int) -> Answer | Failure:
        if failure := too_long(prompt_tokens, request, self._context):
            return failure
        text = _WORD.sub(lambda word: self._words.get(word[0], word[0]), _texts(request)[-1])
        for end in request.parameters.stop:
            text = text.partition(end)[0]
        tokens = _TOKEN.findall(whole_characters(text))
        kept = tokens[: request.parameters.max_tokens]
        return Answer("".join(kept), "stop" if len(kept) == len(tokens) else "length", prompt_tokens, len(kept))


def _texts(request: Request) -> list[str]:
    return [request.prompt] if isinstance(request.prompt, str) else [message.content for message in request.prompt]
