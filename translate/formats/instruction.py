"""Instruction data as JSON, one record or one a line: Alpaca, Dolly, Self-Instruct, question and answer, xP3."""

from collections.abc import Iterator

from translate.formats import names
from translate.formats.chat import text_blocks
from translate.spans import Block

_TEXT = names(
    """instruction input output instances response completion prompt context question answer answers query system
    system_prompt history text target targets inputs chosen rejected passage choices options rationale explanation
    title"""
)


def blocks(source: str) -> Iterator[Block]:
    """ValueError for what is not JSON. The text is Markdown, its template placeholders kept."""
    return text_blocks(source, _TEXT)
