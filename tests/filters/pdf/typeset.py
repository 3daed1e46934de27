"""Pages of known text, set by Chromium in columns: what reading order is tested and measured on."""

import html
import os
import shutil
import subprocess
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from filters.pdf.layout.paragraphs import spaceless

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTH, HEIGHT = 595, 842  # points, A4
_ALEFS = "اأإآٱ"  # lam-alef ligatures lose theirs in many fonts, which is no matter of order

_STYLE = f"""
@page {{ size: {WIDTH}pt {HEIGHT}pt; margin: 0 }}
body {{ margin: 0; font-family: "Noto Sans", "Noto Sans CJK SC", sans-serif; font-size: 9pt; line-height: 1.35 }}
[lang=ar], [lang=ur] {{ font-family: "Noto Naskh Arabic" }}
section {{ box-sizing: border-box; width: {WIDTH}pt; height: {HEIGHT}pt; padding: 70pt 50pt; position: relative;
  break-after: page; overflow: hidden }}
header, footer {{ position: absolute; left: 50pt; right: 50pt; font-size: 8pt }}
header {{ top: 30pt }} footer {{ bottom: 30pt; text-align: center }}
h1 {{ font-size: 16pt; margin: 0 0 12pt }}
p {{ margin: 0 0 6pt }}
.justified p {{ text-align: justify }}
.indented p {{ margin: 0; text-indent: 1.5em }}
.columns {{ column-gap: 18pt }}
.vertical .columns {{ writing-mode: vertical-rl; height: 640pt; column-gap: 24pt }}
.beside {{ display: flex; gap: 20pt }}
.beside main {{ flex: 3 }} .beside aside {{ flex: 1.2; font-size: 8pt }}
"""


@dataclass(frozen=True)
class Sheet:
    """One page, which its text must fit on: about 3,500 characters of Latin, 1,500 of Chinese."""

    language: str  # BCP 47
    paragraphs: tuple[str, ...]
    columns: int = 1
    right_to_left: bool = False
    style: str = ""  # of justified, indented, vertical
    head: str = ""
    heading: str = ""  # across the columns
    foot: str = ""
    aside: str = ""  # a sidebar after the text

    @property
    def text(self) -> str:
        """In reading order."""
        parts = self.head, self.heading, *self.paragraphs, self.aside, self.foot
        return "\n".join(part for part in parts if part)

    def html(self) -> str:
        body = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in self.paragraphs)
        columns = f'<div class="columns" style="column-count:{self.columns}">{body}</div>'
        if self.aside:
            columns = f'<div class="beside"><main>{columns}</main><aside>{html.escape(self.aside)}</aside></div>'
        direction = "rtl" if self.right_to_left else "ltr"
        head, foot = html.escape(self.head), html.escape(self.foot)
        heading = f"<h1>{html.escape(self.heading)}</h1>" if self.heading else ""
        return (
            f'<section lang="{self.language}" dir="{direction}" class="{self.style}">'
            f"<header>{head}</header>{heading}{columns}<footer>{foot}</footer></section>"
        )


def typeset(sheets: list[Sheet], folder: Path) -> Path:
    """One PDF, a page a sheet, by one call of Chromium."""
    assert CHROMIUM is not None
    source, target = folder / "sheets.html", folder / "sheets.pdf"
    body = "".join(sheet.html() for sheet in sheets)
    source.write_text(f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style>{body}', encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}", source.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return target


def need_chromium() -> None:
    """Skips without Chromium; fails where the checks must run."""
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium to typeset pages with")


def words(text: str) -> list[str]:
    """Words as the order measures compare them: letters and digits alone; each character, in scripts without spaces.

    Marks and alefs are left out: fonts' maps to Unicode double or lose them.
    """
    return "".join(map(_kept, unicodedata.normalize("NFKD", text))).split()


def _kept(character: str) -> str:
    if character in _ALEFS or unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf"):
        return ""
    if not character.isalnum():
        return " "
    return f" {character} " if spaceless(character) else character


def in_order(expected: list[str], found: list[str]) -> float:
    """Longest common subsequence, as a share of the expected words. Bit-parallel, after Hyyrö (2004)."""
    places: dict[str, int] = {}
    for at, word in enumerate(expected):
        places[word] = places.get(word, 0) | 1 << at
    every = (1 << len(expected)) - 1
    row = every
    for word in found:
        here = row & places.get(word, 0)
        row = (row + here | row - here) & every
    return (len(expected) - row.bit_count()) / max(1, len(expected))


def pairs_kept(expected: list[str], found: list[str]) -> float:
    """Share of the pairs of neighbours that are neighbours still."""
    wanted, got = Counter(pairwise(expected)), Counter(pairwise(found))
    return (wanted & got).total() / max(1, wanted.total())
