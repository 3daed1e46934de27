"""Page rules: the shipped tables, genres, reasons, and cutoffs derived from measured pages."""

import math
import random
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from filters.pdf.page_columns import PAGE_METRIC_NAMES, PAGE_SIGNALS
from thresholds.page_rules import LEAST_PAGES, SHIPPED_PAGES, PageRules, derive_page_cutoffs, explain, waived
from thresholds.rule import OPERATORS
from thresholds.table import CutoffTable, TableError

GOOD = {
    "horizontal_coverage": 0.76, "vertical_coverage": 0.8, "box_overlap": 0.0, "block_density": 0.9, "suppressed_boxes": 0.0,
    "script_unconfident_ratio": 0.0, "digit_character_ratio": 0.02, "characters": 2000.0, "ocr_confidence_mean": 0.9,
    "language_agreement": 0.95, "language_score": 0.9, "image_ratio": 0.0,
}  # fmt: skip


def _signals(*changes: dict[str, float | None] | None) -> pa.StructArray:
    return pa.array([None if change is None else GOOD | change for change in changes], PAGE_SIGNALS)


def _reasons(
    table: str, change: dict[str, float | None] | None, language: str | None = "hin_Deva", genre: str = "prose"
) -> list[str]:
    return PageRules.load(table).reasons(_signals(change), [language], [genre])[0]


@pytest.mark.parametrize("name", SHIPPED_PAGES)
def test_each_shipped_rule_fires_beyond_its_cutoff_and_says_so(name: str) -> None:
    rules = PageRules.load(name).of("tam_Taml")
    assert len({rule.metric for rule in rules}) == len(rules) >= 5
    for rule in rules:
        low = rule.operator.startswith("<")
        beyond = math.nextafter(rule.cutoff, -math.inf if low else math.inf)
        within = math.nextafter(rule.cutoff, math.inf if low else -math.inf)
        assert _reasons(name, {rule.metric: beyond}) == [f"{rule.metric}_{'low' if low else 'high'}"]
        assert _reasons(name, {rule.metric: within}) == _reasons(name, {rule.metric: None}) == []
        assert _reasons(name, {rule.metric: rule.cutoff}) == ([rule.reason] if "=" in rule.operator else [])
    assert all(rule.provenance.reference for rule in rules)


def test_setus_values() -> None:
    rules = PageRules.load("setu-pages").of("hin_Deva")
    assert [(rule.metric, rule.operator, rule.cutoff) for rule in rules] == [
        ("horizontal_coverage", "<", 0.7),
        ("vertical_coverage", "<", 0.5),
        ("box_overlap", ">", 0.004),
        ("block_density", "<", 0.5),
        ("script_unconfident_ratio", ">=", 0.3),
    ]


VERSE = {"horizontal_coverage": 0.45, "block_density": 0.4}
CHAPTER_END = {"vertical_coverage": 0.25}


def test_verse_and_chapter_ends() -> None:
    assert _reasons("setu-pages", VERSE) == ["horizontal_coverage_low", "block_density_low"]
    assert _reasons("setu-pages", CHAPTER_END) == ["vertical_coverage_low"]
    assert _reasons("setu-pages", VERSE | CHAPTER_END, genre="verse") == []
    assert _reasons("pages", VERSE) == _reasons("pages", CHAPTER_END) == []


def test_genres_waive_their_metrics_and_no_others() -> None:
    assert set(waived()) == {"prose", "verse", "title", "table", "comic"} and not waived()["prose"]
    assert all(metrics <= set(PAGE_METRIC_NAMES) for metrics in waived().values())
    bad = {
        rule.metric: rule.cutoff + (-1 if rule.operator == "<" else 1)
        for rule in PageRules.load("pages").of("hin_Deva")
    }
    every = _reasons("pages", bad)
    assert len(every) == len(bad)
    for genre, metrics in waived().items():
        left = _reasons("pages", bad, genre=genre)
        assert left == [reason for reason in every if reason.rpartition("_")[0] not in metrics]
        assert genre == "prose" or 0 < len(left) < len(every)


def test_pages_of_many_genres_and_languages_at_once() -> None:
    table = CutoffTable.parse(
        """
        [languages."*"]
        rules = [{ metric = "horizontal_coverage", operator = "<", cutoff = 0.5 }, { metric = "language_score", operator = "<", cutoff = 0.3 }]
        [languages."urd_Arab"]
        rules = [{ metric = "horizontal_coverage", operator = "<", cutoff = 0.2 }]
        """
    )
    rules, chance = PageRules(table), random.Random(1)
    pages = [{"horizontal_coverage": chance.random(), "language_score": chance.random()} for _ in range(500)]
    languages = chance.choices(["urd_Arab", "hin_Deva", None], k=500)
    genres = chance.choices(["prose", "verse", "table"], k=500)
    got = rules.reasons(_signals(*pages), languages, genres)
    for page, language, genre, reasons in zip(pages, languages, genres, got, strict=True):
        narrow = page["horizontal_coverage"] < (0.2 if language == "urd_Arab" else 0.5) and genre != "verse"
        unsure = page["language_score"] < 0.3 and language != "urd_Arab" and genre != "table"
        assert reasons == ["horizontal_coverage_low"] * narrow + ["language_score_low"] * unsure
    assert {len(reasons) for reasons in got} == {0, 1, 2}


def test_a_page_that_was_not_measured_is_no_rules_business() -> None:
    signals = _signals(None, {"vertical_coverage": 0.0})
    got = PageRules.load("pages").reasons(signals, ["hin_Deva", "hin_Deva"], ["prose", "prose"])
    assert got == [[], ["vertical_coverage_low"]]
    assert PageRules.load("pages").reasons(_signals(), [], []) == []


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown genre 'poem'; known: prose, verse, title, table, comic"):
        _reasons("pages", {}, genre="poem")
    text = tmp_path / "text.toml"
    text.write_text('[languages."*"]\nrules = [{ metric = "stopwords", operator = "<", cutoff = 2 }]', "utf-8")
    with pytest.raises(TableError, match="stopwords is no metric of a page; known: horizontal_coverage, "):
        PageRules.load(str(text))
    with pytest.raises(TableError, match="no such file"):
        PageRules.load(str(tmp_path / "none.toml"))
    text.write_text('[languages."*"]\nrules = [{ metric = "box_overlap", operator = "<>", cutoff = 2 }]', "utf-8")
    with pytest.raises(TableError, match="unknown operator '<>' for box_overlap"):
        PageRules.load(str(text))


def test_a_reason_explained() -> None:
    rule = next(rule for rule in PageRules.load("setu-pages").of("ben_Beng") if rule.metric == "vertical_coverage")
    assert explain(rule, 0.31234567) == "vertical_coverage_low: 0.3123 < 0.5"


# --- derived cutoffs ----------------------------------------------------------------------------------------------------


def _measured(pages: int = 4000) -> tuple[pa.StructArray, list[str]]:
    """English, Hindi in narrower columns, and too few pages in Santali."""
    random_ = np.random.default_rng(1)
    english, hindi = random_.beta(12, 3, pages), random_.beta(6, 4, pages)
    santali = random_.beta(6, 4, LEAST_PAGES - 1)
    rows = [
        GOOD | {"horizontal_coverage": float(v), "vertical_coverage": float(v), "box_overlap": float(o)}
        for v in (*english, *hindi, *santali)
        for o in [random_.exponential(0.01)]
    ]
    return pa.array(rows, PAGE_SIGNALS), ["eng_Latn"] * pages + ["hin_Deva"] * pages + ["sat_Olck"] * len(santali)


def _share(signals: pa.StructArray, languages: list[str], label: str, rule: object) -> float:
    values = np.array(signals.field(rule.metric))[np.array(languages) == label]  # type: ignore[attr-defined]
    return float(OPERATORS[rule.operator](values, rule.cutoff).mean())  # type: ignore[attr-defined]


def test_quantile_drops_of_each_language_what_the_rule_drops_of_english() -> None:
    signals, languages = _measured()
    base = PageRules.load("setu-pages")
    derived = PageRules(derive_page_cutoffs(signals, languages, base=base, reference="books"))
    for metric in ("horizontal_coverage", "vertical_coverage", "box_overlap"):
        given, english, hindi = (
            next(rule for rule in rules.of(label) if rule.metric == metric)
            for rules, label in ((base, "eng_Latn"), (derived, "eng_Latn"), (derived, "hin_Deva"))
        )
        assert english.cutoff == given.cutoff and english.provenance.method == "anchor"
        share = _share(signals, languages, "eng_Latn", given)
        assert 0.001 < share < 0.75
        assert _share(signals, languages, "hin_Deva", hindi) == pytest.approx(share, abs=0.01)
        assert (hindi.provenance.method, hindi.provenance.reference, hindi.provenance.documents) == (
            "quantile",
            "books",
            4000,
        )
        low, high = hindi.provenance.interval or (1.0, 0.0)
        assert low <= hindi.cutoff <= high and hindi.provenance.removed_reference == pytest.approx(share, abs=0.01)
    narrow = next(rule for rule in derived.of("hin_Deva") if rule.metric == "horizontal_coverage")
    assert narrow.cutoff < 0.6


def test_tail_drops_a_tenth() -> None:
    signals, languages = _measured()
    keep = [row for row, label in enumerate(languages) if label != "eng_Latn"]  # it needs no English
    signals, languages = signals.take(pa.array(keep)), [languages[row] for row in keep]
    derived = PageRules(derive_page_cutoffs(signals, languages, base=PageRules.load("setu-pages"), method="tail"))
    for metric in ("horizontal_coverage", "box_overlap"):
        rule = next(rule for rule in derived.of("hin_Deva") if rule.metric == metric)
        assert _share(signals, languages, "hin_Deva", rule) == pytest.approx(0.1, abs=0.005)


def test_a_rule_that_cannot_be_derived_keeps_its_cutoff_and_says_why() -> None:
    signals, languages = _measured()
    derived = derive_page_cutoffs(signals, languages, base=PageRules.load("setu-pages"), method="tail")
    same = next(rule for rule in derived.of("hin_Deva").rules if rule.metric == "script_unconfident_ratio")
    assert same.cutoff == 0.3 and "tail gives 0, which drops 100%" in (same.provenance.fallback or "")
    for rule, given in zip(derived.of("sat_Olck").rules, PageRules.load("setu-pages").of("sat_Olck"), strict=True):
        assert rule.cutoff == given.cutoff and "29 pages: too few" in (rule.provenance.fallback or "")
    assert derived.of("guj_Gujr").rules == PageRules.load("setu-pages").of("guj_Gujr")


def test_a_derived_table_is_a_file_that_a_linguist_can_edit(tmp_path: Path) -> None:
    signals, languages = _measured(200)
    derived = derive_page_cutoffs(signals, languages, base=PageRules.load("pages"), method="tail")
    path = tmp_path / "derived.toml"
    path.write_text(derived.dump(), "utf-8")
    assert PageRules.load(str(path)).table.languages == derived.languages
    assert set(tomllib.loads(derived.dump())["languages"]) == {"*", "eng_Latn", "hin_Deva", "sat_Olck"}


def test_derivation_needs_a_known_method_and_english_for_quantile() -> None:
    signals, languages = _measured(40)
    base = PageRules.load("pages")
    with pytest.raises(TableError, match="unknown method 'mean_std'; known: quantile, tail"):
        derive_page_cutoffs(signals, languages, base=base, method="mean_std")
    with pytest.raises(
        TableError, match="books: quantile carries English cutoffs over, and needs 30 pages in eng_Latn"
    ):
        derive_page_cutoffs(signals[60:], languages[60:], base=base, reference="books")
