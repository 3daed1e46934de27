"""The parts of a text that are in a script: words, digits and its own punctuation, outside URLs and addresses."""

import re
from functools import cache
from typing import NamedTuple
from unicodedata import category, digit

import numpy as np

from filters.scripts import SCRIPT_INDEX, script_table
from translate.romanization.brahmic import BLOCKS

LONGEST = 100  # characters of a word; what is longer is taken in pieces
_JOINERS = "\u200c\u200d"
_URL = r"(?:https?://|www\.)[^\s<>\"।॥،۔؟]{1,2000}|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,255}"

# Composite scripts and what belongs to a script though Unicode calls it common or inherited
_PARTS = {"Jpan": ("Hira", "Kana", "Hani"), "Hang": ("Hang", "Hani"), "Hani": ("Hani", "Bopo")}
_ARABIC = "\u0640\u064b-\u0655\u0670\u06d6-\u06ed\u08d3-\u08ff"
_VEDIC = "\u0951-\u0954\u1cd0-\u1cff"
_BORROWED = {"Arab": _ARABIC, "Jpan": "\u3099\u309a\u30fc\u31f0-\u31ff", **dict.fromkeys(BLOCKS, _VEDIC)}
_DANDAS = {"।": ".", "॥": "."}
_STOPS = {
    **dict.fromkeys(BLOCKS, _DANDAS),
    "Arab": {"،": ",", "؛": ";", "؟": "?", "۔": ".", "٪": "%", "٫": ".", "٬": ",", "؍": "/", "٭": "*"},
    "Sinh": _DANDAS | {"෴": "."},
    "Olck": {"᱾": ".", "᱿": "."},
    "Mtei": {"꯫": ".", "꫰": ".", "꫱": "?"},
    "Jpan": {"、": ",", "。": ".", "・": " "},
    "Hani": {"、": ",", "。": ".", "，": ",", "；": ";", "：": ":", "！": "!", "？": "?"},
}


class Pattern(NamedTuple):
    """What is in a script. The one group of `tokens` is a word, or a run of what `plain` says in ASCII; a URL has none."""

    tokens: re.Pattern[str]
    native: re.Pattern[str]  # any character of the script
    plain: dict[int, str]  # digits and punctuation of the script, for `str.translate`


def _ranges(points: np.ndarray) -> str:
    """Ascending code points as the inside of a character class."""
    breaks = np.flatnonzero(np.diff(points) > 1)
    starts = points[np.concatenate([[0], breaks + 1])]
    ends = points[np.concatenate([breaks, [len(points) - 1]])]
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in zip(starts.tolist(), ends.tolist(), strict=True))


@cache
def pattern(script: str) -> Pattern:
    """The pattern of a script, by its ISO 15924 code."""
    members = [SCRIPT_INDEX[code] for code in _PARTS.get(script, (script,))]
    points = np.flatnonzero(np.isin(script_table(), members))
    # Arabic-Indic digits are common property; the others have their script's
    digits = [*points.tolist(), *(range(0x660, 0x66A) if script == "Arab" else ())]
    plain = {point: str(digit(chr(point))) for point in digits if category(chr(point)) == "Nd"}
    plain |= {ord(mark): latin for mark, latin in _STOPS.get(script, {}).items()}
    words = _ranges(points[~np.isin(points, list(plain))]) + _BORROWED.get(script, "")
    others = "".join(f"\\U{point:08x}" for point in plain)
    word = f"[{_JOINERS}]{{0,2}}[{words}][{words}{_JOINERS}]{{0,{LONGEST - 1}}}"
    run = f"|[{others}]{{1,{LONGEST}}}" if others else ""
    return Pattern(re.compile(f"{_URL}|({word}{run})"), re.compile(f"[{words}{others}]"), plain)
