"""FineWeb-2's YAML means here what its own script makes of it."""

import zipfile
from pathlib import Path

import pytest

from thresholds import fineweb2
from thresholds.table import CutoffTable, TableError

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
