"""A finished run that several test files look at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from curate import recipe, stages
from curate.runfolder import read_json

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


@dataclass(frozen=True)
class JudgedTwice:
    """The sample crawl in one folder, decided by the universal cutoffs and then by the English ones."""

    root: Path
    universal: str  # fingerprints
    english: str


@pytest.fixture(scope="session")
def judged_twice(spark: object, tmp_path_factory: pytest.TempPathFactory) -> JudgedTwice:
    root = tmp_path_factory.mktemp("judged") / "run"
    fingerprints = []
    for table in ("universal", "english"):
        settings = [f"urls.blocklist=['{SAMPLES / 'blocklist'}']", f"cutoffs={table}"]
        source = [str(SAMPLES / "crawl" / "*.warc.gz")]
        stages.run(recipe.load("demo", input=source, output=str(root), settings=settings), Console(quiet=True))
        fingerprints.append(read_json(str(root / "manifest.json"))["fingerprints"]["decisions"])
    return JudgedTwice(root, *fingerprints)


@pytest.fixture
def checkpoint(spark: Any, tmp_path: Path) -> Callable[[Any, str], Any]:
    """Stores a frame below the test's folder and reads it back, as a run does in its own."""

    def store(frame: Any, name: str) -> Any:
        path = f"file://{tmp_path}/{name}"
        frame.write.mode("overwrite").parquet(path)
        return spark.read.parquet(path)

    return store
