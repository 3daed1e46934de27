"""Models that see a source and its translation together: cosine of sentence embeddings, and quality estimation.

Folders in the Hugging Face layout, through transformers: weights from safetensors alone, no code of the folder is run.
Both see a text's first tokens, as many as the model was made for. Batches are of like lengths and bounded in tokens.
"""

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np

from translate.engine import EngineError, whole_characters

Pooling = Literal["mean", "cls", "pooler"]  # pooler: LaBSE's, a layer of its own over the first token
BATCH_TOKENS = 4096  # of a batch, padding included
_MOST_TOKENS = 512  # of a text, or of a pair, whatever the model takes
_MOST_CHARACTERS = 20_000
# Their positions begin behind the padding's
_SHIFTED = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"}
_EXTRA = "similarity and quality estimation need torch and transformers: pip install 'multicurate[seq2seq]'"


class PairModel(Protocol):
    """A number for each pair of a source and its translation: the higher, the better."""

    def score(self, sources: Sequence[str], translations: Sequence[str]) -> np.ndarray:
        """float64, one a pair; -inf where the model gives no number."""
        ...


class SimilarityModel:
    """Cosine, -1 to 1, of the embeddings of an encoder made for many languages, as LaBSE.

    Pooled as the folder's 1_Pooling/config.json says (sentence-transformers), else by the mean; `pooling` overrides it.
    EngineError without torch, or for a folder that holds no such model.
    """

    def __init__(self, folder: str, *, pooling: Pooling | None = None, device: str = "") -> None:
        _check(folder)
        self._folder, self._device = folder, device
        self._pooling = pooling or _pooling(Path(folder))
        self._loaded: tuple[Any, Any] | None = None

    def score(self, sources: Sequence[str], translations: Sequence[str]) -> np.ndarray:
        _same_number(sources, translations)
        if not sources:
            return np.empty(0)
        vectors = self.embed([*sources, *translations])
        return _numbers((vectors[: len(sources)] * vectors[len(sources) :]).sum(axis=1))

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float64 (texts, dimensions), of length 1."""
        model, tokenizer = self._load()
        ids = _tokenised(tokenizer, model.config, [_plain(text) for text in texts])
        found = _by_batches(ids, lambda batch: self._pooled(model, tokenizer.pad(batch, return_tensors="pt")))
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            needed = "pooler" if self._pooling == "pooler" else ""
            self._loaded = _load(self._folder, "AutoModel", self._device, needed)
        return self._loaded

    def _pooled(self, model: Any, batch: Any) -> Any:
        batch = batch.to(model.device)
        found = model(**batch)
        if self._pooling == "pooler":
            return found.pooler_output
        if self._pooling == "cls":
            return found.last_hidden_state[:, 0]
        mask = batch["attention_mask"].unsqueeze(-1).to(found.last_hidden_state.dtype)
        return (found.last_hidden_state * mask).sum(1) / mask.sum(1).clamp(min=1)


class EstimationModel:
    """What a regressor (a sequence classifier of one label) says of source and translation, in the model's own unit.

    EngineError without torch, or for a folder that holds no such model.
    """

    def __init__(self, folder: str, *, device: str = "") -> None:
        _check(folder)
        self._folder, self._device = folder, device
        self._loaded: tuple[Any, Any] | None = None

    def score(self, sources: Sequence[str], translations: Sequence[str]) -> np.ndarray:
        _same_number(sources, translations)
        if not sources:
            return np.empty(0)
        model, tokenizer = self._load()
        ids = _tokenised(tokenizer, model.config, list(map(_plain, sources)), list(map(_plain, translations)))
        return _numbers(_by_batches(ids, lambda batch: _logits(model, tokenizer.pad(batch, return_tensors="pt")))[:, 0])

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            model, tokenizer = _load(self._folder, "AutoModelForSequenceClassification", self._device, "")
            if model.config.num_labels != 1:
                raise EngineError(
                    f"{self._folder}: a classifier of {model.config.num_labels} labels; a regressor has one"
                )
            self._loaded = model, tokenizer
        return self._loaded


def _logits(model: Any, batch: Any) -> Any:
    return model(**batch.to(model.device)).logits


def _check(folder: str) -> None:
    """What can be said before anything is loaded."""
    if any(find_spec(name) is None for name in ("torch", "transformers")):
        raise EngineError(_EXTRA)
    if not (Path(folder) / "config.json").is_file():
        raise EngineError(f"{folder}: no model folder: it has no config.json")


def _pooling(folder: Path) -> Pooling:
    """As sentence-transformers writes it down. Its LaBSE has the pooler's layer once more, as 2_Dense."""
    path = folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return "mean"
    try:
        chosen = json.loads(path.read_text("utf-8"))
        if chosen.get("pooling_mode_cls_token"):
            return "pooler" if (folder / "2_Dense").is_dir() else "cls"
        if chosen.get("pooling_mode_mean_tokens") and not (folder / "2_Dense").is_dir():
            return "mean"
    except (ValueError, AttributeError) as error:
        raise EngineError(f"{path}: {' '.join(str(error).split())[:200]}") from None
    raise EngineError(f"{path}: a pooling other than {', '.join(get_args(Pooling))}")


def _load(folder: str, kind: str, device: str, needed: str) -> tuple[Any, Any]:
    """(model, tokenizer). Weights that the folder lacks would be random: a problem, but for a pooler that nobody needs."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise EngineError(_EXTRA) from error
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        model, report = getattr(transformers, kind).from_pretrained(
            folder, trust_remote_code=False, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise EngineError(f"{folder}: no model for this: {' '.join(str(error).split())[:300]}") from error
    missing = [key for key in sorted(report["missing_keys"]) if needed == "pooler" or "pooler." not in key]
    if missing:
        raise EngineError(f"{folder}: no model for this: weights are missing, as {missing[0]}")
    return model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).float().eval(), tokenizer


def _tokenised(tokenizer: Any, config: Any, texts: list[str], second: list[str] | None = None) -> list[dict[str, Any]]:
    held = getattr(config, "max_position_embeddings", None) or _MOST_TOKENS
    if config.model_type in _SHIFTED:
        held -= (config.pad_token_id or 0) + 1
    most = min(held, tokenizer.model_max_length, _MOST_TOKENS)
    found = tokenizer(texts, second, truncation=True, max_length=most)
    return [{name: values[n] for name, values in found.items()} for n in range(len(texts))]


def _by_batches(items: list[dict[str, Any]], model: Any) -> np.ndarray:
    """What the model says of each, in their order: float64 (items, anything)."""
    import torch

    lengths = [len(item["input_ids"]) for item in items]
    order = sorted(range(len(items)), key=lambda n: (lengths[n], n))
    found: list[np.ndarray] = []
    with torch.inference_mode():
        for batch in _batches(order, lengths):
            # One mapping of lists: what every tokenizer's `pad` takes
            names = items[batch[0]].keys()
            found.append(model({name: [items[n][name] for n in batch] for name in names}).double().cpu().numpy())
    return np.concatenate(found)[np.argsort(order)]


def _batches(order: list[int], lengths: list[int]) -> Iterator[list[int]]:
    """Of ascending lengths, so that the last one is what all are padded to."""
    batch: list[int] = []
    for n in order:
        if batch and lengths[n] * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch


def _plain(text: str) -> str:
    return whole_characters(text[:_MOST_CHARACTERS])


def _numbers(scores: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(scores), -np.inf, scores)


def _same_number(sources: Sequence[str], translations: Sequence[str]) -> None:
    if len(sources) != len(translations):
        raise ValueError(f"{len(translations)} translations of {len(sources)} sources")
