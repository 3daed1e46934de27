"""Model folders: what does not match is named, nothing half-written is ever in place."""

import errno
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.train.models import folder, llama, tokenizer
from train.folder import check_pair, context_of, load_model, load_tokenizer, publish, save
from train.recipe import TrainError


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_saved_is_what_is_loaded(tmp_path: Path, tied: bool) -> None:
    place = folder(tmp_path / "model", tied=tied)
    model, words = load_model(place), load_tokenizer(place)
    check_pair(model, words, place)
    save(tmp_path / "again", model, words)
    again = load_model(tmp_path / "again")
    assert all((mine == theirs).all() for mine, theirs in zip(model.parameters(), again.parameters(), strict=True))
    assert context_of(place) == 128


def test_padding_rows_are_fine(tmp_path: Path) -> None:
    place = folder(tmp_path / "model", rows=len(tokenizer()) + 40)
    check_pair(load_model(place), load_tokenizer(place), place)


def test_tokens_without_a_row_are_named(tmp_path: Path) -> None:
    place = folder(tmp_path / "model", rows=len(tokenizer()) - 3)
    with pytest.raises(TrainError, match=r"the tokenizer has 400 tokens, the input matrix 397 rows"):
        check_pair(load_model(place), load_tokenizer(place), place)


def test_ties_that_the_config_denies_are_named(tmp_path: Path) -> None:
    model = llama(len(tokenizer()), tied=True)
    model.config.tie_word_embeddings = False
    with pytest.raises(TrainError, match=r"config\.json says untied"):
        check_pair(model, tokenizer(), tmp_path)


@pytest.mark.parametrize(
    ("break_", "says"),
    [
        (lambda place: (place / "config.json").unlink(), "no config.json in it"),
        (lambda place: (place / "config.json").write_text("{"), "no causal language model"),
        (lambda place: (place / "model.safetensors").write_bytes(b"\0" * 100), "no causal language model"),
        (lambda place: (place / "model.safetensors").unlink(), "no causal language model"),
    ],
)
def test_a_damaged_folder_is_one_line(tmp_path: Path, break_: object, says: str) -> None:
    place = folder(tmp_path / "model")
    break_(place)  # type: ignore[operator]
    with pytest.raises(TrainError) as error:
        load_model(place)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_tokenizer_is_one_line(tmp_path: Path) -> None:
    place = folder(tmp_path / "model")
    (place / "tokenizer.json").write_text("{}")
    with pytest.raises(TrainError, match="no tokenizer that transformers can load"):
        load_tokenizer(place)


def test_weights_as_pickle_are_refused(tmp_path: Path) -> None:
    import torch

    place = folder(tmp_path / "model")
    torch.save(load_file(place / "model.safetensors"), place / "pytorch_model.bin")
    (place / "model.safetensors").unlink()
    with pytest.raises(TrainError, match="no causal language model"):
        load_model(place)


def test_code_in_the_folder_is_not_run(tmp_path: Path) -> None:
    place = folder(tmp_path / "model")
    config = json.loads((place / "config.json").read_text())
    config |= {
        "model_type": "stranger",
        "auto_map": {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"},
    }
    (place / "config.json").write_text(json.dumps(config))
    (place / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(TrainError):
        load_model(place)
    assert not (tmp_path / "ran").exists()


def test_a_full_disk_leaves_the_folder_of_before(tmp_path: Path) -> None:
    place = folder(tmp_path / "model")
    before = (place / "model.safetensors").read_bytes()

    def write(path: Path) -> None:
        save_file({"x": next(llama(10).parameters()).detach()}, path / "model.safetensors")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TrainError, match="cannot be written: No space left on device"):
        publish(place, write)
    assert (place / "model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
