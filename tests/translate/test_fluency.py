"""Tiny language models of native text: chances that sum to one, files, and damage that is found."""

import math
import random
from pathlib import Path

import numpy as np
import pytest

from translate.checks.check import check
from translate.checks.lengths import LengthLimits
from translate.engine import Answer
from translate.fluency.kneser_ney import BEGIN, END, bits
from translate.fluency.model import FluencyModel, load, train
from translate.fluency.native import Native
from translate.fluency.scripts import own_scripts

_SUBJECTS = ("नदी", "गाँव की लड़की", "बूढ़ा किसान", "मेरा भाई", "सरकार", "पुराना पेड़", "यह किताब", "हमारी टीम")
_PLACES = ("शहर में", "पहाड़ के पास", "बाज़ार के बीच", "स्कूल के सामने", "घर के पीछे", "सड़क के किनारे", "मंदिर में")
_TIMES = ("कल सुबह", "हर साल", "बरसात के बाद", "दो दिन पहले", "शाम को", "आज दोपहर", "पिछले महीने")
_ENDS = ("दिखाई दिया था।", "बहुत देर तक रुका रहा।", "सबको याद आता है।", "नहीं मिल सका।", "फिर से लौट आया।")


def _sentences(number: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    parts = (_SUBJECTS, _TIMES, _PLACES, _ENDS)
    return [" ".join(dice.choice(each) for each in parts) for _ in range(number)]


@pytest.fixture(scope="module")
def model() -> FluencyModel:
    return train(_sentences(2500, 1))


def test_chances_of_the_next_character_sum_to_one(model: FluencyModel) -> None:
    seen = sorted(set("".join(_sentences(2500, 1))))
    for context in ("", "नदी ", "बाज़ार के ब", "xq"):
        total = 0.0
        for symbol in [*map(ord, seen), int(END)]:
            symbols = np.array([BEGIN, *map(ord, context), symbol], np.uint32)
            whole, alone = np.zeros(len(symbols)), np.zeros(len(symbols))
            table, marks = model.table, np.zeros(len(symbols), bool)
            bits(
                symbols,
                np.arange(len(symbols)),
                marks,
                table.order,
                table.keys,
                table.alpha,
                table.gamma,
                table.rest,
                model.index,
                whole,
                alone,
            )
            total += 2.0 ** -whole[-1]
        least = 1 - model.table.rest  # what is left, at most, is for characters never seen
        assert least - 1e-4 < total <= 1 + 1e-4, context


def test_damaged_text_is_stranger_than_native(model: FluencyModel) -> None:
    native, dice = _sentences(200, 2), random.Random(3)
    shuffled = [" ".join(dice.sample(words, len(words))) for words in (each.split() for each in native)]
    garbled = ["".join(dice.sample(each, len(each))) for each in native]
    assert (model.strangeness(native) >= 0.99).mean() < 0.06
    assert (model.strangeness(shuffled) >= 0.99).mean() > 0.9
    assert (model.strangeness(garbled) >= 0.99).mean() > 0.95
    assert model.score(garbled).mean() > 2 * model.score(native).mean()


def test_the_same_text_in_any_order_gives_the_same_model_and_a_file_keeps_it(
    model: FluencyModel, tmp_path: Path
) -> None:
    other = train(reversed(_sentences(2500, 1)))
    other.save(tmp_path / "m.npz")
    texts = ["नदी शहर में", "", "a\ud800b", "தமிழ்", "日本語の文", "x" * 50_000]
    assert np.array_equal(load(tmp_path / "m.npz").score(texts), model.score(texts), equal_nan=True)
    assert math.isnan(model.score([""])[0]) and model.score([]).shape == (0,)


def test_either_spelling_of_a_letter_is_the_same(model: FluencyModel) -> None:
    one, other = "बड़ा \u0958लम और \u095e़र्क", "बड़ा \u0915\u093cलम और \u092b\u093c़र्क"
    assert model.score([one])[0] == model.score([other])[0]


def test_what_is_no_model_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    np.savez(tmp_path / "other.npz", keys=np.array([object()], object))
    for name in ("bad", "other"):
        with pytest.raises(ValueError, match="no fluency model"):
            load(tmp_path / f"{name}.npz")
    with pytest.raises(ValueError, match="too little text"):
        train(["एक वाक्य।"])


def test_the_check_names_a_disfluent_translation(model: FluencyModel) -> None:
    fluent = _sentences(1, 5)[0]
    words = fluent.split()
    answers = [Answer(fluent, "stop"), Answer(" ".join(words[::-1]), "stop")]
    names = {"source_language": "eng_Latn", "target_language": "hin_Deva"}
    source = "The village girl was seen yesterday morning near the mountain there."
    found = check([source] * 2, answers, limits=LengthLimits(), fluency=model, **names)
    assert found[0] is None and found[1] is not None and found[1].reason == "disfluent"
    assert check([source] * 2, answers, limits=LengthLimits(), **names) == [None, None]


def test_one_native_text_in_a_hundred_is_stranger_than_a_hundredth_of_them() -> None:
    dice = np.random.default_rng(1)

    def drawn(number: int) -> tuple[np.ndarray, np.ndarray]:
        """Short texts vary more, and cost more a character."""
        lengths = dice.integers(30, 400, number)
        usual = 2 + 10 / lengths
        return lengths, np.stack([dice.normal(usual, 5 / np.sqrt(lengths)), dice.gumbel(-usual, 8 / lengths)])

    native = Native.of(*drawn(5000))
    lengths, signals = drawn(20_000)
    strange = native.rank(lengths, signals) >= 0.99
    assert 0.005 < strange.mean() < 0.015
    short = lengths < 80
    assert 0.003 < strange[short].mean() < 0.02 and 0.003 < strange[~short].mean() < 0.02
    assert (native.rank(lengths, signals + 100) > 0.999).all() and (native.rank(lengths, signals - 100) == 0).all()


def test_native_text_that_is_all_alike_is_not_strange() -> None:
    native = Native.of(np.full(500, 40), np.zeros((3, 500)))
    found = native.rank(np.array([40, 40, 2000]), np.array([[0, 0.5, 0], [0, 0, 0], [0, 0, np.nan]]))
    assert found[0] == 0 and found[1] > 0.99 and found[2] > 0.99


def test_english_in_a_corpus_does_not_make_english_usual() -> None:
    english = "The annual report of the committee was read in the house"
    quoting = [f"{text} ({english})" if n % 200 == 0 else text for n, text in enumerate(_sentences(2500, 1))]
    model = train([*quoting, *(f"{english} again, number {n}." for n in range(20))])
    native = _sentences(100, 7)
    half = [f"{text[: len(text) // 2]} {english}" for text in native]
    assert model.scripts == ("Deva",)
    assert (model.strangeness(native) < 0.99).mean() > 0.95 and (model.strangeness(half) > 0.9).all()
    assert model.strangeness([english])[0] >= 0.99


def test_a_language_may_be_written_in_several_scripts() -> None:
    japanese = "これは日本語の文で、データを保存するときに使うAPIについて説明しています。"
    assert own_scripts([japanese] * 3) == ("Hani", "Hira", "Kana")
    assert own_scripts(["Ово је српски текст.", "Ovo je srpski tekst."]) == ("Cyrl", "Latn")
    assert own_scripts(["123 ..."]) == ("Zzzz",)
