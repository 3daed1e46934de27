"""Packing: padding, documents cut and tokens lost, ours beside TRL's strategies and plain concatenation; speed.

`python -m tests.benchmarks.packing` prints one JSON line; TRL is measured where it is installed (pip install --no-deps
trl). Texts: Wikipedia of four languages, whole; the same as single paragraphs; and the hardest, documents of half to
nine tenths of a pack, of which no two fit together. For concatenation, documents of 1,000 at a time are joined, cut
into packs and the rest dropped, as transformers' example run_clm.py does. A document is cut where it is in more than
one pack or has lost its end; `must`: it is longer than a pack. CPU time is of packing alone, tokens in
memory, but for `stream`: text to packs.
"""

import gzip
import hashlib
import importlib
import importlib.util
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from tests.benchmarks.corpora import DATA
from train.stream.mixture import DataSection, Source
from train.stream.packs import Piece, best_fit, cut, fill, spill
from train.stream.stream import Stream

LENGTHS = (512, 2048, 8192)
LANGUAGES = ("hi", "ta", "bn", "ur")
_DOCUMENTS = 400  # of a language
_STRATEGIES = ("bfd", "bfd_split", "wrapped")
_ALL = 10**9  # packs


def _wikipedia() -> list[str]:
    found = []
    for language in LANGUAGES:
        with gzip.open(DATA / f"raw/wikipedia_{language}.jsonl.gz", "rt", encoding="utf-8") as file:
            found += [json.loads(line)["text"] for _, line in zip(range(_DOCUMENTS), file, strict=False)]
    return found


def _tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=8000, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False)  # fmt: skip
    inner.train_from_iterator(texts[::4], trainer)
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")


def _awkward(ids: list[list[int]], length: int, tokenizer: Any) -> list[str]:
    """Documents of 0.5 to 0.9 of a pack."""
    rng, whole = np.random.default_rng(1), [token for document in ids for token in document]
    found, at = [], 0
    while at < len(whole) - length:
        size = int(length * rng.uniform(0.5, 0.9))
        found.append(tokenizer.decode(whole[at : at + size]).replace("\ufffd", ""))
        at += size
    return found


def _stream(texts: list[str], tokenizer: Any, length: int, workers: int, folder: Path) -> Stream:
    path = folder / "texts.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts), "utf-8")
    data = DataSection(source=(Source(name="texts", paths=(str(path),), epochs=1),))
    return Stream(data, tokenizer, length=length, seed=1, packs=_ALL, workers=workers)


def _ours(texts: list[str], tokenizer: Any, length: int, folder: Path) -> dict[str, float]:
    tokens = packs = documents = whole = 0
    start = time.process_time()
    for pack in _stream(texts, tokenizer, length, 0, folder):
        packs += 1
        sizes = np.bincount(pack.document_ids[pack.document_ids >= 0])
        last = np.cumsum(sizes) - 1
        ends, begins = pack.labels[last] == -100, pack.input_ids[last - sizes + 1] == tokenizer.bos_token_id
        tokens, documents = tokens + int(sizes.sum()), documents + int(ends.sum())
        whole += int((begins & ends).sum())
    seconds = time.process_time() - start
    assert documents == len(texts)
    return {
        "padding": 1 - tokens / (packs * length), "lost": 0.0, "cut": 1 - whole / documents, "tokens": tokens,
        "stream_tokens_per_cpu_s": tokens / seconds,
    }  # fmt: skip


def _packing_time(ids: list[np.ndarray], length: int) -> float:
    """Of the packer alone, in windows of 128 packs as the stream has them."""
    start = time.process_time()
    window: list[Piece] = []
    held = 0
    for at, tokens in enumerate(ids):
        window += cut(tokens, length, "s")
        held += len(tokens)
        if held >= 128 * length or at == len(ids) - 1:
            bins = best_fit([len(piece.tokens) for piece in window], length)
            for pack in spill([[window[place] for place in each] for each in bins], length, 0.02):
                fill(pack, length, 0)
            window, held = [], 0
    return time.process_time() - start


def _trl(ids: list[np.ndarray], length: int, strategy: str) -> dict[str, float]:
    datasets = importlib.import_module("datasets")
    datasets.disable_progress_bars()
    pack = importlib.import_module("trl.data_utils").pack_dataset
    # a token tells its document, so that one can see where each went
    marked = datasets.Dataset.from_dict({"input_ids": [[at] * len(tokens) for at, tokens in enumerate(ids)]})
    start = time.process_time()
    packed = pack(marked, seq_length=length, strategy=strategy)
    return _judged([np.array(row) for row in packed["input_ids"]], ids, length, time.process_time() - start)


def _concatenated(ids: list[np.ndarray], length: int) -> dict[str, float]:
    start, packs = time.process_time(), []
    for first in range(0, len(ids), 1000):
        batch = ids[first : first + 1000]
        joined = np.concatenate([np.full(len(tokens), first + at) for at, tokens in enumerate(batch)])
        packs += [joined[at : at + length] for at in range(0, len(joined) - length + 1, length)]
    return _judged(packs, ids, length, time.process_time() - start)


def _judged(packs: list[np.ndarray], ids: list[np.ndarray], length: int, seconds: float) -> dict[str, float]:
    """packs: the document's number in the place of each of its tokens."""
    packs_of, kept = Counter[int](), Counter[int]()
    for pack in packs:
        documents, counts = np.unique(pack, return_counts=True)
        packs_of.update(documents.tolist())
        kept.update(dict(zip(documents.tolist(), counts.tolist(), strict=True)))
    whole = sum(packs_of[at] == 1 and kept[at] == len(tokens) for at, tokens in enumerate(ids))
    tokens = sum(len(each) for each in ids)
    return {
        "padding": 1 - kept.total() / (len(packs) * length),
        "lost": 1 - kept.total() / tokens,
        "cut": 1 - whole / len(ids),
        "tokens_per_cpu_s": tokens / seconds,
    }


def _one(texts: list[str], tokenizer: Any, length: int, folder: Path) -> dict[str, dict[str, float]]:
    inner, end = tokenizer.backend_tokenizer, tokenizer.eos_token_id
    ids = [np.array([*each.ids, end], np.int32) for each in inner.encode_batch_fast(texts)]
    ours = _ours(texts, tokenizer, length, folder)
    assert ours.pop("tokens") == sum(map(len, ids))  # nothing lost
    ours["tokens_per_cpu_s"] = sum(map(len, ids)) / _packing_time(ids, length)
    must = {"cut": sum(len(each) > length for each in ids) / len(ids)}
    found = {"must": must, "ours": ours, "concatenated": _concatenated(ids, length)}
    if importlib.util.find_spec("trl"):
        found |= {f"trl_{strategy}": _trl(ids, length, strategy) for strategy in _STRATEGIES}
    return {name: {key: float(f"{value:.4g}") for key, value in each.items()} for name, each in found.items()}


def _same(texts: list[str], tokenizer: Any, folder: Path) -> bool:
    """The stream of 0, 1 and 2 tokenising processes."""
    found = set()
    for workers in (0, 1, 2):
        digest = hashlib.sha256()
        for pack in _stream(texts, tokenizer, 2048, workers, folder):
            for column in (pack.input_ids, pack.labels, pack.position_ids, pack.document_ids):
                digest.update(column.tobytes())
        found.add(digest.hexdigest())
    return len(found) == 1


def _sets(length: int, texts: list[str], ids: list[list[int]], tokenizer: Any) -> Iterator[tuple[str, list[str]]]:
    yield "documents", texts
    yield "paragraphs", [line for text in texts for line in text.split("\n") if line.strip()]
    yield "half_to_nine_tenths", _awkward(ids, length, tokenizer)


def main() -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    texts = _wikipedia()
    tokenizer = _tokenizer(texts)
    ids = [each.ids for each in tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            f"{name}_{length}": _one(found, tokenizer, length, Path(folder))
            for length in LENGTHS
            for name, found in _sets(length, texts, ids, tokenizer)
        }
        same = _same(texts, tokenizer, Path(folder))
    print(json.dumps({"benchmark": "packing", "same_for_0_1_2_workers": same, "tokens": sum(map(len, ids)), **figures}))


if __name__ == "__main__":
    main()
