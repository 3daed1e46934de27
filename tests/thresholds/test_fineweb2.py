"""FineWeb-2's YAML means here what its own script makes of it."""

import math
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from filters.segment import words
from thresholds import fineweb2
from thresholds.rule import Rule
from thresholds.table import CutoffTable, LanguageCutoffs, TableError

CONFIG = {
    "dup_line_frac": 0.25,
    "dup_n_grams": [[5, 0.14], [10, 0.09]],
    "language_score": 0.7,
    "line_punct_thr": 0.1,
    "max_avg_word_length": 20,
    "max_non_alpha_words_ratio": 0.8,
    "min_avg_word_length": 2,
    "new_line_ratio": 0.3,
    "stopwords": ["और", "है"],
    "top_n_grams": [[2, 0.2]],
}


def rules(**changes: object) -> dict[tuple[str, str], float]:
    converted = fineweb2.convert({**CONFIG, **changes}, "hin_Deva")
    return {(rule.metric, rule.operator): rule.cutoff for rule in converted.rules}


def test_directions_and_fixed_values() -> None:
    found = rules()
    assert found["alphabetic_word_ratio", "<"] == 0.8  # called a maximum there, compared as a minimum
    assert found["mean_word_length", "<"] == 2 and found["mean_word_length", ">"] == 20
    assert found["duplicate_10gram_character_ratio", ">"] == 0.09
    assert found["non_symbol_words", "<"] == 50 and found["stopwords", "<"] == 2
    assert found["duplicate_nonblank_line_character_ratio", ">"] == 0.1
    assert fineweb2.convert(CONFIG, "x").stopwords == ("और", "है")


@pytest.mark.parametrize(
    ("key", "value", "metric"),
    [
        ("dup_line_frac", 0, "duplicate_line_ratio"),
        ("dup_line_frac", 1.2, "duplicate_line_ratio"),
        ("line_punct_thr", -1, "terminal_punctuation_line_ratio"),
        ("line_punct_thr", 0, "terminal_punctuation_line_ratio"),
    ],
)
def test_values_that_mean_off_make_no_rule(key: str, value: float, metric: str) -> None:
    assert metric in {name for name, _ in rules()}
    assert metric not in {name for name, _ in rules(**{key: value})}


def test_a_missing_key_and_an_absent_language_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="hin_Deva: no key 'language_score'"):
        fineweb2.convert({key: CONFIG[key] for key in CONFIG if key != "language_score"}, "hin_Deva")
    with zipfile.ZipFile(tmp_path / "configs.zip", "w") as archive:
        archive.writestr("configs/../../etc.yml", "language_score: 1")
        archive.writestr("configs/hin_Deva.yml", str(CONFIG))
    with pytest.raises(TableError, match="no configuration of tam_Taml"):
        fineweb2.read(tmp_path / "configs.zip", ["tam_Taml"])
    assert list(fineweb2.read(tmp_path / "configs.zip").languages) == ["hin_Deva"]


def test_all_published_languages(shared: Path) -> None:
    table = fineweb2.read(shared / "lists" / "fineweb2_configs.zip")
    assert len(table.languages) == 1929
    hindi = {(rule.metric, rule.operator): rule.cutoff for rule in table.of("hin_Deva").rules}
    assert hindi["language_score", "<"] == 0.692 and hindi["alphabetic_word_ratio", "<"] == 0.837
    chosen = fineweb2.read(shared / "lists" / "fineweb2_configs.zip", ["hin_Deva", "khm_Khmr"])
    assert CutoffTable.parse(chosen.dump()).languages == chosen.languages


def exported(*rules: Rule, stopwords: tuple[str, ...] = ()) -> tuple[dict[str, object], fineweb2.Export]:
    made = fineweb2.export(CutoffTable({"hin_Deva": LanguageCutoffs(rules, stopwords)}))
    return yaml.safe_load(made.files["hin_Deva"]), made


def test_all_published_languages_come_back(shared: Path) -> None:
    source = shared / "lists" / "fineweb2_configs.zip"
    table = fineweb2.read(source)
    made = fineweb2.export(table)
    assert len(made.files) == 1929 and not made.lost and not made.added and not made.skipped
    off = Counter()
    with zipfile.ZipFile(source) as archive:
        for label, text in made.files.items():
            published = yaml.load(archive.read(f"configs/{label}.yml"), Loader=yaml.CSafeLoader)
            written = yaml.load(text, Loader=yaml.CSafeLoader)
            assert written.keys() == published.keys()
            assert fineweb2.convert(written, label) == table.languages[label]
            unlike = {key for key in written if written[key] != published[key]}
            assert unlike <= {"line_punct_thr", "dup_line_frac"}
            assert "line_punct_thr" not in unlike or (published["line_punct_thr"], written["line_punct_thr"]) == (0, -1)
            assert "dup_line_frac" not in unlike or (published["dup_line_frac"] >= 1 and written["dup_line_frac"] == 0)
            off.update(unlike)
    assert off == {"line_punct_thr": 77, "dup_line_frac": 65}  # off there in two ways, written in one


def test_what_is_written_for_no_rule_drops_nothing_in_their_own_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """FineWeb-2's script builds datatrove's filters from these keys; a text that every limit would drop.

    Words are broken as we do: datatrove's English tokenizer is spaCy's, which the tests do not install.
    """
    from datatrove.data import Document
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    for kind in (FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter):
        monkeypatch.setattr(sys.modules[kind.__module__], "split_into_words", lambda text, language: words(text))
    config, _ = exported()
    assert all(value in (0, -1, [], math.inf) for value in config.values())
    text = Document("\n".join(["1 a", "2 b"] * 60), "id")
    repetition = {key: config[key] for key in ("dup_line_frac", "top_n_grams", "dup_n_grams")}
    quality = {key: config[key] for key in ("min_avg_word_length", "max_avg_word_length", "max_non_alpha_words_ratio")}
    fineweb = {key: config[key] for key in ("line_punct_thr", "new_line_ratio")}
    paragraphs = {"dup_para_frac": 0, "dup_line_char_frac": 0, "dup_para_char_frac": 0}
    for of, options, strict in (
        (GopherRepetitionFilter, repetition | paragraphs, paragraphs),
        (GopherQualityFilter, quality | {"stop_words": config["stopwords"], "min_stop_words": 0}, {}),
        (FineWebQualityFilter, fineweb | {"short_line_thr": 999, "char_duplicates_ratio": 1}, {}),
    ):
        assert of(**options).filter(text) is True
        assert of(**strict).filter(text) is not True, "the text is one that its defaults drop"


def test_an_off_limit_of_any_key_is_no_rule() -> None:
    off = {"language_score": 0, "max_avg_word_length": 0, "min_avg_word_length": 0, "max_non_alpha_words_ratio": 0.0}
    found = rules(**off, new_line_ratio=math.inf)
    assert not {"language_score", "mean_word_length", "alphabetic_word_ratio", "newline_word_ratio"} & {
        m for m, _ in found
    }


def test_the_minimum_is_written_under_the_name_of_a_maximum() -> None:
    config, made = exported(Rule(metric="alphabetic_word_ratio", operator="<", cutoff=0.7))
    assert config["max_non_alpha_words_ratio"] == 0.7 and not made.lost


def test_what_the_format_cannot_hold_is_told() -> None:
    held = Rule(metric="top_2gram_character_ratio", operator=">", cutoff=0.2)
    stricter = replace(held, cutoff=0.1)
    other = Rule(metric="short_line_ratio", operator=">", cutoff=0.67)
    below = Rule(metric="mean_word_length", operator="<=", cutoff=3)
    config, made = exported(held, stricter, other, below)
    assert config["top_n_grams"] == [[2, 0.1]], "of two rules the one that drops more"
    assert made.lost == {("short_line_ratio", ">", 0.67): 1, ("mean_word_length", "<=", 3): 1}
    assert ("non_symbol_words", "<", 50) in made.added and ("stopwords", "<", 2) not in made.added


def test_labels_become_file_names_only_where_they_are_labels() -> None:
    entry = LanguageCutoffs((Rule(metric="language_score", operator="<", cutoff=0.5),))
    made = fineweb2.export(CutoffTable({"../../etc": entry, "*": entry, "tha_Thai": entry}))
    assert list(made.files) == ["tha_Thai"] and made.skipped == ("../../etc", "*")
    assert list(fineweb2.export(CutoffTable({"*": entry}), ["hin_Deva"]).files) == ["hin_Deva"]
    for label, error in (("../x", "no language"), ("tam_Taml", "no rules for tam_Taml")):
        with pytest.raises(TableError, match=error):
            fineweb2.export(CutoffTable({"tha_Thai": entry}), [label])
