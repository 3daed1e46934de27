"""Tables of one language for the notebooks: differences, shares, a person's decision, and strangers' text as HTML."""

import numpy as np
import pandas as pd
import pytest

from thresholds import explore
from thresholds.derive import Evidence
from thresholds.rule import KNOWN_METRICS, Provenance, Rule
from thresholds.summary import METRIC_INDEX, Summary, summarise
from thresholds.table import ANY_LANGUAGE, CutoffTable, LanguageCutoffs, TableError

LABEL = "tam_Taml"
SHORT = Rule(metric="short_line_ratio", operator=">", cutoff=0.5, group="fineweb_quality")


def summary(label: str = LABEL, *, shift: float = 0.0, documents: int = 40, seed: int = 1) -> Summary:
    """Every metric uniform in 0..1; `short_line_ratio` moved by `shift`, `quality` always missing."""
    random = np.random.default_rng(seed)
    values = random.random((documents, len(KNOWN_METRICS)))
    values[:, METRIC_INDEX["short_line_ratio"]] += shift
    values[:, METRIC_INDEX["quality"]] = np.nan
    keys = np.arange(documents)
    return summarise([label] * documents, keys, keys + 100, values)[0]


def of_short_lines(*values: float) -> Summary:
    rows = np.full((len(values), len(KNOWN_METRICS)), np.nan)
    rows[:, METRIC_INDEX["short_line_ratio"]] = values
    keys = np.arange(len(values))
    return summarise([LABEL] * len(values), keys, keys, rows)[0]


def test_an_unknown_language_lists_those_that_there_are() -> None:
    assert explore.language({LABEL: summary()}, LABEL, "runs/x").label == LABEL
    with pytest.raises(TableError, match="runs/x: no documents of hin_Deva; it has tam_Taml"):
        explore.language({LABEL: summary()}, "hin_Deva", "runs/x")


def test_signals_are_the_sample_by_key() -> None:
    table = explore.signals(summary(documents=3))
    assert list(table.index) == [100, 101, 102] and list(table.columns) == list(KNOWN_METRICS)
    assert table["quality"].isna().all() and table["words"].notna().all()


def test_the_metric_that_differs_most_comes_first() -> None:
    found = explore.differences(summary(shift=0.6, seed=1), summary(seed=2), summary("eng_Latn", seed=3))
    assert found.index[0] == "short_line_ratio" and "quality" not in found.index
    first = found.iloc[0]
    assert 0.5 < first["gap"] <= 1 and first["gap"] > first["by_chance"]
    assert first["by_chance"] == pytest.approx(1.358 * (80 / 1600) ** 0.5)
    assert first["crawl"] - first["reference"] > 0.4
    assert (found["gap"].iloc[1:] < first["gap"]).all()


def test_the_gap_is_the_widest_between_the_cumulated_shares() -> None:
    found = explore.differences(of_short_lines(0.1, 0.2, 0.3, 0.9), of_short_lines(0.2, 0.9, 0.9, 0.9))
    assert found.loc["short_line_ratio", "gap"] == pytest.approx(0.5)  # at 0.3: 3 of 4 against 1 of 4
    assert np.isnan(found.loc["short_line_ratio", "English"])
    assert explore.differences(summary(), summary())["gap"].eq(0).all()


def evidence(*, english: bool = True) -> Evidence:
    labels = (LABEL, "eng_Latn") if english else (LABEL,)
    return Evidence(
        {label: summary(label, shift=0.5, seed=n) for n, label in enumerate(labels)},
        {label: summary(label, seed=n + 10) for n, label in enumerate(labels)},
    )


def test_every_method_is_tried_and_those_without_english_say_why() -> None:
    tables, impossible = explore.by_method(evidence())
    assert set(tables) == set(explore.TRIED) and not impossible
    tables, impossible = explore.by_method(evidence(english=False))
    assert set(tables) == {"tail of crawl", "tail of reference", "contrast"}
    assert all("English" in reason for reason in impossible.values()) and len(impossible) == 7


def test_cutoffs_are_a_row_a_table_and_rule_with_the_withheld() -> None:
    tables, _ = explore.by_method(evidence())
    found = explore.cutoffs(tables, LABEL)
    assert set(found["table"]) == set(explore.TRIED)
    rules = sum(len(table.of(LABEL).rules) + len(table.of(LABEL).withheld) for table in tables.values())
    assert len(found) == rules and found["withheld"].notna().any() and found["withheld"].isna().any()
    derived = found[found["low"].notna()]
    assert len(derived) and (derived["low"] <= derived["high"]).all()


def test_together_counts_what_any_rule_removes_beside_the_fixed_rules() -> None:
    fixed = Rule(metric="ellipsis_line_ratio", operator=">", cutoff=0.9, provenance=Provenance(method="fixed"))
    table = CutoffTable({LABEL: LanguageCutoffs((fixed, SHORT))})
    known = evidence()
    found = explore.together({"mine": table}, LABEL, known)
    assert list(found.index) == [explore.FIXED, "mine"]
    values = known.crawl[LABEL].values
    fires = [rule.fires(values[:, METRIC_INDEX[rule.metric]]) for rule in (fixed, SHORT)]
    assert found.loc[explore.FIXED, "crawl"] == pytest.approx(fires[0].mean())
    assert found.loc["mine", "crawl"] == pytest.approx((fires[0] | fires[1]).mean())
    assert found.loc["mine", "crawl"] > found.loc["mine", "reference"] > 0


def test_removed_names_the_rule_and_what_no_other_does() -> None:
    twice = Rule(metric="short_line_ratio", operator=">", cutoff=0.8)
    found = explore.removed({"crawl": of_short_lines(0.1, 0.6, 0.7, 0.9)}, [SHORT, twice])
    assert list(found.index) == ["short_line_ratio > 0.5", "short_line_ratio > 0.8"]
    assert found["crawl", "removes"].tolist() == [0.75, 0.25]
    assert found["crawl", "no other does"].tolist() == [0.5, 0.0]


def test_shares_follow_the_cutoff_and_hold_the_rules_own() -> None:
    found = explore.shares({"crawl": of_short_lines(0.1, 0.6, 0.7, 0.9), "reference": of_short_lines(0.2)}, SHORT)
    assert found.loc[0.5].tolist() == [0.75, 0.0]
    assert found.index.is_monotonic_increasing and found["crawl"].is_monotonic_decreasing
    assert set(found["crawl"]) == {0.75, 0.5, 0.25}
    missing = Rule(metric="quality", operator="<", cutoff=0.5)
    assert explore.shares({"crawl": summary()}, missing)["crawl"].eq(0).all()  # no value: nothing to remove


def test_a_settled_cutoff_replaces_the_rule_and_carries_the_reason() -> None:
    other = Rule(metric="words", operator="<", cutoff=50)
    table = CutoffTable({ANY_LANGUAGE: LanguageCutoffs((SHORT, other)), "hin_Deva": LanguageCutoffs((other,))})
    moved = Rule(metric="short_line_ratio", operator=">", cutoff=0.8, group="fineweb_quality")
    summaries = {"crawl": of_short_lines(0.1, 0.9), "reference": of_short_lines(0.1)}
    decided = CutoffTable.parse(explore.settled(table, LABEL, moved, " read 20: poems ", summaries).dump())
    first, second = decided.languages[LABEL].rules
    assert (first.cutoff, first.group) == (0.8, "fineweb_quality") and second == other
    assert first.provenance == Provenance(
        method="given", reference="read 20: poems", removed_crawl=0.5, removed_reference=0.0
    )
    assert decided.languages[ANY_LANGUAGE] == table.languages[ANY_LANGUAGE]  # nobody else's rules move
    assert decided.languages["hin_Deva"] == table.languages["hin_Deva"]


def test_a_settled_cutoff_leaves_no_other_rule_on_its_side() -> None:
    strict, low = (Rule(metric="short_line_ratio", operator=op, cutoff=0.1) for op in (">=", "<"))
    table = CutoffTable({LABEL: LanguageCutoffs((low, SHORT, strict), ("a",), withheld=(SHORT, low))})
    entry = explore.settled(table, LABEL, SHORT, "because").of(LABEL)
    assert [(rule.operator, rule.provenance.method) for rule in entry.rules] == [("<", None), (">", "given")]
    assert entry.withheld == (low,) and entry.stopwords == ("a",)
    new = explore.settled(CutoffTable({}), LABEL, SHORT, "because").of(LABEL)
    assert [rule.metric for rule in new.rules] == ["short_line_ratio"]


def test_a_settled_cutoff_needs_a_reason() -> None:
    with pytest.raises(TableError, match="needs a reason"):
        explore.settled(CutoffTable({}), LABEL, SHORT, "  ")


def test_rule_of_finds_the_withheld_too() -> None:
    table = CutoffTable({LABEL: LanguageCutoffs((), withheld=(SHORT,))})
    assert explore.rule_of(table, LABEL, "short_line_ratio", ">") == SHORT
    assert explore.rule_of(table, LABEL, "short_line_ratio", "<") is None


def test_documents_are_escaped_and_take_their_own_direction() -> None:
    text = '<script>alert(1)</script>\nسلام & "x"'
    rows = [{"address": "https://a.example/<b>", "value": 0.5, "text": text, "marks": ((8, 16),)}]
    html = explore.documents_html(pd.DataFrame(rows))
    assert "<script" not in html and "<b>" not in html
    assert "&lt;script&gt;<mark>alert(1)</mark>&lt;/script&gt;\nسلام &amp; &quot;x&quot;" in html
    assert '<td dir="auto"' in html and ">0.5</td>" in html and "marks" not in html
    assert "<tbody></tbody>" in explore.documents_html(pd.DataFrame())
