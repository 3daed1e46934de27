import shutil
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest

from filters import characters as ch
from filters import quality
from filters.characters import fold
from filters.quality import GOOD, ModelError, by_language, lines, load, read_card, scores, seal, words_with_letters
from filters.segment import segment, words
from tests import quality_corpus
from tests.filters import texts

LABELS = tuple(quality_corpus.WORDS)


@pytest.fixture(scope="session")
def model() -> Path:
    return quality_corpus.trained()


def folded(character: str) -> str:
    in_words = ch.characters().flags[ord(character)] & (ch.WORD | ch.MID_WORD)
    return fold(character) if in_words else character


def plainly(text: str) -> str:
    """`lines` with Python's strings."""
    found = []
    for line in text.split("\n"):
        if tokens := words(line):
            found += ["".join(map(folded, token)) for token in tokens] + [f"↵{min(6, len(tokens).bit_length())}"]
    return " ".join(found)


def test_lines_equal_a_plain_reading() -> None:
    given = [*texts.TEXTS.values(), *texts.EDGE_CASES, *texts.random_texts(150, seed=3)]
    expected = [plainly(text) for text in given]
    assert lines(segment(pa.array(given, pa.string()))).to_pylist() == expected
    assert len(set(" ".join(expected).split())) > 500  # not vacuous


def test_no_token_is_one_of_fasttexts_own() -> None:
    [line] = lines(segment(pa.array(["__label__good </s> a __label__ b"]))).to_pylist()
    assert not [token for token in line.split(" ") if token == "</s>" or token.startswith("__label__")]


def test_words_with_letters() -> None:
    given = pa.array(["one 2 three.", "12 34 😀", None, "", "हिन्दी ๑๒ ไทย"])
    assert words_with_letters(segment(given)).tolist() == [2, 0, 0, 0, 2]


def test_scores_tell_good_from_bad_in_four_scripts(model: Path) -> None:
    for label in LABELS:
        both = [[row["text"] for row in quality_corpus.rows(label, 20, kind, seed=2)] for kind in ("good", "bad")]
        good, bad = (scores(pa.array(own), pa.array([label] * 20), model=str(model)).to_pylist() for own in both)
        assert min(good) > 0.5 > max(bad)
        assert min(bad) >= 0 and max(good) <= 1


def test_what_cannot_be_scored_is_null(model: Path) -> None:
    good = quality_corpus.rows("eng_Latn", 1, "good")[0]["text"]
    given = ["12 345 " * 50, "😀🎉 " * 50, "??? ... !!! " * 20, None, "", "the river of the village", good, good, good]
    labels = ["eng_Latn"] * 7 + ["fra_Latn", None]
    found = scores(pa.array(given), pa.array(labels), model=str(model)).to_pylist()
    assert [value is None for value in found] == [True] * 6 + [False, True, True]


def test_scores_do_not_depend_on_the_batch(model: Path) -> None:
    given = [row["text"] for label in LABELS for row in quality_corpus.rows(label, 5, "bad")]
    labels = [label for label in LABELS for _ in range(5)]
    together = scores(pa.array(given), pa.array(labels), model=str(model)).to_pylist()
    alone = [
        scores(pa.array([text]), pa.array([label]), model=str(model))[0].as_py()
        for text, label in zip(given, labels, strict=True)
    ]
    assert together == alone and None not in together


def test_a_folder_of_models(model: Path, tmp_path: Path) -> None:
    shutil.copy(model, tmp_path / "a.ftz")
    given = pa.array([quality_corpus.rows("hin_Deva", 1, "good")[0]["text"]]), pa.array(["hin_Deva"])
    assert scores(*given, model=str(tmp_path)) == scores(*given, model=str(model))
    assert set(by_language(str(tmp_path))) == set(LABELS)
    shutil.copy(model, tmp_path / "b.ftz")
    with pytest.raises(ModelError, match=r"a.ftz and b.ftz both know "):
        by_language(str(tmp_path))


def _labelled_otherwise(path: Path) -> None:
    lines = path.with_suffix(".txt")
    lines.write_text(f"{GOOD} a b c\n{GOOD} b c d\n" * 20)
    fasttext.train_supervised(str(lines), dim=2, bucket=0, epoch=1, verbose=0).save_model(str(path))
    seal(path, {"languages": {}})


def _other_tokens(model: Path, path: Path) -> None:
    version, quality.TOKENS_VERSION = quality.TOKENS_VERSION, 0
    try:
        path.write_bytes(model.read_bytes())
        seal(path, {"languages": {}})
    finally:
        quality.TOKENS_VERSION = version


@pytest.mark.parametrize("kind", ["missing", "empty", "truncated", "language", "damaged", "labels", "tokens", "folder"])
def test_a_model_that_cannot_be_used(kind: str, model: Path, tmp_path: Path) -> None:
    path, content = tmp_path / "model.ftz", model.read_bytes()
    if kind == "labels":
        _labelled_otherwise(path)
    elif kind == "tokens":
        _other_tokens(model, path)
    elif kind == "folder":
        path.mkdir()
    elif kind != "missing":
        middle = len(content) // 2
        damaged = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        other = (Path(quality.__file__).parent / "models" / "lid-default.ftz").read_bytes()
        given = {"empty": b"", "truncated": content[:middle], "language": other, "damaged": damaged}
        path.write_bytes(given[kind])
    expected = {
        "missing": "cannot be read: No such file",
        "empty": "truncated, or no quality model",
        "truncated": "truncated, or no quality model",
        "language": "truncated, or no quality model",
        "damaged": "damaged: its content is not what was written",
        "labels": "its labels are __label__good; a quality model has __label__good and __label__bad",
        "tokens": "trained on other tokens",
        "folder": "no .ftz file in this folder",
    }
    with pytest.raises(ModelError, match=expected[kind]) as caught:
        by_language(str(path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_model_replaced_is_loaded_anew(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.ftz"
    shutil.copy(model, path)
    assert load(path).languages == set(LABELS)
    path.write_bytes(b"other")
    with pytest.raises(ModelError):
        load(path)


def test_the_card_says_what_was_trained_on(model: Path) -> None:
    card = read_card(model)
    assert set(card["languages"]) == set(LABELS)
    assert all(20 <= counts["good"] < 60 and 20 <= counts["bad"] < 60 for counts in card["languages"].values())
    assert len(card["held_out"]["sources"]) >= 6 and np.isfinite(card["options"]["rate"])


def test_fastText_still_reads_the_file(model: Path) -> None:
    """Any program that loads fastText models can use it, given the tokens."""
    text = quality_corpus.rows("eng_Latn", 1, "good")[0]["text"]
    names, probabilities = fasttext.load_model(str(model)).predict([plainly(text)], k=2)
    ours = scores(pa.array([text]), pa.array(["eng_Latn"]), model=str(model))[0].as_py()
    assert names[0][0] == GOOD and ours == pytest.approx(float(probabilities[0][0]), abs=1e-6)
