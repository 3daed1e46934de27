import math
import random
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from filters.columns import METRIC_NAMES, SIGNALS
from filters.ngrams import PARTITION
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
    documents = [
        " ".join(generator.choice(choices[: generator.integers(2, 11)], size=generator.integers(5, 150)))
        for _ in range(150)
    ]
    assert_equals_reference(documents, ["eng_Latn"] * len(documents))
    measured = measure(pa.array(documents), pa.array(["eng_Latn"] * len(documents))).flatten()
    varied = [name for name, column in zip(METRIC_NAMES, measured, strict=True) if len(set(column.to_pylist())) > 5]
    assert {f"duplicate_{n}gram_character_ratio" for n in range(5, 8)} <= set(varied)
    assert "top_4gram_character_ratio" in varied and "repeated_5gram_ratio" in varied


def joined_at_random(words: list[str], count: int, seed: int) -> list[str]:
    """Texts of these words that repeat whole passages, sometimes with other spaces or none between the words."""
    generator = random.Random(seed)
    documents = []
    for _ in range(count):
        tokens = generator.choices(words, k=generator.randrange(4, 40))
        for _ in range(generator.randrange(4)):
            start = generator.randrange(len(tokens))
            tokens += tokens[start : start + generator.randrange(1, 40)]
        spaces = ["", *[" ", "  ", "\n"] * generator.choice([1, 10, 100])]
        documents.append("".join(token + generator.choice(spaces) for token in tokens))
    return documents


@pytest.mark.parametrize(
    "words",
    [
        ["can", "not", "cannot", "notcan", "x"],  # n-grams of one text and other words, at every length
        ["abcdef", "abc", "def", "abcdefabc", "defabcdef"],  # the same, longer than what prunes them
        ["a", "aa", "aaa", "aaaaaaa"],
        ["भारत", "भार", "त", "में", "तमें"],
        [".", "a.b", "1.5", "...", "don't", "t", "don"],
    ],
)
def test_equal_texts_of_different_words_equal_reference(words: list[str]) -> None:
    documents = joined_at_random(words, 250, seed=len(words[0]))
    assert_equals_reference(documents, ["eng_Latn"] * len(documents))
    tokens = [reference.words(text) for text in documents]
    assert all(sum(reference.duplicate_ngram(each, n) > 0 for each in tokens) > 20 for n in range(5, 11))
    assert any(reference.duplicate_ngram(each, 5) > 0 == spelled(each, 5) for each in tokens), "words never differed"


def spelled(tokens: list[str], n: int) -> int:
    """Characters of duplicate n-grams, if words had to agree."""
    return reference.duplicate_ngram([token + " " for token in tokens], n)


def test_words_cut_differently_make_duplicates() -> None:
    """These 6-grams are equal as text only, and the 5-grams they begin with are not equal at all."""
    text = "wecan not goon to days o then we cannot go on today so"
    row = measure(pa.array([text]), pa.array(["eng_Latn"]))[0].as_py()
    assert row["duplicate_6gram_character_ratio"] == len("wecannotgoontodayso") / len(text)
    assert row["duplicate_5gram_character_ratio"] == 0 == row["repeated_5gram_ratio"]


@pytest.mark.parametrize("words", [1, 2, 3, 7])
def test_long_repeated_runs_equal_reference(words: int) -> None:
    """One phrase over and over, and then again with a word more."""
    phrase = [f"word{i}" for i in range(words)]
    documents = [" ".join(phrase * 400), " ".join((phrase * 50 + ["more"]) * 8), "\n\n".join([" ".join(phrase)] * 300)]
    assert_equals_reference(documents, ["eng_Latn"] * len(documents))


def test_lines_and_paragraphs_equal_reference() -> None:
    """Every kind of line end and space around repeated lines."""
    generator = random.Random(9)
    pieces = ["\n", "\n", "\n\n", "\n\n\n", "\r\n", "\r", " ", "\t", "\x0b", "\x1c", "\x85", "\u2028", "\x00"]
    pieces += ["- one", "two...", "three…", "• four.", "a" * 31, "a" * 30, "long line " * 130]
    documents = ["".join(generator.choices(pieces, k=generator.randrange(1, 25))) for _ in range(400)]
    assert_equals_reference(documents, ["eng_Latn"] * len(documents))


def test_character_ngrams_of_a_text_in_several_parts() -> None:
    generator = random.Random(4)
    passages = ["".join(generator.choices("abcdefgh ", k=500)) for _ in range(1500)]
    text = "".join(generator.choices(passages, k=2 * PARTITION // 500 + 300))
    assert len(text) > 2 * PARTITION
    row = measure(pa.array([text]), pa.array(["eng_Latn"]))[0].as_py()
    grams = Counter(text[i : i + 10] for i in range(len(text) - 9))
    top = sum(count for _, count in grams.most_common(math.isqrt(len(grams))))
    assert row["repeated_character_10gram_ratio"] == top / (len(text) - 9)


def test_bytes_that_are_not_utf8_disturb_no_other_document() -> None:
    generator = random.Random(3)
    hostile = [b"\xff\xfe caf\xc3", b"\xe0\xb8", *(generator.randbytes(300) for _ in range(30))]
    mixed = [piece for each in hostile for piece in (each, b"One two. Three!")]
    rows = measure(pa.array(mixed, pa.binary()).view(pa.string()), pa.array(["eng_Latn"] * len(mixed))).to_pylist()
    alone = measure(pa.array(["One two. Three!"]), pa.array(["eng_Latn"]))[0].as_py()
    assert all(row == alone for row in rows[1::2])


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
        ("हिन्दी भाषा Москва", 6 / 11, 5 / 11),
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


# our metric -> datatrove's filter, the reason it gives, the cutoff's name, and whether it drops above or below it
DATATROVE: dict[str, tuple[str, str, str, str]] = {
    "duplicate_line_ratio": ("repetition", "dup_line_frac", "dup_line_frac", "above"),
    "duplicate_line_character_ratio": ("repetition", "dup_line_char_frac", "dup_line_char_frac", "above"),
    "duplicate_paragraph_ratio": ("repetition", "dup_para_frac", "dup_para_frac", "above"),
    "duplicate_paragraph_character_ratio": ("repetition", "dup_para_char_frac", "dup_para_char_frac", "above"),
    **{f"top_{n}gram_character_ratio": ("repetition", f"top_{n}_gram", f"top_n_grams/{n}", "above") for n in (2, 3, 4)},
    **{
        f"duplicate_{n}gram_character_ratio": ("repetition", f"duplicated_{n}_n_grams", f"dup_n_grams/{n}", "above")
        for n in range(5, 11)
    },
    "non_symbol_words": ("quality", "gopher_short_doc", "min_doc_words", "below"),
    "mean_word_length": ("quality", "gopher_above_avg_threshold", "max_avg_word_length", "above"),
    "hash_word_ratio": ("quality", "gopher_too_many_hashes", "max_symbol_word_ratio", "above"),
    "ellipsis_word_ratio": ("quality", "gopher_too_many_ellipsis", "max_symbol_word_ratio", "above"),
    "bullet_line_ratio": ("quality", "gopher_too_many_bullets", "max_bullet_lines_ratio", "above"),
    "ellipsis_line_ratio": ("quality", "gopher_too_many_end_ellipsis", "max_ellipsis_lines_ratio", "above"),
    "alphabetic_word_ratio": ("quality", "gopher_below_alpha_threshold", "max_non_alpha_words_ratio", "below"),
    "stopwords": ("quality", "gopher_enough_stop_words", "min_stop_words", "below"),
    "terminal_punctuation_line_ratio": ("fineweb", "line_punct_ratio", "line_punct_thr", "below"),
    "short_line_ratio": ("fineweb", "short_line_ratio", "short_line_thr", "above"),
    "duplicate_nonblank_line_character_ratio": ("fineweb", "char_dup_ratio", "char_duplicates_ratio", "above"),
    "newline_word_ratio": ("fineweb", "list_ratio", "new_line_ratio", "above"),
}
OFF: dict[str, dict] = {
    "repetition": {
        **dict.fromkeys(("dup_line_frac", "dup_para_frac", "dup_line_char_frac", "dup_para_char_frac")),
        "top_n_grams": (),
        "dup_n_grams": (),
    },
    "quality": dict.fromkeys(
        ("min_doc_words", "max_doc_words", "min_avg_word_length", "max_avg_word_length", "max_symbol_word_ratio",
         "max_bullet_lines_ratio", "max_ellipsis_lines_ratio", "max_non_alpha_words_ratio", "min_stop_words")
    ),
    "fineweb": {
        "line_punct_thr": -1.0, "short_line_thr": 2.0, "char_duplicates_ratio": 2.0, "new_line_ratio": float("inf")
    },
}  # fmt: skip


def cutoff_just(side: str, metric_value: float, drop: bool) -> float:
    """A cutoff at the value itself (kept by both directions), or the next float past it (dropped)."""
    if not drop:
        return metric_value
    return float(np.nextafter(metric_value, -np.inf if side == "above" else np.inf))


def datatrove_drops(filters: dict[str, type], metric: str, cutoff: float, text: str) -> bool:
    """datatrove's verdict with this one cutoff on; any reason but the metric's own fails."""
    from datatrove.data import Document

    which, reason, option, _ = DATATROVE[metric]
    name, _, n = option.partition("/")
    configured = filters[which](**{**OFF[which], name: ((int(n), cutoff),) if n else cutoff})
    verdict = configured.filter(Document(text=text, id=""))
    assert verdict is True or verdict[1] in (reason, "gopher_too_many_hashes"), verdict
    return verdict is not True and verdict[1] == reason


@pytest.fixture
def datatrove_filters(monkeypatch: pytest.MonkeyPatch) -> dict[str, type]:
    """datatrove's classes, splitting words as we do: spaCy and the like are not needed then."""
    root = "datatrove.pipeline.filters."
    names = {
        "repetition": ("gopher_repetition_filter", "GopherRepetitionFilter"),
        "quality": ("gopher_quality_filter", "GopherQualityFilter"),
        "fineweb": ("fineweb_quality_filter", "FineWebQualityFilter"),
    }
    remembered = lru_cache(maxsize=1)(words)
    found = {}
    for key, (module_name, class_name) in names.items():
        module = pytest.importorskip(root + module_name)
        monkeypatch.setattr(module, "split_into_words", lambda text, language: remembered(text))
        found[key] = getattr(module, class_name)
    return found


def parity(filters: dict[str, type], documents: list[str]) -> int:
    """Check that datatrove's numbers are ours, bit for bit: kept at our value, dropped one float past it.

    The number of comparisons.
    """
    compared = 0
    measured = measure(pa.array(documents), pa.array(["eng_Latn"] * len(documents)))
    for text, row in zip(documents, measured.to_pylist(), strict=True):
        for metric, (_, _, _, side) in DATATROVE.items():
            ours = row[metric]
            # a cutoff of 0 turns datatrove's Gopher tests off, and an ellipsis is hidden behind more hashes
            if not ours or (metric == "ellipsis_word_ratio" and row["hash_word_ratio"] >= ours):
                continue
            assert not datatrove_drops(filters, metric, cutoff_just(side, ours, False), text), (metric, ours, text[:80])
            assert datatrove_drops(filters, metric, cutoff_just(side, ours, True), text), (metric, ours, text[:80])
            compared += 1
    return compared


def parity_documents(shared: Path) -> dict[str, list[str]]:
    """Real documents by language, and repetitive ones made of them."""
    found: dict[str, list[str]] = {}
    for record in texts.read_jsonl(shared / "text/ntrex128.jsonl.gz", 10_000):
        if record["lang"] in PARITY_LANGUAGES:
            found.setdefault(record["lang"], []).append("\n".join(record["lines"]))
    return found


PARITY_LANGUAGES = (
    "eng", "hin", "tam", "urd", "arb", "tha", "jpn", "zho-CN", "kor", "mya", "lao", "bod", "rus", "ell", "heb", "tir",
)  # fmt: skip


@pytest.mark.shared
def test_parity_with_datatrove(shared: Path, datatrove_filters: dict[str, type]) -> None:
    found = parity_documents(shared)
    assert len(found) == len(PARITY_LANGUAGES)
    for documents in found.values():
        sample = [text[:3000] for text in documents[:4]]
        sample += [f"{text[:300]}\n\n- {text[:200]}...\n# {text[:300]}" for text in documents[:3]]
        assert parity(datatrove_filters, sample) > 80
