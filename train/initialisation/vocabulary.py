"""What a new tokenizer keeps of an old one: tokens that have a row already, and the old pieces of those that don't."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from train.recipe import TrainError
from train.tokenization.base import BYTES, SPACE, Base

_CHARACTERS = {byte: character for character, byte in BYTES.items()}
_ROLES = ("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token")


@dataclass(frozen=True)
class VocabularyChange:
    """Tokens aligned by their strings, special ones by role where their strings differ; never by position."""

    kept: dict[int, int]  # new id -> old id
    added: tuple[int, ...]  # new ids without an old row, ascending
    pieces: tuple[tuple[int, ...], ...]  # for each of them, the old ids that spell it; none is empty

    @property
    def size(self) -> int:
        """The first id after all new tokens."""
        return max((*self.kept, *self.added)) + 1


def compare(old: PreTrainedTokenizerBase, new: PreTrainedTokenizerBase) -> VocabularyChange:
    """Raises TrainError where a tokenizer is of a kind whose tokens have no known spelling."""
    before, after = _Spelling(old), _Spelling(new)
    kept: dict[int, int] = {}
    for token, at in after.ids.items():
        found = before.same(token, at, after)
        if found is not None:
            kept[at] = found
    for role in _ROLES:
        ours, theirs = getattr(new, f"{role}_id"), getattr(old, f"{role}_id")
        if ours is not None and theirs is not None:
            kept.setdefault(ours, theirs)
    added = tuple(sorted(set(after.ids.values()) - kept.keys()))
    return VocabularyChange(kept, added, tuple(tuple(before.spell(after.text(at))) for at in added))


class _Spelling:
    """A tokenizer's tokens as bytes, and bytes as its tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        if getattr(tokenizer, "backend_tokenizer", None) is None:
            raise TrainError(f"{type(tokenizer).__name__}: a tokenizer without tokenizer.json; train needs a fast one")
        self._base = Base(tokenizer.backend_tokenizer)
        self._in_bytes = self._base.kind == "byte-level BPE"
        self.ids: dict[str, int] = tokenizer.get_vocab()
        self._strings = {at: token for token, at in self.ids.items()}
        self._literal = set(tokenizer.added_tokens_decoder)  # matched as they are written, special or not
        self._by_text = {self.text(at): at for at in sorted(self._strings, key=self._rank) if at not in self._literal}
        self._fallback = tokenizer.unk_token_id

    def same(self, token: str, at: int, other: "_Spelling") -> int | None:
        """The id of another tokenizer's token here: the same string, or the same bytes in this one's letters."""
        literal = at in other._literal
        if literal or self._in_bytes == other._in_bytes:
            found = self.ids.get(token)
            if found is not None and (found in self._literal) == literal:
                return found
        return self._by_text.get(other.text(at))

    def text(self, at: int) -> bytes:
        """The bytes that a token stands for, which need not be whole characters."""
        token = self._strings[at]
        if at in self._literal:
            return token.encode()
        if self._in_bytes:
            return bytes(BYTES[character] for character in token)
        return _byte(token) or token.replace(SPACE, " ").encode()

    def spell(self, text: bytes) -> list[int]:
        """The ids that the tokenizer's merges make of some bytes. Never empty: mean of nothing is no row."""
        if self._in_bytes:
            found = [each.id for each in self._base.fast.model.tokenize("".join(_CHARACTERS[byte] for byte in text))]
        else:
            found = [at for part in _parts(text) for at in self._spell_part(part)]
        if not found and self._fallback is not None:
            found = [self._fallback]
        if not found:
            raise TrainError(f"the old tokenizer cannot spell the new token {text!r}, and has no unknown token")
        return found

    def _spell_part(self, part: str | int) -> list[int]:
        if isinstance(part, int):
            at = self.ids.get(f"<0x{part:02X}>")
            return [] if at is None else [at]
        return [each.id for each in self._base.fast.model.tokenize(part.replace(" ", SPACE))]

    def _rank(self, at: int) -> bool:
        """Bytes first, so that a piece of the same text takes their place."""
        return self._in_bytes or _byte(self._strings[at]) is None


def _byte(token: str) -> bytes | None:
    """SentencePiece's token of a byte, <0xE0>."""
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return bytes([int(token[3:5], 16)])
    return None


def _parts(text: bytes) -> Iterator[str | int]:
    """Whole characters together, and bytes of broken ones."""
    while text:
        try:
            yield text.decode()
            return
        except UnicodeDecodeError as error:
            if error.start:
                yield text[: error.start].decode()
            yield from text[error.start : error.end]
            text = text[error.end :]


def assemble(change: VocabularyChange, matrix: Tensor, rows: Tensor, height: int) -> Tensor:
    """[height, d] in the matrix's dtype: kept rows bit by bit, new ones, and the kept rows' mean where no token is.

    A row of zeros would have logit 0, which beats every token where logits are negative.
    """
    new, old = zip(*change.kept.items(), strict=True)
    whole = matrix[list(old)].float().mean(0).to(matrix.dtype).repeat(height, *[1] * (matrix.dim() - 1))
    whole[list(new)] = matrix[list(old)]
    whole[list(change.added)] = rows.to(matrix)
    return whole


def old_rows(change: VocabularyChange, matrix: Tensor) -> Tensor:
    """fp32 rows of the old tokens that stay, without padding; each once."""
    return matrix[torch.tensor(sorted(set(change.kept.values())))].float()
