"""A model on held-out text, comparable across tokenizers: bits per byte; and what its tokenizer makes of the text."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from train.optimisation.distributed import World
from train.optimisation.objective import Objective
from train.optimisation.watch import bits_per_byte, held

WINDOW = 1024  # tokens that a prediction may look back on, at most
WINDOWS_AT_ONCE = 4


@dataclass(frozen=True)
class TextScore:
    """On one text. Bits per byte, tokens per word (at white space) and bytes per token are sums over all documents."""

    bits_per_byte: float
    fertility: float
    bytes_per_token: float
    documents: int
    bytes: int


def score(
    name: str, texts: Sequence[str], model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, where: World
) -> TextScore:
    """Whole documents, special tokens not counted; windows do not overlap. Raises TrainError for no text."""
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None) or WINDOW
    windows = held(name, texts, tokenizer, min(context, WINDOW))
    with torch.inference_mode():
        bits = bits_per_byte(Objective(model), windows, WINDOWS_AT_ONCE, where)
    tokens = sum(len(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"])
    words = sum(len(text.split()) for text in texts)
    return TextScore(bits, tokens / max(1, words), windows.bytes / max(1, tokens), len(texts), windows.bytes)
