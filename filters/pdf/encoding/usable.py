"""Is a page's text layer what the page shows? Scores by name, and the route that the cutoffs in usable.toml make of them.

An invisible layer over a picture is an OCR engine's reading: it is used if it is language, else the page is a scan.
"""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from filters.pdf.encoding import legacy, page_counts
from filters.pdf.encoding.letter_pairs import BITS, surprise
from filters.pdf.encoding.page_counts import Counts
from filters.pdf.page import Line, Page, Route
from filters.scripts import SCRIPT_INDEX

NONSENSE_BITS = 6.2  # of surprise a pair, on average over a stretch
SIGNS = 0.02  # inside words, of the letters: what legacy encodings have, and shuffled letters have not
_SENSE_BITS = 5.0  # of a conversion that is right, at most
_GAIN_BITS = 1.5  # that it makes more sense than the text before, at least
_SAMPLE = 600  # characters that encodings are tried on
_WORD_SAMPLE = 6_000
_LOOK = 0.05  # of the page in doubt: less is not looked at again, font by font
_DOUBT_BITS = 5.4  # simple sentences in Kruti Dev have 6; conversion decides, so some Vietnamese may be in doubt too
_OCR_LAYER = 0.5  # of the text invisible, and of the page under images
_SMALL = 100  # letters: shares of fewer are taken of so many, so that three stray marks condemn no title page


@dataclass(frozen=True, slots=True)
class Verdict:
    """`evidence`: what was found, by the names of `EVIDENCE`; `table`: the conversion of a legacy page, where there is one."""

    route: Route
    evidence: dict[str, float] = field(default_factory=dict)
    table: str | None = None


EVIDENCE: dict[str, str] = {
    "characters": "that are no spaces",
    "letters": "letters and marks of the text that is looked at",
    "private_use": "private-use and surrogate code points, of the characters",
    "replacement": "U+FFFD and unassigned code points, of the characters",
    "glyph_numbers": "(cid:12) and the like, of the characters",
    "control": "C0 and C1 controls, of the characters",
    "stray_marks": "Marks of Indic scripts without a letter, on a vowel or after a virama, of the letters",
    "mixed_words": "letters right after one of another script, of the letters",
    "surprise": "mean bits of a letter pair: 3.5 to 5.5 in language",
    "doubt": "letter pairs in stretches of text that may be no language, of the letters or pairs",
    "nonsense": "letter pairs in stretches of text that are no language, of the letters or pairs",
    "foreign_nonsense": "the same in scripts other than Latin",
    "strange_latin": "the same in Latin letters, with signs inside words",
    "legacy_fonts": "characters in fonts with encodings of their own, where they may be no language",
    "legacy_text": "characters in fonts whose text a table makes language of",
    "expected_script": "letters in the expected scripts, of the letters; 1 where none is expected",
    "known_words": "frequent words of languages in Latin script, of the words of three letters and more; suspect pages only",
    "images": "of the page under images",
    "hidden": "invisible characters, of all",
}


@cache
def _settings() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("usable.toml").read_text())


def route(
    page: Page, *, image_ratio: float, hidden_ratio: float = 0.0, expected: frozenset[str] = frozenset()
) -> Verdict:
    """What the text layer of `page` is worth.

    image_ratio: share of the page under images; hidden_ratio: share of its characters that are invisible;
    expected: scripts (Deva) of the languages it may be in, reported but not judged: a foreign page is good text.
    Blocks of role hidden are left out. Time: a few percent of reading the page, a few milliseconds for a suspect page.
    """
    lines = [line for block in page.blocks if block.role != "hidden" for line in block.lines]
    counts = page_counts.count(lines)
    evidence = _shares(counts, expected) | {"images": image_ratio, "hidden": hidden_ratio}
    if amount := _by_amount(evidence):
        return Verdict(amount, evidence)
    evidence["glyph_numbers"] = _glyph_numbers(lines, counts)
    table = None
    if sum(evidence[name] for name in ("doubt", "control", "replacement", "private_use")) >= _LOOK:
        table = _legacy(lines, counts, evidence)
        _pardon_code(lines, evidence)
    found = _by_cutoffs(evidence)
    if hidden_ratio >= _OCR_LAYER and image_ratio >= _OCR_LAYER:
        found = "scan" if found != "text" or _meets(evidence, "ocr_layer") else "text"
    return Verdict(found, evidence, table if found == "legacy" else None)


# --- scores


def _shares(counts: Counts, expected: frozenset[str]) -> dict[str, float]:
    page = counts.page
    characters, letters = max(int(page[page_counts.CHARACTERS]), 1), max(int(page[page_counts.LETTERS]), _SMALL)
    shares = {
        "characters": float(page[page_counts.CHARACTERS]),
        "letters": float(page[page_counts.LETTERS]),
        "private_use": page[page_counts.PRIVATE] / characters,
        "replacement": page[page_counts.REPLACEMENT] / characters,
        "control": page[page_counts.CONTROL] / characters,
        "stray_marks": (page[page_counts.ORPHANS] + page[page_counts.CLASHES]) / letters,
        "mixed_words": page[page_counts.SWITCHES] / letters,
        "surprise": page[page_counts.SURPRISE] / BITS / max(int(page[page_counts.PAIRS]), 1),
        "expected_script": _expected(counts, expected),
    }
    return {name: float(value) for name, value in (shares | _nonsense(counts)).items()}


def _nonsense(counts: Counts) -> dict[str, float]:
    stretches = counts.stretches
    pairs = stretches[:, page_counts.PAIRS]
    bits = stretches[:, page_counts.SURPRISE] / BITS / np.maximum(pairs, 1)
    doubt, wrong = bits >= _DOUBT_BITS, bits >= NONSENSE_BITS
    if not doubt.any():
        return dict.fromkeys(("doubt", "nonsense", "foreign_nonsense", "strange_latin"), 0.0)
    latin = 2 * stretches[:, page_counts.LATIN] >= np.minimum(stretches[:, page_counts.LETTERS], pairs)
    odd = stretches[:, page_counts.ODD] >= SIGNS * stretches[:, page_counts.LETTERS]
    total = max(int(pairs.sum()), int(counts.page[page_counts.LETTERS]), _SMALL)
    kinds = {
        "doubt": doubt,
        "nonsense": wrong,
        "foreign_nonsense": wrong & ~latin,
        "strange_latin": wrong & latin & odd,
    }
    return {name: pairs[which].sum() / total for name, which in kinds.items()}


def _expected(counts: Counts, expected: frozenset[str]) -> float:
    total = counts.scripts.sum()
    if not expected or not total:
        return 1.0
    return float(sum(counts.scripts[SCRIPT_INDEX[code]] for code in expected if code in SCRIPT_INDEX) / total)


def _glyph_numbers(lines: list[Line], counts: Counts) -> float:
    times = sum(line.text.count("(cid:") for line in lines)
    return min(1.0, 8 * times / max(1, int(counts.page[page_counts.CHARACTERS])))


# --- legacy encodings


def _legacy(lines: list[Line], counts: Counts, evidence: dict[str, float]) -> str | None:
    """Adds the shares of legacy fonts and text to the evidence. The table that the suspect text is language by, if any."""
    texts: dict[str, list[str]] = {}
    for line in lines:
        texts.setdefault(line.font, []).append(line.text)
    total = max(sum(len(line.text) for line in lines), _SMALL)
    named, tables = 0, Counter[str]()
    for font, found in texts.items():
        sample = "\n".join(found)[:_SAMPLE]
        if _is_suspect(sample):
            size = sum(map(len, found))
            named += size * _is_named(font)
            tables.update({table: size for table in [_table(font, sample)] if table})
    best = max(tables, key=tables.__getitem__, default=None)
    evidence["legacy_fonts"] = named / total
    evidence["legacy_text"] = tables[best] / total if best else 0.0
    return best


def _is_named(font: str) -> bool:
    return legacy.font_family(font) is not None


def _is_suspect(sample: str) -> bool:
    """Perhaps no language, whether in letters or for the want of them."""
    if len(sample) < page_counts.SHORTEST:
        return False
    return surprise(sample) >= _DOUBT_BITS or _lost(sample) >= 0.3


def _lost(text: str) -> float:
    """Of the characters, those that say nothing: U+FFFD, private use, controls."""
    return sum(c == "\ufffd" or "\ue000" <= c <= "\uf8ff" or c < "\t" or "\r" < c < " " for c in text) / len(text)


# Frequent words of three letters and more in languages of Latin script, as their grammars list them: articles,
# pronouns, prepositions, conjunctions, forms of to be. Program code and bibliographies hold them, legacy encodings don't
_FREQUENT_WORDS = """
the and for that with this from are was not have has you which can all will one its but they were been their more
other when there use used any may only also into some than then these such what who her his our your out new set
der die das und ist nicht ein eine den dem des mit von auf für sich auch als wird werden aus bei sind oder nach wie
les des est une dans que qui pour par sur pas plus avec son ses aux sont cette nous vous mais comme tout leur fait
los las del una por con para como más pero sus este esta son entre cuando muy sin sobre también hasta desde todo
che non per una del della con sono come più anche gli alla nel dei delle questo essere fra suo dal hanno era
uma com não mais dos das como mas foi ele tem seu sua ser quando muito nos está também pelo pela até isso entre
het een van dat niet zijn voor met aan ook maar door naar wordt bij nog worden deze heeft over hun meer wat
och att det som för den med inte till har kan ett men var från eller ska när efter finns ikke til det som med har
jest nie się jak ale czy dla oraz tym przez jego tego być już tylko aby pod które która który
není jako jsou pro ale byl nebo podle která který již jeho aby také při
egy hogy nem van meg csak volt mint vagy már még lehet ezt azt minden
din care este pentru mai sunt prin sau dar fost când sau acest după fără într
bir için ile olarak daha çok olan bu gibi kadar sonra değil var ancak veya
yang dan untuk dengan tidak dari ini itu pada adalah akan dalam oleh juga atau bisa ada saya
ang mga hindi para siya kung ito nang lang kay mula isang
của các không được cho với một trong người này những đến khi nhà năm cũng như phải theo
kwa katika hii hiyo kama ambayo lakini yake zaidi watu huo wake pia cha
hai mein nahi kya aur tha kar koi bahut kuch apne tere mere dil pyar
"""
_FREQUENT = frozenset(_FREQUENT_WORDS.split())


_MONOSPACED = re.compile("mono|cour|consol|typewriter|code|cmtt|fixed", re.IGNORECASE)


def _pardon_code(lines: list[Line], evidence: dict[str, float]) -> None:
    """Program code, bibliographies and the like are no language by their letter pairs, but hold words or look like code."""
    evidence["known_words"] = _known_words(lines)
    total = sum(len(line.text) for line in lines)
    code = sum(len(line.text) for line in lines if _MONOSPACED.search(line.font[:100]))
    if evidence["known_words"] >= _settings()["amount"]["known_words"] or 2 * code > total:
        evidence["nonsense"] = evidence["foreign_nonsense"]
        evidence["strange_latin"] = 0.0


def _known_words(lines: list[Line]) -> float:
    words = re.findall(r"[^\W\d_]{3,}", " ".join([line.text for line in lines])[:_WORD_SAMPLE].lower())
    return sum(word in _FREQUENT for word in words) / len(words) if words else 0.0


def _table(font: str, sample: str) -> str | None:
    """The table by the font's name, or else any, that makes language of the text; None if none does."""
    before = surprise(sample)
    named = legacy.table_for([font])
    for table in [named] if named else legacy.TABLES:
        after = surprise(legacy.convert(sample, table))
        if after <= min(_SENSE_BITS, before - _GAIN_BITS):
            return table
    return None


# --- cutoffs


def _by_amount(evidence: dict[str, float]) -> Route | None:
    """scan and blank: the page has next to no text."""
    amount = _settings()["amount"]
    if evidence["characters"] < amount["characters"]:
        return "scan" if evidence["images"] >= amount["scan"] else "blank"
    if evidence["characters"] < amount["caption"] and evidence["images"] >= amount["scan_with_text"]:
        return "scan"
    return None


def _meets(evidence: dict[str, float], group: str) -> dict[str, Any] | None:
    cutoffs = _settings()[group]
    return next((each for each in cutoffs if evidence.get(each["evidence"], 0.0) >= each["at_least"]), None)


def _by_cutoffs(evidence: dict[str, float]) -> Route:
    met = _meets(evidence, "cutoff")
    return met["route"] if met else "text"
