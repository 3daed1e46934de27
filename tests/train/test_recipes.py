"""The shipped recipes: every section is valid for the command that reads it."""

import pytest

from train.cpt import Cpt, plan
from train.embeddings import Embeddings
from train.evaluate import Evaluate
from train.merge import Merge
from train.recipe import read, shipped
from train.sft import Sft
from train.stream.stream import DataSection
from train.tokenizer import Expansion


def test_there_is_one_for_a_laptop_and_one_for_eight_gpus() -> None:
    assert shipped() == ("eight-gpus", "laptop")


@pytest.mark.parametrize("recipe", ["eight-gpus", "laptop"])
def test_every_section_is_valid(recipe: str) -> None:
    assert read(recipe, "tokenizer", Expansion)[1].keep
    assert read(recipe, "embeddings", Embeddings)[1].input.startswith("subtoken_mean")
    assert {"english"} < {source.name for source in read(recipe, "data", DataSection)[1].source}
    stages = plan(read(recipe, "cpt", Cpt)[1])
    assert len(stages) == (3 if recipe == "eight-gpus" else 1)
    assert read(recipe, "sft", Sft)[1].paths
    assert {"hindi", "english"} <= set(read(recipe, "evaluate", Evaluate)[1].texts)


def test_the_large_one_lengthens_the_context_and_merges() -> None:
    last = plan(read("eight-gpus", "cpt", Cpt)[1])[-1]
    assert (last.length, last.rope) == (16384, {"rope_theta": 5000000.0})
    assert read("eight-gpus", "merge", Merge)[1].method == "ties"
