import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from filters.columns import METRIC_NAMES, SIGNALS
from filters.segment import segment, words
from filters.signals import GOPHER_STOPWORDS, measure
from tests.filters import reference, texts

STOPWORDS = {"eng_Latn": ("the", "is", "Don't"), "hin_Deva": ("है", "यह"), "tha_Thai": ("ที่", "มาก"), "cmn_Hani": ()}
FLAGGED = {"eng_Latn": ("PANIC", "value"), "hin_Deva": ("वाक्य",)}


def assert_equals_reference(documents: list[str], labels: list[str]) -> None:
    """Every metric of every document, exactly; and not all of them trivial."""
    measured = measure(pa.array(documents, pa.string()), pa.array(labels), stopwords=STOPWORDS, flagged_words=FLAGGED)
    for text, label, row in zip(documents, labels, measured.to_pylist(), strict=True):
        expected = reference.measure(text, STOPWORDS.get(label), FLAGGED.get(label))
        assert expected.keys() == row.keys()
        assert row == expected, {name: (row[name], expected[name]) for name in row if row[name] != expected[name]}


def test_type_is_the_contract() -> None:
    measured = measure(pa.array(["a", None]), pa.array(["eng_Latn", None]))
    assert measured.type == SIGNALS and measured.null_count == 1
    assert measure(pa.array([], pa.string()), pa.array([], pa.string())).type == SIGNALS


def test_samples_equal_reference() -> None:
    assert_equals_reference(list(texts.TEXTS.values()), list(texts.TEXTS))


@pytest.mark.parametrize("text", texts.EDGE_CASES)
def test_edge_cases_equal_reference(text: str) -> None:
    assert_equals_reference([text], ["eng_Latn"])


def test_random_texts_equal_reference() -> None:
    documents = texts.random_texts(400, seed=2)
    assert_equals_reference(documents, ["hin_Deva"] * len(documents))


def test_repetitive_random_texts_equal_reference() -> None:
    """Few words and lines, so that every repetition metric has ties and overlaps."""
    generator = np.random.default_rng(5)
    choices = np.array(["a", "ab", "b", "ba", ".", "the", "\n", "\n\n", "है", "ab\n"])
    documents = [" ".join(generator.choice(choices, size=generator.integers(5, 150))) for _ in range(150)]
    assert_equals_reference(documents, ["eng_Latn"] * len(documents))
    measured = measure(pa.array(documents), pa.array(["eng_Latn"] * len(documents))).flatten()
    varied = [name for name, column in zip(METRIC_NAMES, measured, strict=True) if len(set(column.to_pylist())) > 20]
    assert {f"duplicate_{n}gram_character_ratio" for n in range(5, 8)} <= set(varied)
    assert "top_4gram_character_ratio" in varied and "repeated_5gram_ratio" in varied


def test_counts_in_a_small_text() -> None:
    text = "One two. Three!\n\n- four...\n• five #\nOne two. Three!"
    row = measure(pa.array([text]), pa.array(["eng_Latn"]))[0].as_py()
    assert (row["lines"], row["sentences"], row["stopwords"]) == (4, 6, 0)
    assert row["bullet_line_ratio"] == 2 / 5 and row["ellipsis_line_ratio"] == 1 / 5
    assert row["duplicate_line_ratio"] == 1 / 4 and row["duplicate_line_character_ratio"] == 15 / len(text)
    assert row["hash_word_ratio"] == 1 / row["words"] and row["terminal_punctuation_line_ratio"] == 3 / 4


@pytest.mark.parametrize(
    ("text", "script_ratio", "foreign"),
    [
        ("コーヒーと漢字", 1.0, 0.0),  # Han and kana are one script, the length mark is none
        ("हिन्दी abc", 3 / 6, 0.0),  # Latin is never foreign; equals: the first by code
        ("हिन्दी भाषा Москва", 5 / 11, 5 / 11),
        ("123 !?", None, None),
    ],
)
def test_scripts(text: str, script_ratio: float | None, foreign: float | None) -> None:
    row = measure(pa.array([text]), pa.array(["und_Zzzz"]))[0].as_py()
    assert (row["script_ratio"], row["foreign_letter_ratio"]) == (script_ratio, foreign)


def test_blank_texts_have_counts_and_no_ratios() -> None:
    for text in ("", " \n\t"):
        row = measure(pa.array([text]), pa.array(["eng_Latn"]))[0].as_py()
        assert row["words"] == row["lines"] == row["sentences"] == row["stopwords"] == 0
        assert row["mean_word_length"] is None and row["alphabetic_word_ratio"] is None
        assert row["short_line_ratio"] is None and row["script_ratio"] is None


def test_stopwords_default_to_english_only() -> None:
    labels = pa.array(["eng_Latn", "hin_Deva", None])
    found = measure(pa.array(["to be or not to be, That is the", "to be", "to be"]), labels).field("stopwords")
    assert found.to_pylist() == [3.0, None, None]  # "That" is not "that"
    assert len(GOPHER_STOPWORDS["eng_Latn"]) == 8


def test_flagged_words_ignore_case_and_composition() -> None:
    given = {"fra_Latn": ("ÉTÉ",)}
    found = measure(pa.array(["e\u0301te\u0301 ici", "été"]), pa.array(["fra_Latn", "eng_Latn"]), flagged_words=given)
    assert found.field("flagged_word_ratio").to_pylist() == [0.5, None]


def test_segments_are_reused() -> None:
    text, language = pa.array(["a b", None, "ภาษาไทย"]), pa.array(["eng_Latn", "eng_Latn", "tha_Thai"])
    assert measure(text, language, segments=segment(text)).equals(measure(text, language))


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 texts but 1 languages"):
        measure(pa.array(["a", "b"]), pa.array(["eng_Latn"]))


@pytest.mark.parametrize("unit", ["a", "ก", "a ", "\n", "-\n", "ab. "])
def test_huge_monotonous_text(unit: str) -> None:
    text = unit * ((3 << 20) // len(unit))
    row = measure(pa.array([text, "fine"]), pa.array(["eng_Latn"] * 2))
    first, second = row.to_pylist()
    assert first["characters"] == len(text) and second["characters"] == 4
    assert first["repeated_character_10gram_ratio"] > 0.5 / len(unit)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "label", "limit", "step"),
    [
        ("raw/wikipedia_hi.jsonl.gz", "hin_Deva", 25, 60),
        ("raw/wikipedia_ta.jsonl.gz", "tam_Taml", 25, 60),
        ("raw/wikipedia_ur.jsonl.gz", "urd_Arab", 25, 70),
        ("text/masakhanews.jsonl.gz", "eng_Latn", 60, 38),
        ("text/xquad_contexts.jsonl.gz", "eng_Latn", 84, 4),
        ("text/ntrex128.jsonl.gz", "eng_Latn", 130, 63),
    ],
)
def test_real_text_equals_reference(shared: Path, path: str, label: str, limit: int, step: int) -> None:
    records = texts.read_jsonl(shared / path, limit, step=step)
    documents = [body(record)[:4000] for record in records]
    assert len(documents) >= 20
    assert_equals_reference(documents, [label] * len(documents))


def body(record: dict) -> str:
    return record.get("text") or "\n".join(record.get("lines") or record["paragraphs"])


def datatrove_reasons(filters: list, text: str) -> dict[str, bool]:
    from datatrove.data import Document

    return {type(each).__name__: each.filter(Document(text=text, id="")) for each in filters}


@pytest.fixture
def datatrove(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], dict[str, float]]:
    """datatrove's own filters, one metric at a time: raised cutoffs until just that metric decides."""
    fineweb = pytest.importorskip("datatrove.pipeline.filters.fineweb_quality_filter")
    quality = pytest.importorskip("datatrove.pipeline.filters.gopher_quality_filter")
    repetition = pytest.importorskip("datatrove.pipeline.filters.gopher_repetition_filter")
    for module in (fineweb, quality, repetition):
        monkeypatch.setattr(module, "split_into_words", lambda text, language: words(text))
    return lambda text, metric: decide(text, metric, fineweb, quality, repetition)
