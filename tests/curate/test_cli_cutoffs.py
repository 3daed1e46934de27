"""`curate cutoffs` and `curate preview` as a linguist meets them."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

import curate.cli_preview
from curate.cli import main
from curate.console import marked
from curate.plan import opened
from curate.preview import SHOWN, examples, snippet, summaries
from curate.report.words import group, meaning
from thresholds import compare, fineweb2
from thresholds.rule import Provenance, Rule
from thresholds.table import CutoffTable, LanguageCutoffs

SCORE = Rule(
    metric="language_score",
    operator="<",
    cutoff=0.692,
    provenance=Provenance(
        method="mean_std",
        reference="CC-MAIN-2026-21",
        documents=50_000,
        interval=(0.68, 0.71),
        fallback="pooled with 12 languages",
        removed_crawl=0.031,
        removed_reference=0.004,
    ),
)
SHORT = Rule(metric="short_line_ratio", operator=">", cutoff=0.67)
WITHHELD = replace(SHORT, cutoff=0.1, provenance=Provenance(method="tail", flag="removes 81% of the crawl"))


def run(*arguments: str, width: int = 120) -> str:
    result = CliRunner().invoke(main, arguments, env={"COLUMNS": str(width)})
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def error(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    [line] = result.stderr.splitlines()
    return line


@pytest.fixture(autouse=True)
def console_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared console reads COLUMNS once."""
    monkeypatch.setattr(curate.cli_preview.console, "_width", None)


def save(path: Path, **languages: LanguageCutoffs) -> str:
    path.write_text(CutoffTable(languages, path.stem, "for a test").dump(), "utf-8")
    return str(path)


def line_with(output: str, *parts: str) -> str:
    [line] = [line for line in output.splitlines() if all(part in line for part in parts)]
    return line


# --- show ----------------------------------------------------------------------------------------------------------


def test_show_needs_no_more_than_a_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = run("cutoffs", "show", "hin_Deva")
    assert shown.startswith("universal ") and "hin_Deva Hindi  the rules of *" in shown
    save(tmp_path / "cutoffs.toml", hin_Deva=LanguageCutoffs((SCORE,)))
    shown = run("cutoffs", "show", "hin_Deva")
    assert shown.startswith("cutoffs.toml ") and "0.692" in shown
    assert run("cutoffs", "show") == shown, "its only language"


def test_show_tells_where_a_cutoff_is_from(tmp_path: Path) -> None:
    path = save(tmp_path / "t.toml", hin_Deva=LanguageCutoffs((SCORE, SHORT), ("और", "है"), (WITHHELD,)))
    for width in (80, 120):
        shown = run("cutoffs", "show", path, "hin_Deva", width=width)
        row = line_with(shown, "language_score").split()
        assert row == [
            "language_score",
            "<",
            "0.692",
            "0.68–0.71",
            "50,000",
            "3.1%",
            "0.4%",
            "1",
            "2",
        ]
        assert "1 mean_std, CC-MAIN-2026-21" in shown and "2 fallback: pooled with 12 languages" in shown
        before, after = shown.split("withheld")
        assert "removes 81% of the crawl" in after and "short_line_ratio > 0.1 " in after
        assert "short_line_ratio > 0.67" in before and "stopwords: और है" in shown
        assert max(cell_len(line) for line in shown.splitlines()) <= width


def test_show_takes_a_run_folder(tmp_path: Path) -> None:
    save(tmp_path / "cutoffs.toml", tha_Thai=LanguageCutoffs((SHORT,)))
    assert "tha_Thai Thai" in run("cutoffs", "show", str(tmp_path))
    assert "a folder without cutoffs.toml" in error("cutoffs", "show", str(tmp_path.parent))


def test_show_summarises_a_large_table(tmp_path: Path) -> None:
    labels = [f"aa{letter}_Latn" for letter in "abcde"]
    entries = {label: LanguageCutoffs((replace(SHORT, cutoff=n / 10),)) for n, label in enumerate(labels, 1)}
    path = save(tmp_path / "t.toml", **entries)
    shown = run("cutoffs", "show", path)
    assert line_with(shown, "short_line_ratio").split()[2:] == ["5", "0.1", "0.3", "0.5"]
    assert "5 languages; name those to see" in shown and "aaa_Latn" not in shown
    assert all(label in run("cutoffs", "show", path, "--all") for label in labels)
    assert run("cutoffs", "show", path, "aab_Latn", "aac_Latn").count("short_line_ratio") == 2


@pytest.mark.parametrize("words", [["hin_deva"], ["english", "hindi"], ["hi"], ["hin_Deva", "english"]])
def test_what_is_no_language(words: list[str]) -> None:
    assert "is no language; write its ISO 639-3 code and script, as hin_Deva" in error("cutoffs", "show", *words)


def test_a_language_without_cutoffs(tmp_path: Path) -> None:
    path = save(tmp_path / "t.toml", hin_Deva=LanguageCutoffs((SHORT,)))
    assert "no cutoffs for tam_Taml; it has hin_Deva" in error("cutoffs", "show", path, "tam_Taml")
    assert "no such file, and no shipped table" in error("cutoffs", "show", "nothing.toml")


def test_what_a_table_holds_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    entry = LanguageCutoffs((replace(SHORT, provenance=Provenance(reference="a\x1b[2J[bold]b")),), ("\u202eab",))
    shown = run("cutoffs", "show", save(tmp_path / "t.toml", hin_Deva=entry))
    assert "\x1b[2J" not in shown and "\u202e" not in shown and "[bold]b" in shown


# --- diff ----------------------------------------------------------------------------------------------------------


def test_diff_of_slots(tmp_path: Path) -> None:
    twice = (SHORT, replace(SHORT, cutoff=0.9))
    a = CutoffTable({"hin_Deva": LanguageCutoffs((SCORE, *twice)), "aaa_Latn": LanguageCutoffs((SHORT,))})
    words = Rule(metric="words", operator="<", cutoff=5)
    other = LanguageCutoffs((replace(SCORE, cutoff=0.7), SHORT, words))
    found = compare.compare(a, CutoffTable({"hin_Deva": other, "tha_Thai": other}))
    assert (found.only_a, found.only_b) == (("aaa_Latn",), ("tha_Thai",))
    [hindi] = found.languages
    pairs = {pair.slot: (pair.difference, pair.within) for pair in hindi.pairs}
    assert pairs == {
        ("language_score", "<", 0): (pytest.approx(0.008), True),
        ("short_line_ratio", ">", 0): (0, None),
        ("short_line_ratio", ">", 1): (None, None),
        ("words", "<", 0): (None, None),
    }
    assert len(hindi.changed) == 3 and not (hindi.default_a or hindi.default_b)
    row = next(row for row in compare.by_slot(found.languages) if row.slot[0] == "language_score")
    assert (row.both, row.changed, row.within, row.judged) == (1, 1, 1, 1)


def test_a_language_without_an_entry_is_compared_with_the_default() -> None:
    a, b = CutoffTable({"hin_Deva": LanguageCutoffs((SHORT,))}), CutoffTable({"*": LanguageCutoffs((SHORT, SCORE))})
    found = compare.compare(a, b, ["hin_Deva"])
    assert [pair.slot[0] for pair in found.languages[0].changed] == ["language_score"]
    assert found.languages[0].default_b and not found.languages[0].default_a


def test_diff_prints_languages_or_a_summary(tmp_path: Path, shared: Path) -> None:
    labels = ["hin_Deva", "tha_Thai", "jpn_Jpan", "arb_Arab", "tam_Taml"]
    table = fineweb2.read(shared / "lists" / "fineweb2_configs.zip", labels)
    a, b = tmp_path / "a.toml", tmp_path / "b.toml"
    a.write_text(table.dump(), "utf-8")
    moved = {
        label: replace(entry, rules=tuple(replace(rule, cutoff=rule.cutoff + 1) for rule in entry.rules))
        for label, entry in table.languages.items()
        if label != "tam_Taml"
    }
    b.write_text(CutoffTable(moved).dump(), "utf-8")
    summary = run("cutoffs", "diff", str(a), str(b), width=80)
    assert line_with(summary, "mean_word_length >").split()[2:] == ["4", "4", "+1", "–", "–"]
    assert "4 of 4 languages in both differ" in summary and "only in A: 1 language: tam_Taml" in summary
    detail = run("cutoffs", "diff", str(a), str(b), "hin_Deva", width=80)
    assert line_with(detail, "mean_word_length >").split()[2:] == ["21", "22", "+1"]
    assert "hin_Deva Hindi" in detail and "0 only in A, 0 only in B" in detail
    assert all(label in run("cutoffs", "diff", str(a), str(b), "--all") for label in labels)
    assert "0 of 1 language in both differ" in run("cutoffs", "diff", str(a), str(a), "hin_Deva")
    assert "neither" in error("cutoffs", "diff", str(a), str(b), "xxx_Latn")


# --- export --------------------------------------------------------------------------------------------------------


def test_export_and_import_again(tmp_path: Path, shared: Path) -> None:
    table = fineweb2.read(shared / "lists" / "fineweb2_configs.zip", ["hin_Deva", "khm_Khmr"])
    source = tmp_path / "fineweb2.toml"
    source.write_text(table.dump(), "utf-8")
    told = run("cutoffs", "export", str(source), "-o", str(tmp_path / "configs"))
    assert "2 languages" in told and "left out" not in told
    assert sorted(path.name for path in (tmp_path / "configs").iterdir()) == ["hin_Deva.yml", "khm_Khmr.yml"]
    run("cutoffs", "import", str(tmp_path / "configs"), "-o", str(tmp_path / "again.toml"))
    assert CutoffTable.load(tmp_path / "again.toml").languages == table.languages


def test_export_tells_what_it_leaves_out(tmp_path: Path) -> None:
    told = run("cutoffs", "export", "english", "hin_Deva", "-o", str(tmp_path / "configs"))
    assert "left out" in told and "short_line_ratio > 0.67" in told
    assert "it has no language of its own" in error(
        "cutoffs", "export", save(tmp_path / "any.toml", **{"*": LanguageCutoffs((SHORT,))}), "-o", str(tmp_path / "x")
    )
    assert not (tmp_path / "x").exists()


# --- preview -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(judged_twice) -> str:
    """A run whose summary is stored."""
    summaries(
        opened(str(judged_twice.root)), lambda: curate.cli_preview.start_spark(opened(str(judged_twice.root)).folder)
    )
    return str(judged_twice.root)


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: object) -> None:
        raise AssertionError("Spark was started though the summary is there")

    monkeypatch.setattr(curate.cli_preview, "start_spark", refuse)


@pytest.mark.spark
def test_a_table_of_languages_and_rules(root: str, no_spark: None) -> None:
    for width in (80, 120):
        shown = run("preview", root, width=width)
        assert line_with(shown, "tha_Thai").split()[:4] == ["tha_Thai", "Thai", "7", "100.0%"]
        assert max(cell_len(line) for line in shown.splitlines()) <= width
    assert line_with(run("preview", root, "--cutoffs", "universal"), "tha_Thai").split()[:4] == [
        *("tha_Thai", "Thai", "7", "0.0%")
    ]


@pytest.mark.spark
@pytest.mark.parametrize("language", ["hin_Deva", "tha_Thai", "arb_Arab", "jpn_Jpan"])
def test_one_language_with_documents(root: str, no_spark: None, language: str) -> None:
    shown = run("preview", root, "--language", language, "--limit", "1")
    assert "one of each group of copies" in shown and "all rules together: " in shown
    assert "\nremoved " in shown and ".example/" in shown
    assert len(line_with(shown, "short_line_ratio >", "%").split()) == 6


@pytest.mark.spark
def test_examples_stand_beside_their_cutoff_with_their_own_text(root: str) -> None:
    run_ = opened(root)
    stored = summaries(run_, lambda: pytest.fail("the summary is there"))
    rule = Rule(metric="words", operator="<", cutoff=float(stored["hin_Deva"].of("words")[5]))
    [found] = examples(run_, stored["hin_Deva"], [rule], 3).values()
    assert {each.removed for each in found} == {True, False} and len(found) == 6
    assert all((each.value < rule.cutoff) == each.removed and each.text.strip() for each in found)
    assert len({each.address for each in found}) == 6


@pytest.mark.spark
def test_another_value_is_tried(root: str, no_spark: None) -> None:
    arguments = ("preview", root, "--language", "jpn_Jpan", "--rule", "mean_word_length_low")
    assert line_with(run(*arguments), "mean_word_length <", "%").split()[-2:] == ["100.0%", "100.0%"]
    tried = run(*arguments, "--cutoff", "1")
    assert line_with(tried, "mean_word_length < 1 ", "%").split()[-2:] == ["0.0%", "0.0%"]
    assert "the table's mean_word_length < 3 removes 100.0%" in tried
    row = line_with(run("preview", root, "--rule", "words_low", "--cutoff", "100000"), "hin_Deva").split()
    assert row[2:] == ["10", "no", "rule", "–", "–", "100.0%", "90.0%"], "one other rule removes one"


@pytest.mark.spark
@pytest.mark.parametrize(
    "options, said",
    [
        (["--cutoff", "2"], "--cutoff needs --rule"),
        (["--rule", "mean_word_lenght_low"], "no such rule, as mean_word_length_low"),
        (["--rule", "words", "--cutoff", "9"], "to try a new one, write METRIC_low or METRIC_high"),
        (["--rule", "mean_word_length", "--cutoff", "9"], "mean_word_length_high or mean_word_length_low? name one"),
        (["--language", "hindi"], "'hindi' is no language"),
        (["--language", "xho_Latn"], "no measured documents of xho_Latn; it has amh_Ethi, "),
        (["--cutoffs", "nothing"], "no such file, and no shipped table"),
    ],
)
def test_what_cannot_be_previewed(root: str, no_spark: None, options: list[str], said: str) -> None:
    assert said in error("preview", root, *options)


def test_a_snippet_begins_where_the_first_mark_is() -> None:
    text = "one two three " * 100 + "OFFENDING part " + "four five " * 100
    start = text.index("OFFENDING")
    shown, [(a, b)] = snippet(text, [(start, start + 9)])
    assert shown[a:b] == "OFFENDING" and shown.startswith("… ") and shown.endswith(" …") and len(shown) <= SHOWN + 4
    unspaced = "あ" * 1000
    shown, marks = snippet(unspaced, [(700, 710), (935, 1000)])
    assert len(marks) == 2 and shown[slice(*marks[0])] == "あ" * 10
    assert shown[slice(*marks[1])] == "あ" * (SHOWN + 640 - 935), "what lies beyond the snippet is cut off"
    assert snippet("short", []) == ("short", ()) and snippet("", []) == ("", ())
    assert snippet("\n".join("abcdefghijkl"), [])[0].count("\n") == 7


def test_marks_stay_on_their_characters_where_some_are_replaced() -> None:
    shown = marked("a\u202eb\x1bcd", [(4, 5)])
    assert "\u202e" not in shown.plain and "\x1b" not in shown.plain
    assert [shown.plain[span.start : span.end] for span in shown.spans] == ["c"]


def test_reasons_of_line_rules_and_steps_are_readable() -> None:
    assert meaning("no_lines_left") == "the line rules removed every line" and group("no_lines_left") == "quality"
    assert "lorem ipsum" in meaning("c4_lorem_ipsum") and group("c4_curly_bracket") == "quality"
    step = "datatrove_c4_quality:too_few_sentences"
    assert meaning(step) == "the recipe's step datatrove's c4 quality: too few sentences" and group(step) == "quality"
    assert meaning("datatrove_gopher_repetition") == "the recipe's step datatrove's gopher repetition"
    assert meaning("my_own:<b>x") == "the recipe's step my own: <b>x" and meaning("unheard") == ""
