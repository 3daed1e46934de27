"""Tesseract 5 as a program: one process an image, pixels on its stdin, TSV on its stdout.

Columns of the TSV (tesseract(1)): level, page, block, paragraph, line, word, left, top, width, height, confidence,
text. Words are level 5, their confidence 0..100, -1 where there is none.
"""

import contextlib
import os
import re
import resource
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from filters.labels import canonical
from filters.ocr.engine import (
    SMALLEST_SIDE,
    EngineError,
    EngineTimeoutError,
    Image,
    MissingLanguageError,
    check_image,
    grey,
    line_of,
)
from filters.pdf.page import Box, Line, Word

LARGEST_SIDE = 32_767  # pixels; Tesseract's coordinates are int16
_PAGE_SEGMENTATION = "3"  # fully automatic: 4, 6 and 11 read across columns
_ERROR_CHARACTERS = 200
_LIST_SECONDS = 20.0

# Traineddata that Tesseract ships for a language (github.com/tesseract-ocr/tessdata_fast), but for vertical and
# historical ones. Most of their names are ISO 639 codes
_LANGUAGE_MODELS = """
afr amh ara asm aze bel ben bod bos bre bul cat ceb ces chr cos cym dan deu div dzo ell eng enm epo est eus fao fas fil
fin fra frm fry gla gle glg grc guj hat heb hin hrv hun hye iku ind isl ita jav jpn kan kat kaz khm kir kmr kor lao lat
lav lit ltz mal mar mkd mlt mon mri msa mya nep nld nor oci ori pan pol por pus que ron rus san sin slk slv snd spa sqi
srp sun swa swe syr tam tat tel tgk tha tir ton tur uig ukr urd uzb vie yid yor
"""
_CHINESE = ("chi_sim", "chi_tra")  # a label does not say which
_MODELS: dict[str, tuple[str, ...]] = {"_".join(canonical(name)): (name,) for name in _LANGUAGE_MODELS.split()} | {
    "azj_Cyrl": ("aze_cyrl",),
    "srp_Latn": ("srp_latn",),
    "uzn_Cyrl": ("uzb_cyrl",),
    "cmn_Hani": _CHINESE,
    "yue_Hani": ("chi_tra",),
    "lzh_Hani": ("chi_tra",),
}
# Those it ships for all languages of a script
_SCRIPT_NAMES = """
Arab:Arabic Armn:Armenian Beng:Bengali Cans:Canadian_Aboriginal Cher:Cherokee Cyrl:Cyrillic Deva:Devanagari
Ethi:Ethiopic Geor:Georgian Grek:Greek Gujr:Gujarati Guru:Gurmukhi Hang:Hangul Hebr:Hebrew Jpan:Japanese Khmr:Khmer
Knda:Kannada Laoo:Lao Latn:Latin Mlym:Malayalam Mymr:Myanmar Orya:Oriya Sinh:Sinhala Syrc:Syriac Taml:Tamil
Telu:Telugu Thaa:Thaana Thai:Thai Tibt:Tibetan
"""
_SCRIPT_MODELS: dict[str, tuple[str, ...]] = {
    script: (name,) for script, name in (pair.split(":") for pair in _SCRIPT_NAMES.split())
} | {"Hani": ("HanS", "HanT")}

# It puts directional marks around right-to-left words
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# and ZWNJ after each Tamil pulli, and elsewhere at the end of words, where it means nothing: only க்ஷ and ஸ்ரீ join
_IDLE_JOINERS = re.compile("(?<=\u0bcd)\u200c(?!(?<=க\u0bcd\u200c)ஷ|(?<=ஸ\u0bcd\u200c)ர)|\u200c+$")


def _clean(text: str) -> str:
    return _IDLE_JOINERS.sub("", _DIRECTIONS.sub("", text)).strip()


def _word(columns: list[str], width: int, height: int) -> Word | None:
    text = _clean(columns[11])
    left, top, wide, high = (int(column) for column in columns[6:10])
    box = Box(max(0, left), max(0, top), min(width, left + wide), min(height, top + high))
    if not text or box.x0 >= box.x1 or box.y0 >= box.y1:
        return None
    return Word(box, text, min(1.0, max(0.0, float(columns[10]) / 100)))


def _lines(tsv: str, width: int, height: int) -> Iterator[Line]:
    rows = (row.split("\t", 11) for row in tsv.split("\n") if row.startswith("5\t"))
    whole = (columns for columns in rows if len(columns) == 12)
    for _, line in groupby(whole, key=lambda columns: columns[1:5]):
        words = [word for columns in line if (word := _word(columns, width, height))]
        if words:
            yield line_of(words)


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:_ERROR_CHARACTERS] if lines else "no message"


def _model_error(label: str) -> MissingLanguageError:
    script = label.partition("_")[2]
    if label in _MODELS:
        name = _MODELS[label][0]
        packages = [f"tesseract-ocr-{name.replace('_', '-')}", f"{name}.traineddata"]
    elif script in _SCRIPT_MODELS:
        package = "hans" if script == "Hani" else script.lower()
        packages = [f"tesseract-ocr-script-{package}", f"{_SCRIPT_MODELS[script][0]}.traineddata"]
    else:
        return MissingLanguageError(f"tesseract has no model for {label}")
    return MissingLanguageError(
        f"tesseract has no model for {label}: install the Debian package {packages[0]}, or {packages[1]}"
    )


@dataclass(frozen=True)
class Tesseract:
    """The installed program. A language without a model of its own is read with that of its script, where there is
    one (bho_Deva with Debian's tesseract-ocr-script-deva)."""

    program: str = "tesseract"
    timeout_seconds: float = 60.0  # wall clock, an image; 1 s is usual for a page at 200 dpi
    memory_bytes: int = 2 << 30  # address space of the program

    @property
    def name(self) -> str:
        return "tesseract"

    @property
    def languages(self) -> "Languages":
        return Languages(self)

    @cached_property
    def _installed(self) -> dict[str, str]:
        """Names of traineddata as in the tables above -> as the program wants them."""
        listed = self._run(["--list-langs"], b"", _LIST_SECONDS).decode().splitlines()[1:]
        return {name.strip().rpartition("/")[2]: name.strip() for name in listed}

    def models(self, label: str) -> list[str]:
        """The traineddata for a language, as the program names them. Raises MissingLanguageError."""
        for names in (_MODELS.get(label, ()), _SCRIPT_MODELS.get(label.partition("_")[2], ())):
            if found := [self._installed[name] for name in names if name in self._installed]:
                return found
        raise _model_error(label)

    def _start(self, arguments: list[str]) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                [self.program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
                start_new_session=True,  # so that the group can be killed
            )
        except OSError as error:
            raise EngineError(
                f"{self.program} can't be run ({error.strerror}): install the Debian package tesseract-ocr"
            ) from error

    def _run(self, arguments: list[str], image: bytes, seconds: float) -> bytes:
        process = self._start(arguments)
        try:
            # Before it has an image it needs next to nothing, so that this is not too late
            resource.prlimit(process.pid, resource.RLIMIT_AS, (self.memory_bytes, self.memory_bytes))
            out, err = process.communicate(image, seconds)
        except subprocess.TimeoutExpired as error:
            raise EngineTimeoutError(f"tesseract took more than {seconds:g} s") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode:
            raise EngineError(f"tesseract ended with {process.returncode}: {_last_line(err)}")
        return out

    def words(self, image: Image, languages: tuple[str, ...]) -> list[Line]:
        """See Engine. One of `languages` at least; the first is the main one."""
        check_image(image)
        height, width = image.shape[:2]
        models = list(dict.fromkeys(name for label in languages for name in self.models(label)))
        if min(width, height) < SMALLEST_SIDE:
            return []
        if max(width, height) > LARGEST_SIDE:
            raise EngineError(f"an image of {width} x {height} pixels: tesseract reads sides up to {LARGEST_SIDE}")
        arguments = ["stdin", "stdout", "-l", "+".join(models), "--psm", _PAGE_SEGMENTATION, "tsv"]
        pixels = b"P5 %d %d 255\n" % (width, height) + grey(image).tobytes()
        tsv = self._run(arguments, pixels, self.timeout_seconds).decode("utf-8", "replace")
        return list(_lines(tsv, width, height))


@dataclass(frozen=True)
class Languages:
    """The languages that an installed Tesseract reads: not to be listed, since a script's model reads any of it."""

    engine: Tesseract

    def __contains__(self, label: object) -> bool:
        try:
            return isinstance(label, str) and bool(self.engine.models(label))
        except MissingLanguageError:
            return False
