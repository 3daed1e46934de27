"""The command that writes corpora in Latin letters: languages, accounts, bad input, resuming."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from curate.cli import main
from curate.runfolder import read_json
from translate.romanize import leftover

ROWS = [
    {"id": "a", "text": "गाँव के लोग हर साल बाँध की मरम्मत करते हैं। https://नदी.example/पथ देखें", "language": "hin_Deva"},
    {"id": "b", "text": "ஊர் மக்கள் ஒவ்வொரு ஆண்டும் அணையைச் சரி செய்கிறார்கள்.", "language": "tam", "language_script": "Taml"},
    {"id": "c", "text": "Жители деревни каждый год чинят старую плотину у самой реки.", "url": "https://x.example/ж"},
    {"id": "d", "text": "The people of the village mend the dam every year.", "language": "eng_Latn"},
    {"text": "گاؤں کے لوگ ہر سال بند کی مرمت کرتے ہیں۔ ۲۰۲۶", "language": "urd_Arab", "license": "CC0"},
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("romanize") / "in"
    folder.mkdir()
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    (folder / "a.jsonl").write_text("\n".join([*lines, '{"text": 1}', "{broken"]) + "\n", "utf-8")
    pl.DataFrame(ROWS[:2]).write_parquet(folder / "b.parquet")
    return folder


@pytest.fixture(scope="module")
def written(spark: object, corpus: Path) -> Path:
    result = CliRunner().invoke(main, ["romanize", str(corpus), str(corpus.parent / "out")])
    assert result.exit_code == 0, result.output
    assert "9 in = 6 written + 1 (latin_already 1) dropped + 2 (malformed 2) failed" in result.output
    return corpus.parent / "out"


def rows(folder: Path) -> list[dict[str, object]]:
    return pl.read_parquet(str(folder / "*.parquet"), hive_partitioning=False).to_dicts()


@pytest.mark.parametrize(
    ("name", "label", "count"), [("hin", "hin_Deva", 2), ("tam", "tam_Taml", 2), ("rus", "rus_Cyrl", 1), ("urd", "urd_Arab", 1)]
)  # fmt: skip
def test_a_folder_a_language_with_where_each_is_from(written: Path, name: str, label: str, count: int) -> None:
    found = rows(written / f"{name}_Latn")
    assert len(found) == count
    for row in found:
        assert (row["language"], row["language_script"], row["romanized_from"]) == (name, "Latn", label)
        assert row["romanization"] == "natural" and row["id"] and not leftover(str(row["text"]), label)


def test_urls_stay_digits_turn_and_columns_come_along(written: Path) -> None:
    assert all("https://नदी.example/पथ" in str(row["text"]) for row in rows(written / "hin_Latn"))
    [urdu], [russian] = rows(written / "urd_Latn"), rows(written / "rus_Latn")
    assert "2026" in str(urdu["text"]) and urdu["license"] == "CC0" and russian["url"] == "https://x.example/ж"


def test_nothing_is_lost(written: Path) -> None:
    [dropped] = rows(written / "dropped")
    assert (dropped["id"], dropped["reason"]) == ("d", "latin_already")
    assert [row["reason"] for row in rows(written / "failed")] == ["malformed", "malformed"]


def test_a_rerun_does_only_what_is_missing(written: Path, corpus: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*.parquet")}
    (written / "rus_Latn" / "000009-stray.parquet").write_bytes(b"killed")
    assert CliRunner().invoke(main, ["romanize", str(corpus), str(written)]).exit_code == 0
    assert before == {path: path.stat().st_mtime_ns for path in written.rglob("*.parquet")}
    assert read_json(str(written / "manifest.json"))["in"] == 9


def test_mistakes_are_one_line(written: Path, corpus: Path, tmp_path: Path) -> None:
    for given, message in (
        (["--scheme", "nonsense"], "no scheme 'nonsense'; there are natural"),
        (["--language", "eng_Latn"], "is written in Latin letters"),
    ):
        result = CliRunner().invoke(main, ["romanize", str(corpus), str(tmp_path / "x"), *given])
        assert result.exit_code == 1 and message in " ".join(result.output.split()) and not (tmp_path / "x").exists()
    result = CliRunner().invoke(main, ["romanize", str(corpus), str(written), "--scheme", "iso"])
    assert result.exit_code == 1 and "settings of scheme" in " ".join(result.output.split())
