"""The notebooks run from top to bottom on the sample crawl, and the committed ones are as they should be."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from pyspark.sql import SparkSession
from rich.console import Console

from curate import calibrate, plan, recipe, stages
from thresholds.table import CutoffTable

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples"
NOTEBOOKS = sorted((ROOT / "thresholds" / "notebooks").glob("*.ipynb"))
LANGUAGE = "hin_Deva"
PLOTS = {"01_look_at_a_language": 2, "02_compare_the_methods": 2, "03_settle_a_cutoff": 1}

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def runs(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(the sample crawl, a reference: what of it was kept in two languages, measured again).

    What calibration asks for is stored, as after `curate calibrate`; what previews ask for is left to the notebook.
    """
    folder = tmp_path_factory.mktemp("notebooks")
    crawl, reference = folder / "crawl", folder / "reference"
    kept = [crawl / "kept" / label / "*.parquet" for label in (LANGUAGE, "eng_Latn")]
    for name, source, output, setting in (
        ("demo", [SAMPLES / "crawl" / "*.warc.gz"], crawl, f"urls.blocklist=['{SAMPLES / 'blocklist'}']"),
        ("web", kept, reference, "dedup.enabled=false"),
    ):
        made = recipe.load(name, input=[str(path) for path in source], output=str(output), settings=[setting])
        stages.run(made, Console(quiet=True))
    calibrate.evidence(lambda: spark, [plan.opened(str(crawl))], [plan.opened(str(reference))])
    return crawl, reference


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text("utf-8"))["cells"]


def executed(path: Path, crawl: Path, reference: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs, its parameters put to these runs; a cell that fails raises."""
    book = nbformat.read(path, 4)
    cell = next(cell for cell in book.cells if "parameters" in cell.metadata.get("tags", []))
    for name, value in {"RUN": str(crawl), "REFERENCE": str(reference), "LANGUAGE": LANGUAGE}.items():
        cell.source, replaced = re.subn(rf"^{name} = .*$", f"{name} = {value!r}", cell.source, flags=re.MULTILINE)
        assert replaced == 1, name
    resources = {"metadata": {"path": str(path.parent)}}  # where Jupyter starts it
    return NotebookClient(book, timeout=120, kernel_name="python3", resources=resources).execute()


def outputs(book: nbformat.NotebookNode, kind: str) -> list[str]:
    found = (output.get("data", {}) for cell in book.cells for output in cell.get("outputs", []))
    return [data[kind] for data in found if kind in data]


@pytest.mark.spark
@each
def test_it_runs_from_top_to_bottom(path: Path, runs: tuple[Path, Path]) -> None:
    crawl, reference = runs
    book = executed(path, crawl, reference)
    errors = [output for cell in book.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    warned = [
        output.text for cell in book.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"
    ]
    assert not errors and not warned
    assert len(outputs(book, "image/png")) == PLOTS[path.stem]
    assert outputs(book, "text/html")
    if path.stem != "02_compare_the_methods":
        documents = "".join(html for html in outputs(book, "text/html") if 'dir="auto"' in html)
        assert documents.count("<tr>") >= 5 and re.search("[ऀ-ॿ]{3}", documents)
        assert not re.search(r"<(?!/?(table|thead|tbody|tr|th|td|mark)\b)", documents)
    if path.stem == "03_settle_a_cutoff":
        before, after = (CutoffTable.load(file) for file in (crawl / "cutoffs.toml", Path(f"{crawl}-cutoffs.toml")))
        changed = set(after.of(LANGUAGE).rules) - set(before.of(LANGUAGE).rules)
        assert [rule.provenance.method for rule in changed] == ["given"]
        assert all(rule.provenance.reference and rule.provenance.removed_crawl for rule in changed)


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(PLOTS)


@each
def test_no_output_is_committed(path: Path) -> None:
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    assert all(set(cell["metadata"]) <= {"tags"} for cell in cells(path))


@each
def test_it_begins_with_its_question_and_its_parameters(path: Path) -> None:
    first, second, *_ = cells(path)
    assert first["cell_type"] == "markdown"
    assert re.fullmatch(r"# [A-Z][^.?!]*\?\n", first["source"][0])
    assert second["metadata"]["tags"] == ["parameters"]
    assert [line.split(" = ")[0] for line in second["source"][:3]] == ["RUN", "REFERENCE", "LANGUAGE"]
    assert 'RUN = "runs/demo"' in second["source"][0] and LANGUAGE in second["source"][2]


@each
def test_nothing_is_defined_in_it(path: Path) -> None:
    source = "\n".join("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code")
    assert not re.search(r"^\s*(async def|def|class) ", source, flags=re.MULTILINE)
