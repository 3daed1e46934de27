"""`curate affinity`: lists built from labelled text, contamination of a run, and the rule that follows."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from curate import recipe, stages
from curate.affinity import Contamination, with_rules
from curate.cli import main
from filters.affinity import read_lists
from thresholds.rule import Rule
from thresholds.table import CutoffTable, LanguageCutoffs

GERMAN = (
    "Die alte Brücke über den Fluss ist wieder offen, und die Nachbarn feiern bis spät in die Nacht.",
    "Im Laden neben der Post gibt es frisches Gemüse, und die Verkäuferin kennt jeden beim Namen.",
    "Seit dem letzten Jahr steht am Markt eine kleine Bücherei, in der sonntags vorgelesen wird.",
    "Wenn es im Frühling regnet, steigt das Wasser schnell, und alle helfen beim Bau der Dämme.",
)
SWAHILI = (
    "Daraja la zamani juu ya mto limefunguliwa tena, na majirani wanasherehekea hadi usiku.",
    "Katika duka lililo karibu na posta kuna mboga mpya, na muuzaji anamjua kila mtu kwa jina.",
    "Tangu mwaka jana kuna maktaba ndogo sokoni, ambapo watoto husomewa hadithi siku ya Jumapili.",
)


def affinity(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["affinity", *map(str, arguments)])


def _jsonl(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{"text": "\n".join([text] * 3), "lang": "de"} for text in GERMAN]
    rows += [{"text": "\n".join([text] * 3), "lang": "sw"} for text in SWAHILI]
    return _jsonl(tmp_path_factory.mktemp("labelled") / "labelled.jsonl", rows)


def test_lists_are_built_from_labelled_text(labelled: Path, tmp_path: Path) -> None:
    result = affinity("build", labelled, "-o", tmp_path / "lists")
    assert result.exit_code == 0, result.output
    lists = read_lists(tmp_path / "lists")
    assert set(lists) == {"deu_Latn", "swh_Latn"}
    assert (
        "und" in lists["deu_Latn"] and "na" in lists["swh_Latn"] and not set(lists["deu_Latn"]) & set(lists["swh_Latn"])
    )


def test_one_language_has_nothing_to_differ_from(tmp_path: Path) -> None:
    source = _jsonl(tmp_path / "one.jsonl", [{"text": GERMAN[0], "lang": "de"}])
    result = affinity("build", source, "-o", tmp_path / "lists")
    assert result.exit_code and "text in 1 language: lists need at least two" in result.stderr
    assert not (tmp_path / "lists").exists()


@pytest.fixture(scope="module")
def measured(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four German documents: with a listed word, at a German address, with none, and with a word of another list."""
    folder = tmp_path_factory.mktemp("affinity")
    (folder / "lists").mkdir()
    (folder / "lists" / "deu_Latn.txt").write_text("Brücke\nBrunnen\n", "utf-8")
    (folder / "lists" / "gsw_Latn.txt").write_text("gemüse\n", "utf-8")
    sites = ("example.org", "example.org", "beispiel.de", "example.org")
    rows = [
        {"id": f"d{at}", "url": f"https://{site}/{at}", "text": text}
        for at, (site, text) in enumerate(zip(sites, GERMAN, strict=True))
    ]
    _jsonl(folder / "german.jsonl", rows)
    rule = Rule(metric="affinity_word_ratio", operator="<=", cutoff=0.0)
    (folder / "cutoffs.toml").write_text(CutoffTable({"deu_Latn": LanguageCutoffs((rule,))}).dump(), "utf-8")
    settings = [f"words.affinity={folder / 'lists'}", f"cutoffs={folder / 'cutoffs.toml'}"]
    source = [str(folder / "german.jsonl")]
    stages.run(recipe.load("demo", input=source, output=str(folder / "run"), settings=settings), Console(quiet=True))
    return folder


def test_the_rule_drops_what_holds_no_listed_word_at_no_address_of_the_language(measured: Path) -> None:
    dropped = pl.read_parquet(f"{measured}/run/dropped/*.parquet").to_dicts()
    assert {(row["id"], row["reason"]) for row in dropped} == {
        ("d1", "affinity_word_ratio_low"),
        ("d3", "affinity_word_ratio_low"),
    }
    kept = pl.read_parquet(f"{measured}/run/kept/**/*.parquet").to_dicts()
    ratios = {row["id"]: row["signals"]["affinity_word_ratio"] for row in kept}
    assert set(ratios) == {"d0", "d2"} and ratios["d0"] > 0 and ratios["d2"] is None


def test_contamination_is_shown_with_what_it_looks_like(measured: Path) -> None:
    table = measured / "found.toml"
    result = affinity("show", measured / "run", "--lists", measured / "lists", "-o", table)
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.output.splitlines() if "deu_Latn" in line]
    assert line.split()[-8:] == ["4", "1", "2", "50.0%", "gsw_Latn", "50%,", "und_Zzzz", "50%"], line
    first = CutoffTable.load(table).of("deu_Latn").rules[0]
    assert (first.metric, first.operator, first.provenance.removed_crawl) == ("affinity_word_ratio", "<=", 0.5)


def test_a_run_without_lists_says_so(judged_twice: object) -> None:
    result = affinity("show", judged_twice.root)  # type: ignore[attr-defined]
    assert result.exit_code and "it was measured without affinity lists; set words.affinity" in result.stderr


def test_the_rule_goes_before_a_languages_others_and_only_where_it_is_needed() -> None:
    other = Rule(metric="words", operator="<", cutoff=50.0)
    old = Rule(metric="affinity_word_ratio", operator="<", cutoff=0.01)
    table = CutoffTable({"*": LanguageCutoffs((other,)), "mar_Deva": LanguageCutoffs((old, other), ("आणि",))})
    found = {
        "quy_Latn": Contamination(documents=100, without=60),
        "mar_Deva": Contamination(documents=100, without=11),
        "deu_Latn": Contamination(documents=100, without=10),
    }
    made = CutoffTable.parse(with_rules(table, found).dump())
    for name in ("quy_Latn", "mar_Deva"):
        first, *rest = made.of(name).rules
        assert (first.metric, first.operator, first.cutoff, rest) == ("affinity_word_ratio", "<=", 0.0, [other])
    assert made.of("quy_Latn").rules[0].provenance.removed_crawl == 0.6
    assert made.of("mar_Deva").stopwords == ("आणि",)
    assert made.of("deu_Latn").rules == (other,)


def test_lists_that_are_not_there_stop_the_run_before_any_work(tmp_path: Path) -> None:
    source = _jsonl(tmp_path / "one.jsonl", [{"text": GERMAN[0]}])
    chosen = recipe.load(
        "demo", input=[str(source)], output=str(tmp_path / "run"), settings=[f"words.affinity={tmp_path / 'no'}"]
    )
    with pytest.raises(recipe.RecipeError, match=r"words\.affinity: .*no: no <lang_Script>\.txt files in it"):
        stages.run(chosen, Console(quiet=True))
    assert not (tmp_path / "run").exists()
