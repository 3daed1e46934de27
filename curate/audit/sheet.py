"""What annotators fill in: the columns of a sheet, as CSV that a spreadsheet opens, and as JSON lines.

A spreadsheet would run a cell that begins with = + - @ as a formula: such a cell gets an apostrophe before it.
"""

import csv
import io
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from curate.report.markup import visible

TEXT_CHARACTERS = 20_000  # of a document; a cell of a spreadsheet holds 32,767
IN_LANGUAGE = ("yes", "mixed", "no")
QUALITY = ("good", "flawed", "junk")
# Columns to fill in, with the answers that they take; the heading says them
QUESTIONS = {"in_language": IN_LANGUAGE, "quality": QUALITY, "pii": ("yes", "no"), "unsafe": ("yes", "no")}
COMMENT = "comment"
_FORMULA, _BLANKS = frozenset("=+-@"), frozenset("\t\r\n")


@dataclass(frozen=True, slots=True)
class Item:
    """A document of a sheet: its text with strangers' control characters made visible, and nothing of its fate."""

    id: str
    language: str
    characters: int  # of the whole text
    text: str

    @classmethod
    def of(cls, id: str, language: str, text: str) -> "Item":
        shown = visible(text[:TEXT_CHARACTERS].replace("\r\n", "\n"))  # may be longer
        return cls(id, language, len(text), shown[:TEXT_CHARACTERS])


def to_csv(items: Iterable[Item]) -> str:
    """Begins with a byte order mark, without which Excel takes the text for another encoding."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    answers = (f"{name} ({'/'.join(known)})" for name, known in QUESTIONS.items())
    writer.writerow(["id", "language", *answers, COMMENT, "characters", "text"])
    blank = [""] * (len(QUESTIONS) + 1)
    for item in items:
        writer.writerow([item.id, item.language, *blank, item.characters, harmless(item.text)])
    return "\ufeff" + out.getvalue()


def to_jsonl(items: Iterable[Item]) -> str:
    rows = (
        {"id": item.id, "language": item.language}
        | dict.fromkeys(QUESTIONS)
        | {COMMENT: "", "characters": item.characters, "text": item.text}
        for item in items
    )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs; = and the like count in full width and behind blanks, too."""
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])[:1]
    return f"'{text}" if text[:1] in _BLANKS or first in _FORMULA else text


def plain(cell: str) -> str:
    """The cell without what `harmless` put before it."""
    return cell[1:] if cell.startswith("'") and harmless(cell[1:]) == cell else cell
