"""New pieces put into a tokenizer: after all tokens there are, which keep their ids, with merges after all merges."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sentencepiece import sentencepiece_model_pb2 as sentencepiece_model
from tokenizers import Tokenizer

from train.recipe import TrainError
from train.tokenization.base import Base


def extended(base: Base, pieces: Sequence[str], scores: Sequence[float] = ()) -> Tokenizer:
    """The base with new pieces at contiguous ids from base.size on, in their order. scores: Unigram's."""
    layout = copy.deepcopy(base.layout)
    if base.kind == "Unigram":
        _unigram(layout, base.size, pieces, scores)
    else:
        _bpe(layout, base, pieces)
    return Tokenizer.from_str(json.dumps(layout, ensure_ascii=False))


def _bpe(layout: dict[str, Any], base: Base, pieces: Sequence[str]) -> None:
    model = layout["model"]
    own = dict(model["vocab"])
    new = {piece: base.size + at for at, piece in enumerate(pieces)}
    pieced = own | new
    if base.kind == "SentencePiece BPE":
        model["merges"] = _with_old(model["merges"], own, new)
    model["merges"] += [list(pair) for piece in pieces for pair in splits(piece, pieced)]
    # tokenizers numbers an added token that is no piece from the number of pieces on: such tokens would move
    model["vocab"] = own | {token["content"]: token["id"] for token in layout["added_tokens"]} | new


def splits(piece: str, pieces: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """The pairs of pieces that spell a piece. Whichever comes about in a text merges, as in SentencePiece."""
    halves = ((piece[:at], piece[at:]) for at in range(1, len(piece)))
    return ((left, right) for left, right in halves if left in pieces and right in pieces)


def _with_old(merges: list[Any], own: Mapping[str, int], new: Mapping[str, int]) -> list[Any]:
    """SentencePiece's merges, with those where a new piece is half of an old one, beside the old one's others."""
    pairs = [merge.split(" ") if isinstance(merge, str) else list(merge) for merge in merges]
    last = {left + right: at for at, (left, right) in enumerate(pairs)}
    pieces = {**own, **new}
    behind: dict[int, list[list[str]]] = {}
    for piece, at in last.items():
        extra = [list(pair) for pair in splits(piece, pieces) if pair[0] in new or pair[1] in new]
        if extra:
            behind[at] = extra
    return [each for at, pair in enumerate(pairs) for each in (pair, *behind.get(at, ()))]


def _unigram(layout: dict[str, Any], size: int, pieces: Sequence[str], scores: Sequence[float]) -> None:
    vocabulary = layout["model"]["vocab"]  # [piece, score] by id
    by_id = {token["id"]: token["content"] for token in layout["added_tokens"]}
    worst = min(score for _, score in vocabulary)
    for at in range(len(vocabulary), size):
        vocabulary.append([by_id.get(at, f"<unused_{at}>"), worst - 10])
    vocabulary += [[piece, score] for piece, score in zip(pieces, scores, strict=True)]


def read_proto(data: bytes, name: str) -> Any:
    """A SentencePiece model. Raises TrainError."""
    proto = sentencepiece_model.ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception:  # protobuf's errors differ between its implementations
        proto.Clear()
    if not proto.pieces:
        raise TrainError(f"{name}: no SentencePiece model; take it away, or put the right one there")
    return proto


def extended_proto(base: Base, data: bytes, pieces: Sequence[str], scores: Sequence[float], name: str) -> bytes:
    """The SentencePiece model with the same new pieces at the same ids. BPE: scores from below the lowest down.

    A score is a merge's priority in BPE, the higher the earlier. Added tokens that the model has no pieces for are put
    in as control pieces, which no text spells. Raises TrainError where the model's ids aren't the tokenizer's.
    """
    proto = read_proto(data, name)
    _check_ids(base, proto, name)
    lowest = min(piece.score for piece in proto.pieces)
    by_id = {token["id"]: token["content"] for token in base.layout["added_tokens"]}
    for at in range(len(proto.pieces), base.size):
        kind = sentencepiece_model.ModelProto.SentencePiece.CONTROL
        proto.pieces.add(piece=by_id.get(at, f"<unused_{at}>"), score=0.0, type=kind)
    ranks = scores or [lowest - 1 - at for at in range(len(pieces))]
    for piece, score in zip(pieces, ranks, strict=True):
        proto.pieces.add(piece=piece, score=score, type=sentencepiece_model.ModelProto.SentencePiece.NORMAL)
    proto.trainer_spec.vocab_size = len(proto.pieces)
    return bytes(proto.SerializeToString())


def _check_ids(base: Base, proto: Any, name: str) -> None:
    added = {token["id"]: token["content"] for token in base.layout["added_tokens"]}
    vocabulary = base.vocabulary
    for at, piece in enumerate(proto.pieces):
        if vocabulary.get(piece.piece) != at and at not in added:
            raise TrainError(f"{name}: piece {at} is {piece.piece!r}, which has another id in tokenizer.json")
