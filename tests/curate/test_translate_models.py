"""Models that check translations in the job: what they reject, what a judgement is known by, mistakes in one line."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from curate.recipe import RecipeError
from curate.translate.asking import Asking, cutoffs
from curate.translate.models import CheckModel, CheckModels
from tests.curate.test_fluency import _rows
from translate.engine import Answer, Identity, Request, Result
from translate.fluency.model import train
from translate.request import TranslationPrompt


class Shuffling:
    """Answers each request with the next of its sentences."""

    identity = Identity("shuffling", "", {})

    def __init__(self, answers: Sequence[str]) -> None:
        self.answers = iter(answers)

    def run(self, requests: Sequence[Request]) -> list[Result]:
        return [Answer(next(self.answers), "stop", 1, 1) for _ in requests]

    def count_tokens(self, requests: Sequence[Request]) -> list[int]:
        return [1 for _ in requests]

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tam.npz"
    train(row["text"] for seed in (1, 2) for row in _rows(1500, seed)).save(path)
    return path


def test_a_disfluent_answer_is_asked_again_and_then_left(model: Path) -> None:
    native = [row["text"] for row in _rows(6, 9)]
    strange = [text[::-1] for text in native]
    found = CheckModels(fluency=CheckModel.read(f"{model}=0.99", "--fluency", needs_cutoff=False))
    answers = [native[0], strange[1], strange[2], native[1], strange[2]]  # two are asked again: one comes right
    prompt = TranslationPrompt("English", "Tamil")
    made = {**cutoffs(("length_ratio",)), **found.cutoffs}
    asking = Asking(Shuffling(answers), prompt, "eng_Latn", "tam_Taml", made, found.open())
    sources = ["An old tree was seen near the hill.", "My brother stayed in the market.", "Our team came back today."]
    rows = asking.rows(["a", "b", "c"], sources)
    assert [row and row["reason"] for row in rows] == [None, None, "disfluent"]
    assert [row and row["asked"] for row in rows] == [1, 2, 2]


def test_a_judgement_is_known_by_the_model_and_its_cutoff(model: Path, tmp_path: Path) -> None:
    def names(path: Path, cutoff: str) -> tuple[str, ...]:
        return CheckModels(fluency=CheckModel.read(f"{path}{cutoff}", "--fluency", needs_cutoff=False)).names

    copy = tmp_path / "copy.npz"
    copy.write_bytes(model.read_bytes())
    assert names(model, "") == names(copy, "")
    assert len({names(model, ""), names(model, "=0.9"), names(model, "=0.95")}) == 3
    copy.write_bytes(model.read_bytes() + b"x")
    assert names(model, "") != names(copy, "")


@pytest.mark.parametrize(
    ("text", "needs_cutoff", "says"),
    [
        ("{0}=high", False, "write --qe MODEL=CUTOFF, the cutoff a number"),
        ("{0}=nan", False, "write --qe MODEL=CUTOFF, the cutoff a number"),
        ("{0}", True, "write --qe MODEL=CUTOFF, the cutoff a number"),
        ("{0}.none=1", False, "no such model"),
    ],
)
def test_mistakes_are_one_line(model: Path, text: str, needs_cutoff: bool, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        CheckModel.read(text.format(model), "--qe", needs_cutoff=needs_cutoff)
