"""What a page's boxes and the text in them say of it: the parts of `filters.pdf.page_columns.page_signals`."""

import math
from typing import NamedTuple

import numba
import numpy as np

from filters.characters import DIGIT, LETTER, SCRIPT_SHIFT, SPACE, characters
from filters.labels import MEMBERS
from filters.pdf.boxes import clipped, coverage, highest_overlap, lowest_density, suppressed
from filters.pdf.page import Block, Box, Page
from filters.scripts import SCRIPT_INDEX, SCRIPTS

CONSISTENT = 0.5  # share of a paragraph's words in its majority script, below which it is unconfident (Setu)
LOW_QUANTILE = 0.1
_NOT_TEXT = frozenset({"hidden", "running_head", "running_foot", "page_number"})
_HAN = SCRIPT_INDEX["Hani"]


class Shown(NamedTuple):
    """The blocks that leave ink: `blocks`, their rows on the page, their boxes cut to it, and which are suppressed."""

    blocks: list[Block]
    rows: np.ndarray
    boxes: np.ndarray
    suppressed: np.ndarray


def shown(page: Page) -> Shown:
    """Running heads and page numbers too: Setu's coverage is of all that is printed. Hidden text is not printed."""
    rows = [row for row, block in enumerate(page.blocks) if block.role != "hidden"]
    blocks = [page.blocks[row] for row in rows]
    boxes = clipped(_array([block.box for block in blocks]), page.width, page.height)
    return Shown(blocks, np.array(rows, np.int64), boxes, suppressed(boxes))


def suppressed_blocks(page: Page) -> list[bool]:
    """Of each block of the page, whether another covers it (or it has no area): its text is there twice, or nowhere."""
    found, flags = shown(page), [False] * len(page.blocks)
    for row in found.rows[found.suppressed].tolist():
        flags[row] = True
    return flags


def _array(boxes: list[Box]) -> np.ndarray:
    return np.array(boxes, np.float64).reshape(-1, 4)


def geometry(page: Page, found: Shown) -> dict[str, float | None]:
    """Signals of the blocks that are not suppressed."""
    kept = found.boxes[~found.suppressed]
    return {
        "horizontal_coverage": coverage(kept[:, 0], kept[:, 2], page.width),
        "vertical_coverage": coverage(kept[:, 1], kept[:, 3], page.height),
        "box_overlap": highest_overlap(kept),
        "block_density": _density(page, found, kept),
        "suppressed_boxes": float(found.suppressed.sum()),
    }


def _density(page: Page, found: Shown, kept: np.ndarray) -> float | None:
    """Lines stand in the blocks as Setu's paragraphs in theirs; covered ones are left out as well."""
    blocks = _kept(found)
    lines = clipped(_array([line.box for block in blocks for line in block.lines]), page.width, page.height)
    block_of = np.repeat(np.arange(len(blocks)), [len(block.lines) for block in blocks])
    alone = ~suppressed(lines)
    return lowest_density(kept, lines[alone], block_of[alone])


def text_rows(found: Shown) -> list[int]:
    """Rows of the blocks whose text is the document's: neither suppressed nor running heads, feet, page numbers."""
    kept = found.rows[~found.suppressed].tolist()
    return [row for row, block in zip(kept, _kept(found), strict=True) if block.role not in _NOT_TEXT]


def _kept(found: Shown) -> list[Block]:
    return [block for block, gone in zip(found.blocks, found.suppressed.tolist(), strict=True) if not gone]


class Text(NamedTuple):
    """Counts of the paragraphs' text."""

    characters: np.ndarray  # (paragraphs,)
    digits: int
    unconfident: np.ndarray  # (paragraphs,) 1: below CONSISTENT, 0: not, -1: no word with a letter
    letters: np.ndarray  # (len(SCRIPTS),), kana and bopomofo as Han


def read(paragraphs: list[str]) -> Text:
    """A word is what white space parts; its script is that of most of its letters. Words without letters count as none."""
    text = "".join(paragraphs).encode("utf-32-le", "surrogatepass")
    lengths = np.array([len(paragraph) for paragraph in paragraphs], np.int64)
    unconfident = np.full(len(paragraphs), -1, np.int8)
    letters = np.zeros(len(SCRIPTS), np.int64)
    digits = _read(np.frombuffer(text, np.uint32), np.cumsum(lengths), characters().flags, unconfident, letters)
    return Text(lengths, digits, unconfident, letters)


@numba.njit(nogil=True, cache=True)
def _majority(counts: np.ndarray) -> int:
    """The first script with most; counts are cleared. 0 where there are none."""
    best = 0
    for script in range(1, len(counts)):
        if counts[script] > counts[best] or (best == 0 and counts[script] > 0):
            best = script
    counts[:] = 0
    return best


@numba.njit(nogil=True, cache=True)
def _read(points: np.ndarray, ends: np.ndarray, flags: np.ndarray, unconfident: np.ndarray, letters: np.ndarray) -> int:
    digits, at = 0, 0
    in_word, of_words = np.zeros(len(letters), np.int64), np.zeros(len(letters), np.int64)
    for row in range(len(ends)):
        words, word_letters = 0, 0
        while at < ends[row]:
            flag = flags[points[at]]
            at += 1
            digits += (flag & DIGIT) > 0
            if flag & LETTER:
                script = flag >> SCRIPT_SHIFT
                if script:
                    letters[script] += 1
                    in_word[script] += 1
                    word_letters += 1
            if word_letters and (at == ends[row] or flag & SPACE):
                of_words[_majority(in_word)] += 1
                words, word_letters = words + 1, 0
        if words:
            unconfident[row] = of_words.max() < CONSISTENT * words
            of_words[:] = 0
    return digits


def text_signals(found: Text, expected_scripts: frozenset[str] | None) -> dict[str, float | None]:
    total, judged = int(found.characters.sum()), found.unconfident >= 0
    return {
        "script_unconfident_ratio": float(found.unconfident[judged].mean()) if judged.any() else None,
        "expected_script_ratio": _expected(found.letters, expected_scripts),
        "digit_character_ratio": found.digits / total if total else None,
        "characters": float(total),
    }


def _expected(letters: np.ndarray, scripts: frozenset[str] | None) -> float | None:
    """Composite scripts (Jpan) count as the scripts that write them; None where none of them is known."""
    members = {member for script in scripts or () for member in MEMBERS.get(script, (script,))}
    columns = [SCRIPT_INDEX[member] for member in members if member in SCRIPT_INDEX and member != SCRIPTS[0]]
    total = letters.sum()
    return float(letters[columns].sum() / total) if total and columns else None


def confidences(blocks: list[Block]) -> dict[str, float | None]:
    """Mean and low decile over the words of which an engine gave a confidence; None for a text layer."""
    given = (word.confidence for block in blocks for line in block.lines for word in line.words)
    values = np.array(sorted(value for value in given if value is not None and math.isfinite(value)))
    low = float(np.quantile(values, LOW_QUANTILE)) if len(values) else None
    return {"ocr_confidence_mean": float(values.mean()) if len(values) else None, "ocr_confidence_low_decile": low}
