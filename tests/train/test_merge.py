"""Each merging method against its formula written out entry by entry; folders of equal and of different vocabularies."""

import io
import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from tests.train.models import folder, llama, tokenizer
from train.merge import Merge, Part, merge_folders
from train.merging import tensors as tensor_files
from train.merging.methods import dare, linear, slerp, task_arithmetic, ties
from train.recipe import Run, TrainError

DRAW = torch.Generator().manual_seed(7)
BASE, FIRST, SECOND, THIRD = (torch.randn(6, 5, generator=DRAW) for _ in range(4))
MODELS, WEIGHTS = (FIRST, SECOND, THIRD), (1.0, 0.5, 2.0)


def test_linear_is_the_weighted_mean() -> None:
    expected = (FIRST * 1.0 + SECOND * 0.5 + THIRD * 2.0) / 3.5
    torch.testing.assert_close(linear(MODELS, WEIGHTS), expected)


def test_slerp_goes_round_the_sphere() -> None:
    a, b = FIRST / FIRST.norm(), SECOND / SECOND.norm()
    for t in (0.0, 0.25, 0.5, 1.0):
        found = slerp(a, b, t)
        assert float(found.norm()) == pytest.approx(1.0, abs=1e-5)
        angle = math.acos(float((a * b).sum()))
        assert math.acos(min(1.0, float((a * found).sum()))) == pytest.approx(t * angle, abs=1e-3)


def test_slerp_of_nearly_parallel_or_zero_tensors_is_a_straight_line() -> None:
    torch.testing.assert_close(slerp(FIRST, FIRST * 1.001, 0.5), FIRST * 1.0005)
    torch.testing.assert_close(slerp(torch.zeros(3), torch.ones(3), 0.5), torch.full((3,), 0.5))


def test_task_arithmetic_adds_task_vectors() -> None:
    expected = BASE + 0.7 * (1.0 * (FIRST - BASE) + 0.5 * (SECOND - BASE) + 2.0 * (THIRD - BASE))
    torch.testing.assert_close(task_arithmetic(BASE, MODELS, WEIGHTS, scale=0.7), expected)


def test_ties_entry_by_entry() -> None:
    density, scale = 0.4, 0.9
    kept = round(density * BASE.numel())
    taus = []
    for model in MODELS:
        tau = (model - BASE).flatten().tolist()
        least = sorted((abs(value) for value in tau), reverse=True)[kept - 1]
        taus.append([value if abs(value) >= least else 0.0 for value in tau])
    expected, disagreed = [], 0
    for place, start in enumerate(BASE.flatten().tolist()):
        column = [(tau[place], weight) for tau, weight in zip(taus, WEIGHTS, strict=True)]
        sign = math.copysign(1, sum(value * weight for value, weight in column))
        agreeing = [(value, weight) for value, weight in column if value * sign > 0]
        disagreed += any(value * sign < 0 for value, _ in column)
        mean = sum(v * w for v, w in agreeing) / sum(w for _, w in agreeing) if agreeing else 0.0
        expected.append(start + scale * mean)
    assert disagreed > 2
    found = ties(BASE, MODELS, WEIGHTS, scale=scale, density=density)
    torch.testing.assert_close(found.flatten(), torch.tensor(expected))


def test_dare_keeps_a_share_and_the_expectation() -> None:
    tau = torch.full((400, 500), 0.5)
    base = torch.zeros_like(tau)
    found = dare(base, [tau], [1.0], scale=1.0, density=0.2, draw=torch.Generator().manual_seed(1))
    assert set(found.unique().tolist()) == {0.0, 2.5}
    assert float((found != 0).float().mean()) == pytest.approx(0.2, abs=0.004)
    assert float(found.mean()) == pytest.approx(0.5, abs=0.01)


def _merge(tmp_path: Path, base: Path, *paths: Path, weights: tuple[float, ...] = (), **section: object) -> dict[str, torch.Tensor]:  # fmt: skip
    parts = tuple(Part(path=str(path), weight=w) for path, w in zip(paths, weights or (1.0,) * len(paths), strict=True))
    settings = Merge.model_validate({"models": parts, **section})
    place = merge_folders(Run(base, tmp_path / "run", 1), settings, Console(file=io.StringIO()))
    AutoModelForCausalLM.from_pretrained(place)
    return dict(load_file(place / "model.safetensors"))


@pytest.mark.parametrize("method", ["linear", "slerp", "task_arithmetic", "ties", "dare"])
@pytest.mark.parametrize("tied", [True, False])
def test_folders_are_merged_by_every_method(tmp_path: Path, method: str, tied: bool) -> None:
    base, first, second = (folder(tmp_path / str(seed), tied=tied, seed=seed) for seed in (1, 2, 3))
    found = _merge(tmp_path, base, first, second, method=method)
    inputs = [load_file(path / "model.safetensors") for path in (base, first, second)]
    assert set(found) == set(inputs[0])
    for name, tensor in found.items():
        assert tensor.shape == inputs[0][name].shape
        assert "norm" in name or not any((tensor == other[name]).all() for other in inputs)
    if method == "linear":
        name = "model.layers.1.mlp.up_proj.weight"
        torch.testing.assert_close(found[name], (inputs[1][name] + inputs[2][name]) / 2)


def _extended(path: Path, *, seed: int, words: tuple[str, ...]) -> Path:
    """A model whose tokenizer has words more; rows of its own."""
    extended = tokenizer()
    extended.add_tokens([AddedToken(word, normalized=False) for word in words])
    llama(len(extended), tied=False, seed=seed).save_pretrained(path)
    extended.save_pretrained(path)
    return path


@pytest.mark.parametrize("method", ["linear", "task_arithmetic", "ties"])
def test_rows_are_aligned_by_token_not_by_number(tmp_path: Path, method: str) -> None:
    """नदी is row 400 of the first model and 401 of the second; கரை only the first has; the base has neither."""
    base = folder(tmp_path / "base", tied=False, seed=1)
    first = _extended(tmp_path / "first", seed=2, words=("नदी", "கரை"))
    second = _extended(tmp_path / "second", seed=3, words=("دریا", "नदी"))
    found = _merge(tmp_path, base, first, second, method=method, weights=(1.0, 3.0), density=1.0)
    rows = len(tokenizer())
    a, b, zero = (load_file(path / "model.safetensors") for path in (first, second, base))
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        assert found[name].shape[0] == rows + 2
        torch.testing.assert_close(found[name][rows + 1], a[name][rows + 1])  # கரை: the second has no say
        if method == "linear":
            torch.testing.assert_close(found[name][rows], (a[name][rows] + 3 * b[name][rows + 1]) / 4)
            torch.testing.assert_close(found[name][:rows], (a[name][:rows] + 3 * b[name][:rows]) / 4)
        if method == "task_arithmetic":
            start = zero[name]
            expected = start + (a[name][:rows] - start) + 3 * (b[name][:rows] - start)
            torch.testing.assert_close(found[name][:rows], expected)


def test_unrelated_vocabularies_are_refused(tmp_path: Path) -> None:
    first = folder(tmp_path / "first", tied=False)
    other = folder(tmp_path / "other", tied=False)
    raw = json.loads(tokenizer().backend_tokenizer.to_str())
    raw["model"]["vocab"] = {f"x{token}": number for token, number in raw["model"]["vocab"].items()}
    raw["model"]["merges"], raw["added_tokens"] = [], []
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(raw))).save_pretrained(other)
    with pytest.raises(TrainError, match="models of unrelated tokenizers are not merged"):
        _merge(tmp_path, first, first, other, method="linear")


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    tied, untied = folder(tmp_path / "tied", tied=True), folder(tmp_path / "untied", tied=False)
    with pytest.raises(TrainError, match=r"no tensor lm_head\.weight, which the others have \(one is tied"):
        _merge(tmp_path, tied, tied, untied)
    wide = tmp_path / "wide"
    llama(len(tokenizer()), tied=True, width=64).save_pretrained(wide)
    tokenizer().save_pretrained(wide)
    with pytest.raises(TrainError, match=r"model\.embed_tokens\.weight is \[400, 64\]"):
        _merge(tmp_path, tied, tied, wide)


def test_nan_in_a_checkpoint_is_named(tmp_path: Path) -> None:
    first, second = folder(tmp_path / "first"), folder(tmp_path / "second", seed=2)
    tensors = load_file(second / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, second / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainError, match=r"second: model\.norm\.weight holds NaN"):
        _merge(tmp_path, first, first, second)
    assert not (tmp_path / "run" / "merge").exists()


def test_slerp_of_three_is_refused() -> None:
    with pytest.raises(ValueError, match="slerp is between two models, not 3"):
        Merge(method="slerp", models=tuple(Part(path=name) for name in "abc"))


def test_many_shards_are_read_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = folder(tmp_path / "first"), folder(tmp_path / "second", seed=2)
    whole = _merge(tmp_path, first, first, second)
    model = AutoModelForCausalLM.from_pretrained(second)
    (second / "model.safetensors").unlink()
    model.save_pretrained(second, max_shard_size="40KB")
    assert (second / "model.safetensors.index.json").is_file()
    monkeypatch.setattr(tensor_files, "SHARD_BYTES", 30_000)
    shutil.rmtree(tmp_path / "run")
    parts = tuple(Part(path=str(path)) for path in (first, second))
    place = merge_folders(Run(first, tmp_path / "run", 1), Merge(models=parts), Console(file=io.StringIO()))
    assert len(list(place.glob("model-*.safetensors"))) > 1
    for name, tensor in AutoModelForCausalLM.from_pretrained(place).state_dict().items():
        if name in whole:
            assert (tensor == whole[name]).all()
