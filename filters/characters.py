"""What each code point is: flags for word breaking and counting, and the folded form that MinHash compares.

Built from `unicodedata` on first use (about 0.1 s a process), so `str` methods and these flags agree; a newer Python
knows newer characters. Two sets are facts shared with datatrove (`utils/text.py`), so that FineWeb-2's cutoffs mean
the same here: `PUNCTUATION` and `TERMINAL`; the latter is Unicode 15's Sentence_Terminal property, with full stops.
"""

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np

from filters.scripts import CODE_POINTS, SCRIPT_INDEX, SCRIPTS, script_table

LETTER = 1 << 0  # general category L: str.isalpha
MARK = 1 << 1  # general category M
DIGIT = 1 << 2  # general category Nd
WORD = 1 << 3  # letters, marks and numbers: what words are made of
SPACE = 1 << 4  # str.isspace
LINE_END = 1 << 5  # str.splitlines
PUNCTUATION = 1 << 6  # datatrove's PUNCTUATION_SET: symbol words have nothing else
TERMINAL = 1 << 7  # datatrove's TERMINAL_PUNCTUATION
SENTENCE_END = 1 << 8  # TERMINAL and the Tibetan shads
NO_SPACE = 1 << 9  # of a script that writes words without spaces and that ICU has a dictionary for
EXTEND = 1 << 10  # marks and joiners: they stay with the token before them
SEPARATOR = 1 << 11  # white space, invisible characters and the tsheg: between tokens
REPEATS = 1 << 12  # a run of the same one is one token: "...", "---"
MID_WORD = 1 << 13  # stays inside between two word characters: apostrophes, middle dot, underscore
MID_NUMBER = 1 << 14  # stays inside between two digits: comma and full stop
NOTABLE = 1 << 15  # counted one by one: symbols and the ends of lines and sentences
FOLDS = 1 << 16  # its folded form is another
SPACED = 1 << 17  # WORD and not NO_SPACE
SCRIPT_SHIFT = 24  # above: index into SCRIPTS of a letter's script, Han and kana as one; 0: no letter, or of no script

NO_SPACE_SCRIPTS = ("Thai", "Laoo", "Khmr", "Mymr", "Hani", "Hira", "Kana")
_JAPANESE_GROUP = ("Hani", "Hira", "Kana")

_TERMINAL = (
    "21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 17D4-17D6 "
    "17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 "
    "2E2E 2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB "
    "FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 110BE-110C1 11141-11143 "
    "111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 "
    "1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 "
    "16B37-16B38 16B44 16E98 1BC9F 1DA88"
)
_PUNCTUATION = (
    "0-8 B-1F 21-2F 3A-40 5B-60 7B-9F AB B4 BB 2013-2014 2019 201C-201E 2026 2236 2501 25BA 3001-3002 3008-300D "
    "3010-3011 FF01 FF05 FF08-FF09 FF0C FF0E FF11 FF1A-FF1B FF1F FF5E"
)
_SHADS = "F0D-F0E"
_LINE_END = "A-D 1C-1E 85 2028-2029"
_KANA_MARKS = "3099-309C 30FC FF70 FF9E-FF9F"  # script Common or Inherited, but written inside kana
_JOINERS = "AD 200C-200D 2060"  # soft hyphen, ZWNJ, ZWJ, word joiner
_TSHEG = "F0B-F0C"
_VISIBLE_FORMAT = "600-605 6DD 70F 890-891 8E2 110BD 110CD"  # category Cf, yet they leave ink
_MID_WORD = "27 5F B7 55F 5F3-5F4 2019 203F 2040"
_MID_NUMBER = "2C 2E 66B-66C"


class Characters(NamedTuple):
    """Tables by code point, (0x110000,) unless said otherwise; read-only."""

    flags: np.ndarray  # uint32, the bits above
    folded: np.ndarray  # uint32: the folded code point, or CODE_POINTS + row of `sequences`
    sequences: np.ndarray  # uint32 (rows, 4): folded forms of several code points, zero-padded


def code_points(ranges: str) -> list[int]:
    """`"21 3A-3C"` (hexadecimal) as [0x21, 0x3A, 0x3B, 0x3C]."""
    points: list[int] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        points.extend(range(int(first, 16), int(last or first, 16) + 1))
    return points


_CATEGORY_FLAGS = {"L": LETTER | WORD, "M": MARK | WORD | EXTEND, "N": WORD, "P": REPEATS, "Z": SEPARATOR}


def _category_flags() -> np.ndarray:
    flags = np.zeros(CODE_POINTS, np.uint32)
    category = unicodedata.category
    for point in range(CODE_POINTS):
        if 0x323B0 <= point < 0xE0000 or point > 0xE01EF:  # planes without characters
            continue
        name = category(chr(point))
        if name in ("Cc", "Cf"):
            flags[point] = SEPARATOR
        elif name == "Nd":
            flags[point] = DIGIT | WORD
        elif name[0] != "C":
            flags[point] = _CATEGORY_FLAGS.get(name[0], 0)
    return flags


def _set(flags: np.ndarray, ranges: str, bits: int) -> None:
    flags[code_points(ranges)] |= np.uint32(bits)


def _no_space() -> np.ndarray:
    wanted = np.zeros(len(SCRIPTS), bool)
    wanted[[SCRIPT_INDEX[name] for name in NO_SPACE_SCRIPTS]] = True
    chosen = wanted[script_table()]
    chosen[code_points(_KANA_MARKS)] = True
    return chosen


def _flags() -> np.ndarray:
    flags = _category_flags()
    flags[code_points(f"{_JOINERS} {_TSHEG} {_VISIBLE_FORMAT}")] = 0
    spaces = [point for point in range(0x3001) if chr(point).isspace()]
    flags[spaces] |= np.uint32(SPACE | SEPARATOR)
    _set(flags, _JOINERS, EXTEND)
    _set(flags, _TSHEG, SEPARATOR)
    _set(flags, _LINE_END, LINE_END)
    _set(flags, _PUNCTUATION, PUNCTUATION | REPEATS)
    _set(flags, _TERMINAL, PUNCTUATION | TERMINAL | SENTENCE_END | REPEATS)
    _set(flags, _SHADS, SENTENCE_END)
    _set(flags, _MID_WORD, MID_WORD)
    _set(flags, _MID_NUMBER, MID_NUMBER)
    flags[_no_space() & (flags & (LETTER | MARK | WORD) > 0) & (flags & DIGIT == 0)] |= np.uint32(NO_SPACE)
    return flags


def _notable(flags: np.ndarray) -> np.ndarray:
    symbol = flags & (LETTER | MARK | DIGIT | SPACE | EXTEND) == 0
    end = (flags & LETTER == 0) & (flags & (LINE_END | SENTENCE_END) > 0)
    return symbol | end


def _letter_scripts(flags: np.ndarray) -> np.ndarray:
    script = script_table().astype(np.uint32)
    for name in _JAPANESE_GROUP:  # Japanese writes the three together
        script[script == SCRIPT_INDEX[name]] = SCRIPT_INDEX[_JAPANESE_GROUP[0]]
    script[flags & LETTER == 0] = 0
    return script


def fold(character: str) -> str:
    """Lower case, canonically decomposed, decimal digits as 0, final sigma as sigma: so é, E + accent and É agree."""
    if character.isdecimal():
        return "0"
    return unicodedata.normalize("NFD", character.lower().replace("ς", "σ"))


def _folded(flags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    folded = np.arange(CODE_POINTS, dtype=np.uint32)
    sequences: list[list[int]] = []
    # Han and Hangul's neighbours that neither decompose nor have case are skipped: they are most of Unicode
    unchanging = [(0x3400, 0xA620), (0x17000, 0x1D15D), (0x20000, 0x2F7FF), (0x2FA1E, CODE_POINTS)]
    changing = np.ones(CODE_POINTS, bool)
    for first, end in unchanging:
        changing[first:end] = False
    for point in np.flatnonzero(changing & (flags & (WORD | MID_WORD) > 0)):
        points = list(map(ord, fold(chr(point))))
        if len(points) > 1:
            folded[point] = CODE_POINTS + len(sequences)
            sequences.append((points + [0] * 4)[:4])
        else:
            folded[point] = points[0]
    return folded, np.array(sequences, np.uint32)


@cache
def characters() -> Characters:
    """The tables, built once a process."""
    flags = _flags()
    folded, sequences = _folded(flags)
    flags[_notable(flags)] |= np.uint32(NOTABLE)
    flags[flags & (WORD | NO_SPACE) == WORD] |= np.uint32(SPACED)
    flags[folded != np.arange(CODE_POINTS)] |= np.uint32(FOLDS)
    flags |= _letter_scripts(flags) << np.uint32(SCRIPT_SHIFT)
    tables = Characters(flags, folded, sequences)
    for table in tables:
        table.flags.writeable = False
    return tables
