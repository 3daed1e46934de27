"""The new pieces, by each method."""

import json
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer

from train.recipe import TrainError
from train.tokenization import admission, bpe
from train.tokenization.base import SPACE, Base
from train.tokenization.extension import extended, read_proto

_COVERAGE = 0.9995  # of the new letters in the text; the rest stays bytes (SentencePiece's character_coverage)


def merged(
    base: Base, words: Counter[str], own: Counter[str], *, tokens: int, least: int, ascii: bool, continued: bool
) -> list[str]:
    """New pieces of a BPE tokenizer, SentencePiece's new characters first.

    continued: merge on from the base's pieces. Else train on characters or bytes alone, as a tokenizer of the language
    would be, and leave out what the base's merges make unreachable.
    own: the letters (admission.letters). ascii: pieces without any of them are made too.
    """
    characters = _characters(base, words, own, tokens=tokens, least=least, ascii=ascii)
    ids = {character: base.size + at for at, character in enumerate(characters)}
    spellings = {token: piece for piece, token in (base.vocabulary | ids).items()}
    counted = [
        (symbols, count)
        for word, count in words.items()
        if len(symbols := base.symbols(word, ids, merged=continued)) > 1
    ]
    found = bpe.learn(
        counted,
        spellings,
        pieces=tokens - len(characters),
        least=least,
        admitted=_admitted(base, own, ascii=ascii, continued=continued),
        mergeable=_mergeable(base) if continued else (),
    )
    known = base.fast.get_vocab(with_added_tokens=True)
    pieces = [*characters, *(piece for piece in found if piece not in known)]
    return pieces if continued else reachable(base, pieces)


def unigram(
    base: Base, words: Counter[str], own: Counter[str], *, tokens: int, ascii: bool
) -> tuple[list[str], list[float]]:
    """New pieces of a Unigram tokenizer, with log-probabilities; old pieces keep theirs, so that old text is cut as before.

    An unnormalised mixture of two models, the base and one trained on the new text, in which a piece of both keeps the
    base's probability (google/sentencepiece#822 has the normalised one, which changes how old text is cut).
    """
    admitted = _admitted(base, own, ascii=ascii, continued=True)
    scored = [(piece, score) for piece, score in _trained(words, 2 * tokens) if admitted(piece)][:tokens]
    while True:
        pieces, scores = [piece for piece, _ in scored], [score for _, score in scored]
        dead = unreachable(extended(base, pieces, scores), pieces)
        if not dead:
            return pieces, scores
        scored = [(piece, score) for piece, score in scored if piece not in dead]


def reachable(base: Base, pieces: list[str]) -> list[str]:
    """Without the pieces that merges no longer lead to, nor those that only these led to."""
    while dead := unreachable(extended(base, pieces), pieces):
        pieces = [piece for piece in pieces if piece not in dead]
    return pieces


def unreachable(fast: Tokenizer, pieces: Sequence[str]) -> set[str]:
    """The pieces that are cut even where they stand alone."""
    layout = json.loads(fast.to_str())
    if layout["model"].get(
        "ignore_merges"
    ):  # a whole word that is a piece: taken without merges; parts of words aren't
        fast = Tokenizer.from_str(json.dumps({**layout, "model": {**layout["model"], "ignore_merges": False}}))
    return {piece for piece in pieces if [token.value for token in fast.model.tokenize(piece)] != [piece]}


def _admitted(base: Base, own: Counter[str], *, ascii: bool, continued: bool) -> Callable[[str], bool]:
    holds = admission.in_bytes(own) if base.kind == "byte-level BPE" else admission.in_characters(own)
    known = base.fast.get_vocab(with_added_tokens=True) if continued else {}

    def admitted(piece: str) -> bool:
        return piece not in known and (ascii or holds(piece))

    return admitted


def _characters(
    base: Base, words: Counter[str], own: Counter[str], *, tokens: int, least: int, ascii: bool
) -> list[str]:
    """SentencePiece: the characters that need pieces of their own, most frequent first. Byte-level: none."""
    if base.kind == "byte-level BPE":
        return []
    counted: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            if character not in base.vocabulary and (ascii or character in own or character in "\u200c\u200d"):
                counted[character] += count
    wanted, seen, all_ = [], 0, counted.total()
    for character, count in sorted(counted.items(), key=lambda each: (-each[1], each[0])):
        if count < least or seen >= _COVERAGE * all_:
            break
        wanted.append(character)
        seen += count
    if len(wanted) > tokens:
        raise TrainError(f"tokenizer.tokens: {tokens:,} are fewer than the {len(wanted):,} characters of the new texts")
    return wanted


def _mergeable(base: Base) -> list[int]:
    if base.kind == "byte-level BPE":
        return []
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in base.layout["model"]["merges"])
    return list(dict.fromkeys(base.vocabulary[left + right] for left, right in pairs))


def _trained(words: Counter[str], size: int) -> list[tuple[str, float]]:
    """Pieces and log-probabilities of SentencePiece's Unigram trainer (Kudo 2018), most probable first."""
    with tempfile.TemporaryDirectory() as folder:
        table, prefix = Path(folder) / "words.tsv", Path(folder) / "trained"
        rows = (f"{word}\t{count}\n" for word, count in words.items() if not any(each in word for each in "\t\n\r\0"))
        table.write_text("".join(rows), "utf-8")
        try:
            sentencepiece.SentencePieceTrainer.train(
                input=str(table),
                input_format="tsv",
                model_prefix=str(prefix),
                model_type="unigram",
                vocab_size=size,
                hard_vocab_limit=False,
                character_coverage=_COVERAGE,
                normalization_rule_name="identity",
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                num_threads=1,
                minloglevel=2,
            )
        except (RuntimeError, OSError) as error:
            raise TrainError(
                f"tokenizer: the new texts are too few for {size // 2:,} Unigram pieces: {error}"
            ) from None
        proto = read_proto(prefix.with_suffix(".model").read_bytes(), "the trained model")
    found = [(each.piece, each.score) for each in proto.pieces if each.type == each.NORMAL and each.piece != SPACE]
    return [(piece, score) for piece, score in found if math.isfinite(score)]
