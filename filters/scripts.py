"""Code point -> script, from the Unicode Script property (UAX #24): one table for every package.

`scripts.npz` beside this module holds the property as ranges. `python -m filters.scripts` rebuilds it from the
`regex` package (extra `bench`), which carries a newer Unicode than the Python it runs on.
"""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from filters.columns import UNKNOWN_SCRIPT

CODE_POINTS = 0x110000
_KANA_SHARE = 0.1  # of Han and kana letters; Japanese headlines hold 20 % and more, Chinese quoting a name hardly 1 %
_FILE = Path(__file__).with_name("scripts.npz")
_NO_SCRIPT = ("Zzzz", "Zyyy", "Zinh", "Qaai", "Qaac")  # unknown, common, inherited, private aliases of two scripts


@cache
def _ranges() -> dict[str, np.ndarray]:
    with np.load(_FILE, allow_pickle=False) as stored:
        return {name: stored[name] for name in ("scripts", "starts", "script", "letter")}


def _spread(values: np.ndarray) -> np.ndarray:
    """The value of each range, repeated over its code points."""
    return np.repeat(values, np.diff(_ranges()["starts"], append=CODE_POINTS))


@cache
def script_table() -> np.ndarray:
    """uint8 index into `SCRIPTS` by code point, read-only, (0x110000,); 0: common, inherited or unassigned."""
    table = _spread(_ranges()["script"])
    table.flags.writeable = False
    return table


@cache
def letter_table() -> np.ndarray:
    """bool by code point, read-only, (0x110000,): general category L."""
    table = _spread(_ranges()["letter"])
    table.flags.writeable = False
    return table


SCRIPTS: tuple[str, ...] = tuple(str(code) for code in _ranges()["scripts"])  # ISO 15924; index 0 is Zzzz
SCRIPT_INDEX: dict[str, int] = {code: index for index, code in enumerate(SCRIPTS)}


@numba.njit(nogil=True, cache=True)
def _count_letters(
    data: np.ndarray, offsets: np.ndarray, script: np.ndarray, letter: np.ndarray, counts: np.ndarray
) -> None:
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            first = np.int64(data[at])
            if first < 0x80:
                code, size = first, 1
            elif first < 0xE0:
                code, size = first & 0x1F, 2
            elif first < 0xF0:
                code, size = first & 0x0F, 3
            else:
                code, size = first & 0x07, 4
            for byte in range(at + 1, min(at + size, end)):
                code = (code << 6) | (np.int64(data[byte]) & 0x3F)
            if code < CODE_POINTS and letter[code]:  # invalid UTF-8 must not read past the tables
                counts[row, script[code]] += 1
            at += size


def letter_counts(text: pa.StringArray) -> np.ndarray:
    """Letters by script, int32 (texts, len(SCRIPTS)); column 0 stays 0: letters that belong to no one script."""
    counts = np.zeros((len(text), len(SCRIPTS)), np.int32)
    if len(text) == 0:
        return counts
    _, offsets, data = text.buffers()
    ends = np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text) + 1]
    if ends[-1] > ends[0]:  # else there may be no data buffer
        _count_letters(np.frombuffer(data, np.uint8), ends, script_table(), letter_table(), counts)
    counts[:, 0] = 0
    return counts


def majority_script(counts: np.ndarray) -> np.ndarray:
    """ISO 15924 of each row of `letter_counts` as object array: Zzzz without letters; Han with kana is Jpan."""
    merged = counts.copy()
    kana = counts[:, [SCRIPT_INDEX["Hira"], SCRIPT_INDEX["Kana"]]].sum(axis=1)
    for code in ("Hira", "Kana", "Bopo"):
        merged[:, SCRIPT_INDEX["Hani"]] += counts[:, SCRIPT_INDEX[code]]
        merged[:, SCRIPT_INDEX[code]] = 0
    best = merged.argmax(axis=1)
    names = np.array(SCRIPTS, object)[best]
    japanese = (best == SCRIPT_INDEX["Hani"]) & (kana >= _KANA_SHARE * merged[:, SCRIPT_INDEX["Hani"]])
    names[japanese] = "Jpan"
    return names


def script(text: pa.StringArray) -> pa.StringArray:
    """ISO 15924 of the script that most letters of each text are in, as FineWeb-2 names it: Jpan, Hang, Hani. Null: Zzzz."""
    return pa.array(majority_script(letter_counts(text)), pa.string())


def _spans(regex: Any, pattern: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in regex.finditer(pattern, text)]


def _script_of_code_points(regex: Any, text: str) -> tuple[list[str], np.ndarray]:
    names = regex._regex_core.PROPERTIES["SCRIPT"][1]
    codes, script = [UNKNOWN_SCRIPT], np.zeros(CODE_POINTS, np.uint8)
    for code in sorted(name.capitalize() for name in names if len(name) == 4):
        spans = [] if code in _NO_SCRIPT else _spans(regex, rf"\p{{Script={code}}}+", text)
        if not spans or script[spans[0][0]]:  # no characters, or an old alias (Plrd) of a code seen before (Miao)
            continue
        codes.append(code)
        for start, end in spans:
            script[start:end] = len(codes) - 1
    return codes, script


def build() -> None:
    """Write `scripts.npz`."""
    regex = importlib.import_module("regex")
    text = "".join(map(chr, range(CODE_POINTS)))
    codes, script = _script_of_code_points(regex, text)
    letter = np.zeros(CODE_POINTS, bool)
    for start, end in _spans(regex, r"\p{L}+", text):
        letter[start:end] = True
    change = np.diff(script, prepend=255).astype(bool) | np.diff(letter.view(np.uint8), prepend=0).astype(bool)
    starts = np.flatnonzero(change).astype(np.uint32)
    np.savez_compressed(_FILE, scripts=np.array(codes), starts=starts, script=script[starts], letter=letter[starts])


if __name__ == "__main__":
    build()
