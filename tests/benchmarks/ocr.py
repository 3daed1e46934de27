"""OCR in reading order: character error rate and CPU time of ours and of the engine alone.

`python -m tests.benchmarks.ocr` prints one JSON line. Pages: NTREX-128 news, set by Chromium in one and two columns,
rasterised; the two-column page is also turned by quarters and askew. Alone: Tesseract's text of the whole page
(`--psm 3`, its default), PaddleOCR's lines as it orders them, detection at full size, its default. The error rate is
edit distance as a share of the true text, both in NFC with white space as single spaces; in Chinese without any. The
list of each layout: ours, alone, CPU seconds of a page by ours, and alone. `dpi`: ours on the upright pages.
"""

import json
import resource
import subprocess
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymupdf
from PIL import Image as Picture

from filters.ocr.engine import Engine, Image
from filters.ocr.paddle import Paddle
from filters.ocr.recognise import DPI, recognise
from filters.ocr.tesseract import Tesseract
from filters.pdf.layout.join import page_text
from tests.benchmarks.corpora import news
from tests.filters.ocr.models import DETECTION, MODELS, RECOGNITION
from tests.filters.pdf.typeset import Sheet, typeset

# BCP 47, NTREX's code, Tesseract's name, characters of a page
LANGUAGES = {
    "hin_Deva": ("hi", "hin", "hin", 2400),
    "tam_Taml": ("ta", "tam", "tam", 2400),
    "ben_Beng": ("bn", "ben", "ben", 2400),
    "urd_Arab": ("ur", "urd", "urd", 2200),
    "eng_Latn": ("en", "eng", "", 2000),
    "cmn_Hani": ("zh-Hans", "zho-CN", "", 800),
}
LAYOUTS = {
    "one column": 0.0,
    "two columns": 0.0,
    "90": 90.0,
    "180": 180.0,
    "270": 270.0,
    "skew 2.5": 2.5,
    "skew -3": -3.0,
}
RESOLUTIONS = (150, 200, 300)


def _paragraphs(code: str, page: int, size: int) -> tuple[str, ...]:
    """Whole lines of the news from some place on, of `size` characters together."""
    lines = [line for text in news(code) for line in text.split("\n")][40 * page :]
    taken: list[str] = []
    while sum(map(len, taken)) < size:
        taken.append(lines[len(taken)])
    return tuple(taken)


def _sheets() -> list[Sheet]:
    return [
        Sheet(tag, _paragraphs(code, columns, size), columns, right_to_left=tag == "ur", style="justified")
        for tag, code, _, size in LANGUAGES.values()
        for columns in (1, 2)
    ]


def raster(page: "pymupdf.Page", dpi: int) -> Image:
    pixels = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False)
    return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width)


def turned(image: Image, degrees: float) -> Image:
    """Counter-clockwise, on white."""
    picture = Picture.fromarray(image)
    return np.asarray(picture.rotate(degrees, Picture.Resampling.BICUBIC, expand=True, fillcolor=255))


def error_rate(true: str, read: str, *, spaces: bool = True) -> float:
    """Levenshtein distance over the length of the true text."""
    wanted, got = (_compared(text, " " if spaces else "") for text in (true, read))
    codes = np.array([ord(character) for character in got])
    steps = np.arange(len(got) + 1)
    row = steps
    for at, character in enumerate(wanted, start=1):
        row = np.concatenate([[at], np.minimum(row[1:] + 1, row[:-1] + (codes != ord(character)))])
        row = np.minimum.accumulate(row - steps) + steps
    return float(row[-1] / len(wanted))


def _compared(text: str, space: str) -> str:
    return space.join(unicodedata.normalize("NFC", text).split())


def _cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _ours(engine: Engine, label: str, dpi: int) -> Callable[[Image], str]:
    def read(image: Image) -> str:
        high, wide = (side * 72 / dpi for side in image.shape)
        return page_text(recognise(image, engine=engine, languages=(label,), width=wide, height=high).blocks)

    return read


def _tesseract_alone(name: str) -> Callable[[Image], str]:
    def read(image: Image) -> str:
        pixels = b"P5 %d %d 255\n" % image.shape[::-1] + image.tobytes()
        command = ["env", "OMP_THREAD_LIMIT=1", "tesseract", "stdin", "stdout", "-l", name]
        return subprocess.run(command, input=pixels, capture_output=True, check=True).stdout.decode()

    return read


def _paddle_alone() -> Callable[[Image], str]:
    from paddleocr import PaddleOCR

    engine = PaddleOCR(
        text_detection_model_name=DETECTION,
        text_detection_model_dir=str(MODELS / DETECTION),
        text_recognition_model_name=RECOGNITION,
        text_recognition_model_dir=str(MODELS / RECOGNITION),
        use_doc_orientation_classify=False,
        use_doc_unwarping=False,
        use_textline_orientation=False,
        engine="onnxruntime",
        engine_config={"intra_op_num_threads": 1, "inter_op_num_threads": 1},
    )

    def read(image: Image) -> str:
        [result] = engine.predict(np.repeat(image[..., None], 3, axis=2))
        return "\n".join(result["rec_texts"])

    return read


def _measured(read: Callable[[Image], str], image: Image, true: str, spaces: bool) -> tuple[float, float]:
    """(error rate, CPU seconds)."""
    start = _cpu()
    text = read(image)
    seconds = _cpu() - start
    return error_rate(true, text, spaces=spaces), seconds


def _layouts(
    label: str, pages: list["pymupdf.Page"], sheets: list[Sheet], readers: list[Callable[[Image], str]]
) -> dict[str, list[float]]:
    found = {}
    for name, degrees in LAYOUTS.items():
        which = 0 if name == "one column" else 1
        image = turned(raster(pages[which], DPI), degrees)
        both = [_measured(read, image, sheets[which].text, label != "cmn_Hani") for read in readers]
        found[name] = [*(round(rate, 4) for rate, _ in both), *(round(seconds, 2) for _, seconds in both)]
    return found


def _resolutions(
    label: str, pages: list["pymupdf.Page"], sheets: list[Sheet], engine: Engine
) -> dict[int, list[float]]:
    """Mean error rate and CPU seconds of the upright pages."""
    found = {}
    for dpi in RESOLUTIONS:
        read = _ours(engine, label, dpi)
        both = [
            _measured(read, raster(page, dpi), sheet.text, label != "cmn_Hani")
            for page, sheet in zip(pages, sheets, strict=True)
        ]
        found[dpi] = [
            round(float(np.mean([rate for rate, _ in both])), 4),
            round(float(np.mean([s for _, s in both])), 2),
        ]
    return found


def main() -> None:
    sheets = _sheets()
    paddle, tesseract = Paddle(MODELS), Tesseract()
    blank = np.full((200, 200), 255, np.uint8)
    paddle.words(blank, ("eng_Latn",))  # loads it
    alone = _paddle_alone()
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder, pymupdf.open(typeset(sheets, Path(folder))) as document:
        assert len(document) == len(sheets)
        for at, (label, (_, _, name, _)) in enumerate(LANGUAGES.items()):
            pages, of_them = [document[2 * at], document[2 * at + 1]], sheets[2 * at : 2 * at + 2]
            engine: Engine = tesseract if name else paddle
            readers = [_ours(engine, label, DPI), _tesseract_alone(name) if name else alone]
            layouts = _layouts(label, pages, of_them, readers)
            ours, others = (round(float(np.mean([row[column] for row in layouts.values()])), 4) for column in (0, 1))
            figures[label] = {
                "engine": engine.name, "ours": ours, "alone": others, "better": ours < others,
                "layouts": layouts, "dpi": _resolutions(label, pages, of_them, engine),
            }  # fmt: skip
    print(json.dumps({"benchmark": "ocr", **figures}))


if __name__ == "__main__":
    main()
