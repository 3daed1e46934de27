"""datatrove's blocks and a user's own as steps of a recipe: what is measured, dropped, failed and counted."""

import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from curate import manifest, plan, recipe, stages, steps
from curate.measurer import Measurer
from curate.page import Page
from curate.recipe import Recipe, RecipeError, Step
from curate.sources.record import Record
from curate.work import Settings, Tally
from filters.guard import Guard
from filters.minhash import exact_hash
from filters.signals import measure
from filters.url import Blocklist

pytest.importorskip("datatrove")
SAMPLES = Path(__file__).resolve().parents[1] / "samples"
C4 = Step(block="datatrove.pipeline.filters.C4QualityFilter", options={"min_num_sentences": -1})
PARAGRAPHS = Step(block="datatrove.pipeline.filters.C4ParagraphFilter")
SYMBOLS = Step(block="datatrove.pipeline.formatters.SymbolLinesFormatter")
ENGLISH = "My neighbours repaired the old bridge last week, and now the children can walk to school again."
HINDI = "मेरे पड़ोसियों ने पिछले हफ़्ते पुराना पुल ठीक कर दिया और अब बच्चे फिर से पैदल स्कूल जा सकते हैं।"

BLOCKS = '''
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.formatters.base import BaseFormatter

SEEN, BATCHES, BUILT = [], [], []


class OnlyHindiLines(BaseFormatter):
    def format(self, text):
        return "\\n".join(line for line in text.split("\\n") if "\\u0900" <= line[:1] <= "\\u097f")


class WatchingFilter(BaseFilter):
    """Batched; drops a text with `unwanted`, raises on one with `poison`."""

    def __init__(self, word="unwanted", batch_size=3):
        super().__init__(batch_size=batch_size)
        self.word = word
        BUILT.append(self)

    def filter(self, doc):
        raise NotImplementedError

    def filter_batch(self, batch):
        BATCHES.append(len(batch))
        SEEN.extend((doc.id, dict(doc.metadata)) for doc in batch)
        if any("poison" in doc.text for doc in batch):
            raise KeyError("a poisoned\\ndocument")
        return [(False, f"has {self.word}") if self.word in doc.text else True for doc in batch]


class EmptyingFilter(BaseFilter):
    def filter(self, doc):
        doc.text = " "
        return True


class WrongFilter(BaseFilter):
    def filter(self, doc):
        doc.text = doc.text.encode()
        return True


class RunningFilter(BaseFilter):
    def filter(self, doc):
        return True

    def run(self, data, rank=0, world_size=1):
        yield from data
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The module `own_blocks`, as a user would write it."""
    (tmp_path / "own_blocks.py").write_text(BLOCKS, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_blocks", raising=False)
    steps._built.clear()
    import own_blocks

    yield own_blocks
    sys.modules.pop("own_blocks", None)
    steps._built.clear()


def measured(texts: list[str], *chosen: Step, **options) -> tuple[list[dict], Tally, list[dict]]:
    tally, failures = Tally(), list[dict]()
    settings = Settings(Recipe(input=("-",), output="-", steps=chosen, **options), {}, {}, Blocklist.load(()))
    records = [
        Record(offset=n, payload=text, id=f"d{n}", url=f"https://example.org/{n}", date="2026-05-18T09:34:12Z")
        for n, text in enumerate(texts)
    ]
    with Guard() as guard:
        rows = Measurer(settings, tally, guard).rows([Page(record, "crawl") for record in records], failures)
    assert len(rows) + len(failures) == len(texts)
    return rows.to_pylist(), tally, failures


def assert_measured_as(row: dict, text: str) -> None:
    label = f"{row['language']}_{row['language_script']}"
    assert row["text"] == text
    assert row["signals"] == measure(pa.array([text]), pa.array([label]), stopwords={})[0].as_py()
    assert row["exact_hash"] == exact_hash(pa.array([text]))[0].as_py()


def test_what_a_formatter_makes_of_the_text_is_measured() -> None:
    rows, tally, failures = measured([f"{ENGLISH}\n-----\n{ENGLISH}", ENGLISH], SYMBOLS)
    assert not failures
    assert_measured_as(rows[0], f"{ENGLISH}\n{ENGLISH}")
    assert_measured_as(rows[1], ENGLISH)
    assert [row["drop_reasons"] for row in rows] == [[], []]
    assert "steps" in tally.cpu_seconds and tally.cpu_seconds["language"] > 0


def test_lines_that_a_filter_removes_are_gone_and_edits_fit_what_is_left() -> None:
    text = f"Menu\n{ENGLISH}\nWrite to anna@mail.example now, please.\nPlease enable Javascript in your browser."
    rows, _, _ = measured([text], C4)
    assert_measured_as(rows[0], f"{ENGLISH}\nWrite to anna@mail.example now, please.")
    (edit,) = rows[0]["edits"]
    assert rows[0]["text"][edit["start"] : edit["end"]] == "anna@mail.example"


def test_a_dropped_document_is_a_row_with_reason_text_and_metrics() -> None:
    texts = [f"{ENGLISH}\nLorem ipsum dolor sit amet.", f"{ENGLISH}\nMenu", HINDI]
    rows, tally, failures = measured(texts, C4, PARAGRAPHS)
    reasons = ["datatrove_c4_quality:lorem_ipsum", "datatrove_c4_paragraph:< 3 paragraphs"]
    assert not failures and [row["drop_reasons"] for row in rows[:2]] == [[reason] for reason in reasons]
    assert_measured_as(rows[0], texts[0])  # as the filter was given it
    assert_measured_as(rows[1], ENGLISH)  # as the first filter left it, and the second was given it
    assert rows[2]["drop_reasons"] == ["datatrove_c4_quality:no_text_left"]  # C4 knows no danda
    assert_measured_as(rows[2], HINDI)
    assert tally.dropped == {**dict.fromkeys(reasons, 1), "datatrove_c4_quality:no_text_left": 1}


def test_a_filter_sees_the_language_of_the_text_it_is_given(own) -> None:
    mixed = f"{ENGLISH}\n" * 12 + HINDI
    formatter, watcher = Step(block="own_blocks.OnlyHindiLines"), Step(block="own_blocks.WatchingFilter")
    rows, _, _ = measured([mixed, f"{HINDI} unwanted"], watcher, formatter, watcher)
    assert rows[0]["language"] == "hin" and rows[1]["drop_reasons"] == ["watching:has unwanted"]
    seen = [(name, metadata["language"], metadata["language_script"]) for name, metadata in own.SEEN]
    assert seen == [("d0", "eng", "Latn"), ("d1", "hin", "Deva"), ("d0", "hin", "Deva")]
    first = own.SEEN[0][1]
    assert 0 < first["language_score"] <= 1 and first["url"] == "https://example.org/0"
    assert first["date"].startswith("2026") and first["file_path"] == "crawl" and "dump" not in first


def test_a_block_that_raises_costs_that_record_only(own) -> None:
    texts = [f"{ENGLISH} {n}" + (" poison" if n == 4 else " unwanted" if n == 1 else "") for n in range(8)]
    rows, tally, failures = measured(texts, Step(block="own_blocks.WatchingFilter"))
    assert [(failure["offset"], failure["reason"]) for failure in failures] == [(4, "step_error")]
    assert failures[0]["error"] == "own_blocks.WatchingFilter: KeyError: 'a poisoned\\ndocument'"
    assert [row["id"] for row in rows] == [f"d{n}" for n in range(8) if n != 4]
    assert [n for n, row in enumerate(rows) if row["drop_reasons"]] == [1] and tally.rows == 7
    assert all(row["language"] == "eng" and row["signals"]["words"] > 10 for row in rows)
    assert own.BATCHES == [3, 3, 1, 1, 1, 2]  # in batches; the one that broke again one by one


def test_a_text_that_a_step_empties_or_spoils(own) -> None:
    rows, _, _ = measured([ENGLISH], Step(block="own_blocks.EmptyingFilter"))
    assert rows[0]["drop_reasons"] == ["emptying:no_text_left"] and rows[0]["text"] == ENGLISH
    rows, _, failures = measured([ENGLISH], Step(block="own_blocks.WrongFilter"))
    assert not rows and failures[0]["error"].endswith("TypeError: the text became bytes, must be str")


def test_blocks_are_built_once_a_worker_and_the_same_one_twice_is_told_apart(own) -> None:
    chosen = [Step(block="own_blocks.WatchingFilter", options={"word": word}) for word in ("neighbours", "school")]
    for _ in range(2):
        rows, _, _ = measured([ENGLISH, "At school."], *chosen)
        assert [row["drop_reasons"] for row in rows] == [["watching:has neighbours"], ["watching_2:has school"]]
    assert len(own.BUILT) == 2


def test_what_is_dropped_before_the_steps_is_not_touched() -> None:
    rows, _, _ = measured(["", ENGLISH], SYMBOLS, C4)
    assert [row["drop_reasons"] for row in rows] == [["empty"], []]
    assert rows[0]["signals"] is None and rows[0]["language"] == "und"


def test_line_rules_come_before_the_steps() -> None:
    text = f"Menu\n-----\n{ENGLISH}"
    rows, tally, _ = measured([text, "Menu\nHome"], PARAGRAPHS, clean={"line_rules": ("setu_terminal",)})
    assert_measured_as(rows[0], ENGLISH)
    assert rows[0]["drop_reasons"] == ["datatrove_c4_paragraph:< 3 paragraphs"]
    assert rows[1]["drop_reasons"] == ["no_lines_left"]
    assert_measured_as(rows[1], "Menu\nHome")
    assert tally.lines_removed == {"setu_terminal": 4}


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Step(block="no_such_module.MyFilter"), "steps.0.block: no module no_such_module; put its folder on PYTHONPATH"),
        (Step(block="datatrove.pipeline.filters.C5Filter"), r"has no C5Filter; .* there: C4BadWordsFilter, "),
        (Step(block="json.JSONDecoder"), "steps.0.block: json cannot run as a step: JSONDecoder; a step is a subclass"),
        (Step(block="own_blocks.RunningFilter"), r"leaves run\(\) alone; there: .*WatchingFilter"),
        (C4.model_copy(update={"options": {"nope": 1}}), "steps.0.options: .* does not take these: .*'nope'"),
        (C4.model_copy(update={"options": {"exclusion_writer": "x"}}), "steps.0.options: exclusion_writer: .*dropped/"),
        (Step(block="own_blocks.WrongFilter"), "steps.0.block: fails on a plain text: .* must be str"),
        (Step(block="datatrove.pipeline.filters.LanguageFilter"), r"needs a package that is missing: use \[language\]"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_run_stops_before_any_work(own, tmp_path: Path, step: Step, message: str) -> None:
    chosen = Recipe(input=(str(SAMPLES / "sample.jsonl.gz"),), output=str(tmp_path / "run"), steps=(step,))
    with pytest.raises(RecipeError, match=message) as raised:
        plan.make(chosen)
    assert "\n" not in str(raised.value) and not (tmp_path / "run").exists()


def test_without_datatrove_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datatrove.pipeline.filters.base_filter", None)
    with pytest.raises(RecipeError, match=r"steps need datatrove: pip install 'multicurate\[datatrove\]'"):
        steps.check((C4,))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[[steps]]\nbloc = 'a.B'", "unknown key 'steps.0.bloc'; known: block, options|key 'steps.0.block' is missing"),
        ("[[steps]]\nblock = 'NoPath'", "steps.0.block = 'NoPath': "),
        ("[clean]\nline_rules = ['setu_termnal']", r"clean.line_rules.0 = 'setu_termnal': .*'setu_terminal'"),
    ],
)
def test_a_misspelt_key_is_named(tmp_path: Path, toml: str, message: str) -> None:
    (tmp_path / "r.toml").write_text(f"input = ['-']\noutput = '-'\n{toml}\n")
    with pytest.raises(RecipeError, match=message):
        recipe.load(str(tmp_path / "r.toml"))


def test_the_measure_key_knows_options_and_a_user_s_file(own, tmp_path: Path) -> None:
    step = Step(block="own_blocks.WatchingFilter")
    keys = [steps.check(()), steps.check((step,)), steps.check((step.model_copy(update={"options": {"word": "x"}}),))]
    (tmp_path / "own_blocks.py").write_text(BLOCKS + "# changed\n", "utf-8")
    keys.append(steps.check((step,)))
    assert len({str(key) for key in keys}) == 4 and keys[0] == []
    assert "datatrove 0." in keys[1][0]["code"]


RUN = """
[[steps]]
block = "datatrove.pipeline.formatters.SymbolLinesFormatter"

[[steps]]
block = "own_blocks.WatchingFilter"
options = { word = "bridge" }

[[steps]]
block = "datatrove.pipeline.filters.C4ParagraphFilter"
"""


@pytest.mark.spark
def test_a_run_accounts_for_every_record_and_refuses_other_steps(spark, own, tmp_path: Path) -> None:
    spark.sparkContext.addPyFile(str(tmp_path / "own_blocks.py"))
    crawl = [ENGLISH, f"{HINDI}\n{HINDI}", f"{ENGLISH} poison", "\n".join(["The river is long and wide. " * 12] * 3)]
    lines = [f'{{"id": "j{n}", "text": "{text}"}}'.replace("\n", "\\n") for n, text in enumerate(crawl)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    inputs = [str(tmp_path / "in.jsonl"), *map(str, sorted((SAMPLES / "crawl").glob("*.warc.gz")))]
    settings = f"input = {inputs}\noutput = '{tmp_path / 'run'}'\n"
    (tmp_path / "r.toml").write_text(settings + RUN, "utf-8")
    stages.run(recipe.load(str(tmp_path / "r.toml")), Console(quiet=True))
    assert all(check.ok for check in manifest.verify(str(tmp_path / "run")))
    dropped = [row for f in (tmp_path / "run/dropped").glob("*.parquet") for row in pq.read_table(f).to_pylist()]
    failed = [row for f in (tmp_path / "run/failed").glob("**/*.parquet") for row in pq.read_table(f).to_pylist()]
    reasons = Counter(row["reason"] for row in dropped)
    assert reasons["watching:has bridge"] >= 1 and reasons["datatrove_c4_paragraph:< 3 paragraphs"] > 20
    assert [row["error"] for row in failed if row["reason"] == "step_error"] == [
        "own_blocks.WatchingFilter: KeyError: 'a poisoned\\ndocument'"
    ]
    assert all(row["signals"]["words"] for row in dropped if row["reason"].startswith(("watching", "datatrove")))
    account = manifest.read_json(manifest.RunFolder(str(tmp_path / "run")).manifest)
    assert account["stages"]["write"]["kept"] > 0 and "steps" in account["cpu_seconds"]
    (tmp_path / "r.toml").write_text(settings + RUN.replace('"bridge"', '"river"'), "utf-8")
    with pytest.raises(RecipeError, match="measured with other settings of steps"):
        plan.make(recipe.load(str(tmp_path / "r.toml")))
