"""Reading order: words of pages typeset with known text, and of the shared set's pages in columns.

`python -m tests.benchmarks.reading_order` prints one JSON line. Typeset: the Universal Declaration of Human Rights in
languages of many scripts, set by Chromium in one to three columns. `in_order` is the longest common subsequence of the
words as a share of them, `pairs` the share of neighbours that are neighbours still: the mean of the pages, and the
worst. Ours against PyMuPDF's `get_text(sort=True)` and `get_text()`. Words that the text layer does not hold whole (`not_held`: the producer's or
PyMuPDF's loss, in the plain text too) are no matter of order and left out. The shared set's pages have no true text: their
columns were read off the rendered pages by eye (`COLUMNS`), and the words within each column stand from the top.
"""

import json
import re
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pymupdf

from filters.pdf.layout.join import page_text
from filters.pdf.text_layer import read_page
from tests.benchmarks.corpora import DATA, _records
from tests.filters.pdf.typeset import Sheet, in_order, pairs_kept, typeset, words

# Keys of the Declaration's translations, and how many of their code points fill most of a page
LANGUAGES = {
    "fra": 3000, "deu_1996": 3000, "rus": 2800, "ell_monotonic": 2800, "amh": 2000,
    "nep": 2600, "bho": 2600, "ben": 2600, "tam_LK": 2300, "mal": 2300, "tha": 2600, "khm": 2200, "mya": 2200,
    "cmn_hans": 1400, "jpn": 1400, "kor": 1700,
    "arb": 2800, "urd": 2800, "heb": 2800, "pes_1": 2800,
}  # fmt: skip
VERTICAL = ("cmn_hans", "jpn")
KINDS = {
    "one column": {"columns": 1},
    "two columns": {"columns": 2},
    "three columns": {"columns": 3, "style": "justified"},
    "indented, heading across": {"columns": 2, "style": "justified indented", "heading": True, "head": True},
    "sidebar": {"columns": 1, "aside": True},
}
ALL = 1e4
FILES = {
    "dpr": "Unstructured-IO+unstructured__multi-column.pdf",
    "turner": "allenai+olmocr__pdftotext_two_column_issue.pdf",
    "lorem": "py-pdf+sample-files__multicolumn.pdf",
    "notices": "allenai+olmocr__ff518b1240a66978f22035528ccb029450b5_pg2.pdf",
}
# File, pages (from 0), and the columns in reading order: x0, y0, x1, y1 in points
COLUMNS = [
    ("dpr", [1, 2, 6, 8, 9, 10], [(50, 0, 298, ALL), (298, 0, 560, ALL)]),
    ("dpr", [0], [(50, 0, 560, 200), (50, 200, 298, ALL), (298, 200, 560, ALL)]),
    ("dpr", [4], [(50, 160, 560, 205), (50, 205, 298, ALL), (298, 385, 560, ALL)]),
    ("dpr", [7], [(50, 265, 560, 325), (50, 325, 298, ALL), (298, 325, 560, ALL)]),
    ("turner", [1, 5, 7, 11, 13], [(40, 45, 268, 700), (268, 45, 500, 700)]),
    ("lorem", [0], [(0, 0, 612, 235), (0, 235, 306, 690), (306, 235, 612, 690)]),
    ("lorem", [1], [(0, 0, 306, 690), (306, 0, 612, 690)]),
    ("notices", [0], [(350, 250, 760, 390), (100, 390, 556, 1610), (556, 390, 1010, 1610)]),
]


def _sheets() -> dict[str, list[Sheet]]:
    """By kind, a page of each language."""
    texts = {record["key"]: record for record in _records("text/udhr.jsonl.gz")}
    found = defaultdict(list)
    for key, room in LANGUAGES.items():
        record = texts[key]
        for at, (kind, asked) in enumerate(KINDS.items()):
            found[kind].append(_sheet(record, asked, room, at))
        if key in VERTICAL:
            found["vertical"].append(_sheet(record, {"columns": 2, "style": "vertical"}, room, 0))
    return found


def _sheet(record: dict, asked: dict, room: int, at: int) -> Sheet:
    """Another part of the text for every kind."""
    paragraphs: list[str] = []
    for paragraph in record["paras"][3 + 5 * at :]:
        full = len(paragraphs) > 24 or sum(map(len, paragraphs)) + len(paragraph) > room
        if full or ("aside" in asked and len(paragraphs) > 16):
            break
        paragraphs.append(paragraph)
    aside = " ".join(record["paras"][60:64])[: room // 6] if "aside" in asked else ""
    return Sheet(
        record["bcp47"].split("-")[0],
        tuple(paragraphs),
        columns=asked["columns"],
        right_to_left=record["dir"] == "rtl",
        style=asked.get("style", ""),
        head=record["name"] if "head" in asked else "",
        heading=record["paras"][0] if "heading" in asked else "",
        foot=str(at + 7),
        aside=aside,
    )


def _ways(page: pymupdf.Page) -> dict[str, str]:
    return {
        "ours": page_text(read_page(page).blocks, every_role=True),
        "sort": _unhyphenated(page.get_text(sort=True)),
        "plain": _unhyphenated(page.get_text()),
    }


def _unhyphenated(text: str) -> str:
    return re.sub(
        r"(?<=\w)[-\u00ad]\s*\n\s*(?=[^\W\d_])", lambda match: "" if text[match.end()].islower() else "-", text
    )


def _judged(pages: list[tuple[list[str], dict[str, str]]], ways: tuple[str, ...]) -> dict[str, object]:
    figures: dict[str, object] = {"pages": len(pages), "words": sum(len(expected) for expected, _ in pages)}
    figures["not_held"] = figures["words"] - sum(len(_held(*page)) for page in pages)
    for way in ways:
        found = [(_held(expected, texts), words(texts[way])) for expected, texts in pages]
        for name, measure in (("in_order", in_order), ("pairs", pairs_kept)):
            scores = [measure(expected, got) for expected, got in found]
            figures[f"{way}_{name}"] = round(sum(scores) / len(scores), 4)
            if way == "ours":
                figures[f"worst_{name}"] = round(min(scores), 4)
    return figures


def _held(expected: list[str], texts: dict[str, str]) -> list[str]:
    """The words that the text layer holds whole, in whatever order: glyphs without Unicode and split words aside."""
    room = Counter(words(texts["plain"]))
    held = []
    for word in expected:
        if room[word] > 0:
            room[word] -= 1
            held.append(word)
    return held


def _typeset() -> dict[str, object]:
    kinds = _sheets()
    sheets = [sheet for each in kinds.values() for sheet in each]
    with tempfile.TemporaryDirectory() as folder, pymupdf.open(typeset(sheets, Path(folder))) as document:
        if document.page_count != len(sheets):
            raise SystemExit(f"{len(sheets)} sheets made {document.page_count} pages: a text is too long")
        pages = [(words(sheet.text), _ways(page)) for sheet, page in zip(sheets, document, strict=True)]
    figures: dict[str, object] = {}
    languages = defaultdict(list)
    for kind, each in kinds.items():
        mine, pages = pages[: len(each)], pages[len(each) :]
        figures[kind] = _judged(mine, ("ours", "sort", "plain"))
        for sheet, page in zip(each, mine, strict=True):
            languages[sheet.language].append(page)
    by_language = {name: _judged(each, ("ours",))["ours_in_order"] for name, each in languages.items()}
    return {"typeset": figures, "by_language": by_language}


def _of_columns(page: pymupdf.Page, columns: list[tuple[float, float, float, float]]) -> list[str]:
    found = page.get_text("words")
    text = []
    for x0, y0, x1, y1 in columns:
        inside = [w for w in found if x0 <= (w[0] + w[2]) / 2 < x1 and y0 <= (w[1] + w[3]) / 2 < y1]
        lines: list[list[tuple]] = []
        for word in sorted(inside, key=lambda w: w[3]):
            if lines and (word[1] + word[3]) / 2 < lines[-1][0][3]:
                lines[-1].append(word)
            else:
                lines.append([word])
        text += [" ".join(word[4] for word in sorted(line)) for line in lines]
    return words(_unhyphenated("\n".join(text)))


def _shared() -> dict[str, object]:
    pages = []
    for name, numbers, columns in COLUMNS:
        with pymupdf.open(DATA / "pdf" / FILES[name]) as document:
            pages += [(_of_columns(document[number], columns), _ways(document[number])) for number in numbers]
    return {"shared": _judged(pages, ("ours", "sort", "plain"))}


def main() -> None:
    print(json.dumps({"benchmark": "reading_order", **_typeset(), **_shared()}, ensure_ascii=False))


if __name__ == "__main__":
    main()
