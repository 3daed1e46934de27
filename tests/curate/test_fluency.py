"""`curate fluency train`: a model of a corpus, and bad input in one line."""

import json
import random
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from curate.cli import main
from translate.fluency.model import load

_PARTS = (
    ("ஆறு", "கிராமத்துப் பெண்", "வயதான விவசாயி", "என் சகோதரன்", "பழைய மரம்", "எங்கள் அணி", "இந்தப் புத்தகம்"),
    ("நேற்று காலை", "ஒவ்வொரு ஆண்டும்", "மழைக்குப் பிறகு", "இரண்டு நாட்களுக்கு முன்", "இன்று மதியம்", "கடந்த மாதம்"),
    ("மலைக்கு அருகில்", "சந்தையின் நடுவில்", "பள்ளிக்கு முன்னால்", "வீட்டின் பின்னால்", "கோவிலில்", "சாலையோரம்"),
    ("மெதுவாக", "முதல் முறையாக", "எதிர்பாராமல்", "சத்தமின்றி"),
    ("காணப்பட்டது.", "நீண்ட நேரம் தங்கியது.", "அனைவருக்கும் நினைவில் உள்ளது.", "மீண்டும் திரும்பி வந்தது."),
)


def _rows(number: int, seed: int) -> list[dict[str, str]]:
    dice = random.Random(seed)
    return [{"text": " ".join(dice.choice(each) for each in _PARTS)} for _ in range(number)]


def train(*arguments: Path) -> Result:
    return CliRunner().invoke(main, ["fluency", "train", *map(str, arguments)])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*_rows(1500, 1), {"text": 1}]), "utf-8")
    pl.DataFrame(_rows(1500, 2)).write_parquet(folder / "b.parquet")
    return folder


def test_a_corpus_gives_a_model_that_knows_its_language(corpus: Path, tmp_path: Path) -> None:
    result = train(corpus / "a.jsonl", corpus / "b.parquet", tmp_path / "tam.npz")
    assert result.exit_code == 0, result.output
    assert "native sentences held out" in result.output
    model, native = load(tmp_path / "tam.npz"), [row["text"] for row in _rows(50, 3)]
    assert max(model.score(native)) < min(model.score([text[::-1] for text in native]))


def test_mistakes_are_one_line(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "small.jsonl").write_text(json.dumps({"text": "ஆறு நேற்று காலை காணப்பட்டது."}) + "\n", "utf-8")
    for arguments, said in {
        (tmp_path / "small.jsonl", tmp_path / "m.npz"): "too little text",
        (tmp_path / "none.jsonl", tmp_path / "m.npz"): "none.jsonl",
        (corpus / "b.parquet", tmp_path / "no" / "m.npz"): "no such folder",
    }.items():
        result = train(*arguments)
        assert result.exit_code != 0 and said in result.stderr, result.output
        assert len(result.stderr.strip().splitlines()) == 1 and not (tmp_path / "m.npz").exists()
