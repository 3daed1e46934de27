"""Models at work: the language of lines, and fetching published models."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa

from filters.fasttext_file import labels
from filters.language import REMOTE_MODELS, identify, model_folder

_BATCH = 1000  # texts identified at a time


def predict(
    lines: Iterable[str], *, model: str = "default", cuts: Mapping[str, float] | None = None
) -> Iterator[dict[str, Any]]:
    """The language columns of each line, in order, with the line as `text`."""
    source = (line.rstrip("\n") for line in lines)
    while batch := list(islice(source, _BATCH)):
        answers = identify(pa.array(batch, pa.string()), model=model, cuts=cuts).to_pylist()
        for text, answer in zip(batch, answers, strict=True):
            yield {"text": text, **answer}


def fetch(model: str) -> Path:
    """Download a published model (`lid.176`, `glotlid`) to `model_folder()`; nothing to do if it is there.

    Raises ValueError if what came is another file than was published, or no whole fastText model.
    """
    if model not in REMOTE_MODELS:
        raise ValueError(f"unknown model {model!r}: `fetch` knows {', '.join(REMOTE_MODELS)}")
    remote = REMOTE_MODELS[model]
    target = model_folder() / remote.file
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        partial = Path(folder) / remote.file
        with fsspec.open(remote.url, "rb") as source, partial.open("wb") as sink:
            while block := source.read(1 << 20):
                digest.update(block)
                sink.write(block)
        if remote.sha256 and digest.hexdigest() != remote.sha256:
            raise ValueError(f"{remote.url}: sha256 {digest.hexdigest()}, expected {remote.sha256}")
        labels(partial)  # raises where it is none
        partial.rename(target)
    return target
