"""Training, evaluating and using language models, on two invented languages that are easy to tell apart."""

import gzip
import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate import lid
from curate.lid import Evaluation, TrainingOptions, evaluate, evaluate_files, predict, tables, train
from curate.lid_corpus import Document, contradicted, held_out, read, read_all
from filters.language import RemoteModel, known_labels
from tests.benchmarks.language import expected_label

SMALL = TrainingOptions(
    characters=60_000, minimum=2000, buckets=600_000, rows=2000, epochs=5, minimum_count=2, longest=400, retrain=False
)
WORDS = {
    "hin_Latn": [
        "nadi",
        "yahan",
        "chaudi",
        "hai",
        "aur",
        "pani",
        "saaf",
        "bahut",
        "mausam",
        "achha",
        "gaon",
        "mein",
        "log",
        "kheti",
        "karte",
        "hain",
    ],
    "fin_Latn": [
        "joki",
        "on",
        "leveä",
        "täällä",
        "ja",
        "vesi",
        "kirkasta",
        "sää",
        "hyvä",
        "kylässä",
        "ihmiset",
        "viljelevät",
        "maata",
    ],
    "hin_Deva": [
        "नदी",
        "यहाँ",
        "चौड़ी",
        "है",
        "और",
        "पानी",
        "साफ़",
        "बहुत",
        "मौसम",
        "अच्छा",
        "गाँव",
        "में",
        "लोग",
        "खेती",
        "करते",
        "हैं",
    ],
}


def _write(path: Path, rows: list[dict]) -> Path:
    opened = gzip.open(path, "wt", encoding="utf-8") if path.suffix == ".gz" else path.open("w", encoding="utf-8")  # noqa: SIM115
    with opened as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance = random.Random(1)
    rows = [
        {
            "id": f"{name}/{i}",
            "language": name,
            "text": "\n".join(" ".join(chance.choices(words, k=8)) for _ in range(5)),
        }
        for name, words in WORDS.items()
        for i in range(60)
    ]
    return _write(tmp_path_factory.mktemp("lid") / "corpus.jsonl.gz", rows)


@pytest.fixture(scope="module")
def model(corpus: Path) -> Path:
    path = corpus.parent / "small.ftz"
    sizes = train([str(corpus)], path, SMALL)
    assert set(sizes) == set(WORDS) and all(size >= SMALL.minimum for size in sizes.values())
    return path


def test_training_is_reproducible(corpus: Path, model: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.ftz"
    train([str(corpus)], again, SMALL)
    assert again.read_bytes() == model.read_bytes()
    train([str(corpus)], again, replace(SMALL, seed=2))
    assert again.read_bytes() != model.read_bytes()


def test_the_trained_model_is_right_on_the_held_out_part(corpus: Path, model: Path) -> None:
    evaluation = evaluate_files([str(corpus)], model=str(model))
    expected = sum(held_out(each.key) for each in read(corpus))
    assert evaluation.pairs.total() == expected > 20 and evaluation.skipped == 0
    assert evaluation.macro_f1 == evaluation.accuracy == 1.0
    sentences = evaluate_files([str(corpus)], model=str(model), sentences=True)
    assert sentences.pairs.total() == 5 * expected and sentences.accuracy > 0.95


def test_held_out_documents_are_never_trained_on(corpus: Path) -> None:
    kept = "\n".join(text for each in lid._training_documents([str(corpus)], SMALL).values() for text in each)
    sides = {held_out(document.key): 0 for document in read(corpus)}
    for document in read(corpus):
        sides[held_out(document.key)] += 1
        assert ("\n".join(document.paragraphs) in kept) == (not held_out(document.key))
    assert sides[True] > 20 and sides[False] > 100


def test_held_out_is_a_fifth_and_fixed() -> None:
    share = sum(held_out(f"wiki/{i}") for i in range(10_000)) / 10_000
    assert 0.18 < share < 0.22
    assert not any(held_out(f"udhr/{i}") for i in range(200))
    assert [held_out(f"wiki/{i}") for i in range(8)] == [held_out(f"wiki/{i}") for i in range(8)]


def test_examples_follow_the_budget_and_hold_one_line_each() -> None:
    texts = {"fin_Latn": ["joki on leveä\ntäällä </s> __label__x " * 200], "hin_Deva": ["नदी यहाँ चौड़ी है\n" * 1000]}
    options = replace(SMALL, characters=20_000, repeats=2)
    lines = lid.examples(texts, options)
    assert lines == lid.examples(texts, options)
    for line in lines:
        assert line.startswith(("__label__fin_Latn ", "__label__hin_Deva ")) and line.index("\n") == len(line) - 1
        assert line.count("__label__") == 1 and "</s>" not in line
    written = {name: sum(len(line) for line in lines if name in line) for name in texts}
    assert 5000 < written["fin_Latn"] < written["hin_Deva"] < 20_000 + 2 * options.longest


def test_short_texts_are_packed_and_long_ones_left() -> None:
    packed = lid._packed(["a" * 10] * 300 + ["b" * 5000])
    assert [len(text) for text in packed] == [1506, 1506, 5000 + 26 * 11]
    assert "\n".join(packed).replace("\n", "") == "a" * 3000 + "b" * 5000
    assert lid._packed([]) == [] and lid._packed(["x"]) == ["x"]


def test_budgets_favour_the_rare_but_do_not_repeat_them_endlessly() -> None:
    budgets = lid._budgets({"a": 1_000_000, "b": 10_000, "c": 10}, replace(SMALL, characters=200_000, repeats=3))
    assert 5 < budgets["a"] / budgets["b"] < 10, "their texts are as 100 to 1"
    assert budgets["b"] > 10_000 and budgets["c"] == 30


def test_too_large_a_model_and_unknown_classes_are_errors(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bytes, the limit is 1,000: take fewer `rows`"):
        train([str(corpus)], tmp_path / "m.ftz", replace(SMALL, maximum_bytes=1000))
    with pytest.raises(ValueError, match="no text for tam_Taml"):
        train([str(corpus)], tmp_path / "m.ftz", replace(SMALL, keep=("tam_Taml",)))
    with pytest.raises(FileNotFoundError, match="no input at"):
        list(read_all([str(tmp_path / "*.jsonl")]))


def test_a_table_that_fasttext_would_leave_uninitialised_is_refused() -> None:
    with pytest.raises(ValueError, match=r"buckets=5000 with dimension=16: take at least 524288"):
        replace(SMALL, buckets=5000)


def test_rows_without_text_or_language_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"row 0: needs the fields `text` and `language`; it has text, lang"):
        list(read(_write(tmp_path / "a.jsonl", [{"text": "x", "lang": "hi"}])))
    (tmp_path / "b.jsonl").write_text('{"text": \n')
    with pytest.raises(ValueError, match=r"b\.jsonl line 1: not JSON"):
        list(read(tmp_path / "b.jsonl"))


def test_shards_are_labelled_text(tmp_path: Path) -> None:
    table = {
        "id": ["k"],
        "language": ["hin"],
        "language_script": ["Latn"],
        "text": ["nadi yahan\n\nchaudi hai"],
        "x": [1],
    }
    pq.write_table(pa.table(table), tmp_path / "shard.parquet")
    assert list(read(tmp_path / "shard.parquet")) == [Document("hin_Latn", "k", ("nadi yahan", "chaudi hai"))]


def test_a_page_and_its_native_sentences_share_a_key(tmp_path: Path) -> None:
    rows = [{"lang": "hi", "page_id": "7", "native": "नदी चौड़ी है।", "roman": "nadi chaudi hai"}] * 2
    native, roman = read(_write(tmp_path / "dakshina_sentences.jsonl.gz", rows))
    (page,) = read(_write(tmp_path / "wikipedia_hi.jsonl.gz", [{"lang": "hi", "page_id": "7", "text": "नदी\nचौड़ी"}]))
    assert (native.label, native.key) == (page.label, page.key) == ("hin_Deva", "wiki/7")
    assert (roman.label, roman.key, len(roman.paragraphs)) == ("hin_Latn", "roman/7", 2)


def test_contradicted_documents_are_seen() -> None:
    assert contradicted(Document("pan_Guru", "a", ("An English page among Punjabi ones",)))
    assert not contradicted(Document("pan_Guru", "a", ("ਇੱਥੇ ਦਰਿਆ ਚੌੜਾ ਹੈ (river)",)))


def test_evaluation_counts_by_hand() -> None:
    documents = [Document("hin_Deva", str(i), ("नदी यहाँ चौड़ी है और पानी बहुत साफ़ है",)) for i in range(3)]
    documents += [Document("mar_Deva", "m", ("नदी यहाँ चौड़ी है और पानी बहुत साफ़ है",)), Document("qqq_Latn", "q", ("x y",))]
    found = evaluate(documents)
    assert found.pairs == {("hin_Deva", "hin_Deva"): 3, ("mar_Deva", "hin_Deva"): 1} and found.skipped == 1
    assert found.accuracy == 0.75 and found.f1() == {"hin_Deva": pytest.approx(6 / 7), "mar_Deva": 0.0}
    assert found.macro_f1 == pytest.approx(3 / 7) and found.confusions() == [("mar_Deva", "hin_Deva", 1)]
    assert [len(table.rows) for table in tables(found)] == [1, 2, 1]
    assert Evaluation(found.pairs.__class__(), 0).macro_f1 == 0.0


def test_predict_answers_line_by_line() -> None:
    lines = ["नदी यहाँ चौड़ी है और पानी बहुत साफ़ है\n", "\n", "The river is wide here and its water is very clear\n"] * 400
    answers = list(predict(lines))
    assert [each["text"] for each in answers] == [line.rstrip("\n") for line in lines]
    assert [each["language"] for each in answers] == ["hin", "und", "eng"] * 400


def test_fetch_checks_what_it_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "published").write_bytes(b"model")
    url, digest = f"file://{tmp_path}/published", hashlib.sha256(b"model").hexdigest()
    monkeypatch.setenv("MULTICURATE_MODELS", str(tmp_path / "models"))
    monkeypatch.setitem(lid.REMOTE_MODELS, "good", RemoteModel("good.bin", url, digest))
    monkeypatch.setitem(lid.REMOTE_MODELS, "bad", RemoteModel("bad.bin", url, "0" * 64))
    assert lid.fetch("good").read_bytes() == b"model" and lid.fetch("good") == tmp_path / "models" / "good.bin"
    with pytest.raises(ValueError, match=f"sha256 {digest}, expected 000"):
        lid.fetch("bad")
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["good.bin"]
    with pytest.raises(ValueError, match=r"unknown model 'x': `fetch` knows lid\.176, glotlid"):
        lid.fetch("x")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("hin", "hin_Deva"), ("hi", "hin_Deva"), ("hi-latn", "hin_Latn"), ("eng-us", "eng_Latn"), ("spa-2", "spa_Latn"),
     ("srp-cyrl", "srp_Cyrl"), ("zho-cn", "cmn_Hani"), ("aze-latn", "azj_Latn"), ("shi", "shi_Arab"), ("pcm", "pcm_Latn")],
)  # fmt: skip
def test_labels_in_host_names_of_test_crawls(host: str, expected: str) -> None:
    assert expected_label(host) == expected


@pytest.mark.shared
def test_the_default_model_on_held_out_pages(shared: Path) -> None:
    """A sample of what the benchmark measures in full."""
    names = ("text/xquad_contexts.jsonl.gz", "text/masakhanews.jsonl.gz", "raw/wikipedia_mr.jsonl.gz")
    found = evaluate_files([str(shared / name) for name in names])
    assert found.pairs.total() > 800 and found.skipped == 0 and found.accuracy >= 0.97
    assert len(known_labels()) >= 120
