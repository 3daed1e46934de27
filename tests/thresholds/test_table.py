"""Rules fire on the right side, in the language's order; tables survive the trip through TOML; errors are one line."""

import numpy as np
import pyarrow as pa
import pytest

from filters.columns import METRIC_NAMES, SIGNALS
from thresholds.rule import Rule
from thresholds.table import SHIPPED, CutoffTable, LanguageCutoffs, TableError


def signals(**metrics: list[float | None]) -> pa.StructArray:
    rows = len(next(iter(metrics.values())))
    columns = [pa.array(metrics.get(name, [None] * rows), pa.float64()) for name in METRIC_NAMES]
    return pa.StructArray.from_arrays(columns, fields=list(SIGNALS))


def test_each_operator_drops_on_its_own_side() -> None:
    values = np.array([1.0, 2.0, 3.0, np.nan])
    fires = {op: Rule(metric="words", operator=op, cutoff=2).fires(values).tolist() for op in ("<", "<=", ">", ">=")}
    assert fires == {
        "<": [True, False, False, False],
        "<=": [True, True, False, False],
        ">": [False, False, True, False],
        ">=": [False, True, True, False],
    }


def test_reasons_follow_the_order_of_the_language_and_fall_back() -> None:
    few = Rule(metric="words", operator="<", cutoff=50)
    symbols = Rule(metric="symbol_character_ratio", operator=">=", cutoff=0.2)
    table = CutoffTable(
        {
            "hin_Deva": LanguageCutoffs((symbols, few)),
            "tha_Thai": LanguageCutoffs((few, symbols)),
            "*": LanguageCutoffs((few,)),
        }
    )
    measured = signals(words=[10.0] * 4, symbol_character_ratio=[0.5] * 4)
    found = table.apply(measured, pa.array(["hin_Deva", "tha_Thai", "khm_Khmr", None]))
    assert found.to_pylist() == [
        ["symbol_character_ratio_high", "words_low"],
        ["words_low", "symbol_character_ratio_high"],
        ["words_low"],
        [],
    ]


def test_a_null_metric_never_fires_and_a_missing_column_is_an_error() -> None:
    table = CutoffTable({"*": LanguageCutoffs((Rule(metric="language_score", operator="<", cutoff=0.5),))})
    measured, language = signals(words=[1.0, 1.0]), pa.array(["amh_Ethi", "amh_Ethi"])
    scores = pa.array([0.4, None])
    assert table.apply(measured, language, columns={"language_score": scores}).to_pylist() == [
        ["language_score_low"],
        [],
    ]
    with pytest.raises(TableError, match="language_score"):
        table.apply(measured, language)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_tables_survive_toml(name: str) -> None:
    table = CutoffTable.load(name)
    assert any(entry.rules for entry in table.languages.values())
    assert CutoffTable.parse(table.dump()).languages == table.languages


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("languages = 3 =", "not TOML"),
        ("language = 1", "unknown key 'language'; known: name, description, languages"),
        (
            '[languages.x]\nrules = [{ metric = "wrods", operator = "<", cutoff = 1 }]',
            "unknown metric 'wrods'; known: ",
        ),
        ('[languages.x]\nrules = [{ metric = "words", operator = "=", cutoff = 1 }]', "unknown operator '='"),
        ('[languages.x]\nrules = [{ metric = "words", operator = "<", cutoff = true }]', "must be a finite number"),
        ('[languages.x]\nrules = [{ metric = "words", operator = "<", cutoff = nan }]', "must be a finite number"),
        ('[languages.x]\nrules = [{ metric = "words", operator = "<" }]', "no cutoff"),
        ('[languages.x]\nrules = [{ metric = "words", operator = "<", cutof = 1 }]', "unknown key 'cutof'"),
    ],
)
def test_a_bad_table_is_one_line_that_names_the_place(toml: str, says: str) -> None:
    with pytest.raises(TableError) as error:
        CutoffTable.parse(toml, "mine.toml")
    assert says in str(error.value) and "mine.toml" in str(error.value) and "\n" not in str(error.value)


def test_an_unknown_table_lists_the_shipped_ones() -> None:
    with pytest.raises(TableError, match="shipped: english, universal, setu"):
        CutoffTable.load("englsh")
