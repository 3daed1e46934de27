"""A tokenizer taken apart: its kind, the words that it cuts text into, and each word's pieces."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from tokenizers import Regex, Tokenizer, pre_tokenizers

from train.recipe import TrainError

Kind = Literal["byte-level BPE", "SentencePiece BPE", "Unigram"]
SPACE = "▁"
_OUTER = ("normalizer", "pre_tokenizer", "decoder")
# SentencePiece's trainer cuts between letters, digits and signs (split_by_unicode_script, split_digits); so do we
_LETTERS = rf"{SPACE}*[\p{{L}}\p{{M}}\x{{200C}}\x{{200D}}]+|{SPACE}*\p{{N}}|[^\p{{L}}\p{{M}}\p{{N}}{SPACE}]+"
_WORDS = pre_tokenizers.Split(Regex(_LETTERS), "isolated")


def _byte_characters() -> dict[str, int]:
    """Which byte each character of byte-level BPE stands for: itself where Latin-1 can print it, else 256 and up."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + at): byte for at, byte in enumerate(hidden)}


BYTES = _byte_characters()


@dataclass(frozen=True)
class Base:
    """A tokenizer, as the library `tokenizers` runs it."""

    fast: Tokenizer

    @cached_property
    def layout(self) -> dict[str, Any]:
        """Its tokenizer.json. Do not change it."""
        return dict(json.loads(self.fast.to_str()))

    @cached_property
    def kind(self) -> Kind:
        """Raises TrainError where no new pieces can be put in."""
        model = self.layout["model"]
        outer = json.dumps([self.layout[name] for name in _OUTER], ensure_ascii=False)
        if model["type"] == "Unigram":
            return "Unigram"
        if (
            model["type"] == "BPE"
            and not model.get("continuing_subword_prefix")
            and not model.get("end_of_word_suffix")
        ):
            if '"ByteLevel"' in outer:
                return "byte-level BPE"
            if SPACE in outer:
                return "SentencePiece BPE"
        raise TrainError(
            f"a {model['type']} tokenizer that is none of byte-level BPE, SentencePiece BPE (▁ for a space) and"
            " Unigram; train extends these"
        )

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """The model's pieces, without added tokens that are not among them."""
        return dict(self.fast.get_vocab(with_added_tokens=False))

    @cached_property
    def size(self) -> int:
        """The first id after all tokens, added ones too."""
        return max(self.fast.get_vocab(with_added_tokens=True).values()) + 1

    def count_words(self, texts: Iterable[str]) -> Counter[str]:
        """The words that merges stay within, each as often as it occurs, in the tokenizer's own characters."""
        counted: Counter[str] = Counter()
        for text in texts:
            counted.update(self._words(text))
        return counted

    def _words(self, text: str) -> Iterator[str]:
        if self.fast.normalizer is not None:
            text = self.fast.normalizer.normalize_str(text)
        cut = (
            self.fast.pre_tokenizer.pre_tokenize_str(text) if self.fast.pre_tokenizer is not None else [(text, (0, 0))]
        )
        for word, _ in cut:
            if self.kind == "byte-level BPE":
                yield word
            else:
                yield from (inner for inner, _ in _WORDS.pre_tokenize_str(word))

    def symbols(self, word: str, characters: dict[str, int], *, merged: bool = True) -> list[int]:
        """The ids of a word's pieces, or of its characters alone; -1 where a character has no id (bytes in its place).

        characters: ids of new characters, which the base has no piece for.
        """
        if self.kind == "byte-level BPE" and merged:
            return [token.id for token in self.fast.model.tokenize(word)]
        found, known = [], ""
        for character in [*word, ""]:
            if character and merged and character in self.vocabulary:
                known += character
                continue
            if known:
                found += [token.id for token in self.fast.model.tokenize(known)]
                known = ""
            if character:
                found.append(self.vocabulary.get(character, characters.get(character, -1)))
        return found
