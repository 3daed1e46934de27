"""Shares and neighbours of a cutoff, against loops over the documents."""

import numpy as np
import pytest

from thresholds.preview import effects, nearest
from thresholds.rule import KNOWN_METRICS, Rule
from thresholds.summary import METRIC_INDEX, Summary, summarise

WORDS = Rule(metric="words", operator="<", cutoff=50)
LINES = Rule(metric="lines", operator=">", cutoff=30)
STOPWORDS = Rule(metric="stopwords", operator="<", cutoff=2)
RULES = (WORDS, LINES, STOPWORDS)


def summary(**columns: list[float]) -> Summary:
    rows = len(next(iter(columns.values())))
    values = np.full((rows, len(KNOWN_METRICS)), np.nan)
    for name, column in columns.items():
        values[:, METRIC_INDEX[name]] = column
    [made] = summarise(["hin_Deva"] * rows, np.arange(rows), np.arange(100, 100 + rows), values)
    return made


@pytest.fixture
def random() -> Summary:
    draw = np.random.default_rng(1)
    stopwords = np.where(draw.random(500) < 0.3, np.nan, draw.integers(0, 5, 500))
    return summary(words=draw.integers(1, 120, 500), lines=draw.integers(1, 60, 500), stopwords=stopwords)


def test_shares_are_those_of_a_loop(random: Summary) -> None:
    found = effects(random, RULES)
    columns = [METRIC_INDEX[rule.metric] for rule in RULES]
    fired = [
        [row[columns[0]] < 50, row[columns[1]] > 30, row[columns[2]] < 2]  # a null is smaller than nothing
        for row in random.values
    ]
    for n, effect in enumerate(found.rules):
        assert effect.alone == sum(row[n] for row in fired) / 500 > 0
        assert effect.only == sum(row[n] and sum(row) == 1 for row in fired) / 500 > 0
        assert effect.only < effect.alone
    assert found.together == sum(any(row) for row in fired) / 500
    assert found.rules[2].measured == np.count_nonzero(~np.isnan(random.values[:, columns[2]])) < 500


def test_two_rules_of_one_metric_and_no_document() -> None:
    both = (WORDS, Rule(metric="words", operator=">", cutoff=100))
    found = effects(summary(words=[10, 60, 200, 300]), both)
    assert [(e.alone, e.only) for e in found.rules] == [(0.25, 0.25), (0.5, 0.5)] and found.together == 0.75
    empty = effects(Summary("hin_Deva", 0, {}, np.empty(0), np.empty(0), np.empty((0, len(KNOWN_METRICS)))), both)
    assert empty.together == 0 and [e.alone for e in empty.rules] == [0, 0]


def test_neighbours_lie_on_the_side_that_the_rule_says(random: Summary) -> None:
    removed, kept = nearest(random, WORDS, 5)
    assert [each.value for each in removed] == sorted((each.value for each in removed), reverse=True)
    assert max(each.value for each in removed) == 49 and min(each.value for each in kept) == 50
    values = dict(zip(random.key.tolist(), random.values[:, METRIC_INDEX["words"]].tolist(), strict=True))
    assert all(values[each.key] == each.value for each in removed + kept) and len(removed) == len(kept) == 5


def test_a_value_at_the_cutoff_is_on_the_side_of_the_operator() -> None:
    at = summary(words=[49, 50, 50, 51])
    removed, kept = nearest(at, WORDS, 2)
    assert [e.key for e in removed] == [100] and [e.key for e in kept] == [101, 102], "of equals the smallest hash"
    removed, kept = nearest(at, Rule(metric="words", operator="<=", cutoff=50), 2)
    assert [e.value for e in removed] == [50, 50] and [e.value for e in kept] == [51]


def test_without_the_metric_on_neither_side() -> None:
    removed, kept = nearest(summary(stopwords=[np.nan, 1, np.nan, 4]), STOPWORDS, 10)
    assert [e.key for e in removed] == [101] and [e.key for e in kept] == [103]
