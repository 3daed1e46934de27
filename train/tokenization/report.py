"""What a tokenizer does to text, measured before and after; and whether all ways to load it agree."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
from rich.table import Table
from tokenizers import Tokenizer

from train.folder import load_tokenizer
from train.recipe import TrainError

HARD = {
    "nukta composed": "\u0958िला \u095eिल्म \u095bरूर प\u095dना",
    "nukta decomposed": "क\u093cिला फ\u093cिल्म ज\u093cरूर पढ\u093cना",
    "bengali vowel composed": "ক\u09cbন\u09cb ম\u09ccলিক বই",
    "bengali vowel decomposed": "ক\u09c7\u09beন\u09c7\u09be ম\u09c7\u09d7লিক বই",
    "tamil vowel decomposed": "க\u0bc6\u0bbeண்டு ப\u0bc7\u0bbeகும்",
    "latin composed": "caf\u00e9 na\u00efve Vi\u1ec7t Nam \u00c5ngstr\u00f6m",
    "latin decomposed": "cafe\u0301 nai\u0308ve Vie\u0323\u0302t Nam A\u030angstro\u0308m",
    "hangul composed": "한국어 문장",
    "hangul decomposed": "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165",
    "zwj": "क्\u200dष र्\u200dय শ্\u200dর ශ්\u200dරී",
    "zwnj": "می\u200cخواهم क्\u200cष ന്\u200c",
    "malayalam chillu": "ൻ ന്\u200d അവൻ",
    "emoji": "👩🏽\u200d💻 👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 🇮🇳 नमस्ते🙏🏽",
    "leading space": " हिन्दी",
    "leading spaces": "    return x  # तमिल தமிழ்",
    "trailing spaces": "पंक्ति   ",
    "spaces within": "एक  दो   तीन",
    "tabs and lines": "\tपहला\n\n\tदूसरा\r\n तीसरा\n",
    "no-break space": "क\u00a0ख\u3000ग\u2009घ",
    "digits": "१२३४ 1234 ١٢٣ १०,००० 3.14",
    "punctuation": "है। “उद्धरण” — (कोष्ठक) 'है' …॥",
    "mixed scripts": "Pythonमें print() और தமிழ்text",
    "code": "def f(x):\n    return {'नाम': x[0]} if x else None\n",
    "link": "https://hi.wikipedia.org/wiki/हिन्दी?a=1&b=%E0%A4%95",
    "right to left": "العربيّة اُردُو עִבְרִית",
    "no spaces": "日本語の文章。中文句子！ภาษาไทยไม่มีช่องว่าง",
    "lone marks": "ि ् \u0301 ়",
    "beyond the basic plane": "𑄌𑄋𑄴𑄟𑄳𑄦 𝒳 𠮷",
    "empty": "",
}


@dataclass(frozen=True)
class Measured:
    """Of documents together. words: runs between white space."""

    documents: int
    bytes: int
    words: int
    tokens: int

    def figures(self) -> dict[str, float]:
        """fertility: tokens a word."""
        fertility, density = self.tokens / max(1, self.words), self.bytes / max(1, self.tokens)
        return {"tokens": self.tokens, "fertility": round(fertility, 4), "bytes_per_token": round(density, 4)}


def measure(fast: Tokenizer, documents: Sequence[str]) -> Measured:
    tokens = sum(map(len, ids(fast, documents)))
    words = sum(len(document.split()) for document in documents)
    return Measured(len(documents), sum(len(document.encode()) for document in documents), words, tokens)


def ids(fast: Tokenizer, documents: Sequence[str]) -> list[list[int]]:
    """Without special tokens."""
    return [encoded.ids for encoded in fast.encode_batch(list(documents), add_special_tokens=False)]


def unchanged(before: Tokenizer, after: Tokenizer, documents: Sequence[str]) -> float:
    """The share of documents with the same ids."""
    pairs = zip(ids(before, documents), ids(after, documents), strict=True)
    return sum(old == new for old, new in pairs) / max(1, len(documents))


def round_trips(fast: Tokenizer) -> dict[str, bool]:
    """Which of the hard texts come back as they were."""
    encoded = ids(fast, list(HARD.values()))
    return {
        name: fast.decode(found, skip_special_tokens=False) == text
        for (name, text), found in zip(HARD.items(), encoded, strict=True)
    }


def check_loading(folder: Path, documents: Sequence[str]) -> None:
    """AutoTokenizer gives tokenizer.json's ids. Raises TrainError.

    transformers 5 builds some classes' tokenizers anew, and leaves out what tokenizer.json says of words
    (huggingface/transformers#45488, #45920).
    """
    texts = [*HARD.values(), *documents]
    loaded = load_tokenizer(folder)
    wanted = ids(Tokenizer.from_file(str(folder / "tokenizer.json")), texts)
    given = loaded(texts, add_special_tokens=False)["input_ids"]
    differ = [text for text, one, other in zip(texts, wanted, given, strict=True) if list(one) != list(other)]
    if differ:
        raise TrainError(
            f"{folder}: transformers loads {type(loaded).__name__}, which cuts {len(differ)} of {len(texts)} texts unlike"
            f' tokenizer.json, such as {differ[0][:40]!r}; "tokenizer_class": "TokenizersBackend" in'
            " tokenizer_config.json keeps to it, unless config.json's model_type forbids"
        )


def check_slow(before: Tokenizer, old: bytes, after: Tokenizer, new: bytes, documents: Sequence[str]) -> float:
    """The share of texts to which SentencePiece's own program gives the fast tokenizer's ids. Raises TrainError.

    Where the two differed before (white space, mostly) they may differ after; nowhere else.
    """
    texts = [*HARD.values(), *documents]
    same_before, same_after = _same(before, old, texts), _same(after, new, texts)
    lost = [text for text, was, now in zip(texts, same_before, same_after, strict=True) if was and not now]
    if lost:
        raise TrainError(
            f"tokenizer.model: SentencePiece cuts {lost[0][:40]!r} unlike tokenizer.json, which it did not"
        )
    return sum(same_after) / len(texts)


def _same(fast: Tokenizer, proto: bytes, texts: Sequence[str]) -> list[bool]:
    slow = sentencepiece.SentencePieceProcessor(model_proto=proto)
    return [one == slow.encode(text) for one, text in zip(ids(fast, texts), texts, strict=True)]


def table(report: Mapping[str, Any]) -> Table:
    """A report's figures, a language or a kept text a row."""
    shown = Table(title=f"{report['new_tokens']:,} new tokens, {report['size_before']:,} → {report['size_after']:,}")
    for name in ("text", "fertility", "bytes per token", "words cut at marks", "same ids"):
        shown.add_column(name, justify="left" if name == "text" else "right")
    arrow: Callable[[Any, str], str] = lambda row, key: f"{row['before'][key]:.2f} → {row['after'][key]:.2f}"  # noqa: E731
    for name, row in report["languages"].items():
        cut = f"{row['before']['words_cut']:.1%} → {row['after']['words_cut']:.1%}"
        shown.add_row(name, arrow(row, "fertility"), arrow(row, "bytes_per_token"), cut, "")
    for name, row in report["kept"].items():
        shown.add_row(name, arrow(row, "fertility"), arrow(row, "bytes_per_token"), "", f"{row['same_ids']:.2%}")
    return shown
