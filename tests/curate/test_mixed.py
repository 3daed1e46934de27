"""Records in several languages: measured, split, accounted for, and forgotten with all their parts."""

import json
import random
import shutil
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from rich.console import Console

from curate import forget, manifest, recipe, stages
from curate.cli import main
from curate.forgotten import Forgotten
from curate.runfolder import RunFolder, read_json
from filters import fasttext_file
from thresholds.rule import Rule
from thresholds.table import CutoffTable, LanguageCutoffs

HINDI = [
    "मेरे पड़ोसियों ने पिछले हफ़्ते पुराना पुल ठीक कर दिया और अब बच्चे फिर से पैदल स्कूल जा सकते हैं।",
    "नदी का पानी बरसात में बहुत बढ़ जाता है, इसलिए गाँव के लोग हर साल बाँध की मरम्मत करते हैं।",
    "शाम को सब लोग चौक पर इकट्ठा होकर मेले की तैयारी की बात करते हैं और देर तक हँसते रहते हैं।",
]
ENGLISH = [
    "My neighbours repaired the old bridge last week, and now the children can walk to school again.",
    "In the rainy season the river rises quickly, so the people of the village mend the dam every year.",
    "In the evening everyone meets in the square to talk about the fair, and they laugh until late at night.",
]
TAMIL = [
    "என் அண்டை வீட்டார் போன வாரம் பழைய பாலத்தைச் சரி செய்தார்கள், இப்போது குழந்தைகள் நடந்து பள்ளிக்குச் செல்கிறார்கள்.",
    "மழைக்காலத்தில் ஆற்றின் நீர் மிகவும் உயர்கிறது, எனவே ஊர் மக்கள் ஒவ்வொரு ஆண்டும் அணையைச் சரி செய்கிறார்கள்.",
]
SWAHILI = [
    "Majirani zangu walitengeneza daraja la zamani wiki iliyopita, na sasa watoto wanaweza kutembea kwenda shule.",
    "Wakati wa mvua maji ya mto hupanda sana, kwa hiyo watu wa kijiji hutengeneza bwawa kila mwaka.",
]
JAPANESE = [
    "先週、近所の人たちが古い橋を直したので、子どもたちはまた歩いて学校に通えるようになりました。",
    "雨の季節になると川の水がとても増えるので、村の人々は毎年堤防を直しています。",
    "夕方になるとみんなが広場に集まって祭りの準備について話し、夜遅くまで笑っています。",
]
OTHER_HINDI = [
    "डाकघर के पास वाली दुकान में ताज़ी सब्ज़ियाँ मिलती हैं और दुकानदार हर ग्राहक का नाम जानता है।",
    "पिछले साल यहाँ एक छोटा पुस्तकालय खुला था जहाँ बच्चे रविवार को कहानियाँ सुनने आते हैं।",
]
OTHER_ENGLISH = [
    "The shop beside the post office sells fresh vegetables, and its owner knows every customer by name.",
    "A small library opened here last year, where the children come on Sundays to listen to stories.",
]
RECORDS = {
    "both": [*HINDI, *ENGLISH],
    "three": [*TAMIL, "", *JAPANESE, *SWAHILI],
    "hindi": [*OTHER_HINDI, "Wi-Fi"],
    "english": OTHER_ENGLISH,
    "figures": ["12 : 30"],
}


def _run(folder: Path, mixed: str, *settings: str) -> Path:
    source = folder / "records.jsonl"
    rows = [
        {"id": name, "url": f"https://site.example/{name}", "text": "\n".join(lines)} for name, lines in RECORDS.items()
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (folder / "none.toml").write_text("", "utf-8")
    given = [f"language.mixed={mixed}", f"cutoffs={folder / 'none.toml'}", "clean.pii=false", *settings]
    chosen = recipe.load("demo", input=[str(source)], output=str(folder / "run"), settings=given)
    stages.run(chosen, Console(quiet=True))
    return folder / "run"


def _kept(root: Path) -> dict[str, dict]:
    return {row["id"]: row for row in pl.read_parquet(f"{root}/kept/**/*.parquet").to_dicts()}


@pytest.fixture(scope="module")
def split(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _run(tmp_path_factory.mktemp("split"), "split", "dedup.url=true")


def test_a_record_in_two_languages_becomes_a_document_a_language(split: Path) -> None:
    kept = _kept(split)
    figures = kept.pop("figures")
    assert {name: f"{row['language']}_{row['language_script']}" for name, row in kept.items()} == {
        "both": "eng_Latn",  # the longer part
        "both#1": "hin_Deva",
        "three": "tam_Taml",
        "three#1": "jpn_Jpan",
        "three#2": "swh_Latn",
        "hindi": "hin_Deva",
        "english": "eng_Latn",
    }
    assert kept["three#1"]["text"] == "\n".join(JAPANESE) and kept["three"]["text"] == "\n".join(TAMIL)
    assert kept["hindi"]["text"].endswith("Wi-Fi"), "a word is no part"
    assert kept["both#1"]["part"] == 1 and kept["both"]["part"] == kept["hindi"]["part"] == 0
    assert kept["both#1"]["url"] == kept["both"]["url"] and kept["both#1"]["source"] == kept["both"]["source"]
    assert figures["languages"] is None and figures["signals"]["code_mixing_index"] is None


def test_parts_are_accounted_for(split: Path) -> None:
    checks = {check.what: check for check in manifest.verify(str(split))}
    assert all(check.ok for check in checks.values())
    assert checks["rows split off their record"].found == 3 and checks["measured rows"].found == len(RECORDS) + 3
    assert "(3 of them split off a record in several languages)" in (split / "README.md").read_text("utf-8")


def test_a_lost_part_is_found_out(split: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(split, copy)
    stored = read_json(str(copy / "manifest.json"))
    stored["input"]["parts"] += 1
    (copy / "manifest.json").write_text(json.dumps(stored), "utf-8")
    assert [check.what for check in manifest.verify(str(copy)) if not check.ok] == ["rows split off their record"]


def test_forgetting_a_record_takes_its_parts_too(split: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(split, copy)
    forget.forget(RunFolder(str(copy)), Forgotten.of(ids=["three"]))
    assert all(check.ok for check in manifest.verify(str(copy)))
    assert {name for name in _kept(copy) if not name.startswith("forgotten-")} == {
        "both", "both#1", "hindi", "english", "figures",
    }  # fmt: skip


@pytest.fixture(scope="module")
def whole(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kept whole, but for a rule on how mixed they are; one part is never to be read."""
    folder = tmp_path_factory.mktemp("whole")
    table = CutoffTable({"*": LanguageCutoffs((Rule(metric="code_mixing_index", operator=">", cutoff=30.0),))})
    (folder / "mixed.toml").write_text(table.dump(), "utf-8")
    return _run(folder, "keep", f"cutoffs={folder / 'mixed.toml'}")


def test_kept_whole_a_record_says_what_it_is_made_of(whole: Path) -> None:
    rows = {row["id"]: row for row in pl.read_parquet(f"{whole}/documents/*.parquet").to_dicts()}
    assert set(rows) == set(RECORDS) and all(row["part"] == 0 for row in rows.values())
    assert [each["language"] for each in rows["both"]["languages"]] == ["eng_Latn", "hin_Deva"]
    assert sum(each["share"] for each in rows["three"]["languages"]) == pytest.approx(1, abs=0.02)
    assert 30 < rows["both"]["signals"]["code_mixing_index"] < 55 and rows["both"]["text"] == "\n".join(RECORDS["both"])
    assert rows["english"]["signals"]["code_mixing_index"] == 0.0


def test_how_mixed_a_record_is_can_be_a_rule(whole: Path) -> None:
    dropped = pl.read_parquet(f"{whole}/dropped/*.parquet").to_dicts()
    assert {(row["id"], row["reason"]) for row in dropped} == {
        ("both", "code_mixing_index_high"),
        ("three", "code_mixing_index_high"),
    }
    assert set(_kept(whole)) == {"hindi", "english", "figures"}


def test_a_part_that_is_never_to_be_read_does_not_come_back(spark: object, tmp_path: Path) -> None:
    (tmp_path / "never.txt").write_text("id:both#1\n", "utf-8")
    root = _run(tmp_path, "split", f"forget.list={tmp_path / 'never.txt'}")
    kept = _kept(root)
    assert "both" in kept and not any("बरसात" in row["text"] for name, row in kept.items() if name.startswith("both"))
    dropped = pl.read_parquet(f"{root}/dropped/*.parquet").to_dicts()
    assert [row["reason"] for row in dropped] == ["forgotten"] and not dropped[0]["sample"]
    assert all(check.ok for check in manifest.verify(str(root)))


def test_a_recipe_that_asks_for_something_else_is_told_what_there_is() -> None:
    with pytest.raises(recipe.RecipeError, match=r"language\.mixed = 'cut': .*'keep' or 'split'"):
        recipe.load("demo", settings=["language.mixed=cut"])


def test_a_page_line_by_line() -> None:
    page = f"{HINDI[0]} Facebook\n{ENGLISH[0]}\n"
    result = CliRunner().invoke(main, ["lid", "mixed"], input=page)
    assert result.exit_code == 0, result.output
    first, second, whole = map(json.loads, result.output.splitlines())
    assert (first["language"], second["language"]) == ("hin_Deva", "eng_Latn")
    assert first["text"] == page.split("\n")[0] and first["words"][-1] == ["eng_Latn", "Facebook"]
    assert second["words"] == [["eng_Latn", ENGLISH[0].removesuffix(".")]]
    assert list(whole["languages"]) == ["eng_Latn", "hin_Deva"] and 40 < whole["code_mixing_index"] < 60


def test_the_word_model_is_trained_on_pure_text(tmp_path: Path) -> None:
    """A small one, on words made up of two languages' syllables; and its text in other scripts is left out."""
    chance = random.Random(1)
    syllables = {"it": ("ca", "lo", "ne", "ri", "to"), "fi": ("kää", "ly", "nen", "tuo", "vä")}
    rows = [
        {"lang": name, "text": " ".join("".join(chance.choices(each, k=3 + n % 3)) for n in range(4000))}
        for name, each in syllables.items()
        for _ in range(4)
    ]
    rows.append({"lang": "ru", "text": "мост " * 100})
    source = tmp_path / "pure.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    result = CliRunner().invoke(main, ["lid", "train-words", str(source), "-o", str(tmp_path / "words.ftz")])
    assert result.exit_code == 0 and "2 languages" in " ".join(result.output.split()), result.output
    model = fasttext_file.load(tmp_path / "words.ftz")
    names, _ = model.predict(["calone", "kääly", "toneri", "vänen"])
    assert [name[0].removeprefix("__label__") for name in names] == ["ita_Latn", "fin_Latn", "ita_Latn", "fin_Latn"]


def test_a_word_model_needs_two_languages(tmp_path: Path) -> None:
    source = tmp_path / "one.jsonl"
    source.write_text(json.dumps({"lang": "it", "text": "ponte"}) + "\n", "utf-8")
    result = CliRunner().invoke(main, ["lid", "train-words", str(source), "-o", str(tmp_path / "words.ftz")])
    assert result.exit_code and "0 languages in Latn have 1,000 distinct words" in result.stderr
