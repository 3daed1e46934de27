"""Encoder-decoder translation models in this process, through transformers: NLLB, M2M-100, MADLAD, Marian and their kin.

They are given a span alone, the last message of a request; what they translate from and to is the engine's, as codes of
the model's own tokenizer (NLLB: eng_Latn, hin_Deva). Batches are of like lengths and bounded in tokens.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from translate.engine import Answer, EngineError, Failure, Identity, Request, Result, whole_characters

BATCH_TOKENS = 4096  # of a batch, padding included


class Seq2SeqEngine:
    """`generate` of an AutoModelForSeq2SeqLM behind the protocol: greedy, unless beams are asked for.

    source, target: language codes of the tokenizer; empty for a model of one pair. EngineError for a code that it does
    not know. Weights are read from safetensors alone, and no code of the model's folder is run.
    """

    def __init__(
        self, model: str, *, revision: str = "", source: str = "", target: str = "", beams: int = 1, device: str = ""
    ) -> None:
        self._model, self._revision, self._source, self._target = model, revision, source, target
        self._beams, self._device = beams, device
        self._loaded: tuple[Any, Any] | None = None

    @property
    def identity(self) -> Identity:
        options = {"source": self._source, "target": self._target, "beams": self._beams}
        return Identity(self._model, self._revision, options)

    def count_tokens(self, requests: Sequence[Request]) -> list[int]:
        """Exact."""
        return [len(ids) for ids in self._tokenise(requests)]

    def run(self, requests: Sequence[Request]) -> list[Result]:
        if not requests:
            return []
        ids, context = self._tokenise(requests), self._context()
        results: list[Result | None] = [_too_long(len(one), context) for one in ids]
        order = sorted((n for n, result in enumerate(results) if result is None), key=lambda n: (len(ids[n]), n))
        for batch in _batches(order, ids):
            most = min(context - 1, max(requests[n].parameters.max_tokens for n in batch))
            for n, answer in zip(batch, self._generated([ids[n] for n in batch], most), strict=True):
                results[n] = answer
        return [result for result in results if result is not None]

    def close(self) -> None:
        self._loaded = None

    # --- the model ---------------------------------------------------------------------------------------------------

    def _load(self) -> tuple[Any, Any]:
        """(model, tokenizer)."""
        if self._loaded is None:
            try:
                import torch
                from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
            except ImportError as error:
                raise EngineError(
                    "the engine seq2seq needs transformers: pip install 'multicurate[seq2seq]'"
                ) from error
            given = {"revision": self._revision} if self._revision and not self._revision.startswith("local:") else {}
            try:
                tokenizer = AutoTokenizer.from_pretrained(self._model, trust_remote_code=False, **given)
                model = AutoModelForSeq2SeqLM.from_pretrained(
                    self._model, trust_remote_code=False, use_safetensors=True, **given
                )
            except (OSError, ValueError) as error:
                reason = " ".join(str(error).split())[:300]
                raise EngineError(f"{self._model}: no model that transformers can load: {reason}") from error
            device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
            self._loaded = model.to(device).eval(), tokenizer
            if self._source:
                tokenizer.src_lang = self._source
                self._code(self._source)
        return self._loaded

    def _code(self, language: str) -> int:
        """The token of a language code. EngineError where the tokenizer has none."""
        assert self._loaded is not None
        tokenizer = self._loaded[1]
        code = tokenizer.convert_tokens_to_ids(language)
        if code is None or code == tokenizer.unk_token_id:
            raise EngineError(f"{self._model} has no language {language!r}; give codes of its tokenizer, as eng_Latn")
        return int(code)

    def _context(self) -> int:
        """Tokens that the encoder, and the decoder, can hold."""
        config = self._load()[0].config
        held = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
        return int(held or 512)

    def _tokenise(self, requests: Sequence[Request]) -> list[list[int]]:
        _, tokenizer = self._load()
        return [list(ids) for ids in tokenizer([_text(request) for request in requests])["input_ids"]]

    def _generated(self, ids: list[list[int]], most: int) -> list[Answer]:
        import torch

        model, tokenizer = self._load()
        padded = tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(model.device)
        forced = {"forced_bos_token_id": self._code(self._target)} if self._target else {}
        with torch.inference_mode():
            found = model.generate(**padded, max_new_tokens=most, num_beams=self._beams, do_sample=False, **forced)
        ends = {model.generation_config.eos_token_id, tokenizer.eos_token_id} - {None}
        return [self._answer(row.tolist(), len(one), ends) for row, one in zip(found, ids, strict=True)]

    def _answer(self, row: list[int], prompt_tokens: int, ends: set[int]) -> Answer:
        tokenizer = self._load()[1]
        new = row[1:]  # behind the token that the decoder starts with
        stop = next((at for at, token in enumerate(new) if token in ends), None)
        text = whole_characters(tokenizer.decode(new[:stop], skip_special_tokens=True))
        return Answer(text, "length" if stop is None else "stop", prompt_tokens, len(new) if stop is None else stop + 1)


def _too_long(tokens: int, context: int) -> Failure | None:
    """Of an encoder and a decoder each has the context to itself."""
    return Failure("too_long", f"{tokens} tokens; the encoder holds {context}") if tokens > context else None


def _text(request: Request) -> str:
    text = request.prompt if isinstance(request.prompt, str) else request.prompt[-1].content
    return whole_characters(text)


def _batches(order: list[int], ids: list[list[int]]) -> Iterator[list[int]]:
    """Of ascending lengths, so that the last one is what all are padded to."""
    batch: list[int] = []
    for n in order:
        if batch and len(ids[n]) * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch
