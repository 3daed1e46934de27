"""Text in an encoding of its font or of an old code page, made Unicode.

How the tables were verified: `kruti_dev` is indic-transliteration's, against an independent encoder over Hindi text;
`bijoy` against published pairs of Bijoy and Unicode texts; `tscii` against glibc's decoder; the code pages are Python's.
tests/filters/pdf/test_legacy.py and tests/benchmarks/page_routing.py hold the figures. A table that merely looks right
is worse than none, so fonts without one (Chanakya, Bamini, Velthuis ...) are only named, and their pages go to OCR.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache

from filters.pdf.encoding.legacy_tables import BIJOY_ALONE, FONTS, THAI_SHIFTED, TSCII
from filters.pdf.encoding.letter_pairs import surprise
from filters.pdf.page import Line, Page

# Code pages whose text shows as Windows-1252 where a font does not say what its codes mean
CODE_PAGES = ("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874")
TABLES = ("kruti_dev", "bijoy", "tscii", *CODE_PAGES)
_PIECE = 2_000  # characters: kru2uni's time grows with the square

_SUBSET = re.compile(r"\A[A-Z]{6}\+")
_NO_NAME = re.compile(r"[^a-z0-9]")


def font_family(font: str) -> str | None:
    """The beginning of the name, as in `FONTS`, if it is a font with an encoding of its own."""
    name = _NO_NAME.sub("", _SUBSET.sub("", font[:100]).lower())
    if "unicode" in name or "omj" in name or "otf" in name:  # SutonnyOMJ and the like are Unicode's
        return None
    found = [known for known in FONTS if name.startswith(known)]
    return max(found, key=len, default="mj" if len(name) > 5 and name.removesuffix("bold").endswith("mj") else None)


def table_for(fonts: Iterable[str]) -> str | None:
    """The table of the first font name, in the order given (the most frequent first), that has one."""
    families = filter(None, map(font_family, fonts))
    return next((table for family in families if (table := FONTS.get(family, "bijoy"))), None)


def convert(text: str, table: str) -> str:
    """`text` in Unicode; what the table lacks stays. Raises ValueError for a name that is not in `TABLES`."""
    if table not in TABLES:
        raise ValueError(f"no table {table!r}; there are {', '.join(TABLES)}")
    return "\n".join(_CONVERTERS[table](line) for line in text.split("\n"))


def convert_page(page: Page, table: str) -> None:
    """Convert the lines in the page's legacy fonts: by name, or because Unicode makes more sense of the font's text."""
    lines = [line for block in page.blocks for line in block.lines]
    sample: dict[str, list[str]] = {}
    for line in lines:
        sample.setdefault(line.font, []).append(line.text)
    wanted = {font for font, texts in sample.items() if _is_legacy(font, "\n".join(texts)[:_PIECE], table)}
    for line in lines:
        if line.font in wanted:
            _convert_line(line, table)


def _is_legacy(font: str, text: str, table: str) -> bool:
    return font_family(font) is not None or surprise(convert(text, table)) < surprise(text)


def _convert_line(line: Line, table: str) -> None:
    line.text = convert(line.text, table)
    for word in line.words:
        word.text = convert(word.text, table)


# --- single bytes


@cache
def _bytes_of() -> dict[str, int]:
    """The byte of each character that a PDF may show for it: Windows-1252's, or Latin-1's where that has none."""
    found = {chr(byte): byte for byte in range(0x80, 0x100)}
    return found | {bytes([byte]).decode("cp1252", "ignore"): byte for byte in range(0x80, 0x100) if byte not in _UNSET}


_UNSET = (0x81, 0x8D, 0x8F, 0x90, 0x9D)  # in Windows-1252


@cache
def _translation(codec: str) -> dict[int, str]:
    shifted = THAI_SHIFTED if codec == "cp874" else {}
    found = {}
    for shown, byte in _bytes_of().items():
        meant = shifted.get(byte) or bytes([byte]).decode(codec, "ignore")
        if meant:
            found[ord(shown)] = meant
    return found


# --- Devanagari


_INNER_COLON = re.compile("(?<=[\u0904-\u094c]):(?=[\u0904-\u0939])")  # one key is both colon and visarga


def _kruti_dev(line: str) -> str:
    from indic_transliteration.font_converter.krutidev2unicode import kru2uni

    pieces = []
    for start in range(0, len(line), _PIECE):
        piece = line[start : start + _PIECE].replace("pkS", "p\u200ckS")  # its table has चै for चौ
        pieces.append(kru2uni(piece.encode("utf-8", "ignore")).decode().replace("\u200c", ""))
    return _INNER_COLON.sub("ः", "".join(pieces))


# --- Bengali

_REPH = "\ue000"  # of a consonant before it, until it is in its place
_CONSONANT = "(?:[ক-হড়ঢ়য়ৎ]়?)"
_CLUSTER = f"{_CONSONANT}(?:্{_CONSONANT}){{0,4}}"
_BIJOY_REPH = re.compile(f"({_CLUSTER})([ািীুূৃৗ]?){_REPH}")
_BIJOY_BEFORE = re.compile(f"([িেৈ])((?:র্)?{_CLUSTER})")
_BIJOY_LAST = (("ো", "ো"), ("ৌ", "ৌ"), ("অা", "আ"), (_REPH, "র্"))


@cache
def _bijoy_codes() -> dict[int, str]:
    return {ord(code): meant for code, meant in BIJOY_ALONE.items()} | {0xA9: _REPH}


def _bijoy(line: str) -> str:
    text = line.translate(_bijoy_codes())
    text = re.sub("্{2,}", "্", text)
    text = _BIJOY_REPH.sub(r"র্\1\2", text)
    text = _BIJOY_BEFORE.sub(r"\2\1", text)
    for pieces, whole in _BIJOY_LAST:
        text = text.replace(pieces, whole)
    return text


# --- Tamil

_TAMIL_BEFORE = re.compile("([ெேை])(க்ஷ|[க-ஹ])")
_TAMIL_HALVES = (("ொ", "ொ"), ("ோ", "ோ"), ("ௌ", "ௌ"))


@cache
def _tscii_codes() -> dict[int, str]:
    return {ord(shown): TSCII[byte] for shown, byte in _bytes_of().items() if byte in TSCII}


def _tscii(line: str) -> str:
    text = _TAMIL_BEFORE.sub(r"\2\1", line.translate(_tscii_codes()))
    for pieces, whole in _TAMIL_HALVES:
        text = text.replace(pieces, whole)
    return text


def _code_page(codec: str) -> Callable[[str], str]:
    return lambda line: line.translate(_translation(codec))


_CONVERTERS: dict[str, Callable[[str], str]] = {
    "kruti_dev": _kruti_dev,
    "bijoy": _bijoy,
    "tscii": _tscii,
    **{codec: _code_page(codec) for codec in CODE_PAGES},
}
