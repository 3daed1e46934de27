"""Makes PDF pages whose text layer is of a known kind, from any text: good, in a legacy encoding, broken, or a scan.

The encoders are written for this, from the keyboards' layouts, and share nothing with the converters they test.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Sequence

import pymupdf

WIDTH, HEIGHT, MARGIN, SIZE, LEADING = 595.0, 842.0, 50.0, 10.0, 14.0
LINES = int((HEIGHT - 2 * MARGIN) / LEADING)

# --- pages


def wrapped(text: str, characters: int = 80) -> list[str]:
    """The text in lines of about so many characters, cut at spaces where there are some, as many as a page has."""
    lines = [""]
    for word in text.split():
        for start in range(0, len(word), characters):
            piece = word[start : start + characters]
            if len(lines[-1]) + 1 + len(piece) > characters:
                lines.append("")
            lines[-1] = f"{lines[-1]} {piece}".strip()
    return lines[:LINES]


def add_page(document: pymupdf.Document, lines: Sequence[str], name: str = "Body", *, ink: bool = True) -> pymupdf.Page:
    """A page whose text layer is the lines just as they are, in a font of that name; what it looks like is no matter."""
    page = document.new_page(width=WIDTH, height=HEIGHT)
    codes = {ord(character) for line in lines for character in line}
    number = _font(document, name, sorted(codes))
    shown = dict(zip(sorted(codes), range(1, len(codes) + 1), strict=True))
    parts = [f"BT /F0 {SIZE} Tf {0 if ink else 3} Tr {LEADING} TL {MARGIN} {HEIGHT - MARGIN} Td"]
    parts += [f"<{''.join(f'{shown[ord(c)]:04x}' for c in _drawn(line))}> Tj T*" for line in lines]
    stream = document.get_new_xref()
    document.update_object(stream, "<<>>")
    document.update_stream(stream, "\n".join([*parts, "ET"]).encode())
    document.xref_set_key(page.xref, "Contents", f"{stream} 0 R")
    document.xref_set_key(page.xref, "Resources", f"<</Font<</F0 {number} 0 R>>>>")
    return document[page.number]


def _drawn(line: str) -> str:
    """In the order on the page: right-to-left lines from their end, which readers turn again."""
    return line[::-1] if any(unicodedata.bidirectional(c) in ("R", "AL") for c in line) else line


def _font(document: pymupdf.Document, name: str, codes: Sequence[int]) -> int:
    """A composite font, its program left to the reader, of half an em a character; its ToUnicode says `codes`."""
    lines = [f"<{at:04x}> <{chr(code).encode('utf-16-be', 'surrogatepass').hex()}>" for at, code in enumerate(codes, 1)]
    blocks = [lines[start : start + 100] for start in range(0, len(lines), 100)]
    said = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    to_unicode = document.get_new_xref()
    document.update_object(to_unicode, "<<>>")
    head = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def\n"
    spaces = "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
    document.update_stream(to_unicode, f"{head}{spaces}{said}\nendcmap end end".encode())
    descriptor, descendant, number = (document.get_new_xref() for _ in range(3))
    box = "/Flags 4/FontBBox[0 -200 1000 800]/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80"
    document.update_object(descriptor, f"<</Type/FontDescriptor/FontName/{name}{box}>>")
    info = "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 500/CIDToGIDMap/Identity"
    base = f"/Type/Font/Subtype/CIDFontType2/BaseFont/{name}"
    document.update_object(descendant, f"<<{base}{info}/FontDescriptor {descriptor} 0 R>>")
    kind = f"/Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H"
    document.update_object(number, f"<<{kind}/DescendantFonts[{descendant} 0 R]/ToUnicode {to_unicode} 0 R>>")
    return number


def add_scan(document: pymupdf.Document, page: pymupdf.Page, dpi: int = 150) -> pymupdf.Page:
    """A page with the picture of `page` and nothing else."""
    made = document.new_page(width=page.rect.width, height=page.rect.height)
    made.insert_image(made.rect, pixmap=page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY))
    return made


def reopened(document: pymupdf.Document) -> pymupdf.Document:
    """As it is read from a file."""
    return pymupdf.open("pdf", document.tobytes(garbage=3, deflate=True))


# --- legacy encodings

_NUKTA, _VIRAMA = "़", "्"
_DEVANAGARI = re.compile("((?:[क-ह]़?्)*)([क-ह]़?)([ा-ौॅॉ]?)([ंँ]?)")
_KRUTI_KEYS = "d [k x ?k ³ p N t > ¥ V B M < .k r Fk n /k u i Q c Hk e ; j y G o 'k \"k l g"
_KRUTI_FULL = dict(zip("कखगघङचछजझञटठडढणतथदधनपफबभमयरलळवशषसह", _KRUTI_KEYS.split(), strict=True))
_KRUTI_HALF = dict(zip("कखगघचजणतथधनपबभमयलवशषसह", "D[X?PT.RF/UICHE¸YO'\"Lº", strict=True))
_KRUTI_SIGNS = dict(
    zip("ािीुूृेैोौॅॉंँ", ["k", "f", "h", "q", "w", "`", "s", "S", "ks", "kS", "W", "‚", "a", "¡"], strict=True)
)
_KRUTI_OTHER = {
    **dict(zip("अआइईउऊऋएऐओऔऑ", ["v", "vk", "b", "bZ", "m", "Å", "_", ",", ",s", "vks", "vkS", "v‚"], strict=True)),
    **{"।": "A", ",": "]", ".": "-", "-": "&", "(": "¼", ")": "½", ":": "%", ";": "(", "?": "\\", "‘": "^", "’": "*"},
    **{"“": "Þ", "”": "ß", "/": "@", "ः": "%", "्": "~", "़": "+", "=": "¾", "'": "*", '"': "ß"},
    **dict(zip("०१२३४५६७८९", "0123456789", strict=True)),
}
_KRUTI_WHOLE = {"रु": "#", "रू": ":", "हृ": "â", "दृ": "–", "कृ": "—"}
_KRUTI_JOINED = {"क्ष": "{k", "त्र": "=k", "ज्ञ": "K", "श्र": "J", "द्य": "|", "द्ध": ")", "द्व": "}", "द्र": "æ", "क्र": "Ø"}
_KRUTI_JOINED |= {"प्र": "iz", "त्त": "Ùk", "ह्य": "á", "ह्म": "ã", "द्द": "í", "ट्ट": "ê", "ट्ठ": "ë", "ट्र": "Vª", "ड्र": "Mª"}
_KRUTI_JOINED["त्र"] = "="


def kruti_dev(text: str) -> str:
    """Hindi as typed for Kruti Dev 010: the short i before its cluster, the hook of r behind it, halves and conjuncts."""
    text = unicodedata.normalize("NFC", text).replace("ऱ", "र").replace("ऩ", "न").replace("ऴ", "ळ")
    for whole in "क़ख़ग़ज़ड़ढ़फ़य़":
        text = text.replace(unicodedata.normalize("NFC", whole), unicodedata.normalize("NFD", whole))
    coded, at = [], 0
    for found in _DEVANAGARI.finditer(text):
        coded += [_KRUTI_OTHER.get(c, c) for c in text[at : found.start()]] + [_kruti_syllable(*found.groups())]
        at = found.end()
    return "".join([*coded, *(_KRUTI_OTHER.get(c, c) for c in text[at:])])


def _kruti_syllable(halves: str, full: str, sign: str, dot: str) -> str:
    hook = halves.startswith("र्")
    cluster = halves[2:] + full if hook else halves + full
    before, after = ("f", "") if sign == "ि" else ("", _KRUTI_SIGNS.get(sign, ""))
    if cluster + sign in _KRUTI_WHOLE:
        base, after = _KRUTI_WHOLE[cluster + sign], ""
    else:
        base = _kruti_cluster(cluster)
    return before + base + after + ("Z" if hook else "") + _KRUTI_SIGNS.get(dot, "")


def _kruti_cluster(cluster: str) -> str:
    coded = ""
    while cluster:
        joined = next((known for known in _KRUTI_JOINED if cluster.endswith(known)), None)
        if joined and (len(cluster) == len(joined) or cluster[-len(joined) - 1] == _VIRAMA):
            coded, cluster = _KRUTI_JOINED[joined] + coded, cluster[: -len(joined)]
        elif cluster.endswith("्र") and len(cluster) > 2:  # the stroke under the consonant before it
            coded, cluster = "z" + coded, cluster[:-2]
        elif cluster.endswith(_VIRAMA):
            letter = cluster[:-1].removesuffix(_NUKTA)[-1]
            nukta = "+" if cluster[-2] == _NUKTA else ""
            half = (
                _KRUTI_HALF[letter] + nukta if letter in _KRUTI_HALF else _KRUTI_FULL.get(letter, letter) + nukta + "~"
            )
            coded, cluster = half + coded, cluster[: -2 - len(nukta)]
        else:
            nukta = cluster.endswith(_NUKTA)
            letter = cluster.removesuffix(_NUKTA)[-1]
            coded, cluster = _KRUTI_FULL.get(letter, letter) + "+" * nukta + coded, cluster[: -1 - nukta]
    return coded


_BENGALI = re.compile("((?:[ক-হড়ঢ়য়]্)*)([ক-হড়ঢ়য়])([া-ৌ]?)")
_BIJOY = dict(
    zip("অইঈউঊঋএঐওঔকখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহৎংঃঁ", "ABCDEFGHIJKLMNOPQRSTUVWXYZ_`abcdefghijklmnrstu", strict=True)
)
_BIJOY |= {"আ": "Av", "ড়": "o", "ঢ়": "p", "য়": "q", "।": "|"}
_BIJOY |= dict(zip("০১২৩৪৫৬৭৮৯", "0123456789", strict=True))
_BIJOY_SIGNS = {"া": "v", "ি": "w", "ী": "x", "ু": "y", "ূ": "~", "ৃ": "…", "ে": "‡", "ৈ": "‰", "": ""}
_BIJOY_JOINED = {"ক্ষ": "¶", "ক্ত": "³", "ঙ্গ": "½", "ঙ্ক": "¼", "ঞ্চ": "Â", "ঞ্জ": "Ä", "ত্ত": "Ë", "ত্র": "Î", "দ্ধ": "×"}
_BIJOY_JOINED |= {
    "ন্ত": "šÍ",
    "ন্ত্র": "š¿",
    "ন্দ": "›`",
    "ন্ধ": "Ü",
    "ন্ন": "bœ",
    "ম্প": "¤ú",
    "ম্ব": "¤^",
    "ষ্ট": "ó",
    "ষ্ঠ": "ô",
}
_BIJOY_JOINED |= {
    "স্ত": "¯Í",
    "স্থ": "¯’",
    "স্ব": "¯^",
    "স্ক": "¯‹",
    "স্ট": "÷",
    "চ্ছ": "”Q",
    "জ্জ": "¾",
    "ল্ল": "jø",
    "দ্দ": "Ï",
}
_BIJOY_JOINED |= {"প্ত": "ß", "ণ্ড": "Ê", "দ্ব": "Ø", "জ্ঞ": "Á", "ন্ট": "›U", "ম্ম": "¤§", "ব্দ": "ã", "ল্প": "í", "স্প": "¯ú"}
_BIJOY_FOLLOWERS = {"য": "¨", "র": "«", "ব": "¡", "ন": "œ", "ম": "¥", "ল": "¬"}


def bijoy(text: str) -> str:
    """Bengali as typed with the Bijoy keyboard for SutonnyMJ. Conjuncts that the layout has no glyph for are spelled out."""
    text = unicodedata.normalize("NFC", text)
    for whole in ("ড়", "ঢ়", "য়"):
        text = text.replace(unicodedata.normalize("NFD", whole), unicodedata.normalize("NFC", whole))
    coded, at = [], 0
    for found in _BENGALI.finditer(text):
        coded += [_BIJOY.get(c, c) for c in text[at : found.start()]] + [_bijoy_syllable(*found.groups())]
        at = found.end()
    return "".join([*coded, *(_BIJOY.get(c, c) for c in text[at:])])


def _bijoy_syllable(halves: str, full: str, sign: str) -> str:
    hook = halves.startswith("র্") and not (halves == "র্" and full == "য" and not sign)
    cluster = (halves[2:] if hook else halves) + full
    before, after = "", ""
    if sign in ("ো", "ৌ"):
        before, after = "‡", "v" if sign == "ো" else "Š"
    elif sign in ("ি", "ে", "ৈ"):
        before = _BIJOY_SIGNS[sign]
    else:
        after = _BIJOY_SIGNS.get(sign, sign)
    return before + _bijoy_cluster(cluster) + ("©" if hook else "") + after


def _bijoy_cluster(cluster: str) -> str:
    for size in (5, 3):
        if cluster[:size] in _BIJOY_JOINED:
            return _BIJOY_JOINED[cluster[:size]] + "".join(map(_bijoy_follower, cluster[size:].split("্")[1:]))
    first, *others = cluster.split("্")
    return _BIJOY.get(first, first) + "".join(map(_bijoy_follower, others))


def _bijoy_follower(letter: str) -> str:
    return _BIJOY_FOLLOWERS.get(letter) or "&" + _BIJOY.get(letter, letter)


_TAMIL_SYLLABLE = re.compile("([க-ஹ])([ொோௌெேை])")
_BAMINI = dict(zip("கஙசஞடணதநபமயரலவழளறனஜஷஸஹ", "fqrQlzje gkauytosdw[\\]`", strict=False))
_BAMINI |= dict(
    zip(
        "அஆஇஈஉஊஎஏஐஒஓஃாிீெேைு்",
        ["m", "M", ",", "<", "c", "C", "v", "V", "I", "x", "X", "/", "h", "p", "P", "n", "N", "i", "{", "`"],
        strict=True,
    )
)


def bamini(text: str) -> str:
    """Tamil roughly as typed for Bamini: the right codes for most letters, vowel signs in the order of sight."""
    halves = {"ொ": ("ெ", "ா"), "ோ": ("ே", "ா"), "ௌ": ("ெ", "ள")}
    seen = _TAMIL_SYLLABLE.sub(
        lambda m: "".join((halves.get(m[2], (m[2], ""))[0], m[1], halves.get(m[2], ("", ""))[1])), text
    )
    return "".join(_BAMINI.get(c, c) for c in seen)


def shown_as_latin(text: str, codec: str) -> str:
    """Text of an 8-bit code page, or UTF-8, as Windows-1252 shows its bytes; what the code page lacks is left out."""
    return text.encode(codec, "ignore").decode("sloppy-windows-1252")


# --- broken text layers

_BEFORE = dict.fromkeys("ििেিৈெேைെേൈෙේୋେ")
_VISUAL = re.compile(
    "((?:[\u0900-\u0dff]\u094d|[\u0980-\u09ff]\u09cd)*[\u0904-\u0939\u0985-\u09b9\u0b83-\u0bb9\u0d05-\u0d3a])([िিেৈெேைെേൈ])"
)


def visual_order(text: str) -> str:
    """Vowel signs that are drawn before their consonants, before them in the text too."""
    return _VISUAL.sub(r"\2\1", unicodedata.normalize("NFC", text))


def _letters(text: str) -> list[str]:
    return sorted({c for c in text if unicodedata.category(c)[0] in "LM"})


def shuffled(text: str, chance: random.Random) -> str:
    """Each letter or mark another of those in the text: a ToUnicode table in the wrong order."""
    found = _letters(text)
    return text.translate(dict(zip(map(ord, found), chance.sample(found, len(found)), strict=True)))


def some_wrong(text: str, chance: random.Random) -> str:
    """A sixth of the different letters and marks are characters of other scripts, as where a subset's table is cut short."""
    found = _letters(text)
    strange = [chr(code) for code in range(0x100, 0x900) if unicodedata.category(chr(code))[0] == "L"]
    wrong = chance.sample(found, max(3, len(found) // 6))
    return text.translate(dict(zip(map(ord, wrong), chance.sample(strange, len(wrong)), strict=True)))


def private(text: str, chance: random.Random) -> str:
    return "".join(chr(0xF000 + ord(c) % 0x700) if not c.isspace() else c for c in text)


def holes(text: str, chance: random.Random) -> str:
    """One letter in twelve unknown."""
    return "".join("\ufffd" if not c.isspace() and chance.random() < 1 / 12 else c for c in text)


def glyph_numbers(text: str, chance: random.Random) -> str:
    """As extractors write glyphs without Unicode."""
    return "".join(f"(cid:{ord(c) % 997})" if not c.isspace() and chance.random() < 0.5 else c for c in text)


def control_codes(text: str, chance: random.Random) -> str:
    """A font whose codes were numbered from 1 as they came, and no table."""
    found = sorted(set(text) - {" "})
    number = dict(zip(found, [code for code in range(1, 0x10FF) if code not in (9, 10, 13, 32)], strict=False))
    return "".join(chr(number[c]) if c in number else c for c in text)


def shifted(text: str, chance: random.Random) -> str:
    """Glyph numbers taken for characters: every letter so many places away."""
    by = chance.choice((29, -29, 31))
    return "".join(chr(ord(c) + by) if c.isalpha() and ord(c) + by > 32 else c for c in text)


BROKEN: dict[str, Callable[[str, random.Random], str]] = {
    "shuffled": shuffled,
    "some_wrong": some_wrong,
    "private": private,
    "holes": holes,
    "glyph_numbers": glyph_numbers,
    "control_codes": control_codes,
    "shifted": shifted,
}
