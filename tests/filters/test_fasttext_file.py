"""Model files that are damaged, cut short or something else: a line that says so, and never fastText's loader."""

import pickle
import random
import struct
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest

from filters.fasttext_file import labels, load
from filters.language import identify, known_labels, model_path

# fastText 0.9.3 sets a tenth of its table a thread, rounded down, and leaves the rest as it was: NaN, now and then.
# So ten threads, and ten dimensions.
THREADS = 10
WORDS = ["नदी", "यहाँ", "चौड़ी", "है", "river", "wide", "here", "joki", "leveä", "täällä", "川", "広い"]


def _text(folder: Path) -> Path:
    chance = random.Random(1)
    names = ("hin_Deva", "fin_Latn")
    lines = [f"__label__{chance.choice(names)} {' '.join(chance.choices(WORDS, k=8))}\n" for _ in range(300)]
    path = folder / "text.txt"
    path.write_text("".join(lines), "utf-8")
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every layout that fastText saves: plain, quantised, pruned, with norms, with a quantised output, word vectors."""
    folder = tmp_path_factory.mktemp("models")
    text, found = str(_text(folder)), {}
    table = {"dim": 10, "bucket": 5000, "minn": 1, "maxn": 3, "thread": THREADS, "verbose": 0, "epoch": 1}
    kinds = {
        "dense": {},
        "quantised": {"qnorm": False},
        "pruned": {"qnorm": True, "cutoff": 300},
        "quantised_output": {"qnorm": True, "qout": False, "dsub": 3},
    }
    for name, options in kinds.items():
        model = fasttext.train_supervised(text, **table)
        if name != "dense":
            model.quantize(text, **{"retrain": False} | options)
        found[name] = folder / f"{name}.bin"
        model.save_model(str(found[name]))
    plain = fasttext.train_supervised(text, dim=10, minn=0, maxn=0, thread=THREADS, verbose=0, epoch=1)
    plain.save_model(str(folder / "words.bin"))
    vectors = fasttext.train_unsupervised(text, **table | {"minCount": 1})
    vectors.save_model(str(folder / "vectors.bin"))
    return found | {"words": folder / "words.bin", "vectors": folder / "vectors.bin"}


@pytest.mark.parametrize("name", ["dense", "quantised", "pruned", "quantised_output", "words"])
def test_what_fasttext_saves_is_whole(models: dict[str, Path], name: str) -> None:
    assert sorted(labels(models[name])) == ["__label__fin_Latn", "__label__hin_Deva"]
    assert sorted(load(models[name]).get_labels()) == sorted(labels(models[name]))


def test_the_shipped_model_is_whole() -> None:
    path = model_path("default")
    assert list(labels(path)) == load(path).get_labels() and len(labels(path)) == 188


def test_word_vectors_are_no_classifier(models: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match=r"vectors\.bin holds word vectors, not a classifier; give a classifier"):
        labels(models["vectors"])


@pytest.mark.parametrize("name", ["pruned", "words"])
def test_a_file_cut_short_anywhere_is_damaged(models: dict[str, Path], name: str, tmp_path: Path) -> None:
    content, chance = models[name].read_bytes(), random.Random(2)
    for at, size in enumerate(
        [1, 7, 8, 60, 64, len(content) - 1, *(chance.randrange(len(content)) for _ in range(60))]
    ):
        cut = tmp_path / f"{at}.ftz"
        cut.write_bytes(content[:size])
        with pytest.raises(ValueError, match=rf"{at}\.ftz is (truncated or )?(damaged|no fastText model)"):
            load(cut)
    longer = tmp_path / "longer.ftz"
    longer.write_bytes(content + b"\0")
    with pytest.raises(ValueError, match="1 bytes after its end"):
        load(longer)


def test_numbers_that_would_send_the_loader_astray_are_refused(models: dict[str, Path], tmp_path: Path) -> None:
    """Each 32-bit number at both ends set to extremes. Those that pass were loaded once by hand: none crashed."""
    content, refused = models["pruned"].read_bytes(), 0
    sizes = [*range(8, 92, 4), *(len(content) - each for each in range(4, 130, 4))]
    for at in sizes:
        for value in (-1, 0, 2**31 - 1, 1 << 20):
            path = tmp_path / f"{at}_{value}.ftz"
            path.write_bytes(content[:at] + struct.pack("<i", value) + content[at + 4 :])
            try:
                labels(path)
            except ValueError as error:
                refused += 1
                assert str(path) in str(error) and "\n" not in str(error)
    assert refused > 30


def test_a_pruned_ngram_must_stay_inside_the_table(models: dict[str, Path], tmp_path: Path) -> None:
    content = bytearray(models["pruned"].read_bytes())
    at = 8 + 12 * 4 + 8
    size, _, _, _, pruned = struct.unpack_from("<3i2q", content, at)
    place = at + 28
    for _ in range(size):
        place = content.index(b"\0", place) + 10
    assert pruned > 100
    struct.pack_into("<i", content, place + 4, pruned)
    (tmp_path / "far.ftz").write_bytes(content)
    with pytest.raises(ValueError, match=r"far\.ftz is damaged: a pruned n-gram points outside the table"):
        load(tmp_path / "far.ftz")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (pickle.dumps({"weights": [1.0]}), "a pickle"),
        (b"nur ein Text\n", "a text file"),
        ("यह एक पाठ है\n".encode(), "a text file"),
        (b"3000000 300\n</s> \x00\x01\xff", "word vectors in word2vec's format"),
        (b"2 3\nriver 0.1 0.2 0.3\n", "word vectors in word2vec's format"),
        (b"PK\x03\x04" + b"\0" * 60, "a zip archive"),
        (b"\x1f\x8b\x08" + b"\0" * 60, "compressed by gzip: unpack it"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer: fetch the file itself"),
        (b"<!doctype html><title>404</title>", "a page of HTML or XML: the download failed"),
        (np.zeros(100).tobytes() + b"\xff", "of another kind"),
        (b"\xba\x16", "of another kind"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "model.ftz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.ftz is no fastText model: it seems to be ") as error:
        identify(pa.array(["text"]), model=str(path))
    assert kind in str(error.value) and str(error.value).endswith(
        "give a classifier that fastText saved (.bin or .ftz)"
    )


def test_an_empty_file_and_another_version(tmp_path: Path, models: dict[str, Path]) -> None:
    (tmp_path / "empty.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty\.bin is empty: give a classifier"):
        labels(tmp_path / "empty.bin")
    (tmp_path / "new.bin").write_bytes(struct.pack("<2i", 793712314, 13))
    with pytest.raises(ValueError, match="of version 13; known are 11 and 12"):
        labels(tmp_path / "new.bin")


def test_a_classifier_of_something_else_is_no_language_model(tmp_path: Path) -> None:
    text = _text(tmp_path)
    text.write_text(text.read_text("utf-8").replace("hin_Deva", "good page").replace("fin_Latn", "5_stars"), "utf-8")
    model = fasttext.train_supervised(str(text), dim=10, thread=THREADS, verbose=0, epoch=1)
    model.save_model(str(tmp_path / "stars.bin"))
    with pytest.raises(ValueError, match=r"stars\.bin: none of its 2 labels names a language \(__label__"):
        known_labels(str(tmp_path / "stars.bin"))
