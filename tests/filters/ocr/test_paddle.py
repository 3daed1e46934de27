"""The real PaddleOCR with local models: Latin and Han, boxes, what its models read, and images that are none."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from filters.ocr.engine import EngineError, Image, MissingLanguageError
from filters.ocr.paddle import Paddle
from tests.filters.ocr.models import need_paddle

LETTERS = "Plums ripen late this year"


@pytest.fixture(scope="module")
def paddle() -> Paddle:
    return Paddle(need_paddle())


def drawn(text: str) -> Image:
    picture = Picture.new("L", (900, 160), 255)
    ImageDraw.Draw(picture).text((40, 50), text, 0, ImageFont.load_default(36))
    return np.asarray(picture)


def test_words_have_boxes_and_the_confidence_of_their_line(paddle: Paddle) -> None:
    [line] = paddle.words(drawn(LETTERS), ("eng_Latn",))
    assert line.text == LETTERS and [word.text for word in line.words] == LETTERS.split()
    assert len({word.confidence for word in line.words}) == 1 and 0.9 < (line.words[0].confidence or 0) <= 1
    font = ImageFont.load_default(36)
    ripen = line.words[1]
    left, right = 40 + font.getlength("Plums "), 40 + font.getlength("Plums ripen")
    assert abs(ripen.box.x0 - left) < 12 and abs(ripen.box.x1 - right) < 12
    assert all(one.box.x1 <= other.box.x0 for one, other in zip(line.words, line.words[1:], strict=False))


def test_colour_and_grey_are_read_alike(paddle: Paddle) -> None:
    red_on_white = np.stack([np.full((160, 900), 255, np.uint8), drawn(LETTERS), drawn(LETTERS)], axis=2)
    assert [line.text for line in paddle.words(red_on_white, ("eng_Latn",))] == [LETTERS]


def test_models_are_loaded_once(paddle: Paddle) -> None:
    paddle.words(drawn("a b c"), ("eng_Latn",))
    assert paddle._pipeline is paddle._pipeline


def test_no_paddlepaddle_is_needed(paddle: Paddle) -> None:
    paddle.words(drawn("a b c"), ("eng_Latn",))
    assert "paddle" not in sys.modules


def test_languages_are_those_of_the_recognition_model() -> None:
    assert {"eng_Latn", "cmn_Hani", "jpn_Jpan", "fra_Latn", "vie_Latn"} <= Paddle().languages
    assert not {"hin_Deva", "urd_Arab", "rus_Cyrl", "kor_Hang"} & Paddle().languages
    assert "mar_Deva" in Paddle(recognition="devanagari_PP-OCRv5_mobile_rec").languages
    assert "urd_Arab" in Paddle(recognition="arabic_PP-OCRv5_mobile_rec").languages
    assert Paddle(recognition="PP-OCRv5_server_rec").languages == {"cmn_Hani", "jpn_Jpan", "eng_Latn"}
    assert not Paddle(recognition="klingon_PP-OCRv5_mobile_rec").languages


def test_a_language_that_the_model_does_not_read(paddle: Paddle) -> None:
    with pytest.raises(MissingLanguageError, match="paddle has no model for tam_Taml"):
        paddle.words(drawn("a"), ("eng_Latn", "tam_Taml"))


def test_folders_without_models_are_named(tmp_path: Path) -> None:
    (tmp_path / "PP-OCRv6_small_det").mkdir()
    with pytest.raises(EngineError, match=r"PP-OCRv6_small_det/inference\.onnx is missing"):
        Paddle(tmp_path).words(drawn("a"), ("eng_Latn",))


def test_damaged_models_are_an_error_of_one_line(tmp_path: Path) -> None:
    need_paddle()
    for name in ("PP-OCRv6_small_det", "PP-OCRv6_small_rec"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "inference.onnx").write_bytes(b"not a model")
        (tmp_path / name / "inference.yml").write_text("PreProcess: 1")
    with pytest.raises(EngineError, match="PaddleOCR did not start: ") as raised:
        Paddle(tmp_path).words(drawn("a"), ("eng_Latn",))
    assert "\n" not in str(raised.value)


def test_extremes_of_size_and_tone(paddle: Paddle) -> None:
    for shape in ((0, 0), (0, 50), (1, 1), (9, 400), (400, 9)):
        assert paddle.words(np.zeros(shape, np.uint8), ("eng_Latn",)) == []
    for tone in (0, 128, 255):
        assert paddle.words(np.full((300, 400), tone, np.uint8), ("eng_Latn",)) == []
    wide = np.full((60, 20_000), 255, np.uint8)
    wide[:, :900] = drawn(LETTERS)[40:100]
    paddle.words(wide, ("eng_Latn",))


def test_what_is_no_image(paddle: Paddle) -> None:
    for image in (np.zeros((20, 20)), np.zeros((20, 20, 4), np.uint8), np.zeros(20, np.uint8)):
        with pytest.raises(ValueError, match="not a grey or RGB image of 8 bits"):
            paddle.words(image, ("eng_Latn",))
