"""Snapshots one after the other: a later run drops what an earlier one kept, a rerun changes nothing."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from curate import plan, recipe, stages
from curate.dedup import index
from curate.runfolder import read_json, walk

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
FILES = [str(path) for path in sorted((SAMPLES / "crawl").glob("*.warc.gz"))]


def settings(folder: Path, *more: str) -> list[str]:
    return [f"urls.blocklist=['{SAMPLES / 'blocklist'}']", f"dedup.index='{folder / 'index'}'", *more]


def run(folder: Path, name: str, files: list[str], *more: str) -> dict:
    """The manifest of a finished run."""
    resolved = recipe.load("demo", input=files, output=str(folder / name), settings=settings(folder, *more))
    stages.run(resolved, Console(quiet=True))
    return read_json(str(folder / name / "manifest.json"))


def ids(folder: Path, part: str, reason: str | None = None) -> set[str]:
    rows = [row for path in walk(str(folder / part), ".parquet") for row in pq.read_table(path).to_pylist()]
    return {row["id"] for row in rows if reason is None or row["reason"] == reason}


def entries(folder: Path) -> dict[str, int]:
    """Rows of the index by run."""
    found: dict[str, int] = {}
    for path in walk(str(folder / "index"), ".parquet"):
        name = path.split("run=")[1].partition("/")[0]
        found[name] = found.get(name, 0) + pq.ParquetFile(path).metadata.num_rows
    return found


@pytest.mark.spark
def test_a_later_snapshot_keeps_only_what_is_new(spark, tmp_path: Path) -> None:
    first = run(tmp_path, "first", FILES[:2])
    assert "duplicate_indexed" not in first["stages"]["decide"]["dropped"]
    assert list(entries(tmp_path).values()) == [first["stages"]["write"]["kept"]]

    second = run(tmp_path, "second", FILES)  # the first two files again, and two new ones
    again, new = ids(tmp_path / "second", "dropped", "duplicate_indexed"), ids(tmp_path / "second", "kept")
    assert ids(tmp_path / "first", "kept") <= again and new and not new & ids(tmp_path / "first", "kept")
    assert sorted(entries(tmp_path).values()) == sorted([first["stages"]["write"]["kept"], len(new)])

    before = entries(tmp_path)
    assert run(tmp_path, "first", FILES[:2])["content_hash"] == first["content_hash"], (
        "the older run is the older still"
    )
    assert run(tmp_path, "second", FILES)["content_hash"] == second["content_hash"]
    assert entries(tmp_path) == before

    stricter = run(tmp_path, "first", FILES[:2], "cutoffs=english")
    assert "duplicate_indexed" not in stricter["stages"]["decide"]["dropped"], (
        "not against itself, not against a later one"
    )
    after = entries(tmp_path)
    assert after.keys() == before.keys() and sum(after.values()) < sum(before.values()), "replaced, not added"
    assert len(list(walk(str(tmp_path / "index"), "entry.json"))) == 2


def test_an_index_of_other_parameters_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    made = plan.make(recipe.load("demo", input=FILES, output=str(tmp_path / "run"), settings=settings(tmp_path)))
    assert made.index is not None
    plan.write_json(str(tmp_path / "index/index.json"), index.identity(made.recipe.dedup))
    for other, named in (("dedup.bands=16", "bands 14, this run 16"), ("dedup.ngram=4", "ngram 5, this run 4")):
        resolved = recipe.load("demo", input=FILES, output=str(tmp_path / "run"), settings=settings(tmp_path, other))
        with pytest.raises(recipe.RecipeError, match=f"dedup.index: .*{named}.*give another folder"):
            plan.make(resolved)
    held = index.identity(made.recipe.dedup) | {"normalisation": "0"}
    plan.write_json(str(tmp_path / "index/index.json"), held)
    with pytest.raises(recipe.RecipeError, match="normalisation 0, this run "):
        plan.make(made.recipe)
