"""The installed Tesseract: languages, words and boxes, limits, and images that are none."""

import stat
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from filters.ocr.engine import EngineError, EngineTimeoutError, Image, MissingLanguageError, grey, join_words
from filters.ocr.tesseract import Tesseract
from filters.pdf.page import Box, Word
from tests.filters.ocr.models import need_tesseract

LETTERS = "The river rose in the night and\ntook the wooden bridge with it."


def drawn(text: str, size: tuple[int, int] = (900, 200)) -> Image:
    picture = Picture.new("L", size, 255)
    ImageDraw.Draw(picture).text((40, 40), text, 0, ImageFont.load_default(36), spacing=24)
    return np.asarray(picture)


def program(folder: Path, script: str) -> str:
    """A program of another behaviour in Tesseract's place."""
    path = folder / "tesseract"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


LISTS = 'case "$*" in *list-langs*) echo "List"; echo eng; echo script/Devanagari; exit 0;; esac\n'


def test_words_have_boxes_and_confidences() -> None:
    need_tesseract("eng_Latn")
    lines = Tesseract().words(drawn(LETTERS), ("eng_Latn",))
    assert "\n".join(line.text for line in lines) == LETTERS
    words = [word for line in lines for word in line.words]
    assert [word.text for word in words] == LETTERS.split()
    assert all(0.7 < (word.confidence or 0) <= 1 for word in words)
    river = next(word for word in words if word.text == "river")
    font = ImageFont.load_default(36)
    left, right = 40 + font.getlength("The "), 40 + font.getlength("The river")
    assert abs(river.box.x0 - left) < 6 and abs(river.box.x1 - right) < 6 and 40 <= river.box.y0 < river.box.y1 <= 90


def test_colour_is_read_as_its_luma() -> None:
    need_tesseract("eng_Latn")
    dark_blue = np.stack([drawn(LETTERS), drawn(LETTERS), np.full((200, 900), 255, np.uint8)], axis=2)
    assert "\n".join(line.text for line in Tesseract().words(dark_blue, ("eng_Latn",))) == LETTERS
    assert grey(np.full((1, 1, 3), (0, 0, 255), np.uint8)).tolist() == [[29]]  # 0.114 * 255, BT.601


def test_languages_are_those_installed_by_model_or_by_script(tmp_path: Path) -> None:
    languages = Tesseract(program(tmp_path, LISTS)).languages
    assert "eng_Latn" in languages and "hin_Deva" in languages and "bho_Deva" in languages
    assert "tam_Taml" not in languages and "fra_Latn" not in languages and "nonsense" not in languages


@pytest.mark.parametrize(
    ("label", "package"),
    [
        ("tam_Taml", "tesseract-ocr-tam, or tam.traineddata"),
        ("ory_Orya", "tesseract-ocr-ori, or ori.traineddata"),
        ("swh_Latn", "tesseract-ocr-swa, or swa.traineddata"),
        ("cmn_Hani", "tesseract-ocr-chi-sim, or chi_sim.traineddata"),
        ("uzn_Cyrl", "tesseract-ocr-uzb-cyrl, or uzb_cyrl.traineddata"),
        ("xmf_Geor", "tesseract-ocr-script-geor, or Georgian.traineddata"),
    ],
)
def test_what_to_install_for_a_missing_language(tmp_path: Path, label: str, package: str) -> None:
    with pytest.raises(MissingLanguageError) as raised:
        Tesseract(program(tmp_path, LISTS)).words(drawn("a"), (label,))
    assert str(raised.value) == f"tesseract has no model for {label}: install the Debian package {package}"


def test_a_language_that_tesseract_does_not_know(tmp_path: Path) -> None:
    for label in ("sat_Olck", "", "hin_Deva_hin", "../../etc"):
        with pytest.raises(MissingLanguageError, match="tesseract has no model for"):
            Tesseract(program(tmp_path, 'case "$*" in *list-langs*) echo "List"; esac')).words(drawn("a"), (label,))


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(EngineError, match="install the Debian package tesseract-ocr"):
        Tesseract("/nonexistent/tesseract").words(drawn("a"), ("eng_Latn",))


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    hangs = program(tmp_path, LISTS + f"(sleep 3; touch {mark}) & sleep 60")
    start = time.monotonic()
    with pytest.raises(EngineTimeoutError, match=r"more than 0\.5 s"):
        Tesseract(hangs, timeout_seconds=0.5).words(drawn("a"), ("eng_Latn",))
    assert time.monotonic() - start < 2.5
    time.sleep(3)
    assert not mark.exists()


def test_the_memory_limit_ends_the_program_only() -> None:
    need_tesseract("eng_Latn")
    with pytest.raises(EngineError, match="tesseract ended with"):
        Tesseract(memory_bytes=60 << 20).words(np.tile(drawn(LETTERS), (20, 4)), ("eng_Latn",))


def test_a_program_that_fails_says_why_in_one_line(tmp_path: Path) -> None:
    fails = program(tmp_path, LISTS + "cat > /dev/null; echo first >&2; echo 'no  memory' >&2; exit 3")
    with pytest.raises(EngineError, match=r"^tesseract ended with 3: no  memory$"):
        Tesseract(fails).words(drawn("a"), ("eng_Latn",))


def test_rows_that_are_no_words_are_left_out(tmp_path: Path) -> None:
    """Broken rows, blank words, boxes outside the image, confidences out of range; marks that mean nothing."""
    rows = [
        "level\tpage_num\tblock_num",
        "4\t1\t1\t1\t1\t0\t0\t0\t9\t9\t-1\t",
        "5\t1\t1\t1\t1\t1\t5\t5\t20\t10\t-1\tஅவர்கள்\u200c",
        "5\t1\t1\t1\t1\t2\t30\t5\t20\t10\t250\tபெற்\u200cறார்",
        "5\t1\t1\t1\t2\t1\t0\t40\t20\t10\t50\tலக்\u200cஷ்மி",
        "5\t1\t1\t1\t3\t1\t0\t60\t20\t10\t50\t\u200fاردو\u200e",
        "5\t1\t1\t1\t4\t1\t0\t70\t20\t10\t50\t  ",
        "5\t1\t1\t1\t5\t1\t9000\t70\t20\t10\t50\tfar",
        "5\t1\t1\t1\t6\t1",
        "5\t1\t1\t1\t7\t1\t0\t80\t2000\t9000\t50\tक्‍ष",
    ]
    made = tmp_path / "made.tsv"
    made.write_text("\n".join(rows), "utf-8")
    lines = Tesseract(program(tmp_path, LISTS + f"cat > /dev/null; cat {made}")).words(drawn("a"), ("eng_Latn",))
    assert [line.text for line in lines] == ["அவர்கள் பெற்றார்", "லக்\u200cஷ்மி", "اردو", "क्‍ष"]
    assert [word.confidence for word in lines[0].words] == [0.0, 1.0]
    assert lines[-1].words[0].box == Box(0, 80, 900, 200)


def test_words_of_scripts_without_spaces_are_joined_without() -> None:
    box = Box(0, 0, 1, 1)

    def joined(*texts: str) -> str:
        return join_words([Word(box, text) for text in texts])

    assert joined("中文", "很好", "OCR", "2026", "年") == "中文很好 OCR 2026 年"
    assert joined("ภาษา", "ไทย") == "ภาษาไทย"
    assert joined("हिन्दी", "भाषा") == "हिन्दी भाषा" and joined("اردو", "زبان") == "اردو زبان"


def test_the_image_is_not_on_the_command_line(tmp_path: Path) -> None:
    logged = tmp_path / "arguments"
    Tesseract(program(tmp_path, LISTS + f'echo "$@" > {logged}; cat > /dev/null')).words(
        drawn("a"), ("eng_Latn", "hin_Deva")
    )
    assert logged.read_text() == "stdin stdout -l eng+script/Devanagari --psm 3 tsv\n"


@pytest.mark.parametrize("shape", [(0, 0), (0, 50), (1, 1), (9, 400), (400, 9)])
def test_an_image_too_small_for_a_letter_has_no_lines(shape: tuple[int, int]) -> None:
    need_tesseract("eng_Latn")
    assert Tesseract().words(np.zeros(shape, np.uint8), ("eng_Latn",)) == []


def test_extremes_of_size_and_tone() -> None:
    need_tesseract("eng_Latn")
    engine = Tesseract()
    for tone in (0, 128, 255):
        assert engine.words(np.full((300, 400), tone, np.uint8), ("eng_Latn",)) == []
    wide = np.full((60, 20_000), 255, np.uint8)
    wide[:, :900] = drawn("Far left of a banner", (900, 60))[:, :900]
    engine.words(wide, ("eng_Latn",))
    with pytest.raises(EngineError, match=r"40000 x 20 pixels: tesseract reads sides up to 32767"):
        engine.words(np.full((20, 40_000), 255, np.uint8), ("eng_Latn",))


@pytest.mark.parametrize("image", [np.zeros((20, 20)), np.zeros((20, 20, 4), np.uint8), np.zeros(20, np.uint8)])
def test_what_is_no_image(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not a grey or RGB image of 8 bits"):
        Tesseract().words(image, ("eng_Latn",))


def test_tesseracts_own_models_have_canonical_labels() -> None:
    """Each model has one label, in the spelling of the rest of the project."""
    from filters.labels import canonical
    from filters.ocr.tesseract import _MODELS

    assert len(_MODELS) > 105
    for label in _MODELS:
        assert "_".join(canonical(label)) == label and unicodedata.is_normalized("NFC", label)
