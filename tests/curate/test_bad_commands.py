"""Mistakes on the command line are one line before any work; a full disk is one too, and the same command goes on."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import curate.session
from curate.cli import main

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples"
SAMPLE = SAMPLES / "sample.jsonl.gz"


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(recipe: object) -> None:
        raise AssertionError("Spark was started for a command that cannot run")

    monkeypatch.setattr(curate.session, "session", refuse)
    monkeypatch.setattr("curate.stages.session", refuse)


def recipe_file(folder: Path, *lines: str) -> str:
    path = folder / "recipe.toml"
    path.write_text("\n".join([f'input = ["{SAMPLE}"]', f'output = "{folder / "run"}"', *lines]), "utf-8")
    return str(path)


def error_of(*arguments: str) -> str:
    """What `curate` says on stderr, which must be a line, of a command that must fail."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (1, 2), (result.exit_code, result.output, result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


@pytest.mark.parametrize(
    "line, error",
    [
        ("extracter = 'plain'", "recipe.toml: unknown key 'extracter'; known: input, output, format, languages"),
        (
            "[extract]\nextracter = 'plain'",
            "unknown key 'extract.extracter'; known: extractor, screen, timeout_seconds",
        ),
        ("[dedup]\nngram = 'five'", "dedup.ngram = 'five': input should be a valid integer"),
        ("[extract]\ntimeout_seconds = -1", "extract.timeout_seconds = -1: input should be greater than 0"),
        ("languages = ['hindi']", "languages.0 = 'hindi': string should match pattern"),
        ("[extract]\nextractor = 'regex'", "'regex': input should be 'trafilatura', 'resiliparse' or 'plain'"),
        (
            "cutoffs = 'englisch'",
            "cutoffs englisch: no such file, and no shipped table; shipped: english, universal, setu",
        ),
        ("cutoffs = 'no/such.toml'", "cutoffs no/such.toml: no such file"),
        (
            "[language]\nmodel = 'gpt'",
            "language.model: unknown language model 'gpt': known are default, lid.176, glotlid",
        ),
        ("[language]\nmodel = '/no/such.bin'", "language.model: language model '/no/such.bin': no file /no/such.bin"),
        ("[urls]\nblocklist = ['/no/such']", "urls.blocklist: no blocklist at /no/such: a file of hosts, or a folder"),
        ("[words]\nflagged = '/no/such'", "words.flagged: /no/such: no <lang_Script>.txt files"),
        ("input = ['again'", "not TOML"),
    ],
)
def test_a_recipe_that_cannot_run(no_spark: None, tmp_path: Path, line: str, error: str) -> None:
    for command in ("run", "plan"):
        assert error in error_of(command, recipe_file(tmp_path, line))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments, error",
    [
        (["--input", "{}/*.warc.gz"], "*.warc.gz: no file matches"),
        (["--input", "{}/missing.warc.gz"], "missing.warc.gz: no such file or folder"),
        (["--input", "{}/folder.warc.gz"], "folder.warc.gz: no file matches"),
        (
            ["--input", "nosuch://bucket/x"],
            "nosuch://bucket/x: cannot be listed: ValueError: Protocol not known: nosuch",
        ),
        (["--set", "nonsense"], "--set nonsense: write it as key=value"),
        (["--set", "output.x=1"], "output is no section of a recipe"),
        (["--set", "extract.timeout_seconds=fast"], "extract.timeout_seconds = 'fast': input should be a valid number"),
        (["--output", "{}/file"], "is a file; a run needs a folder of its own"),
        (["--output", "{}/foreign"], "is not empty and holds no run"),
    ],
)
def test_arguments_that_cannot_run(no_spark: None, tmp_path: Path, arguments: list[str], error: str) -> None:
    (tmp_path / "folder.warc.gz").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    assert error in error_of("run", recipe_file(tmp_path), *(part.format(tmp_path) for part in arguments))
    assert (tmp_path / "file").read_text() == (tmp_path / "foreign" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "run").exists()


def test_an_unknown_recipe_names_the_shipped_ones(no_spark: None, tmp_path: Path) -> None:
    assert "no such file, and no shipped recipe; shipped: demo" in error_of("run", str(tmp_path / "recipe.toml"))
    assert error_of("run", str(tmp_path)).startswith(f"recipe {tmp_path}: cannot be read")


def test_no_run_to_verify(tmp_path: Path) -> None:
    for command in ("verify", "report", "inspect"):
        assert "no run folder: it has no manifest.json" in error_of(command, str(tmp_path))


def test_a_mistake_is_a_line_of_the_real_process_too(tmp_path: Path) -> None:
    start = time.monotonic()
    done = command(recipe_file(tmp_path, "extracter = 1"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert time.monotonic() - start < 30


def command(*arguments: str, wrapper: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    line = [*wrapper, sys.executable, "-m", "curate.cli", "run", *arguments, "--set", "spark.master=local[1]"]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300)


# --- a full disk ---------------------------------------------------------------------------------------------------

NAMESPACE = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")))
# A private mount, gone with the process. $1 the disk, $2 its size at first; the command runs on it, and again with room.
SCRIPT = """
disk="$1"; size="$2"; shift 2
mount -t tmpfs -o size="$size" tmpfs "$disk" || exit 99
"$@" 2>"$disk.full"
test $? = 1 || exit 98
mount -o remount,size=64m "$disk" && "$@" 2>"$disk.room" && cp -r "$disk/run" "$disk.run"
"""


def run_arguments(folder: Path, output: Path) -> list[str]:
    return [recipe_file(folder, "dedup.enabled = false"), "--output", str(output)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    done = command(*run_arguments(folder, folder / "run"))
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.mkdir()
    probe = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", str(path)]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    return path


def content(run: Path) -> Counter[tuple[str, str, str]]:
    rows: Counter[tuple[str, str, str]] = Counter()
    for part, columns in (("kept", ["id", "text"]), ("dropped", ["id", "reason"])):
        for path in (run / part).glob("**/*.parquet"):
            table = pq.ParquetFile(path).read(columns)
            rows.update((part, *row) for row in zip(*(table[name].to_pylist() for name in columns), strict=True))
    return rows


def stored(folder: Path) -> int:
    """Bytes of the files below, in whole pages."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())


def room_until(stage: str, measured: int) -> int:
    """Bytes of a disk that fills in a stage: beside documents/ lie run.json, the decisions and their checksums."""
    return {"measure": measured // 2, "decide": measured + (8 << 10), "write": measured + (20 << 10)}[stage]


@pytest.mark.spark
@pytest.mark.parametrize(
    "stage",
    [
        "measure",
        "decide",
        "write",
    ],
)
def test_a_full_disk_is_one_line_and_with_room_the_same_command_ends_the_run(
    whole: Path, disk: Path, tmp_path: Path, stage: str
) -> None:
    size = room_until(stage, stored(whole / "documents"))
    line = [sys.executable, "-m", "curate.cli", "run", *run_arguments(tmp_path, disk / "run")]
    script = [*NAMESPACE, "sh", "-c", SCRIPT, "sh", str(disk), str(size), *line, "--set", "spark.master=local[1]"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, (done.stderr, Path(f"{disk}.full").read_text())
    error = Path(f"{disk}.full").read_text()
    assert error.startswith("Error: ") and error.count("\n") == 1 and "No space left on device" in error
    again = content(Path(f"{disk}.run"))
    assert again == content(whole) and len(again) > 10
