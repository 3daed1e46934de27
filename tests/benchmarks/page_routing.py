"""Routing of PDF pages by their text layer: good, legacy encoding, broken, scan or blank, on pages of known kind.

`python -m tests.benchmarks.page_routing` prints one JSON line with the pages that went wrong, and `... --choose` that of
the made pages that the cutoffs were chosen on. The made pages of the two share no document (held-out texts, by
`for_calibration`). Good pages are typeset by Chromium, whose text layers have the usual blemishes; the others by
tests.filters.pdf.pages_of_known_kind. `REAL` holds files of the shared set that were looked at, some pages of each where
they differ; glyph charts and program listings are left out, being a matter of taste. They were all looked at while the
rules were written, so `accuracy_real` flatters; `accuracy_made` is that of the pages never seen.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

import ftfy.bad_codecs  # noqa: F401  (registers sloppy-windows-1252)
import pymupdf

from curate.lid.corpus import for_calibration, held_out, read_all
from filters.language import identify
from filters.pdf import text_layer
from filters.pdf.encoding import legacy, usable
from filters.pdf.encoding.usable import Verdict
from tests.benchmarks.corpora import DATA
from tests.filters.pdf import pages_of_known_kind as known

SETS = (
    "text/ntrex128.jsonl.gz",
    "raw/wikipedia_*.jsonl.gz",
    "text/masakhanews.jsonl.gz",
    "text/xquad_contexts.jsonl.gz",
)
_GOOD = """
hin_Deva mar_Deva npi_Deva ben_Beng tam_Taml tel_Telu kan_Knda mal_Mlym guj_Gujr pan_Guru sin_Sinh urd_Arab arb_Arab
pes_Arab snd_Arab heb_Hebr amh_Ethi tha_Thai bod_Tibt ell_Grek rus_Cyrl hye_Armn cmn_Hani jpn_Jpan kor_Hang
eng_Latn fra_Latn vie_Latn yor_Latn swh_Latn tur_Latn pol_Latn hau_Latn zul_Latn ind_Latn
"""
GOOD = _GOOD.split()
_BROKEN = "hin_Deva ben_Beng tam_Taml tel_Telu guj_Gujr eng_Latn rus_Cyrl arb_Arab urd_Arab tha_Thai ell_Grek heb_Hebr"
BROKEN_IN = _BROKEN.split()
CODE_PAGES = {
    "cp1251": "rus_Cyrl",
    "koi8_r": "rus_Cyrl",
    "cp1253": "ell_Grek",
    "cp1256": "arb_Arab",
    "cp874": "tha_Thai",
}
# Of the shared set, by what the name ends in: kind of all pages, or of those numbered (from 0)
REAL: dict[str, tuple[str, tuple[int, ...] | None]] = {
    "__marathi_marathi.pdf": ("broken", (0, 1, 2, 3, 4)),
    "__aalok_aalok.pdf": ("broken", (1, 2, 3, 4, 6)),
    "__velthuis_xetex-misspaal.pdf": ("broken", None),
    "__chhaya_chhaya.pdf": ("broken", (0, 1, 2, 3)),
    "C4GTDMP__hindi.pdf": ("text", None),
    "Project__Hindi.pdf": ("broken", None),
    "data__hindi.pdf": ("text", tuple(range(8))),
    "__velthuis_misspaal.pdf": ("legacy", None),
    "__velthuis_vedasample.pdf": ("legacy", None),
    "__velthuis_hindi.pdf": ("text", None),
    "__sanskrit_README.pdf": ("text", None),
    "__test_sce_156.pdf": ("broken", None),
    "__quran-bn_quran-bn-test.pdf": ("broken", None),
    "__bug1108301.pdf": ("broken", None),
    "__quran-ur_quran-ur-test.pdf": ("text", None),
    "latex__urdu.pdf": ("broken", tuple(range(6))),
    "__right_to_left_01.pdf": ("text", None),
    "__right_to_left_02.pdf": ("text", None),
    "__right_to_left_03.pdf": ("text", None),
    "__ff3d6e051903fe5ca9bc172ece14964c5632_pg1.pdf": ("text", None),
    "__persian-bib_Persian-bib-userguide.pdf": ("broken", (0, 1, 2, 3)),
    "__na-box_na-box_doc.pdf": ("broken", (1, 2, 3, 4, 5)),
    "zh_CN_install.zh_CN.pdf": ("text", tuple(range(2, 12))),
    "__chinese-tables.pdf": ("text", None),
    "__issue-67-example.pdf": ("text", tuple(range(8))),
    "__issue-461-example.pdf": ("text", None),
    "__issue-914-xmp-data.pdf": ("text", None),
    "__issue-71-duplicate-chars.pdf": ("text", None),
    "__jo.pdf": ("text", None),
    "__issue16538.pdf": ("text", None),
    "__issue16063.pdf": ("text", None),
    "__normal_4pages.pdf": ("text", None),
    "__korean-text-with-tables.pdf": ("text", None),
    "__lshort-thai_lsh132.pdf": ("legacy", (5, 10, 12, 13)),
    "__thaienum_thaienum.pdf": ("text", None),
    "__indictb1h_14.pdf": ("text", None),
    "ru_install.ru.pdf": ("text", tuple(range(2, 12))),
    "vi_install.vi.pdf": ("text", tuple(range(2, 12))),
    "__francais.pdf": ("scan", None),
    "__linn.pdf": ("scan", None),
    "__rotated_skew.pdf": ("scan", None),
    "__c02-22.pdf": ("scan", None),
    "__cardinal.pdf": ("scan", None),
    "__3small.pdf": ("scan", None),
    "__ccitt.pdf": ("scan", None),
    "__graph.pdf": ("scan", None),
    "__poster.pdf": ("scan", None),
    "__sample_with_rotation_mismatch.pdf": ("scan", None),
    "__loremipsum-flat.pdf": ("scan", None),
    "__lincoln_letter.pdf": ("scan", None),
    "__edgar_image.pdf": ("scan", None),
    "__buildingnotes.pdf": ("scan", None),
    "__issue5475.pdf": ("scan", None),
    "__nics-background-checks-2015-11.pdf": ("text", None),
    "__senate-expenditures.pdf": ("text", None),
    "__cupertino_usd_4-6-16.pdf": ("text", None),
    "__us-007.pdf": ("text", None),
    "__eu-020.pdf": ("text", None),
    "__multi-column.pdf": ("text", None),
    "__pdftotext_two_column_issue.pdf": ("text", None),
    "__multicolumn.pdf": ("text", None),
}


class Case(NamedTuple):
    kind: str  # the route that is right
    how: str  # how it was made, or the file
    page: pymupdf.Page
    table: str | None = None


Texts = dict[str, list[str]]
Encode = Callable[[str], str]


def _texts(choose: bool) -> Texts:
    """Held-out documents of one side by language, at most as long as a page, whole paragraphs."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for document in read_all([str(DATA / name) for name in SETS]):
        if held_out(document.key) and for_calibration(document.key) == choose:
            text = "\n".join(document.paragraphs)
            if len(text) >= 300:
                found[document.label].append(text[:2400])
    chance = random.Random(7)
    for texts in found.values():
        chance.shuffle(texts)
    return found


# --- made pages


def _typeset(texts: list[str], folder: Path) -> pymupdf.Document:
    """One page or two a text, by Chromium; a text begins a page."""
    paragraphs = [
        "".join(f"<p dir=auto>{escape(line)}</p>" for line in text.split("\n")) + '<div class="end"></div>'
        for text in texts
    ]
    style = "body{font-size:11pt}.end{page-break-after:always}"
    page, out = folder / "page.html", folder / "page.pdf"
    page.write_text(f"<meta charset=utf-8><style>{style}</style>{''.join(paragraphs)}")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-pdf-header-footer",
        f"--user-data-dir={folder}/profile",
    ]
    command = ["chromium", *flags, f"--print-to-pdf={out}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return pymupdf.open("pdf", out.read_bytes())


def _good(texts: Texts, folder: Path) -> Iterator[Case]:
    chosen = [(name, text) for name in GOOD for text in texts[name][:3]]
    document = _typeset([text for _, text in chosen], folder)
    for page in document:
        if len(page.get_text()) >= 150:  # not the last words of a text
            yield Case("text", "typeset", page)


def _blemished(texts: Texts) -> Iterator[Case]:
    """Good pages with bullets of a symbol font, or one formula in ruins."""
    document = pymupdf.open()
    for name in ("hin_Deva", "tam_Taml", "eng_Latn", "rus_Cyrl"):
        lines = known.wrapped(texts[name][3], 90)
        known.add_page(document, [f"\uf0b7 {line}" if at % 3 == 0 else line for at, line in enumerate(lines)])
        known.add_page(document, [*lines, "\ufffd\ufffd = \uf061\ufffd2 + \uf062"])
    yield from (Case("text", "blemished", page) for page in known.reopened(document))


def _layers(texts: Texts) -> Iterator[Case]:
    """Scans, with a good, a bad or no reading in an invisible layer."""
    shown, document = pymupdf.open(), pymupdf.open()
    chance = random.Random(3)
    kinds: list[tuple[str, str]] = []
    for name in ("hin_Deva", "tam_Taml", "ben_Beng", "urd_Arab", "eng_Latn", "kan_Knda"):
        for text in texts[name][4:6]:
            lines = known.wrapped(text)
            image = known.add_page(shown, lines).get_pixmap(dpi=100, colorspace=pymupdf.csGRAY)
            for how, layer in (
                ("", []),
                ("read", lines),
                ("misread", [known.shuffled(line, chance) for line in lines]),
            ):
                page = known.add_page(document, layer, ink=False)
                page.insert_image(page.rect, pixmap=image, overlay=False)
                kinds.append(("text" if how == "read" else "scan", f"scan {how}".strip()))
    yield from (Case(*kind, page) for kind, page in zip(kinds, known.reopened(document), strict=True))


def _scans(good: list[Case]) -> Iterator[Case]:
    document = pymupdf.open()
    for case in good[:30]:
        known.add_scan(document, case.page)
    yield from (Case("scan", "rasterised", page) for page in known.reopened(document))


def _legacy(texts: Texts) -> Iterator[Case]:
    """With the font's name and without; a third of the pages has an English heading in another font."""
    made: list[tuple[str, Encode, str, str | None, str]] = [
        ("KrutiDev010", known.kruti_dev, "hin_Deva", "kruti_dev", "Kruti Dev"),
        ("SutonnyMJ", known.bijoy, "ben_Beng", "bijoy", "Bijoy"),
        ("TSCu_Paranar", _tscii, "tam_Taml", "tscii", "TSCII"),
        ("Bamini", known.bamini, "tam_Taml", None, "Bamini"),
    ]
    kinds: list[tuple[str, str, str | None]] = []
    document = pymupdf.open()
    for font, encode, language, table, how in made:
        for named in (True, False):
            for text in texts[language][6:12]:
                known.add_page(document, known.wrapped(encode(text)), font if named else "ABCDEF+F1")
                kinds.append(("legacy", f"{how} {'named' if named else 'unnamed'}", table))
    for codec, language in CODE_PAGES.items():
        for text in texts[language][:4]:
            known.add_page(document, known.wrapped(known.shown_as_latin(text, codec)))
            kinds.append(("legacy", "code page", codec))
    for (kind, how, table), page in zip(kinds, known.reopened(document), strict=True):
        yield Case(kind, how, page, table)


def _tscii(text: str) -> str:
    """By glibc's converter, which has nothing to do with ours."""
    command = ["iconv", "-c", "-f", "UTF-8", "-t", "TSCII"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    return done.stdout.decode("sloppy-windows-1252")


def _broken(texts: Texts) -> Iterator[Case]:
    document, kinds, chance = pymupdf.open(), [], random.Random(5)
    for how, damage in known.BROKEN.items():
        for language in BROKEN_IN:
            known.add_page(document, known.wrapped(damage(texts[language][2], chance)))
            kinds.append(how)
    for language in ("hin_Deva", "rus_Cyrl", "cmn_Hani"):  # some of its bytes are no Windows-1252, so letters are lost
        for text in texts[language][:2]:
            known.add_page(document, known.wrapped(known.shown_as_latin(text, "utf-8")))
            kinds.append("UTF-8 as Latin")
    for language in ("hin_Deva", "mar_Deva", "ben_Beng", "tam_Taml", "mal_Mlym"):
        for text in texts[language][12:15]:
            known.add_page(document, known.wrapped(known.visual_order(text)))
            kinds.append("visual_order")
    yield from (Case("broken", how, page) for how, page in zip(kinds, known.reopened(document), strict=True))


def _blank() -> Iterator[Case]:
    document = pymupdf.open()
    known.add_page(document, [])
    known.add_page(document, ["17"])
    known.add_page(document, ["words that nobody sees, on a page without a picture"], ink=False)
    yield from (Case("blank", "blank", page) for page in known.reopened(document))


def _real() -> Iterator[Case]:
    for name, (kind, pages) in REAL.items():
        [file] = (DATA / "pdf").glob(f"*{name}")
        document = pymupdf.open(file)
        for number in pages if pages is not None else range(len(document)):
            yield Case(kind, name.strip("_"), document[number])


# --- routing


def _route(page: pymupdf.Page) -> tuple[Verdict, text_layer.Layer]:
    layer = text_layer.read(page)
    return usable.route(layer.page, image_ratio=layer.image_ratio, hidden_ratio=layer.hidden_ratio), layer


def _agreement(cases: list[Case]) -> dict[str, object]:
    matrix: defaultdict[str, Counter[str]] = defaultdict(Counter)
    by_kind: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    wrong: list[str] = []
    tables = Counter[bool]()
    for case in cases:
        verdict, _ = _route(case.page)
        right = verdict.route == case.kind
        matrix[case.kind][verdict.route] += 1
        source = f"real {case.kind}" if case.how.endswith(".pdf") else f"{case.kind}: {case.how}"
        by_kind[source][right] += 1
        if case.table:
            tables[verdict.table == case.table] += 1
        if not right:
            shown = {name: round(value, 3) for name, value in verdict.evidence.items() if value > 0.003}
            wrong.append(f"{case.kind}: {case.how} {case.page.number} -> {verdict.route} {shown}")
    real, made = (
        sum((found for name, found in by_kind.items() if name.startswith("real ") == side), Counter[bool]())
        for side in (True, False)
    )
    total, right = sum(map(Counter.total, matrix.values())), sum(matrix[kind][kind] for kind in matrix)
    return {
        "pages": total,
        "accuracy": round(right / total, 4),
        "accuracy_made": round(made[True] / made.total(), 4),
        "accuracy_real": round(real[True] / max(1, real.total()), 4),
        "confusion": {kind: dict(found) for kind, found in matrix.items()},
        "by_kind": {name: [found[True], found.total()] for name, found in sorted(by_kind.items())},
        "right_table": [tables[True], tables.total()],
        "wrong": wrong,
    }


def _by_language_model(cases: list[Case]) -> dict[str, float]:
    """What the language model would say: the mean score of its answer on good, legacy and broken pages."""
    scores: defaultdict[str, list[float]] = defaultdict(list)
    import pyarrow as pa

    for case in cases:
        text = "\n".join(line.text for block in _route(case.page)[1].page.blocks for line in block.lines)
        if case.kind in ("text", "legacy", "broken") and len(text) > 100:
            scores[case.kind].append(float(identify(pa.array([text])).field("language_score")[0].as_py() or 0.0))
    best = 0.0
    for cut in [step / 100 for step in range(100)]:
        good = sum(score >= cut for score in scores["text"]) / len(scores["text"])
        bad = [score for kind in ("legacy", "broken") for score in scores[kind]]
        best = max(best, (good + sum(score < cut for score in bad) / len(bad)) / 2)
    return {"language_model_best_balanced_accuracy": round(best, 4)}


# --- conversion


def _conversion(texts: Texts) -> dict[str, float]:
    """Words that survive encoding and conversion, of those wholly in the script, ten at a time."""
    found: dict[str, float] = {}
    for table, encode, language, low, high in (
        ("kruti_dev", known.kruti_dev, "hin_Deva", "\u0900", "\u0963"),
        ("bijoy", known.bijoy, "ben_Beng", "\u0980", "\u09e5"),
        ("tscii", _tscii, "tam_Taml", "\u0b80", "\u0bcd"),
    ):
        words = [w for text in texts[language] for w in text.split() if all(low <= c <= high for c in w)]
        right = 0
        for start in range(0, len(words), 10):
            some = words[start : start + 10]
            back = legacy.convert(encode(" ".join(some)), table).split(" ")
            right += sum(map(_same, some, back)) if len(some) == len(back) else 0
        found |= {f"{table}_words": len(words), f"{table}_right": round(right / len(words), 4)}
    return found


def _same(one: str, other: str) -> bool:
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


# --- cost


def _cost(cases: list[Case]) -> dict[str, float]:
    """CPU time of routing against reading the page with PyMuPDF's get_text("dict"); good pages, and all."""
    figures: dict[str, float] = {}
    for name, some in (("good", [case for case in cases if case.kind == "text"]), ("all", cases)):
        layers = [_route(case.page)[1] for case in some]
        read = _seconds(lambda some=some: [case.page.get_text("dict") for case in some])  # type: ignore[misc]
        routed = _seconds(
            lambda layers=layers: [  # type: ignore[misc]
                usable.route(each.page, image_ratio=each.image_ratio, hidden_ratio=each.hidden_ratio) for each in layers
            ]
        )
        figures |= {
            f"cost_{name}_of_reading": round(routed / read, 4),
            f"{name}_ms_a_page": round(1e3 * routed / len(some), 4),
        }
    return figures


def _seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    choose = "--choose" in sys.argv[1:]
    texts = _texts(choose)
    with tempfile.TemporaryDirectory() as folder:
        good = list(_good(texts, Path(folder)))
    cases = [*good, *_blemished(texts), *_layers(texts), *_scans(good), *_legacy(texts), *_broken(texts), *_blank()]
    cases += [] if choose else _real()
    figures = _agreement(cases) | _conversion(texts) | _by_language_model(cases) | _cost(cases)
    print(
        json.dumps(
            {"benchmark": "page_routing", "side": "choose" if choose else "report", **figures}, ensure_ascii=False
        )
    )


if __name__ == "__main__":
    main()
