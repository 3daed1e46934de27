"""Masks under which no document of a pack sees another.

They are always given in full: left to itself, transformers guesses packs from position_ids, and stops guessing as soon
as there is a 2-D mask, even one of ones.
"""

from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers import PretrainedConfig

Mask: TypeAlias = Tensor | BlockMask


def masks(document_ids: Tensor, config: PretrainedConfig, implementation: str) -> Mask | dict[str, Mask]:
    """document_ids: [B, T]. One mask, or one for each kind of layer where the config names kinds.

    "flex_attention" gets block masks, "sdpa" boolean ones [B, 1, T, T]: True where a token (row) sees another. "eager"
    adds its mask to the scores: 0 there, the least number elsewhere.
    Padding (-1) sees itself, so that no row is empty.
    """
    make = {"flex_attention": _blocks, "eager": _added}.get(implementation, _dense)
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ())
    if not kinds:
        return make(document_ids, window)  # Mistral: every layer has the window
    if kinds == {"full_attention"}:
        return make(document_ids, None)
    return {kind: make(document_ids, window if kind == "sliding_attention" else None) for kind in kinds}


def _dense(documents: Tensor, window: int | None) -> Tensor:
    place = torch.arange(documents.shape[1], device=documents.device)
    back = place[:, None] - place[None, :]
    seen = (back >= 0) if window is None else (back >= 0) & (back < window)
    same = documents[:, :, None] == documents[:, None, :]
    return (same & seen)[:, None]


def _added(documents: Tensor, window: int | None) -> Tensor:
    seen = _dense(documents, window)
    return torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, torch.finfo(torch.float32).min)


def _blocks(documents: Tensor, window: int | None) -> BlockMask:
    def seen(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        near = query - key < (documents.shape[1] if window is None else window)
        return (documents[batch, query] == documents[batch, key]) & (query >= key) & near

    size, length = documents.shape
    make: Any = torch.compile(create_block_mask) if documents.is_cuda else create_block_mask
    return make(seen, size, None, length, length, device=documents.device)
