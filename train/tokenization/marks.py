r"""Pre-tokenizers that cut words at combining marks.

`\p{L}+` (GPT-2, Llama 3, Qwen) takes letters alone, and the vowel signs, viramas and nuktas of Indic scripts are marks:
हिन्दी is cut in six. No merge crosses a cut. Widened, a letter takes the marks and joiners after it along. Signs before
which no letter stands, emoji with joiners among them, are cut as before, and so is ASCII.
"""

import copy
import json
from typing import Any

from tokenizers import Regex, Tokenizer, pre_tokenizers

_LETTERS, _WIDE = r"\p{L}+", r"(?:\p{L}[\p{L}\p{M}\x{200C}\x{200D}]*)"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # ByteLevel's own
_WORD = pre_tokenizers.Split(Regex(_WIDE), "removed", invert=True)


def widened(fast: Tokenizer) -> Tokenizer:
    """The tokenizer with marks and joiners kept in words; equal to the given one where it cuts no words at them."""
    layout = json.loads(fast.to_str())
    layout["pre_tokenizer"] = _widen(layout["pre_tokenizer"])
    return Tokenizer.from_str(json.dumps(layout))


def cut_share(fast: Tokenizer, texts: list[str]) -> float:
    """The share of words (a letter, and letters, marks and joiners after it) that the pre-tokenizer cuts."""
    if fast.pre_tokenizer is None:
        return 0.0
    words = cut = 0
    for text in texts:
        borders = {start for _, (start, _) in fast.pre_tokenizer.pre_tokenize_str(text)}
        for _, (start, end) in _WORD.pre_tokenize_str(text):
            words += 1
            cut += any(at in borders for at in range(start + 1, end))
    return cut / max(1, words)


def _widen(part: Any) -> Any:
    part = copy.deepcopy(part)
    if not isinstance(part, dict):
        return part
    if part["type"] == "Sequence":
        part["pretokenizers"] = [_widen(each) for each in part["pretokenizers"]]
    elif part["type"] == "Split" and _LETTERS in part["pattern"].get("Regex", ""):
        part["pattern"]["Regex"] = part["pattern"]["Regex"].replace(_LETTERS, _WIDE)
    elif part["type"] == "ByteLevel" and part.get("use_regex", True) and not part["add_prefix_space"]:
        split = {"type": "Split", "pattern": {"Regex": _GPT2.replace(_LETTERS, _WIDE)}, "behavior": "Isolated"}
        part = {"type": "Sequence", "pretokenizers": [{**split, "invert": False}, {**part, "use_regex": False}]}
    return part
