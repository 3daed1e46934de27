"""A real encoder-decoder model, an NLLB with random weights made here, in the environment that has torch."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"


def _python(*arguments: str) -> str:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [str(PYTHON), "-m", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not (ROOT / ".venv-vllm" / "installed").exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no .venv-vllm; `make vllm` builds it")
    folder = str(tmp_path_factory.mktemp("nllb"))
    _python("tests.translate.tiny_nllb", folder)
    return dict(json.loads(_python("tests.translate.seq2seq_checks", folder).splitlines()[-1]))


def test_a_batch_gives_what_each_text_gives_alone(found: dict[str, Any]) -> None:
    assert found["same"] == [True] * 5 and found["again"]
    assert set(found["finish"]) <= {"stop", "length"} and found["counted"] == found["prompt_tokens"]


def test_what_does_not_fit_is_not_submitted_and_odd_text_is(found: dict[str, Any]) -> None:
    assert found["long"] == "too_long" and found["odd"]


def test_mistakes_are_one_line(found: dict[str, Any]) -> None:
    assert "has no language 'tlh_Latn'; give codes of its tokenizer" in found["language"]
    assert "has no language 'tlh_Latn'" in found["source"]
    assert found["missing"].startswith("/nowhere/at/all: no model that transformers can load: ")
