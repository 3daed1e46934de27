"""The command line as a stranger meets it: help everywhere, one-line errors, plan without work."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from curate.cli import main

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples"


def commands(group: click.Group, prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in group.commands.items():
        found[(*prefix, name)] = command
        if isinstance(command, click.Group):
            found |= commands(command, (*prefix, name))
    return found


ALL = commands(main)


def run(*arguments: str) -> click.testing.Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_and_option_has_help_and_is_in_the_readme(path: tuple[str, ...]) -> None:
    command = ALL[path]
    assert command.help, "no help text"
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    if not isinstance(command, click.Group):
        assert f"curate {' '.join(path)}" in (ROOT / "README.md").read_text("utf-8"), "the README does not show it"


def test_plan_shows_the_resolved_recipe_and_the_inputs_and_does_nothing(tmp_path: Path) -> None:
    output = tmp_path / "run"
    result = run(
        *("plan", "demo", "-i", str(SAMPLES / "crawl"), "-i", str(SAMPLES / "dump.xml"), "-o", str(output)),
        *("--set", f"urls.blocklist=['{SAMPLES / 'blocklist'}']", "--set", "languages=['tha_Thai']"),
    )
    assert result.exit_code == 0, result.output
    assert 'extractor = "trafilatura"' in result.output and str(output) in result.output
    assert "screen for tha_Thai" in result.output
    rows = {
        line.split()[0]: line.split()[1]
        for line in result.output.splitlines()
        if line.startswith(("warc", "mediawiki"))
    }
    assert rows == {"warc": "4", "mediawiki": "1"}
    similar, found = (
        line.split() for line in result.output.splitlines() if line.startswith(("similarity  ", "found  "))
    )
    assert dict(zip(similar, found, strict=True))["0.8"] == "92.4%"  # 1 - (1 - 0.8^8)^14
    assert not output.exists()


@pytest.mark.spark
def test_a_pilot_estimates_the_whole(spark, tmp_path: Path) -> None:
    result = run(
        *("plan", "demo", "--pilot", "50%", "-i", str(SAMPLES / "crawl"), "-o", str(tmp_path / "run")),
        *("--set", f"urls.blocklist=['{SAMPLES / 'blocklist'}']", "--set", "limits.split_bytes=60000"),
    )
    assert result.exit_code == 0, result.output
    lines = [line.split(None, 1) for line in result.output.split("would take about")[1].strip().splitlines()]
    figures = {what: number for number, what in lines}
    records = int(figures["records"].replace(",", ""))
    assert 110 < records < 260, "175 records, scaled up from a half of the bytes"
    assert float(figures["CPU-hours to measure"]) >= 0
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("share", ["0", "x", "200%", "-1%"])
def test_a_pilot_of_no_share_is_refused(share: str) -> None:
    result = run("plan", "demo", "--pilot", share, "-i", str(SAMPLES / "sample.html"), "-o", "/nonexistent/run")
    assert result.exit_code != 0 and "write a share like 1%" in result.output


def test_lid_predicts_each_line(tmp_path: Path) -> None:
    lines = [
        "आज बाज़ार में बहुत भीड़ थी और सब्ज़ियाँ महँगी थीं",
        "வானிலை இன்று மிகவும் நன்றாக உள்ளது",
        "kal subah hum sab nadi ke kinare ghoomne jayenge",
    ]
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    result = run("lid", "predict", str(file))
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert [f"{row['language']}_{row['language_script']}" for row in rows] == ["hin_Deva", "tam_Taml", "hin_Latn"]
    assert [row["text"] for row in rows] == lines


def test_cutoffs_are_imported_and_shown(tmp_path: Path) -> None:
    config = tmp_path / "tha_Thai.yml"
    config.write_text(
        "dup_line_frac: 0.2\ndup_n_grams: [[5, 0.1]]\nlanguage_score: 0.8\nline_punct_thr: -1\nmax_avg_word_length: 9\n"
        "max_non_alpha_words_ratio: 0.7\nmin_avg_word_length: 2\nnew_line_ratio: 0.4\nstopwords: [ที่, และ]\ntop_n_grams: []\n",
        "utf-8",
    )
    output = tmp_path / "cutoffs.toml"
    assert run("cutoffs", "import", str(config), "-o", str(output)).exit_code == 0
    shown = run("cutoffs", "show", str(output)).output
    assert "language_score < 0.8" in shown and "ที่ และ" in shown and "terminal_punctuation" not in shown


@pytest.mark.parametrize("command", ["inspect", "verify", "report"])
def test_what_is_no_run_is_named(command: str, tmp_path: Path) -> None:
    result = run(command, str(tmp_path))
    assert result.exit_code == 1 and "no run folder" in result.output


def test_a_run_needs_no_extra() -> None:
    """`make demo` installs none, and an import at the top of a module would be found by no other test here."""
    extras = [
        "PIL",
        "pymupdf",
        "paddleocr",
        "uroman",
        "indic_transliteration",
        "torch",
        "transformers",
        "vllm",
        "datatrove",
        "matplotlib",
    ]
    code = f"import sys; sys.modules.update(dict.fromkeys({extras!r}))\nimport curate.cli, curate.stages, curate.translate.job"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr[-1000:]
