"""Chance that is a function of seed and names alone: the same for a row wherever and whenever it is met."""

import hashlib
from collections.abc import Mapping, Sequence


def draw(seed: int, *names: str) -> float:
    """From 0 to below 1."""
    text = "\x1f".join([str(seed), *names])
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / (1 << 53)


def check_ratios(ratios: Mapping[str, float], transforms: Sequence[str]) -> None:
    """ValueError for a transform that is none, or a share outside 0 to 1."""
    for transform, share in ratios.items():
        if transform not in transforms:
            raise ValueError(f"unknown transform {transform!r}; known: {', '.join(transforms)}")
        if not 0 <= share <= 1:
            raise ValueError(f"the ratio of {transform} is {share:g}; it must be between 0 and 1")
