"""PaddleOCR 3.7 on ONNX Runtime: its models from local folders, or from its hub at the first call.

No PaddlePaddle is needed. The recogniser scores lines, so that all words of a line have its confidence. Which
languages a model reads is in paddleocr/_utils/langs.py.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from filters.labels import canonical
from filters.ocr.engine import (
    SMALLEST_SIDE,
    EngineError,
    Image,
    check_image,
    check_languages,
    line_of,
)
from filters.pdf.page import Box, Line, Word, enclosing

# Memory grows with the largest image and line seen and is not given back (PaddleOCR's issue 15631): a process that
# reads pages is to be replaced after so many
RECYCLE_PAGES = 200
# Pixels of the longer side that lines are looked for on; they are recognised in the image as it is. Detection at full
# size, the default, takes 1.6 GB more at 300 dpi and finds the same lines
_DETECTION_SIDE = 1280
_ERROR_CHARACTERS = 200


def _labels(codes: str) -> frozenset[str]:
    return frozenset("_".join(canonical(code)) for code in codes.split())


_LATIN = _labels(
    "af az bs ca cs cy da de en es et eu fi fr ga gl hr hu id is it ku la lb lt lv mi ms mt nl no oc pl pt qu rm ro"
    " sk sl sq sr-Latn sv sw tl tr uz vi"
)
_EAST_ASIAN = _labels("zh ja en")
_GROUPS = {
    "arabic": _labels("ar fa ug ur ps sd bal-Arab ku-Arab en"),
    "cyrillic": _labels(
        "ru sr be bg uk mn abq ady kbd av dar inh ce lbe lez tab kk ky tg mk tt cv ba mhr udm kv os bua xal tyv sah"
        " kaa-Cyrl en"
    ),
    "devanagari": _labels("hi mr ne bho mai anp mag sck-Deva new gom sa bgc en"),
    "el": _labels("el en"),
    "en": _labels("en"),
    "eslav": _labels("ru be uk en"),
    "korean": _labels("ko en"),
    "latin": _LATIN,
    "ta": _labels("ta en"),
    "te": _labels("te en"),
    "th": _labels("th en"),
}


def _read_by(model: str) -> frozenset[str]:
    """The languages of a recognition model by its name: latin_PP-OCRv5_mobile_rec, PP-OCRv6_small_rec."""
    group, named, _ = model.partition("_PP-OCR")
    if named:
        return _GROUPS.get(group, frozenset())
    return _EAST_ASIAN | _LATIN if model.startswith("PP-OCRv6") else _EAST_ASIAN


def _words(text: str, pieces: list[str], boxes: list[Box], box: Box, confidence: float) -> Iterator[Word]:
    """The words between spaces. `pieces` make up `text`: letters of a Latin word, single ideographs, spaces."""
    if "".join(pieces) != text or len(pieces) != len(boxes):
        yield Word(box, text.strip(), confidence)
        return
    start = 0
    for end in range(len(pieces) + 1):
        if end == len(pieces) or pieces[end].isspace():
            if end > start:
                yield Word(enclosing(boxes[start:end]), "".join(pieces[start:end]), confidence)
            start = end + 1


def _boxes(corners: Any) -> list[Box]:
    return [Box(*(float(value) for value in each)) for each in corners]


def _lines(result: dict[str, Any]) -> Iterator[Line]:
    whole = zip(
        result["rec_texts"],
        result["rec_scores"],
        _boxes(result["rec_boxes"]),
        result["text_word"],
        result["text_word_boxes"],
        strict=True,
    )
    for text, score, box, pieces, corners in whole:
        if not text.strip():
            continue
        confidence = min(1.0, max(0.0, float(score)))
        line = line_of(list(_words(text, pieces, _boxes(corners), box, confidence)))
        yield Line(box, text.strip(), size=line.size, words=line.words)


@dataclass(frozen=True)
class Paddle:
    """Models by PaddleOCR's names; one recognition model reads the languages of one group (`languages`).

    `models` holds a folder for each, named as the model, with inference.onnx and inference.yml; None: the hub, which
    keeps them in ~/.paddlex.
    """

    models: str | Path | None = None
    detection: str = "PP-OCRv6_small_det"
    recognition: str = "PP-OCRv6_small_rec"

    @property
    def name(self) -> str:
        return "paddle"

    @property
    def languages(self) -> frozenset[str]:
        return _read_by(self.recognition)

    def _folder(self, model: str) -> str | None:
        if self.models is None:
            return None
        folder = Path(self.models) / model
        for name in ("inference.onnx", "inference.yml"):
            if not (folder / name).is_file():
                raise EngineError(f"{folder / name} is missing: PaddleOCR needs it for {model}")
        return str(folder)

    @cached_property
    def _pipeline(self) -> Any:
        folders = self._folder(self.detection), self._folder(self.recognition)
        # It asks all its hubs which one answers, even where no model is to be fetched
        os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
        try:
            from paddleocr import PaddleOCR
        except ImportError as error:
            raise EngineError("PaddleOCR is not installed: pip install multicurate[paddle]") from error
        try:
            return PaddleOCR(
                text_detection_model_name=self.detection,
                text_detection_model_dir=folders[0],
                text_recognition_model_name=self.recognition,
                text_recognition_model_dir=folders[1],
                use_doc_orientation_classify=False,
                use_doc_unwarping=False,
                use_textline_orientation=False,
                return_word_box=True,
                text_det_limit_side_len=_DETECTION_SIDE,
                text_det_limit_type="max",
                text_recognition_batch_size=1,  # more are padded to the longest: a third more time, twice the memory
                engine="onnxruntime",
                engine_config={"intra_op_num_threads": 1, "inter_op_num_threads": 1},
            )
        except Exception as error:  # whatever paddlex raises: no network, a damaged model
            raise EngineError(f"PaddleOCR did not start: {' '.join(str(error).split())[:_ERROR_CHARACTERS]}") from error

    def words(self, image: Image, languages: tuple[str, ...]) -> list[Line]:
        """See Engine. The model reads all its languages at once: `languages` is only checked."""
        check_image(image)
        check_languages(self, languages)
        if min(image.shape[:2]) < SMALLEST_SIDE:
            return []
        pixels = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image[..., ::-1]  # BGR
        try:
            [result] = self._pipeline.predict(np.ascontiguousarray(pixels))
        except EngineError:
            raise
        except Exception as error:  # of OpenCV or ONNX Runtime
            raise EngineError(f"PaddleOCR failed: {type(error).__name__}") from error
        return list(_lines(result))
