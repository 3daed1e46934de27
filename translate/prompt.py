"""A stranger's text inside a prompt: marked off so that it can't end its own quotation or speak as somebody else."""

import hashlib
import re
import unicodedata

from translate.engine import whole_characters

# What chat templates write between turns, in the spellings of the usual model families. A tokenizer reads these as its
# control tokens wherever they stand, so a page that holds one could begin a turn of its own.
_CONTROL = re.compile(
    r"<(?=[|｜])|(?<=[|｜])>"
    r"|<(?=/?(?:s|bos|eos|pad|unk|think|tool_call|tool_response|start_of_turn|end_of_turn|start_of_role|end_of_role)>)"
    r"|<(?=<SYS>>|</SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])",
    re.IGNORECASE,
)
_BESIDE = {"<": "‹", ">": "›", "[": "⟦"}


def without_control_tokens(text: str) -> str:
    """`<|im_end|>`, `</s>`, `[INST]` ... become `‹|im_end|›`: the same to a reader, nothing special to a tokenizer."""
    return _CONTROL.sub(lambda bracket: _BESIDE[bracket[0]], whole_characters(text))


def quoted(text: str) -> str:
    """The text between two lines that carry a code which is nowhere in it. The same text always gets the same code."""
    shown = without_control_tokens(text)
    code = _code(shown)
    return f"[[page {code}]]\n{shown}\n[[end of page {code}]]"


def _code(text: str, digest_size: int = 4) -> str:
    """Digits made from the text, but not in it. Who writes a text can't know what its own digits will be."""
    salt = 0
    while True:
        code = hashlib.blake2b(f"{salt}\n{text}".encode(), digest_size=digest_size).hexdigest()
        if code not in text:
            return code
        salt += 1


def shortened(text: str, characters: int) -> str:
    """At most `characters` of the beginning, cut behind a word where one ends nearby, never before a combining mark."""
    if len(text) <= characters:
        return text
    cut = text[:characters]
    space = max(cut.rfind(" "), cut.rfind("\n"))
    if space >= characters * 0.9:
        return cut[:space].rstrip()
    while cut and _joins(text[len(cut)]):
        cut = cut[:-1]
    return cut or text[:characters]


def _joins(character: str) -> bool:
    """Whether it belongs to what stands before it."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me") or character == "\u200d"
