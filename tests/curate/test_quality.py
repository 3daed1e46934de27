"""Quality classifiers: what they are trained on, evaluation, the commands, and the cut in a run."""

import gzip
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate.cli import main
from curate.quality.corpus import Example, HeldOut, hold_out, read, read_scored, sampled
from curate.quality.evaluate import (
    Judged,
    auc,
    by_source,
    calibration_error,
    deciles,
    figures,
    language_share,
    length_auc,
    matched,
    reliability,
    within_deciles,
)
from curate.quality.plot import calibration
from curate.quality.train import TrainingOptions, train, windows
from curate.recipe import RecipeError
from filters.quality import read_card, scores
from tests import quality_corpus
from thresholds.table import CutoffTable

# Reading


def test_reading_files(tmp_path: Path) -> None:
    hindi = "यह एक छोटा सा गाँव है और इसके पास एक नदी बहती है।"
    given = [
        {"text": hindi, "language": "hin", "language_script": "Deva", "url": "https://www.a.example/1"},
        {"text": hindi + " और", "url": "http://b.example:80/2"},  # identified
        {"text": "யாரும் இல்லை", "language": "ta"},
        {"text": " ", "language": "ta"},
        {"text": "12 345", "url": "https://c.example"},  # in no language
    ]
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in given)
    pq.write_table(pa.table({"text": ["ก ข ค"], "language": ["tha_Thai"], "url": [None]}), tmp_path / "b.parquet")
    found = [(each.label, each.source, each.good) for each in read([str(tmp_path)], good=False)]
    assert found == [
        ("hin_Deva", "a.example", False),
        ("hin_Deva", "b.example", False),
        ("tam_Taml", str(tmp_path / "a.jsonl.gz"), False),
        ("tha_Thai", str(tmp_path / "b.parquet"), False),
    ]


def test_reading_scores(tmp_path: Path) -> None:
    table = {"text": ["a", "b", "c"], "language": ["eng_Latn"] * 3, "score": [1, None, 3], "file": ["x", "x", "y"]}
    pq.write_table(pa.table(table), tmp_path / "s.parquet")
    found = [(each.text, each.good, each.source) for each in read_scored([str(tmp_path)], 3)]
    assert found == [("a", False, "x"), ("c", True, "y")]


@pytest.mark.parametrize(
    "name, content, error",
    [
        ("a.jsonl", b"[1]\n", "a.jsonl line 1: not an object"),
        ("a.jsonl", b'{"text": "a"}\n{', "a.jsonl line 2: not JSON"),
        ("a.jsonl", b'{"body": "a"}\n', "a.jsonl row 1: no text; it has body"),
        ("a.jsonl.gz", b"\x1f\x8b\x08\x00broken", "a.jsonl.gz: cannot be read"),
        ("a.parquet", b"PAR1", "a.parquet: cannot be read"),
        (
            "a.html",
            b"<html><p>page</p></html>",
            "a.html: html, not JSON lines or Parquet; for raw pages give the folder",
        ),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, error: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        list(read([str(tmp_path / name)], good=True))
    assert error in str(caught.value) and "\n" not in str(caught.value)


def test_scores_that_are_no_numbers(tmp_path: Path) -> None:
    path = quality_corpus.write(tmp_path / "a.jsonl", [{"text": "a", "language": "eng", "score": "four"}])
    with pytest.raises(RecipeError, match="a score is 'four'; it must be a number"):
        list(read_scored([path], 3))
    with pytest.raises(RecipeError, match="row 1: no score; it has text"):
        list(read_scored([quality_corpus.write(tmp_path / "b.jsonl", [{"text": "a"}])], 3))


def test_a_sample_does_not_depend_on_the_order_and_holds_no_copies() -> None:
    given = [Example("eng_Latn", f"text {n % 300}", "a", n % 2 == 0) for n in range(900)]
    shuffled = random.Random(1).sample(given, len(given))
    once = sampled(given, 50)
    assert once == sampled(shuffled, 50) and Counter(each.good for each in once) == {True: 50, False: 50}
    assert len({each.text for each in once if each.good}) == 50
    assert len(sampled(given, 10_000)) == 300


# Held out


def _of_sources(sizes: dict[str, int], *, good: bool = True) -> list[Example]:
    return [Example("eng_Latn", f"{name} {n}", name, good) for name, size in sizes.items() for n in range(size)]


def test_whole_sources_are_held_out() -> None:
    given = _of_sources({f"s{n}": 3 + n % 5 for n in range(40)})
    chosen = hold_out(given)
    held = [each for each in given if chosen.holds(each)]
    inside, outside = ({each.source for each in own} for own in (held, set(given) - set(held)))
    assert not inside & outside and 0.2 <= len(held) / len(given) <= 0.3
    assert HeldOut.parse(json.loads(json.dumps(chosen.dump()))) == chosen


def test_a_large_source_stays_for_training_and_a_small_one_is_held_out() -> None:
    for seed in range(20):
        given = _of_sources({f"large{seed}": 100, f"small{seed}": 10})
        assert {each.source for each in given if hold_out(given).holds(each)} == {f"small{seed}"}


def test_of_one_source_documents_are_held_out() -> None:
    given = _of_sources({"only": 500})
    chosen = hold_out(given)
    assert chosen.by_document == {("eng_Latn", True)}
    assert 0.15 < sum(map(chosen.holds, given)) / 500 < 0.25


# Windows


def test_windows_have_the_same_lengths_in_both_classes() -> None:
    """Good texts ten times as long as bad ones: alone, length tells them apart; in the windows it tells nothing."""
    chance = random.Random(3)
    texts = {
        True: sorted(([f"w{chance.randrange(50)}"] * chance.randint(100, 1000) for _ in range(80)), key=len),
        False: sorted(([f"w{chance.randrange(50)}"] * chance.randint(10, 100) for _ in range(80)), key=len),
    }
    found = windows(texts, TrainingOptions(without_subject=0), random.Random(1))
    lengths = {
        name: [len(line.split()) - 1 for line in found if line.startswith(f"__label__{name}")]
        for name in ("good", "bad")
    }
    assert lengths["good"] == lengths["bad"] and len(lengths["good"]) == 640
    assert len(set(lengths["good"])) > 50 and max(lengths["good"]) <= 100


def test_windows_without_subject_keep_common_words_and_punctuation() -> None:
    texts = {good: [[f"rare{n}{good}", "the", ".", "of"] * 5 for n in range(40)] for good in (True, False)}
    found = windows(texts, TrainingOptions(without_subject=1.0), random.Random(1))
    assert {token for line in found for token in line.split()[1:]} == {"the", ".", "of"}


def test_training_is_reproducible_and_a_language_with_too_few_texts_is_left_out(tmp_path: Path) -> None:
    given = quality_corpus.examples(60, ("hin_Deva",)) + quality_corpus.examples(3, ("tam_Taml",))
    first, second = (train(given, tmp_path / f"{n}.ftz", TrainingOptions(windows=50)) for n in range(2))
    assert (tmp_path / "0.ftz").read_bytes() == (tmp_path / "1.ftz").read_bytes() and first == second
    assert list(first.documents) == ["hin_Deva"] and first.windows == {"hin_Deva": 100}
    assert list(first.left_out) == ["tam_Taml"] and "each needs 20" in first.left_out["tam_Taml"]
    assert set(read_card(tmp_path / "0.ftz")["languages"]) == {"hin_Deva"}


# Figures


def _judged(score: np.ndarray, good: np.ndarray, length: np.ndarray | None = None) -> Judged:
    n = len(score)
    length = np.ones(n, np.int64) if length is None else length
    return Judged(score, length, good, np.array(["eng_Latn"] * n), np.array(["a"] * n))


def test_auc_equals_counting_pairs() -> None:
    generator = np.random.default_rng(1)
    for _ in range(50):
        good = np.concatenate([np.ones(7, bool), np.zeros(9, bool)])
        score = generator.integers(0, 6, 16).astype(float)  # ties
        pairs = [(a > b) + (a == b) / 2 for a in score[good] for b in score[~good]]
        found = auc(score, good)
        assert found and found.value == pytest.approx(np.mean(pairs)) and found.low <= found.value <= found.high
    assert auc(np.ones(8), np.array([True] * 4 + [False] * 4)) is None


def test_the_interval_covers_the_truth() -> None:
    """Normal scores one apart: AUC 0.760; 95 % intervals of 40 + 40 texts hold it about as often."""
    generator, good, covered = np.random.default_rng(2), np.arange(80) < 40, 0
    for _ in range(400):
        found = auc(generator.normal(size=80) + good, good)
        assert found
        covered += found.low <= 0.7602 <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_perfect_separation_has_an_interval() -> None:
    found = auc(np.arange(20.0), np.arange(20) >= 10)
    assert found and found.value == found.high == 1 and 0.9 < found.low < 0.95


def test_a_score_that_is_only_length_is_found_out() -> None:
    generator = np.random.default_rng(3)
    good = np.arange(2000) < 1000
    length = np.where(good, generator.lognormal(6, 0.7, 2000), generator.lognormal(5.2, 0.7, 2000)).astype(np.int64)
    judged = _judged(length / length.max(), good, length)
    even, plain = matched(judged), auc(judged.score, good)
    assert plain and plain.value > 0.75 and length_auc(judged) == plain.value
    after = auc(even.score, even.good)
    assert after and abs(after.value - 0.5) < 0.06 and abs((within_deciles(judged) or 0) - 0.5) < 0.06
    decile = deciles(judged.length)
    assert np.bincount(decile).min() > 150
    assert even.good.sum() * 2 == len(even.good) > 800
    [row] = figures(judged)
    assert row.matched == after and (row.good, row.bad) == (1000, 1000)


def test_a_score_that_is_more_than_length_stays() -> None:
    generator = np.random.default_rng(4)
    good = np.arange(1000) < 500
    length = generator.integers(10, 1000, 1000)
    judged = _judged(generator.normal(size=1000) + 3 * good, good, length)
    assert (within_deciles(judged) or 0) > 0.95 and (length_auc(judged) or 1) < 0.6


def test_a_score_that_is_only_the_language_is_found_out() -> None:
    labels = np.array(["eng_Latn", "hin_Deva"] * 100)
    good, noise = np.arange(200) < 100, np.random.default_rng(5).normal(size=200)
    by_language = Judged((labels == "eng_Latn") * 1.0, np.ones(200, np.int64), good, labels, labels)
    assert language_share(by_language) == 1.0
    assert language_share(Judged(noise, np.ones(200, np.int64), good, labels, labels)) < 0.05


def test_calibration() -> None:
    generator = np.random.default_rng(6)
    probability = generator.random(20_000)
    right = _judged(probability, generator.random(20_000) < probability)
    assert calibration_error(right) < 0.02 and len(reliability(right)) == 10
    sure = _judged(np.where(right.score > 0.5, 0.99, 0.01), right.good)
    assert calibration_error(sure) > 0.15
    drawn = calibration(right)
    assert drawn.startswith("<svg") and drawn.count("<circle") == 20


def test_each_source_against_the_other_class() -> None:
    score = np.concatenate([np.full(10, 0.9), np.full(10, 0.1), np.linspace(0.2, 0.4, 20)])
    good = np.arange(40) < 20
    source = np.array(["wiki"] * 10 + ["odd"] * 10 + ["menus"] * 20)
    found = by_source(Judged(score, np.ones(40, np.int64), good, np.array(["eng_Latn"] * 40), source))
    assert {each.source: each.auc and each.auc.value for each in found} == {"menus": 0.5, "odd": 0.0, "wiki": 1.0}


# Commands


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["quality", *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("seeds")
    return {
        kind: quality_corpus.write(
            folder / f"{kind}.jsonl",
            [row for label in quality_corpus.WORDS for row in quality_corpus.rows(label, 60, kind)],
        )
        for kind in ("good", "bad")
    }


def test_train_eval_and_score(seeds: dict[str, str], tmp_path: Path) -> None:
    model, plot, out = (str(tmp_path / name) for name in ("m.ftz", "c.svg", "scores.parquet"))
    chosen = ("--language", "hin_Deva", "--language", "tha_Thai")
    trained = run("train", seeds["good"], "-n", seeds["bad"], "-o", model, *chosen)
    assert "hin_Deva" in trained and "tha_Thai" in trained and "eng_Latn" not in trained
    evaluated = run("eval", seeds["good"], "-n", seeds["bad"], "-m", model, "--plot", plot, *chosen)
    assert "1.000 [" in evaluated and "lengths matched" in evaluated and "the language explains" in evaluated
    assert "good1.example" not in trained and "AUC against the rest" in evaluated
    assert Path(plot).read_text().startswith("<svg")
    written = run("score", seeds["good"], "-m", model, "-o", out)
    assert "240 texts, 120 of them with a score" in " ".join(written.split())
    rows = pq.read_table(out).to_pylist()
    assert rows[3]["id"] == "good3" and rows[3]["row"] == 3 and rows[3]["file"] == seeds["good"]
    assert {row["label"] for row in rows if row["quality"] is None} == {"eng_Latn", "tam_Taml"}
    assert min(row["quality"] for row in rows if row["quality"] is not None) > 0.5


def test_eval_judges_only_what_was_held_out(seeds: dict[str, str]) -> None:
    model = str(quality_corpus.trained())
    held = HeldOut.parse(read_card(Path(model))["held_out"])
    texts = [each for good, kind in ((True, "good"), (False, "bad")) for each in read([seeds[kind]], good=good)]
    expected = sum(held.holds(each) for each in sampled(texts))
    assert 60 < expected < 200
    assert f"\n{expected} texts scored, 0 without" in run("eval", seeds["good"], "-n", seeds["bad"], "-m", model)
    assert "\n480 texts scored" in run("eval", seeds["good"], "-n", seeds["bad"], "-m", model, "--all")


def test_annotations_and_leaving_sources_out(tmp_path: Path) -> None:
    rows = [
        {"text": each.text, "language": each.label, "score": 4 if each.good else n % 3, "file": f"{each.good}{n % 2}"}
        for n, each in enumerate(quality_corpus.examples(90, ("tam_Taml",)))
    ]
    rows = [row | {"file": "bad"} if row["score"] < 3 else row for row in rows]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "scored.parquet")
    given, model = ("--scored", str(tmp_path / "scored.parquet"), "--cut", "3"), str(tmp_path / "m.ftz")
    assert "one source only of bad tam_Taml: documents of it are held out" in run("train", *given, "-o", model)
    shown = run("eval", *given, "-m", model, "--leave-one-out")
    left = {line.split()[2]: line.split()[3:] for line in shown.splitlines() if line.startswith("tam_Taml Tamil ")}
    assert left["True0"][-3:] == left["True1"][-3:] and left["True0"][-3] == "1.000"
    assert left["bad"][-1] == "–"  # nothing bad is left to train on


@pytest.mark.parametrize(
    "good, bad, error",
    [
        (0, 60, "nothing to train on: eng_Latn has 0 good and"),
        (3, 60, "good and 4"),
        (60, 3, "bad texts; each needs 20"),
        (0, 0, "nothing to train on: the inputs hold no text"),
    ],
)
def test_classes_that_are_empty_or_small(tmp_path: Path, good: int, bad: int, error: str) -> None:
    files = [
        quality_corpus.write(tmp_path / f"{kind}.jsonl", quality_corpus.rows("eng_Latn", texts, kind))
        for kind, texts in (("good", good), ("bad", bad))
    ]
    output = run("train", files[0], "-n", files[1], "-o", str(tmp_path / "m.ftz"), code=1)
    [line] = [line for line in output.splitlines() if line]
    assert error in line and not (tmp_path / "m.ftz").exists()


@pytest.mark.parametrize(
    "arguments, code, error",
    [
        (["train", "{good}", "-o", "{tmp}/m.ftz"], 2, "give files of good texts, and of bad ones with --negatives"),
        (["train", "{good}", "-n", "{bad}", "-o", "{tmp}/m.bin"], 2, "a model's file ends in .ftz"),
        (["train", "--scored", "{good}", "-o", "{tmp}/m.ftz"], 2, "--scored goes with --cut"),
        (["train", "{tmp}/none", "-n", "{bad}", "-o", "{tmp}/m.ftz"], 1, "none: no such file or folder"),
        (["eval", "{good}", "-n", "{bad}", "-m", "{tmp}/none.ftz"], 1, "none.ftz: cannot be read"),
        (["score", "{good}", "-m", "{bad}", "-o", "{tmp}/s.parquet"], 1, "truncated, or no quality model"),
        (["eval", "{french}", "-n", "{french}", "-m", "{model}"], 1, "none of the texts is held out and in a language"),
    ],
)
def test_commands_that_cannot_run(
    seeds: dict[str, str], tmp_path: Path, arguments: list[str], code: int, error: str
) -> None:
    french = quality_corpus.write(tmp_path / "f.jsonl", [{"text": "le chat " * 20, "language": "fra"}])
    places = {**seeds, "tmp": tmp_path, "french": french, "model": quality_corpus.trained()}
    output = run(*(part.format(**places) for part in arguments), code=code)
    assert error in output and "Traceback" not in output
    assert not list(tmp_path.glob("m.*")) and not list(tmp_path.glob("s.*"))


# In a run


def _curate(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty texts of each language, half of them menus, and one of digits."""
    root = tmp_path_factory.mktemp("crawl")
    texts = [
        {"text": row["text"], "id": f"{label} {row['id']}"}
        for label in ("hin_Deva", "tam_Taml")
        for kind in ("good", "bad")
        for row in quality_corpus.rows(label, 20, kind, seed=7)
    ]
    quality_corpus.write(root / "in.jsonl", [*texts, {"text": "12 345 67 " * 30, "id": "digits"}])
    (root / "no.toml").write_text('name = "none"\n[languages."*"]\nrules = []\n')
    return root


def _settings(crawl: Path, **others: str) -> list[str]:
    given = {
        "cutoffs": str(crawl / "no.toml"),
        "quality.model": str(quality_corpus.trained()),
        "dedup.enabled": "false",
    }
    return [part for key, value in (given | others).items() for part in ("--set", f"{key}={value}")]


@pytest.mark.spark
def test_a_run_scores_and_keeps_a_share(spark: object, crawl: Path) -> None:
    root = crawl / "run"
    source = ["-i", str(crawl / "in.jsonl"), "-o", str(root)]
    _curate("run", "demo", *source, *_settings(crawl))
    measured = pq.read_table(root / "documents").to_pylist()
    expected = scores(
        pa.array([row["text"] for row in measured]),
        pa.array([f"{row['language']}_{row['language_script']}" for row in measured]),
        model=str(quality_corpus.trained()),
    ).to_pylist()
    assert [row["quality"] for row in measured] == expected
    unknown = [row for row in measured if f"{row['language']}_{row['language_script']}" not in quality_corpus.WORDS]
    assert [row["id"] for row in measured if row["quality"] is None] == [row["id"] for row in unknown]
    assert "digits" in {row["id"] for row in unknown} and len(unknown) < 5
    before = (root / "documents").stat().st_mtime_ns
    _curate("run", "demo", *source, *_settings(crawl, **{"quality.keep": "{ hin_Deva = 0.25 }"}))
    assert (root / "documents").stat().st_mtime_ns == before  # decided anew, not measured
    kept = {path.name: pq.read_table(path).to_pylist() for path in (root / "kept").iterdir()}
    hindi = sorted((row["quality"] for row in measured if row["language"] == "hin"), reverse=True)
    quarter = -(-len(hindi) // 4)
    assert sorted((row["quality"] for row in kept["hin_Deva"]), reverse=True) == hindi[:quarter] and len(hindi) > 35
    assert len(kept["tam_Taml"]) == 40 and [row["id"] for rows in kept.values() for row in rows].count("digits") == 1
    dropped = pq.read_table(root / "dropped").to_pylist()
    assert {row["reason"] for row in dropped} == {"quality_low"} and len(dropped) == len(hindi) - quarter
    [rule] = CutoffTable.load(root / "cutoffs.toml").of("hin_Deva").rules
    assert rule.provenance.method == "keep" and rule.provenance.documents == len(hindi)
    assert rule.provenance.removed_crawl == pytest.approx(1 - quarter / len(hindi), abs=1e-6) and "keep 0.25" in (
        rule.provenance.reference or ""
    )
    assert "in = kept + dropped + failed: 81" in _curate("verify", str(root))


@pytest.mark.spark
def test_the_share_is_of_what_passes_the_other_rules(spark: object, crawl: Path) -> None:
    """The texts of one line are out first; half of the others are kept."""
    table = crawl / "lines.toml"
    table.write_text('[languages."*"]\nrules = [{ metric = "lines", operator = "<=", cutoff = 1 }]\n')
    root = crawl / "lines"
    others = {"cutoffs": str(table), "quality.keep": "0.5"}
    _curate("run", "demo", "-i", str(crawl / "in.jsonl"), "-o", str(root), *_settings(crawl, **others))
    fates = [*pq.read_table(root / "kept", columns=["id"]).to_pylist(), *pq.read_table(root / "dropped").to_pylist()]
    counted = Counter((row["id"].split()[0], row.get("reason")) for row in fates)
    for label in ("hin_Deva", "tam_Taml"):
        passing = counted[label, None] + counted[label, "quality_low"]
        assert 20 < passing <= 40 and counted[label, None] == -(-passing // 2)
    rules = CutoffTable.load(root / "cutoffs.toml").of("tam_Taml").rules
    assert [rule.metric for rule in rules] == ["lines", "quality"]


@pytest.mark.parametrize(
    "settings, error",
    [
        (["quality.model=/no/such.ftz"], "quality.model: /no/such.ftz: cannot be read"),
        (["quality.keep=0.3"], "quality: keep needs a model"),
        (["quality.model=m.ftz", "quality.keep=1.5"], "quality.keep"),
        (["quality.model=m.ftz", "quality.keep={ hindi = 0.3 }"], "quality.keep"),
    ],
)
def test_recipes_that_cannot_run(tmp_path: Path, settings: list[str], error: str) -> None:
    given = [part for setting in settings for part in ("--set", setting)]
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    result = CliRunner().invoke(
        main, ["run", "demo", "-i", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "r"), *given]
    )
    [line] = [line for line in result.output.splitlines() if line]
    assert result.exit_code in (1, 2) and error in line
    assert not (tmp_path / "r").exists()
