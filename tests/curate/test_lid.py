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

from curate.lid import hard, sampling, training, use
from curate.lid.comparison import tables
from curate.lid.corpus import Document, contradicted, for_calibration, held_out, read, read_all
from curate.lid.evaluation import Evaluation, evaluate, evaluate_files
from curate.lid.sampling import TrainingOptions, select
from curate.lid.training import train
from filters.ensemble import Calibration
from filters.labels import PREFIX
from filters.language import RemoteModel, calibration_path, known_labels, model_path
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
    chosen = train([str(corpus)], path, SMALL)
    assert set(chosen.texts) == set(WORDS) and all(size >= SMALL.minimum for size in chosen.characters.values())
    assert chosen.notes() == []
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
    kept = "\n".join(text for each in select(read(corpus), SMALL).texts.values() for text in each)
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
    lines = sampling.examples(texts, options)
    assert lines == sampling.examples(texts, options)
    for line in lines:
        assert line.startswith(("__label__fin_Latn ", "__label__hin_Deva ")) and line.index("\n") == len(line) - 1
        assert line.count("__label__") == 1 and "</s>" not in line
    written = {name: sum(len(line) for line in lines if name in line) for name in texts}
    assert 5000 < written["fin_Latn"] < written["hin_Deva"] < 20_000 + 2 * options.longest


def test_short_texts_are_packed_and_long_ones_left() -> None:
    packed = sampling._packed(["a" * 10] * 300 + ["b" * 5000])
    assert [len(text) for text in packed] == [1506, 1506, 5000 + 26 * 11]
    assert "\n".join(packed).replace("\n", "") == "a" * 3000 + "b" * 5000
    assert sampling._packed([]) == [] and sampling._packed(["x"]) == ["x"]


def test_budgets_favour_the_rare_but_do_not_repeat_them_endlessly() -> None:
    budgets = sampling.budgets({"a": 1_000_000, "b": 10_000, "c": 10}, replace(SMALL, characters=200_000, repeats=3))
    assert 5 < budgets["a"] / budgets["b"] < 10, "their texts are as 100 to 1"
    assert budgets["b"] > 10_000 and budgets["c"] == 30


def test_too_large_a_model_and_unknown_classes_are_errors(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bytes, the limit is 1,000: take fewer `rows`"):
        train([str(corpus)], tmp_path / "m.ftz", replace(SMALL, maximum_bytes=1000))
    with pytest.raises(ValueError, match="no text for tam_Taml"):
        train([str(corpus)], tmp_path / "m.ftz", replace(SMALL, keep=("tam_Taml",)))
    with pytest.raises(
        ValueError, match=r"0 classes have the 900,000 .* the inputs have fin_Latn [\d,]+, .* `minimum`"
    ):
        train([str(corpus)], tmp_path / "m.ftz", replace(SMALL, minimum=900_000))
    with pytest.raises(FileNotFoundError, match="no input at"):
        list(read_all([str(tmp_path / "*.jsonl")]))


def test_a_table_that_fasttext_would_leave_uninitialised_is_refused() -> None:
    with pytest.raises(ValueError, match=r"buckets=5000 with dimension=16: take at least 524288"):
        replace(SMALL, buckets=5000)


def test_rows_without_text_or_language_are_errors(tmp_path: Path) -> None:
    needs = r"needs the columns `text` and `language` or `lang` \(and, if there are, `language_script`, `id`\)"
    with pytest.raises(ValueError, match=rf"a\.jsonl row 0: {needs}; it has text, tongue"):
        list(read(_write(tmp_path / "a.jsonl", [{"text": "x", "tongue": "hi"}])))
    pq.write_table(pa.table({"content": ["x"], "lang": ["hi"]}), tmp_path / "c.parquet")
    with pytest.raises(ValueError, match=rf"c\.parquet: {needs}; it has content, lang"):
        list(read(tmp_path / "c.parquet"))
    with pytest.raises(ValueError, match=r"d\.jsonl row 1: needs .* it has text, lang"):
        list(read(_write(tmp_path / "d.jsonl", [{"text": "x", "lang": "hi"}, {"text": None, "lang": "hi"}])))
    (tmp_path / "e.parquet").write_text("text,lang")
    with pytest.raises(ValueError, match=r"e\.parquet: not Parquet"):
        list(read(tmp_path / "e.parquet"))
    (tmp_path / "f.jsonl").write_text("[1]\n")
    with pytest.raises(ValueError, match=r"f\.jsonl row 0: not an object with the columns"):
        list(read(tmp_path / "f.jsonl"))
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
    rows = [{"text": "nadi yahan chaudi hai", "lang": "hi"}, {"text": "नदी यहाँ चौड़ी है", "lang": "hi", "id": "n"}]
    found = list(read(_write(tmp_path / "plain.jsonl", rows)))
    assert [(each.label, each.key) for each in found] == [("hin_Latn", "plain.jsonl/0"), ("hin_Deva", "n")]
    assert [each.named for each in found] == ["hi", "hi"], "the script is the text's where the label names none"


def test_a_page_and_its_native_sentences_share_a_key(tmp_path: Path) -> None:
    rows = [{"lang": "hi", "page_id": "7", "native": "नदी चौड़ी है।", "roman": "nadi chaudi hai"}] * 2
    native, roman = read(_write(tmp_path / "dakshina_sentences.jsonl.gz", rows))
    (page,) = read(_write(tmp_path / "wikipedia_hi.jsonl.gz", [{"lang": "hi", "page_id": "7", "text": "नदी\nचौड़ी"}]))
    assert (native.label, native.key) == (page.label, page.key) == ("hin_Deva", "wiki/7")
    assert (roman.label, roman.key, len(roman.paragraphs)) == ("hin_Latn", "roman/7", 2)


def _documents(name: str, text: str, count: int, *, key: str = "") -> list[Document]:
    """Of these, none is held out."""
    keys = (f"{key or name}/{i}" for i in range(10 * count + 50))
    return [Document(name, each, (text,), name) for each in keys if not held_out(each)][:count]


def test_what_is_left_out_is_named() -> None:
    words = "joki on leveä täällä ja vesi kirkasta " * 40
    documents = _documents("fin_Latn", words, 9) + _documents("swe_Latn", words, 9)
    documents += [*_documents("tam_Taml", "ஆறு இங்கே அகலம்", 3), Document("khm_Khmr", "e", (), "km")]
    documents += _documents("mar_Deva", "written in Latin letters", 2)
    documents += [Document("und_Zzzz", f"u/{i}", ("x",), "Klingon") for i in range(4)]
    chosen = select(documents, SMALL)
    assert set(chosen.texts) == {"fin_Latn", "swe_Latn"} and chosen.documents["fin_Latn"] == 9
    assert chosen.notes() == [
        "left out, too little text: khm_Khmr (0 documents, 0 characters), tam_Taml (3 documents, 45 characters)",
        "left out, labels that name no language: 'Klingon' (4 documents); write them as hin, hi or hin_Deva",
        "left out, in another script than their label: mar_Deva (2 documents)",
    ]
    with pytest.raises(
        ValueError, match="tam_Taml: 3 documents of 45 characters to train on; a class that `keep` names"
    ):
        select(documents, replace(SMALL, keep=("tam_Taml",)))


def test_hard_negatives_are_pieces_that_the_model_takes_for_a_close_language(tmp_path: Path) -> None:
    chance = random.Random(3)
    common, own = WORDS["hin_Deva"], {"hin_Deva": ["रहा", "था"], "mar_Deva": ["आहे", "होता"], "npi_Deva": []}
    texts = {
        name: [" ".join(chance.choices(4 * common + words, k=900)) for _ in range(6)]
        for name, words in own.items()
        if words
    } | {"fin_Latn": [" ".join(chance.choices(WORDS["fin_Latn"], k=900)) for _ in range(6)]}
    lines = sampling.examples(texts, SMALL)
    model = training._fit(lines, tmp_path / "train.txt", replace(SMALL, epochs=3))
    found = hard.hard_negatives(model, texts, SMALL)
    assert len(found) > 20 and found == hard.hard_negatives(model, texts, SMALL)
    for line in found:
        name, _, text = line.partition(" ")
        ((answer,),), _ = model.predict([text.rstrip("\n")])
        assert name != answer and {name, answer} == {f"{PREFIX}hin_Deva", f"{PREFIX}mar_Deva"}
    assert hard.hard_negatives(model, {"hin_Deva": texts["hin_Deva"], "fin_Latn": texts["fin_Latn"]}, SMALL) == []


def test_groups_of_close_languages_are_of_one_script_and_known() -> None:
    known = {"_".join(each) for each in known_labels()}
    for group in hard.CLOSE:
        assert len({name.partition("_")[2] for name in group}) == 1 and len(group & known) >= 2, group


def test_training_writes_a_card_and_a_calibration(corpus: Path, model: Path) -> None:
    card = model.with_suffix(".md").read_text("utf-8")
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    assert "3 classes" in card and digest in card and str(corpus) in card and "epochs=5" in card
    chosen, judged = select(read(corpus), SMALL), evaluate_files([str(corpus)], model=str(model)).gold
    for name, characters in chosen.characters.items():
        assert f"|{name}|{chosen.documents[name]}|{characters:,}|{judged[name]}|1.000|1.000|" in card
    calibration = Calibration.load(calibration_path(str(model)))
    assert calibration_path(str(model)).parent == model.parent and set(calibration.f1) == {*WORDS, "other"}


def test_half_of_the_held_out_documents_is_for_calibration() -> None:
    held = [key for key in (f"wiki/{i}" for i in range(10_000)) if held_out(key)]
    assert 0.45 < sum(map(for_calibration, held)) / len(held) < 0.55


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
    assert found.precision_recall() == {"hin_Deva": (0.75, 1.0), "mar_Deva": (0.0, 0.0)}
    assert [table.row_count for table in tables([found], [frozenset(found.gold)])] == [1, 2, 1]
    assert Evaluation(found.pairs.__class__(), 0).macro_f1 == 0.0


def test_predict_answers_line_by_line() -> None:
    lines = ["नदी यहाँ चौड़ी है और पानी बहुत साफ़ है\n", "\n", "The river is wide here and its water is very clear\n"] * 400
    answers = list(use.predict(lines))
    assert [each["text"] for each in answers] == [line.rstrip("\n") for line in lines]
    assert [each["language"] for each in answers] == ["hin", "und", "eng"] * 400


def test_fetch_checks_what_it_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = model_path("default").read_bytes()
    (tmp_path / "published").write_bytes(published)
    (tmp_path / "page").write_bytes(b"<html>moved</html>")
    url, digest = f"file://{tmp_path}/published", hashlib.sha256(published).hexdigest()
    monkeypatch.setenv("MULTICURATE_MODELS", str(tmp_path / "models"))
    monkeypatch.setitem(use.REMOTE_MODELS, "good", RemoteModel("good.bin", url, digest))
    monkeypatch.setitem(use.REMOTE_MODELS, "bad", RemoteModel("bad.bin", url, "0" * 64))
    monkeypatch.setitem(use.REMOTE_MODELS, "page", RemoteModel("page.bin", f"file://{tmp_path}/page", None))
    assert use.fetch("good").read_bytes() == published and use.fetch("good") == tmp_path / "models" / "good.bin"
    with pytest.raises(ValueError, match=f"sha256 {digest}, expected 000"):
        use.fetch("bad")
    with pytest.raises(ValueError, match="it seems to be a page of HTML or XML: the download failed"):
        use.fetch("page")
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["good.bin"]
    with pytest.raises(ValueError, match=r"unknown model 'x': `fetch` knows lid\.176, glotlid"):
        use.fetch("x")


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
