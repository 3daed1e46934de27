"""Decontamination through the whole job: documents dropped or cut, what was found written down, resumable."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from curate import benchmarks, manifest, recipe, stages
from curate.recipe import Decontaminate, RecipeError
from tests.filters.test_contamination import PASSAGES, edited

QUIET = Console(quiet=True)
SENTENCES = {
    "eng_Latn": "My neighbours repaired the old bridge last week, and now the children can walk to school again.",
    "hin_Deva": "मेरे पड़ोसियों ने पिछले हफ़्ते पुराना पुल ठीक कर दिया और अब बच्चे फिर से पैदल स्कूल जा सकते हैं।",
    "tha_Thai": "สัปดาห์ที่แล้วเพื่อนบ้านของฉันซ่อมสะพานเก่า ตอนนี้เด็ก ๆ เดินไปโรงเรียนได้อีกครั้ง",
    "cmn_Hani": "上个星期邻居们修好了那座旧桥，现在孩子们又可以走路去上学了。",
}


def story(label: str, number: int) -> str:
    return "\n".join(f"{SENTENCES[label]} {number} {line} {SENTENCES[label]}" for line in range(6))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Benchmarks in three formats; documents clean, contaminated, and with an address beside and inside the passage."""
    made = tmp_path / "benchmarks"
    made.mkdir()
    with gzip.open(made / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        for label in ("tha_Thai", "eng_Latn"):
            file.write(json.dumps({"id": 1, "q": PASSAGES[label], "choices": ["yes", "no"]}) + "\n")
    pq.write_table(pa.table({"x": [1, 2], "q": ["no such text here", PASSAGES["hin_Deva"]]}), made / "b.parquet")
    (made / "c.txt").write_text(f"\n\n{PASSAGES['cmn_Hani']}\n", "utf-8")
    rows = []
    for number, label in enumerate(SENTENCES):
        rows.append({"id": f"clean-{label}", "text": story(label, number)})
        text = f"Write to ann@example.org.\n{story(label, number + 10)}\n{edited(PASSAGES[label])}\n{story(label, 20)}"
        rows.append({"id": f"dirty-{label}", "text": text})
    mailed = PASSAGES["eng_Latn"].replace("countries", "countries, bob@example.org,")
    rows.append({"id": "mail inside", "text": f"{story('eng_Latn', 30)}\n{mailed}\n{PASSAGES['eng_Latn']}"})
    rows.append({"id": "only", "text": f"{PASSAGES['eng_Latn']} ... !"})
    with (tmp_path / "in.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return tmp_path


def curated(folder: Path, *settings: str, output: str = "run") -> Path:
    base = [f"decontaminate.benchmarks=['{folder}/benchmarks']", "dedup.enabled=false", *settings]
    resolved = recipe.load("web", input=[str(folder / "in.jsonl")], output=str(folder / output), settings=base)
    stages.run(resolved.model_copy(update={"cutoffs": str(folder / "none.toml")}), QUIET)
    return folder / output


def rows(folder: Path) -> dict[str, dict]:
    return {
        row["id"]: row
        for file in sorted(folder.glob("**/*.parquet"))
        for row in pq.read_table(file, partitioning=None).to_pylist()
    }


@pytest.fixture(autouse=True)
def no_cutoffs(tmp_path: Path) -> None:
    from thresholds.table import CutoffTable

    (tmp_path / "none.toml").write_text(CutoffTable({}, "none", "").dump(), "utf-8")


@pytest.mark.spark
def test_contaminated_documents_are_dropped_and_written_down(spark: object, folder: Path) -> None:
    run = curated(folder)
    kept, dropped = rows(run / "kept"), rows(run / "dropped")
    assert set(kept) == {f"clean-{label}" for label in SENTENCES}
    assert {row["reason"] for row in dropped.values()} == {"contaminated"} and len(dropped) == 6
    assert all(check.ok for check in manifest.verify(str(run)))
    found = json.loads((run / "contamination.json").read_text("utf-8"))
    assert found["documents"] == 6 and found["ngram"] == 13
    named = {(Path(row["file"]).name, row["record"]): row["documents"] for row in found["records"]}
    assert named == {("a.jsonl.gz", 0): 1, ("a.jsonl.gz", 1): 3, ("b.parquet", 1): 1, ("c.txt", 0): 1}
    assert [(Path(each["file"]).name, each["records"], each["found"]) for each in found["benchmarks"]] == [
        ("a.jsonl.gz", 2, 2),
        ("b.parquet", 2, 1),
        ("c.txt", 1, 1),
    ]
    assert all(row["ngrams"] >= 3 for row in found["records"])
    account = json.loads((run / "manifest.json").read_text("utf-8"))
    assert account["contamination"]["documents"] == 6 and "6 documents were dropped" in (run / "README.md").read_text(
        "utf-8"
    )
    before = (run / "contamination.json").read_bytes()
    curated(folder)
    assert (run / "contamination.json").read_bytes() == before


@pytest.mark.spark
def test_or_only_the_passage_is_cut_and_addresses_stay_hidden(spark: object, folder: Path) -> None:
    run = curated(folder, "decontaminate.action=cut")
    kept, dropped = rows(run / "kept"), rows(run / "dropped")
    assert set(dropped) == {"only"} and dropped["only"]["drop_reasons"] == ["contaminated"]
    for number, label in enumerate(SENTENCES):
        text = kept[f"dirty-{label}"]["text"]
        assert (
            text.replace("!!”\n", "") == f"Write to email@example.com.\n{story(label, number + 10)}\n{story(label, 20)}"
        )
    mailed = kept["mail inside"]["text"]
    assert "bob@" not in mailed and "ann@" not in mailed and "rivers flows north" in mailed.partition("\n")[2]
    assert mailed.endswith("email@example.com, before it reaches the sea?\n")
    assert all(check.ok for check in manifest.verify(str(run)))
    assert "6 documents had the passages cut" in (run / "README.md").read_text("utf-8")


@pytest.mark.spark
def test_another_benchmark_is_another_measurement(spark: object, folder: Path) -> None:
    curated(folder)
    (folder / "benchmarks" / "d.txt").write_text("a b c d e f g h i j k l m n o p\n", "utf-8")
    with pytest.raises(RecipeError, match="other settings of decontaminate"):
        curated(folder)


def test_fields_choose_what_counts(folder: Path) -> None:
    everything = benchmarks.load(Decontaminate(benchmarks=(str(folder / "benchmarks"),)))
    assert everything is not None and everything.records == 5
    with pytest.raises(RecipeError, match=r"a\.jsonl\.gz: no text in answer"):
        benchmarks.load(Decontaminate(benchmarks=(str(folder / "benchmarks" / "*.gz"),), fields=("answer",)))
    question = benchmarks.load(Decontaminate(benchmarks=(str(folder / "benchmarks" / "*.gz"),), fields=("q",)))
    assert question is not None and question.name(1) == (str(folder / "benchmarks" / "a.jsonl.gz"), 1)


def test_the_digest_is_of_what_is_looked_for(folder: Path) -> None:
    def digest(**settings: object) -> str:
        loaded = benchmarks.load(Decontaminate(benchmarks=(str(folder / "benchmarks"),), **settings))  # type: ignore[arg-type]
        assert loaded is not None
        return loaded.digest

    first = digest()
    assert first == digest() != digest(ngram=12)
    (folder / "benchmarks").rename(folder / "moved")
    (folder / "moved").rename(folder / "benchmarks")
    assert digest() == first
    (folder / "benchmarks" / "c.txt").write_text(PASSAGES["khm_Khmr"], "utf-8")
    assert digest() != first


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("x.jsonl", b"{}\n", "no text in it"),
        ("x.jsonl", b'{"a": 1}\n{"a": "x"\n', "record 1: JSONDecodeError"),
        ("x.jsonl", b'{"a": "' + b"\xff" + b'"}\n', "record 0: UnicodeDecodeError"),
        ("x.parquet", b"PAR1 nonsense", "record 0: ArrowInvalid"),
        ("x.txt.gz", b"\x1f\x8b\x08 no", "record 0: "),
        ("x.html", b"<html>", "its format is html; benchmarks are JSON lines, Parquet or .txt"),
        ("x.jsonl", b"[" * 100_000 + b"\n", "record 0: RecursionError"),
    ],
)
def test_a_file_that_is_no_benchmark_is_one_line(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError) as error:
        benchmarks.load(Decontaminate(benchmarks=(str(tmp_path / name),)))
    assert problem in str(error.value) and "\n" not in str(error.value) and name in str(error.value)


def test_no_such_benchmark(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"decontaminate\.benchmarks: .*no such file"):
        benchmarks.load(Decontaminate(benchmarks=(str(tmp_path / "none"),)))
