"""`curate lid` end to end on a small corpus: train, calibrate, cuts, eval with a plot, predict; and cuts in a recipe."""

import json
import random
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from curate import plan, recipe
from curate.cli import main
from curate.lid import sampling
from curate.lid.calibration import UNREACHABLE, calibrate, cuts, load_cuts
from curate.lid.comparison import plot
from curate.lid.corpus import Document, for_calibration, held_out
from curate.lid.evaluation import compare
from curate.lid.peers import Ours
from filters.ensemble import SUFFIX, Calibration
from filters.language import model_path

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "sample.jsonl.gz"
WORDS = {
    "fin": "joki on leveä täällä ja vesi kirkasta sää hyvä kylässä ihmiset viljelevät maata",
    "hi": "नदी यहाँ चौड़ी है और पानी साफ़ बहुत मौसम अच्छा गाँव में लोग खेती करते हैं",
    "ta": "ஆறு இங்கே அகலமாக உள்ளது மேலும் தண்ணீர் மிகவும் தெளிவாக வானிலை நன்றாக கிராமத்தில் மக்கள்",
}


def lid(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["lid", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As anyone would bring it: `text` and `lang`, no ids; and a class too small, and one that is none."""
    chance, path = random.Random(4), tmp_path_factory.mktemp("lid") / "labelled.jsonl"
    rows = [
        {"lang": name, "text": "\n".join(" ".join(chance.choices(words.split(), k=9)) for _ in range(4))}
        for name, words in WORDS.items()
        for _ in range(120)
    ]
    chance.shuffle(rows)
    rows += [{"lang": "xho", "text": "umlambo ubanzi apha"}] * 3 + [{"lang": "Elvish", "text": "nai hiruvalye"}] * 2
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture(scope="module")
def model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained by the command, with little text and few epochs."""
    path = tmp_path_factory.mktemp("model") / "small.ftz"
    small = {"characters": 60_000, "buckets": 600_000, "rows": 2000, "epochs": 4, "minimum_count": 2, "retrain": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling.TrainingOptions.__init__, "__kwdefaults__", _defaults() | small)
        result = lid("train", corpus, "-o", path, "--minimum", 5000)
    assert result.exit_code == 0, result.output
    assert "left out, too little text: xho_Latn (" in result.output
    assert "labels that name no language: 'Elvish' (2 documents)" in result.output and "3 classes" in result.output
    return path


def _defaults() -> dict[str, object]:
    return dict(sampling.TrainingOptions.__init__.__kwdefaults__)  # type: ignore[misc]


def test_training_leaves_a_model_a_card_and_a_calibration(model: Path) -> None:
    assert sorted(path.name for path in model.parent.iterdir()) == ["small.ftz", "small.ftz" + SUFFIX, "small.md"]
    card = model.with_suffix(".md").read_text("utf-8")
    assert "Left out, too little text: xho_Latn" in card and "|hin_Deva|" in card and "Elvish" in card


def test_models_side_by_side_as_one_table_and_a_plot(corpus: Path, model: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "f1.svg"
    result = lid("eval", corpus, "--model", model, "--model", "default", "--sentences", "--plot", drawn)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    rows = {line.split()[0]: line.split() for line in reversed(lines) if line.strip()}
    assert rows["default"][-2:] != ["–", "–"] and float(rows["default"][-1]) > 0, "texts and MB a second"
    assert len(rows["hin_Deva"]) == 2 + 2 * 3 and float(rows["hin_Deva"][4]) > 0.9
    tree = ElementTree.parse(drawn)
    texts = ["".join(each.itertext()) for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    circles = list(tree.iter("{http://www.w3.org/2000/svg}circle"))
    assert {"fin_Latn", "hin_Deva", "tam_Taml"} <= set(texts) and len(circles) == 2 + 2 * 3


def test_a_plot_escapes_what_it_is_given() -> None:
    found = compare([Document("hin_Deva", "k", ("नदी",))], {"<script>&": Ours("default", None)})
    drawn = plot(found, [frozenset({"hin_Deva"})])
    assert "<script>" not in drawn and "&lt;script&gt;&amp;" in drawn


def test_a_trained_model_votes_with_the_default(corpus: Path, model: Path) -> None:
    result = lid("eval", corpus, "--model", f"default+{model}", "--model", "default")
    assert result.exit_code == 0, result.output
    again = model.with_name(model.name + SUFFIX)
    before = again.read_bytes()
    again.unlink()
    Calibration.load.cache_clear()
    missing = lid("eval", corpus, "--model", f"default+{model}")
    assert missing.exit_code == 1 and "no calibration" in missing.stderr and missing.stderr.count("\n") == 1
    assert lid("calibrate", corpus, "--model", model).exit_code == 0
    assert again.read_bytes() == before, "what training wrote is what the command writes"


def test_cuts_reach_the_precision_asked_for(corpus: Path, model: Path, tmp_path: Path) -> None:
    written = tmp_path / "cuts.toml"
    result = lid("cuts", corpus, "--model", model, "--precision", 0.99, "-o", written)
    assert result.exit_code == 0, result.output
    stored = tomllib.loads(written.read_text("utf-8"))
    assert stored["model"] == str(model) and set(stored["cuts"]) == {"fin_Latn", "hin_Deva", "tam_Taml", "other"}
    text = tmp_path / "lines.txt"
    text.write_text("नदी यहाँ चौड़ी है और पानी साफ़\n12 34\n", "utf-8")
    rows = [json.loads(line) for line in lid("predict", text, "--model", model, "--cuts", written).output.splitlines()]
    assert [row["language"] for row in rows] == ["hin", "und"] and rows[1]["language_score"] == 0
    wrong = lid("predict", text, "--cuts", written)
    assert wrong.exit_code == 1 and f"cuts on the scores of {model}, not of default" in wrong.stderr


def _labelled(name: str, texts: list[str]) -> list[Document]:
    """As documents that calibration reads."""
    keys = (key for key in (f"{name}/{i}" for i in range(100 * len(texts))) if held_out(key) and for_calibration(key))
    return [Document(name, key, (text,)) for key, text in zip(keys, texts, strict=False)]


@pytest.fixture(scope="module")
def confused() -> list[Document]:
    """Hindi that is Hindi, and as much that is labelled Marathi, which no model can then tell."""
    hindi = [f"नदी यहाँ चौड़ी है और पानी बहुत साफ़ है {'बहुत ' * i}" for i in range(40)]
    tamil = [f"வானிலை இன்று மிகவும் நன்றாக உள்ளது {'மிகவும் ' * i}" for i in range(40)]
    return [*_labelled("hin_Deva", hindi), *_labelled("mar_Deva", hindi), *_labelled("tam_Taml", tamil)]


def test_a_language_that_is_never_that_precise_has_a_cut_above_every_score(confused: list[Document]) -> None:
    found = cuts(confused, "default", 0.9)
    assert (
        found["hin_Deva"] == UNREACHABLE
        and found["tam_Taml"] <= 1.0
        and set(found) == {"hin_Deva", "tam_Taml", "other"}
    )
    assert cuts(confused, "default", 0.4)["hin_Deva"] < 1.0


def test_a_calibration_trusts_a_model_as_far_as_it_was_right(confused: list[Document]) -> None:
    found = calibrate(confused, "default")
    assert found.precision["hin_Deva"] == pytest.approx(0.5, abs=0.05) and found.precision["tam_Taml"] > 0.95
    assert found.temperature > 2, "so sure and half of it wrong"
    with pytest.raises(ValueError, match="no held-out text in a language that default knows"):
        calibrate([], "default")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "No such file or directory; `curate lid cuts` writes such a file"),
        ("x = [", "no cuts"),
        ("[cuts]\nhin_Deva = 0.5", "no cuts (KeyError: 'model')"),
        ('model = "default"\n[cuts]\nhin_Deva = "high"', "no cuts (ValueError"),
        ('model = "lid.176"\n[cuts]\nhin_Deva = 0.5', "cuts on the scores of lid.176, not of default"),
    ],
)
def test_a_recipe_with_cuts_that_are_none_stops_before_any_work(
    tmp_path: Path, content: str | None, error: str
) -> None:
    path = tmp_path / "cuts.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(recipe.RecipeError, match=r"language\.cuts: .*cuts\.toml") as raised:
        plan.make(_recipe(tmp_path, f"language.cuts={path}"))
    assert error in str(raised.value)


def _recipe(folder: Path, *settings: str) -> recipe.Recipe:
    return recipe.load("web", input=[str(SAMPLE)], output=str(folder / "run"), settings=settings)


def test_what_a_run_is_measured_with_depends_on_cuts_and_on_every_voter(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cuts.toml"
    path.write_text('model = "default"\n[cuts]\nhin_Deva = 0.5\n')
    keys = [plan.make(_recipe(tmp_path, *each)).measure_key["language"] for each in ([], [f"language.cuts={path}"])]
    voted = plan.make(_recipe(tmp_path, f"language.model=default+{model}")).measure_key["language"]
    assert keys[1] == keys[0] | {"cuts": {"hin_Deva": 0.5}} and voted not in keys
    assert load_cuts(str(path), "default") == {"hin_Deva": 0.5}
    other = tmp_path / "other.ftz"
    other.write_bytes(model.read_bytes())
    with pytest.raises(recipe.RecipeError, match=r"language\.model: no calibration .*other\.ftz"):
        plan.make(_recipe(tmp_path, f"language.model=default+{other}"))
    Calibration(2.0).save(tmp_path / ("other.ftz" + SUFFIX))
    Calibration.load.cache_clear()
    assert plan.make(_recipe(tmp_path, f"language.model=default+{other}")).measure_key["language"] != voted


def test_a_damaged_model_stops_a_run_before_any_work(tmp_path: Path) -> None:
    cut = tmp_path / "cut.ftz"
    cut.write_bytes(model_path("default").read_bytes()[:100_000])
    with pytest.raises(recipe.RecipeError, match=r"language\.model: .*cut\.ftz is truncated or damaged") as raised:
        plan.make(_recipe(tmp_path, f"language.model={cut}"))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["train", "{0}/none*.jsonl", "-o", "{0}/m.ftz"], "no input at"),
        (["train", "{1}", "-o", "{0}/m.model"], "name it .ftz"),
        (["train", "{1}", "-o", "{0}/m.ftz", "--keep", "xho_Latn"], "a class that `keep` names needs 1,000"),
        (["eval", "{1}", "--plot", "{0}/f1.png"], "the plot is an .svg"),
        (["eval", "{1}", "--model", "gpt"], "unknown language model 'gpt': known are default, lid.176, glotlid"),
        (["calibrate", "{1}", "--model", "default+lid.176"], "unknown language model 'default+lid.176'"),
        (["cuts", "{1}", "--precision", "2", "-o", "{0}/c.toml"], "2.0 is not in the range"),
    ],
)
def test_commands_that_cannot_run_say_why(corpus: Path, tmp_path: Path, arguments: list[str], error: str) -> None:
    result = lid(*(each.format(tmp_path, corpus) for each in arguments))
    assert result.exit_code in (1, 2) and isinstance(result.exception, SystemExit)
    assert error in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())
