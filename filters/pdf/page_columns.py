"""The signals of a PDF page: name, unit, meaning, and `page_signals`, which computes them all.

Boxes count as printed: running heads, footnotes and page numbers have their part in coverage, overlap and density, hidden
text has not. Text counts as it goes into the document: running heads, feet and page numbers are left out, footnotes and
tables are not. A suppressed block counts nowhere.
"""

import math

import numpy as np
import pyarrow as pa

from filters.columns import UNKNOWN_LANGUAGE, Metric
from filters.pdf.box_signals import confidences, geometry, read, shown, text_rows, text_signals
from filters.pdf.page import Block, Page

SURE = 200  # characters; the languages of a title and a line below it agree by luck

PAGE_METRICS: tuple[Metric, ...] = (
    Metric("horizontal_coverage", "ratio", "length of the union of the blocks' x-intervals, per page width", "Setu"),
    Metric("vertical_coverage", "ratio", "length of the union of the blocks' y-intervals, per page height", "Setu"),
    Metric("box_overlap", "ratio", "highest intersection over union of two blocks; 0 with fewer than two", "Setu"),
    Metric(
        "block_density",
        "ratio",
        "area of a block's lines, per area of the block, in the block where it is least; above 1 where lines overlap",
        "Setu",
    ),
    Metric("suppressed_boxes", "count", "blocks without area, or at more than 0.95 inside another", "Setu"),
    Metric(
        "script_unconfident_ratio",
        "ratio",
        "blocks with fewer than half of their words in the script of most of them, per block with a letter",
        "Setu",
    ),
    Metric(
        "expected_script_ratio",
        "ratio",
        "letters of the expected languages' scripts, per letter; null where none are expected",
        "-",
    ),
    Metric("digit_character_ratio", "ratio", "decimal digits of any script, per character", "-"),
    Metric("characters", "count", "code points in the text, one a line end inside a block", "-"),
    Metric("ocr_confidence_mean", "ratio", "mean confidence of the words an OCR engine read; null without", "-"),
    Metric("ocr_confidence_low_decile", "ratio", "10th percentile of the same", "-"),
    Metric("language_agreement", "ratio", "characters of blocks in the page's language, per character of blocks in any; null below 200 of these", "-"),
    Metric("language_score", "ratio", "confidence of the page's language", "-"),
    Metric("image_ratio", "ratio", "the page's area that pictures cover", "-"),
)  # fmt: skip

PAGE_METRIC_NAMES: tuple[str, ...] = tuple(metric.name for metric in PAGE_METRICS)

# float64 as in filters.columns.SIGNALS. Null: the metric does not apply.
PAGE_SIGNALS: pa.DataType = pa.struct([pa.field(name, pa.float64()) for name in PAGE_METRIC_NAMES])


def page_signals(
    page: Page,
    *,
    paragraph_languages: list[str] | None,
    language_score: float | None,
    expected_scripts: frozenset[str] | None,
    image_ratio: float | None,
) -> dict[str, float | None]:
    """All of PAGE_METRICS. No coordinate, text or confidence is too strange: see `filters.pdf.boxes.clipped`.

    paragraph_languages: a label (hin_Deva) for each of the page's blocks; page.language is what they are compared with.
    expected_scripts: ISO 15924. Raises ValueError where there are not as many labels as blocks.
    """
    if paragraph_languages is not None and len(paragraph_languages) != len(page.blocks):
        raise ValueError(f"{len(paragraph_languages)} paragraph languages for a page of {len(page.blocks)} blocks")
    found = shown(page)
    rows = text_rows(found)
    blocks = [page.blocks[row] for row in rows]
    text = read([_text(block) for block in blocks])
    languages = [paragraph_languages[row] for row in rows] if paragraph_languages is not None else []
    values = {
        **geometry(page, found),
        **text_signals(text, expected_scripts),
        **confidences(blocks),
        "language_agreement": _agreement(languages, text.characters, page.language),
        "language_score": _number(language_score),
        "image_ratio": _number(image_ratio),
    }
    return {name: values[name] for name in PAGE_METRIC_NAMES}


def _text(block: Block) -> str:
    return "\n".join(line.text for line in block.lines)


def _agreement(languages: list[str], sizes: np.ndarray, language: str) -> float | None:
    """None where the page's language is not known, or so little is in any that none of it is sure."""
    known = np.array([not _unknown(label) for label in languages], bool)
    same = np.array([label == language for label in languages], bool)
    total = sizes[known].sum()
    return None if _unknown(language) or total < SURE else float(sizes[same & known].sum() / total)


def _unknown(label: str) -> bool:
    return not label or label.startswith(UNKNOWN_LANGUAGE)


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
