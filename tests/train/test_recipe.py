"""Every mistake in a recipe is one line with the file, the key and what would be right."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from train.recipe import Section, TrainError, command, read


class Settings(Section):
    steps: int = 3
    rates: tuple[float, ...] = ()


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "hindi.toml"
    path.write_text('base = "models/base"\noutput = "runs/hindi"\n[cpt]\nsteps = 7\nrates = [0.1, 0.2]\n')
    return str(path)


def test_a_command_reads_its_own_section(recipe: str) -> None:
    run, settings = read(recipe, "cpt", Settings)
    assert (run.base, run.output, run.seed) == (Path("models/base"), Path("runs/hindi"), 1)
    assert settings == Settings(steps=7, rates=(0.1, 0.2))
    assert read(recipe, "sft", Settings)[1] == Settings()


def test_settings_go_over_the_recipe(recipe: str) -> None:
    run, settings = read(recipe, "cpt", Settings, ["cpt.steps=9", "base=elsewhere", "cpt.rates=[1.0]", "seed=5"])
    assert (settings.steps, settings.rates, run.base, run.seed) == (9, (1.0,), Path("elsewhere"), 5)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("cpt.stepz=1", "cpt.stepz: unknown key; the keys are steps, rates"),
        ("cpt.steps=many", "cpt.steps: Input should be a valid integer, not many"),
        ("cptt.steps=1", "cptt: unknown key; the keys are base, output, seed, tokenizer, embeddings"),
        ("steps", "write KEY=VALUE"),
        ("base.x=1", "base is no section"),
    ],
)
def test_a_mistake_is_one_line(recipe: str, setting: str, says: str) -> None:
    with pytest.raises(TrainError) as error:
        read(recipe, "cpt", Settings, [setting])
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_recipe_that_is_not_there_names_the_shipped_ones() -> None:
    with pytest.raises(TrainError, match="no such file, and no shipped recipe; shipped: "):
        read("nowhere.toml", "cpt", Settings)


def test_broken_toml_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("base = \n")
    with pytest.raises(TrainError, match=r"recipe .*broken\.toml: Invalid value"):
        read(str(path), "cpt", Settings)


def test_a_command_ends_with_one_line_and_code_2(recipe: str) -> None:
    def work(recipe: str, settings: tuple[str, ...]) -> None:
        """Does nothing."""
        read(recipe, "cpt", Settings, settings)

    assert CliRunner().invoke(command(work), [recipe]).exit_code == 0
    result = CliRunner().invoke(command(work), [recipe, "--set", "cpt.steps=x"])
    assert result.exit_code == 2
    assert result.stderr == f"Error: recipe {recipe}: cpt.steps: Input should be a valid integer, not x\n"


def test_a_step_starts_from_the_newest_folder_before_it(recipe: str, tmp_path: Path) -> None:
    run, _ = read(recipe, "cpt", Settings, [f"output={tmp_path}"])
    assert run.before("sft", "embeddings", "cpt") == run.base
    for step in ("embeddings", "cpt"):
        (tmp_path / step).mkdir()
        (tmp_path / step / "config.json").write_text("{}")
        assert run.before("sft", "embeddings", "cpt") == tmp_path / step
