"""Words of ten Brahmic scripts in one alphabet: Devanagari letters, every vowel spoken aloud, no virama.

The Unicode blocks of these scripts share the layout of ISCII, so that a letter is its offset in the block; what differs
is listed here. Sinhala has a layout of its own (The Unicode Standard, chapters 12 and 13).
"""

import re
from functools import cache
from unicodedata import normalize

BLOCKS = {
    "Deva": 0x900,
    "Beng": 0x980,
    "Guru": 0xA00,
    "Gujr": 0xA80,
    "Orya": 0xB00,
    "Taml": 0xB80,
    "Telu": 0xC00,
    "Knda": 0xC80,
    "Mlym": 0xD00,
    "Sinh": 0xD80,
}
AVAGRAHA = "ऽ"  # a vowel left out: no sound
INHERENT = "a"  # the vowel of a consonant that bears no sign; in no script's own letters
CONSONANTS = "\u0915-\u0939\u0958-\u095f\u0978-\u097c\u097e\u097f"
SIGNS = "\u093a\u093b\u093e-\u094c\u094f\u0955-\u0957\u0962\u0963"  # vowel signs
VOWELS = "\u0904-\u0914\u0960\u0961\u0972-\u0977"
VIRAMA = "\u094d"
LETTERLESS = dict.fromkeys(range(0x900, 0x980), "")  # for `str.translate`: what had no spelling, as a stray nukta


def pairs(text: str) -> dict[str, str]:
    """`key:value key:value` as a table; a value may be empty."""
    return {key: value for key, _, value in (pair.partition(":") for pair in text.split())}


_SINHALA_OFFSETS = """
01:ँ 02:ं 03:ः 05:अ 06:आ 07:ॲ 08:ॴ 09:इ 0A:ई 0B:उ 0C:ऊ 0D:ऋ 0E:ॠ 0F:ऌ 10:ॡ 11:ऎ 12:ए 13:ऐ 14:ऒ 15:ओ 16:औ
1A:क 1B:ख 1C:ग 1D:घ 1E:ङ 1F:ङ्ग 20:च 21:छ 22:ज 23:झ 24:ञ 25:ज्ञ 26:ञ्ज 27:ट 28:ठ 29:ड 2A:ढ 2B:ण 2C:ण्ड 2D:त 2E:थ
2F:द 30:ध 31:न 33:न्द 34:प 35:फ 36:ब 37:भ 38:म 39:म्ब 3A:य 3B:र 3D:ल 40:व 41:श 42:ष 43:स 44:ह 45:ळ 46:\u095e
4A:् 4F:ा 50:ॅ 51:ऻ 52:ि 53:ी 54:ु 56:ू 58:ृ 59:ॆ 5A:े 5B:ै 5C:ॊ 5D:ो 5E:ौ 5F:ॢ 72:ॄ 73:ॣ
"""
_SINHALA = {chr(0xD80 + int(offset, 16)): letters for offset, letters in pairs(_SINHALA_OFFSETS).items()}

# What is not at its Devanagari offset. Marks of length, of accent and the like have no sound that Latin letters show.
_OTHER = {
    "Deva": {"ॱ": "", "॰": ".", "ॽ": "", "ॐ": "ओम्", "ऀ": "ँ", "ॎ": "े"},
    "Beng": {"ৰ": "र", "ৱ": "व", "ৎ": "त्", "ৗ": "ौ", "৲": "रु", "৳": "टाका", "ঀ": "", "ৼ": "ः", "৺": "", "৻": ""},
    "Guru": {"ੰ": "ं", "ੲ": "", "ੳ": "", "ੴ": "इक्ओङ्कार", "ੵ": "्य", "\u0a33": "ळ", "\u0a36": "श", "ੑ": ""},
    "Gujr": {"ૐ": "ओम्", "૰": ".", "૱": "रु", "ૹ": "ज़"},
    "Orya": {"ୱ": "व", "ୖ": "ै", "ୗ": "ौ", "୰": ""},
    "Taml": {"ௐ": "ओम्", "ௗ": "ौ", "௹": "रू", "௳": "नाळ्", "௴": "मादम्", "௵": "वरुडम्"},
    "Telu": {"ౘ": "च", "ౙ": "ज", "ౚ": "ऱ", "ౝ": "न्", "ౕ": "", "ౖ": "ै", "ఀ": "ं", "ఄ": "ं"},
    "Knda": {"ೞ": "ऴ", "ೝ": "न्", "ೕ": "", "ೖ": "", "ಀ": "ं", "ೱ": "", "ೲ": "", "ೳ": "ं"},
    "Mlym": {
        "ൺ": "ण्", "ൻ": "न्", "ർ": "र्", "ൽ": "ल्", "ൾ": "ळ्", "ൿ": "क्", "ൔ": "म्", "ൕ": "य्", "ൖ": "ऴ्", "ൎ": "र्",
        "ൗ": "ौ", "ഺ": "ऱ", "ഩ": "ऩ", "ഀ": "ं", "ഄ": "ं", "൏": "", "ൟ": "ई", "഻": "्", "഼": "्", "൹": "तीयति",
    },
    "Sinh": _SINHALA,
}  # fmt: skip
_SHARED = range(1, 0x64)  # offsets at which the scripts hold the same signs, but for digits and what `_OTHER` says
# Escaped: as text these letters may be taken apart by an editor, Unicode excludes them from composition
_NUKTA = dict(zip("कखगजडढफयनरळलस", "\u0958\u0959\u095a\u095b\u095c\u095d\u095e\u095f\u0929\u0931\u0934ळश", strict=True))
_NUKTA_AFTER = re.compile("(.)\u093c+")
_ADDAK = re.compile("\u0a71+([\u0a15-\u0a39\u0a59-\u0a5e])")
_ADDAK_DOUBLES = dict(zip("ਖਘਛਝਠਢਥਧਫਭ", "ਕਗਚਜਟਡਤਦਪਬ", strict=True))  # an aspirate doubles as its plain stop
_HALF_U = re.compile(
    "(?<=[ക-വളഴറഹ])\u0d4d\u200c?$"
)  # Malayalam's half u; with a joiner it is an old chillu, after s and sh a loan
_UNVOWELLED = re.compile(f"([{CONSONANTS}])(?![{SIGNS}{VIRAMA}])")


@cache
def table(script: str) -> dict[int, str]:
    """Code point -> Devanagari, for `str.translate`: the whole block, what has no counterpart being dropped."""
    base = BLOCKS[script]
    found = {base + offset: "" for offset in range(0x80) if script != "Deva" or 0x51 <= offset <= 0x54}
    if script != "Sinh":
        found |= {base + offset: chr(0x900 + offset) for offset in _SHARED if not 0x51 <= offset <= 0x57}
    return found | {ord(letter): deva for letter, deva in _OTHER[script].items()} | {0x200C: "", 0x200D: ""}


def _with_nukta(found: re.Match[str]) -> str:
    return _NUKTA.get(found[1], found[1])


def _doubled(found: re.Match[str]) -> str:
    return f"{_ADDAK_DOUBLES.get(found[1], found[1])}੍{found[1]}"


def devanagari(word: str, script: str) -> str:
    """A word of any script of `BLOCKS` letter for letter in Devanagari; letters with a nukta are one character."""
    word = normalize("NFC", word)
    if script == "Guru":
        word = _ADDAK.sub(_doubled, word)
    return _NUKTA_AFTER.sub(_with_nukta, word.translate(table(script)))


def units(word: str, script: str) -> str:
    """What is spoken of a word, a character a sound: Devanagari letters and signs, `INHERENT` after bare consonants."""
    if script == "Mlym":
        word = _HALF_U.sub("ു", word)
    word = devanagari(word, script).replace(AVAGRAHA, "")
    return _UNVOWELLED.sub(rf"\1{INHERENT}", word).replace(VIRAMA, "")
