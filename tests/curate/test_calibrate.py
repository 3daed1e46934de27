"""Calibration in Spark: the aggregation equals the plain one however the rows are cut; summaries are stored and merged;
`cutoffs = "derive"` from end to end."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import curate.session
from curate import calibrate, plan, recipe, stages
from curate.recipe import RecipeError
from filters.columns import METRIC_NAMES
from thresholds.methods import METHODS, language_score_cut
from thresholds.rule import KNOWN_METRICS
from thresholds.summary import METRIC_INDEX, Summary, from_table, merge, summarise
from thresholds.table import CutoffTable, TableError

pytestmark = pytest.mark.spark
SAMPLES = Path(__file__).resolve().parents[1] / "samples"
CRAWL = SAMPLES / "crawl"
QUIET = Console(quiet=True)
LABELS = np.array(["eng_Latn", "hin_Deva", "tha_Thai", "und_Zzzz"])


@dataclass(frozen=True)
class Rows:
    """Documents as `calibrate.population` gives them."""

    label: np.ndarray
    hash: np.ndarray
    key: np.ndarray
    values: np.ndarray  # (rows, KNOWN_METRICS)

    def table(self) -> pa.Table:
        metrics = {name: pa.array(self.values[:, column], from_pandas=True) for name, column in METRIC_INDEX.items()}
        return pa.table({"label": self.label.astype(str), "hash": self.hash, "key": self.key, **metrics})

    def summaries(self, cuts: dict[str, float] | None, size: int) -> dict[str, Summary]:
        """By the plain function, of what passes the cuts."""
        scores = np.nan_to_num(self.values[:, METRIC_INDEX["language_score"]])
        limit = np.array([(cuts or {}).get(label, -np.inf) for label in self.label])
        passing = scores >= limit
        found = summarise(self.label[passing], self.hash[passing], self.key[passing], self.values[passing], size=size)
        return {summary.label: summary for summary in found}


def rows(count: int, seed: int = 1) -> Rows:
    """Skewed sizes and values, nulls, hashes over all of 64 bits."""
    random = np.random.default_rng(seed)
    values = random.lognormal(0, 2, (count, len(KNOWN_METRICS)))
    values[random.random(values.shape) < 0.1] = np.nan
    values[:, METRIC_INDEX["quality"]] = np.nan
    values[:, METRIC_INDEX["language_score"]] = np.where(random.random(count) < 0.02, np.nan, random.beta(5, 3, count))
    return Rows(
        LABELS[random.choice(4, count, p=[0.7, 0.2, 0.09, 0.01])].astype(object),
        random.integers(-(2**63), 2**63 - 1, count, endpoint=True),
        np.arange(count),
        values,
    )


def assert_same(found: dict[str, Summary], expected: dict[str, Summary]) -> None:
    assert set(found) == set(expected)
    for label, other in expected.items():
        one = found[label]
        assert one.documents == other.documents
        assert dict(one.moments) == dict(other.moments)
        for name in ("hash", "key", "values"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("partitions", [1, 3, 7])
@pytest.mark.parametrize("cut", [False, True])
def test_the_aggregation_is_the_plain_one(spark, partitions: int, cut: bool) -> None:
    made, size = rows(3000), 150
    cuts = {"eng_Latn": 0.6, "hin_Deva": 0.55, "tha_Thai": 0.3, "und_Zzzz": 0.5} if cut else None
    frame = spark.createDataFrame(made.table()).repartition(partitions)
    found = {s.label: s for s in from_table(calibrate.aggregate(frame, cuts, size=size).toArrow())}
    expected = made.summaries(cuts, size)
    assert_same(found, expected)
    assert found["eng_Latn"].documents > 4 * size == 4 * len(found["eng_Latn"].key), "vacuous: nothing was sampled"
    assert found["und_Zzzz"].documents == len(found["und_Zzzz"].key) < size


def test_a_language_without_a_cut_is_cut_by_its_own_scores(spark) -> None:
    made = rows(2000, 2)
    frame = spark.createDataFrame(made.table())
    found = {s.label: s for s in from_table(calibrate.aggregate(frame, {"eng_Latn": 0.7}).toArrow())}
    scores = np.nan_to_num(made.values[:, METRIC_INDEX["language_score"]])
    assert found["eng_Latn"].documents == ((made.label == "eng_Latn") & (scores >= 0.7)).sum()
    hindi = scores[made.label == "hin_Deva"]
    cut = language_score_cut(hindi)
    assert 0.3 < cut < 0.9
    least = found["hin_Deva"].of("language_score").min()
    assert found["hin_Deva"].documents < len(hindi)
    # scores are counted in steps of 0.001
    assert (hindi >= cut + 0.002).sum() <= found["hin_Deva"].documents <= (hindi >= cut - 0.002).sum()
    assert least >= cut - 0.002


def test_every_hash_may_be_in_a_sample_that_is_not_full(spark) -> None:
    made = rows(50, 4)
    made.hash[:4] = [2**63 - 1, 2**63 - 2, 2**63 - 1000, -(2**63)]
    [*found] = from_table(calibrate.aggregate(spark.createDataFrame(made.table()), None).toArrow())
    assert sum(len(summary.key) for summary in found) == 50
    assert_same({summary.label: summary for summary in found}, made.summaries(None, 50_000))


def demo(output: Path, *settings: str, files: str = "*.warc.gz") -> recipe.Recipe:
    blocklist = f"urls.blocklist=['{SAMPLES / 'blocklist'}']"
    return recipe.load("demo", input=[str(CRAWL / files)], output=str(output), settings=[blocklist, *settings])


@pytest.fixture(scope="module")
def measured(spark, tmp_path_factory) -> Path:
    """The sample crawl, run with the shipped cutoffs."""
    output = tmp_path_factory.mktemp("measured") / "wiki"
    stages.run(demo(output), QUIET)
    return output


def stored(run: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(run.glob("summary/*/*.parquet"))}


def test_the_population_is_one_document_a_cluster(spark, measured: Path) -> None:
    run = plan.opened(str(measured))
    keys = [row.key for row in calibrate.population(spark, run).select("key").collect()]
    documents = pq.ParquetDataset(sorted(map(str, (measured / "documents").glob("*.parquet")))).read(
        columns=["key", "signals", "drop_reasons"]
    )
    measured_keys = {
        row["key"] for row in documents.to_pylist() if row["signals"] is not None and not row["drop_reasons"]
    }
    clusters = pq.ParquetDataset(
        sorted(map(str, (measured / "clusters").glob("*/*.parquet")))
    ).read().to_pylist()  # fmt: skip
    copies = {row["key"] for row in clusters if row["key"] != row["cluster_id"]}
    assert len(copies & measured_keys) >= 10
    assert sorted(keys) == sorted(measured_keys - copies)


def test_summaries_are_made_once(spark, measured: Path, tmp_path: Path) -> None:
    run = shutil.copytree(measured, tmp_path / "run")
    opened = plan.opened(str(run))
    first = calibrate.evidence(lambda: spark, [opened], [opened])
    before = stored(run)
    assert len({path.parent for path in before}) == 2, "the crawl's with a language cut, the reference's without"
    for path in (run / "documents").glob("*.parquet"):
        path.unlink()  # expired, as the README says it may be
    again = calibrate.evidence(lambda: spark, [opened], [opened])
    assert stored(run) == before
    for population in ("crawl", "reference"):
        assert_same(dict(again.of(population)), dict(first.of(population)))
    assert first.reference["eng_Latn"].documents >= first.crawl["eng_Latn"].documents > 0
    assert first.reference_name == "run"


def test_two_snapshots_merge_to_one(spark, tmp_path: Path) -> None:
    """Hashes are of id and text, so a document is the same in either; keys are a run's own."""
    names = ["*-00000.warc.gz", "*-00001.warc.gz"]
    for name, files in zip(("a", "b"), names, strict=True):
        stages.run(demo(tmp_path / name, "dedup.enabled=false", files=files), QUIET)
    stages.run(demo(tmp_path / "both", "dedup.enabled=false", files="*-0000[01].warc.gz"), QUIET)
    parts, whole = (
        calibrate.reference(lambda: spark, [plan.opened(str(tmp_path / name)) for name in runs])
        for runs in (("a", "b"), ("both",))
    )
    assert list(parts) == list(whole) and len(whole) > 10
    shared_ = 0
    for label in whole:
        one, other = parts[label], whole[label]
        assert one.documents == other.documents and dict(one.moments) == dict(other.moments)
        np.testing.assert_array_equal(one.hash, other.hash)
        np.testing.assert_array_equal(one.values, other.values)
        shared_ += one.documents > max(
            calibrate.reference(lambda: spark, [plan.opened(str(tmp_path / name))]).get(label, empty()).documents
            for name in "ab"
        )
    assert shared_ > 3, "vacuous: no language is in both"


def empty() -> Summary:
    return Summary("", 0, {}, np.empty(0), np.empty(0), np.empty((0, len(KNOWN_METRICS))))


def test_stored_summaries_are_a_mapping_in_order_of_label(spark, measured: Path) -> None:
    held = calibrate.reference(lambda: spark, [plan.opened(str(measured))])
    assert list(held) == sorted(held) and len(held) == len(list(held)) and "eng_Latn" in held
    assert "xxx_Xxxx" not in held and held.get("xxx_Xxxx") is None
    backwards = {label: held[label] for label in reversed(list(held))}
    assert_same(backwards, dict(held))
    doubled = calibrate.reference(lambda: spark, [plan.opened(str(measured))] * 2)
    assert_same({"eng_Latn": doubled["eng_Latn"]}, {"eng_Latn": merge([held["eng_Latn"], held["eng_Latn"]])})


def derive_recipe(output: Path, *references: Path, settings: tuple[str, ...] = ()) -> recipe.Recipe:
    listed = ", ".join(f"'{root}'" for root in references)
    return demo(output, "cutoffs=derive", f"calibrate.reference=[{listed}]", *settings)


@pytest.fixture(scope="module")
def derived(spark, measured: Path, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("derived") / "CC-MAIN"
    stages.run(derive_recipe(output, measured), QUIET)
    return output


def test_derived_cutoffs_come_with_the_run(derived: Path, measured: Path) -> None:
    table = CutoffTable.load(derived / "cutoffs.toml")
    english, hindi = table.of("eng_Latn"), table.of("hin_Deva")
    methods = {rule.provenance.method for entry in table.languages.values() for rule in entry.rules}
    assert methods >= {"mean_std", "tail", "quantile", "anchor", "fixed", "language_score"}
    for rule in (*hindi.rules, *hindi.withheld):
        assert rule.provenance.method
        if rule.provenance.method in METHODS:
            assert rule.provenance.reference in ("CC-MAIN", measured.name)
            assert rule.provenance.documents is not None or rule.provenance.flag
    assert any(rule.provenance.interval for rule in hindi.rules)
    assert any(rule.provenance.fallback for entry in table.languages.values() for rule in entry.rules)
    assert {rule.provenance.method for rule in english.rules} >= {"anchor"}
    assert any(entry.stopwords for entry in table.languages.values())


def test_the_decisions_are_those_of_the_derived_table(derived: Path) -> None:
    table = CutoffTable.load(derived / "cutoffs.toml")
    kept = pa.concat_tables(pq.ParquetFile(path).read() for path in sorted((derived / "kept").glob("*/*.parquet")))
    label = pa.array([f"{a}_{b}" for a, b in zip(*(kept[c].to_pylist() for c in ("language", "language_script")), strict=True)])  # fmt: skip
    columns = {name: kept[name].combine_chunks() for name in ("language_score", "quality")}
    reasons = table.apply(kept["signals"].combine_chunks(), label, columns=columns)
    assert kept.num_rows > 20 and not any(reasons.to_pylist())
    dropped = pa.concat_tables(
        pq.ParquetFile(path).read() for path in sorted((derived / "dropped").glob("**/*.parquet"))
    )
    assert {reason for row in dropped["drop_reasons"].to_pylist() for reason in row} & {f"{name}_low" for name in METRIC_NAMES}  # fmt: skip


def test_resuming_decides_the_same(derived: Path, measured: Path, tmp_path: Path) -> None:
    fingerprints = sorted(path.name for path in (derived / "decisions").iterdir())
    text = (derived / "cutoffs.toml").read_text("utf-8")
    files = {path: path.stat().st_mtime_ns for path in derived.glob("**/*.parquet")}
    stages.run(derive_recipe(derived, measured), QUIET)
    assert files == {path: path.stat().st_mtime_ns for path in derived.glob("**/*.parquet")}
    # and from measured documents alone: nothing that was derived or decided is left
    bare = shutil.copytree(derived, tmp_path / derived.name)
    for name in ("decisions", "summary", "kept", "dropped", "clusters"):
        shutil.rmtree(bare / name)
    stages.run(derive_recipe(bare, measured), QUIET)
    assert (bare / "cutoffs.toml").read_text("utf-8") == text == (derived / "cutoffs.toml").read_text("utf-8")
    assert sorted(path.name for path in (bare / "decisions").iterdir()) == fingerprints and len(fingerprints) == 1
    assert contents(bare) == contents(derived) and contents(bare)


def contents(run: Path) -> list[tuple]:
    found = []
    for part in ("kept", "dropped"):
        for path in (run / part).glob("**/*.parquet"):
            for row in pq.ParquetFile(path).read(columns=["id", "drop_reasons"]).to_pylist():
                found.append((part, row["id"], tuple(row["drop_reasons"])))
    return sorted(found)


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(recipe: object) -> None:
        raise AssertionError("Spark was started for a run that cannot be")

    monkeypatch.setattr(curate.session, "session", refuse)
    monkeypatch.setattr("curate.stages.session", refuse)
    yield


def error_of(made: recipe.Recipe) -> str:
    with pytest.raises((RecipeError, TableError)) as error:
        stages.run(made, QUIET)
    assert "\n" not in str(error.value)
    assert not Path(made.output).exists(), "work was begun"
    return str(error.value)


def test_a_reference_that_is_no_run_is_one_line_before_any_work(no_spark: None, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for name in ("texts", "nowhere"):
        text = error_of(derive_recipe(tmp_path / "run", tmp_path / name))
        assert text == (f"{tmp_path / name}: no run folder: it has no run.json; measure it first with `curate run`")


def test_an_unfinished_reference_is_one_line_before_any_work(no_spark: None, measured: Path, tmp_path: Path) -> None:
    half = shutil.copytree(measured, tmp_path / "half")
    commits = sorted((half / "documents" / "_commits").glob("0*.json"))
    commits[0].unlink()
    text = error_of(derive_recipe(tmp_path / "run", half))
    assert text == f"{half}: 1 of its {len(commits)} parts are not measured yet; `curate run` again"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("calibrate.methods={gopher = 'tail:crawl'}", "unknown group of rules 'gopher'"),
        ("calibrate.methods={all = 'median:crawl'}", "unknown method 'median'"),
    ],
)
def test_an_unknown_method_is_one_line_before_any_work(
    no_spark: None, measured: Path, tmp_path: Path, setting: str, says: str
) -> None:
    assert error_of(derive_recipe(tmp_path / "run", measured, settings=(setting,))).startswith(says)
